"""Links with an MTU: what is larger than a packet travels in fragments."""

from __future__ import annotations

import pytest

from tests.net.hosts import Ear
from voxlab.base.datagram import Address, Flow
from voxlab.base.errors import VoxlabError
from voxlab.base.ids import Ids
from voxlab.base.records import DELIVERED, LOST
from voxlab.net.impairment import Impairment
from voxlab.net.link import Link
from voxlab.net.simulation import SimulatedEndpoint, SimulatedNetwork
from voxlab.net.virtual import VirtualLoop
from voxlab.net.world import World

BOB = Address("10.0.0.2", 5060)


class Wire:
    """alice, bob, and what was told of the datagrams between them."""

    def __init__(self, world: World) -> None:
        assert isinstance(world.loop, VirtualLoop)
        self.world = world
        self.outcomes: list[int] = []
        self.fragments: list[tuple[int, int, bool]] = []
        self.network = SimulatedNetwork(
            world.loop,
            Ids.seeded(7),
            on_wire=lambda *said: self.outcomes.append(said[-1]),
            on_fragments=lambda _at, _src, _dst, data, count, came: self.fragments.append((len(data), count, came)),
        )
        self.ear = Ear()
        self.alice: SimulatedEndpoint = world.submit(self.network.attach, "alice", "10.0.0.1", 5060, Ear())
        world.submit(self.network.attach, "bob", BOB.host, BOB.port, self.ear)
        self.link: Link = world.submit(self.network.link, "alice", "bob")

    def send(self, size: int, transport: str = "UDP") -> None:
        self.world.submit(self.alice.send, Flow(transport, self.alice.addresses[transport], BOB), b"x" * size)
        self.world.run()


@pytest.fixture
def wire(world: World) -> Wire:
    return Wire(world)


def test_a_datagram_travels_whole_up_to_the_mtu_and_in_fragments_beyond(wire: Wire) -> None:
    assert wire.link.mtu_bytes == 1500
    wire.send(1472)  # 20 bytes of IP and 8 of UDP come on top
    assert wire.fragments == []
    wire.send(1473)
    wire.send(4000)
    assert wire.fragments == [(1473, 2, True), (4000, 3, True)]
    assert len(wire.ear.heard) == 3


def test_a_path_that_loses_fragments_lets_small_datagrams_pass(wire: Wire) -> None:
    wire.link.mtu_bytes = 576
    wire.link.lose_fragments()
    wire.send(548)
    wire.send(549)
    assert wire.outcomes == [DELIVERED, LOST]
    assert wire.fragments == [(549, 2, False)]
    wire.link.heal()
    wire.send(549)
    assert wire.outcomes[-1] == DELIVERED
    assert wire.link.mtu_bytes == 1500


def test_a_stream_knows_no_fragments(wire: Wire) -> None:
    wire.link.mtu_bytes = 576
    wire.link.lose_fragments()
    wire.send(5000, "TCP")
    assert len(wire.ear.heard) == 1
    assert wire.fragments == []


def test_a_datagram_is_lost_with_any_of_its_fragments(wire: Wire) -> None:
    wire.link.impair(Impairment(loss=0.2))
    wire.link.mtu_bytes = 576
    for _ in range(300):
        wire.send(2100)  # four fragments
    arrived = sum(outcome == DELIVERED for outcome in wire.outcomes) / 300
    assert 0.33 < arrived < 0.49  # 0.8 ** 4
    assert sum(came for _, _, came in wire.fragments) == sum(outcome == DELIVERED for outcome in wire.outcomes)


def test_an_mtu_that_cannot_be_is_refused(wire: Wire) -> None:
    with pytest.raises(VoxlabError, match="68 to 65535"):
        wire.link.mtu_bytes = 20
