"""The joint of SIP and RTP: one end of one leg's audio, from offer/answer to packets, in both worlds.

A phone has a ``Terminal``, the cloud a ``CloudPort`` that relays to another one or plays by itself. Must not know
dialogs or scenarios: descriptions go in
and out, ``MediaAgreed`` starts the packets. In the simulated world packets travel as batches, in the live one each on
its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from voxlab.base.datagram import Address
from voxlab.base.ids import Ids
from voxlab.base.journal import Journal
from voxlab.base.records import MediaStarted, StreamMeasured
from voxlab.dialog.offer_answer import DEFAULT_CODECS, MediaAgreed, Negotiation
from voxlab.host.rtp_tap import RtpTap
from voxlab.net.loop import OrderedLoop
from voxlab.net.network import MediaPort, Network
from voxlab.sip.sdp import Codec as Offered
from voxlab.sip.sdp import SessionDescription

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from voxlab.media.batch import PacketBatch
    from voxlab.media.codecs import Codec, Format
    from voxlab.media.plane import Relay, Side
    from voxlab.media.rtp_session import RtpSession
    from voxlab.media.sources import Source
    from voxlab.media.stream import StreamStatistics

BATCH_S = 1.0
LINGER_S = 0.25  # a port stays open for what is still on its way when the call ends
LATCH_S = 10.0


@dataclass(frozen=True)
class MediaPlace:
    """Where one host's media lives: its address, its world, and where evidence goes.

    Attributes
    ----------
    batched : bool
        Whether packets travel as columns (simulated world) or one by one.
    record_s : float
        Seconds of what each end hears that are kept for ``call.audio``.
    symmetric : bool
        Whether to send to where packets come from instead of where SDP says (RFC 4961), for peers behind NAT.
    advertise : str or None
        The address that descriptions name instead of our own.
    ports : callable
        Draws the RTP port to bind, 0 for any.
    media_addresses : set of Address
        The media ports of the whole lab: what comes from one of them is on record already.
    """

    owner: str
    host: str
    loop: OrderedLoop
    network: Network
    ids: Ids
    journal: Journal
    batched: bool
    record_s: float = 60.0
    symmetric: bool = False
    advertise: str | None = None
    ports: Callable[[], int] = field(default=lambda: 0)
    media_addresses: set[Address] = field(default_factory=set)


class MediaEnd:
    """What both kinds of end share: a port, a negotiation, statistics."""

    def __init__(self, place: MediaPlace, codecs: Sequence[Offered] = DEFAULT_CODECS) -> None:
        self.place = place
        self.port: MediaPort = place.network.open_media(place.owner, place.host, self, place.ports())
        rtp = self.port.rtp_address
        self.negotiation = Negotiation(Address(place.advertise or rtp.host, rtp.port), place.ids.uint32(), codecs)
        place.media_addresses.update((rtp, self.port.rtcp_address))
        self.session = 0
        self.leg = ""
        self.call_id = ""
        self.closed = False
        self.released = False
        self._tap = RtpTap(place.journal)
        self._timer: asyncio.TimerHandle | None = None
        self._announced: MediaAgreed | None = None

    def label(self, *, session: int = 0, leg: str = "", call_id: str = "") -> None:
        """Say which call this end belongs to, for the evidence."""
        self.session, self.leg = session or self.session, leg or self.leg
        self.call_id = self._tap.call_id = call_id or self.call_id

    # -- offer and answer

    def offer(self, like: Any = None) -> bytes:
        """Return our offer: what ``like`` was offered, else what this end speaks."""
        codecs = like.negotiation.offered_codecs() if like is not None else ()
        return self.negotiation.offer(codecs or None)

    def take_offer(self, offer: SessionDescription) -> bool:
        """Take the far end's offer; False when no codec is common."""
        return self.negotiation.take_offer(offer)

    def answer(self, like: Any = None) -> bytes:
        """Return the answer to the offer taken, with the codec that ``like`` agreed on."""
        agreed = like.negotiation.agreed if like is not None else None
        body = self.negotiation.answer(agreed.codec if agreed else None, relayed=agreed is not None)
        self._agreed()
        return body

    def take_answer(self, answer: SessionDescription) -> bool:
        """Take the far end's answer; False when it does not fit the offer."""
        if self.negotiation.take_answer(answer) is None:
            return False
        self._agreed()
        return True

    def _agreed(self) -> None:
        agreed = self.negotiation.agreed
        if agreed is None or agreed == self._announced:
            return
        first = self._announced is None
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

    def begin(self, agreed: MediaAgreed, first: bool) -> None:
        """Start, or go on with what was newly agreed."""
        raise NotImplementedError

    # -- packets of our own

    def _new_rtp_session(self, codec: Codec, formats: Sequence[Format]) -> RtpSession:
        from voxlab.media.rtp_session import RtpSession

        ids, place = self.place.ids, self.place
        return RtpSession(
            ssrc=ids.uint32(),
            first_sequence=ids.uint16(),
            first_timestamp=ids.uint32(),
            cname=f"{place.owner}@{place.host}",
            codec=codec,
            formats=formats,
            batch_s=BATCH_S if place.batched else None,
            record_s=place.record_s,
            epoch_s=place.journal.epoch_s,
        )

    def _drain(self, rtp: RtpSession) -> None:
        """Send what the RTP session wants sent."""
        from voxlab.media.rtp_session import TransmitBatch, TransmitRtcp, TransmitRtp

        agreed = self.negotiation.agreed
        for output in rtp.poll():
            if agreed is None or agreed.on_hold:
                continue  # RFC 3264 s.8.4: an address of 0.0.0.0 asks for nothing, RTCP included
            if isinstance(output, TransmitRtp):
                self._send_rtp(output.data, agreed.remote)
            elif isinstance(output, TransmitBatch):
                self._send_batch(output.batch, agreed.remote)
            elif isinstance(output, TransmitRtcp):
                self._send_rtcp(output.data, agreed.remote_rtcp)

    def _send_rtp(self, data: bytes, remote: Address) -> None:
        self._tap.rtp(self.place.loop.time(), self.port.rtp_address, remote, data)
        self.port.send(data, remote)

    def _send_rtcp(self, data: bytes, remote: Address) -> None:
        self._tap.rtcp(self.place.loop.time(), self.port.rtcp_address, remote, data)
        self.port.send(data, remote, rtcp=True)

    def _send_batch(self, batch: PacketBatch, remote: Address) -> None:
        outcome = self.port.send_batch(batch, remote)
        self.place.journal.rtp(
            batch.block(self.port.rtp_address, remote, call_id=self.call_id, outcome=outcome, payload=True)
        )

    def _record_foreign(self, data: bytes, source: Address, arrival_s: float, *, rtcp: bool) -> None:
        """Record what came from a host that is not ours; what ours send is on record already."""
        if source in self.place.media_addresses:
            return
        if rtcp:
            self._tap.rtcp(arrival_s, source, self.port.rtcp_address, data)
        else:
            self._tap.rtp(arrival_s, source, self.port.rtp_address, data)

    # -- statistics and the end

    def streams(self) -> list[tuple[Address, StreamStatistics]]:
        """Return each received stream with where it came from."""
        raise NotImplementedError

    def measured(self) -> list[StreamMeasured]:
        """Return what this end has counted so far, a record per received stream."""
        from voxlab.analysis.streams import measured
        from voxlab.media.quality import of_stream

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
                quality=of_stream(seen),
            )
            for source, seen in self.streams()
        ]

    def catch_up(self) -> None:
        """Send what is due up to now, so that statistics speak of now."""

    def flush(self) -> None:
        """Hand the journal what the tap still holds."""
        self._tap.flush()

    def stop(self) -> None:
        """Send nothing more."""

    def close(self) -> None:
        """Stop; the port is given back a moment later, when nothing is under way any more."""
        if self.closed:
            return
        self.closed = True
        self.stop()
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
            for record in self.measured():
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


