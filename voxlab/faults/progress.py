"""Faults between INVITE and 200: ringing tones that nobody plays, early media that is lost (RFC 3960, RFC 3264 s.5.1).

Must not know devices and wires.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from voxlab.faults.edits import changed, with_body, without
from voxlab.faults.fault import Fault, Parameter
from voxlab.faults.treatment import Device, Message, Piece, Rewrites, Treatment, is_response

FAULTS = (
    Fault("silent_183", "nobody plays a ringing tone: 183 without a description in the place of 180",
          ("phone", "carrier"), "RFC 3960 s.3.2, RFC 3261 s.13.3.1.1",
          "send 180, or a description and a tone with the 183", 5, "VX-NO-RINGBACK"),
    Fault("early_media_silent", "183 with a description, and nothing to be heard before the answer", ("phone",),
          "RFC 3960 s.3.2", "play the tone locally until early media comes; or phone(early_media=False): then 180",
          5, "VX-EARLY-MEDIA-SILENT"),
    Fault("answer_differs", "the 200 describes other media than the 183 did", ("phone", "carrier"),
          "RFC 3261 s.13.2.1", "repeat the description, or change it by UPDATE or re-INVITE", 5, "VX-ANSWER-CHANGED"),
    Fault("late_answer", "the first words are lost: RTP comes before the 200", ("phone", "carrier"),
          "RFC 3264 s.5.1", "be ready to hear as soon as the offer is out; describe early media in a 183",
          6, "VX-MEDIA-CLIPPED", (Parameter("delay_s", 2.0, "how much later the 200 is sent, in seconds"),)),
    Fault("announce_then_fail", "an announcement is heard, and then the call fails without ever being answered",
          ("carrier",), "RFC 3960 s.2", "pass early media on; nothing is billed, because there was no 200",
          6, "VX-ANNOUNCEMENT"),
    Fault("early_media_dropped", "what the callee says before the answer is lost: the 183 loses its description",
          ("carrier",), "RFC 3960 s.2, RFC 3261 s.16.7",
          "pass provisional responses on as they are, description included", 6, "VX-EARLY-MEDIA-DROPPED"),
)  # fmt: skip


def _without_description(data: bytes) -> bytes:
    return with_body(without(data, "Content-Type", "c"), b"")


def _silent_183(message: Message, data: bytes) -> bytes:
    if not is_response(message, "INVITE", 180, 183):
        return data
    return _without_description(changed(data, rb"\ASIP/2\.0 18\d [^\r\n]*", b"SIP/2.0 183 Session Progress"))


def _undescribed(message: Message, data: bytes) -> bytes:
    return _without_description(data) if is_response(message, "INVITE", 183, 183) else data


def _answer_differs(message: Message, data: bytes) -> bytes:
    """Leave the first codec alone in the 200, and say so in another session."""
    if not is_response(message, "INVITE", 200, 299) or not message.body:
        return data
    body = re.sub(rb"(?m)^(m=audio \d+ \S+ \d+) [^\r\n]*", rb"\1", message.body)
    return with_body(data, re.sub(rb"(?m)^(o=\S+ \d+ )\d+", rb"\g<1>4242", body))


class _LateAnswer(Treatment):
    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s

    def leaving(self, message: Message, data: bytes, device: Device) -> list[Piece]:
        is_answer = is_response(message, "INVITE", 200, 299)
        return [Piece(self._delay_s if is_answer else 0.0, data)]


TREATMENTS: dict[str, Callable[..., Treatment]] = {
    "silent_183": lambda: Rewrites(_silent_183),
    "answer_differs": lambda: Rewrites(_answer_differs),
    "late_answer": _LateAnswer,
    "early_media_dropped": lambda: Rewrites(_undescribed, outside=True),
}
"""What makes the treatment of each fault; the others turn settings of their device."""
