"""What only real sockets do: strangers, limits, buffers, wildcards."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator

import pytest

from tests.net.hosts import Ear
from voxlab.base.datagram import Address, Flow
from voxlab.base.errors import VoxlabError
from voxlab.net.addresses import LivePlan
from voxlab.net.datagram_socket import DatagramSocket, bind
from voxlab.net.lease import Outcome
from voxlab.net.live_streams import StreamLimits
from voxlab.net.loop import LiveLoop
from voxlab.net.sockets import LiveEndpoint, LiveNetwork
from voxlab.net.world import World


class Site:
    """A live network, and sockets of strangers."""

    def __init__(self, world: World, limits: StreamLimits | None = None) -> None:
        assert isinstance(world.loop, LiveLoop)
        self.world = world
        self.plan = LivePlan(self)
        self.network = LiveNetwork(world.loop, limits=limits)
        self.ear = Ear()
        self.strangers: list[socket.socket] = []

    def host(self, transports: tuple[str, ...] = ("UDP", "TCP")) -> LiveEndpoint:
        return self.world.submit(self.network.attach, "host", self.plan.device(), 0, self.ear, transports)

    def stranger(self, kind: socket.SocketKind) -> socket.socket:
        made = socket.socket(socket.AF_INET, kind)
        made.settimeout(30)
        made.bind((self.plan.device(), 0))
        self.strangers.append(made)
        return made

    def connect(self, host: LiveEndpoint) -> socket.socket:
        made = self.stranger(socket.SOCK_STREAM)
        made.connect(host.addresses["TCP"])
        return made

    def until_heard(self, count: int) -> None:
        assert self.world.wait(lambda: len(self.ear.heard) >= count, timeout_s=30) is Outcome.HELD

    def close(self) -> None:
        for stranger in self.strangers:
            stranger.close()
        self.world.submit(self.network.close)
        self.plan.close()


@pytest.fixture
def site(live: World) -> Iterator[Site]:
    made = Site(live)
    yield made
    made.close()


def test_a_stranger_is_not_one_of_ours(site: Site) -> None:
    host = site.host()
    stranger = site.stranger(socket.SOCK_DGRAM)
    stranger.sendto(b"hello", host.addresses["UDP"])
    site.until_heard(1)
    assert not site.world.submit(site.network.holds, "UDP", Address(*stranger.getsockname()))
    assert site.world.submit(site.network.holds, "UDP", host.addresses["UDP"])


def test_more_than_a_burst_is_drained_in_several_rounds(site: Site) -> None:
    host = site.host()
    stranger = site.stranger(socket.SOCK_DGRAM)
    for number in range(200):
        stranger.sendto(b"%d" % number, host.addresses["UDP"])
    site.until_heard(200)
    assert site.ear.chunks == [b"%d" % number for number in range(200)]


@pytest.mark.parametrize("wildcard", ["0.0.0.0", "::", ""])
def test_a_wildcard_is_refused(wildcard: str) -> None:
    with pytest.raises(VoxlabError, match="not all of them"):
        bind(socket.SOCK_DGRAM, "UDP", Address(wildcard, 0))


def test_an_address_of_another_machine_is_refused_in_words() -> None:
    with pytest.raises(VoxlabError, match="no such address"):
        bind(socket.SOCK_DGRAM, "UDP", Address("192.0.2.1", 0))


def test_a_datagram_that_is_too_long_is_a_transport_error(site: Site) -> None:
    host = site.host()
    flow = Flow("UDP", host.addresses["UDP"], Address(site.plan.device(), 5060))
    site.world.submit(host.send, flow, b"x" * 70_000)
    assert site.world.wait(lambda: bool(site.ear.errors), timeout_s=30) is Outcome.HELD
    assert "UDP" in site.ear.errors[0][1]


def test_past_the_limit_of_connections_the_next_is_closed_at_once(live: World) -> None:
    site = Site(live, StreamLimits(connections=2))
    host = site.host()
    for _ in range(2):
        site.connect(host).sendall(b"x")
    site.until_heard(2)
    surplus = site.connect(host)
    assert surplus.recv(1) == b""
    site.close()


def test_an_idle_connection_is_closed_and_both_ends_hear_of_it(live: World) -> None:
    site = Site(live, StreamLimits(idle_s=0.05))
    host = site.host()
    stranger = site.connect(host)
    stranger.sendall(b"x")
    site.until_heard(1)
    assert stranger.recv(1) == b""
    assert live.wait(lambda: bool(site.ear.ended), timeout_s=30) is Outcome.HELD
    site.close()


def test_a_peer_that_does_not_read_is_given_up(live: World) -> None:
    site = Site(live, StreamLimits(unsent_bytes=10_000))
    host = site.host()
    listener = site.stranger(socket.SOCK_STREAM)
    listener.listen()
    flow = Flow("TCP", host.addresses["TCP"], Address(*listener.getsockname()))
    live.submit(host.send, flow, b"x")
    accepted, _ = listener.accept()
    site.strangers.append(accepted)

    def pour() -> None:
        if not site.ear.errors:
            host.send(flow, b"x" * 500_000)
            live.loop.call_soon(pour)

    live.submit(pour)
    assert live.wait(lambda: bool(site.ear.errors), timeout_s=30) is Outcome.HELD
    assert "does not read" in site.ear.errors[0][1]
    site.close()


def test_a_handshake_that_does_not_come_is_given_up(live: World) -> None:
    site = Site(live, StreamLimits(handshake_s=0.05))
    host = site.host(("UDP", "TLS"))
    silent = site.stranger(socket.SOCK_STREAM)
    silent.connect(host.addresses["TLS"])
    assert silent.recv(1) == b""
    mute = site.stranger(socket.SOCK_STREAM)
    mute.listen()
    live.submit(host.send, Flow("TLS", host.addresses["TLS"], Address(*mute.getsockname())), b"x")
    assert live.wait(lambda: bool(site.ear.errors), timeout_s=30) is Outcome.HELD
    assert "timed out" in site.ear.errors[0][1]
    site.close()


def test_garbage_instead_of_a_handshake_is_closed(site: Site) -> None:
    host = site.host(("TLS",))
    rude = site.stranger(socket.SOCK_STREAM)
    rude.connect(host.addresses["TLS"])
    rude.sendall(b"INVITE sip:bob SIP/2.0\r\n\r\n")
    while rude.recv(100):
        pass
    assert site.ear.heard == []
    assert site.world.errors == []


class Narrow(socket.socket):
    """A socket whose kernel buffer is full the first times."""

    full = 3

    def sendto(self, *arguments: object) -> int:
        if self.full:
            self.full -= 1
            raise BlockingIOError(errno.EAGAIN, "full")
        return super().sendto(*arguments)  # type: ignore[call-overload, no-any-return]


def test_datagrams_wait_in_order_while_the_system_has_no_room(site: Site) -> None:
    host = site.host()
    narrow = Narrow(socket.AF_INET, socket.SOCK_DGRAM)
    narrow.setblocking(False)
    narrow.bind((site.plan.device(), 0))
    sender = site.world.submit(DatagramSocket, site.world.loop, narrow, lambda data, source: None)
    for number in range(20):
        site.world.hand_over(sender.send, b"%d" % number, host.addresses["UDP"])
    site.until_heard(20)
    assert site.ear.chunks == [b"%d" % number for number in range(20)]
    site.world.submit(sender.close)


def test_ipv6_works_too(site: Site) -> None:
    ears = Ear(), Ear()
    one, two = (site.world.submit(site.network.attach, "six", "::1", 0, ear, ("UDP", "TCP")) for ear in ears)
    for transport in ("UDP", "TCP"):
        site.world.submit(one.send, Flow(transport, one.addresses[transport], two.addresses[transport]), b"x")
    assert site.world.wait(lambda: len(ears[1].heard) == 2, timeout_s=30) is Outcome.HELD
