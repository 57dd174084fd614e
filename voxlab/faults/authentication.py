"""Faults of digest authentication: challenges without end, and its dialects (RFC 3261 s.22, RFC 7616, RFC 8760).

Must not know devices and wires, nor passwords: responses are replayed or spoilt, never computed.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from voxlab.faults.edits import changed
from voxlab.faults.fault import Fault, Parameter
from voxlab.faults.treatment import (
    Device,
    Message,
    Piece,
    Refuses,
    Rewrites,
    Treatment,
    is_initial,
    is_request,
    refused,
)
from voxlab.sip.message import Request, Response

_REGISTRAR = ("registrar",)
_CHALLENGE = rb"(?mi)^((?:WWW|Proxy)-Authenticate: *Digest [^\r\n]*)"

FAULTS = (
    Fault("auth_loop", "right credentials are challenged again and again", _REGISTRAR,
          "RFC 3261 s.22.1, s.22.2, s.8.1.3.5", "ask the peer which user name, realm and password it checks",
          21, "VX-AUTH-LOOP"),
    Fault("stale_forever", "every nonce is called stale as soon as it is used", _REGISTRAR,
          "RFC 3261 s.22.3, RFC 7616 s.3.3", "let the peer keep its nonces: its servers do not share them",
          21, "VX-NONCE-STALE"),
    Fault("wrong_realm", "the challenge names a realm that the password is not for", _REGISTRAR,
          "RFC 3261 s.22.1, s.22.4", "let the peer challenge with the realm that its accounts were made with",
          21, "VX-WRONG-REALM", (Parameter("realm", "asterisk", "what stands in the challenge"),)),
    Fault("auth_refused", "right credentials are refused with 403 instead of a challenge", _REGISTRAR,
          "RFC 3261 s.21.4.4, s.22.1", "ask the peer: 403 says that asking again will not help", 21, "VX-403"),
    Fault("register_challenged_407", "REGISTER is challenged with 407, as a proxy would", _REGISTRAR,
          "RFC 3261 s.22.2, s.22.3", "nothing: answer each challenge with its own header field", 21),
    Fault("digest_uri_rewritten", "the digest's uri is not the Request-URI: something between has rewritten it",
          ("phone",), "RFC 3261 s.22.4, RFC 7616 s.3.4.6", "let what is between leave the Request-URI alone (ALG off)",
          21, "VX-DIGEST-URI"),
    Fault("no_qop", "the challenge has no qop, as in RFC 2069: each nonce works once", _REGISTRAR,
          "RFC 3261 s.22.4, RFC 7616 s.3.3", "nothing: answer without qop, cnonce and nc", 22),
    Fault("auth_int_only", "the challenge offers qop=auth-int only, which few understand", _REGISTRAR,
          "RFC 7616 s.3.3, s.3.4.3", "let the peer offer auth as well", 22, "VX-DIGEST-QOP"),
    Fault("sha256_first", "SHA-256 is challenged before MD5, and answers to it are refused", _REGISTRAR,
          "RFC 8760 s.2.4", "let the peer offer only what it keeps H(A1) for; or answer MD5",
          22, "VX-DIGEST-ALGORITHM"),
    Fault("algorithm_unknown", "the challenge wants an algorithm that nobody has", _REGISTRAR,
          "RFC 8760 s.2.4, RFC 7616 s.3.3", "let the peer offer SHA-256 and MD5 as well", 22, "VX-DIGEST-ALGORITHM",
          (Parameter("algorithm", "SHA3-512", "what stands in the challenge"),)),
    Fault("opaque_checked", "the challenge has an opaque and wants it back", _REGISTRAR,
          "RFC 7616 s.3.3, RFC 3261 s.22.4", "nothing: return opaque unchanged", 22),
    Fault("opaque_dropped", "credentials come without the opaque of the challenge", ("phone",),
          "RFC 7616 s.3.3, s.3.4", "return opaque unchanged", 22, "VX-DIGEST-OPAQUE"),
    Fault("nc_reused", "one nonce count is used twice, so credentials look replayed", ("phone",),
          "RFC 7616 s.3.4, s.5.5", "count nc up with every request on a nonce", 22, "VX-NC-REUSED"),
)  # fmt: skip

_OPAQUE = "5ccc069c403ebaf9f0171e9517f40e41"


def _challenge(request: Request, more: str = "") -> Response:
    shown = re.search(r'\brealm="([^"]*)"', request.headers.get("authorization") or "")
    realm = shown.group(1) if shown else request.to.uri.host
    value = f'Digest realm="{realm}", nonce="n{request.branch[-12:]}", algorithm=MD5, qop="auth"{more}'
    return refused(request, 401, ("WWW-Authenticate", value))


def _loop(request: Request) -> Response | None:
    return _challenge(request) if is_initial(request, "REGISTER") else None


def _stale(request: Request) -> Response | None:
    if not is_initial(request, "REGISTER"):
        return None
    return _challenge(request, ", stale=true" if "authorization" in request.headers else "")


def _auth_refused(request: Request) -> Response | None:
    shown = is_initial(request, "REGISTER") and "authorization" in request.headers
    return refused(request, 403) if shown else None


def _parameter(name: bytes, value: bytes) -> Treatment:
    """Return what gives a parameter of every challenge another value, whether it had one or not."""

    def one(found: re.Match[bytes]) -> bytes:
        bare = re.sub(rb",? *\b" + name + rb'=("[^"]*"|[^,\s]*)', b"", found.group(1))
        bare = re.sub(rb"(?i)Digest *,? *", b"Digest ", bare)
        return bare + (b", " + name + b"=" + value if value else b"")

    def rewrite(message: Message, data: bytes) -> bytes:
        head, mark, body = data.partition(b"\r\n\r\n")
        return re.sub(_CHALLENGE, one, head) + mark + body if isinstance(message, Response) else data

    return Rewrites(rewrite)


class _ProxyChallenge(Treatment):
    def leaving(self, message: Message, data: bytes, device: Device) -> list[Piece]:
        if isinstance(message, Response) and message.cseq_method == "REGISTER" and message.status == 401:
            data = changed(data, rb"\ASIP/2\.0 401 [^\r\n]*", b"SIP/2.0 407 Proxy Authentication Required")
            data = changed(data, rb"(?mi)^WWW-Authenticate:", b"Proxy-Authenticate:", 0)
        return [Piece(0.0, data)]

    def arriving(self, message: Message, data: bytes, device: Device) -> bytes | None:
        if not is_request(message, "REGISTER"):
            return data
        return changed(data, rb"(?mi)^Proxy-Authorization:", b"Authorization:", 0)


def _sha256_first(message: Message, data: bytes) -> bytes:
    found = re.search(_CHALLENGE, data) if isinstance(message, Response) else None
    if found is None or b"SHA" in found.group():
        return data
    first = re.sub(rb"algorithm=\w+", b"algorithm=SHA-256", found.group())
    first = first if b"SHA-256" in first else first + b", algorithm=SHA-256"
    return data.replace(found.group(), first + b"\r\n" + found.group(), 1)


class _OpaqueChecked(Treatment):
    """Puts an opaque into challenges, and challenges again who does not return it."""

    def __init__(self) -> None:
        self._refuses = Refuses(self._refusal)
        self._adds = _parameter(b"opaque", b'"%s"' % _OPAQUE.encode())

    def _refusal(self, request: Request) -> Response | None:
        shown = request.headers.get("authorization") if request.method == "REGISTER" else None
        return _challenge(request, f', opaque="{_OPAQUE}"') if shown and _OPAQUE not in shown else None

    def leaving(self, message: Message, data: bytes, device: Device) -> list[Piece]:
        return self._adds.leaving(message, data, device)

    def arriving(self, message: Message, data: bytes, device: Device) -> bytes | None:
        return self._refuses.arriving(message, data, device)


def _opaque_dropped(message: Message, data: bytes) -> bytes:
    return changed(data, rb'(?mi)^((?:Proxy-)?Authorization:[^\r\n]*?), *opaque="[^"]*"', rb"\1", 0)


def _uri_rewritten(message: Message, data: bytes) -> bytes:
    """Leave the two apart, as they are behind a gateway that rewrites the Request-URI."""
    if not isinstance(message, Request) or "uri=" not in (message.headers.get("authorization") or ""):
        return data
    return changed(data, rb'(?mi)^(Authorization:[^\r\n]*\buri=")[^"]*', rb"\1sip:10.0.3.7")


class _CountReused(Treatment):
    """Repeats the first credentials of each nonce."""

    def __init__(self) -> None:
        self._first: dict[bytes, bytes] = {}

    def leaving(self, message: Message, data: bytes, device: Device) -> list[Piece]:
        found = re.search(rb'(?mi)^Authorization:[^\r\n]*?\bnonce="([^"]*)"[^\r\n]*', data)
        if found is None or not is_request(message, "REGISTER"):
            return [Piece(0.0, data)]
        kept = self._first.setdefault(found.group(1), found.group())
        return [Piece(0.0, data.replace(found.group(), kept))]


TREATMENTS: dict[str, Callable[..., Treatment]] = {
    "auth_loop": lambda: Refuses(_loop),
    "stale_forever": lambda: Refuses(_stale),
    "wrong_realm": lambda realm: _parameter(b"realm", f'"{realm}"'.encode()),
    "auth_refused": lambda: Refuses(_auth_refused),
    "register_challenged_407": _ProxyChallenge,
    "digest_uri_rewritten": lambda: Rewrites(_uri_rewritten),
    "no_qop": lambda: _parameter(b"qop", b""),
    "auth_int_only": lambda: _parameter(b"qop", b'"auth-int"'),
    "sha256_first": lambda: Rewrites(_sha256_first),
    "algorithm_unknown": lambda algorithm: _parameter(b"algorithm", algorithm.encode()),
    "opaque_checked": _OpaqueChecked,
    "opaque_dropped": lambda: Rewrites(_opaque_dropped),
    "nc_reused": _CountReused,
}
"""What makes the treatment of each fault, from its parameters."""
