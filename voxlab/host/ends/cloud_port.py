"""The cloud's end of a leg's audio: joined with another leg's it relays, alone it plays and counts (RFC 3550).

Must not know dialogs or scenarios: which ports are joined, and when, is said from above.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from voxlab.base.datagram import Address, is_private
from voxlab.dialog.media_agreed import MediaAgreed
from voxlab.dialog.media_profile import MediaProfile
from voxlab.dialog.video_line import VideoLine
from voxlab.host.ends.end import MediaEnd
from voxlab.host.ends.formats import formats_of
from voxlab.host.ends.place import MediaPlace
from voxlab.host.ends.quality_watch import QualityWatch
from voxlab.host.ends.traversal import OFF, RESTRICTED, Traversal
from voxlab.media.dtmf_relay import told_digit
from voxlab.sip.media_description import (
    COMFORT_NOISE,
    G722,
    L16,
    L16_WIDE,
    OPUS,
    PCMA,
    PCMU,
    TELEPHONE_EVENT,
    TELEPHONE_EVENT_OPUS,
)
from voxlab.sip.sdp import Codec as Offered

if TYPE_CHECKING:
    from voxlab.media.batch import PacketBatch
    from voxlab.media.plane import Relay, Side
    from voxlab.media.quality import Heard
    from voxlab.media.sources import Source
    from voxlab.media.stream import StreamStatistics
    from voxlab.media.telephone_event import HeardDigit
    from voxlab.media.translation import Translation

LATCH_S = 10.0
MADE_OF_OTHERS = (PCMU, PCMA, G722, OPUS)
"""What the cloud makes of one another where two legs have no codec in common."""
CLOUD_CODECS = (*MADE_OF_OTHERS, L16, L16_WIDE, TELEPHONE_EVENT, TELEPHONE_EVENT_OPUS)
"""What it speaks itself; comfort noise besides, where that is offered."""


class CloudPort(MediaEnd):
    """The cloud's end of one leg: joined with another it relays, alone it plays and counts."""

    made_of_others = MADE_OF_OTHERS
    takes_besides = (COMFORT_NOISE,)

    def __init__(self, place: MediaPlace, codecs: Sequence[Offered] = CLOUD_CODECS) -> None:
        super().__init__(place, codecs, MediaProfile(srtp="offer", dtx=True))
        self._translation: Translation | None = None
        self._side: Side[Address] | None = None
        self._relay: Relay[Address] | None = None
        self._way: str = "a"
        self._other: CloudPort | None = None
        self.traversal: Traversal | None = None
        self.signalled_from = ""
        self._joined: list[tuple[float, float]] = []
        self._watch: QualityWatch | None = None

    def begin(self, agreed: MediaAgreed, first: bool) -> None:
        """Expect packets from where the far end's description says, or from where its NAT sends them."""
        side = self.side()
        until_s = self.place.loop.time() + LATCH_S
        for latch, described in ((side.rtp, agreed.remote), (side.rtcp, agreed.remote_rtcp)):
            latching = self._latching(described)
            waits = latching["symmetric"] and not self.place.symmetric and is_private(described.host)
            latch.expect(None if waits else described, until_s=until_s, **latching)
        side.receiver.take_formats(formats_of(agreed.receives))
        self._retranslate()

    def _latching(self, described: Address) -> dict[str, Any]:
        """Say how to take packets of a far end that is elsewhere than its description says (RFC 7362 s.4, s.5)."""
        traversal, source = self.traversal, self.signalled_from
        if traversal is None or not source or described.host == source:
            return {"symmetric": self.place.symmetric}

        def same_host(address: Address) -> bool:
            return address.host == source

        if traversal.latching == OFF:
            return {"symmetric": False, "also": same_host}
        if traversal.latching == RESTRICTED:
            return {"symmetric": True, "allowed": same_host}
        if traversal.opened is not None:
            traversal.opened(self.port.rtp_address)
        return {"symmetric": True}

    def _retranslate(self) -> None:
        """Find out what has to change between what this leg sends and what its partner takes, and the other way."""
        for port, other in ((self, self._other), (self._other, self)):
            if port is None:
                continue
            mine = port.negotiation.agreed
            theirs = other.negotiation.agreed if other is not None else None
            before = port._translation
            port._translation = None if mine is None or theirs is None else _translation(mine, theirs, before)

    def side(self) -> Side[Address]:
        """Return the relay's view of this leg, made when it is first needed."""
        if self._side is None:
            from voxlab.media.codecs import FORMATS
            from voxlab.media.plane import Latch, Side

            self._side = Side(Latch(), Latch(), formats=FORMATS)
        return self._side

    def join(self, other: CloudPort) -> None:
        """Relay both ways between the two ports; a port receives from one other only, so an earlier partner is left."""
        if self._other is other:
            return
        from voxlab.media.plane import Relay

        for port in (self, other):
            port.part()
        relay = Relay(self.side(), other.side())
        self._relay, self._way, self._other = relay, "a", other
        other._relay, other._way, other._other = relay, "b", self
        for port in (self, other):
            port._joined.append((self.place.loop.time(), math.inf))
        self._retranslate()
        self._join_video()

    def open_video(self) -> VideoLine:
        """Return our line of video, joined with the partner's as the sound is."""
        line = super().open_video()
        self._join_video()
        return line

    def _new_video(self) -> MediaEnd:
        from voxlab.host.ends.video import cloud_video

        return cloud_video(self.place)

    def _join_video(self) -> None:
        mine, theirs = self.video, self._other.video if self._other is not None else None
        if isinstance(mine, CloudPort) and isinstance(theirs, CloudPort):
            mine.join(theirs)

    def part(self) -> None:
        """Stop relaying to and from this port."""
        other, self._other, self._relay = self._other, None, None
        if other is None:
            return
        if isinstance(self.video, CloudPort):
            self.video.part()
        self._leave()
        if other._other is self:
            other._other = other._relay = None
            other._leave()

    def _leave(self) -> None:
        """Take note that nobody else hears this leg from now on."""
        self._joined[-1] = self._joined[-1][0], self.place.loop.time()

    def play(self, source: Any) -> None:
        """Send audio of the cloud's own to the far end, None for silence; it replaces what another leg sent."""
        agreed = self.negotiation.agreed
        if agreed is None:
            return
        now = self.place.loop.time()
        if self._rtp is None:
            if source is None:
                return
            self._rtp = self._new_rtp_session(agreed)
        if source is None:
            self._rtp.pause(now)
        else:
            self.part()
            self._rtp.play(_source_of(source), now)
        self._pump()

    def watch(self, every_s: float, told: Callable[[Heard], None]) -> None:
        """Tell how the far end is heard, every so many lab seconds until the port closes; once more replaces it."""
        if self._watch is not None:
            self._watch.stop()
        self._watch = QualityWatch(self, every_s, told)

    def close(self) -> None:
        """Stop; the port is given back a moment later."""
        if self._watch is not None:
            self._watch.stop()
            self._watch = None
        super().close()

    def release(self) -> None:
        """Give the port back and leave the final counts in the journal."""
        super().release()
        self._other = None  # each would keep the other

    def datagram(self, data: bytes, source: Address, arrival_s: float, *, rtcp: bool) -> None:
        """Pass one datagram on, or keep it to ourselves."""
        from voxlab.media.rtp import is_rtcp

        self._record_foreign(data, source, arrival_s, rtcp=rtcp)
        opened = self._opened(data)
        if opened is None:
            return
        control = rtcp or is_rtcp(opened)
        if self._relay is None or self._other is None:
            self._alone(opened, source, arrival_s, control)
            return
        forward = self._relay.receive("a" if self._way == "a" else "b", source, opened, arrival_s)
        if forward is None:
            return
        if control:
            self._other._send_rtcp(opened, forward.destination)
            return
        passed = opened if self._translation is None else self._translation.packet(opened)
        if passed is not None:
            self._other._send_rtp(passed, forward.destination)

    def _alone(self, data: bytes, source: Address, arrival_s: float, rtcp: bool) -> None:
        from voxlab.media.errors import MediaError
        from voxlab.media.rtp import parse

        side = self.side()
        if not (side.rtcp if rtcp else side.rtp).admits(source, arrival_s):
            return
        if rtcp:
            if self._rtp is not None:
                self._rtp.receive(data, arrival_s)
                self._drain(self._rtp)
            return
        try:
            side.receiver.receive(parse(data), round(arrival_s * 1e9))
        except MediaError:
            side.receiver.refused.malformed += 1

    def batch(self, batch: PacketBatch, source: Address, now: float) -> None:
        """Pass a batch on, or keep it to ourselves."""
        self._record_foreign_batch(batch, source)
        opened = batch if self._srtp is None else self._srtp.open_batch(batch)
        if opened is None:
            return
        batch = opened
        if self._relay is None or self._other is None:
            side = self.side()
            if side.rtp.admits(source, now, batch.packets):
                side.receiver.receive_batch(batch)
            return
        joined_ns = round(self._joined[-1][0] * 1e9)
        if batch.time_ns[0] < joined_ns:  # a batch comes late: what arrived before the legs were joined was for us
            before, batch = batch.split(joined_ns - 1)
            if self.side().rtp.admits(source, now, before.packets):
                self.side().receiver.receive_batch(before)
            if not batch.packets:
                return
        forward = self._relay.forward("a" if self._way == "a" else "b", source, batch, now)
        if forward is not None:
            self._pass_on(*forward)
        destination = self.side().rtp.source
        if destination is not None and self._other.side().waiting:
            for waited in self._relay.released("b" if self._way == "a" else "a", int(batch.time_ns[0])):
                self._other._pass_on(waited, destination)

    def _pass_on(self, batch: PacketBatch, destination: Address) -> None:
        """Send the other leg's far end what came from ours."""
        assert self._other is not None
        for each in [batch] if self._translation is None else self._translation.batch(batch):
            self._other._send_batch(each, destination)

    def take_info(self, content_type: str, body: str) -> None:
        """Take note of a key that INFO tells us; where another leg takes part it is for that one."""
        digit = told_digit(content_type, body, self.place.loop.time())
        if digit is not None and self._other is None:
            self.told.append(digit)

    def digits(self) -> list[HeardDigit]:
        """Return the keys that came while no other leg took part: as events, and told by INFO."""
        streams = self._side.receiver.streams.values() if self._side is not None else ()
        events = (each for stream in streams for each in stream.events.heard if not self._was_joined(each.time_s))
        return sorted((*self.told, *events), key=lambda digit: digit.time_s)

    def _was_joined(self, at_s: float) -> bool:
        return any(begin_s <= at_s < end_s for begin_s, end_s in self._joined)

    def streams(self) -> list[tuple[Address, StreamStatistics]]:
        """Return each received stream with where it came from."""
        if self._side is None or self._side.rtp.source is None:
            return []
        return [(self._side.rtp.source, seen) for seen in self._side.receiver.statistics()]


def _translation(mine: MediaAgreed, theirs: MediaAgreed, before: Translation | None) -> Translation | None:
    """Return what makes one leg's packets the other's, None where they may pass byte for byte."""
    if (mine.codec, mine.receives) == (theirs.codec, theirs.sends):
        return None
    from voxlab.media.translation import between

    sends = [theirs.codec, *(each for each in theirs.sends if each != theirs.codec)]
    return between(formats_of(mine.receives), formats_of(sends), before)


def _source_of(given: Any) -> Source:
    """Return a source for what a scenario may play: a source, the name of a speech sample, or samples at 8 kHz."""
    from voxlab.media import sources

    if isinstance(given, sources.Source):
        return given
    return sources.speech(given) if isinstance(given, str) else sources.from_samples(given)
