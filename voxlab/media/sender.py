"""One outgoing RTP stream on a grid of frames: numbers, timestamps, pacing (RFC 3550 s.5.1; RFC 3551 s.4.1 and s.4.2).

Must not know RTCP or addresses. Frame ``k`` is due at ``origin + k * ptime`` and has the timestamp ``first + k *
samples``: nothing drifts, a pause moves the timestamp by the time that passed, and packets do not depend on how often
somebody asks for them.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from voxlab.media.batch import PacketBatch
from voxlab.media.codecs import Codec
from voxlab.media.rtp import RtpPacket, pack
from voxlab.media.sources import Source, window_of

NS: Final = 1_000_000_000
MAX_OVERDUE_FRAMES: Final = 25
"""A talker that was held up sends this much late (half a second at 20 ms) and skips what is older.

Nobody would play it.
"""


class Sender:
    """Makes the packets of one SSRC.

    Parameters
    ----------
    ssrc, first_sequence, first_timestamp : int
        Drawn at random by the caller (s.5.1).
    codec : Codec
    ptime_s : float
        Sound in a packet.
    """

    def __init__(
        self, *, ssrc: int, first_sequence: int, first_timestamp: int, codec: Codec, ptime_s: float = 0.02
    ) -> None:
        self.ssrc = ssrc
        self.codec = codec
        self.packets = 0
        self.octets = 0
        self.frame_ns = round(ptime_s * NS)
        self.frame_samples = round(ptime_s * codec.clock_rate_hz)
        self._first_sequence = first_sequence
        self._first_timestamp = first_timestamp
        self._origin_ns: int | None = None
        self._frame = 0
        self._source: Source | None = None
        self._source_from = 0
        self._encoded = np.empty(0, dtype=np.uint8)
        self._talkspurt = True

    @property
    def playing(self) -> bool:
        """Whether a source is being sent."""
        return self._source is not None

    def play(self, source: Source, now_ns: int) -> None:
        """Send a source from its beginning, in place of the one before, from the next frame on."""
        if not self.playing:
            self._resume(now_ns)
        self._source = source
        self._source_from = self._frame
        self._encoded = self.codec.encode(source.samples)

    def pause(self) -> None:
        """Send nothing until the next `play`; its first packet has the marker and the timestamp of its instant."""
        self._source = None

    def change_ssrc(self, ssrc: int) -> None:
        """Go on as another source: packets are counted anew, numbers and timestamps go on (s.8.2)."""
        self.ssrc = ssrc
        self._first_sequence = (self._first_sequence + self.packets) & 0xFFFF
        self.packets = self.octets = 0
        self._talkspurt = True

    def _resume(self, now_ns: int) -> None:
        """Go to the first frame that is due now or later; what comes next begins a talkspurt."""
        if self._origin_ns is None:
            self._origin_ns = now_ns
        self._frame = max(self._frame, -((self._origin_ns - now_ns) // self.frame_ns))
        self._talkspurt = True

    def _due_ns(self, frame: int) -> int:
        return (self._origin_ns or 0) + frame * self.frame_ns

    @property
    def next_ns(self) -> int | None:
        """When the next frame is due, None while nothing plays."""
        return self._due_ns(self._frame) if self.playing else None

    @property
    def finish_ns(self) -> int | None:
        """When the source has been sent to its end; None if it has none or nothing plays."""
        if self._source is None or self._source.loop:
            return None
        return self._due_ns(self._source_from - -len(self._encoded) // self.frame_samples)

    def frames_due(self, now_ns: int) -> int:
        """Return how many frames are due now or before."""
        return (
            (now_ns - self._due_ns(self._frame)) // self.frame_ns + 1
            if self.playing and now_ns >= self._due_ns(self._frame)
            else 0
        )

    def take_packets(self, now_ns: int) -> list[bytes]:
        """Return the wire form of the packets that are due; silence follows a source that has ended."""
        due = self.frames_due(now_ns)
        if due > MAX_OVERDUE_FRAMES:
            self._frame += due - MAX_OVERDUE_FRAMES
            self._talkspurt = True
        return [self._pack(self._octets(1).tobytes()) for _ in range(min(due, MAX_OVERDUE_FRAMES))]

    def take_batch(self, now_ns: int) -> PacketBatch | None:
        """Return the packets that are due as columns, each with its own time; None if there are none."""
        due = self.frames_due(now_ns)
        if not due:
            return None
        payload = self._octets(due).reshape(due, self.frame_samples)
        frame = np.arange(self._frame, self._frame + due, dtype=np.int64)
        number = np.arange(self.packets, self.packets + due, dtype=np.int64)
        marker = np.zeros(due, dtype=np.bool_)
        marker[0] = self._talkspurt
        due_ns = (self._origin_ns or 0) + frame * self.frame_ns
        batch = PacketBatch(
            self.ssrc,
            self.codec.payload_type,
            due_ns,
            (number + self._first_sequence).astype(np.uint16),
            (frame * self.frame_samples + self._first_timestamp).astype(np.uint32),
            marker,
            payload,
            due_ns,
        )
        self._sent(due, due, payload.size)
        return batch

    def frame(self, payload: bytes, now_ns: int, *, payload_type: int | None = None) -> bytes:
        """Return one packet with a payload of the caller's, due now.

        Its timestamp is the grid's nearest to now that is not used yet.
        """
        if self._origin_ns is None:
            self._resume(now_ns)
        self._frame = max(self._frame, (now_ns - self._due_ns(0) + self.frame_ns // 2) // self.frame_ns)
        return self._pack(payload, payload_type)

    def _octets(self, frames: int) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
        start = (self._frame - self._source_from) * self.frame_samples
        loop = self._source is not None and self._source.loop
        return window_of(self._encoded, start, frames * self.frame_samples, loop=loop, silence=self.codec.silence)

    def _pack(self, payload: bytes, payload_type: int | None = None) -> bytes:
        kind = self.codec.payload_type if payload_type is None else payload_type
        sequence = (self._first_sequence + self.packets) & 0xFFFF
        timestamp = (self._first_timestamp + self._frame * self.frame_samples) & 0xFFFFFFFF
        packed = pack(RtpPacket(kind, sequence, timestamp, self.ssrc, payload, self._talkspurt))
        self._sent(1, max(1, len(payload) // self.frame_samples), len(payload))
        return packed

    def _sent(self, packets: int, frames: int, octets: int) -> None:
        self.packets += packets
        self.octets += octets
        self._frame += frames
        self._talkspurt = False

    def timestamp_at(self, now_ns: int) -> int:
        """Return the media clock at an instant, for an SR (s.6.4.1: of the same instant as its NTP timestamp)."""
        elapsed = now_ns - self._due_ns(0) if self._origin_ns is not None else 0
        return (self._first_timestamp + elapsed * self.codec.clock_rate_hz // NS) & 0xFFFFFFFF
