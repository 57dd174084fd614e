"""Ends of legs whose packets the media thread moves, where there is one: the same ends, the same evidence (RFC 3550
s.7).

Class A goes that way: a bridge that passes bytes on untouched, and G.711 or L16 that is spoken. What has keys or must
be translated stays with the lab's thread, which gets its packets from the media thread one by one. Must not know
scenarios.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from voxlab.base.datagram import Address
from voxlab.base.records import DELIVERED, REFUSED
from voxlab.dialog.offer_answer import DEFAULT_CODECS, MediaAgreed
from voxlab.host.cloud_port import CloudPort
from voxlab.host.media import MediaEnd, MediaPlace
from voxlab.host.terminal import Terminal
from voxlab.sip.sdp import Codec as Offered

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from voxlab.host.plane_runs import Run
    from voxlab.media.batch import PacketBatch
    from voxlab.media.rtp_session import RtpSession
    from voxlab.media.sources import Source
    from voxlab.media.stream import StreamStatistics
    from voxlab.net.plane.lane import Counts, Lane
    from voxlab.net.plane.thread import Rows


class OnPlane(MediaEnd):
    """What both kinds of end do with a lane: they take runs instead of datagrams, and speak through it."""

    def _enter_plane(self) -> None:
        """Take runs from now on, where there is a media thread."""
        if self.lane is not None:
            self.lane.take = self._take_rows
            self.lane.keep_payload(self.place.journal.payloads == "all")

    @property
    def lane(self) -> Lane | None:
        """Our port's place in the media thread; None while there is none."""
        lane: Lane | None = getattr(self.port, "lane", None)
        return lane

    def _take_rows(self, rows: Rows) -> None:
        from voxlab.host.plane_runs import runs

        for run in runs(rows):
            if run.source is None:
                self._record_spoken(run)
            else:
                self._take(run, run.source)

    def _take(self, run: Run, source: Address) -> None:
        raise NotImplementedError

    # -- speaking

    def _new_rtp_session(self, agreed: MediaAgreed) -> RtpSession:
        session = super()._new_rtp_session(agreed)
        lane = self.lane
        if lane is not None and not _keys(agreed):
            from voxlab.host.plane_sender import PlaneSender, paceable

            if paceable(session.sender):
                session.send_by(PlaneSender(session.sender, lane, self._target))
        return session

    def _target(self) -> Address | None:
        """Return where what we speak goes; RFC 3264 s.8.4: an address of 0.0.0.0 asks for nothing."""
        agreed = self.negotiation.agreed
        return None if agreed is None or agreed.on_hold else agreed.remote

    def _aim(self) -> None:
        """Let what is spoken go where the latest description says."""
        from voxlab.host.plane_sender import PlaneSender

        if self._rtp is not None and isinstance(self._rtp.sender, PlaneSender):
            self._rtp.sender.aim()

    def _record_spoken(self, run: Run) -> None:
        assert run.destination is not None
        if self.place.journal.payloads != "none":
            self._write(run.batch(), self.port.rtp_address, run.destination, run)

    # -- evidence

    def _write(self, batch: PacketBatch, src: Address, dst: Address, run: Run) -> None:
        """Record a batch on its way from ``src`` to ``dst``; a few packets join those that the tap collects."""
        if run.kept and run.packets < _FEW:
            for at_ns, data in zip(batch.time_ns.tolist(), batch.wire(), strict=True):
                self._tap.rtp(at_ns / 1e9, src, dst, data.tobytes())
            return
        outcome = _outcome(run)
        self.place.journal.rtp(batch.block(src, dst, call_id=self.call_id, outcome=outcome, payload=run.kept))

    def _record_foreign_run(self, run: Run, source: Address, batch: PacketBatch | None) -> None:
        """Record what came from a host that is not ours."""
        if source in self.place.media_addresses:
            return
        if batch is not None and self.place.journal.payloads != "none":
            arrived = run._replace(fate=-1)
            self._write(batch, source, self.port.rtp_address, arrived)
        elif batch is None:
            for data, at_s, _ in run.datagrams():
                self._record_foreign(data, source, at_s, rtcp=run.rtcp)

    def collect(self) -> None:
        """Take what the media thread has left so far."""
        if self.lane is not None:
            self.lane.thread.drain()

    def catch_up(self) -> None:
        """Take and send what is due up to now, so that statistics speak of now."""
        self.collect()
        super().catch_up()

    def release(self) -> None:
        """Give the port back and leave the final counts in the journal."""
        if not self.released:
            self.collect()
        super().release()


