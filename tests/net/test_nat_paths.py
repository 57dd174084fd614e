"""Packets through the NATs of a simulated network: what each wire sees, and where packets end."""

from __future__ import annotations

import pytest

from tests.net.hosts import Ear
from tests.net.test_simulated_media import Listener, packets
from voxlab.base.datagram import Address, Flow
from voxlab.base.errors import VoxlabError
from voxlab.base.ids import Ids
from voxlab.base.records import DELIVERED, LOST, REFUSED
from voxlab.net.impairment import Impairment
from voxlab.net.nat import KINDS, Behaviour, Refusal
from voxlab.net.nat_paths import Crossing
from voxlab.net.simulation import SimulatedEndpoint, SimulatedNetwork
from voxlab.net.virtual import VirtualLoop
from voxlab.net.world import World

HOME, CGN = "203.0.113.1", "203.0.113.2"
PHONE, SECOND = Address("10.1.0.2", 5060), Address("10.1.0.3", 5060)
SERVER = Address("192.0.2.10", 5060)


class FlowEar(Ear):
    """Keeps flows, too."""

    def __init__(self) -> None:
        super().__init__()
        self.came: list[tuple[Flow, bytes]] = []

    def received(self, flow: Flow, data: bytes, now: float) -> None:
        super().received(flow, data, now)
        self.came.append((flow, data))


class Neighbourhood:
    """A server on the internet, and a home with two phones."""

    def __init__(self, world: World, kind: str = "port_restricted_cone", seed: int = 7, **changes: object) -> None:
        assert isinstance(world.loop, VirtualLoop)
        self.world = world
        self.wires: list[tuple[float, Address, Address, bytes, int]] = []
        self.dropped: list[tuple[str, Address, Refusal]] = []
        self.network = SimulatedNetwork(
            world.loop,
            Ids.seeded(seed),
            impairment=Impairment(delay_s=0.01),
            on_wire=lambda at, _transport, src, dst, data, outcome: self.wires.append((at, src, dst, data, outcome)),
            dropped=lambda _at, box, _src, dst, _data, refusal: self.dropped.append((box, dst, refusal)),
        )
        self.behaviour = Behaviour(*KINDS[kind])
        for name, value in changes.items():
            setattr(self.behaviour, name, value)
        self.home = self.network.add_nat("home", HOME, self.behaviour)
        self.server, self.server_ear = self.host("server", SERVER)
        self.phone, self.phone_ear = self.host("phone", PHONE, "home")
        self.second, self.second_ear = self.host("second", SECOND, "home")

    def host(self, name: str, address: Address, behind: str = "") -> tuple[SimulatedEndpoint, FlowEar]:
        ear = FlowEar()
        if behind:
            self.network.paths.put(address.host, behind)
        return self.world.submit(self.network.attach, name, address.host, address.port, ear), ear

    def send(self, sender: SimulatedEndpoint, to: Address, data: bytes = b"hello", transport: str = "UDP") -> None:
        flow = Flow(transport, sender.addresses[transport], to)
        self.world.submit(sender.send, flow, data)
        self.world.run()


@pytest.fixture
def place(world: World) -> Neighbourhood:
    return Neighbourhood(world)


def heard(ear: FlowEar) -> list[tuple[Address, bytes]]:
    return [(flow.remote, data) for flow, data in ear.came]


def test_a_datagram_is_seen_on_both_wires_with_the_addresses_of_each(place: Neighbourhood) -> None:
    place.send(place.phone, SERVER)
    (inside, outside) = place.wires
    assert inside[1:] == (PHONE, SERVER, b"hello", DELIVERED)
    outer = outside[1]
    assert (outer.host, outside[2]) == (HOME, SERVER)
    assert (inside[0], outside[0]) == (0.0, pytest.approx(0.01))
    assert heard(place.server_ear) == [(outer, b"hello")]
    place.send(place.server, outer, b"answer")
    assert heard(place.phone_ear) == [(SERVER, b"answer")]
    assert place.phone_ear.came[0][0].local == PHONE


def test_two_phones_behind_one_nat_have_each_their_port_and_their_answers(place: Neighbourhood) -> None:
    place.send(place.phone, SERVER, b"one")
    place.send(place.second, SERVER, b"two")
    for source, data in heard(place.server_ear):
        place.send(place.server, source, b"to " + data)
    assert heard(place.phone_ear) == [(SERVER, b"to one")]
    assert heard(place.second_ear) == [(SERVER, b"to two")]


def test_what_nobody_asked_for_is_dropped_and_said_so(place: Neighbourhood) -> None:
    place.send(place.server, Address(HOME, 4000))
    assert place.wires[-1][4] == LOST
    ((box, dst, refusal),) = place.dropped
    assert (box, dst, refusal.reason) == ("home", Address(HOME, 4000), "no binding")


def test_a_private_address_leads_nowhere_from_outside(place: Neighbourhood) -> None:
    place.send(place.phone, SERVER)
    place.send(place.server, PHONE, b"lost")
    assert place.wires[-1][2:] == (PHONE, b"lost", REFUSED)
    assert place.phone_ear.heard == []


def test_neighbours_talk_without_the_nat(place: Neighbourhood) -> None:
    place.send(place.phone, SECOND, b"hi")
    assert heard(place.second_ear) == [(PHONE, b"hi")]
    assert len(place.wires) == 1


