"""Digest authentication, both sides (RFC 7616, RFC 8760, RFC 3261 s.22).

Must not know messages or users: header values go in and out, HA1 values come from a function of the caller. Secrets
appear in no repr.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from voxlab.base.errors import SipSyntaxError, VoxlabError
from voxlab.sip.grammar import quoted

_PARAMETERS = re.compile(r'([A-Za-z0-9\-]++)\s*+=\s*+(?:"((?:[^"\\]++|\\.)*+)"|([^\s,"]++))\s*+(?:,|\Z)').findall
_QUOTED_PAIR = re.compile(r"\\(.)")
_RFC = "RFC 7616 s.3"
SESSION = "-SESS"


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _sha512_256(data: bytes) -> str:
    return hashlib.new("sha512_256", data).hexdigest()


_HASHES: dict[str, Callable[[bytes], str]] = {"MD5": _md5, "SHA-256": _sha256}
if "sha512_256" in hashlib.algorithms_available:
    _HASHES["SHA-512-256"] = _sha512_256
ALGORITHMS = tuple(name + suffix for name in _HASHES for suffix in ("", "-sess"))


def base_algorithm(algorithm: str) -> str:
    """Return the hash of an algorithm in capitals: ``SHA-256`` for ``sha-256-sess``."""
    return algorithm.upper().removesuffix(SESSION)


def is_supported(algorithm: str) -> bool:
    """Whether this Python can compute the algorithm."""
    return base_algorithm(algorithm) in _HASHES


def _hash_of(algorithm: str) -> Callable[[bytes], str]:
    try:
        return _HASHES[base_algorithm(algorithm)]
    except KeyError:
        raise VoxlabError(
            f"digest algorithm {algorithm!r} is not available; these are: {', '.join(ALGORITHMS)}"
        ) from None


def ha1(username: str, realm: str, password: str, algorithm: str = "MD5") -> str:
    """Return H(username:realm:password), which is what a server keeps (RFC 7616 s.3.4.2); -sess makes no difference
    here.
    """
    return _hash_of(algorithm)(f"{username}:{realm}:{password}".encode("utf-8", "surrogateescape"))


def response(
    ha1: str,
    method: str,
    uri: str,
    nonce: str,
    *,
    algorithm: str = "MD5",
    qop: str | None = None,
    nc: str = "",
    cnonce: str = "",
    body: bytes = b"",
) -> str:
    """Return the response value (RFC 7616 s.3.4.1); without ``qop`` that of RFC 2069; ``nc`` is eight hexadecimal
    digits.
    """
    digest = _hash_of(algorithm)
    if algorithm.upper().endswith(SESSION):
        ha1 = digest(f"{ha1}:{nonce}:{cnonce}".encode("utf-8", "surrogateescape"))
    a2 = f"{method}:{uri}:{digest(body)}" if qop == "auth-int" else f"{method}:{uri}"
    ha2 = digest(a2.encode("utf-8", "surrogateescape"))
    middle = f"{nonce}:{nc}:{cnonce}:{qop}" if qop else nonce
    return digest(f"{ha1}:{middle}:{ha2}".encode("utf-8", "surrogateescape"))


def _parameters(text: str, what: str) -> dict[str, str]:
    scheme, _, rest = text.strip().partition(" ")
    if scheme.lower() != "digest":
        raise SipSyntaxError(400, f"{what} of scheme {scheme[:40]!r} is not Digest", offset=0, rfc="RFC 3261 s.22.1")
    if "\\" in rest:
        return {name.lower(): _QUOTED_PAIR.sub(r"\1", inner) or plain for name, inner, plain in _PARAMETERS(rest)}
    return {name.lower(): inner or plain for name, inner, plain in _PARAMETERS(rest)}


def _needed(found: Mapping[str, str], names: Iterable[str], what: str) -> None:
    for name in names:
        if name not in found:
            raise SipSyntaxError(400, f"{what} has no {name}", rfc=_RFC)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One WWW-Authenticate or Proxy-Authenticate value of scheme Digest (RFC 7616 s.3.3); ``qop`` is empty with an
    RFC 2069 server.
    """

    realm: str
    nonce: str
    algorithm: str = "MD5"
    qop: tuple[str, ...] = ()
    stale: bool = False
    opaque: str | None = None

    @classmethod
    def parse(cls, text: str) -> Challenge:
        """Read one header value.

        Raises
        ------
        SipSyntaxError
            400 if it is no Digest challenge or lacks realm or nonce.
        """
        found = _parameters(text, "a challenge")
        _needed(found, ("realm", "nonce"), "the challenge")
        qop = tuple(word.strip().lower() for word in found.get("qop", "").split(",") if word.strip())
        stale = found.get("stale", "").lower() == "true"
        return cls(found["realm"], found["nonce"], found.get("algorithm", "MD5"), qop, stale, found.get("opaque"))

    def __str__(self) -> str:
        parts = [f"realm={quoted(self.realm)}", f"nonce={quoted(self.nonce)}"]
        if self.opaque is not None:
            parts.append(f"opaque={quoted(self.opaque)}")
        if self.stale:
            parts.append("stale=true")
        parts.append(f"algorithm={self.algorithm}")
        if self.qop:
            parts.append(f'qop="{",".join(self.qop)}"')
        return f"Digest {', '.join(parts)}"


