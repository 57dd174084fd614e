"""A sender whose packets the media thread makes: the same numbers and the same grid as ``media.sender``, on time even
while the lab's thread computes (RFC 3550 s.5.1).

An encoding without memory is handed over whole, to be cut anywhere; of one that remembers some seconds are encoded
before they are due, again and again. While a key is down, or what is spoken is of another kind, the lab's thread makes
the packets, in the same numbers. Must not know dialogs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from voxlab.base.datagram import Address
from voxlab.media.ahead import Ahead
from voxlab.media.codecs import Codec, Format, SampleCodec
from voxlab.media.encoding import Octets
from voxlab.media.sender import NS, Sender
from voxlab.net.plane.lane import LARGEST_FRAME_OCTETS, Speech

if TYPE_CHECKING:
    from voxlab.media.silence import Suppression
    from voxlab.media.sources import Source
    from voxlab.media.telephone_event import EventFrame
    from voxlab.net.plane.lane import Lane, Stood

AHEAD_S = 5.0
"""So long the lab's thread may compute without a gap in what is said in a codec that remembers."""
_PORTION_S = 0.5
_HASTE_NS = 40_000_000  # between two portions until so much is encoded


def paceable(sender: Sender) -> bool:
    """Tell whether the media thread can send a sender's packets: each has as many octets, and they fit a datagram."""
    codec = sender.codec
    if sender.suppression is not None:
        return False  # which frames are silent is told by the lab's thread
    if isinstance(codec, SampleCodec):
        return 0 < codec.width * sender.frame_samples <= LARGEST_FRAME_OCTETS
    return True  # G.722, and Opus at a constant rate


