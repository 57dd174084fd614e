"""Faults of RTP streams and of the reports about them (RFC 3550, RFC 3389, RFC 3551).

Must not know devices and wires.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from voxlab.faults.fault import Fault, Parameter
from voxlab.faults.flaws import NoReports, Remembering, is_event
from voxlab.faults.treatment import Treatment

if TYPE_CHECKING:
    from voxlab.media.batch import PacketBatch

_PHONE = ("phone",)
_NS = 1_000_000_000

FAULTS = (
    Fault("ssrc_changes", "the far end's jitter buffer begins anew in the middle of a word", _PHONE,
          "RFC 3550 s.8, s.5.1", "keep one SSRC for the whole session, or say BYE by RTCP before it changes", 37,
          "VX-RTP-SSRC", (Parameter("after_s", 2.0, "seconds of talk before it changes"),)),
    Fault("timestamp_jumps", "jitter of a second out of nothing: after a hold the media clock stands elsewhere", _PHONE,
          "RFC 3550 s.5.1", "let the clock run on while nothing is sent", 37, "VX-RTP-CLOCK",
          (Parameter("jump_s", 60.0, "by how much it jumps, in seconds"),)),
    Fault("no_rtcp", "nobody can tell how the call sounds at the other end: no reports come", _PHONE,
          "RFC 3550 s.6.2, s.6.4.1", "send RTCP, and let the port after that of RTP through", 37, "VX-RTCP-MISSING"),
    Fault("dtx", "dead silence between words: pauses are comfort noise under a type that nobody named", _PHONE,
          "RFC 3389 s.4, RFC 3551 s.4.1", "turn silence suppression off, or offer CN (payload type 13)", 37,
          "VX-RTP-NOISE", (Parameter("every_s", 1.0, "how long talk and pause last, in seconds"),)),
    Fault("bursts", "sound breaks off: packets are lost many in a row", _PHONE,
          "RFC 3611 s.4.7.2, RFC 3550 s.6.4.1", "give voice a queue of its own (DSCP EF); look at the link", 37,
          "VX-RTP-BURST", (Parameter("packets", 10.0, "how many are lost in a row"),
                           Parameter("every_s", 2.0, "how often, in seconds"))),
)  # fmt: skip


def _began(batch: PacketBatch, memory: dict[str, Any]) -> int:
    """Return when a stream began, in nanoseconds."""
    began: int = memory.setdefault("began_ns", int(batch.time_ns[0]))
    return began


def _ssrc_changes(after_s: float) -> Treatment:
    def flaw(batch: PacketBatch, memory: dict[str, Any]) -> list[PacketBatch]:
        before, after = batch.split(_began(batch, memory) + round(after_s * _NS))
        return [before, after._replace(ssrc=(after.ssrc ^ 0x5A5A5A5A))]

    return Remembering(dict, flaw)


def _timestamp_jumps(jump_s: float) -> Treatment:
    """Jump whenever nothing was sent for half a second."""

    def flaw(batch: PacketBatch, memory: dict[str, Any]) -> list[PacketBatch]:
        import numpy as np

        last_ns = memory.get("last_ns", int(batch.time_ns[0]))
        gaps = np.diff(batch.time_ns, prepend=last_ns) > _NS // 2
        jumps = memory.get("jumps", 0) + np.cumsum(gaps)
        memory["last_ns"], memory["jumps"] = int(batch.time_ns[-1]), int(jumps[-1])
        stamps = batch.timestamp.astype(np.int64) + jumps * round(jump_s * 8000)
        return [batch._replace(timestamp=stamps.astype(np.uint32))]

    return Remembering(dict, flaw)


def _dtx(every_s: float) -> Treatment:
    """Talk, and pause for as long; the first packet of a pause becomes comfort noise, the others are not sent."""

    def flaw(batch: PacketBatch, memory: dict[str, Any]) -> list[PacketBatch]:
        import numpy as np

        if is_event(batch):
            return [batch._replace(sequence=(batch.sequence - memory.get("skipped", 0)).astype(np.uint16))]
        phase = (batch.time_ns - _began(batch, memory)) // max(1, round(every_s * _NS))
        pauses = phase % 2 == 1
        first = pauses & (np.diff(phase, prepend=memory.get("phase", 0)) != 0)
        resumes = ~pauses & (np.diff(phase, prepend=memory.get("phase", 0)) != 0)
        unsent = pauses & ~first
        skipped = memory.get("skipped", 0) + np.cumsum(unsent)
        memory["phase"], memory["skipped"] = int(phase[-1]), int(skipped[-1])
        numbers = (batch.sequence.astype(np.int64) - skipped).astype(np.uint16)
        renumbered = batch._replace(sequence=numbers, marker=batch.marker | resumes)
        talk = renumbered.take(~pauses)
        noise = renumbered.take(first)
        noise = noise._replace(payload_type=13, payload=np.full((noise.packets, 1), 70, np.uint8))
        return _in_order(talk, noise)

    return Remembering(dict, flaw)


def _in_order(talk: PacketBatch, noise: PacketBatch) -> list[PacketBatch]:
    """Return talk and noise by turns, so that packets leave in the order of their numbers."""
    out: list[PacketBatch] = []
    while noise.packets:
        at_ns = int(noise.time_ns[0])
        before, talk = talk.split(at_ns)
        pause, noise = noise.split(at_ns)
        out += [before, pause]
    return [*out, talk]


def _bursts(packets: float, every_s: float) -> Treatment:
    def flaw(batch: PacketBatch, memory: dict[str, Any]) -> list[PacketBatch]:
        period_ns = max(1, round(every_s * _NS))
        within_ns = (
            batch.time_ns - _began(batch, memory) + period_ns // 2
        ) % period_ns  # the first one half a period in
        frame_ns = 20_000_000
        return [batch.take(within_ns < period_ns - round(packets) * frame_ns)]

    return Remembering(dict, flaw)


TREATMENTS: dict[str, Callable[..., Treatment]] = {
    "ssrc_changes": _ssrc_changes,
    "timestamp_jumps": _timestamp_jumps,
    "no_rtcp": NoReports,
    "dtx": _dtx,
    "bursts": _bursts,
}
"""What makes the treatment of each fault, from its parameters."""
