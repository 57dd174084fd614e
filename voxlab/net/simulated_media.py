"""Media ports of the simulated network: one datagram at a time, or arrays of packets in one step.

Must not know RTP: a batch has times and rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxlab.base.datagram import Address
from voxlab.base.records import DELIVERED, LOST, REFUSED
from voxlab.net.network import Batch, MediaReceiver

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from voxlab.net.simulation import SimulatedNetwork


class SimulatedMediaPort:
    """A pair of ports in memory: RTP on the even one, RTCP on the next."""

    stamped_by = "virtual"
    shaped = False

    def __init__(self, network: SimulatedNetwork, owner: str, rtp: Address, receiver: MediaReceiver) -> None:
        self.owner = owner
        self.rtp_address = rtp
        self.rtcp_address = Address(rtp.host, rtp.port + 1)
        self.receiver: MediaReceiver | None = receiver
        self.open = True
        self._network = network

    def send(self, data: bytes, remote: Address, *, rtcp: bool = False) -> int:
        """Send one datagram now; return its outcome."""
        source = self.rtcp_address if rtcp else self.rtp_address
        if self._network.paths.concerns(source.host, remote.host):
            return self._send_through(data, source, remote)
        target = self._network.media_at(remote)
        way = self._network.way(self.owner, target.owner if target is not None else remote.host)
        arrivals = () if way.swallows(data) else way.channel.pass_through(self._network.loop.time())
        if target is None:
            return REFUSED if arrivals and self._network.unreachable else LOST
        for arrival in arrivals:
            self._network.loop.call_at(arrival, target._take, data, source, remote)
        return DELIVERED if arrivals else LOST

    def _send_through(self, data: bytes, source: Address, remote: Address) -> int:
        """Send one datagram through the NATs on its way."""
        network, now = self._network, self._network.loop.time()
        passed = network.paths.way_of("UDP", self.owner, source, remote, now)
        arrivals: tuple[float, ...] = (now,)
        for way, _, _ in passed.wires:
            arrivals = tuple(
                after for each in arrivals if not way.swallows(data) for after in way.channel.pass_through(each)
            )
        target = network.media_at(passed.destination) if passed.reached else None
        if target is None:
            return REFUSED if passed.nowhere else LOST
        for arrival in arrivals:
            network.loop.call_at(arrival, target._take, data, passed.source, passed.destination)
        return DELIVERED if arrivals else LOST

    def send_batch(self, batch: Batch, remote: Address) -> NDArray[np.uint8]:
        """Send packets at their times; return the outcome of each, uint8 array of shape (n,).

        The receiver gets what has arrived by now at once and the rest in one piece, each packet with its own time.
        """
        import numpy as np

        if self._network.paths.concerns(self.rtp_address.host, remote.host):
            return self._send_batch_through(batch, remote)
        target = self._network.media_at(remote)
        way = self._network.way(self.owner, target.owner if target is not None else remote.host)
        if target is None:
            return np.full(len(batch.time_ns), LOST, np.uint8)
        delay_s = way.channel.even_delay_s
        if delay_s is not None:
            self._deliver(batch.delayed(delay_s), target)
            return np.zeros(len(batch.time_ns), np.uint8)  # DELIVERED, all of them
        passage = way.channel.pass_batch(batch.time_ns)
        if len(passage.rows):
            self._deliver(batch.take(passage.rows, passage.arrival_ns), target)
        return np.where(passage.lost, LOST, DELIVERED).astype(np.uint8)

    def _send_batch_through(self, batch: Batch, remote: Address) -> NDArray[np.uint8]:
        """Send packets through the NATs on their way, wire by wire."""
        import numpy as np

        count, network = len(batch.time_ns), self._network
        first_s, last_s = int(batch.time_ns[0]) / 1e9, int(batch.time_ns[-1]) / 1e9
        passed = network.paths.way_of("UDP", self.owner, self.rtp_address, remote, first_s, last_s)
        target = network.media_at(passed.destination) if passed.reached else None
        if target is None:
            return np.full(count, REFUSED if passed.nowhere else LOST, np.uint8)
        alive = np.arange(count)  # which of the packets sent the rows of the batch are
        for way, _, _ in passed.wires:
            passage = way.channel.pass_batch(batch.time_ns)
            if not len(passage.rows):
                return np.full(count, LOST, np.uint8)
            order = np.argsort(passage.arrival_ns, kind="stable")
            batch, alive = batch.take(passage.rows, passage.arrival_ns), alive[passage.rows[order]]
        self._deliver(batch, target, passed.source)
        outcome = np.full(count, LOST, np.uint8)
        outcome[alive] = DELIVERED
        return outcome

    def _deliver(self, batch: Batch, target: SimulatedMediaPort, source: Address | None = None) -> None:
        """Hand over at once what has arrived by now, the rest in one piece when the last of it is there."""
        source = source or self.rtp_address
        loop = self._network.loop
        now_ns = round(loop.time() * 1e9)
        if int(batch.time_ns[-1]) <= now_ns:
            target._take_batch(batch, source)
            return
        here, under_way = batch.split(now_ns)
        if len(here.time_ns):
            target._take_batch(here, source)
        if len(under_way.time_ns):
            loop.call_at(int(under_way.time_ns[-1]) / 1e9, target._take_batch, under_way, source)

    def _take(self, data: bytes, source: Address, at: Address) -> None:
        if self.receiver is not None:
            self.receiver.datagram(data, source, self._network.loop.time(), rtcp=at == self.rtcp_address)

    def _take_batch(self, batch: Batch, source: Address) -> None:
        if self.receiver is not None:
            self.receiver.batch(batch, source, self._network.loop.time())

    def close(self) -> None:
        """Give the ports back."""
        self.open = False
        self.receiver = None  # each would keep the other
        self._network.close_media(self)
