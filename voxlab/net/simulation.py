"""A network in memory: hosts with addresses, links with tempers, datagrams and streams that take their time.

Same interface as the live network. Every decision is drawn from the link's seed and told to ``on_wire`` at the
instant of sending. Must not know what the bytes mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from voxlab.base.datagram import Address, Flow
from voxlab.base.errors import VoxlabError
from voxlab.base.ids import Ids
from voxlab.base.records import DELIVERED, LOST, REFUSED
from voxlab.net.impairment import Impairment
from voxlab.net.link import Link, Way
from voxlab.net.links import Links
from voxlab.net.nat import Behaviour
from voxlab.net.nat_paths import INTERNET, Dropped, NatBox, NatPaths
from voxlab.net.network import ALL_TRANSPORTS, Identity, MediaReceiver, OnWire, Receiver, unheard
from voxlab.net.simulated_media import SimulatedMediaPort
from voxlab.net.simulated_streams import Streams
from voxlab.net.virtual import VirtualLoop

OnFragments = Callable[[float, Address, Address, bytes, int, bool], object]
"""``on_fragments(time_s, src, dst, data, fragments, arrived)``: a datagram was too large for one packet."""

_FIRST_FREE_PORT, _FIRST_MEDIA_PORT = 49152, 16384


class Route(NamedTuple):
    """How datagrams of one endpoint reach a remote address: worked out once, forgotten when the network changes."""

    target: SimulatedEndpoint | None
    way: Way
    arriving: Flow


class SimulatedEndpoint:
    """A host's place in the simulated network."""

    def __init__(
        self, network: SimulatedNetwork, owner: str, host: str, receiver: Receiver, identity: Identity
    ) -> None:
        self.owner = owner
        self.host = host
        self.receiver = receiver
        self.identity = identity
        self.addresses: dict[str, Address] = {}
        self.expected: dict[Address, str] = {}
        self.open = True
        self.routes: dict[Address, Route] = {}
        self.is_late = False  # what arrives is read at that instant
        self._network = network

    def send(self, flow: Flow, data: bytes) -> None:
        """Put bytes on a flow; a stream without a live connection is opened first."""
        if not self.open:
            raise VoxlabError(f"{self.owner} has left the network and sends nothing any more")
        if flow.transport == "UDP":
            self._network.send_datagram(self, flow, data)
        else:
            self._network.streams.send(self, flow, data)

    def expect(self, remote: Address, server_name: str) -> None:
        """Say which name the certificate of a TLS server must bear (RFC 5922 s.7.3)."""
        self.expected[remote] = server_name

    def close_connection(self, flow: Flow) -> None:
        """End the connection of a flow, if it has one."""
        self._network.streams.close_connection(self, flow)

    def close(self) -> None:
        """Leave the network."""
        if self.open:
            self.open = False
            self._network.detach(self)