class Terminal(MediaEnd):
    """An end where somebody speaks and listens."""

    def __init__(
        self, place: MediaPlace, source: Callable[[], Source | None], codecs: Sequence[Offered] = DEFAULT_CODECS
    ) -> None:
        super().__init__(place, codecs)
        self._source = source
        self._rtp: RtpSession | None = None
        self._from: Address | None = None

    def begin(self, agreed: MediaAgreed, first: bool) -> None:
        """Start to speak; after a re-INVITE go on, or fall silent, as the direction says."""
        now = self.place.loop.time()
        source = self._source() if agreed.direction in ("sendrecv", "sendonly") else None
        if source is not None:
            self._session().play(source, now)
        elif self._rtp is not None:
            self._rtp.pause(now)
        self._pump()

    def _session(self) -> RtpSession:
        """Return the RTP session, made when the first packet is to be sent or has come."""
        agreed = self.negotiation.agreed
        if self._rtp is None and agreed is not None:
            self._rtp = self._new_rtp_session(*_formats(agreed))
            self._rtp.start(self.place.loop.time())
        assert self._rtp is not None
        return self._rtp

    def play(self, source: Source | None) -> None:
        """Speak something else, or nothing."""
        self._source = lambda: source
        if self.negotiation.agreed is not None:
            self.begin(self.negotiation.agreed, False)

    def _pump(self) -> None:
        rtp = self._rtp
        if rtp is None:
            return
        self._drain(rtp)
        due = None if self.closed else rtp.next_timeout()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if due is None else self.place.loop.call_in_background_at(due, self._tick)

    def _tick(self) -> None:
        if self._rtp is not None:
            self._rtp.handle_timeout(self.place.loop.time())
            self._pump()

    def catch_up(self) -> None:
        """Send what is due up to now."""
        if not self.closed:
            self._tick()

    def datagram(self, data: bytes, source: Address, arrival_s: float, *, rtcp: bool) -> None:
        """Take one RTP or RTCP datagram from the peer; a stranger's is dropped."""
        if (self.closed and self._rtp is None) or not self._is_peer(source, rtcp):
            return
        self._record_foreign(data, source, arrival_s, rtcp=rtcp)
        rtp = self._session()
        rtp.receive(data, arrival_s)
        self._drain(rtp)
        if self._timer is None:
            self._pump()

    def _is_peer(self, source: Address, rtcp: bool) -> bool:
        agreed = self.negotiation.agreed
        if agreed is None or source.host != agreed.remote.host:
            return False
        if not rtcp:
            self._from = source
        return True

    def batch(self, batch: PacketBatch, source: Address, now: float) -> None:
        """Take a batch from the peer."""
        if not (self.closed and self._rtp is None) and self._is_peer(source, False):
            rtp = self._session()
            rtp.receive_batch(batch)
            self._drain(rtp)
            if self._timer is None:
                self._pump()

    def streams(self) -> list[tuple[Address, StreamStatistics]]:
        """Return each received stream with where it came from."""
        agreed = self.negotiation.agreed
        if self._rtp is None or agreed is None:
            return []
        return [(self._from or agreed.remote, seen) for seen in self._rtp.statistics()]

    def heard(self) -> NDArray[np.int16] | None:
        """Return what was heard: int16 samples at 8 kHz, None before there was a call."""
        return None if self._rtp is None else self._rtp.heard()

    def stop(self) -> None:
        """Say goodbye."""
        if self._rtp is not None:
            self._rtp.stop(self.place.loop.time())
            self._drain(self._rtp)