_FEW = 16


def _outcome(run: Run) -> NDArray[np.uint8]:
    import numpy as np

    from voxlab.net.plane.cells import UNSENT

    return np.full(run.packets, REFUSED if run.fate == UNSENT else DELIVERED, np.uint8)


def _keys(agreed: MediaAgreed) -> bool:
    """Whether the leg's packets are encrypted: then they are not the media thread's."""
    return bool(getattr(agreed, "keys", None))


class PlaneTerminal(OnPlane, Terminal):
    """An end where somebody speaks and listens, on time whatever else the program computes."""

    def __init__(
        self, place: MediaPlace, source: Callable[[], Source | None], codecs: Sequence[Offered] = DEFAULT_CODECS
    ) -> None:
        super().__init__(place, source, codecs)
        self._enter_plane()

    def begin(self, agreed: MediaAgreed, first: bool) -> None:
        """Start to speak; after a re-INVITE go on, or fall silent, as the direction says."""
        super().begin(agreed, first)
        self._aim()

    def _take(self, run: Run, source: Address) -> None:
        from voxlab.net.plane.cells import FOR_LAB

        if run.fate != FOR_LAB:
            return
        if not run.plain or run.rtcp:
            for data, at_s, _ in run.datagrams():
                self.datagram(data, source, at_s, rtcp=run.rtcp)
        elif not (self.closed and self._rtp is None) and self._is_peer(source, False):
            batch = run.batch()
            self._record_foreign_run(run, source, batch)
            self.batch(batch, source, self.place.loop.time())


