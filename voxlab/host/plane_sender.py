"""A sender whose packets the media thread makes: the same numbers and the same grid as ``media.sender``, on time even
while the lab's thread computes (RFC 3550 s.5.1).

Only for encodings without memory, whose octets can be cut anywhere. Must not know dialogs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from voxlab.base.datagram import Address
from voxlab.media.sender import Sender
from voxlab.net.plane.lane import LARGEST_FRAME_OCTETS, Speech

if TYPE_CHECKING:
    from voxlab.media.sources import Source
    from voxlab.net.plane.lane import Lane, Stood

MEMORYLESS = frozenset({"PCMU", "PCMA", "L16"})
"""Encodings of which each octet, or each sample, stands for itself."""


def paceable(sender: Sender) -> bool:
    """Tell whether the media thread can make a sender's packets: no memory, and frames that fit a datagram."""
    if sender.codec.name not in MEMORYLESS:
        return False
    width = len(np.ascontiguousarray(sender.codec.encode(np.zeros(1, np.int16))).reshape(-1).view(np.uint8))
    return 0 < width * sender.frame_samples <= LARGEST_FRAME_OCTETS


class PlaneSender(Sender):
    """Makes the packets of one SSRC, in the media thread.

    Parameters
    ----------
    like : Sender
        Its numbers; nothing has been sent by it.
    lane : Lane
    target : callable
        Returns where packets go, None for nowhere.
    """

    def __init__(self, like: Sender, lane: Lane, target: Callable[[], Address | None]) -> None:
        self._lane = lane
        self._speaking = False
        self._counted = [0, 0]
        super().__init__(
            ssrc=like.ssrc,
            first_sequence=like._first_sequence,
            first_timestamp=like._first_timestamp,
            codec=like.codec,
            ptime_s=like.frame_ns / 1e9,
        )
        self._target = target

    # -- what is known: ours, and what the thread has sent since it was told to speak

    def _live(self) -> Stood | None:
        return self._lane.stood() if self._speaking else None

    @property
    def packets(self) -> int:
        """RTP packets sent."""
        live = self._live()
        return self._counted[0] + (live.packets if live else 0)

    @packets.setter
    def packets(self, value: int) -> None:
        self._counted[0] += value - self.packets

    @property
    def octets(self) -> int:
        """Their payload octets."""
        live = self._live()
        return self._counted[1] + (live.octets if live else 0)

    @octets.setter
    def octets(self, value: int) -> None:
        self._counted[1] += value - self.octets

    @property
    def next_ns(self) -> int | None:
        """None: nothing is ever due here."""
        return None

    def frames_due(self, now_ns: int) -> int:
        """Return 0: the thread sends them."""
        return 0

    # -- commands

    def play(self, source: Source, now_ns: int) -> None:
        """Send a source from its beginning, in place of the one before, from the next frame on."""
        self._fall_silent()
        super().play(source, now_ns)
        self._speak()

    def pause(self) -> None:
        """Send nothing until the next `play`."""
        self._fall_silent()
        super().pause()

    def frame(self, payload: bytes, now_ns: int, *, payload_type: int | None = None) -> bytes:
        """Return one packet with a payload of the caller's, between those of the thread."""
        spoke = self._speaking
        self._fall_silent()
        packed = super().frame(payload, now_ns, payload_type=payload_type)
        if spoke:
            self._speak()
        return packed

    def aim(self) -> None:
        """Send to where the target is now."""
        if self._speaking:
            self._lane.aim(self._target())

    def _fall_silent(self) -> None:
        """Take over from the thread where it stands."""
        if self._speaking:
            stood = self._lane.hush()
            self._speaking = False
            self._counted[0] += stood.packets
            self._counted[1] += stood.octets
            self._frame, self._talkspurt = stood.frame, stood.marker

    def _speak(self) -> None:
        assert self._source is not None
        octets = np.ascontiguousarray(self._encoded).reshape(-1).view(np.uint8)
        width = max(1, len(octets) // max(1, len(self._source.samples)))
        speech = Speech(
            sound=octets,
            loop=self._source.loop,
            silence=self.codec.silence,
            frame_octets=width * self.frame_samples,
            frame_ticks=self.frame_samples,
            frame_ns=self.frame_ns,
            due_ns=self._due_ns(self._frame),
            frame=self._frame,
            source_from=self._source_from,
            payload_type=self.codec.payload_type,
            ssrc=self.ssrc,
            sequence=(self._first_sequence + self.packets) & 0xFFFF,
            first_timestamp=self._first_timestamp,
            marker=self._talkspurt,
        )
        self._lane.speak(speech, self._target())
        self._speaking = True
