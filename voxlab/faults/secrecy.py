"""Faults of what is to be secret: SRTP in descriptions, sips: in addresses (RFC 4568, RFC 5630, RFC 3264).

Must not know devices and wires.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from voxlab.faults.edits import with_body
from voxlab.faults.fault import Fault, Parameter
from voxlab.faults.treatment import Message, Refuses, Rewrites, Treatment
from voxlab.sip.message import Request, Response

_PHONE = ("phone",)
_ABLE = b"v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 0 RTP/SAVP 0 8\r\n"
"""What RFC 3261 s.21.4.26 lets a 488 say: what the device could do."""

FAULTS = (
    Fault("srtp_required", "calls in the clear are refused with 488", _PHONE,
          "RFC 4568 s.7.1.2, RFC 3261 s.21.4.26", "offer SRTP: phone(srtp=True)", 30, "VX-SRTP-REQUIRED",
          (Parameter("osrtp", True, "whether keys beside plain RTP will do (RFC 8643), or RTP/SAVP alone"),)),
    Fault("answers_in_clear", "who offers SRTP hangs up at once: the answer says RTP/AVP and has no key", _PHONE,
          "RFC 3264 s.6, RFC 4568 s.7.1.2", "answer in the profile of the offer, or refuse the stream with port 0", 30,
          "VX-SRTP-PROFILE"),
    Fault("no_sips", "a sips: address is refused with 416", ("registrar", "carrier", "phone"),
          "RFC 3261 s.8.2.2.1, RFC 5630 s.3.1.4", "dial sip:, and ask for TLS by the phone: phone(transport=\"TLS\")",
          30, "VX-SIPS-REFUSED"),
)  # fmt: skip


def _srtp_required(osrtp: bool) -> Refuses:
    def refusal(request: Request) -> Response | None:
        keyed = b"RTP/SAVP" in request.body or (osrtp and b"a=crypto" in request.body)
        if request.method != "INVITE" or b"m=audio" not in request.body or keyed:
            return None
        headers = (("Content-Type", "application/sdp"),)
        return request.response(488, "Not Acceptable Here", to_tag="srtp", headers=headers, body=_ABLE)

    return Refuses(refusal)


def _in_clear(message: Message, data: bytes) -> bytes:
    if not isinstance(message, Response) or b"RTP/SAVP" not in message.body:
        return data
    clear = re.sub(rb"(?m)^a=crypto:[^\r\n]*\r\n", b"", message.body.replace(b"RTP/SAVP", b"RTP/AVP"))
    return with_body(data, clear)


def _no_sips(request: Request) -> Response | None:
    if request.method == "ACK" or not request.uri_text.lower().startswith("sips:"):
        return None
    return request.response(416, "Unsupported URI Scheme", to_tag="scheme")


TREATMENTS: dict[str, Callable[..., Treatment]] = {
    "srtp_required": _srtp_required,
    "answers_in_clear": lambda: Rewrites(_in_clear),
    "no_sips": lambda: Refuses(_no_sips),
}
"""What makes the treatment of each fault, from its parameters."""
