"""What a host may rely on in either world: the same tests run on the simulated and on the live network."""

from __future__ import annotations

import threading

import pytest

from tests.contract.conftest import Bench, Ear, named
from tests.leaks import open_sockets
from voxlab.base.datagram import Address, Flow
from voxlab.base.errors import VoxlabError
from voxlab.base.records import DELIVERED, REFUSED
from voxlab.net.network import Endpoint


def echo(endpoint: Endpoint, ear: Ear) -> None:
    """Let a host send back what it hears, on the flow on which it came."""
    ear.answer = lambda flow, data: endpoint.send(flow, b"re: " + data)


def test_a_datagram_arrives_and_bears_the_address_of_its_sender(bench: Bench) -> None:
    alice, alice_ear = bench.host("alice")
    bob, bob_ear = bench.host("bob")
    echo(bob, bob_ear)
    bench.send(alice, bench.flow(alice, "UDP", bob), b"hello")
    bench.until(lambda: bool(alice_ear.heard))
    assert bob_ear.heard == [(Flow("UDP", bob.addresses["UDP"], alice.addresses["UDP"]), b"hello")]
    assert alice_ear.heard == [(Flow("UDP", alice.addresses["UDP"], bob.addresses["UDP"]), b"re: hello")]
    assert alice.addresses["UDP"].host != bob.addresses["UDP"].host


def test_datagrams_keep_their_order_and_their_bounds(bench: Bench) -> None:
    alice, _ = bench.host("alice")
    bob, ear = bench.host("bob")
    sent = [b"%d" % number * (1 + number % 50) for number in range(300)]
    bench.send(alice, bench.flow(alice, "UDP", bob), *sent)
    bench.until(lambda: len(ear.heard) == 300)
    assert [data for _, data in ear.heard] == sent


def test_a_datagram_to_nobody_is_no_error(bench: Bench) -> None:
    alice, ear = bench.host("alice")
    bob, _ = bench.host("bob")
    flow = bench.flow(alice, "UDP", bob)
    bench.world.submit(bob.close)
    bench.send(alice, flow, b"hello")
    bench.world.run(0.05)
    assert (ear.heard, ear.errors) == ([], [])


@pytest.mark.parametrize("transport", ["TCP", "TLS"])
def test_a_stream_is_opened_by_need_and_carries_both_ways(bench: Bench, transport: str) -> None:
    alice, alice_ear = bench.host("alice")
    bob, bob_ear = bench.host("bob")
    echo(bob, bob_ear)
    bench.send(alice, bench.flow(alice, transport, bob), b"one")
    bench.until(lambda: bool(alice_ear.heard))
    there, back = bob_ear.heard[0][0], alice_ear.heard[0][0]
    assert (bob_ear.text, alice_ear.text) == (b"one", b"re: one")
    assert (there.transport, there.local, there.remote) == (transport, back.remote, back.local)
    assert back.local.host == alice.addresses["UDP"].host
    assert there.connection > 0 < back.connection


@pytest.mark.parametrize("transport", ["TCP", "TLS"])
def test_a_stream_keeps_order_and_loses_nothing(bench: Bench, transport: str) -> None:
    alice, _ = bench.host("alice")
    bob, ear = bench.host("bob")
    sent = [b"<%d>" % number for number in range(500)]
    bench.send(alice, bench.flow(alice, transport, bob), *sent[:100])
    bench.until(lambda: bool(ear.heard))
    bench.send(alice, bench.flow(alice, transport, bob), *sent[100:])
    bench.until(lambda: len(ear.text) == len(b"".join(sent)))
    assert ear.text == b"".join(sent)
    assert len({flow.connection for flow, _ in ear.heard}) == 1


def test_the_flow_of_what_came_leads_back_over_the_same_connection(bench: Bench) -> None:
    alice, alice_ear = bench.host("alice", transports=("TCP",))
    bob, bob_ear = bench.host("bob", transports=("TCP",))
    bench.send(alice, bench.flow(alice, "TCP", bob), b"x")
    bench.until(lambda: bool(bob_ear.heard))
    arrived = bob_ear.heard[0][0]
    assert arrived.remote != alice.addresses["TCP"]
    bench.send(bob, arrived, b"y")
    bench.until(lambda: bool(alice_ear.heard))
    assert alice_ear.heard[0][0].local == arrived.remote


@pytest.mark.parametrize("transport", ["TCP", "TLS"])
def test_a_stream_to_nobody_is_refused_once_per_flow(bench: Bench, transport: str) -> None:
    alice, ear = bench.host("alice")
    bob, _ = bench.host("bob")
    flow = bench.flow(alice, transport, bob)
    bench.world.submit(bob.close)
    bench.send(alice, flow, b"one", b"two")
    bench.until(lambda: bool(ear.errors))
    bench.world.run(0.01)
    assert [told for told, _ in ear.errors] == [flow]
    assert "refused" in ear.errors[0][1]
    assert [row[4] for row in bench.wire] == [REFUSED, REFUSED]


