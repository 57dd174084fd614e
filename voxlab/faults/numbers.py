"""Faults of telephone numbers: how they are written, and what is lost of them on the way (RFC 3966, RFC 3261 s.19.1.6).

Must not know devices and wires.
"""

from __future__ import annotations

from collections.abc import Callable

from voxlab.faults.edits import changed
from voxlab.faults.fault import Fault, Parameter
from voxlab.faults.treatment import Message, Refuses, Rewrites, Treatment, is_request, refused
from voxlab.sip.message import Request, Response

_CARRIER = ("carrier",)

FAULTS = (
    Fault("number_format", "calls are refused with 404: numbers are written otherwise here", _CARRIER,
          "RFC 3966 s.5.1.4, s.5.1.5", 'write them so: account.trunk(..., number_format="national", country="49")',
          1, "VX-NUMBER-FORMAT",
          (Parameter("style", "national", "how it wants numbers", ("e164", "plain", "00", "national")),
           Parameter("country", "49", "the country code that national numbers leave out"),
           Parameter("prefix", "", "digits that it wants before every number"))),
    Fault("plus_stripped", "a number of ours is not found: its + is gone when it comes", _CARRIER,
          "RFC 3966 s.5.1.4", 'read them so: account.trunk(..., number_format="plain")', 1, "VX-NUMBER-PLUS"),
    Fault("plus_doubled", "a number of ours is not found: it comes with ++", _CARRIER,
          "RFC 3966 s.5.1.4", "let the peer put + before what has none only", 1, "VX-NUMBER-PLUS"),
    Fault("user_phone_required", "calls are refused with 484: the URI does not say that it is a number", _CARRIER,
          "RFC 3261 s.19.1.6", 'write user=phone, as trunks do for + numbers: number_format="e164"',
          1, "VX-NUMBER-USER-PHONE"),
    Fault("visual_separators", "numbers come as +49-30-999100", _CARRIER,
          "RFC 3966 s.5.1.1", "nothing: separators are ignored when numbers are compared", 1),
)  # fmt: skip


def _number(by: bytes) -> Callable[[Message, bytes], bytes]:
    """Return what writes the number of a Request-URI differently, in requests outside dialogs."""

    def rewrite(message: Message, data: bytes) -> bytes:
        if not is_request(message, "INVITE", "CANCEL") or message.to_tag:
            return data
        return changed(data, rb"\A(\w+ sips?:)\+(\d\d)(\d\d)", by)

    return rewrite


def _user_phone(request: Request) -> Response | None:
    user = request.uri.user or ""
    is_number = user.lstrip("+").isdigit()
    if request.method != "INVITE" or request.to_tag or not is_number or "user" in request.uri.params:
        return None
    return refused(request, 484)


TREATMENTS: dict[str, Callable[..., Treatment]] = {
    "plus_stripped": lambda: Rewrites(_number(rb"\1\2\3"), outside=True),
    "plus_doubled": lambda: Rewrites(_number(rb"\1++\2\3"), outside=True),
    "visual_separators": lambda: Rewrites(_number(rb"\1+\2-\3-"), outside=True),
    "user_phone_required": lambda: Refuses(_user_phone, outside=True),
}
"""What makes the treatment of each fault; "number_format" turns a setting of its carrier."""
