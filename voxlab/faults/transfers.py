"""Faults of transfers: REFER, the NOTIFY that tells how it went, Replaces (RFC 3515, RFC 3891).

Must not know devices and wires.
"""

from __future__ import annotations

from collections.abc import Callable

from voxlab.faults.edits import changed
from voxlab.faults.fault import Fault
from voxlab.faults.treatment import Drops, Message, Refuses, Rewrites, Treatment, is_request
from voxlab.sip.message import Request, Response

_PHONE = ("phone",)

FAULTS = (
    Fault("no_refer", "transfers are refused with 603", _PHONE,
          "RFC 3515 s.2.4.2", "let the platform carry the transfer out: a rule with a scenario", 33,
          "VX-REFER-REFUSED"),
    Fault("refer_unknown", "transfers are refused with 405: the device does not know REFER", _PHONE,
          "RFC 3261 s.8.2.1, RFC 3515 s.2.4.2", "look at Allow; let the platform carry the transfer out", 33,
          "VX-REFER-REFUSED"),
    Fault("notify_endless", "the transferor never learns how a transfer ended", _PHONE,
          "RFC 3515 s.2.4.7", "end the subscription with Subscription-State: terminated", 33, "VX-REFER-ENDLESS"),
    Fault("replaces_swapped", "an attended transfer fails with 481: the call to be replaced is not found", _PHONE,
          "RFC 3891 s.3, s.6.1", "copy Call-ID and both tags of the call into Replaces, seen from who gets it", 33,
          "VX-REPLACES-UNKNOWN"),
)  # fmt: skip


def _ends_a_subscription(message: Message) -> bool:
    state = message.headers.get("subscription-state") or ""
    return is_request(message, "NOTIFY") and state.startswith("terminated")


def _refuses_refer(request: Request) -> Response | None:
    allow = (("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS"),)
    return request.response(405, "Method Not Allowed", headers=allow) if request.method == "REFER" else None


def _swapped(message: Message, data: bytes) -> bytes:
    """Take our tag for theirs in the Replaces of a REFER: from-tag and to-tag are seen from who gets the INVITE."""
    if not is_request(message, "REFER"):
        return data
    return changed(data, rb"(?i)(to-tag%3D)([^%&>]+)(%3Bfrom-tag%3D)([^%&>]+)", rb"\1\4\3\2")


TREATMENTS: dict[str, Callable[..., Treatment]] = {
    "refer_unknown": lambda: Refuses(_refuses_refer),
    "notify_endless": lambda: Drops(_ends_a_subscription),
    "replaces_swapped": lambda: Rewrites(_swapped),
}
"""What makes the treatment of each fault, from its parameters; ``no_refer`` is asked for by name."""