def test_what_is_sent_after_a_refusal_tries_again(bench: Bench) -> None:
    alice, ear = bench.host("alice")
    bob, _ = bench.host("bob", transports=("UDP",))
    flow = Flow("TCP", alice.addresses["TCP"], bob.addresses["UDP"])
    for attempt in (1, 2):
        bench.send(alice, flow, b"x")
        bench.until(lambda attempt=attempt: len(ear.errors) == attempt)  # type: ignore[misc]
    assert [told for told, _ in ear.errors] == [flow, flow]


def test_a_tls_server_with_the_expected_name_is_trusted(bench: Bench) -> None:
    alice, _ = bench.host("alice")
    shop, ear = bench.host("shop", identity=named("shop.acme.voxlab.test"))
    bench.world.submit(alice.expect, shop.addresses["TLS"], "shop.acme.voxlab.test")
    bench.send(alice, bench.flow(alice, "TLS", shop), b"hello")
    bench.until(lambda: bool(ear.heard))
    assert ear.text == b"hello"


def test_a_tls_server_with_another_name_is_not(bench: Bench) -> None:
    alice, alice_ear = bench.host("alice")
    shop, shop_ear = bench.host("shop", identity=named("shop.acme.voxlab.test"))
    bench.world.submit(alice.expect, shop.addresses["TLS"], "bank.acme.voxlab.test")
    bench.send(alice, bench.flow(alice, "TLS", shop), b"secret")
    bench.until(lambda: bool(alice_ear.errors))
    assert "certificate" in alice_ear.errors[0][1]
    assert shop_ear.heard == []


def test_a_domain_that_a_tls_server_took_on_after_it_began_to_listen_is_on_its_certificate(bench: Bench) -> None:
    alice, _ = bench.host("alice")
    domains: list[str] = []
    shop, ear = bench.host("shop", identity=named("voxlab.test")._replace(served=lambda: domains))
    domains.append("shop.acme.voxlab.test")
    bench.world.submit(alice.expect, shop.addresses["TLS"], "shop.acme.voxlab.test")
    bench.send(alice, bench.flow(alice, "TLS", shop), b"hello")
    bench.until(lambda: bool(ear.heard))
    assert ear.text == b"hello"


def test_a_certificate_that_nobody_vouches_for_is_refused(bench: Bench) -> None:
    alice, alice_ear = bench.host("alice")
    shop, shop_ear = bench.host("shop", identity=named("shop.acme.voxlab.test", trusted=False))
    bench.send(alice, bench.flow(alice, "TLS", shop), b"secret")
    bench.until(lambda: bool(alice_ear.errors))
    assert "certificate" in alice_ear.errors[0][1]
    assert shop_ear.heard == []


@pytest.mark.parametrize("transport", ["TCP", "TLS"])
def test_the_peer_hears_that_a_connection_was_closed(bench: Bench, transport: str) -> None:
    alice, alice_ear = bench.host("alice")
    bob, bob_ear = bench.host("bob")
    bench.send(alice, bench.flow(alice, transport, bob), b"last words")
    bench.until(lambda: bool(bob_ear.heard))
    bench.world.submit(alice.close_connection, bench.flow(alice, transport, bob))
    bench.until(lambda: bool(bob_ear.ended))
    assert bob_ear.ended == [bob_ear.heard[0][0]]
    assert alice_ear.ended == []


def test_what_was_sent_before_a_close_still_arrives(bench: Bench) -> None:
    alice, _ = bench.host("alice")
    bob, ear = bench.host("bob")
    flow = bench.flow(alice, "TCP", bob)
    bench.send(alice, flow, b"first")
    bench.until(lambda: bool(ear.heard))
    bench.send(alice, flow, b" and last")
    bench.world.submit(alice.close_connection, flow)
    bench.until(lambda: bool(ear.ended))
    assert ear.text == b"first and last"


def test_a_peer_that_leaves_ends_its_connections(bench: Bench) -> None:
    alice, alice_ear = bench.host("alice")
    bob, bob_ear = bench.host("bob")
    bench.send(alice, bench.flow(alice, "TCP", bob), b"hello")
    bench.until(lambda: bool(bob_ear.heard))
    bench.world.submit(bob.close)
    bench.until(lambda: bool(alice_ear.ended))
    assert [flow.remote for flow in alice_ear.ended] == [bob.addresses["TCP"]]
    assert bob_ear.ended == []


@pytest.mark.parametrize("transport", ["UDP", "TCP", "TLS"])
def test_each_chunk_is_recorded_once_where_it_is_sent(bench: Bench, transport: str) -> None:
    alice, _ = bench.host("alice")
    bob, ear = bench.host("bob")
    bench.send(alice, bench.flow(alice, transport, bob), b"hello")
    bench.until(lambda: bool(ear.heard))
    source = ear.heard[0][0].remote
    assert bench.wire == [(transport, source, bob.addresses[transport], b"hello", DELIVERED)]
    assert bench.world.submit(bench.network.holds, transport, source)
    assert not bench.world.submit(bench.network.holds, transport, Address("203.0.113.9", 5060))


