"""The joint of SIP and RTP: one end of one leg's audio, from offer/answer to packets (RFC 3264, RFC 3550).

``MediaEnd`` is what a phone's ``Terminal`` and the cloud's ``CloudPort`` share. Must not know dialogs or scenarios:
descriptions go in and out, ``MediaAgreed`` starts the packets. In the simulated world packets travel as batches, in the
live one each on its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from voxlab.base.datagram import Address
from voxlab.base.ids import Ids
from voxlab.base.records import MediaStarted, StreamMeasured
from voxlab.dialog.media_agreed import MediaAgreed
from voxlab.dialog.media_profile import DEFAULT_PROFILE, MediaProfile, asks_for_xr, packet_time_ms
from voxlab.dialog.offer_answer import DEFAULT_CODECS, Negotiation
from voxlab.dialog.reading import REVERSED
from voxlab.dialog.video_line import VideoLine
from voxlab.host.ends.formats import event_format, formats_of, spoken_codec
from voxlab.host.ends.outgoing import Outgoing
from voxlab.host.ends.place import MediaPlace
from voxlab.host.ends.rtp_tap import RtpTap
from voxlab.net.network import MediaPort
from voxlab.sip.sdp import Codec as Offered
from voxlab.sip.sdp import Media, SessionDescription

if TYPE_CHECKING:
    from voxlab.faults.temper import Temper
    from voxlab.media.batch import PacketBatch
    from voxlab.media.rtp_session import RtpSession
    from voxlab.media.silence import Suppression
    from voxlab.media.srtp import Srtp
    from voxlab.media.stream import StreamStatistics
    from voxlab.media.telephone_event import HeardDigit

BATCH_S = 5.0  # statistics that are asked for speak of now all the same: `catch_up`
LINGER_S = 0.25  # a port stays open for what is still on its way when the call ends


class MediaEnd(Outgoing):
    """What both kinds of end share: a port, a negotiation, statistics."""

    made_of_others: tuple[Offered, ...] = ()
    """What is offered behind the codecs of the other leg of a bridge."""
    takes_besides: tuple[Offered, ...] = ()
    """What is accepted and not offered."""

    def __init__(
        self,
        place: MediaPlace,
        codecs: Sequence[Offered] = DEFAULT_CODECS,
        profile: MediaProfile = DEFAULT_PROFILE,
    ) -> None:
        self.place = place
        profile = replace(profile, new_key=partial(_new_key, place.ids))
        self.port: MediaPort = place.network.open_media(place.owner, place.host, self, place.ports())
        rtp = self.port.rtp_address
        self.negotiation = self._new_negotiation(Address(place.advertise or rtp.host, rtp.port), codecs, profile)
        self.video: MediaEnd | None = None
        place.media_addresses.update((rtp, self.port.rtcp_address))
        self.session = 0
        self.leg = ""
        self.call_id = ""
        self.told: list[HeardDigit] = []
        self.closed = False
        self.released = False
        self.temper: Callable[[], Temper | None] = lambda: None  # what a faulty device does to its packets
        self._tap = RtpTap(place.journal)
        self._timer: asyncio.TimerHandle | None = None
        self._announced: MediaAgreed | None = None
        self._rtp: RtpSession | None = None
        self._srtp: Srtp | None = None

    def _new_negotiation(self, address: Address, codecs: Sequence[Offered], profile: MediaProfile) -> Negotiation:
        negotiation = Negotiation(address, self.place.ids.uint32(), codecs, profile)
        negotiation.takes_besides = self.takes_besides
        return negotiation

    # -- video: an end of its own with a port of its own, opened when there is to be some

    def _new_video(self) -> MediaEnd:
        """Return an end for video."""
        raise NotImplementedError

    def open_video(self) -> VideoLine:
        """Return our line of video; its port is opened when it is first needed."""
        if self.video is None:
            self.video = self._new_video()
            self.video.label(session=self.session, leg=self.leg, call_id=self.call_id)
            self.negotiation.video = self.video.line
        return self.video.line

    @property
    def line(self) -> VideoLine:
        """What an end of video has in the place of a negotiation of its own."""
        raise NotImplementedError

    def label(self, *, session: int = 0, leg: str = "", call_id: str = "") -> None:
        """Say which call this end belongs to, for the evidence."""
        self.session, self.leg = session or self.session, leg or self.leg
        self.call_id = self._tap.call_id = call_id or self.call_id
        if self.video is not None:
            self.video.label(session=session, leg=leg, call_id=call_id)

    # -- offer and answer

    def offer(self, like: Any = None, *, keyed: bool = False) -> bytes:
        """Return our offer: what ``like`` was offered, else what this end speaks; with ``keyed`` SRTP or nothing."""
        if like is None:
            if self.negotiation.profile.video:
                self.open_video().codecs = self.negotiation.profile.video
            return self.negotiation.offer()
        theirs = like.negotiation
        if (video := theirs.offered_video()) is not None:
            self.open_video().carry_like(video)
        self._carry_like(theirs.offered_media())
        if keyed:
            self.negotiation.profile = replace(self.negotiation.profile, srtp="sdes")
        offered = theirs.offered_codecs()
        return self.negotiation.offer(
            _with_more(offered, self.made_of_others) if offered else None, theirs.offered_direction()
        )

    @property
    def takes_either(self) -> bool:
        """Whether our offer left it to the far end whether SRTP is spoken (RFC 8643)."""
        return self.negotiation.profile.srtp == "offer"

    def offer_hold(self, holding: bool) -> bytes:
        """Return an offer that puts the far end on hold or takes it back, with what is agreed (RFC 3264 s.8.4)."""
        self.negotiation.holding = holding
        return self.negotiation.offer(self.negotiation.current_codecs() or None)

    def offer_again(self) -> bytes:
        """Return what was described last, as an offer that changes nothing (RFC 4028 s.7.4)."""
        return self.negotiation.offer_again()

    def withdraw(self) -> None:
        """Go back to what was agreed before the offer that is under way (RFC 6141 s.3.1)."""
        self.negotiation.withdraw()

    def hold_as_before(self) -> None:
        """Forget a hold, or its end, that was refused."""
        self.negotiation.holding = self.negotiation.says_hold_before

    def fits(self, other: Any) -> bool:
        """Whether what was agreed on can be relayed to and from the other end as it is."""
        mine, theirs = self.negotiation.agreed, other.negotiation.agreed
        if mine is None or theirs is None:
            return False
        same = (mine.codec.encoding, mine.codec.clock_rate_hz) == (theirs.codec.encoding, theirs.codec.clock_rate_hz)
        return same and mine.direction == "sendrecv"

    def offer_to_join(self, other: Any) -> bytes:
        """Return an offer of what the other end has agreed on, both ways."""
        return self.negotiation.offer(other.negotiation.current_codecs() or None)

    def is_refresh(self, offer: SessionDescription) -> bool:
        """Whether an offer changes nothing: the same o= line (RFC 3264 s.8)."""
        return self.negotiation.is_refresh(offer)

    @property
    def held(self) -> bool:
        """Whether the far end has put us on hold: it wants to be sent nothing (RFC 3264 s.8.4)."""
        agreed = self.negotiation.agreed
        return agreed is not None and self.negotiation.offered_direction() in ("sendonly", "inactive")

    def _carry_like(self, media: Media | None) -> None:
        """Offer SRTP where the other leg has it, plain RTP being good enough (RFC 8643), and ask for XR as it does."""
        if media is not None:
            srtp, ptime_ms = (
                "offer" if media.crypto else "no",
                packet_time_ms(media, (media.codecs() or DEFAULT_CODECS)[0]),
            )
            before, xr = self.negotiation.profile, asks_for_xr(media)
            if (before.srtp, before.xr, before.ptime_ms) != (srtp, xr, ptime_ms):
                self.negotiation.profile = replace(before, srtp=srtp, xr=xr, ptime_ms=ptime_ms)

    def take_offer(self, offer: SessionDescription) -> bool:
        """Take the far end's offer; False when no codec is common."""
        return self.negotiation.take_offer(offer)

    def answer(self, like: Any = None) -> bytes:
        """Return the answer to the offer taken, with the codec that ``like`` agreed on."""
        agreed = like.negotiation.agreed if like is not None else None
        self._answer_video(like)
        if agreed is None:
            body = self.negotiation.answer()
        else:  # what one leg may send, the other must take
            if agreed.ptime_ms != self.negotiation.profile.ptime_ms:
                self.negotiation.profile = replace(self.negotiation.profile, ptime_ms=agreed.ptime_ms)
            body = self.negotiation.answer(
                agreed.codec, relayed=True, direction=REVERSED[agreed.direction], noise=agreed.noise is not None
            )
        self._agreed()
        return body

    def _answer_video(self, like: MediaEnd | None) -> None:
        """Get ready to answer video: in a bridge with what the other leg has agreed on, alone with what we show."""
        if self.negotiation.offered_video() is None:
            return
        if like is not None:
            agreed = like.video.line.agreed if like.video is not None else None
            if agreed is not None or self.video is not None:
                self.open_video().codecs = agreed.sends if agreed is not None else ()
        elif self.negotiation.profile.video:
            self.open_video().codecs = self.negotiation.profile.video

    def take_answer(self, answer: SessionDescription) -> bool:
        """Take the far end's answer; False when it does not fit the offer."""
        if self.negotiation.take_answer(answer) is None:
            return False
        self._agreed()
        return True

    def _agreed(self) -> None:
        self._agreed_on_sound()
        if self.video is not None:
            self.video._agreed()

    def _agreed_on_sound(self) -> None:
        agreed = self.negotiation.agreed
        if agreed is None or agreed == self._announced:
            return
        first = self._announced is None
        if self._announced is None or self._announced.keys != agreed.keys:
            self._secure(agreed)
        self._announced = agreed
        codec = agreed.codec
        self.place.journal.note(
            MediaStarted(
                self.place.loop.time(),
                self.session,
                self.leg,
                self.call_id,
                self.port.rtp_address,
                agreed.remote,
                codec.encoding,
                codec.payload_type,
                codec.clock_rate_hz,
            )
        )
        self.begin(agreed, first)

    def _secure(self, agreed: MediaAgreed) -> None:
        """Take the keys that were agreed on; None for plain RTP."""
        if agreed.keys is None:
            self._srtp = None
            return
        from voxlab.media.srtp import Srtp

        self._srtp = Srtp(*agreed.keys)

    def _opened(self, data: bytes) -> bytes | None:
        """Return what a datagram holds, None for one that does not bear the peer's key."""
        return data if self._srtp is None else self._srtp.open(data)

    def begin(self, agreed: MediaAgreed, first: bool) -> None:
        """Start, or go on with what was newly agreed."""
        raise NotImplementedError

    # -- packets of our own

    def _new_rtp_session(self, agreed: MediaAgreed) -> RtpSession:
        from voxlab.media.rtp_session import RtpSession

        ids, place = self.place.ids, self.place
        codec, formats = spoken_codec(agreed), formats_of(agreed.receives)
        return RtpSession(
            ssrc=ids.uint32(),
            first_sequence=ids.uint16(),
            first_timestamp=ids.uint32(),
            ptime_s=agreed.ptime_ms / 1000.0,
            events=event_format(agreed),
            xr=agreed.xr,
            cname=f"{place.owner}@{place.host}",
            codec=codec,
            formats=formats,
            batch_s=BATCH_S if place.batched else None,
            record_s=place.record_s,
            epoch_s=place.journal.epoch_s,
            spare_ssrc=ids.uint32(),
            suppression=self.suppression(agreed),
        )

    def suppression(self, agreed: MediaAgreed) -> Suppression | None:
        """Return how to fall silent, None where every frame is sent."""
        if not (self.negotiation.profile.dtx and agreed.may_pause):
            return None
        from voxlab.media.silence import Suppression

        return Suppression(formats_of((agreed.noise,))[0] if agreed.noise else None)

    def _pump(self) -> None:
        if self._rtp is None:
            return
        self._drain(self._rtp)
        due = None if self.closed else self._rtp.next_timeout()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if due is None else self.place.loop.call_in_background_at(due, self._tick)

    def _tick(self) -> None:
        if self._rtp is not None:
            self._rtp.handle_timeout(self.place.loop.time())
            self._pump()

    def _drain(self, rtp: RtpSession) -> None:
        """Send what the RTP session wants sent."""
        from voxlab.media.rtp_events import TransmitBatch, TransmitRtcp, TransmitRtp

        agreed = self.negotiation.agreed
        for output in rtp.poll():
            if agreed is None or agreed.on_hold:
                continue  # RFC 3264 s.8.4: an address of 0.0.0.0 asks for nothing, RTCP included
            if isinstance(output, TransmitRtp):
                self._send_rtp(output.data, self._toward(agreed.remote))
            elif isinstance(output, TransmitBatch):
                self._send_batch(output.batch, self._toward(agreed.remote))
            elif isinstance(output, TransmitRtcp):
                self._send_rtcp(output.data, self._toward(agreed.remote_rtcp, rtcp=True))

    def _toward(self, described: Address, *, rtcp: bool = False) -> Address:
        """Return where packets go for the far end that described itself so."""
        return described

    def _record_foreign(self, data: bytes, source: Address, arrival_s: float, *, rtcp: bool) -> None:
        """Record what came from a host that is not ours; what ours send is on record already."""
        if source in self.place.media_addresses and not self.place.behind_nat:
            return
        from voxlab.media.rtp import is_rtcp

        if rtcp or is_rtcp(data):
            self._tap.rtcp(arrival_s, source, self.port.rtcp_address if rtcp else self.port.rtp_address, data)
        else:
            self._tap.rtp(arrival_s, source, self.port.rtp_address, data)

    def _record_foreign_batch(self, batch: PacketBatch, source: Address) -> None:
        """Record packets of a stream that are on record with other addresses at most: a NAT was on their way."""
        seen_before = source in self.place.media_addresses and not self.place.behind_nat
        if self.place.journal.has_nats and not seen_before:
            self.place.journal.rtp(batch.block(source, self.port.rtp_address, call_id=self.call_id, payload=True))

    # -- statistics and the end

    def streams(self) -> list[tuple[Address, StreamStatistics]]:
        """Return each received stream with where it came from."""
        raise NotImplementedError

    def measured(self) -> list[StreamMeasured]:
        """Return what this end has counted so far, a record per received stream, those of video too."""
        beside = self.video.measured() if self.video is not None and not self.video.released else []
        return [*self._measured(), *beside]

    def _measured(self) -> list[StreamMeasured]:
        from voxlab.analysis.streams import measured
        from voxlab.media.quality import judged

        now, here = self.place.loop.time(), self.port.rtp_address
        return [
            measured(
                seen,
                source,
                here,
                now,
                call_id=self.call_id,
                session=self.session,
                leg=self.leg,
                quality=judged(seen),
            )
            for source, seen in self.streams()
        ]

    def catch_up(self) -> None:
        """Send what is due up to now, so that statistics speak of now."""
        if not self.closed:
            self._tick()
        if self.video is not None:
            self.video.catch_up()

    def flush(self) -> None:
        """Hand the journal what the tap still holds."""
        self._tap.flush()
        if self.video is not None:
            self.video.flush()

    def stop(self) -> None:
        """Send nothing more of our own and say goodbye; what two phones say goes on until the ports close."""
        if self._rtp is not None:
            self._rtp.stop(self.place.loop.time())
            self._drain(self._rtp)
        if self.video is not None:
            self.video.stop()

    def close(self) -> None:
        """Stop; the port is given back a moment later, when nothing is under way any more."""
        if self.closed:
            return
        self.closed = True
        self.stop()
        if self.video is not None:
            self.video.closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.place.loop.call_in_background_at(self.place.loop.time() + LINGER_S, self.release)

    def release(self) -> None:
        """Give the port back and leave the final counts in the journal."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self.released:
            self.released = True
            self.flush()
            if self.video is not None:
                self.video.release()
            for record in self._measured():
                self.place.journal.note(record)
            self.port.close()
            self.place.media_addresses.difference_update((self.port.rtp_address, self.port.rtcp_address))

    # -- the network's side; each kind of end takes packets in its own way

    def datagram(self, data: bytes, source: Address, arrival_s: float, *, rtcp: bool) -> None:
        """Take one RTP or RTCP datagram."""
        raise NotImplementedError

    def batch(self, batch: PacketBatch, source: Address, now: float) -> None:
        """Take RTP packets of one stream as columns (simulated world)."""
        raise NotImplementedError

    def reroute(self) -> None:
        """Take notice that a link has changed; who sends packet by packet need do nothing."""


def _new_key(ids: Ids) -> bytes:
    """Draw a master key and salt for SRTP, 30 octets."""
    return b"".join(ids.uint32().to_bytes(4, "big") for _ in range(8))[:30]


def _with_more(offered: Sequence[Offered], own: Sequence[Offered]) -> tuple[Offered, ...]:
    """Return what the other leg was offered, and behind it what we could make of it for a far end that has none of it.

    Payload types that are taken are passed over.
    """
    known = {(each.encoding.lower(), each.clock_rate_hz) for each in offered}
    taken = {each.payload_type for each in offered}
    more = (each for each in own if (each.encoding.lower(), each.clock_rate_hz) not in known)
    return (*offered, *(each for each in more if each.payload_type not in taken))