class CloudPort(MediaEnd):
    """The cloud's end of one leg: joined with another it relays, alone it plays and counts."""

    def __init__(self, place: MediaPlace, codecs: Sequence[Offered] = DEFAULT_CODECS) -> None:
        super().__init__(place, codecs)
        self._side: Side[Address] | None = None
        self._relay: Relay[Address] | None = None
        self._way: str = "a"
        self._other: CloudPort | None = None
        self._rtp: RtpSession | None = None

    def begin(self, agreed: MediaAgreed, first: bool) -> None:
        """Expect packets from where the far end's description says."""
        side = self.side()
        until_s = self.place.loop.time() + LATCH_S
        side.rtp.expect(agreed.remote, symmetric=self.place.symmetric, until_s=until_s)
        side.rtcp.expect(agreed.remote_rtcp, symmetric=self.place.symmetric, until_s=until_s)

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

    def part(self) -> None:
        """Stop relaying to and from this port."""
        other, self._other, self._relay = self._other, None, None
        if other is not None and other._other is self:
            other._other = other._relay = None

    def play(self, source: Any) -> None:
        """Send audio of the cloud's own to the far end, None for silence; it replaces what another leg sent."""
        agreed = self.negotiation.agreed
        if agreed is None:
            return
        now = self.place.loop.time()
        if self._rtp is None:
            if source is None:
                return
            self._rtp = self._new_rtp_session(*_formats(agreed))
        if source is None:
            self._rtp.pause(now)
        else:
            self.part()
            self._rtp.play(_source_of(source), now)
        self._pump()

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

    def catch_up(self) -> None:
        """Send what is due up to now."""
        if not self.closed:
            self._tick()

    def datagram(self, data: bytes, source: Address, arrival_s: float, *, rtcp: bool) -> None:
        """Pass one datagram on, or keep it to ourselves."""
        self._record_foreign(data, source, arrival_s, rtcp=rtcp)
        if self._relay is None or self._other is None:
            self._alone(data, source, arrival_s, rtcp)
            return
        forward = self._relay.receive("a" if self._way == "a" else "b", source, data, arrival_s)
        if forward is not None and rtcp:
            self._other._send_rtcp(data, forward.destination)
        elif forward is not None:
            self._other._send_rtp(data, forward.destination)

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
        if self._relay is None or self._other is None:
            side = self.side()
            if side.rtp.admits(source, now, batch.packets):
                side.receiver.receive_batch(batch)
            return
        forward = self._relay.forward("a" if self._way == "a" else "b", source, batch, now)
        if forward is not None:
            self._other._send_batch(*forward)

    def streams(self) -> list[tuple[Address, StreamStatistics]]:
        """Return each received stream with where it came from."""
        if self._side is None or self._side.rtp.source is None:
            return []
        return [(self._side.rtp.source, seen) for seen in self._side.receiver.statistics()]

    def stop(self) -> None:
        """Stop what the cloud itself plays; what two phones say goes on until the ports close."""
        if self._rtp is not None:
            self._rtp.stop(self.place.loop.time())
            self._drain(self._rtp)


def _formats(agreed: MediaAgreed) -> tuple[Codec, list[Format]]:
    """Return our codec for what was agreed, and the formats to take, under the numbers that we told the far end."""
    from voxlab.media.codecs import FORMATS, codec, find_format

    chosen = codec(agreed.codec.encoding, agreed.codec.payload_type)
    formats: list[Format] = []
    for told in agreed.receives:
        known = find_format(told.encoding, told.clock_rate_hz)
        if known is not None:
            formats.append(known.at(told.payload_type))
    return chosen, formats or list(FORMATS)


def _source_of(given: Any) -> Source:
    """Return a source for what a scenario may play: a source, the name of a speech sample, or samples at 8 kHz."""
    from voxlab.media import sources

    if isinstance(given, sources.Source):
        return given
    return sources.speech(given) if isinstance(given, str) else sources.from_samples(given)
