"""The handle of another operator: its phones, its telephones, and whom it lets in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from voxlab.base.errors import VoxlabError
from voxlab.faults.temper import Temper
from voxlab.host.carrier import CarrierMachine, Neighbours
from voxlab.host.server import ServerSettings
from voxlab.lab.blocking import Aio, Steps, blocking
from voxlab.lab.fault_knobs import CARRIER
from voxlab.lab.faulty import Faulty, Turn
from voxlab.lab.operator_knobs import CARRIER_KNOBS
from voxlab.lab.subscriber import Subscriber
from voxlab.platform.carrier import Carrier as Record
from voxlab.platform.carrier import Telephone, cause
from voxlab.platform.names import ACCOUNT, checked
from voxlab.platform.numbering import Dialect
from voxlab.platform.secret import chosen_password, generated_password
from voxlab.platform.trunk import host_address, networks

if TYPE_CHECKING:
    from voxlab.base.datagram import Address
    from voxlab.host.ends.end import MediaEnd
    from voxlab.host.ends.place import MediaPlace
    from voxlab.lab.lab import Lab
    from voxlab.lab.phone import Phone


class Line(NamedTuple):
    """What an operator tells somebody who is to register there as one of its telephones; shown without the password."""

    username: str
    domain: str
    proxy: str
    password: str
    number: str | None = None

    def __repr__(self) -> str:
        number = f", number {self.number}" if self.number else ""
        return f"<Line {self.username}@{self.domain} at {self.proxy}{number}>"


class Carrier(Faulty):
    """Another operator of the lab; get one with ``lab.carrier("gigafon", network=..., numbers=...)``."""

    def __init__(self, lab: Lab, record: Record, network: str) -> None:
        self.lab = lab
        self.aio = Aio(self)
        self.record = record
        self.machine: CarrierMachine | None = None
        self._network = network
        self._ids = lab.world.ids.fork(f"carrier {record.name}")
        self._subscribers: dict[str, Subscriber] = {}
        self._sbcs: tuple[str, ...] = ()

    # -- its machine; in the lab's thread

    def build(self) -> None:
        """Put its switch on the network."""
        installation = self.lab.installation
        place = installation.new_place_in(self.name, self._network)
        self.machine = CarrierMachine(
            replace(place, lets_in=self.record.lets_media_through),
            self.record,
            ServerSettings(),
            Neighbours(self.lab.operator_of, installation.locate),
            timers=self.lab.timers,
            wire_journal=installation.wire_journal,
        )
        installation.zone.a(self.domain, place.host)

    def discard(self) -> None:
        """Take its switch down."""
        if self.machine is not None:
            self.machine.close()
            self.machine = None

    def new_place(self, title: str) -> MediaPlace:
        """Give one of its hosts an address in its network."""
        self.lab.refuse_closed()
        place = self.lab.installation.new_place_in(title, self._network)
        return replace(place, lets_in=self.record.lets_media_through)

    @property
    def servers(self) -> Mapping[str, Address]:
        """The addresses of its switch by transport."""
        self.lab.refuse_closed()
        assert self.machine is not None
        return self.machine.addresses

    @property
    def ends(self) -> list[MediaEnd]:
        """The audio ends of its gateway."""
        return [] if self.machine is None else list(self.machine.terminals)

    def update(
        self,
        *,
        can_whitelist: bool | None,
        accepts_registrations: bool | None,
        announces: bool | None,
        style: str | None,
        country: str | None,
    ) -> None:
        """Take what is given, in the lab's thread."""
        record = self.record
        dialect = Dialect(style or record.dialect.style, country or record.dialect.country)

        def take() -> None:
            record.dialect = dialect
            if can_whitelist is not None:
                record.can_whitelist = can_whitelist
                record.allow = record.allow if can_whitelist else ()
            if accepts_registrations is not None:
                record.accepts_registrations = accepts_registrations
            if announces is not None:
                record.announces = announces

        self.lab.world.submit(take)

    # -- its faults

    fault_kinds = ("carrier", "registrar")
    fault_knobs: ClassVar[Mapping[str, Turn]] = {**CARRIER, **CARRIER_KNOBS}

    @property
    def fault_place(self) -> str:
        """What its faults are noted under."""
        return self.name

    def _temper(self) -> Temper | None:
        if self.machine is None:
            return None
        temper = self.machine.host.faulty()
        own = ip_network(self.network)
        temper.knows_network(lambda host: host_address(host) in own)
        return temper

    def _treated(self) -> None:
        if self.machine is not None:
            self.machine.host.flush()

    # -- what it is

    @property
    def name(self) -> str:
        """Its name, also on ladders."""
        return self.record.name

    @property
    def domain(self) -> str:
        """Its SIP domain."""
        return self.record.domain

    @property
    def address(self) -> str:
        """Where its switch takes calls, as ``host:port``: the gateway of a trunk, the proxy of a registration."""
        return str(self.servers["UDP"])

    @property
    def network(self) -> str:
        """The network of its hosts: what to put on a whitelist."""
        return self.lab.installation.network_of(self._network)

    # -- its subscribers

    @blocking
    def phone(self, number: str, *, name: str | None = None, **options: Any) -> Steps[Phone]:
        """Return the SIP phone behind a number, made and registered with digest if need be; what is given is updated.

        Parameters
        ----------
        number : str
            Of its range, such as "+4930555001".
        name : str or None
            What ladders call the phone, the number if not given.
        **options
            Of ``User.phone``: answer_after, busy, transport, audio, ...
        """
        text = self.record.own_number(number)
        subscriber = self._subscribers.get(text)
        if subscriber is None:
            password = generated_password(self._ids.fork(text))
            record = self.lab.world.submit(lambda: self.record.user(text, password, text))
            subscriber = self._subscribers[text] = Subscriber(self, record, name or text)
        made: Phone = yield from Subscriber.phone.steps(subscriber, **options)  # type: ignore[attr-defined]
        return made

    def telephone(
        self,
        number: str,
        *,
        answer_after: float | None = None,
        cause_of_failure: int | None = None,
        progress: str = "180",
        announces: bool = False,
    ) -> Telephone:
        """Put a telephone without SIP behind a number: a mobile, or a set on a copper pair.

        Parameters
        ----------
        number : str
            Of its range.
        answer_after : float or None
            Lab seconds of ringing; None lets it ring.
        cause_of_failure : int or None
            Why it cannot be reached, as a cause of ITU-T Q.850: 17 busy, 20 switched off, 1 nobody has the number.
        progress : {"180", "183", "180+183", "none"}
            What is signalled while it rings; with 183 the ringing tone comes as audio.
        announces : bool
            Speak the failure in early media before it is signalled.
        """
        failure = None if cause_of_failure is None else cause(cause_of_failure)
        made = Telephone(self.record.own_number(number), answer_after, failure, progress, announces)
        return self.lab.world.submit(self.record.telephone, made)

    def line(self, username: str, *, number: str | None = None, password: str | None = None) -> Line:
        """Let somebody else register here as a telephone: what ``application.sip_registration`` wants to know.

        Parameters
        ----------
        username : str
        number : str or None
            Of its range; calls to it go there.
        password : str or None
            Generated if not given.

        Raises
        ------
        VoxlabError
            Where the operator lets nobody else register.
        """
        if not self.record.accepts_registrations:
            raise VoxlabError(f"{self.name} lets nobody else register: be let in by a trunk, import_addresses(...)")
        secret = generated_password(self._ids.fork(username)) if password is None else chosen_password(password)
        text = None if number is None else self.record.own_number(number)

        def define() -> None:
            known = username in self.record.users
            user = self.record.user(username, secret, text)
            if known and password is not None:
                user.change_password(secret)

        self.lab.world.submit(define)
        shown = self.record.users[username].known_password().reveal()
        return Line(username, self.domain, self.address, shown, text)

    # -- whom it lets in

    def allow(self, *addresses: str) -> None:
        """Take calls from these addresses and networks, and from no others."""
        self.lab.world.submit(self.record.admit, addresses)

    def import_addresses(self, resources: Any) -> None:
        """Learn another operator's addresses: its SBCs may call, its media servers may send RTP; others may no more.

        Parameters
        ----------
        resources : mapping, str or callable
            What ``getMediaResources`` answers, as a mapping or as JSON; a URL is fetched.
        """
        found = resources_of(resources)
        sbcs = tuple(entry["ip"] for entry in found.get("sbcs", ()))
        media = [entry["ip"] for entry in found.get("mediaservers", ())]
        if not sbcs:
            raise VoxlabError(f"these media resources name no SBC, ask with_sbcs: {found!r}")

        def learn() -> None:
            self.record.admit(sbcs)
            self.record.media_allow = networks([*media, self.network], self.name) if media else None
            self._sbcs = sbcs

        self.lab.world.submit(learn)

    def __repr__(self) -> str:
        record = self.record
        ways = "trunks" if record.can_whitelist else "no trunks"
        ways += ", registrations" if record.accepts_registrations else ", no registrations"
        lets_in = ", ".join(map(str, record.allow)) or "nobody yet"
        lines = [f"<Carrier {self.name}: {self.domain} at {self.address}, numbers {record.range}, {ways}>"]
        lines.append(f"  lets in without a password: {lets_in if record.can_whitelist else 'nobody'}")
        lines += [f"  {phone!r}" for subscriber in self._subscribers.values() for phone in subscriber.phones]
        lines += [f"  <Telephone {number}>" for number in record.telephones]
        return "\n".join(lines)


