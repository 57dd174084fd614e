"""Faults of other operators, and of the way to them: stale lists, gateways, causes, loops, borders (RFC 3398).

Must not know devices and wires: what is a setting of a carrier or a trunk, its handle turns.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from voxlab.faults.edits import changed
from voxlab.faults.fault import Fault, Parameter
from voxlab.faults.treatment import Message, Refuses, Rewrites, Treatment, is_response
from voxlab.sip.message import Request, Response

_CARRIER = ("carrier",)

FAULTS = (
    Fault("stale_sbcs", "calls that went yesterday get 403: our SBC is not on the operator's list any more",
          _CARRIER, "RFC 3261 s.21.4.4; practice", "carrier.import_addresses(lab.media_resources)", 24,
          "VX-TRUNK-STALE"),
    Fault("stale_media", "the call stands and one side hears nothing: our media server is not on the operator's list",
          _CARRIER, "RFC 5853 s.3.5; practice", "carrier.import_addresses(lab.media_resources)", 24, "VX-MEDIA-STALE"),
    Fault("overloaded", "calls fail while the operator has another gateway: 503", _CARRIER,
          "RFC 3261 s.21.5.4, RFC 3263 s.4.3", "name a second gateway: trunk(gateway=[first, second])", 31,
          "VX-GATEWAY-503", (Parameter("retry_after_s", 30.0, "what Retry-After says, in seconds"),)),
    Fault("cause_unmapped", "busy sounds like out of order: every failure is 500, the truth stands in Reason", _CARRIER,
          "RFC 3398 s.7.2.4.1, RFC 3326 s.2", "map causes of Q.850 as RFC 3398 says", 31, "VX-CAUSE-UNMAPPED"),
    Fault("hunts_after_final", "the called party rings twice after it was busy: failover goes on after 486", ("trunk",),
          "RFC 3261 s.21.4.24, s.21.6, s.16.7", "try the next gateway after 503 and silence only", 31,
          "VX-HUNT-AFTER-FINAL"),
    Fault("forwards_back", "a call goes round between two operators until 483", _CARRIER,
          "RFC 3261 s.8.1.1.6, s.21.4.21", "end the forwarding; a B2BUA passes Max-Forwards on, less one", 35,
          "VX-LOOP", (Parameter("to", "", "the number that calls are forwarded to"),)),
    Fault("strips_headers", "what the caller's system said along (X- headers, User-to-User) is gone behind the border",
          _CARRIER, "RFC 7433 s.4; practice for X-", "let the border pass what both sides agreed on", 38,
          "VX-HEADERS-STRIPPED"),
)  # fmt: skip


def _overloaded(retry_after_s: float) -> Treatment:
    def refusal(request: Request) -> Response | None:
        if request.method != "INVITE" or request.to_tag:
            return None
        headers = (("Retry-After", f"{retry_after_s:.0f}"),)
        return request.response(503, "Service Unavailable", to_tag="overloaded", headers=headers)

    return Refuses(refusal)


def _unmapped(message: Message, data: bytes) -> bytes:
    told = is_response(message, "INVITE", 300) and "cause=" in (message.headers.get("reason") or "")
    return re.sub(rb"^SIP/2\.0 \d{3} [^\r\n]*", b"SIP/2.0 500 Server Internal Error", data) if told else data


def _stripped(message: Message, data: bytes) -> bytes:
    fields = rb"(?mi)^(?:X-[^:\r\n]*|User-to-User)[ \t]*:[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*"
    return changed(data, fields, b"", 0) if isinstance(message, Request) else data


TREATMENTS: dict[str, Callable[..., Treatment]] = {
    "overloaded": _overloaded,
    "cause_unmapped": lambda: Rewrites(_unmapped),
    "strips_headers": lambda: Rewrites(_stripped),
}
"""What makes the treatment of each fault, from its parameters; the others are knobs of a carrier or a trunk."""