@pytest.mark.parametrize("hairpinning", [True, False])
def test_neighbours_meet_at_outer_addresses_where_there_is_hairpinning(world: World, hairpinning: bool) -> None:
    place = Neighbourhood(world, "full_cone", hairpinning=hairpinning)
    place.send(place.second, SERVER)
    (outer, _) = heard(place.server_ear)[0]
    place.send(place.phone, outer, b"over the roof")
    if hairpinning:
        ((source, data),) = heard(place.second_ear)
        assert (source.host, data) == (HOME, b"over the roof")
    else:
        assert place.second_ear.heard == []
        assert place.dropped[-1][2].reason == "no hairpinning"


def test_a_nat_behind_a_nat_translates_twice(world: World) -> None:
    place = Neighbourhood(world)
    place.network.add_nat("cgn", CGN, Behaviour())
    place.network.add_nat("flat", "100.64.0.2", Behaviour(), "cgn")
    phone, ear = place.host("nested", Address("10.2.0.2", 5060), "flat")
    place.send(phone, SERVER, b"deep")
    sources = [src.host for _, src, _, data, _ in place.wires if data == b"deep"]
    assert sources == ["10.2.0.2", "100.64.0.2", CGN]
    ((source, _),) = heard(place.server_ear)
    place.send(place.server, source, b"back")
    assert heard(ear) == [(SERVER, b"back")]


@pytest.mark.parametrize("transport", ["TCP", "TLS"])
def test_a_stream_is_opened_from_inside_and_serves_both_ways(world: World, transport: str) -> None:
    place = Neighbourhood(world)
    remote = place.server.addresses[transport]
    place.send(place.phone, remote, b"INVITE", transport)
    (flow, data) = place.server_ear.came[0]
    assert (flow.remote.host, data) == (HOME, b"INVITE")
    place.world.submit(place.server.send, flow, b"200")
    place.world.run()
    assert place.phone_ear.chunks == [b"200"]
    assert {src.host for _, src, _, data, _ in place.wires if data == b"200"} == {SERVER.host}
    assert [dst.host for _, _, dst, data, _ in place.wires if data == b"200"] == [HOME, PHONE.host]


def test_a_stream_cannot_be_opened_from_outside(place: Neighbourhood) -> None:
    place.send(place.phone, SERVER)
    (outer, _) = heard(place.server_ear)[0]
    place.send(place.server, outer, b"INVITE", "TCP")
    assert place.phone_ear.heard == []
    assert "timed out" in place.server_ear.errors[0][1]


def test_a_stream_whose_binding_has_died_breaks(place: Neighbourhood) -> None:
    place.behaviour.tcp_lifetime_s = 60.0
    place.send(place.phone, SERVER, b"INVITE", "TCP")
    (flow, _) = place.server_ear.came[0]
    place.world.run(100.0)
    place.world.submit(place.server.send, flow, b"BYE")
    place.world.run()
    assert place.phone_ear.chunks == []
    assert place.server_ear.errors


def test_media_are_translated_and_latch_back(place: Neighbourhood) -> None:
    network, inside, outside = place.network, Listener(), Listener()
    phone = place.world.submit(network.open_media, "phone", PHONE.host, inside)
    server = place.world.submit(network.open_media, "server", SERVER.host, outside)
    assert set(place.world.submit(phone.send_batch, packets(50), server.rtp_address)) == {DELIVERED}
    place.world.run()
    ((batch, source, _),) = outside.batches
    assert source.host == HOME
    assert source.port % 2 == 0
    assert batch.time_ns[0] == 20_000_000  # two wires of 10 ms
    assert set(place.world.submit(server.send_batch, packets(50), source)) == {DELIVERED}
    assert set(place.world.submit(server.send_batch, packets(50), phone.rtp_address)) == {REFUSED}
    place.world.run()
    ((_, seen, _),) = inside.batches
    assert seen == server.rtp_address
    assert place.world.submit(lambda: phone.send(b"\x80\xc8", server.rtcp_address, rtcp=True)) == DELIVERED
    place.world.run()
    assert outside.datagrams == [b"\x80\xc8"]


def test_each_wire_of_media_has_a_temper_of_its_own(place: Neighbourhood) -> None:
    network, outside = place.network, Listener()
    phone = place.world.submit(network.open_media, "phone", PHONE.host, Listener())
    server = place.world.submit(network.open_media, "server", SERVER.host, outside)
    place.world.submit(network.link, "phone", "home").impair(Impairment(delay_s=0.01, loss=0.2))
    place.world.submit(network.link, "home", "server").impair(Impairment(delay_s=0.05, loss=0.2))
    outcome = place.world.submit(phone.send_batch, packets(2000), server.rtp_address)
    place.world.run()
    came = sum(len(batch.time_ns) for batch, _, _ in outside.batches)
    assert came == int((outcome == DELIVERED).sum())
    assert 0.58 < came / 2000 < 0.7  # 0.8 * 0.8
    numbers = {int(each) for batch, _, _ in outside.batches for each in batch.sequence}
    assert numbers == {row for row in range(2000) if outcome[row] == DELIVERED}


def test_a_gateway_rewrites_what_crosses(place: Neighbourhood) -> None:
    def rewrite(data: bytes, crossing: Crossing) -> bytes:
        return data.replace(crossing.inner.host.encode(), crossing.outer.host.encode()) if crossing.outbound else data

    place.home.rewrite = rewrite
    place.send(place.phone, SERVER, b"I am 10.1.0.2")
    assert [data for _, _, _, data, _ in place.wires] == [b"I am 10.1.0.2", b"I am 203.0.113.1"]


def test_two_nats_of_one_name_or_address_are_refused(place: Neighbourhood) -> None:
    with pytest.raises(VoxlabError, match="already"):
        place.network.add_nat("home", "203.0.113.9", Behaviour())
    with pytest.raises(VoxlabError, match="already"):
        place.network.add_nat("other", HOME, Behaviour())
