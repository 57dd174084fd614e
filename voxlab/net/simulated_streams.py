"""Streams of the simulated network: connections with a handshake, in order, where a loss is a delay.

A TCP connection is there after one round trip (RFC 9293 s.3.5), a TLS 1.3 one after two (RFC 8446 s.2). Chunks arrive
as they were sent. Must not know what they carry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxlab.base.datagram import Address, Flow
from voxlab.base.records import DELIVERED, REFUSED
from voxlab.net.impairment import RETRANSMISSION_S, TRIES
from voxlab.net.nat_paths import Passed

if TYPE_CHECKING:
    from voxlab.net.simulation import SimulatedEndpoint, SimulatedNetwork

_ROUND_TRIPS = {"TCP": 1, "TLS": 2}
_SYN_WAITS_S = sum(RETRANSMISSION_S * 2**n for n in range(TRIES))  # until a handshake that leads nowhere is given up


class Side:
    """One end of a connection: whose it is, how the owner sees it, and when what it sent last arrives."""

    def __init__(self, endpoint: SimulatedEndpoint, flow: Flow) -> None:
        self.endpoint = endpoint
        self.flow = flow
        self.last_arrival_s = 0.0


class Connection:
    """A connection; until it is established its client's chunks wait."""

    def __init__(self, client: Side, server: Side | None) -> None:
        self.client = client
        self.server = server
        self.established = False
        self.gone = False
        self.waiting: list[tuple[Flow, bytes]] = []

    def side_of(self, endpoint: SimulatedEndpoint, flow: Flow) -> Side | None:
        """Return the end that belongs to ``endpoint``; for a host that talks to itself the flow decides."""
        client, server = self.client, self.server
        if server is None or client.endpoint is not server.endpoint:
            return (
                client
                if client.endpoint is endpoint
                else server
                if server is not None and server.endpoint is endpoint
                else None
            )
        if endpoint is not client.endpoint:
            return None
        return server if server.flow.local == flow.local else client

    def other(self, side: Side) -> Side | None:
        """Return the peer's end."""
        return self.server if side is self.client else self.client