class PlaneSender(Sender):
    """Makes the packets of one SSRC, in the media thread where that can.

    Parameters
    ----------
    like : Sender
        Its numbers; nothing has been sent by it.
    lane : Lane
    target : callable
        Returns where packets go, None for nowhere.
    is_plain : callable
        Returns whether the thread can send them: in the clear, or with keys that it has.
    """

    def __init__(
        self, like: Sender, lane: Lane, target: Callable[[], Address | None], is_plain: Callable[[], bool]
    ) -> None:
        self._lane = lane
        self._speaking = False
        self._counted = [0, 0]
        self._ahead = Ahead()
        self._look_again_ns: int | None = None  # while the thread says what was encoded ahead
        super().__init__(
            ssrc=like.ssrc,
            first_sequence=like._first_sequence,
            first_timestamp=like._first_timestamp,
            codec=like.codec,
            ptime_s=like.ptime_s,
            events=like.events,
            suppression=like.suppression,
        )
        self._target = target
        self._is_plain = is_plain

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
        """When the next frame is due here, or more is to be encoded; None while the thread has the whole sound."""
        return self._look_again_ns if self._speaking else super().next_ns

    def frames_due(self, now_ns: int) -> int:
        """Return how many frames are due here; none while the thread speaks."""
        return 0 if self._speaking else super().frames_due(now_ns)

    # -- commands

    def play(self, source: Source, now_ns: int) -> None:
        """Send a source from its beginning, in place of the one before, from the next frame on."""
        self._fall_silent()
        super().play(source, now_ns)
        self._ahead.clear(self._frame)
        self._go_on()

    def pause(self) -> None:
        """Send nothing until the next `play`."""
        self._fall_silent()
        super().pause()
        self._ahead.clear(self._frame)

    def next_free_frame(self, now_ns: int) -> int:
        """Return the first frame behind every key that is to be sent; from here on the lab's thread speaks."""
        self._fall_silent()
        return super().next_free_frame(now_ns)

    def press(self, frames: Mapping[int, EventFrame]) -> None:
        """Send events in these frames; the thread goes on with the sound when they are over."""
        self._fall_silent()
        super().press(frames)

    def take_packets(self, now_ns: int) -> list[bytes]:
        """Return the packets that are due here: keys, and what the thread does not make."""
        if self._look_again_ns is not None and now_ns >= self._look_again_ns:
            self._encode_ahead()  # first: meanwhile the thread goes on with what it has
            self._fall_silent()
            self._go_on()
        packets = super().take_packets(now_ns)
        self._go_on()
        return packets

    def frame(self, payload: bytes, now_ns: int, *, payload_type: int | None = None) -> bytes:
        """Return one packet with a payload of the caller's, between those of the thread."""
        self._fall_silent()
        packed = super().frame(payload, now_ns, payload_type=payload_type)
        self._go_on()
        return packed

    def change_ssrc(self, ssrc: int) -> None:
        """Go on as another source."""
        self._fall_silent()
        super().change_ssrc(ssrc)
        self._go_on()

    def change_codec(
        self, codec: Codec, ptime_s: float, events: Format | None, suppression: Suppression | None = None
    ) -> None:
        """Go on in another codec, which may be none of the thread's."""
        self._fall_silent()
        super().change_codec(codec, ptime_s, events, suppression)
        self._ahead.clear(self._frame)

    def aim(self) -> None:
        """Send to where the target is now, encrypted or not as was agreed."""
        if not self._is_plain():
            self._fall_silent()
        elif self._speaking:
            self._lane.aim(self._target())
        else:
            self._go_on()

    def _fall_silent(self) -> None:
        """Take over from the thread where it stands."""
        if self._speaking:
            stood = self._lane.hush()
            self._speaking = False
            self._look_again_ns = None
            self._counted[0] += stood.packets
            self._counted[1] += stood.octets
            self._frame, self._talkspurt = stood.frame, stood.marker

    def _go_on(self) -> None:
        """Let the thread speak, if it can make what comes next."""
        if self._speaking or self._encoding is None or self._keys or not self._is_plain() or not paceable(self):
            return
        if isinstance(self.codec, SampleCodec):
            size, whole = self.codec.width * self.frame_samples, self._encoding.whole
            self._say(whole, size, self._source_from, loop=self._encoding.loop, silence=self.codec.silence)
            return
        self._ahead.forget(self._frame)
        if self._ahead.end <= self._frame:
            self._encode_ahead()
        self._say(self._ahead.sound, self._ahead.frame_octets, self._ahead.first, ends=True)
        has_enough = (self._ahead.end - self._frame) * self.ptime_s >= AHEAD_S
        self._look_again_ns = self._due_ns(self._frame) + (round(_PORTION_S * NS) if has_enough else _HASTE_NS)

    def _encode_ahead(self) -> None:
        """Encode a portion more."""
        assert self._encoding is not None
        frames = max(1, round(_PORTION_S / self.ptime_s))
        self._ahead.add(self._encoding.octets(self._ahead.end - self._source_from, frames))

    def _sound(self, frames: int) -> Octets:
        """Return what is sent by the lab's thread: first of all what was encoded ahead."""
        taken = self._ahead.take(self._frame, frames)
        if len(taken) == frames:
            return taken
        assert self._encoding is not None
        more = self._encoding.octets(self._frame + len(taken) - self._source_from, frames - len(taken))
        self._ahead.clear(self._frame + frames)
        return np.concatenate((taken, more)) if len(taken) else more

    def _say(
        self, sound: Octets, size: int, source_from: int, *, loop: bool = False, ends: bool = False, silence: int = 0
    ) -> None:
        speech = Speech(
            sound=sound,
            loop=loop,
            ends=ends,
            silence=silence,
            frame_octets=size,
            frame_ticks=self.frame_samples,
            frame_ns=self.frame_ns,
            due_ns=self._due_ns(self._frame),
            frame=self._frame,
            source_from=source_from,
            payload_type=self.codec.payload_type,
            ssrc=self.ssrc,
            sequence=(self._first_sequence + self.packets) & 0xFFFF,
            first_timestamp=self._first_timestamp,
            marker=self._talkspurt,
        )
        self._lane.speak(speech, self._target())
        self._speaking = True
