"""What a leg's end does with a place in the media thread: it takes runs instead of datagrams, and speaks through it.

RFC 3550 s.5.1; RFC 3264 s.8.4. Must not know whether it is the cloud's end or a phone's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxlab.base.datagram import Address
from voxlab.base.records import DELIVERED, REFUSED
from voxlab.dialog.media_agreed import MediaAgreed
from voxlab.host.ends.end import MediaEnd
from voxlab.host.ends.formats import formats_of
from voxlab.net.plane.cells import UNSENT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from voxlab.host.ends.plane_runs import Run
    from voxlab.media.batch import PacketBatch
    from voxlab.media.rtp_session import RtpSession
    from voxlab.net.plane.lane import Lane
    from voxlab.net.plane.thread import Rows


class OnPlane(MediaEnd):
    """What both kinds of end do with a lane: they take runs instead of datagrams, and speak through it."""

    _thread_has_keys = False

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
        from voxlab.host.ends.plane_runs import runs

        for run in runs(rows):
            if run.source is None:
                self._record_spoken(run)
            else:
                self._take(run, run.source)

    def _take(self, run: Run, source: Address) -> None:
        raise NotImplementedError

    def _takes_batches(self) -> bool:
        """Whether packets may come as columns: they are not encrypted, and each payload can be read by itself."""
        agreed = self.negotiation.agreed
        return agreed is None or (not keyed(agreed) and not formats_of((agreed.codec,))[0].has_memory)

    # -- speaking

    def _new_rtp_session(self, agreed: MediaAgreed) -> RtpSession:
        session = super()._new_rtp_session(agreed)
        lane = self.lane
        if lane is not None:
            from voxlab.host.ends.plane_sender import PlaneSender

            session.send_by(PlaneSender(session.sender, lane, self._target, self._speaks_plainly))
        return session

    def _secure(self, agreed: MediaAgreed) -> None:
        """Take the keys that were agreed on, and let the media thread have them, too."""
        super()._secure(agreed)
        self._thread_has_keys = self.lane is not None and self.lane.secure(self._srtp)

    def _is_for_thread(self) -> bool:
        """Whether the media thread can send as was agreed: in the clear, or with keys that it has."""
        agreed = self.negotiation.agreed
        return agreed is None or not keyed(agreed) or self._thread_has_keys

    def _speaks_plainly(self) -> bool:
        return not self.flawed and not self.port.shaped and self._is_for_thread()

    def treated(self) -> None:
        """Speak by the lab's thread while its device has a fault of RTP, by the media thread otherwise."""
        self._aim()

    def reroute(self) -> None:
        """Let the lab's thread send while a link loses or keeps packets, the media thread when it is perfect again."""
        self._aim()

    def _target(self) -> Address | None:
        """Return where what we speak goes; RFC 3264 s.8.4: an address of 0.0.0.0 asks for nothing."""
        agreed = self.negotiation.agreed
        return None if agreed is None or agreed.on_hold else agreed.remote

    def _aim(self) -> None:
        """Let what is spoken go where the latest description says, encrypted if it says so."""
        from voxlab.host.ends.plane_sender import PlaneSender

        if self._rtp is not None and isinstance(self._rtp.sender, PlaneSender):
            self._rtp.sender.aim()
            self._pump()

    def _record_spoken(self, run: Run) -> None:
        """Record what left here as it left: what we spoke, and what was encrypted on its way through."""
        assert run.destination is not None
        if not run.plain:
            self._tap_each(run, run.destination)
        elif self.place.journal.payloads != "none":
            self._write(run.batch(), self.port.rtp_address, run.destination, run)

    def _tap_each(self, run: Run, destination: Address) -> None:
        """Record datagrams that left here and make no batch, one by one."""
        for data, _, left_s in run.datagrams():
            if run.control:
                self._tap.rtcp(left_s, self._rtcp_source(), destination, data)
            else:
                self._tap.rtp(left_s, self.port.rtp_address, destination, data)

    def _rtcp_source(self) -> Address:
        agreed = self.negotiation.agreed
        return self.port.rtp_address if agreed is not None and agreed.rtcp_mux else self.port.rtcp_address

    # -- evidence

    def _write(self, batch: PacketBatch, src: Address, dst: Address, run: Run) -> None:
        """Record a batch on its way from ``src`` to ``dst``; a few packets join those that the tap collects."""
        if run.kept and run.packets < _FEW and run.fate != UNSENT:
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

    return np.full(run.packets, REFUSED if run.fate == UNSENT else DELIVERED, np.uint8)


def keyed(agreed: MediaAgreed) -> bool:
    """Whether the leg's packets are encrypted."""
    return agreed.keys is not None
