"""Faults of registrars, and of what registers: how long, under which URI, with which Contact (RFC 3261 s.10).

Must not know devices and wires.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import count

from voxlab.faults.edits import changed, with_value
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
    is_response,
    refused,
)
from voxlab.sip.headers import STAR
from voxlab.sip.message import Request, Response

_REGISTRAR = ("registrar",)
_HOUR_S = 3600

FAULTS = (
    Fault("short_expiry", "a registration is granted for less time than was asked for", _REGISTRAR,
          "RFC 3261 s.10.2.4, s.10.3", "refresh by what the 200 grants; or ask for that: phone(expires=60)",
          19, "VX-EXPIRY-SHORTENED", (Parameter("granted_s", 60, "what it grants at most, in seconds"),)),
    Fault("min_expires", "a brief registration is refused with 423 and asked for again, for longer", _REGISTRAR,
          "RFC 3261 s.10.3, s.20.23, s.21.4.17", "ask for as long as Min-Expires says: phone(expires=1800)",
          19, "VX-MIN-EXPIRES", (Parameter("least_s", 1800, "the least that it grants, in seconds"),)),
    Fault("expiry_shrinks", "each refresh is granted a second less", _REGISTRAR,
          "RFC 3261 s.10.2.1.1, s.10.3", "ask for the whole interval each time, not for what was granted last",
          19, "VX-EXPIRY-SHRINKS", (Parameter("step_s", 1, "how much less each time, in seconds"),)),
    Fault("expires_in_header", "the interval stands in Expires, not at the Contact", _REGISTRAR,
          "RFC 3261 s.10.2.4, s.20.19", "nothing: read expires at the Contact, else Expires", 19),
    Fault("strict_registrar", "REGISTER is refused with 403: the user of its Contact is not that of To", _REGISTRAR,
          "RFC 3261 s.10.2, s.10.3", "bind a Contact with the same user as To; or ask for a lenient registrar",
          20, "VX-CONTACT-REFUSED"),
    Fault("no_user_in_register", "REGISTER is refused with 400: its Request-URI has a user part", _REGISTRAR,
          "RFC 3261 s.10.2", "register at the domain alone: REGISTER sip:example.com", 20, "VX-REGISTER-URI"),
    Fault("user_in_register", "REGISTER names a user in its Request-URI", ("phone",),
          "RFC 3261 s.10.2", "register at the domain alone: REGISTER sip:example.com", 20),
    Fault("foreign_contact_first", "the 200 lists the Contact of another device first", _REGISTRAR,
          "RFC 3261 s.10.2.4, s.19.1.4", "look for one's own Contact by comparing URIs, not for the first", 20),
    Fault("contact_rewritten", "the 200 to REGISTER does not name the Contact that was registered", _REGISTRAR,
          "RFC 3261 s.10.2.4, s.10.3", "let the registrar return what was bound",
          20, "VX-CONTACT-NOT-MINE",
          (Parameter("host", "203.0.113.99", "what stands there instead of the device's host"),)),
    Fault("registered_source_only", "INVITE is refused with 403: it comes from another address than REGISTER did",
          _REGISTRAR, "RFC 5853 s.3.5", "register from there, too: phone.register()", 23, "VX-SOURCE-DIFFERS"),
)  # fmt: skip


def _is_granted(message: Message) -> bool:
    return is_response(message, "REGISTER", 200, 299) and "contact" in message.headers


def _shortened(data: bytes, most_s: int) -> bytes:
    """Return a 2xx whose intervals are at most so long, in seconds; 0 stays."""

    def less(found: re.Match[bytes]) -> bytes:
        return found.group(1) + b"%d" % min(int(found.group(2)), most_s)

    head, mark, body = data.partition(b"\r\n\r\n")
    return re.sub(rb"(?mi)(;expires=|^Expires: *)(\d+)", less, head) + mark + body


def _short_expiry(granted_s: int) -> Treatment:
    return Rewrites(lambda message, data: _shortened(data, granted_s) if _is_granted(message) else data)


def asked_s(request: Request) -> int | None:
    """Return the interval that a REGISTER asks for, in seconds, None where it does not say."""
    contact = request.contacts[0] if request.contacts else STAR
    text = None if contact is STAR else contact.params.get("expires")
    text = text or request.headers.get("expires") or ""
    return int(text) if text.isascii() and text.isdigit() else None


def _min_expires(least_s: int) -> Treatment:
    def refusal(request: Request) -> Response | None:
        asked = asked_s(request) if is_initial(request, "REGISTER") else None
        if asked is None or asked == 0 or asked >= least_s:
            return None
        return refused(request, 423, ("Min-Expires", str(least_s)))

    return Refuses(refusal)


def _expiry_shrinks(step_s: int) -> Treatment:
    counters: dict[str, count[int]] = {}

    def rewrite(message: Message, data: bytes) -> bytes:
        if not _is_granted(message):
            return data
        times = next(counters.setdefault(message.call_id, count()))
        return _shortened(data, max(_HOUR_S - times * step_s, 1))

    return Rewrites(rewrite)


def _expires_in_header(message: Message, data: bytes) -> bytes:
    found = re.search(rb"(?mi)^Contact:[^\r\n]*;expires=(\d+)", data) if _is_granted(message) else None
    if found is None:
        return data
    return with_value(changed(data, rb"(?mi);expires=\d+", b"", 0), "Expires", found.group(1).decode())


def _strict(request: Request) -> Response | None:
    if not is_initial(request, "REGISTER"):
        return None
    user = request.to.uri.user
    fits = all(each is STAR or each.uri.user == user for each in request.contacts)
    return None if fits else refused(request, 403)


def _no_user(request: Request) -> Response | None:
    has_user = is_initial(request, "REGISTER") and request.uri.user is not None
    return refused(request, 400, reason="Invalid Request-URI") if has_user else None


def _user_in_register(message: Message, data: bytes) -> bytes:
    if not is_request(message, "REGISTER"):
        return data
    user = (message.to.uri.user or "").encode()
    return changed(data, rb"\A(REGISTER sips?:)([^@\s]+ )", rb"\1" + user.replace(b"\\", rb"\\") + rb"@\2")


def _foreign_contact(message: Message, data: bytes) -> bytes:
    if not _is_granted(message):
        return data
    return changed(data, rb"(?mi)^(Contact: *)", rb"\1<sip:elsewhere@203.0.113.98:5060>;expires=60, ")


def _contact_rewritten(host: str) -> Treatment:
    def rewrite(message: Message, data: bytes) -> bytes:
        if not _is_granted(message):
            return data
        return changed(data, rb"(?mi)^(Contact: *<sips?:[^@>]*@)[^:;>]+", rb"\g<1>" + host.encode())

    return Rewrites(rewrite)


class _RegisteredSourceOnly(Treatment):
    """Remembers from where each user registers, and refuses calls of that user from anywhere else."""

    def __init__(self) -> None:
        self._sources: dict[str, set[str]] = {}
        self._host = ""
        self._refuses = Refuses(self._refusal)

    def leaving(self, message: Message, data: bytes, device: Device) -> list[Piece]:
        host = device.flow.remote.host
        if _is_granted(message) and host.encode() in data.partition(b"\r\n\r\n")[0].lower().partition(b"contact:")[2]:
            self._sources.setdefault(_aor(message), set()).add(host)
        return [Piece(0.0, data)]

    def arriving(self, message: Message, data: bytes, device: Device) -> bytes | None:
        self._host = device.flow.remote.host
        return self._refuses.arriving(message, data, device)

    def _refusal(self, request: Request) -> Response | None:
        known = self._sources.get(_aor(request)) if is_initial(request) else None
        return refused(request, 403) if known and self._host not in known else None


def _aor(message: Message) -> str:
    uri = message.from_.uri
    return f"{uri.user}@{uri.host}"


TREATMENTS: dict[str, Callable[..., Treatment]] = {
    "short_expiry": _short_expiry,
    "min_expires": _min_expires,
    "expiry_shrinks": _expiry_shrinks,
    "expires_in_header": lambda: Rewrites(_expires_in_header),
    "strict_registrar": lambda: Refuses(_strict),
    "no_user_in_register": lambda: Refuses(_no_user),
    "user_in_register": lambda: Rewrites(_user_in_register),
    "foreign_contact_first": lambda: Rewrites(_foreign_contact),
    "contact_rewritten": _contact_rewritten,
    "registered_source_only": _RegisteredSourceOnly,
}
"""What makes the treatment of each fault, from its parameters."""
