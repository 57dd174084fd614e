"""The a=crypto attribute: which SRTP suite, and the key in the line itself (RFC 4568 s.4, s.6, s.9).

Only what SRTP of this lab can do is read: the two AES_CM_128 suites, one key, no session parameters. Must not know who
offers and who answers. A repr never shows a key.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final, NamedTuple

AES_80: Final = "AES_CM_128_HMAC_SHA1_80"
AES_32: Final = "AES_CM_128_HMAC_SHA1_32"
SUITES: Final = (AES_80, AES_32)
KEY_BYTES: Final = 30
"""Master key and salt, one after the other (s.6.2)."""
_MAX_TAG: Final = 999_999_999


class Crypto(NamedTuple):
    """One a=crypto line: ``key`` is the sender's, 30 octets."""

    tag: int
    suite: str
    key: bytes

    def __repr__(self) -> str:
        return f"Crypto({self.tag}, {self.suite})"

    @property
    def text(self) -> str:
        """The text after ``a=``."""
        return f"crypto:{self.tag} {self.suite} inline:{base64.b64encode(self.key).decode()}"


def read_crypto(value: str) -> Crypto | None:
    """Read what stands behind ``crypto:``; None for a suite or parameter that we do not speak, and for nonsense.

    A lifetime is let pass: no call here lasts 2^48 packets. A master key identifier is not: packets would carry it.
    """
    words = value.split()
    if len(words) != 3 or not words[0].isascii() or not words[0].isdigit() or words[1] not in SUITES:
        return None
    tag = int(words[0]) if len(words[0]) <= 9 else _MAX_TAG + 1
    method, _, information = words[2].partition(":")
    key, *rest = information.split("|")
    if method.lower() != "inline" or tag > _MAX_TAG or any(":" in each for each in rest) or ";" in information:
        return None
    try:
        octets = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        return None
    return Crypto(tag, words[1], octets) if len(octets) == KEY_BYTES else None


def first_common(values: tuple[str, ...]) -> Crypto | None:
    """Return the first line that we speak: the offerer's most preferred (s.5.1.2)."""
    return next((crypto for crypto in map(read_crypto, values) if crypto is not None), None)
