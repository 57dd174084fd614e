"""Faults of the way headers are written, and forms that are right and rare (RFC 3261 s.7.3, s.20.10, RFC 4475).

Must not know devices and wires.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from voxlab.faults.edits import changed
from voxlab.faults.fault import Fault, Parameter
from voxlab.faults.treatment import Message, Refuses, Rewrites, Treatment, is_request
from voxlab.sip.message import Request, Response

_PHONE = ("phone",)
_COMPACT = {b"From": b"f", b"To": b"t", b"Via": b"v", b"Call-ID": b"i", b"Contact": b"m", b"Content-Length": b"l",
            b"Content-Type": b"c", b"Supported": b"k", b"Subject": b"s"}  # fmt: skip

FAULTS = (
    Fault("rare_syntax", "right, and yet some devices answer 400 or nothing: compact names, folded lines, odd case",
          _PHONE, "RFC 3261 s.7.3.1, s.7.3.3; RFC 4475 s.3.1.1.1", "let a scenario write the messages anew", 36,
          "VX-SYNTAX-RARE", (Parameter("form", "compact", "which form", ("compact", "folded", "case")),)),
    Fault("fragile_parser", "calls of some devices are refused with 400, those of others are not",
          ("phone", "carrier", "registrar"),
          "RFC 3261 s.7.3.1, s.7.3.3", "let a scenario write the messages anew: its parser reads all of s.7.3", 36,
          "VX-SYNTAX-RARE"),
    Fault("no_brackets", "requests inside the call come by the wrong transport: parameters of the URI are lost", _PHONE,
          "RFC 3261 s.20, s.20.10; RFC 4475 s.3.1.2.13", "write <> around a URI that has parameters", 36,
          "VX-SYNTAX-BRACKETS"),
    Fault("latin1_name", "the caller's name is shown with a box in it: it is not UTF-8", _PHONE,
          "RFC 3261 s.7, s.25.1", "write display names in UTF-8", 36, "VX-SYNTAX-ENCODING"),
    Fault("open_quote", "every call is refused with 400: the quote in the caller's name never ends", _PHONE,
          "RFC 4475 s.3.1.2.6, RFC 3261 s.21.4.1", "escape quotes and backslashes in display names", 36,
          "VX-SYNTAX-REFUSED"),
)  # fmt: skip


def _rare(form: str) -> Treatment:
    def compact(message: Message, data: bytes) -> bytes:
        for name, short in _COMPACT.items():
            data = changed(data, rb"(?mi)^" + name + rb"[ \t]*:", short + b":", 0)
        return data

    def folded(message: Message, data: bytes) -> bytes:
        return changed(data, rb"(?m)^(From|To|Contact|Allow): ", rb"\1:\r\n  ", 0)

    def case(message: Message, data: bytes) -> bytes:
        return changed(
            data, rb"(?m)^(CSeq|Call-ID|Max-Forwards|Contact)(:)", lambda m: m.group(1).swapcase() + b" :", 0
        )

    forms: dict[str, Callable[[Message, bytes], bytes]] = {
        "compact": compact, "folded": folded, "case": case,
    }  # fmt: skip
    return Rewrites(forms[form])


def _fragile(request: Request) -> Response | None:
    """Refuse what a hasty parser does not know: names of one letter, folded lines, names in another case."""
    head = request.raw.partition(b"\r\n\r\n")[0]
    known = re.search(rb"(?m)^From:", head) and re.search(rb"(?m)^CSeq:", head) and not re.search(rb"\r\n[ \t]", head)
    return None if known or request.method == "ACK" else request.response(400, "Bad Request", to_tag="fragile")


def _no_brackets(message: Message, data: bytes) -> bytes:
    return changed(data, rb"(?mi)^(Contact[ \t]*:[ \t]*)<([^>\r\n]*)>", rb"\1\2;transport=tcp")


def _latin1_name(message: Message, data: bytes) -> bytes:
    return _named(message, data, '"Zo\u00eb M\u00fcller"'.encode("latin-1"))


def _open_quote(message: Message, data: bytes) -> bytes:
    return _named(message, data, b'"the 1" pipe"') if is_request(message, "INVITE") else data


def _named(message: Message, data: bytes, name: bytes) -> bytes:
    """Give the caller another display name; a request and the rest of its dialog alike."""
    if not isinstance(message, Request) or message.method == "REGISTER":
        return data
    return re.sub(rb"(?mi)^(From[ \t]*:[ \t]*)(?:\"[^\"\r\n]*\"[ \t]*)?<", rb"\1" + name + b" <", data, count=1)


TREATMENTS: dict[str, Callable[..., Treatment]] = {
    "rare_syntax": _rare,
    "fragile_parser": lambda: Refuses(_fragile),
    "no_brackets": lambda: Rewrites(_no_brackets),
    "latin1_name": lambda: Rewrites(_latin1_name),
    "open_quote": lambda: Rewrites(_open_quote),
}
"""What makes the treatment of each fault, from its parameters."""
