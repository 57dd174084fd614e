"""A network of real sockets: the same interface as the simulated one, every host bound to its own address.

UDP is read in bursts and sent directly; TCP and TLS are protocols on asyncio's transports. Must not know what the
bytes mean.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections import deque
from collections.abc import Iterable
from itertools import chain
from typing import Any

from voxlab.base.datagram import Address, Flow
from voxlab.base.errors import VoxlabError
from voxlab.base.ids import Ids
from voxlab.base.records import DELIVERED, LOST, REFUSED
from voxlab.net.authority import CertificateAuthority
from voxlab.net.datagram_socket import DatagramSocket, address_of, bind
from voxlab.net.impairment import Impairment
from voxlab.net.link import Link
from voxlab.net.links import Links
from voxlab.net.live_media import LiveMediaPort, open_pair
from voxlab.net.live_streams import LiveStreams, ServerContext, StreamLimits
from voxlab.net.loop import LiveLoop
from voxlab.net.network import ALL_TRANSPORTS, Identity, MediaReceiver, OnWire, Receiver, unheard
from voxlab.net.plane.choice import Plane
from voxlab.net.shaping import Shaper

_FLOWS_KEPT = 4096
_IDLE_MEDIA = 256  # pairs of media ports that a host keeps bound between calls
_DRAWS = 32  # how often a port that is free for every transport is looked for


class LiveEndpoint:
    """A host's place in the live network."""

    def __init__(self, network: LiveNetwork, owner: str, host: str, receiver: Receiver) -> None:
        self.owner = owner
        self.host = host
        self.receiver = receiver
        self.addresses: dict[str, Address] = {}
        self.expected: dict[Address, str] = {}
        self.open = True
        self.streams = LiveStreams(network.loop, self, network.limits)
        self._network = network
        self._udp: DatagramSocket | None = None
        self._flows: dict[Any, Flow] = {}

    # -- what its connections need ------------------------------------------------------------------------------------

    @property
    def on_wire(self) -> OnWire:
        """Who listens in."""
        return self._network.on_wire

    def next_connection(self) -> int:
        """Return the next number of a connection in this network."""
        return self._network.next_connection()

    def client_context(self) -> ssl.SSLContext:
        """Return what to trust when connecting."""
        return self._network.client_context

    # -- opening ------------------------------------------------------------------------------------------------------

    def listen(self, transport: str, bound: socket.socket, context: ServerContext | None) -> None:
        """Take a bound socket for a transport."""
        self.addresses[transport] = address_of(bound)
        if transport == "UDP":
            self._udp = DatagramSocket(self._network.loop, bound, self._take, self.receiver.rested)
        else:
            self.streams.listen(transport, bound, context)

    def expect(self, remote: Address, server_name: str) -> None:
        """Say which name the certificate of a TLS server must bear (RFC 5922 s.7.3)."""
        self.expected[remote] = server_name

    @property
    def is_late(self) -> bool:
        """Whether datagrams have been waiting too long to be read, for some time now."""
        return self._udp is not None and self._udp.queue.is_late(self._network.loop.time())

    # -- traffic ------------------------------------------------------------------------------------------------------

    def _take(self, data: bytes, source: Any) -> None:
        flow = self._flows.get(source) or self._new_flow(source)
        self.receiver.received(flow, data, self._network.loop.time())

    def _new_flow(self, source: Any) -> Flow:
        if len(self._flows) >= _FLOWS_KEPT:
            self._flows.clear()
        flow = self._flows[source] = Flow("UDP", self.addresses["UDP"], Address(*source[:2]))
        return flow

    def send(self, flow: Flow, data: bytes) -> None:
        """Put bytes on a flow; a stream without a live connection is opened first."""
        udp = self._udp
        if not self.open:
            raise VoxlabError(f"{self.owner} has left the network and sends nothing any more")
        if flow.transport == "UDP" and udp is not None:
            if self.owner in self._network.shaper.sources:
                self._send_shaped(udp, flow, data)
            else:
                self._put_out(udp, flow, data)
        elif flow.transport != "UDP":
            self._send_chunk(flow, data)
        else:
            raise VoxlabError(
                f"{self.owner} has no UDP address to send from; it has {', '.join(self.addresses) or 'none'}"
            )

    def _send_chunk(self, flow: Flow, data: bytes) -> None:
        shaper, loop = self._network.shaper, self._network.loop
        if self.owner not in shaper.sources:
            self.streams.send(flow, data)
            return
        at_s = shaper.stream_at_s(self.owner, flow.remote, data)
        if at_s is None:
            reason = f"{flow.transport} {flow.remote}: timed out, the link lost every repetition"
            loop.call_soon(self.receiver.transport_error, flow, reason, loop.time())
            self.streams.close_connection(flow)
        else:
            loop.call_at(at_s, self._send_late, flow, data)

    def _send_late(self, flow: Flow, data: bytes) -> None:
        if self.open:
            self.streams.send(flow, data)

    def _send_shaped(self, udp: DatagramSocket, flow: Flow, data: bytes) -> None:
        """Send a datagram as its link has it: now where that is perfect."""
        network = self._network
        if network.shaper.datagram(self.owner, flow.remote, data, lambda: self._put_out(udp, flow, data)) == LOST:
            network.on_wire(network.loop.time(), "UDP", udp.address, flow.remote, data, LOST)

    def _put_out(self, udp: DatagramSocket, flow: Flow, data: bytes) -> None:
        outcome = DELIVERED
        network = self._network
        try:
            udp.send(data, flow.remote)
        except OSError as error:
            outcome = REFUSED
            loop = network.loop
            reason = f"UDP {flow.remote}: {error.strerror or error}"
            loop.call_soon(self.receiver.transport_error, flow, reason, loop.time())
        if network.on_wire is not unheard:
            network.on_wire(network.loop.time(), "UDP", udp.address, flow.remote, data, outcome)

    # -- ending -------------------------------------------------------------------------------------------------------

    def close_connection(self, flow: Flow) -> None:
        """End the connection of a flow, if it has one."""
        self.streams.close_connection(flow)

    def close(self) -> None:
        """Leave the network: sockets and connections are gone at once."""
        if not self.open:
            return
        self.open = False
        if self._udp is not None:
            self._udp.close()
        self.streams.close()
        self._network.forget(self)


