"""Keeps media keys out of the journal: the inline keys of RFC 4568 s.9.1 are blotted out, dot for byte.

What else a message says is not its business.
"""

from __future__ import annotations

import re

MARK = b"\na=crypto:"
"""What a message with keys contains; searched from the end, where the body is, this costs a fifth of a microsecond."""

_INLINE_KEY = re.compile(rb"(inline:)([^|;\s]+)")
_CRYPTO_LINE = re.compile(rb"^a=crypto:[^\r\n]*", re.MULTILINE)


def without_keys(data: bytes) -> bytes:
    """Return the message with its ``a=crypto`` keys blotted out, every other byte in its place."""
    return _CRYPTO_LINE.sub(_blot, data)


def _blot(line: re.Match[bytes]) -> bytes:
    return _INLINE_KEY.sub(lambda key: key[1] + b"." * len(key[2]), line[0])