def test_a_port_that_is_taken_is_named(bench: Bench) -> None:
    bob, _ = bench.host("bob", transports=("UDP",))
    host, port = bob.addresses["UDP"]
    with pytest.raises(VoxlabError, match=f"UDP {host}:{port} .*taken"):
        bench.world.submit(bench.network.attach, "late", host, port, Ear(), ("UDP",))


def test_what_could_not_be_bound_whole_is_not_bound_at_all(bench: Bench) -> None:
    first, _ = bench.host("first", transports=("TCP",))
    host, port = first.addresses["TCP"]
    with pytest.raises(VoxlabError, match="taken"):
        bench.world.submit(bench.network.attach, "second", host, port, Ear(), ("UDP", "TCP"))
    third = bench.world.submit(bench.network.attach, "third", host, port, Ear(), ("UDP",))
    assert third.addresses == {"UDP": Address(host, port)}


def test_an_address_is_free_again_when_its_host_has_left(bench: Bench) -> None:
    bob, _ = bench.host("bob")
    bench.world.submit(bob.close)
    bench.world.submit(bob.close)
    address = bob.addresses["UDP"]
    again = bench.world.submit(bench.network.attach, "again", address.host, address.port, Ear(), ("UDP", "TCP"))
    assert again.addresses["UDP"] == address


def test_udp_and_tcp_share_a_port_and_tls_has_its_own(bench: Bench) -> None:
    bob, _ = bench.host("bob")
    assert bob.addresses["UDP"] == bob.addresses["TCP"]
    assert bob.addresses["TLS"].port not in {0, bob.addresses["UDP"].port}
    host = bench.plan.device()
    carol = bench.world.submit(bench.network.attach, "carol", host, 5060, Ear())
    assert [address.port for address in carol.addresses.values()] == [5060, 5060, 5061]


def test_who_has_left_sends_nothing(bench: Bench) -> None:
    alice, _ = bench.host("alice")
    bob, _ = bench.host("bob")
    flow = bench.flow(alice, "UDP", bob)
    bench.world.submit(alice.close)
    with pytest.raises(VoxlabError, match="left the network"):
        bench.send(alice, flow, b"x")


def test_reset_drops_connections_and_counts_from_one(bench: Bench) -> None:
    alice, _ = bench.host("alice")
    bob, ear = bench.host("bob")
    bench.send(alice, bench.flow(alice, "TCP", bob), b"x")
    bench.until(lambda: bool(ear.heard))
    bench.world.submit(bench.network.reset)
    bench.world.reset()
    ear.heard.clear()
    bench.send(alice, bench.flow(alice, "TCP", bob), b"y")
    bench.until(lambda: bool(ear.heard))
    assert ear.text == b"y"
    assert ear.heard[0][0].connection <= 2


def test_media_ports_are_an_even_one_and_the_next(bench: Bench) -> None:
    heard: list[tuple[bytes, Address, bool]] = []

    class Listener:
        def datagram(self, data: bytes, source: Address, arrival_s: float, *, rtcp: bool) -> None:
            assert 0 <= arrival_s <= bench.world.now
            heard.append((data, source, rtcp))

        def batch(self, batch: object, source: Address, now: float) -> None:
            raise AssertionError((batch, source, now))

    first, second = (
        bench.world.submit(bench.network.open_media, name, bench.plan.device(), Listener())
        for name in ("first", "second")
    )
    assert first.rtp_address.port % 2 == 0
    assert first.rtcp_address.port == first.rtp_address.port + 1
    bench.world.submit(first.send, b"rtp", second.rtp_address)
    bench.world.submit(lambda: first.send(b"rtcp", second.rtcp_address, rtcp=True))
    bench.until(lambda: len(heard) == 2)
    assert sorted(heard) == sorted([(b"rtp", first.rtp_address, False), (b"rtcp", first.rtcp_address, True)])
    with pytest.raises(VoxlabError, match="taken"):
        bench.world.submit(
            bench.network.open_media, "third", second.rtp_address.host, Listener(), second.rtp_address.port
        )
    with pytest.raises(VoxlabError, match="even port"):
        bench.world.submit(bench.network.open_media, "third", second.rtp_address.host, Listener(), 40_001)
    bench.world.submit(first.close)
    bench.world.submit(first.close)


@pytest.mark.parametrize("live", [False, True])
def test_close_leaves_no_socket_and_no_thread(live: bool) -> None:
    sockets, threads = open_sockets(), threading.active_count()
    bench = Bench(live=live)
    alice, _ = bench.host("alice")
    bob, ear = bench.host("bob")
    for transport in ("UDP", "TCP", "TLS"):
        bench.send(alice, bench.flow(alice, transport, bob), b"x")
    bench.until(lambda: len(ear.heard) == 3)
    bench.send(alice, Flow("TCP", alice.addresses["TCP"], Address(alice.addresses["TCP"].host, 9)), b"under way")
    bench.close()
    assert open_sockets() == sockets
    assert threading.active_count() == threads