def new_carrier(
    lab: Lab, name: str, network: str | None, numbers: str | Iterable[str] | None, domain: str | None
) -> Carrier:
    """Make an operator and put it on the network."""
    checked(name, ACCOUNT._replace(kind="a carrier", example="gigafon"))
    if network is None:
        raise VoxlabError(f"carrier {name!r} is new: say where it is, network='198.51.100.0/24'")
    patterns = (numbers,) if isinstance(numbers, str) else tuple(numbers or ())
    carrier = Carrier(lab, Record(name, domain or f"{name}.example", patterns), network)
    lab.world.submit(carrier.build)
    lab.carriers[name] = carrier
    return carrier


def resources_of(given: Any) -> Mapping[str, Any]:
    """Read media resources from a mapping, from JSON, or from where a URL leads."""
    if callable(given):
        given = given()
    if isinstance(given, str) and given.lstrip().startswith("{"):
        given = json.loads(given)
    elif isinstance(given, str):
        given = _fetched(given)
    if not isinstance(given, Mapping):
        raise VoxlabError(f"media resources are a mapping, JSON or a URL, not {given!r}")
    return given


def _fetched(url: str) -> Any:
    from urllib.request import urlopen

    if not url.startswith(("http://", "https://")):
        raise VoxlabError(f"{url!r} is no URL of media resources: it begins with http:// or https://")
    with urlopen(url, timeout=10) as answer:  # noqa: S310 - the scheme is checked
        return json.load(answer)
