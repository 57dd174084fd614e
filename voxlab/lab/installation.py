"""The installation: plan, network, cloud and exchange of a lab, built in its thread, taken down, and built again.

Must not know phones or evidence; whoever wants a host on the network is given a place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Protocol, cast

from voxlab.base.datagram import Address
from voxlab.base.errors import VoxlabError
from voxlab.base.ids import Ids
from voxlab.base.journal import Journal
from voxlab.base.records import Fragmented, NameLookup, NatDropped
from voxlab.base.retention import call_id_of
from voxlab.elements.locating import Hop, locate
from voxlab.elements.zone import Unknown, Zone
from voxlab.host.cloud import CloudMachine, CloudSettings
from voxlab.host.ends.place import MediaPlace
from voxlab.host.ends.traversal import Traversal
from voxlab.lab.printing import say
from voxlab.net.addresses import AddressPlan, SimulatedPlan
from voxlab.net.impairment import Impairment
from voxlab.net.live_dns import LiveDns
from voxlab.net.nat import Behaviour, Refusal
from voxlab.net.nat_paths import INTERNET, NatBox
from voxlab.net.network import ALL_TRANSPORTS, Network
from voxlab.net.simulation import SimulatedNetwork
from voxlab.net.sockets import LiveNetwork
from voxlab.net.world import World
from voxlab.platform.platform import Platform
from voxlab.scenario.exchange import Exchange
from voxlab.scenario.ports import Switchboard
from voxlab.scenario.session import Session
from voxlab.sip.uri import Uri
from voxlab.transaction.timers import Timers

CLOUD = "cloud"


class Design(NamedTuple):
    """What an installation is built after, each time.

    Attributes
    ----------
    plan : callable
        Makes the address plan.
    settings : CloudSettings
    timers : Timers
    delay_s : float
        Simulated only: from one host to another.
    session_over : callable
        Told of every session whose scenario raised, and of every session that is over.
    hear : callable
        Takes every line that a scenario prints.
    nameserver : str or None
        Live only: the DNS server that is asked for what the lab's own zone does not say.
    """

    plan: Callable[[], AddressPlan]
    settings: CloudSettings
    timers: Timers
    delay_s: float
    session_over: Callable[[Session], None]
    hear: Callable[[str], None]
    nameserver: str | None = None
    link_seed: int = 0
    settle: Callable[[], None] = lambda: None


class _Standing(Protocol):
    def close(self) -> None: ...


class Installation:
    """What stands in a lab besides its phones.

    Attributes
    ----------
    network : Network
    cloud : CloudMachine
    exchange : Exchange
        There once ``build`` is through; made anew by the next.
    media_addresses : set of Address
        The media ports of the whole lab.
    zone : Zone
        What DNS says.
    is_built : bool
        Whether ``build`` came to its end and ``take_down`` was not called since.
    """

    network: Network
    cloud: CloudMachine
    exchange: Exchange

    def __init__(self, world: World, journal: Journal, platform: Platform, design: Design) -> None:
        self.world = world
        self.journal = journal
        self.platform = platform
        self.media_addresses: set[Address] = set()
        self.is_built = False
        self.zone = Zone()
        self.zone.serve(self._served)
        self.zone.heard = self._looked_up
        self._said: dict[tuple[str, str], str] = {}
        self.traversal = Traversal()
        self._design = design
        self._plan: AddressPlan
        self._dns_ids: Ids
        self.dns: Zone | LiveDns = self.zone
        self._asking: dict[Uri, asyncio.Task[None]] = {}
        self._places: dict[str, int] = {}
        self._standing: list[_Standing] = []

    # -- up and down; in the lab's thread

    def build(self) -> None:
        """Build what a lab needs before its first phone."""
        self.media_addresses.clear()
        self._places.clear()
        self._said.clear()
        self.dns = LiveDns(self.zone, self._design.nameserver, self.world.loop.time) if self.world.live else self.zone
        self._dns_ids = self.world.ids.fork("dns")
        self._plan = self._design.plan()
        self._standing.append(self._plan)
        self.network = self._network()
        self._standing.append(self.network)
        self._build_cloud()
        self._standing.append(self.cloud)
        self.is_built = True
        self.cloud.keep_definitions()

    def _network(self) -> Network:
        loop: Any = self.world.loop
        if self.world.live:
            return LiveNetwork(loop, ids=Ids.seeded(self._design.link_seed).fork("network"))
        return SimulatedNetwork(
            loop,
            self.world.ids.fork("network"),
            impairment=Impairment(delay_s=self._design.delay_s),
            on_wire=self._wire,
            on_fragments=self._fragmented,
            dropped=self._dropped,
        )

    def _build_cloud(self) -> None:
        place = self._place(CLOUD, self._plan.cloud())
        guard, design = self.world.guard, self._design
        self.exchange = Exchange(
            self.journal, guard.user_code, guard.watched, place.host, design.session_over, design.hear
        )
        self.cloud = CloudMachine(
            place,
            self.platform,
            design.settings,
            timers=design.timers,
            incoming=self.exchange.incoming,
            leg_event=self.exchange.leg_event,
            locate=self.locate,
            learn=self.learn if self._design.nameserver is not None else None,
            wire_journal=self.wire_journal,
            traversal=self.traversal,
        )
        self.exchange.switchboard = cast("Switchboard", self.cloud)

    def take_down(self) -> None:
        """Close what stands, the last built first; what could not be built to its end too."""
        self.is_built = False
        for asking in self._asking.values():
            asking.cancel()
        while self._standing:
            self._standing.pop().close()

    # -- places on the network

    def new_place(self, owner: str) -> MediaPlace:
        """Give a new host an address."""
        return self._place(owner, self._plan.device())

    def move_sbc(self) -> str:
        """Let the cloud's signalling move to the next address."""
        place = self._place(CLOUD, self._moved())
        self.cloud.move(place)
        return place.host

    def move_media_server(self) -> str:
        """Let the cloud's media move to the next address; ports in use stay where they are."""
        self.cloud.media_place = self._place(CLOUD, self._moved())
        return self.cloud.media_place.host

    def _moved(self) -> str:
        if not self._plan.own_addresses or self._design.settings.advertise:
            raise VoxlabError("nothing can move: the lab was told its one address, or this machine has no other")
        return self._plan.cloud()

    def new_place_in(self, owner: str, network: str) -> MediaPlace:
        """Give a new host an address in the network of another operator."""
        return self._place(owner, self._plan.network(network).host())

    # -- address translators, of the simulated world alone

    def add_nat(self, name: str, network: str, behaviour: Behaviour, behind: str = INTERNET) -> NatBox:
        """Put a NAT into the network, at the internet or behind another one."""
        assert isinstance(self._plan, SimulatedPlan)
        assert isinstance(self.network, SimulatedNetwork)
        self._plan.inside(name, network)
        outside = self._plan.outside() if behind == INTERNET else self._plan.inside(behind).host()
        box = self.network.add_nat(name, outside, behaviour, behind)
        self.journal.name(outside, name)
        if behind != INTERNET:
            self.journal.put_behind(outside, behind)
        return box

    def inside_of(self, nat: str) -> str:
        """Return the network behind a NAT."""
        assert isinstance(self._plan, SimulatedPlan)
        return str(self._plan.inside(nat))

    def new_place_behind(self, owner: str, nat: str) -> MediaPlace:
        """Give a new host an address behind a NAT."""
        assert isinstance(self._plan, SimulatedPlan)
        assert isinstance(self.network, SimulatedNetwork)
        host = self._plan.inside(nat).host()
        self.network.paths.put(host, nat)
        self.journal.put_behind(host, nat)
        return replace(self._place(owner, host), behind_nat=True)

    def new_stranger(self) -> MediaPlace:
        """Give somebody an address on the internet who has no business here."""
        assert isinstance(self._plan, SimulatedPlan)
        return self._place("stranger", self._plan.outside())

    def network_of(self, network: str) -> str:
        """Return the network that stands for another operator's: its own name, or a subnet of this machine."""
        return str(self._plan.network(network))

    def _served(self, name: str) -> tuple[str, ...]:
        """Return the addresses of the platform's domains: what its zone in DNS says."""
        ours = self.is_built and (name == self.platform.domain or self.platform.serves(name))
        return (self._design.settings.advertise or self.cloud.place.host,) if ours else ()

    def locate(self, uri: Uri) -> Sequence[Hop]:
        """Return the places that serve a URI, as far as DNS has said by now; what it has not is asked for."""
        try:
            return locate(uri, self.dns, ALL_TRANSPORTS, self._dns_ids)
        except Unknown:
            if uri not in self._asking:
                self._asking[uri] = self.world.loop.create_task(self._look_up(uri))
            return []

    async def learn(self, uri: Uri) -> None:
        """Ask DNS for what leads to a URI, until all of it is known."""
        while True:
            try:
                locate(uri, self.dns, ALL_TRANSPORTS, self._dns_ids)
            except Unknown as asked:
                assert isinstance(self.dns, LiveDns)
                await self.dns.learn(asked)
            else:
                return

    async def _look_up(self, uri: Uri) -> None:
        try:
            await self.learn(uri)
        finally:
            self._asking.pop(uri, None)
        if self.is_built:
            self.cloud.keep_definitions()

    def _place(self, owner: str, host: str) -> MediaPlace:
        if self._plan.own_addresses:
            self.journal.name(host, owner)
        # A host that is built anew draws other identifiers than its predecessor, whose transactions may still run.
        before = self._places.get(owner, 0)
        self._places[owner] = before + 1
        ids = self.world.ids.fork(f"host {owner}" if not before else f"host {owner} {before}")
        return MediaPlace(
            owner,
            host,
            self.world.loop,
            self.network,
            ids,
            self.journal,
            batched=not self.world.live,
            advertise=self._design.settings.advertise if owner == CLOUD else None,
            media_addresses=self.media_addresses,
            settle=self._design.settle,
        )

    @property
    def phone_port(self) -> int:
        """The port of a phone: 5060 on an address of its own, else any."""
        return 5060 if self._plan.own_addresses else 0

    @property
    def wire_journal(self) -> Journal | None:
        """Where hosts record their messages: nowhere in the simulated world, whose network does."""
        return self.journal if self.world.live else None

    def _wire(self, time_s: float, transport: str, src: Any, dst: Any, data: bytes, outcome: int) -> None:
        if len(data) > 4 and data[0] > 1:  # keep-alives are no messages
            self.journal.wire(time_s, transport, src, dst, data, outcome)

    def _looked_up(self, kind: str, name: str, answer: str, failed: bool) -> None:
        """Note what DNS says of a name: each failure, and each answer that is not the one before."""
        if failed or self._said.get((kind, name)) != answer:
            self._said[kind, name] = answer
            self.journal.note(NameLookup(self.world.now, "dns", kind, name, answer, failed))

    def _fragmented(self, time_s: float, src: Any, dst: Any, data: bytes, fragments: int, arrived: bool) -> None:
        self.journal.note(Fragmented(time_s, src, dst, len(data), fragments, arrived, call_id_of(data)))

    def _dropped(self, time_s: float, nat: str, src: Any, dst: Any, data: bytes, refusal: Refusal) -> None:
        if not data or (len(data) > 4 and data[0] > 1):
            self.journal.note(NatDropped(time_s, nat, src, dst, *refusal, call_id_of(data) if data else ""))

    def say_what_is_exposed(self) -> None:
        """Print where the cloud can be reached from outside this machine, if it can."""
        import ipaddress

        if not ipaddress.ip_address(self.cloud.place.host).is_loopback:
            where = ", ".join(f"{name} {address}" for name, address in self.cloud.addresses.items())
            say(f"voxlab: SIP on {where} can be reached from outside this machine")


class BoundPlan:
    """The one address that a live cloud was told to bind."""

    own_addresses = False

    def __init__(self, host: str) -> None:
        self._host = host

    def cloud(self) -> str:
        """Return that address."""
        return self._host

    def device(self) -> str:
        """Return that address: ports tell hosts apart."""
        return self._host

    def network(self, network: str) -> Any:
        """Refuse: another operator would need addresses of its own."""
        raise VoxlabError(f"{network} cannot be mapped: the lab was bound to {self._host} alone")

    def close(self) -> None:
        """Give nothing back."""
        return
