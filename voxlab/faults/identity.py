"""Faults of who calls: identities that are demanded, stripped or too big (RFC 3325, RFC 5806, RFC 7044, RFC 8224).

Must not know devices and wires.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable

from voxlab.faults.edits import changed, with_header, without
from voxlab.faults.fault import Fault, Parameter
from voxlab.faults.treatment import Message, Refuses, Rewrites, Treatment, is_initial, is_request, refused
from voxlab.sip.message import Request, Response

_CARRIER = ("carrier",)
_HEADERS = {"pai": "P-Asserted-Identity", "ppi": "P-Preferred-Identity", "rpid": "Remote-Party-ID"}

FAULTS = (
    Fault("identity_required", "calls are refused with 403: who calls is not said where this peer looks", _CARRIER,
          "RFC 3325 s.9.1", 'say it there: account.trunk(..., identity="pai")', 2, "VX-IDENTITY-MISSING",
          (Parameter("header", "pai", "where it looks", tuple(_HEADERS)),)),
    Fault("identity_stripped", "an anonymous call comes without P-Asserted-Identity: nobody knows who calls", _CARRIER,
          "RFC 3325 s.5, s.7", "let the peer count us in its trust domain", 2, "VX-IDENTITY-STRIPPED"),
    Fault("from_domain_required", "calls are refused with 403: From names a domain that is not the peer's", _CARRIER,
          "RFC 3261 s.8.1.1.3", 'use the peer\'s: account.trunk(..., from_domain="gigafon.example")',
          2, "VX-FROM-DOMAIN", (Parameter("domain", "gigafon.example", "the host that From has to name"),)),
    Fault("diversion_required", "a forwarded call is refused with 403: its caller's number is not ours", _CARRIER,
          "RFC 5806 s.4, RFC 7044 s.5", 'say on whose behalf: account.trunk(..., forwarding="diversion")',
          3, "VX-DIVERSION-MISSING",
          (Parameter("own", "+4930999", "how the numbers begin that may call without"),
           Parameter("header", "Diversion", "what has to say it", ("Diversion", "History-Info")))),
    Fault("stir_required", "calls are refused with 428: nobody has signed who calls", _CARRIER,
          "RFC 8224 s.6.2.2", "sign calls (an Identity header field), or ask the peer to take them unsigned",
          4, "VX-STIR-REQUIRED"),
    Fault("identity_too_big", "the INVITE is larger than the path takes in one datagram", ("phone", "carrier"),
          "RFC 3261 s.18.1.1, RFC 8224 s.4", 'send it over TCP: phone(transport="TCP")', 4, "VX-INVITE-TOO-BIG",
          (Parameter("size_bytes", 1500, "the length of the signature's token, in bytes"),)),
)  # fmt: skip


def _identity_required(header: str) -> Treatment:
    name = _HEADERS[header]
    return Refuses(lambda request: refused(request, 403) if _lacks(request, name) else None, outside=True)


def _lacks(request: Request, name: str) -> bool:
    return is_initial(request) and name not in request.headers


def _anonymous(message: Message, data: bytes) -> bytes:
    if not is_request(message, "INVITE", "CANCEL") or message.to_tag:
        return data
    anonymous = rb'\1: "Anonymous" <sip:anonymous@anonymous.invalid>;tag='
    return changed(without(data, "P-Asserted-Identity", "Privacy"), rb"(?mi)^(From|f)[ \t]*:[^\r\n]*;tag=", anonymous)


def _from_domain(domain: str) -> Treatment:
    def refusal(request: Request) -> Response | None:
        foreign = is_initial(request) and request.from_.uri.host != domain
        return refused(request, 403) if foreign else None

    return Refuses(refusal, outside=True)


def _diversion_required(own: str, header: str) -> Treatment:
    def refusal(request: Request) -> Response | None:
        is_ours = (request.from_.uri.user or "").startswith(own)
        return refused(request, 403) if not is_ours and _lacks(request, header) else None

    return Refuses(refusal, outside=True)


def _stir_required(request: Request) -> Response | None:
    return refused(request, 428, reason="Use Identity Header") if _lacks(request, "Identity") else None


def _identity_too_big(size_bytes: int) -> Treatment:
    """Adds a signature of that length; RFC 8224 s.4: token, then info, alg and ppt."""
    token = urlsafe_b64encode(bytes(size_bytes))[:size_bytes].decode()
    value = f"{token};info=<https://cert.example/passport.cer>;alg=ES256;ppt=shaken"
    return Rewrites(lambda message, data: with_header(data, "Identity", value) if is_initial(message) else data)


TREATMENTS: dict[str, Callable[..., Treatment]] = {
    "identity_required": _identity_required,
    "identity_stripped": lambda: Rewrites(_anonymous, outside=True),
    "from_domain_required": _from_domain,
    "diversion_required": _diversion_required,
    "stir_required": lambda: Refuses(_stir_required, outside=True),
    "identity_too_big": _identity_too_big,
}
"""What makes the treatment of each fault, from its parameters."""