class Streams:
    """The connections of a simulated network, numbered in the order of opening."""

    def __init__(self, network: SimulatedNetwork) -> None:
        self._network = network
        self._opened = 0
        self._by_number: dict[int, Connection] = {}
        self._by_peer: dict[tuple[SimulatedEndpoint, str, Address], Connection] = {}
        self._client_addresses: set[Address] = set()

    def holds(self, address: Address) -> bool:
        """Return whether an address is the client's end of a connection."""
        return address in self._client_addresses

    def send(self, endpoint: SimulatedEndpoint, flow: Flow, data: bytes) -> None:
        """Send a chunk on the connection of the flow, else on an open one to that remote, else on a new one."""
        connection = self._find(endpoint, flow) or self._open(endpoint, flow)
        side = connection.side_of(endpoint, flow)
        if side is connection.client and not connection.established:
            connection.waiting.append((flow, data))
        elif side is not None:
            self._carry(connection, side, flow, data)

    def _find(self, endpoint: SimulatedEndpoint, flow: Flow) -> Connection | None:
        numbered = self._by_number.get(flow.connection) if flow.connection else None
        if numbered is not None and not numbered.gone and numbered.side_of(endpoint, flow) is not None:
            return numbered
        return self._by_peer.get((endpoint, flow.transport, flow.remote))

    # -- opening ------------------------------------------------------------------------------------------------------

    def _open(self, endpoint: SimulatedEndpoint, flow: Flow) -> Connection:
        network = self._network
        self._opened = number = self._opened + 1
        local = Address(endpoint.host, network.free_port(endpoint.host))
        client = Side(endpoint, Flow(flow.transport, local, flow.remote, number))
        passed = self._passed(endpoint, local, flow.remote)
        target = network.listener(flow.transport, passed.destination) if passed.reached else None
        seen = Flow(flow.transport, passed.destination, passed.source, number)
        server = Side(target, seen) if target is not None else None
        connection = Connection(client, server)
        self._by_number[number] = self._by_peer[endpoint, flow.transport, flow.remote] = connection
        self._client_addresses.add(local)
        self._shake_hands(connection, passed)
        return connection

    def _passed(self, endpoint: SimulatedEndpoint, source: Address, remote: Address) -> Passed:
        """Return the way of a segment that leaves now."""
        network = self._network
        if network.paths.concerns(source.host, remote.host):
            return network.paths.way_of("TCP", endpoint.owner, source, remote, network.loop.time())
        way = network.way(endpoint.owner, network.owner_of(remote) or remote.host)
        return Passed(((way, source, remote),), True)

    def _shake_hands(self, connection: Connection, passed: Passed) -> None:
        """Let the round trips pass that the handshake takes; a refusal comes after one."""
        network, client, server = self._network, connection.client, connection.server
        there = [way.channel for way, _, _ in passed.wires]
        back = there
        if server is not None:
            returned = self._passed(server.endpoint, server.flow.local, server.flow.remote)
            back = [way.channel for way, _, _ in returned.wires]
        elif passed.reached:
            back = [network.way(passed.destination.host, client.endpoint.owner).channel]
        trips = _ROUND_TRIPS[client.flow.transport] if server is not None else 1
        legs = [channel.stream_delay_s() for _ in range(trips) for channel in (*there, *back)]
        took = sum(leg for leg in legs if leg is not None)
        if None in legs or not passed.reached:
            took += _SYN_WAITS_S * (not passed.reached)
            network.loop.call_at(
                network.loop.time() + took, self._fail, connection, "timed out: no answer to the handshake"
            )
        elif connection.server is None:
            network.loop.call_at(
                network.loop.time() + took, self._fail, connection, "connection refused: nobody listens there"
            )
        else:
            network.loop.call_at(network.loop.time() + took, self._establish, connection)

    def _establish(self, connection: Connection) -> None:
        server = connection.server
        if connection.gone or server is None:
            return
        if not server.endpoint.open:
            self._fail(connection, "connection refused: nobody listens there")
            return
        doubt = _doubt(connection) if connection.client.flow.transport == "TLS" else None
        if doubt is not None:
            self._fail(connection, doubt)
            return
        connection.established = True
        self._by_peer[server.endpoint, server.flow.transport, server.flow.remote] = connection
        for flow, data in connection.waiting:
            self._carry(connection, connection.client, flow, data)
        connection.waiting.clear()

    def _fail(self, connection: Connection, reason: str) -> None:
        """Tell the client, once per flow that it used, that nothing arrived."""
        if connection.gone:
            return
        self._forget(connection)
        network, client = self._network, connection.client
        now = network.loop.time()
        for _flow, data in connection.waiting:
            network.on_wire(now, client.flow.transport, client.flow.local, client.flow.remote, data, REFUSED)
        if client.endpoint.open:
            for flow in dict.fromkeys(flow for flow, _ in connection.waiting):
                client.endpoint.receiver.transport_error(flow, f"{flow.transport} {flow.remote}: {reason}", now)

    # -- carrying -----------------------------------------------------------------------------------------------------

    def _carry(self, connection: Connection, side: Side, flow: Flow, data: bytes) -> None:
        """Send a chunk on an established connection: it arrives after those before it."""
        network, peer = self._network, connection.other(side)
        assert peer is not None
        now = network.loop.time()
        passed = self._passed(side.endpoint, side.flow.local, side.flow.remote)
        delays = [way.channel.stream_delay_s() for way, _, _ in passed.wires]
        if None in delays or passed.source != peer.flow.remote or not passed.reached:
            self._break(connection, side, flow, data)  # a NAT that has lost its mapping lets nothing through, either
            return
        at = now
        for (way, src, dst), delay in zip(passed.wires, delays, strict=True):
            if at == now:
                network.on_wire(now, flow.transport, src, dst, data, DELIVERED)
            else:
                network.loop.call_at(at, network.on_wire, at, flow.transport, src, dst, data, DELIVERED)
            at += (delay or 0.0) + (RETRANSMISSION_S if way.swallows(data) else 0.0)
        side.last_arrival_s = max(side.last_arrival_s, at)
        network.loop.call_at(side.last_arrival_s, self._arrive, connection, peer, data)

    def _arrive(self, connection: Connection, side: Side, data: bytes) -> None:
        if not connection.gone and side.endpoint.open:
            receiver = side.endpoint.receiver
            receiver.received(side.flow, data, self._network.loop.time())
            receiver.rested()

    def _break(self, connection: Connection, side: Side, flow: Flow, data: bytes) -> None:
        """Give up: the link has lost every repetition."""
        now = self._network.loop.time()
        self._network.on_wire(now, flow.transport, side.flow.local, side.flow.remote, data, REFUSED)
        self._forget(connection)
        reason = f"{flow.transport} {flow.remote}: timed out, no repetition arrived"
        self._network.loop.call_soon(side.endpoint.receiver.transport_error, flow, reason, now)

    # -- ending -------------------------------------------------------------------------------------------------------

    def close_connection(self, endpoint: SimulatedEndpoint, flow: Flow) -> None:
        """End a connection; the peer hears of it after the link's delay."""
        connection = self._find(endpoint, flow)
        side = connection.side_of(endpoint, flow) if connection is not None else None
        if connection is not None and side is not None:
            self._end(connection, side)

    def _end(self, connection: Connection, side: Side) -> None:
        self._forget(connection, keep=True)
        peer = connection.other(side)
        if peer is None or not connection.established:
            connection.gone = True
            return
        network = self._network
        passed = self._passed(side.endpoint, side.flow.local, side.flow.remote)
        delay = sum(way.channel.stream_delay_s() or 0.0 for way, _, _ in passed.wires)
        network.loop.call_at(max(side.last_arrival_s, network.loop.time() + delay), self._ended, connection, peer)

    def _ended(self, connection: Connection, side: Side) -> None:
        if not connection.gone:
            connection.gone = True
            if side.endpoint.open:
                side.endpoint.receiver.closed_flow(side.flow, self._network.loop.time())

    def _forget(self, connection: Connection, *, keep: bool = False) -> None:
        """Take a connection out of the books; with ``keep`` what is on the wire still arrives."""
        connection.gone = connection.gone or not keep
        client = connection.client
        self._by_number.pop(client.flow.connection, None)
        self._client_addresses.discard(client.flow.local)
        for side in (client, connection.server):
            if side is not None:
                key = (side.endpoint, side.flow.transport, side.flow.remote)
                if self._by_peer.get(key) is connection:
                    del self._by_peer[key]

    def drop_all(self, endpoint: SimulatedEndpoint) -> None:
        """End every connection of an endpoint that leaves."""
        for connection in list(self._by_number.values()):
            side = next(
                (s for s in (connection.client, connection.server) if s is not None and s.endpoint is endpoint), None
            )
            if side is not None:
                self._end(connection, side)

    def reset(self) -> None:
        """Forget every connection without a word, and count from 1 again."""
        for connection in list(self._by_number.values()):
            self._forget(connection)
        self._opened = 0


def _doubt(connection: Connection) -> str | None:
    """Return why the client does not trust the server's certificate (RFC 5922 s.7.3), None if it does."""
    server = connection.server
    assert server is not None
    identity = server.endpoint.identity
    wanted = connection.client.endpoint.expected.get(connection.client.flow.remote, connection.client.flow.remote.host)
    if not identity.trusted:
        return "the certificate is not signed by an authority that this lab trusts"
    names = identity.all_names
    if wanted.lower() not in {name.lower() for name in names}:
        return f"the certificate names {', '.join(names)}, not {wanted} (RFC 5922 s.7.3)"
    return None
