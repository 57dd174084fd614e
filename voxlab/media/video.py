"""A test picture as RTP: a frame counter in several packets of one timestamp (RFC 6184 s.5.8, RFC 7741 s.4.2).

Each packet has the payload header of its format, and behind it the number of the frame and of the packet in it: there
is nothing to see, only to count. Must not know addresses or who looks.
"""

from __future__ import annotations

import struct
from typing import Final

import numpy as np

from voxlab.media.batch import PacketBatch
from voxlab.media.sender import Sender
from voxlab.media.sources import Source, silence

FRAMES_A_SECOND: Final = 25
FRAME_S: Final = 1.0 / FRAMES_A_SECOND
PACKETS_A_FRAME: Final = 3
PAYLOAD_OCTETS: Final = 600
TEST_PICTURE: Final[Source] = silence()
"""What `PictureSender.play` takes: it has one picture, whatever it is told."""
_COUNTER: Final = struct.Struct("!IH")
_NRI, _FU_A, _SLICE = 0x60, 28, 1
_START, _END = 0x80, 0x40
_VP8_START: Final = 0x10


def payload(name: str, frame: int, part: int, parts: int = PACKETS_A_FRAME) -> bytes:
    """Return the payload of packet ``part`` of ``parts`` of a frame: `PAYLOAD_OCTETS` of them.

    Parameters
    ----------
    name : {"H264", "VP8"}
        FU-A units of a slice (RFC 6184 s.5.8), or a payload descriptor (RFC 7741 s.4.2).
    """
    if name.upper() == "H264":
        flags = (_START if part == 0 else 0) | (_END if part == parts - 1 else 0)
        head = bytes([_NRI | _FU_A, flags | _SLICE])
    else:
        head = bytes([_VP8_START if part == 0 else 0])
    return (head + _COUNTER.pack(frame & 0xFFFFFFFF, part)).ljust(PAYLOAD_OCTETS, b"\x55")


def counted(name: str, payload: bytes) -> tuple[int, int] | None:
    """Return frame and part of a payload of ours; None for what is too short."""
    begin = 2 if name.upper() == "H264" else 1
    return _COUNTER.unpack_from(payload, begin) if len(payload) >= begin + _COUNTER.size else None


class PictureSender(Sender):
    """Sends the test picture: a frame each `FRAME_S`, the marker on its last packet (RFC 6184 s.5.1).

    Parameters
    ----------
    like : Sender
        Its numbers, its format; nothing has been sent by it.
    """

    def __init__(self, like: Sender) -> None:
        super().__init__(
            ssrc=like.ssrc,
            first_sequence=like._first_sequence,
            first_timestamp=like._first_timestamp,
            codec=like.codec,
            ptime_s=like.ptime_s,
        )
        self._showing = False

    @property
    def playing(self) -> bool:
        """Whether the picture is being sent."""
        return self._showing

    def play(self, source: Source, now_ns: int) -> None:
        """Show the picture from the next frame on."""
        if not self._showing:
            self._resume(now_ns)
        self._showing = True

    def pause(self) -> None:
        """Show nothing."""
        self._showing = False

    def _pack_sound(self) -> list[bytes]:
        frame, stamp = self._frame, self._stamp(self._frame)
        parts = [payload(self.codec.name, frame, part) for part in range(PACKETS_A_FRAME)]
        last = len(parts) - 1
        kind = self.codec.payload_type
        return [self._put(kind, stamp, each, part == last, int(part == last)) for part, each in enumerate(parts)]

    def _sound_batches(self, frames: int) -> list[PacketBatch]:
        first, name = self._frame, self.codec.name
        frame = np.repeat(np.arange(first, first + frames, dtype=np.int64), PACKETS_A_FRAME)
        part = np.tile(np.arange(PACKETS_A_FRAME), frames)
        octets = b"".join(payload(name, *each) for each in zip(frame.tolist(), part.tolist(), strict=True))
        number = np.arange(self.packets, self.packets + len(frame), dtype=np.int64)
        due_ns = self._due_ns(0) + frame * self.frame_ns
        batch = PacketBatch(
            self.ssrc,
            self.codec.payload_type,
            due_ns,
            (number + self._first_sequence).astype(np.uint16),
            (frame * self.frame_samples + self._first_timestamp).astype(np.uint32),
            part == PACKETS_A_FRAME - 1,
            np.frombuffer(octets, np.uint8).reshape(len(frame), -1),
            due_ns,
        )
        self._sent(len(frame), frames, len(octets))
        return [batch]