def parse_challenges(values: Iterable[str]) -> tuple[Challenge, ...]:
    """Read the Digest challenges among header values, in order; what is of another scheme or broken is passed over."""
    found = []
    for value in values:
        try:
            found.append(Challenge.parse(value))
        except SipSyntaxError:
            continue
    return tuple(found)


class Credentials(NamedTuple):
    """One Authorization or Proxy-Authorization value of scheme Digest (RFC 7616 s.3.4)."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str
    algorithm: str = "MD5"
    qop: str | None = None
    nc: str = ""
    cnonce: str = ""
    opaque: str | None = None

    @classmethod
    def parse(cls, text: str) -> Credentials:
        """Read one header value.

        Raises
        ------
        SipSyntaxError
            400 if it is not of scheme Digest, lacks a parameter, or has a qop without cnonce and nc.
        """
        found = _parameters(text, "credentials")
        try:
            username, realm, nonce, uri, answer = (
                found["username"],
                found["realm"],
                found["nonce"],
                found["uri"],
                found["response"],
            )
        except KeyError:
            _needed(found, ("username", "realm", "nonce", "uri", "response"), "the credentials")
            raise
        qop, nc, cnonce = found.get("qop"), found.get("nc", ""), found.get("cnonce", "")
        if qop is not None and not (cnonce and len(nc) == 8):
            raise SipSyntaxError(
                400, "credentials with qop need cnonce and an nc of eight hexadecimal digits", rfc="RFC 7616 s.3.4"
            )
        return cls(
            username, realm, nonce, uri, answer, found.get("algorithm", "MD5"), qop, nc, cnonce, found.get("opaque")
        )

    def __repr__(self) -> str:
        return f"Credentials(username={self.username!r}, realm={self.realm!r}, uri={self.uri!r}, nc={self.nc!r})"

    def __str__(self) -> str:
        names = ("username", "realm", "nonce", "uri", "response")
        parts = [f"{name}={quoted(getattr(self, name))}" for name in names]
        parts.append(f"algorithm={self.algorithm}")
        if self.opaque is not None:
            parts.append(f"opaque={quoted(self.opaque)}")
        if self.qop is not None:
            parts.append(f"qop={self.qop}, nc={self.nc}")
        if self.cnonce:
            parts.append(f"cnonce={quoted(self.cnonce)}")
        return f"Digest {', '.join(parts)}"


def answer(
    challenges: Iterable[Challenge | str],
    method: str,
    uri: str,
    username: str,
    password: str = "",
    *,
    cnonce: str,
    nc: int = 1,
    body: bytes = b"",
    ha1_by_algorithm: Mapping[str, str] | None = None,
) -> str | None:
    """Answer the topmost challenge that can be answered (RFC 8760 s.2.4); None if there is none.

    Parameters
    ----------
    challenges : iterable of Challenge or str
        The values of WWW-Authenticate or Proxy-Authenticate in the order in which they stand.
    password : str
        The password; ignored for an algorithm that ``ha1_by_algorithm`` has ("MD5", "SHA-256").
    cnonce : str
        A fresh value from ``base.ids``.
    nc : int
        How often this nonce has been answered, this time included.
    """
    for item in challenges:
        found = parse_challenges([item]) if isinstance(item, str) else (item,)
        for challenge in found:
            if is_supported(challenge.algorithm) and (not challenge.qop or {"auth", "auth-int"} & set(challenge.qop)):
                known = (ha1_by_algorithm or {}).get(base_algorithm(challenge.algorithm))
                secret = known or ha1(username, challenge.realm, password, challenge.algorithm)
                return str(_credentials(challenge, method, uri, username, secret, cnonce, nc, body))
    return None


def _credentials(
    challenge: Challenge, method: str, uri: str, username: str, secret: str, cnonce: str, nc: int, body: bytes
) -> Credentials:
    qop = None if not challenge.qop else "auth" if "auth" in challenge.qop else "auth-int"
    count = f"{nc:08x}"
    value = response(
        secret, method, uri, challenge.nonce, algorithm=challenge.algorithm, qop=qop, nc=count, cnonce=cnonce, body=body
    )
    needs_cnonce = qop is not None or challenge.algorithm.upper().endswith(SESSION)
    return Credentials(
        username,
        challenge.realm,
        challenge.nonce,
        uri,
        value,
        challenge.algorithm,
        qop,
        count,
        cnonce if needs_cnonce else "",
        challenge.opaque,
    )
