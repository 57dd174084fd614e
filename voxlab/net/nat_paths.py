"""Ways through address translators: which hosts stand behind which box, and how a packet looks on each wire of its way.

A realm is an address space: the internet ("") or the inside of a box, which is named after it. A datagram goes wire by
wire, so that each wire's ``on_wire`` sees the addresses that are valid there; media and streams are given their whole
way at once. Must not know what the bytes mean: a box may have somebody who rewrites them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from voxlab.base.datagram import Address, Flow
from voxlab.base.errors import VoxlabError
from voxlab.base.ids import Ids
from voxlab.base.records import DELIVERED, LOST, REFUSED
from voxlab.net.nat import NO_HAIRPINNING, NO_PORT, AddressTranslator, Behaviour, Refusal

if TYPE_CHECKING:
    from voxlab.net.link import Way
    from voxlab.net.simulation import SimulatedEndpoint, SimulatedNetwork

INTERNET = ""
_MOST_WIRES = 8  # of one way: packets that go round are dropped there


class Crossing(NamedTuple):
    """A packet at a box, for whoever rewrites it.

    Attributes
    ----------
    outbound : bool
    inner : Address
        The inner end's own address.
    outer : Address
        What the world outside sees in its place.
    """

    outbound: bool
    inner: Address
    outer: Address


Rewrite = Callable[[bytes, Crossing], bytes]
Dropped = Callable[[float, str, Address, Address, bytes, Refusal], object]
"""``dropped(time_s, box, src, dst, data, refusal)``: a box lets something not through; data is b"" for media."""


class NatBox:
    """A translator in the network, with its own links.

    Attributes
    ----------
    name : str
        Its owner name, and that of the realm inside.
    realm : str
        The realm outside.
    rewrite : callable or None
        Changes the datagrams that cross, as an application layer gateway does.
    """

    def __init__(self, name: str, outside: str, realm: str, behaviour: Behaviour, ids: Ids) -> None:
        self.name = name
        self.realm = realm
        self.translator = AddressTranslator(outside, behaviour, ids)
        self.rewrite: Rewrite | None = None

    @property
    def outside(self) -> str:
        """Its outer address."""
        return self.translator.outside

    def cross(
        self, transport: str, realm: str, src: Address, dst: Address, now: float, until: float = 0.0
    ) -> tuple[str, Address, Address, Crossing] | Refusal:
        """Return the realm, source and destination of a packet behind the box, or why it is dropped there."""
        if realm == self.name:
            outer = self.translator.outbound(transport, src, dst, now, until)
            if outer is None:
                return Refusal(NO_PORT, "no port is left for one more binding")
            if dst.host == self.outside and not self.translator.behaviour.hairpinning:
                return Refusal(NO_HAIRPINNING, "two hosts behind it cannot meet at its outer address: no hairpinning")
            return self.realm, outer, dst, Crossing(True, src, outer)
        inner = self.translator.inbound(transport, dst.port, src, now, until)
        if isinstance(inner, Refusal):
            return inner
        return self.name, src, inner, Crossing(False, inner, dst)


class Passed(NamedTuple):
    """The whole way of something: its wires, and how its source looks at the far end.

    Attributes
    ----------
    wires : tuple of (Way, Address, Address)
        Each with source and destination as they are there.
    reached : bool
        Whether it leads to the realm of its destination.
    nowhere : bool
        Whether it ends because the destination is valid behind some NAT alone.
    """

    wires: tuple[tuple[Way, Address, Address], ...]
    reached: bool
    nowhere: bool = False

    @property
    def source(self) -> Address:
        """The source, as the far end sees it."""
        return self.wires[-1][1]

    @property
    def destination(self) -> Address:
        """The destination in its own realm."""
        return self.wires[-1][2]


class NatPaths:
    """The boxes of a network, and the ways through them."""

    def __init__(self, network: SimulatedNetwork, dropped: Dropped) -> None:
        self._network = network
        self._dropped = dropped
        self._boxes: dict[str, NatBox] = {}
        self._by_outside: dict[str, NatBox] = {}
        self._realm_of: dict[str, str] = {}
        self._said: set[tuple[str, Address, Address, str]] = set()

    def add(self, box: NatBox) -> None:
        """Put a box into the network; its outer address is a host of the realm outside."""
        if box.outside in self._by_outside or box.name in self._boxes:
            raise VoxlabError(f"there is a NAT {box.name!r} or one at {box.outside} already")
        self._boxes[box.name] = self._by_outside[box.outside] = box
        if box.realm != INTERNET:
            self.put(box.outside, box.realm)

    def put(self, host: str, box: str) -> None:
        """Say that the host at an address stands behind a box."""
        self._realm_of[host] = box

    def realm_of(self, host: str) -> str:
        """Return the realm that an address belongs to."""
        return self._realm_of.get(host, INTERNET)

    def concerns(self, source: str, destination: str) -> bool:
        """Whether a packet between two addresses crosses a box, or tries to."""
        if not self._boxes:
            return False
        return destination in self._by_outside or self.realm_of(source) != self.realm_of(destination)

    def _toward(self, realm: str, host: str) -> NatBox | None:
        """Return the box that takes a packet on; None where its destination is in this realm, or nowhere."""
        box = self._by_outside.get(host)
        if box is not None and box.realm == realm:
            return box
        return None if self.realm_of(host) == realm else self._boxes.get(realm)

    def _owner(self, transport: str, realm: str, address: Address) -> SimulatedEndpoint | None:
        return self._network.listener(transport, address) if self.realm_of(address.host) == realm else None

    # -- datagrams, wire by wire

    def send_datagram(self, sender: SimulatedEndpoint, source: Address, remote: Address, data: bytes) -> None:
        """Send a UDP datagram on its first wire."""
        self._send(self.realm_of(source.host), sender.owner, source, remote, data, _MOST_WIRES)

    def _send(self, realm: str, owner: str, src: Address, dst: Address, data: bytes, wires_left: int) -> None:
        network = self._network
        now = network.loop.now
        box = self._toward(realm, dst.host)
        target = None if box is not None else self._owner("UDP", realm, dst)
        way = network.way(owner, box.name if box is not None else target.owner if target is not None else dst.host)
        arrivals = () if way.drops and way.swallows(data) else way.channel.pass_through(now)
        if len(data) > way.whole_bytes:
            arrivals = network.in_fragments(way, src, dst, data, arrivals)
        reached = target is not None or (box is not None and wires_left > 0)
        outcome = DELIVERED if arrivals and reached else LOST
        if box is None and self.realm_of(dst.host) != realm:
            outcome = REFUSED  # an address that is valid behind some NAT alone: no way leads there
        elif outcome == DELIVERED and box is not None and realm != box.name:
            peeked = box.translator.inbound("UDP", dst.port, src, now)
            outcome = LOST if isinstance(peeked, Refusal) else DELIVERED
        network.on_wire(now, "UDP", src, dst, data, outcome)
        for arrival in arrivals:
            if target is not None:
                network.loop.deliver_at(arrival, _arrive, target, Flow("UDP", dst, src), data, network)
            elif box is not None and wires_left > 0:
                network.loop.deliver_at(arrival, self._at_box, box, realm, src, dst, data, wires_left - 1)

    def _at_box(self, box: NatBox, realm: str, src: Address, dst: Address, data: bytes, wires_left: int) -> None:
        now = self._network.loop.now
        crossed = box.cross("UDP", realm, src, dst, now)
        if isinstance(crossed, Refusal):
            self._dropped(now, box.name, src, dst, data, crossed)
            return
        realm, src, dst, crossing = crossed
        if box.rewrite is not None:
            data = box.rewrite(data, crossing)
        self._send(realm, box.name, src, dst, data, wires_left)

    # -- media and streams, the whole way at once

    def way_of(
        self, transport: str, owner: str, source: Address, remote: Address, now: float, until: float = 0.0
    ) -> Passed:
        """Return the wires of a run of packets; a box that drops them ends the way.

        Parameters
        ----------
        transport : str
            "UDP", or "TCP" for streams of any kind.
        owner : str
            Who sends.
        source, remote : Address
        now, until : float
            When the first and the last leave.
        """
        network, realm = self._network, self.realm_of(source.host)
        src, dst, wires = source, remote, []
        for _ in range(_MOST_WIRES):
            box = self._toward(realm, dst.host)
            if box is None:
                wires.append((network.way(owner, self._named(realm, dst)), src, dst))
                here = self.realm_of(dst.host) == realm
                return Passed(tuple(wires), here, not here)
            wires.append((network.way(owner, box.name), src, dst))
            crossed = box.cross(transport, realm, src, dst, now, until)
            if isinstance(crossed, Refusal):
                self._say_dropped(now, box.name, src, dst, crossed)
                return Passed(tuple(wires), False)
            owner, (realm, src, dst, _) = box.name, crossed
        return Passed(tuple(wires), False)

    def _named(self, realm: str, dst: Address) -> str:
        """Return who has an address in a realm, or the address."""
        network = self._network
        if self.realm_of(dst.host) != realm:
            return dst.host
        return network.owner_of(dst) or dst.host

    def _say_dropped(self, now: float, box: str, src: Address, dst: Address, refusal: Refusal) -> None:
        """Tell of dropped media, once for each way and reason: packets come by the hundred."""
        key = box, src, dst, refusal.reason
        if key not in self._said:
            self._said.add(key)
            self._dropped(now, box, src, dst, b"", refusal)


def _arrive(target: SimulatedEndpoint, flow: Flow, data: bytes, network: SimulatedNetwork) -> None:
    if target.open:
        target.receiver.received(flow, data, network.loop.now)
        target.receiver.rested()
