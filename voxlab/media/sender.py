"""One outgoing RTP stream on a grid of frames: numbers, timestamps, pacing (RFC 3550 s.5.1; RFC 3551 s.4.1 and s.4.2).

Must not know RTCP or addresses. Frame ``k`` is due at ``origin + k * ptime`` and has the timestamp ``first + k *
samples``: nothing drifts, a pause moves the timestamp by the time that passed, and packets do not depend on how often
somebody asks for them. A frame carries sound or, while a key is down, a telephone event. With `Suppression` frames in
which the source is silent are not sent: sequence numbers go on without a gap, timestamps with the time that passed, and
the first frame of the next talkspurt bears the marker (RFC 3551 s.4.1).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from voxlab.media import comfort_noise
from voxlab.media.batch import PacketBatch
from voxlab.media.codecs import Codec, Format, SampleCodec
from voxlab.media.encoding import Encoding
from voxlab.media.rtp import RtpPacket, pack
from voxlab.media.silence import Suppression
from voxlab.media.sources import Source
from voxlab.media.telephone_event import EventFrame

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
    events : Format, optional
        Under which payload type keys are sent; its clock is the codec's (RFC 4733 s.2.2).
    suppression : Suppression, optional
        How to fall silent with the source; without it silence is sent like any sound.
    """

    def __init__(
        self,
        *,
        ssrc: int,
        first_sequence: int,
        first_timestamp: int,
        codec: Codec,
        ptime_s: float = 0.02,
        events: Format | None = None,
        suppression: Suppression | None = None,
    ) -> None:
        self.ssrc = ssrc
        self.codec = codec
        self.events = events
        self.suppression = suppression
        self.packets = 0
        self.octets = 0
        self.ptime_s = ptime_s
        self.frame_ns = round(ptime_s * NS)
        self.frame_samples = round(ptime_s * codec.clock_rate_hz)
        self._first_sequence = first_sequence
        self._first_timestamp = first_timestamp
        self._origin_ns: int | None = None
        self._frame = 0
        self._encoding: Encoding | None = None
        self._source_from = 0
        self._keys: dict[int, EventFrame] = {}
        self._talkspurt = True
        self._quiet = False

    @property
    def playing(self) -> bool:
        """Whether a source is being sent."""
        return self._encoding is not None

    def play(self, source: Source, now_ns: int) -> None:
        """Send a source from its beginning, in place of the one before, from the next frame on."""
        if not self.playing:
            self._resume(now_ns)
        encoder = None if self._encoding is None else self._encoding.encoder
        self._encoding = Encoding(self.codec, source, self.ptime_s, encoder)
        self._source_from = self._frame

    def pause(self) -> None:
        """Send nothing until the next `play`; its first packet has the marker and the timestamp of its instant."""
        self._encoding = None

    def press(self, frames: Mapping[int, EventFrame]) -> None:
        """Send events in these frames, none of which may have been sent; sound waits until they are over."""
        self._keys |= frames

    def next_free_frame(self, now_ns: int) -> int:
        """Return the first frame, due now or later, behind every key that is to be sent."""
        if not self.playing and not self._keys:
            self._resume(now_ns)
        return max([self._frame, *(frame + 1 for frame in self._keys)])

    def change_ssrc(self, ssrc: int) -> None:
        """Go on as another source: packets are counted anew, numbers and timestamps go on (s.8.2)."""
        self.ssrc = ssrc
        self._first_sequence = (self._first_sequence + self.packets) & 0xFFFF
        self.packets = self.octets = 0
        self._talkspurt = True

    def change_codec(
        self, codec: Codec, ptime_s: float, events: Format | None, suppression: Suppression | None = None
    ) -> None:
        """Go on in another codec from the next frame on; its timestamps begin where those of the one before stand."""
        self._first_timestamp = self._stamp(self._frame)
        self._origin_ns = None if self._origin_ns is None else self._due_ns(self._frame)
        self._frame = self._source_from = 0
        self._keys.clear()
        self._encoding = None
        self.codec, self.events, self.ptime_s, self.suppression = codec, events, ptime_s, suppression
        self.frame_ns = round(ptime_s * NS)
        self.frame_samples = round(ptime_s * codec.clock_rate_hz)

    def _resume(self, now_ns: int) -> None:
        """Go to the first frame that is due now or later; what comes next begins a talkspurt."""
        if self._origin_ns is None:
            self._origin_ns = now_ns
        self._frame = max(self._frame, -((self._origin_ns - now_ns) // self.frame_ns))
        self._fall_quiet(False)

    def _fall_quiet(self, quiet: bool) -> None:
        """Note that what comes next begins a talkspurt; ``quiet`` if the silence before it has been told."""
        self._talkspurt, self._quiet = True, quiet

    def _due_ns(self, frame: int) -> int:
        return (self._origin_ns or 0) + frame * self.frame_ns

    @property
    def next_ns(self) -> int | None:
        """When the next frame is due, None while there is nothing to send."""
        if self.playing:
            return self._due_ns(self._frame)
        return self._due_ns(max(self._frame, min(self._keys))) if self._keys else None

    @property
    def finish_ns(self) -> int | None:
        """When the source has been sent to its end; None if it has none or nothing plays."""
        frames = self._encoding.frames if self._encoding else None
        return None if frames is None else self._due_ns(self._source_from + frames)

    def frames_due(self, now_ns: int) -> int:
        """Return how many frames are due now or before."""
        busy = self.playing or bool(self._keys)
        first = self._due_ns(self._frame)
        return (now_ns - first) // self.frame_ns + 1 if busy and now_ns >= first else 0

    def take_packets(self, now_ns: int) -> list[bytes]:
        """Return the wire form of the packets that are due; silence follows a source that has ended."""
        due = self.frames_due(now_ns)
        if due > MAX_OVERDUE_FRAMES:
            self._frame += due - MAX_OVERDUE_FRAMES
            self._talkspurt = True
        packets = []
        for _ in range(min(due, MAX_OVERDUE_FRAMES)):
            key = self._keys.pop(self._frame, None)
            if key is not None:
                packets.append(self._pack_key(key))
            elif self.playing:
                packets += self._pack_sound()
            else:
                self._frame += 1
        self._forget_missed_keys()
        return packets

    def _pack_sound(self) -> list[bytes]:
        """Return the packet of the current frame, none where nothing is said."""
        if not self._silent(1)[0]:
            return [self._pack(self._sound(1)[0].tobytes())]
        told = self._told(1)
        frames = [self._pack_told(frame) for frame in told]
        if not frames:
            self._frame += 1
        self._fall_quiet(True)
        return frames

    def _pack_told(self, frame: int) -> bytes:
        kind, payload = self._telling(frame)
        return self._put(kind, self._stamp(frame), payload, False, 1)

    def _silent(self, frames: int) -> npt.NDArray[np.bool_]:
        """Tell which of the next frames need not be sent."""
        if self.suppression is None or self._encoding is None:
            return np.zeros(frames, np.bool_)
        return self._encoding.activity.silent(self._frame - self._source_from, frames)

    def _told(self, frames: int) -> list[int]:
        """Return in which of the next frames, all silent, the silence is told of: its first, and one now and then."""
        assert self.suppression is not None
        every = max(1, round(self.suppression.update_s / self.ptime_s))
        numbers = range(self._frame, self._frame + frames)
        return [frame for frame in numbers if frame % every == 0 or (frame == self._frame and not self._quiet)]

    def _telling(self, frame: int) -> tuple[int, bytes]:
        """Return payload type and payload that tell of the noise in a silent frame (RFC 3389 s.5)."""
        assert self.suppression is not None
        assert self._encoding is not None
        if self.suppression.noise is None:
            return self.codec.payload_type, self._encoding.octets(frame - self._source_from, 1)[0].tobytes()
        noise = self._encoding.activity.samples(frame - self._source_from)
        return self.suppression.noise.payload_type, comfort_noise.describe(noise)

    def _forget_missed_keys(self) -> None:
        for frame in [each for each in self._keys if each < self._frame]:
            del self._keys[frame]

    def take_batches(self, now_ns: int) -> list[PacketBatch]:
        """Return the packets that are due as columns, each with its own time; one batch per run of a payload type."""
        end = self._frame + self.frames_due(now_ns)
        batches = []
        for frames in self._runs(end):
            key = self._keys.pop(self._frame, None)
            if key is not None:
                batches.append(self._key_batch([key, *(self._keys.pop(self._frame + i) for i in range(1, frames))]))
            elif self.playing:
                batches += self._sound_batches(frames)
            else:
                self._frame += frames
        return batches

    def _runs(self, end: int) -> Iterator[int]:
        """Yield how many frames from the current one on, before ``end``, are all of one event, or all without one."""
        while self._frame < end:
            stop = self._frame + 1 if self._keys else end
            while stop < end and self._began(stop) == self._began(self._frame):
                stop += 1
            yield stop - self._frame

    def _sound_batches(self, frames: int) -> list[PacketBatch]:
        """Return talkspurts, and between them what tells of the silence."""
        silent = self._silent(frames)
        if not silent.any():
            return [self._sound_batch(frames)]
        batches = []
        cuts = [0, *(np.flatnonzero(np.diff(silent)) + 1).tolist(), frames]
        for begin, end in pairwise(cuts):
            if not silent[begin]:
                batches.append(self._sound_batch(end - begin))
                continue
            after = self._frame + end - begin
            if told := self._told(end - begin):
                batches.append(self._telling_batch(told))
            self._frame = after
            self._fall_quiet(True)
        return batches

    def _telling_batch(self, told: list[int]) -> PacketBatch:
        kinds_and_payloads = [self._telling(frame) for frame in told]
        payload = np.frombuffer(b"".join(each for _, each in kinds_and_payloads), np.uint8).reshape(len(told), -1)
        frame = np.array(told, np.int64)
        stamps = (frame * self.frame_samples + self._first_timestamp).astype(np.uint32)
        return self._batch(kinds_and_payloads[0][0], frame, stamps, False, payload)

    def _began(self, frame: int) -> int | None:
        key = self._keys.get(frame)
        return None if key is None else key.began

    def _sound_batch(self, frames: int) -> PacketBatch:
        frame = np.arange(self._frame, self._frame + frames, dtype=np.int64)
        stamps = (frame * self.frame_samples + self._first_timestamp).astype(np.uint32)
        return self._batch(self.codec.payload_type, frame, stamps, self._talkspurt, self._sound(frames))

    def _key_batch(self, keys: list[EventFrame]) -> PacketBatch:
        frame = np.arange(self._frame, self._frame + len(keys), dtype=np.int64)
        stamps = np.full(len(keys), self._stamp(keys[0].began), dtype=np.uint32)
        payload = np.frombuffer(b"".join(each.payload for each in keys), np.uint8).reshape(len(keys), -1)
        return self._batch(self._event_type, frame, stamps, keys[0].marker, payload)

    def _batch(
        self,
        payload_type: int,
        frame: npt.NDArray[np.int64],
        stamps: npt.NDArray[np.uint32],
        marked: bool,
        payload: npt.NDArray[np.uint8],
    ) -> PacketBatch:
        number = np.arange(self.packets, self.packets + len(frame), dtype=np.int64)
        marker = np.zeros(len(frame), dtype=np.bool_)
        marker[0] = marked
        due_ns = (self._origin_ns or 0) + frame * self.frame_ns
        numbers = (number + self._first_sequence).astype(np.uint16)
        batch = PacketBatch(self.ssrc, payload_type, due_ns, numbers, stamps, marker, payload, due_ns)
        self._sent(len(frame), len(frame), payload.size)
        return batch

    def frame(self, payload: bytes, now_ns: int, *, payload_type: int | None = None) -> bytes:
        """Return one packet with a payload of the caller's, due now.

        Its timestamp is the grid's nearest to now that is not used yet.
        """
        if self._origin_ns is None:
            self._resume(now_ns)
        self._frame = max(self._frame, (now_ns - self._due_ns(0) + self.frame_ns // 2) // self.frame_ns)
        return self._pack(payload, payload_type)

    def _sound(self, frames: int) -> npt.NDArray[np.uint8]:
        assert self._encoding is not None
        return self._encoding.octets(self._frame - self._source_from, frames)

    @property
    def _event_type(self) -> int:
        return self.codec.payload_type if self.events is None else self.events.payload_type

    def _stamp(self, frame: int) -> int:
        return (self._first_timestamp + frame * self.frame_samples) & 0xFFFFFFFF

    def _pack_key(self, key: EventFrame) -> bytes:
        return self._put(self._event_type, self._stamp(key.began), key.payload, key.marker, 1)

    def _pack(self, payload: bytes, payload_type: int | None = None) -> bytes:
        kind = self.codec.payload_type if payload_type is None else payload_type
        width = self.codec.width if isinstance(self.codec, SampleCodec) else 0
        frames = max(1, len(payload) // (width * self.frame_samples)) if width else 1
        return self._put(kind, self._stamp(self._frame), payload, self._talkspurt, frames)

    def _put(self, kind: int, stamp: int, payload: bytes, marker: bool, frames: int) -> bytes:
        sequence = (self._first_sequence + self.packets) & 0xFFFF
        packed = pack(RtpPacket(kind, sequence, stamp, self.ssrc, payload, marker))
        self._sent(1, frames, len(payload))
        return packed

    def _sent(self, packets: int, frames: int, octets: int) -> None:
        self.packets += packets
        self.octets += octets
        self._frame += frames
        self._talkspurt = self._quiet = False

    def timestamp_at(self, now_ns: int) -> int:
        """Return the media clock at an instant, for an SR (s.6.4.1: of the same instant as its NTP timestamp)."""
        elapsed = now_ns - self._due_ns(0) if self._origin_ns is not None else 0
        return (self._first_timestamp + elapsed * self.codec.clock_rate_hz // NS) & 0xFFFFFFFF
