"""Times and tempers of the simulated network."""

from __future__ import annotations

import pytest

from tests.net.hosts import Ear
from voxlab.base.datagram import Address, Flow
from voxlab.base.errors import VoxlabError
from voxlab.base.ids import Ids
from voxlab.base.records import DELIVERED, LOST, REFUSED
from voxlab.net.impairment import Impairment
from voxlab.net.simulation import SimulatedEndpoint, SimulatedNetwork
from voxlab.net.virtual import VirtualLoop
from voxlab.net.world import World


class Pair:
    """alice and bob, 10 ms apart."""

    def __init__(self, world: World, *, unreachable: bool = False, seed: int = 7) -> None:
        assert isinstance(world.loop, VirtualLoop)
        self.world = world
        self.outcomes: list[tuple[float, bytes, int]] = []
        self.network = SimulatedNetwork(
            world.loop,
            Ids.seeded(seed),
            impairment=Impairment(delay_s=0.01),
            unreachable=unreachable,
            on_wire=lambda time_s, transport, src, dst, data, outcome: self.outcomes.append((time_s, data, outcome)),
        )
        self.alice, self.alice_ear = self.host("alice", "10.0.0.1")
        self.bob, self.bob_ear = self.host("bob", "10.0.0.2")
        self.link = self.network.link("alice", "bob")

    def host(self, name: str, address: str) -> tuple[SimulatedEndpoint, Ear]:
        ear = Ear()
        return self.world.submit(self.network.attach, name, address, 5060, ear), ear

    def send(self, transport: str, *chunks: bytes, to: Address | None = None) -> None:
        flow = Flow(transport, self.alice.addresses[transport], to or self.bob.addresses[transport])
        for chunk in chunks:
            self.world.submit(self.alice.send, flow, chunk)

    def send_each(self, step_s: float, count: int) -> None:
        """Send ``count`` numbered datagrams, one every ``step_s``."""
        flow = Flow("UDP", self.alice.addresses["UDP"], self.bob.addresses["UDP"])
        self.world.submit(
            lambda: [self.world.loop.call_at(n * step_s, self.alice.send, flow, b"%d" % n) for n in range(count)]
        )
        self.world.run()


@pytest.fixture
def pair(world: World) -> Pair:
    return Pair(world)


def test_a_datagram_takes_the_links_delay(pair: Pair) -> None:
    pair.send("UDP", b"x")
    pair.world.run()
    assert pair.bob_ear.heard == [(0.01, b"x")]
    assert pair.outcomes == [(0.0, b"x", DELIVERED)]


@pytest.mark.parametrize(("transport", "sent_s", "arrival_s"), [("TCP", 0.02, 0.03), ("TLS", 0.04, 0.05)])
def test_a_stream_arrives_after_its_handshake(pair: Pair, transport: str, sent_s: float, arrival_s: float) -> None:
    pair.send(transport, b"one", b"two")
    pair.world.run()
    assert pair.bob_ear.heard == [(arrival_s, b"one"), (arrival_s, b"two")]
    assert [(time_s, outcome) for time_s, _, outcome in pair.outcomes] == [(sent_s, DELIVERED)] * 2


def test_an_open_stream_takes_one_delay(pair: Pair) -> None:
    pair.send("TCP", b"one")
    pair.world.run(until=1.0)
    pair.send("TCP", b"two")
    pair.world.run()
    assert pair.bob_ear.heard[1] == (1.01, b"two")


def test_a_refusal_comes_after_one_round_trip(pair: Pair) -> None:
    pair.send("TCP", b"x", to=Address("10.0.0.2", 9))
    pair.world.run()
    assert [time_s for time_s, _ in pair.alice_ear.errors] == [0.02]


def test_a_datagram_to_nobody_is_lost(pair: Pair) -> None:
    pair.send("UDP", b"x", to=Address("10.9.9.9", 5060))
    pair.world.run()
    assert pair.outcomes == [(0.0, b"x", LOST)]
    assert pair.alice_ear.errors == []


def test_or_comes_back_as_port_unreachable_where_the_network_says_so(world: World) -> None:
    pair = Pair(world, unreachable=True)
    pair.send("UDP", b"x", to=Address("10.0.0.2", 9))
    world.run()
    assert pair.outcomes == [(0.0, b"x", REFUSED)]
    assert pair.alice_ear.errors == [(0.02, "port unreachable: nobody listens on UDP 10.0.0.2:9")]


def test_a_datagram_bears_its_senders_address_whatever_the_flow_says(pair: Pair) -> None:
    seen: list[Flow] = []
    pair.bob_ear.received = lambda flow, data, now: seen.append(flow)  # type: ignore[method-assign]
    forged = Flow("UDP", Address("192.0.2.66", 1), pair.bob.addresses["UDP"])
    pair.world.submit(pair.alice.send, forged, b"x")
    pair.world.run()
    assert seen[0].remote == pair.alice.addresses["UDP"]


def test_a_host_that_attaches_later_is_found(pair: Pair) -> None:
    late = Address("10.0.0.3", 5060)
    pair.send("UDP", b"too early", to=late)
    pair.world.run()
    _, ear = pair.host("carol", late.host)
    pair.send("UDP", b"in time", to=late)
    pair.world.run()
    assert ear.chunks == [b"in time"]