class LiveNetwork:
    """Hosts on this machine's own addresses.

    Parameters
    ----------
    loop : LiveLoop
    authority : CertificateAuthority or None
        Signs the certificates of TLS hosts and is what clients trust; None makes one when the first is needed.
    limits : StreamLimits
    on_wire : OnWire
        Told of each datagram and chunk that a host of ours sends.
    ids : Ids or None
        Where the links' own seeds come from; nothing else here is drawn from them.
    """

    def __init__(
        self,
        loop: LiveLoop,
        *,
        ids: Ids | None = None,
        authority: CertificateAuthority | None = None,
        limits: StreamLimits | None = None,
        on_wire: OnWire = unheard,
    ) -> None:
        self.loop = loop
        self.limits = limits or StreamLimits()
        self.on_wire = on_wire
        self._authority = authority
        self._owns_authority = authority is None
        self._client_context: ssl.SSLContext | None = None
        self._endpoints: list[LiveEndpoint] = []
        self._datagram_addresses: frozenset[Address] = frozenset()
        self._media: set[LiveMediaPort] = set()
        self._idle_media: dict[str, deque[LiveMediaPort]] = {}
        self._plane = Plane(loop)
        self._connections = 0
        self.links = Links(ids or Ids.seeded(0), Impairment(delay_s=0.0), self._link_changed)
        self.shaper = Shaper(loop, self.links, self._owner_of)

    # -- links --------------------------------------------------------------------------------------------------------

    def link(self, first: str, second: str) -> Link:
        """Return the link between two owners: what it does is done in this process, before their packets are sent."""
        return self.links.link(first, second)

    def _link_changed(self, source: str) -> None:
        self.shaper.look_again()
        self.loop.call_soon_threadsafe(self._reroute, source)

    def _reroute(self, source: str) -> None:
        for media in tuple(self._media):
            if media.owner == source:
                media.reroute()

    def _owner_of(self, address: Address) -> str:
        """Return whose address that is; where hosts have an address each, its host alone says so."""
        by_host = ""
        for endpoint in self._endpoints:
            if address in endpoint.addresses.values() or address in endpoint.streams.local_addresses():
                return endpoint.owner
            by_host = by_host or (endpoint.owner if endpoint.host == address.host else "")
        media = (each.owner for each in self._media if address in (each.rtp_address, each.rtcp_address))
        return next(media, by_host or address.host)

    @property
    def authority(self) -> CertificateAuthority:
        """Who signs the certificates of this network's hosts."""
        if self._authority is None:
            self._authority = CertificateAuthority()
        return self._authority

    @property
    def client_context(self) -> ssl.SSLContext:
        """What hosts of ours trust when they connect; may be replaced."""
        if self._client_context is None:
            self._client_context = self.authority.client_context()
        return self._client_context

    @client_context.setter
    def client_context(self, context: ssl.SSLContext) -> None:
        self._client_context = context

    def next_connection(self) -> int:
        """Return the next number of a connection."""
        self._connections += 1
        return self._connections

    # -- hosts --------------------------------------------------------------------------------------------------------

    def attach(
        self,
        owner: str,
        host: str,
        port: int,
        receiver: Receiver,
        transports: Iterable[str] = ALL_TRANSPORTS,
        *,
        tls_port: int | None = None,
        identity: Identity | None = None,
    ) -> LiveEndpoint:
        """Give a host an address; see ``Network.attach``."""
        wanted = tuple(transports)
        context = self._server_context(host, identity or Identity()) if "TLS" in wanted else None
        endpoint = LiveEndpoint(self, owner, host, receiver)
        for transport, own in _bind_all(host, port, wanted, tls_port).items():
            endpoint.listen(transport, own, context if transport == "TLS" else None)
        self._endpoints.append(endpoint)
        self._count_addresses()
        return endpoint

    def _server_context(self, host: str, identity: Identity) -> ServerContext:
        """Return what a TLS host shows: a certificate for all that it serves at the time of the handshake."""
        if not identity.trusted:
            untrusted = self.authority.self_signed_context((*identity.names, host))
            return lambda: untrusted
        self.authority.server_context((*identity.all_names, host))  # made now: the first handshake need not wait
        return lambda: self.authority.server_context((*identity.all_names, host))

    def holds(self, transport: str, address: Address) -> bool:
        """Return whether an address, as seen by its peer, is one of ours."""
        if transport == "UDP":
            return address in self._datagram_addresses
        return any(
            endpoint.addresses.get(transport) == address or address in endpoint.streams.local_addresses()
            for endpoint in self._endpoints
        )

    def forget(self, endpoint: LiveEndpoint) -> None:
        """Take a host out of the books."""
        if endpoint in self._endpoints:
            self._endpoints.remove(endpoint)
            self._count_addresses()

    def _count_addresses(self) -> None:
        addresses = (endpoint.addresses.get("UDP") for endpoint in self._endpoints)
        self._datagram_addresses = frozenset(address for address in addresses if address is not None)

    # -- media --------------------------------------------------------------------------------------------------------

    def open_media(self, owner: str, host: str, receiver: MediaReceiver, port: int = 0) -> LiveMediaPort:
        """Open an RTP and an RTCP port; see ``Network.open_media``."""
        idle = self._idle_media.get(host, deque())
        # The one that was given back longest ago, or whichever has the port that is asked for.
        media = next((kept for kept in idle if port in (0, kept.rtp_address.port)), None)
        if media is None:
            media = LiveMediaPort(self.loop, open_pair(host, port), self._media_closed, self._plane, self.shaper)
        else:
            idle.remove(media)
        media.lend(owner, receiver)
        self._media.add(media)
        return media

    def _media_closed(self, media: LiveMediaPort) -> None:
        """Keep ports that were given back for the next leg on that host, up to a bound."""
        self._media.discard(media)
        idle = self._idle_media.setdefault(media.rtp_address.host, deque())
        if len(idle) < _IDLE_MEDIA:
            idle.append(media)
        else:
            media.unbind()

    # -- starting over ------------------------------------------------------------------------------------------------

    def reset(self, _ids: object = None) -> None:
        """Drop every connection and count from 1 again; hosts stay attached."""
        for endpoint in self._endpoints:
            endpoint.streams.drop_all()
        self._connections = 0

    def close(self) -> None:
        """Close every endpoint and media port; may be called twice."""
        for endpoint in list(self._endpoints):
            endpoint.close()
        for media in (*self._media, *chain.from_iterable(self._idle_media.values())):
            media.unbind()
        self._media.clear()
        self._idle_media.clear()
        self._plane.close()
        if self._owns_authority and self._authority is not None:
            self._authority.close()


def _bind_all(host: str, port: int, transports: tuple[str, ...], tls_port: int | None) -> dict[str, socket.socket]:
    """Bind a host's transports, all or none; port 0 draws one that is free for each of them."""
    for draw in range(_DRAWS):
        try:
            return _bind_once(host, port, transports, tls_port)
        except VoxlabError:
            if port or draw == _DRAWS - 1:
                raise
    raise AssertionError("unreachable")


def _bind_once(host: str, port: int, transports: tuple[str, ...], tls_port: int | None) -> dict[str, socket.socket]:
    bound: dict[str, socket.socket] = {}
    with contextlib.ExitStack() as undo:
        for transport in transports:
            if transport == "TLS":
                own_port = tls_port if tls_port is not None else (port + 1 if port else 0)
            else:
                own_port = port or next((address_of(own).port for name, own in bound.items() if name != "TLS"), 0)
            kind = socket.SOCK_DGRAM if transport == "UDP" else socket.SOCK_STREAM
            bound[transport] = undo.enter_context(bind(kind, transport, Address(host, own_port)))
        undo.pop_all()
    return bound
