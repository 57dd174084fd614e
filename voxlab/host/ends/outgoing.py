"""The way out of one end's packets: the faults of its device, its keys, the journal, the port (RFC 3550, RFC 3711).

Must not know who makes packets, nor negotiations beyond where they go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from voxlab.base.datagram import Address

if TYPE_CHECKING:
    from voxlab.dialog.offer_answer import Negotiation
    from voxlab.faults.temper import Temper
    from voxlab.host.ends.place import MediaPlace
    from voxlab.host.ends.rtp_tap import RtpTap
    from voxlab.media.batch import PacketBatch
    from voxlab.media.srtp import Srtp
    from voxlab.net.network import MediaPort


class Outgoing:
    """A base of ``MediaEnd``.

    Attributes
    ----------
    temper : callable
        Returns what keeps the faults of its device, None where it has none.
    """

    place: MediaPlace
    port: MediaPort
    negotiation: Negotiation
    call_id: str
    temper: Callable[[], Temper | None]
    _srtp: Srtp | None
    _tap: RtpTap

    @property
    def flawed(self) -> bool:
        """Whether its device has a fault of RTP."""
        temper = self.temper()
        return temper is not None and bool(temper.flaws)

    def treated(self) -> None:
        """Look again: a fault of its device has come or gone."""

    def _send_rtp(self, data: bytes, remote: Address) -> None:
        for each in self._left_of(data) if self.flawed else (data,):
            self._send_packet(each, remote)

    def _left_of(self, data: bytes) -> list[bytes]:
        """Return what the device's faults leave of a packet."""
        import numpy as np

        from voxlab.media.batch import PacketBatch

        temper = self.temper()
        assert temper is not None
        now_ns = np.array([round(self.place.loop.time() * 1e9)], np.int64)
        batch = PacketBatch.from_wire(now_ns, np.frombuffer(data, np.uint8).reshape(1, -1))
        return [row.tobytes() for each in temper.rtp(batch, self.port.rtp_address) for row in each.wire()]

    def _send_packet(self, data: bytes, remote: Address) -> None:
        if self._srtp is not None:
            sealed = self._srtp.seal(data)
            if sealed is None:
                return
            data = sealed
        outcome = self.port.send(data, remote)
        self._tap.rtp(self.place.loop.time(), self.port.rtp_address, remote, data, outcome)

    def _send_rtcp(self, data: bytes, remote: Address) -> None:
        temper = self.temper()
        left = data if temper is None else temper.rtcp(data, self.port.rtp_address)
        if left is not None:
            self._send_report(left, remote)

    def _send_report(self, data: bytes, remote: Address) -> None:
        if self._srtp is not None:
            sealed = self._srtp.seal(data)
            if sealed is None:
                return
            data = sealed
        agreed = self.negotiation.agreed
        apart = agreed is None or not agreed.rtcp_mux
        source = self.port.rtcp_address if apart else self.port.rtp_address
        outcome = self.port.send(data, remote, rtcp=apart)
        self._tap.rtcp(self.place.loop.time(), source, remote, data, outcome)

    def _send_batch(self, batch: PacketBatch, remote: Address) -> None:
        temper = self.temper()
        for each in (batch,) if temper is None else temper.rtp(batch, self.port.rtp_address):
            self._send_columns(each, remote)

    def _send_columns(self, batch: PacketBatch, remote: Address) -> None:
        if self._srtp is not None:
            sealed = self._srtp.protect_batch(batch)
            if sealed is None:
                return
            batch = sealed
        outcome = self.port.send_batch(batch, remote)
        journal = self.place.journal
        if journal.payloads != "none":
            kept = journal.payloads == "all"
            journal.rtp(batch.block(self.port.rtp_address, remote, call_id=self.call_id, outcome=outcome, payload=kept))
