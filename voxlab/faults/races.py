"""Faults that meet a caller who hangs up before the answer (RFC 3261 s.9, s.13.2.2).

Must not know devices and wires.
"""

from __future__ import annotations

from collections.abc import Callable

from voxlab.faults.fault import Fault, Parameter
from voxlab.faults.treatment import Device, Drops, Message, Piece, Treatment, is_response
from voxlab.sip.message import Response

_PHONE = ("phone",)

FAULTS = (
    Fault("late_200", "the caller hangs up, and the answer comes all the same: 200 crosses CANCEL", _PHONE,
          "RFC 3261 s.9.1, s.15", "nothing: the caller has to ACK the 200, and then to hang up by BYE", 32,
          "VX-CANCEL-CROSSED", (Parameter("delay_s", 2.0, "how much later the 200 is sent, in seconds"),)),
    Fault("no_provisional", "the caller has hung up and the phone rings on: who heard nothing may not send CANCEL",
          _PHONE, "RFC 3261 s.9.1", "answer INVITE with 100 at once, with 180 when it rings", 32, "VX-CANCEL-WAITS"),
    Fault("no_487", "a cancelled call lingers for half a minute: its INVITE is never answered", _PHONE,
          "RFC 3261 s.9.2, s.15.1.2", "answer the INVITE with 487 when CANCEL comes", 32, "VX-CANCEL-NO-487"),
)  # fmt: skip


class _Late200(Treatment):
    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s

    def leaving(self, message: Message, data: bytes, device: Device) -> list[Piece]:
        late = is_response(message, "INVITE", 200, 299)
        return [Piece(self._delay_s if late else 0.0, data)]


TREATMENTS: dict[str, Callable[..., Treatment]] = {
    "late_200": _Late200,
    "no_provisional": lambda: Drops(lambda message: isinstance(message, Response) and message.status < 200),
    "no_487": lambda: Drops(lambda message: is_response(message, "INVITE", 487, 487)),
}
"""What makes the treatment of each fault, from its parameters."""
