"""The side that challenges: nonces that carry their own proof, nonce counts in bounded memory (RFC 7616 s.3.3 to
s.3.6, s.5.4, s.5.5).

Must not know users, messages or which requests are challenged.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from enum import Enum
from hmac import compare_digest
from typing import NamedTuple

from voxlab.base.errors import SipSyntaxError, VoxlabError
from voxlab.base.ids import Ids
from voxlab.sip.digest import Challenge, Credentials, base_algorithm, ha1, is_supported, response
from voxlab.sip.uri import Uri

_STAMP_DIGITS = 12
_SALT_DIGITS = 8
_BODY_DIGITS = _STAMP_DIGITS + _SALT_DIGITS
_MAC_BYTES = 12
_TAG_BYTES = 4
_TOLD_DIGITS = _BODY_DIGITS + 2 * _TAG_BYTES
_NC_WINDOW = 64
_EIGHT_HEX = re.compile("[0-9A-Fa-f]{8}").fullmatch


class Outcome(Enum):
    """What became of credentials."""

    OK = "ok"
    STALE = "stale"
    """The password is right, the nonce is not (any more): challenge again with stale=true."""
    WRONG = "wrong"
    REPLAY = "replay"
    """The password is right, but this nonce count was used before."""


class Verdict(NamedTuple):
    """The outcome, a sentence for the journal, and whether it was a guess: nothing was wrong but the user or the
    password. Only guesses count for a lock-out.
    """

    outcome: Outcome
    reason: str
    is_guess: bool = False

    @property
    def ok(self) -> bool:
        """Whether the request may go on."""
        return self.outcome is Outcome.OK


_OK = Verdict(Outcome.OK, "authenticated")


class DigestServer:
    """Challenges and verifies for one realm.

    A challenge costs no memory: its nonce is a time stamp, a salt, a keyed hash of both, and a short one that says whom
    it went to. What is remembered is
    which nonce counts of a nonce have been used, for at most ``tracked_nonces`` nonces; the rest have to be answered
    anew (stale).

    Parameters
    ----------
    realm : str
        The protection space, shown to users (RFC 3261 s.22.1).
    ids : Ids
        Draws key, salts and the HA1 of users who do not exist.
    algorithms : sequence of str
        Challenged in this order. RFC 8760 s.2.4 wants the strongest first; phones and SIPp before 2020 read only the
        first header field and only MD5,
        so MD5 alone is the default; ``("SHA-256", "MD5")`` serves clients that follow RFC 8760.
    nonce_lifetime_s : float
        How long a nonce may be answered.
    qop : sequence of str
        Offered qualities of protection; an empty sequence challenges as RFC 2069 did, and each nonce then works once.
    tracked_nonces : int
        Bound on the memory for nonce counts.
    """

    def __init__(
        self,
        realm: str,
        ids: Ids,
        *,
        algorithms: Sequence[str] = ("MD5",),
        nonce_lifetime_s: float = 300.0,
        qop: Sequence[str] = ("auth",),
        tracked_nonces: int = 100_000,
    ) -> None:
        unknown = [name for name in algorithms if not is_supported(name)]
        if unknown or not algorithms:
            raise VoxlabError(f"digest algorithms {unknown or 'none'} cannot be challenged")
        self.realm = realm
        self.algorithms = tuple(algorithms)
        self._offered = frozenset(name.upper() for name in algorithms)
        self._qop = tuple(qop)
        self._lifetime_ms = int(nonce_lifetime_s * 1000)
        self._ids = ids
        self._key = bytes.fromhex(ids.nonce() + ids.nonce())
        self._nobody = {base_algorithm(name): ha1(ids.nonce(), realm, ids.nonce(), name) for name in algorithms}
        self._tracked_max = tracked_nonces
        self._used: dict[str, tuple[int, int]] = {}  # nonce -> highest count, bits of the counts below it
        self._floor_ms = -1  # a nonce of this time or before that is not tracked may have been forgotten

    def challenge(self, now: float, stale: bool = False, audience: str = "") -> list[str]:
        """Return one header value per algorithm, all with the same fresh nonce, for whoever is at ``audience``."""
        nonce = self._nonce(now, audience)
        return [str(Challenge(self.realm, nonce, name, self._qop, stale)) for name in self.algorithms]

    def verify(
        self,
        credentials: Credentials,
        method: str,
        uri: str,
        ha1_lookup: Callable[[str, str], str | None],
        now: float,
        body: bytes = b"",
        audience: str = "",
    ) -> Verdict:
        """Judge the credentials of somebody at ``audience``.

        A nonce that is not ours, or went elsewhere, is stale whatever the answer (RFC 7616 s.3.3): whether that was
        right would tell a guesser what no lock-out counts. A device that has moved answers the new one.

        ``ha1_lookup(username, algorithm)`` answers the HA1 for "MD5" or "SHA-256", None for nobody; nobody is
        verified against an HA1 of our own drawing, so that the time tells nothing (RFC 7616 s.5.8).
        """
        stamp_ms = self._stamp_ms(credentials.nonce)
        fault = self._mismatch(credentials, uri)
        if fault:
            return Verdict(Outcome.WRONG, fault)
        if stamp_ms is None:
            return Verdict(Outcome.STALE, "the nonce is not of our making")
        if not self._went_to(credentials.nonce, audience):
            return Verdict(Outcome.STALE, "the nonce went to another address")
        if not self._answers(credentials, method, ha1_lookup, body):
            return Verdict(Outcome.WRONG, "the user is unknown or the password wrong", is_guess=True)
        if not 0 <= int(now * 1000) - stamp_ms <= self._lifetime_ms:
            return Verdict(Outcome.STALE, "the nonce is too old")
        return self._count(credentials, stamp_ms)

    def _mismatch(self, credentials: Credentials, uri: str) -> str:
        if credentials.realm != self.realm:
            return f"the realm is {credentials.realm[:80]!r}, not {self.realm!r}"
        if credentials.algorithm.upper() not in self._offered:
            return f"algorithm {credentials.algorithm[:20]!r} was not offered"
        if credentials.qop is not None and credentials.qop not in self._qop:
            return f"qop {credentials.qop[:20]!r} was not offered"
        if credentials.qop is None and self._qop and "MD5" not in self._offered:
            return "qop is missing"  # RFC 8760 s.2.6: only MD5 may go without
        if credentials.uri != uri and not same_target(credentials.uri, uri):
            return f"the uri parameter {credentials.uri[:80]!r} names another target than the Request-URI"
        return ""

    def _answers(
        self, credentials: Credentials, method: str, ha1_lookup: Callable[[str, str], str | None], body: bytes
    ) -> bool:
        algorithm = base_algorithm(credentials.algorithm)
        known = ha1_lookup(credentials.username, algorithm)
        expected = response(
            known or self._nobody[algorithm],
            method,
            credentials.uri,
            credentials.nonce,
            algorithm=credentials.algorithm,
            qop=credentials.qop,
            nc=credentials.nc,
            cnonce=credentials.cnonce,
            body=body,
        )
        given = credentials.response.lower().encode("utf-8", "surrogateescape")
        return compare_digest(expected.encode(), given) and known is not None

    def _count(self, credentials: Credentials, stamp_ms: int) -> Verdict:
        """Use up one nonce count; counts may come out of order within a window (RFC 7616 s.5.12 warns of replay)."""
        used = self._used.get(credentials.nonce)
        count = _nonce_count(credentials)
        if count < 1:
            return Verdict(Outcome.WRONG, "the nonce count is no hexadecimal number from 1")
        if used is None:
            if stamp_ms <= self._floor_ms:
                return Verdict(Outcome.STALE, "the nonce was forgotten")
            self._remember(credentials.nonce, count)
            return _OK
        if credentials.qop is None:
            return Verdict(Outcome.STALE, "a nonce without qop works once")
        highest, below = used
        if count > highest:
            self._used[credentials.nonce] = (count, _shifted(below, count - highest))
            return _OK
        bit = 1 << (highest - count)
        if highest - count >= _NC_WINDOW or below & bit:
            return Verdict(Outcome.REPLAY, f"nonce count {credentials.nc} was used before")
        self._used[credentials.nonce] = (highest, below | bit)
        return _OK

    def _remember(self, nonce: str, count: int) -> None:
        if len(self._used) >= self._tracked_max:
            oldest = next(iter(self._used))
            del self._used[oldest]
            self._floor_ms = max(self._floor_ms, int(oldest[:_STAMP_DIGITS], 16))
        self._used[nonce] = (count, 1)

    def _nonce(self, now: float, audience: str) -> str:
        text = f"{int(now * 1000):0{_STAMP_DIGITS}x}{self._ids.uint32():0{_SALT_DIGITS}x}"
        told = text + self._tag(text, audience)
        return told + self._mac(told)

    def _mac(self, text: str) -> str:
        return hashlib.blake2b(text.encode("ascii"), digest_size=_MAC_BYTES, key=self._key).hexdigest()

    def _tag(self, text: str, audience: str) -> str:
        told = f"{text} {audience}".encode("utf-8", "surrogateescape")
        return hashlib.blake2b(told, digest_size=_TAG_BYTES, key=self._key).hexdigest()

    def _went_to(self, nonce: str, audience: str) -> bool:
        return compare_digest(self._tag(nonce[:_BODY_DIGITS], audience), nonce[_BODY_DIGITS:_TOLD_DIGITS])

    def _stamp_ms(self, nonce: str) -> int | None:
        """Return when a nonce of ours was made, None for one that is not ours."""
        text = nonce[:_TOLD_DIGITS]
        if (
            len(nonce) != _TOLD_DIGITS + 2 * _MAC_BYTES
            or not nonce.isascii()
            or not compare_digest(self._mac(text), nonce[_TOLD_DIGITS:])
        ):
            return None
        return int(text[:_STAMP_DIGITS], 16)

    def __repr__(self) -> str:
        return f"DigestServer({self.realm!r}, algorithms={self.algorithms})"


def same_target(left: str, right: str) -> bool:
    """Whether two digest URIs mean the same: user and host agree; proxies on the way may have changed port and
    parameters (RFC 3261 s.22.4).
    """
    try:
        ours, theirs = Uri.parse(left), Uri.parse(right)
    except SipSyntaxError:
        return False
    if ours.is_sip and theirs.is_sip:
        return (ours.user, ours.host) == (theirs.user, theirs.host)
    return ours.equivalent(theirs)


def _nonce_count(credentials: Credentials) -> int:
    if credentials.qop is None:
        return 1
    return int(credentials.nc, 16) if _EIGHT_HEX(credentials.nc) else 0


def _shifted(below: int, distance: int) -> int:
    return ((below << distance) | 1) & ((1 << _NC_WINDOW) - 1) if distance < _NC_WINDOW else 1