class SimulatedNetwork:
    """Hosts, addresses and links in memory, on a virtual clock.

    Parameters
    ----------
    loop : VirtualLoop
        The clock.
    ids : Ids
        Where each link's own seed comes from.
    impairment : Impairment
        Of every link that is not given another.
    unreachable : bool
        Whether a datagram to nobody comes back as "port unreachable" (ICMP, RFC 1122 s.3.2.2.1), or is lost in silence.
    on_wire : OnWire
        Told of each datagram and chunk when it is sent, once for each wire of its way.
    on_fragments : OnFragments
        Told of each datagram that travels in fragments.
    dropped : Dropped
        Told of what a NAT does not let through.
    """

    def __init__(
        self,
        loop: VirtualLoop,
        ids: Ids,
        *,
        impairment: Impairment | None = None,
        unreachable: bool = False,
        on_wire: OnWire = unheard,
        on_fragments: OnFragments = unheard,
        dropped: Dropped = unheard,
    ) -> None:
        self.loop = loop
        self.links = Links(ids, impairment or Impairment())
        self.unreachable = unreachable
        self.on_wire = on_wire
        self.on_fragments = on_fragments
        self.paths = NatPaths(self, dropped)
        self.streams = Streams(self)
        self._listening: dict[str, dict[Address, SimulatedEndpoint]] = {transport: {} for transport in ALL_TRANSPORTS}
        self._media: dict[Address, SimulatedMediaPort] = {}
        self._free_port: dict[str, int] = {}
        self._free_media: dict[str, int] = {}

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
    ) -> SimulatedEndpoint:
        """Give a host an address; see ``Network.attach``."""
        identity = identity or Identity()
        endpoint = SimulatedEndpoint(self, owner, host, receiver, identity._replace(names=(*identity.names, host)))
        port = port or self.free_port(host)
        for transport in transports:
            own_port = (
                (port + 1 if tls_port is None else tls_port or self.free_port(host)) if transport == "TLS" else port
            )
            endpoint.addresses[transport] = Address(host, own_port)
        for transport, address in endpoint.addresses.items():
            if address in self._listening[transport] or address in self._media:
                raise VoxlabError(f"{transport} {address} is taken: another host of this lab has it")
        for transport, address in endpoint.addresses.items():
            self._listening[transport][address] = endpoint
        self._forget_routes()
        return endpoint

    def detach(self, endpoint: SimulatedEndpoint) -> None:
        """Take a host out of the network."""
        for transport, address in endpoint.addresses.items():
            self._listening[transport].pop(address, None)
        self.streams.drop_all(endpoint)
        self._forget_routes()

    def free_port(self, host: str) -> int:
        """Return a port of ``host`` that nobody has, in the range for such (RFC 6335 s.6)."""
        port = self._free_port.get(host, _FIRST_FREE_PORT)
        while any(Address(host, port) in self._listening[transport] for transport in ALL_TRANSPORTS):
            port += 1
        self._free_port[host] = port + 2 if port < 65_500 else _FIRST_FREE_PORT
        return port

    def listener(self, transport: str, address: Address) -> SimulatedEndpoint | None:
        """Return who listens there."""
        return self._listening[transport].get(address)

    def holds(self, transport: str, address: Address) -> bool:
        """Return whether an address is one of ours: in this world all are, once attached."""
        return address in self._listening[transport] or (transport != "UDP" and self.streams.holds(address))

    # -- links --------------------------------------------------------------------------------------------------------

    def way(self, source: str, target: str) -> Way:
        """Return the direction from one owner to another."""
        return self.links.way(source, target)

    def link(self, first: str, second: str) -> Link:
        """Return the link between two owners, in both directions."""
        return self.links.link(first, second)

    # -- address translators ------------------------------------------------------------------------------------------

    def add_nat(self, name: str, outside: str, behaviour: Behaviour, realm: str = INTERNET) -> NatBox:
        """Put a translator between a realm and a new one inside, which bears its name; see ``NatPaths.put``."""
        box = NatBox(name, outside, realm, behaviour, self.links.ids.fork(f"nat {name}"))
        self.paths.add(box)
        self._forget_routes()
        return box

    def owner_of(self, address: Address) -> str | None:
        """Return who has an address of any transport or a media port, None for nobody."""
        listening = (self._listening[transport].get(address) for transport in ALL_TRANSPORTS)
        found = next(filter(None, listening), None) or self._media.get(address)
        return found.owner if found is not None else None

    # -- datagrams ----------------------------------------------------------------------------------------------------

    def send_datagram(self, sender: SimulatedEndpoint, flow: Flow, data: bytes) -> None:
        """Send one UDP datagram; it bears the address of its sender, whatever the flow says."""
        route = sender.routes.get(flow.remote) or self._find_route(sender, flow.remote)
        if route is None:
            self.paths.send_datagram(sender, sender.addresses["UDP"], flow.remote, data)
            return
        target, way, arriving = route
        loop = self.loop
        arrivals = () if way.drops and way.swallows(data) else way.channel.pass_through(loop.now)
        if len(data) > way.whole_bytes:
            arrivals = self.in_fragments(way, arriving.remote, flow.remote, data, arrivals)
        outcome = DELIVERED if arrivals and target is not None else self._nobody(flow, arrivals, sender)
        self.on_wire(loop.now, "UDP", arriving.remote, flow.remote, data, outcome)
        if target is not None:
            for arrival in arrivals:
                loop.deliver_at(arrival, self._arrive, target, arriving, data)

    def _arrive(self, target: SimulatedEndpoint, flow: Flow, data: bytes) -> None:
        if target.open:
            target.receiver.received(flow, data, self.loop.now)
            target.receiver.rested()

    def in_fragments(
        self, way: Way, src: Address, dst: Address, data: bytes, arrivals: tuple[float, ...]
    ) -> tuple[float, ...]:
        """Let a datagram travel in fragments, and tell of it; return when it arrives."""
        now = self.loop.now
        arrivals = way.in_fragments(len(data), arrivals, now)
        self.on_fragments(now, src, dst, data, way.fragments_of(len(data)), bool(arrivals))
        return arrivals

    def _find_route(self, sender: SimulatedEndpoint, remote: Address) -> Route | None:
        """Return the direct route to an address, None where there is a NAT to cross."""
        source = sender.addresses.get("UDP")
        if source is None:
            raise VoxlabError(
                f"{sender.owner} has no UDP address to send from; it has {', '.join(sender.addresses) or 'none'}"
            )
        if self.paths.concerns(source.host, remote.host):
            return None
        target = self._listening["UDP"].get(remote)
        way = self.way(sender.owner, target.owner if target is not None else remote.host)
        route = sender.routes[remote] = Route(target, way, Flow("UDP", remote, source))
        return route

    def _nobody(self, flow: Flow, arrivals: tuple[float, ...], sender: SimulatedEndpoint) -> int:
        """Say what becomes of a datagram that nobody gets; ICMP's word comes back after the same delay once more."""
        if not arrivals or not self.unreachable:
            return LOST
        back = 2 * arrivals[0] - self.loop.time()
        self.loop.call_at(back, self._unreachable, sender, flow)
        return REFUSED

    def _unreachable(self, sender: SimulatedEndpoint, flow: Flow) -> None:
        if sender.open:
            sender.receiver.transport_error(
                flow, f"port unreachable: nobody listens on UDP {flow.remote}", self.loop.time()
            )

    def _forget_routes(self) -> None:
        for endpoint in self._listening["UDP"].values():
            endpoint.routes.clear()

    # -- media --------------------------------------------------------------------------------------------------------

    def open_media(self, owner: str, host: str, receiver: MediaReceiver, port: int = 0) -> SimulatedMediaPort:
        """Open an RTP and an RTCP port; see ``Network.open_media``."""
        if port % 2:
            raise VoxlabError(f"RTP takes an even port, with RTCP on the next (RFC 3550 s.11); got {port}")
        rtp = Address(host, port or self._free_media_port(host))
        if rtp in self._media or rtp in self._listening["UDP"]:
            raise VoxlabError(f"UDP {rtp} is taken: another stream of this lab has it")
        media = SimulatedMediaPort(self, owner, rtp, receiver)
        self._media[rtp] = self._media[media.rtcp_address] = media
        return media

    def _free_media_port(self, host: str) -> int:
        port = self._free_media.get(host, _FIRST_MEDIA_PORT)
        while Address(host, port) in self._media:
            port = port + 2 if port < 65_532 else _FIRST_MEDIA_PORT
        self._free_media[host] = port + 2 if port < 65_532 else _FIRST_MEDIA_PORT
        return port

    def media_at(self, address: Address) -> SimulatedMediaPort | None:
        """Return whose media port that is."""
        return self._media.get(address)

    def close_media(self, media: SimulatedMediaPort) -> None:
        """Take a media port out of the network."""
        self._media.pop(media.rtp_address, None)
        self._media.pop(media.rtcp_address, None)

    # -- starting over ------------------------------------------------------------------------------------------------

    def reset(self, ids: Ids | None = None) -> None:
        """Drop every connection, start numbers and seeds anew; hosts stay attached, links keep their tempers.

        What is under way are timers of the loop, which forgets them when it starts over.
        """
        self.streams.reset()
        self._free_port.clear()
        self._free_media.clear()
        self.links.begin_again(ids or self.links.ids)

    def close(self) -> None:
        """Close every endpoint and media port."""
        for endpoints in list(self._listening.values()):
            for endpoint in list(endpoints.values()):
                endpoint.close()
        for media in list(self._media.values()):
            media.close()