def test_a_dropped_datagram_is_lost_and_on_record(pair: Pair) -> None:
    pair.world.submit(pair.link.toward("bob").drop, lambda data: data.startswith(b"ACK"), 2)
    pair.send("UDP", b"INVITE", b"ACK 1", b"ACK 2", b"ACK 3")
    pair.world.run()
    assert pair.bob_ear.chunks == [b"INVITE", b"ACK 3"]
    assert [outcome for _, _, outcome in pair.outcomes] == [DELIVERED, LOST, LOST, DELIVERED]


def test_a_drop_lasts_until_it_is_healed(pair: Pair) -> None:
    pair.link.drop(lambda data: True, times=None)
    pair.send("UDP", b"1", b"2")
    pair.link.heal()
    pair.send("UDP", b"3")
    pair.world.run()
    assert pair.bob_ear.chunks == [b"3"]


def test_a_segment_that_is_lost_comes_late_and_holds_up_those_behind_it(pair: Pair) -> None:
    pair.send("TCP", b"zero")
    pair.world.run(until=1.0)
    pair.link.toward("bob").drop(lambda data: data == b"one")
    pair.send("TCP", b"one", b"two")
    pair.world.run()
    assert pair.bob_ear.heard[1:] == [(1.21, b"one"), (1.21, b"two")]


def test_a_link_that_loses_everything_lets_a_stream_time_out(pair: Pair) -> None:
    pair.link.impair(Impairment(delay_s=0.01, loss=1.0))
    pair.send("TCP", b"x")
    pair.world.run()
    assert "timed out" in pair.alice_ear.errors[0][1]
    assert pair.bob_ear.heard == []


def test_an_open_stream_breaks_when_its_link_loses_everything(pair: Pair) -> None:
    pair.send("TCP", b"x")
    pair.world.run()
    pair.link.impair(Impairment(delay_s=0.01, loss=1.0))
    pair.send("TCP", b"y")
    pair.world.run()
    assert pair.bob_ear.chunks == [b"x"]
    assert "timed out" in pair.alice_ear.errors[0][1]


def test_both_directions_have_a_temper_of_their_own(pair: Pair) -> None:
    pair.link.toward("bob").impairment = Impairment(delay_s=0.5)
    pair.send("UDP", b"there")
    pair.world.run()
    pair.world.submit(pair.bob.send, Flow("UDP", pair.bob.addresses["UDP"], pair.alice.addresses["UDP"]), b"back")
    pair.world.run()
    assert pair.bob_ear.heard == [(0.5, b"there")]
    assert pair.alice_ear.heard == [(0.51, b"back")]


def test_a_link_knows_its_ends(pair: Pair) -> None:
    with pytest.raises(VoxlabError, match="alice and bob, not to 'carol'"):
        pair.link.toward("carol")


def test_one_seed_gives_one_fate_and_another_seed_another() -> None:
    def fates(seed: int) -> list[tuple[float, bytes]]:
        world = World()
        pair = Pair(world, seed=seed)
        pair.link.impair(Impairment(delay_s=0.02, jitter_s=0.03, loss=0.2, reorder=0.1, duplicate=0.1))
        pair.send_each(0.02, 300)
        world.close()
        return pair.bob_ear.heard

    assert fates(1) == fates(1)
    assert fates(1) != fates(2)


def test_one_more_link_shifts_nobodys_fate(world: World) -> None:
    pair = Pair(world)
    pair.link.impair(Impairment(loss=0.5))
    carol, _ = pair.host("carol", "10.0.0.3")
    pair.network.link("carol", "bob").impair(Impairment(loss=0.5))
    flow = Flow("UDP", carol.addresses["UDP"], pair.bob.addresses["UDP"])
    for _ in range(50):
        world.submit(carol.send, flow, b"from carol")
    pair.send_each(0.02, 200)
    other = World()
    alone = Pair(other)
    alone.link.impair(Impairment(loss=0.5))
    alone.send_each(0.02, 200)
    other.close()
    assert [chunk for chunk in pair.bob_ear.chunks if chunk != b"from carol"] == alone.bob_ear.chunks


def test_reset_starts_the_seeds_anew(world: World) -> None:
    pair = Pair(world)
    pair.link.impair(Impairment(loss=0.5))
    pair.send_each(0.02, 200)
    first = list(pair.bob_ear.chunks)
    world.submit(pair.network.reset)
    world.reset()
    pair.bob_ear.heard.clear()
    pair.send_each(0.02, 200)
    assert pair.bob_ear.chunks == first
    assert 60 < len(first) < 140


def test_a_host_that_left_hears_nothing_that_is_still_under_way(pair: Pair) -> None:
    pair.send("UDP", b"x")
    pair.world.submit(pair.bob.close)
    pair.world.run()
    assert pair.bob_ear.heard == []


def test_a_host_may_talk_to_itself(pair: Pair) -> None:
    flow = Flow("TCP", pair.alice.addresses["TCP"], pair.alice.addresses["TCP"])
    pair.world.submit(pair.alice.send, flow, b"me")
    pair.world.run()
    assert pair.alice_ear.chunks == [b"me"]
