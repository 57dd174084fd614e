"""Faults of keys that are pressed in a call: telephone events (RFC 4733), INFO, and the description of both.

Must not know devices and wires.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from voxlab.faults.edits import with_body
from voxlab.faults.fault import Fault, Parameter
from voxlab.faults.flaws import Plain, Remembering, is_event
from voxlab.faults.treatment import Message, Refuses, Rewrites, Treatment
from voxlab.sip.message import Request, Response

if TYPE_CHECKING:
    from voxlab.media.batch import PacketBatch

_PHONE = ("phone",)

FAULTS = (
    Fault("event_type", "keys are not heard: they come under a payload type that nobody named", _PHONE,
          "RFC 3264 s.5.1, RFC 4733 s.2.5.1.1",
          "send events under the number of the far end's a=rtpmap", 14, "VX-DTMF-TYPE",
          (Parameter("payload_type", 96.0, "the number that is used instead, 96 to 127"),)),
    Fault("event_clock", "keys seem twice as long, or too short to count", _PHONE,
          "RFC 4733 s.2.1, RFC 7160", "count events on the clock of the codec that they interrupt", 14, "VX-DTMF-CLOCK",
          (Parameter("factor", 2.0, "how many times too fast the clock is; below 1 it is too slow"),)),
    Fault("event_ends_lost", "the far end takes a key for pressed until it loses patience", _PHONE,
          "RFC 4733 s.2.5.1.4", "send the final packet three times", 14, "VX-DTMF-END"),
    Fault("double_digits", "one key is heard three times", _PHONE,
          "RFC 4733 s.2.2.1, s.2.5.1.4", "repeat the final packet with the timestamp of the event's start", 14,
          "VX-DTMF-DOUBLE"),
    Fault("event_no_marker", "a key whose first packet has no marker: some receivers wait for it", _PHONE,
          "RFC 4733 s.2.2.2", "set the marker bit in the first packet of an event", 14, "VX-DTMF-MARKER"),
    Fault("no_events", "keys come as sound in the voice: codecs and concealment spoil them", _PHONE,
          "RFC 4733 s.2.4.1, s.2.5.1.1", "offer and answer telephone-event", 14, "VX-DTMF-SOUND"),
    Fault("refuses_info", "keys told by INFO are refused with 415 and do nothing", _PHONE,
          "RFC 6086 s.4.2.2", 'send keys as telephone events: phone(dtmf="rfc4733")', 14, "VX-DTMF-INFO"),
)  # fmt: skip


def _under(payload_type: float) -> Treatment:
    def flaw(batch: PacketBatch) -> list[PacketBatch]:
        return [batch._replace(payload_type=int(payload_type))] if is_event(batch) else [batch]

    return Plain(flaw)


def _counted_at(factor: float) -> Treatment:
    """Count durations on another clock than that of the timestamps."""

    def flaw(batch: PacketBatch) -> list[PacketBatch]:
        if not is_event(batch):
            return [batch]
        payload = batch.payload.copy()
        ticks = payload[:, 2].astype(int) * 256 + payload[:, 3]
        longer = (ticks * factor).astype(int).clip(0, 0xFFFF)
        payload[:, 2], payload[:, 3] = longer >> 8, longer & 0xFF
        return [batch._replace(payload=payload)]

    return Plain(flaw)


def _without_ends(batch: PacketBatch) -> list[PacketBatch]:
    return [batch.take(batch.payload[:, 1] < 0x80)] if is_event(batch) else [batch]


def _each_end_anew(batch: PacketBatch, seen: dict[int, int]) -> list[PacketBatch]:
    """Give each copy of a final packet a time of its own: as many keys."""
    if not is_event(batch):
        return [batch]
    stamps = batch.timestamp.copy()
    for row in range(batch.packets):
        began = int(stamps[row])
        if batch.payload[row, 1] >= 0x80:
            copies = seen[began] = seen.get(began, -1) + 1
            stamps[row] = (began + copies * 160) & 0xFFFFFFFF
    return [batch._replace(timestamp=stamps)]


def _unmarked(batch: PacketBatch) -> list[PacketBatch]:
    return [batch._replace(marker=batch.marker & False)] if is_event(batch) else [batch]


def _no_events(message: Message, data: bytes) -> bytes:
    body = message.body
    numbers = [each.decode() for each in re.findall(rb"(?m)^a=rtpmap:(\d+) telephone-event/", body)]
    if not numbers:
        return data
    for number in numbers:
        body = re.sub(rb"(?m)^a=(?:rtpmap|fmtp):%s [^\r\n]*\r\n" % number.encode(), b"", body)
        body = re.sub(rb"(?m)^(m=audio [^\r\n]*?) %s\b" % number.encode(), rb"\1", body)
    return with_body(data, body)


def _refuses_info(request: Request) -> Response | None:
    return request.response(415, "Unsupported Media Type") if request.method == "INFO" else None


TREATMENTS: dict[str, Callable[..., Treatment]] = {
    "event_type": _under,
    "event_clock": _counted_at,
    "event_ends_lost": lambda: Plain(_without_ends),
    "double_digits": lambda: Remembering(dict, _each_end_anew),
    "event_no_marker": lambda: Plain(_unmarked),
    "no_events": lambda: Rewrites(_no_events),
    "refuses_info": lambda: Refuses(_refuses_info),
}
"""What makes the treatment of each fault, from its parameters."""