class PlaneCloudPort(OnPlane, CloudPort):
    """The cloud's end of one leg: joined with another the media thread relays, alone it plays and counts."""

    def __init__(self, place: MediaPlace, codecs: Sequence[Offered] = DEFAULT_CODECS) -> None:
        super().__init__(place, codecs)
        self._counts: Counts | None = None
        self._relayed = False
        self._enter_plane()

    # -- who is joined with whom

    def begin(self, agreed: MediaAgreed, first: bool) -> None:
        """Expect packets from where the far end's description says, and speak to there."""
        self._pull()
        super().begin(agreed, first)
        self._push()
        self._aim()
        self._settle()

    def join(self, other: CloudPort) -> None:
        """Relay both ways between the two ports."""
        super().join(other)
        self._settle()

    def part(self) -> None:
        """Stop relaying to and from this port."""
        self._by_lab()
        super().part()

    def _settle(self) -> None:
        """Let the media thread relay if it can, else the lab's thread."""
        other = self._other
        if not isinstance(other, PlaneCloudPort):
            return
        lane, partner = self.lane, other.lane
        if lane is None or partner is None or not self._untouched(other):
            self._by_lab()
        elif not self._relayed:
            for port in (self, other):
                port._push()
                port._relayed = True
            lane.join(partner)

    def _by_lab(self) -> None:
        """Take the relaying over from the media thread, and what it has counted and latched."""
        other = self._other
        if not self._relayed:
            return
        for port in (self, other):
            if isinstance(port, PlaneCloudPort) and port.lane is not None:
                port.lane.deliver()
        self.collect()
        for port in (self, other):
            if isinstance(port, PlaneCloudPort):
                port._pull()
                port._relayed = False

    def _untouched(self, other: CloudPort) -> bool:
        """Whether the bridge passes bytes on as they are: nothing to decrypt, no codec to translate."""
        ours, theirs = self.negotiation.agreed, other.negotiation.agreed
        if ours is None or theirs is None:
            return True
        return not _keys(ours) and not _keys(theirs) and ours.codec.encoding == theirs.codec.encoding

    # -- latches and counts, between their two homes

    def _push(self) -> None:
        """Let the media thread expect whom our latches expect."""
        from voxlab.net.plane.lane import Expected

        lane, side = self.lane, self.side()
        if lane is None:
            return
        rtp, rtcp = (Expected(_sendable(latch.source), latch.is_open, latch.until_s) for latch in (side.rtp, side.rtcp))
        lane.expect(rtp, rtcp)

    def _pull(self) -> None:
        """Take over what the media thread has counted since the last time, and whom it has latched to."""
        lane = self.lane
        if lane is None or not self._relayed:
            return
        side, now, before = self.side(), lane.counts(), self._counts
        self._counts = now
        for latch, source, still_open in (
            (side.rtp, now.rtp_source, now.rtp_open),
            (side.rtcp, now.rtcp_source, now.rtcp_open),
        ):
            if latch.is_open and not still_open:
                latch.close(source)
        more = now.since(before)
        side.packets += more.packets
        side.rtcp_packets += more.reports
        side.no_destination += more.no_destination
        side.receiver.refused.malformed += more.malformed
        side.rtp.strangers += more.rtp_strangers
        side.rtcp.strangers += more.rtcp_strangers

    # -- what came

    def _take(self, run: Run, source: Address) -> None:
        from voxlab.net.plane.cells import FOR_LAB, FORWARDED, UNDELIVERABLE, UNSENT

        if run.fate == FOR_LAB:
            self._take_for_lab(run, source)
            return
        batch = run.batch() if run.plain else None
        self._record_foreign_run(run, source, batch)
        if run.fate in {FORWARDED, UNDELIVERABLE, UNSENT} and not run.control:
            self._count(run, batch)
        if run.destination is not None and isinstance(self._other, PlaneCloudPort):
            self._other._record_forwarded(run, run.destination, batch)

    def _take_for_lab(self, run: Run, source: Address) -> None:
        """Do what the lab's thread does with what it receives itself."""
        if run.plain and not run.rtcp and self._relay is None:
            batch = run.batch()
            self._record_foreign_run(run, source, batch)
            self.batch(batch, source, self.place.loop.time())
            return
        for data, at_s, _ in run.datagrams():
            self.datagram(data, source, at_s, rtcp=run.rtcp)

    def _count(self, run: Run, batch: PacketBatch | None) -> None:
        from voxlab.media.errors import MediaError
        from voxlab.media.rtp import parse

        receiver = self.side().receiver
        if batch is not None:
            receiver.receive_batch(batch)
            return
        for data, at_s, _ in run.datagrams():
            with contextlib.suppress(MediaError):  # there was no room to keep it whole
                receiver.receive(parse(data), round(at_s * 1e9))

    def _record_forwarded(self, run: Run, destination: Address, batch: PacketBatch | None) -> None:
        """Record what was sent out of this port."""
        if batch is not None:
            if self.place.journal.payloads != "none":
                left = batch._replace(time_ns=run.rows.left_ns())
                self._write(left, self.port.rtp_address, destination, run)
            return
        for data, _, left_s in run.datagrams():
            if run.control:
                self._tap.rtcp(left_s, self.port.rtcp_address, destination, data)
            else:
                self._tap.rtp(left_s, self.port.rtp_address, destination, data)

    def streams(self) -> list[tuple[Address, StreamStatistics]]:
        """Return each received stream with where it came from."""
        self._pull()
        return super().streams()

    def release(self) -> None:
        """Give the port back and leave the final counts in the journal."""
        self._by_lab()
        super().release()


def _sendable(address: Address | None) -> Address | None:
    """Return an address unless it asks for nothing (RFC 3264 s.8.4)."""
    return None if address is None or address.host == "0.0.0.0" else address


def cloud_port(place: MediaPlace) -> CloudPort:
    """Return the cloud's end of a leg, as its world has it."""
    return CloudPort(place) if place.batched else PlaneCloudPort(place)


def terminal(place: MediaPlace, source: Callable[[], Any]) -> Terminal:
    """Return a phone's end of a leg, as its world has it."""
    return Terminal(place, source) if place.batched else PlaneTerminal(place, source)


__all__ = ["OnPlane", "PlaneCloudPort", "PlaneTerminal", "cloud_port", "terminal"]
