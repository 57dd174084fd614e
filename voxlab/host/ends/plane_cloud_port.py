"""The cloud's end of a leg where there is a media thread: joined with another it lets that relay.

RFC 3550 s.7, RFC 7362 s.5. That way goes a bridge that passes on what packets hold: bytes untouched, or opened with one
leg's keys and protected with the other's. What must be translated is handed to a process of its own (``translating``);
until that is ready, and where there is none, the lab's thread does it. Must not know scenarios.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from voxlab.base.datagram import Address
from voxlab.dialog.media_agreed import MediaAgreed
from voxlab.host.ends.cloud_port import CLOUD_CODECS, CloudPort
from voxlab.host.ends.on_plane import OnPlane
from voxlab.host.ends.place import MediaPlace
from voxlab.sip.sdp import Codec as Offered

if TYPE_CHECKING:
    from voxlab.host.ends.plane_runs import Run
    from voxlab.media.batch import PacketBatch
    from voxlab.media.stream import StreamStatistics
    from voxlab.net.plane.lane import Counts
    from voxlab.net.plane.translator import Translator

_TRANSLATING = "voxlab.host.ends.translating"


class PlaneCloudPort(OnPlane, CloudPort):
    """The cloud's end of one leg: joined with another the media thread relays, alone it plays and counts."""

    def __init__(self, place: MediaPlace, codecs: Sequence[Offered] = CLOUD_CODECS) -> None:
        super().__init__(place, codecs)
        self._counts: Counts | None = None
        self._relayed = False
        self._relayed_from_s = 0.0
        self._handed_back = False
        self._to_translate: list[tuple[bytes, Address, float]] = []
        self._enter_plane()

    # -- who is joined with whom

    def begin(self, agreed: MediaAgreed, first: bool) -> None:
        """Expect packets from where the far end's description says, and speak to there."""
        self._pull()
        self._handed_back = False
        super().begin(agreed, first)
        self._push()
        self._aim()
        self._settle()

    def join(self, other: CloudPort) -> None:
        """Relay both ways between the two ports; what came before was for the cloud."""
        self.collect()
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
        if lane is None or partner is None or not (self._passes() and other._passes()):
            self._by_lab()
            return
        for port in (self, other):
            port._hand_to_translator()
        if not self._relayed:
            self._push()
            other._push()
            lane.join(partner)
            self._relayed = other._relayed = True
            self._relayed_from_s = other._relayed_from_s = self.place.loop.time()

    def _translator(self, *, start: bool) -> Translator | None:
        """Return the process that translates, if it is ready; with ``start`` it is on its way until then."""
        if self.lane is None:
            return None
        thread = self.lane.thread
        found = thread.translator(_TRANSLATING) if start else thread.known_translator
        if found is None:
            return None
        found.call(self._settle)
        return found if found.is_ready else None

    def _hand_to_translator(self) -> None:
        """Let the media thread know what is to be translated, and the process what becomes of it."""
        lane, translation = self.lane, self._translation
        if lane is None:
            return
        elsewhere = False
        if translation is not None and (translator := self._translator(start=False)) is not None:
            from voxlab.host.ends.translating import told_of

            receives, sends = ([told_of(each) for each in formats] for formats in translation.formats)
            clocks = [(ssrc, came, left) for ssrc, (came, left) in translation.clocks.items()]
            message = {"serial": lane.serial, "receives": receives, "sends": sends, "clocks": clocks}
            elsewhere = translator.tell(message)
        lane.translate(elsewhere)
        lane.touch(self._touches())

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

    def _passes(self) -> bool:
        """Whether what the far end usually sends passes: no other codec or number, no keys but the thread's."""
        agreed = self.negotiation.agreed
        if self.port.shaped:
            return False
        if agreed is None:
            return True
        if not self._is_for_thread() or self._handed_back or not self._ports_tell(agreed):
            return False
        usual = self._usual()
        return bool(usual) and (self._touches().isdisjoint(usual) or self._translator(start=True) is not None)

    def _usual(self) -> list[int]:
        """Return the payload types of the codec that was agreed on."""
        agreed = self.negotiation.agreed
        codecs = () if agreed is None else agreed.receives
        return [each.payload_type for each in codecs if agreed is not None and _name(each) == _name(agreed.codec)]

    def _touches(self) -> frozenset[int]:
        """Return the payload types that may come as well, and must be translated."""
        return frozenset() if self._translation is None else self._translation.touches

    def _ports_tell(self, agreed: MediaAgreed) -> bool:
        """Whether the far end's addresses alone say which port RTCP leaves from, as the media thread has it."""
        if agreed.rtcp_mux and self.place.symmetric:
            return False
        return agreed.rtcp_mux == (agreed.remote == agreed.remote_rtcp)

    def reroute(self) -> None:
        """Relay by whichever thread a link that has changed asks for."""
        super().reroute()
        self._settle()

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
        if self._srtp is not None:
            self._srtp.refused["authentication"] += more.forged
            self._srtp.refused["replay"] += more.replayed

    # -- what came

    def _take(self, run: Run, source: Address) -> None:
        from voxlab.net.plane.cells import FOR_LAB, FORWARDED, SEALED, TRANSLATED, UNDELIVERABLE, UNSENT

        if run.fate == FOR_LAB:
            self._take_for_lab(run, source)
            return
        batch = run.batch() if run.plain else None
        if run.fate == SEALED or self._srtp is None:  # what was opened is on record as it came
            self._record_foreign_run(run, source, batch)
        if run.fate in {FORWARDED, TRANSLATED, UNDELIVERABLE, UNSENT} and not run.control:
            self._count(run, batch)
        if run.destination is not None and isinstance(self._other, PlaneCloudPort):
            self._other._record_forwarded(run, run.destination, batch)

    def _take_for_lab(self, run: Run, source: Address) -> None:
        """Do what the lab's thread does with what it receives itself."""
        if self._relayed and not run.control and run.payload_type in self._touches():
            self._take_to_translate(run, source)
            return
        if run.plain and not run.rtcp and self._relay is None and self._takes_batches():
            batch = run.batch()
            self._record_foreign_run(run, source, batch)
            self.batch(batch, source, self.place.loop.time())
            return
        for data, at_s, _ in run.datagrams():
            self.datagram(data, source, at_s, rtcp=run.rtcp)

    def _take_to_translate(self, run: Run, source: Address) -> None:
        """Relay what came before the media thread did; what has come since, and was left to us, makes us take over."""
        for data, at_s, _ in run.datagrams():
            if at_s < self._relayed_from_s:
                self.datagram(data, source, at_s, rtcp=False)
                continue
            if not self._to_translate:
                self.place.loop.call_soon(self._take_back)
            self._to_translate.append((data, source, at_s))

    def _take_back(self) -> None:
        """Relay by the lab's thread from now on, because the far end sends what must be translated.

        Not at once: what the media thread has relayed before is counted first.
        """
        waiting, self._to_translate = self._to_translate, []
        if self.released:
            return
        # For good, unless the translator has died: another is on its way.
        self._handed_back = self._touches().isdisjoint(self._usual()) or self._translator(start=False) is not None
        self._by_lab()
        for data, source, at_s in waiting:
            self.datagram(data, source, at_s, rtcp=False)

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
        self._tap_each(run, destination)

    def streams(self) -> list[tuple[Address, StreamStatistics]]:
        """Return each received stream with where it came from."""
        self._pull()
        return super().streams()

    def release(self) -> None:
        """Give the port back and leave the final counts in the journal."""
        self._by_lab()
        if self.lane is not None and (translator := self.lane.thread.known_translator) is not None:
            translator.tell({"serial": self.lane.serial})
        super().release()


def _name(codec: Offered) -> tuple[str, int]:
    return codec.encoding.lower(), codec.clock_rate_hz


def _sendable(address: Address | None) -> Address | None:
    """Return an address unless it asks for nothing (RFC 3264 s.8.4)."""
    return None if address is None or address.host == "0.0.0.0" else address
