"""RTP as columns over a simulated link."""

from __future__ import annotations

from typing import Any

import numpy as np

from voxlab.base.datagram import Address
from voxlab.base.ids import Ids
from voxlab.base.records import DELIVERED, LOST
from voxlab.media.batch import PacketBatch
from voxlab.net.addresses import LivePlan
from voxlab.net.impairment import Impairment
from voxlab.net.lease import Outcome
from voxlab.net.loop import LiveLoop
from voxlab.net.simulation import SimulatedNetwork
from voxlab.net.sockets import LiveNetwork
from voxlab.net.virtual import VirtualLoop
from voxlab.net.world import World


class Listener:
    def __init__(self) -> None:
        self.batches: list[tuple[PacketBatch, Address, float]] = []
        self.datagrams: list[bytes] = []

    def datagram(self, data: bytes, source: Address, arrival_s: float, *, rtcp: bool) -> None:
        assert source.port % 2 == rtcp
        assert arrival_s > 0
        self.datagrams.append(data)

    def batch(self, batch: Any, source: Address, now: float) -> None:
        self.batches.append((batch, source, now))


def packets(count: int) -> PacketBatch:
    numbers = np.arange(count)
    return PacketBatch(
        ssrc=1,
        payload_type=0,
        time_ns=(numbers * 20_000_000).astype(np.int64),
        sequence=numbers.astype(np.uint16),
        timestamp=(numbers * 160).astype(np.uint32),
        marker=numbers == 0,
        payload=np.zeros((count, 160), np.uint8),
    )


def test_a_batch_arrives_when_its_last_packet_does_each_with_its_own_time(world: World) -> None:
    assert isinstance(world.loop, VirtualLoop)
    network = SimulatedNetwork(world.loop, Ids.seeded(1), impairment=Impairment(delay_s=0.04, loss=0.1, duplicate=0.05))
    ear = Listener()
    source = network.open_media("alice", "10.0.0.1", Listener())
    sink = network.open_media("bob", "10.0.0.2", ear)
    sent = packets(100)
    outcome = world.submit(source.send_batch, sent, sink.rtp_address)
    world.run()
    [(arrived, came_from, now)] = ear.batches
    assert came_from == source.rtp_address
    assert now == arrived.time_ns[-1] / 1e9
    assert set(np.unique(arrived.sequence)) == set(sent.sequence[outcome == DELIVERED])
    assert np.all(arrived.time_ns == sent.time_ns[arrived.sequence] + 40_000_000)
    assert 0 < np.sum(outcome == LOST) < 30
    assert arrived.packets > len(np.unique(arrived.sequence))


def test_a_live_port_sends_each_packet_of_a_batch_at_its_time(live: World) -> None:
    assert isinstance(live.loop, LiveLoop)
    plan, network, ear = LivePlan("it"), LiveNetwork(live.loop), Listener()
    source = live.submit(network.open_media, "alice", plan.device(), Listener())
    sink = live.submit(network.open_media, "bob", plan.device(), ear)
    sent = packets(5)
    due = sent._replace(time_ns=sent.time_ns // 20 + round(live.now * 1e9))
    live.submit(source.send_batch, due, sink.rtp_address)
    assert live.wait(lambda: len(ear.datagrams) == 5, timeout_s=30) is Outcome.HELD
    assert ear.datagrams == [row.tobytes() for row in sent.wire()]
    live.submit(network.close)
    plan.close()


def test_a_batch_to_nobody_is_lost_whole(world: World) -> None:
    assert isinstance(world.loop, VirtualLoop)
    network = SimulatedNetwork(world.loop, Ids.seeded(1))
    source = network.open_media("alice", "10.0.0.1", Listener())
    assert np.all(world.submit(source.send_batch, packets(5), Address("10.0.0.9", 4000)) == LOST)
    assert source.send(b"x", Address("10.0.0.9", 4000)) == LOST


def test_a_port_that_was_closed_takes_nothing(world: World) -> None:
    assert isinstance(world.loop, VirtualLoop)
    network = SimulatedNetwork(world.loop, Ids.seeded(1))
    ear = Listener()
    source, sink = network.open_media("alice", "10.0.0.1", Listener()), network.open_media("bob", "10.0.0.2", ear)
    world.submit(source.send_batch, packets(5), sink.rtp_address)
    world.submit(source.send, b"x", sink.rtp_address)
    world.submit(sink.close)
    world.run()
    assert (ear.batches, ear.datagrams) == ([], [])
