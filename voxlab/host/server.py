"""A SIP server as a machine: registrar, policy, proxy and user agent on one address (RFC 3261 s.10, s.16, s.22).

What the platform's cloud and another operator's switch have in common. Must not know whose server it is: the policy
decides, and calls and leg events go to whoever has derived from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from voxlab.base.datagram import Address
from voxlab.base.journal import Journal
from voxlab.base.records import MessageRefused, RegistrationChanged
from voxlab.elements.authentication import Authenticator, Subscribers
from voxlab.elements.door import Door, Limits
from voxlab.elements.locating import Hop
from voxlab.elements.location import LocationService
from voxlab.elements.lockout import Lockout
from voxlab.elements.node import Malformed, Node, NodeEvent
from voxlab.elements.passages import Concluded, Leaving, PassageEnded, Passages, Routed, TurnedBack
from voxlab.elements.registrar import Directory, Intervals, Registrar
from voxlab.elements.routing import RoutingPolicy
from voxlab.elements.user_agent import Incoming, Refused
from voxlab.host.ends.place import MediaPlace
from voxlab.host.host import Host
from voxlab.host.tracing import traced
from voxlab.net.network import Identity
from voxlab.sip.digest_server import DigestServer
from voxlab.sip.uri import Uri
from voxlab.transaction.timers import Timers


class ServerSettings(NamedTuple):
    """How a server is set up.

    Attributes
    ----------
    port, tls_port : int
        Where it takes UDP and TCP, and TLS.
    transports : tuple of str
    max_calls : int
        Past this many incoming calls at once new ones get 503 with Retry-After.
    max_calls_per_second : int or None
        Past this many that begin within a second, too.
    algorithms : tuple of str
        Digest algorithms in the order in which they are offered (RFC 8760 s.2.4).
    intervals : Intervals
        How long bindings are granted.
    advertise : str or None
        The address for Contact, Via and SDP where it is not the one bound.
    """

    port: int = 5060
    tls_port: int | None = None
    transports: tuple[str, ...] = ("UDP", "TCP", "TLS")
    max_calls: int = 10_000
    max_calls_per_second: int | None = None
    algorithms: tuple[str, ...] = ("MD5",)
    intervals: Intervals = Intervals()
    advertise: str | None = None


Locate = Callable[[Uri], Sequence[Hop]]


class Population(Subscribers, Directory, Protocol):
    """Whose users a server knows: they register, and prove who they are."""

    @property
    def realm(self) -> str:
        """The protection domain of their passwords."""


class RecordingPolicy(RoutingPolicy, Protocol):
    """A policy that says afterwards why it decided."""

    def poll(self) -> list[Any]:
        """Drain what is to be remembered."""


class ServerMachine:
    """A registrar, proxy and user agent in one world.

    Parameters
    ----------
    place : MediaPlace
    population : Population
    settings : ServerSettings
    names : callable
        The domains that it serves by now: what a phone looks for in its certificate (RFC 5922 s.7.2).
    locate : callable or None
        From a URI to the places that serve it, the best first; without it names lead nowhere.

    Attributes
    ----------
    own_hosts : set of str
        Our addresses: a Request-URI may name one of them.
    lockout : Lockout
        Who is turned away for wrong passwords, wherever they were tried.
    """

    def __init__(
        self,
        place: MediaPlace,
        population: Population,
        settings: ServerSettings,
        *,
        timers: Timers,
        names: Callable[[], Iterable[str]],
        locate: Locate | None = None,
        wire_journal: Journal | None = None,
    ) -> None:
        self.place = place
        self.settings = settings
        self.location = LocationService()
        self.host = Host(place.owner, place.loop, None, self._take, journal=wire_journal, is_ours=place.network.holds)  # type: ignore[arg-type]
        self._identity = Identity((population.realm,), served=names)
        self.own_hosts: set[str] = set()
        listens = self._attach()
        digest = DigestServer(population.realm, place.ids.fork("digest"), algorithms=settings.algorithms)
        self.lockout = Lockout()
        authenticator = Authenticator(digest, population, lockout=self.lockout, addresses=self.own_hosts)
        self.registrar = Registrar(
            self.location,
            authenticator,
            population,
            place.ids,
            host=place.owner,
            addresses=self.own_hosts,
            intervals=settings.intervals,
            domain=self._domain(),
        )
        self._policy = self._new_policy(authenticator)
        self.node = self.host.node = Node(
            place.ids,
            listens,
            timers=timers,
            policy=self._policy,
            registrar=self.registrar,
            max_calls=settings.max_calls,
            locate=locate,
            **traced(place.journal, place.owner),
        )
        self.door = self.host.door = Door(
            place.ids.fork("door"),
            Limits(settings.max_calls, settings.max_calls_per_second),
            self.calls,
            lambda branch, via: self.node.layer.has_invite(branch, via),  # noqa: PLW0108 - there is no node yet
            host=place.owner,
        )
        self.passages = Passages()
        self.node.keep(self)
        self._named: dict[str, str] = {}
        self._name_addresses()
        self.host.after_work = self.keep_records

    def _new_policy(self, authenticator: Authenticator) -> RecordingPolicy:
        """Return what decides about requests outside dialogs."""
        raise NotImplementedError

    def _attach(self) -> dict[str, Address]:
        """Take the address of our place, and return where others see us listen."""
        place, settings = self.place, self.settings
        endpoint = place.network.attach(
            place.owner,
            place.host,
            settings.port,
            self.host,
            settings.transports,
            tls_port=settings.tls_port,
            identity=self._identity,
        )
        self.host.endpoint = endpoint
        self.addresses = dict(endpoint.addresses)
        self.own_hosts.clear()
        self.own_hosts.update({place.host, settings.advertise or place.host})
        return {
            transport: Address(settings.advertise or address.host, address.port)
            for transport, address in endpoint.addresses.items()
        }

    def move(self, place: MediaPlace) -> None:
        """Leave our address for another; whoever knows the old one, and calls that stand, reach us no more."""
        if self.host.endpoint is not None:
            self.host.endpoint.close()
        self.place = place
        self.node.move(self._attach())
        self._name_addresses()
        self.host.rearm()

    def _domain(self) -> str | None:
        """Return the domain that our address stands for, None where there may be several."""
        return None

    @property
    def sip_address(self) -> Address:
        """Where others are to send requests: UDP, or else the first transport there is."""
        listens = self.node.listens
        return listens.get("UDP") or next(iter(listens.values()))

    def calls(self) -> int:
        """How many calls others have going through here: what the limit is about."""
        return self.node.user_agent.calls_in + len(self.passages)

    # -- calls that pass through

    def next_timeout(self) -> float | None:
        """When a call that passes through is given up, should nothing be heard of it."""
        return self.passages.next_timeout()

    def handle_timeout(self, now: float) -> None:
        """Give up the calls that have not been heard of for too long."""
        for ended in self.passages.overdue(now):
            self._passed(ended, now)

    def _passing(self, event: Routed | Concluded | Leaving, now: float) -> None:
        """Take notice how a call that passes through goes on."""
        ended: PassageEnded | None = None
        if isinstance(event, Routed):
            self.passages.began(event.request.call_id, now)
        elif isinstance(event, Leaving):
            ended = self.passages.left(event)
        else:
            if event.opens and event.response.status < 300:
                self._passage_answered(event.call_id, now)
            ended = self.passages.concluded(event, now)
        if ended is not None:
            self._passed(ended, now)
        self.node.housekeeping_changed = True

    def _passage_answered(self, call_id: str, now: float) -> None:
        """Take notice that a call that passes through is answered."""

    def _passed(self, ended: PassageEnded, now: float) -> None:
        """Take notice that a call that passed through is over."""

    def now(self) -> float:
        """Lab seconds."""
        return self.place.loop.time()

    # -- events of the node

    def _take(self, event: NodeEvent, now: float) -> None:
        if isinstance(event, (Concluded, Leaving)):
            self._passing(event, now)
        elif isinstance(event, TurnedBack):
            self._refused(MessageRefused(now, self.place.owner, event.flow.remote, event.status, event.why))
        elif isinstance(event, Refused):
            if not self.policy_said(event):
                self._refused(MessageRefused(now, self.place.owner, event.flow.remote, event.status, event.why))
        elif isinstance(event, Malformed):
            error = event.error
            self._refused(MessageRefused(now, self.place.owner, event.flow.remote, error.status, str(error), error.rfc))
        else:
            if isinstance(event, (Incoming, Routed)) and event.request.method == "INVITE":
                self.door.began(now)
            self._happened(event, now)
            if isinstance(event, Routed) and event.request.method == "INVITE":
                self._passing(event, now)

    def _refused(self, record: MessageRefused) -> None:
        self.place.journal.note(record)

    def _happened(self, event: NodeEvent, now: float) -> None:
        """Take a call, or an event of a leg."""
        raise NotImplementedError

    @staticmethod
    def policy_said(event: Refused) -> bool:
        """Whether the routing policy refused, which keeps its own record; a challenge is no refusal."""
        return event.status in (401, 403, 404, 407, 416, 480)

    def keep_records(self) -> None:
        """Move what registrar and policy have to say into the journal."""
        said = [self._policy.poll(), self.registrar.poll()]
        if self.door.has_news:
            said.append(self.door.poll(self.now()))
        for records in said:
            for record in records:
                self.place.journal.note(record)
                if isinstance(record, RegistrationChanged):
                    self._bindings_changed(record)

    def tell_turned_away(self) -> None:
        """Move what the door has counted into the journal, though its second is not over."""
        for record in self.door.poll(self.now(), at_once=True):
            self.place.journal.note(record)

    def _bindings_changed(self, record: RegistrationChanged) -> None:
        """Take notice that a device of a user came, stayed or went."""
        self._name_devices(record.aor)

    # -- names for the evidence: where several hosts share an address, ports tell them apart

    def _name_addresses(self) -> None:
        for address in self.addresses.values():
            self._name(address, self.place.owner, self.place.owner)

    def _name_devices(self, aor: str) -> None:
        """Call the devices of others by the user who registered them."""
        for binding in self.location.lookup(aor, self.now()):
            self._name(binding.flow.remote, aor.partition("@")[0], aor)

    def _name(self, address: Address, name: str, owner: str) -> None:
        """Name an address, unless the lab has given its host a name; a name that another has is made whole."""
        if not self.place.journal.name_of(Address(address.host, 0)):
            whose = self._named.setdefault(name, owner)
            self.place.journal.name(str(address), name if whose == owner else owner)

    def close(self) -> None:
        """Stop; the address is given back."""
        self.tell_turned_away()
        self.host.close()
