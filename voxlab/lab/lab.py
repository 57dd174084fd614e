"""The lab: where world, platform, cloud, phones and evidence meet, and the first public handle."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from voxlab.base.errors import LabClosed, VoxlabError
from voxlab.base.ids import Ids
from voxlab.base.journal import Journal
from voxlab.base.records import SIMULATED_EPOCH_S
from voxlab.host.cloud import CloudMachine, CloudSettings
from voxlab.host.ends.place import MediaPlace
from voxlab.lab import unawaited
from voxlab.lab.account import Account
from voxlab.lab.blocking import Aio, Outcome, Run, Steps, Submit, Wait, blocking
from voxlab.lab.call import Call
from voxlab.lab.checks import check_lab, check_rate
from voxlab.lab.installation import CLOUD, BoundPlan, Design, Installation
from voxlab.lab.keeping import attach
from voxlab.lab.lab_evidence import LabEvidence
from voxlab.lab.lab_network import LabNetwork
from voxlab.lab.media_resources import PATH, MediaResourcesUrl
from voxlab.lab.operators import LabOperators
from voxlab.lab.printing import listen
from voxlab.lab.registrar import Registrar
from voxlab.lab.sbc import Sbc
from voxlab.lab.scenario_news import ScenarioNews
from voxlab.lab.watchers import Watchers
from voxlab.lab.zone import Zone
from voxlab.net.addresses import AddressPlan, LivePlan, SimulatedPlan
from voxlab.net.network import Network
from voxlab.net.sockets import LiveNetwork
from voxlab.net.world import World
from voxlab.platform.platform import Platform
from voxlab.scenario.exchange import Exchange
from voxlab.store.history import CLOSED
from voxlab.store.store import Store
from voxlab.transaction.timers import Timers

if TYPE_CHECKING:
    from voxlab.elements.user_agent import Incoming
    from voxlab.lab.application import Application
    from voxlab.lab.load import Load
    from voxlab.lab.phone import Phone

T = TypeVar("T")


class HttpServer(Protocol):
    """Whoever serves the management API of a lab."""

    url: str

    def close(self) -> None:
        """Stop; may be called twice."""


class Lab(LabOperators, LabNetwork, LabEvidence):
    """A telephony laboratory: a cloud platform, its users and their phones, in virtual time or on real sockets.

    Parameters
    ----------
    seed : int or None
        Of everything random in the simulated world; None draws one and shows it. Of the live world it is what links
        do to packets that can be predicted, and nothing else.
    live : bool
        Real sockets of the loopback interface, in real time.
    bind : str or None
        Live only: the address of the cloud; anything but loopback is printed, because then others can reach it.
    port : int
        The cloud's SIP port, for TLS the next one.
    advertise : str or None
        Live only: the address that the cloud puts into Contact, Via and SDP instead of its own.
    domain : str
        The platform's domain; ``shop`` of ``acme`` is ``shop.acme.voxlab.test``.
    max_calls : int
        Past this many calls at once new ones get 503 with Retry-After; those that a rule passes on count, too.
    max_calls_per_second : int or None
        Past this many new calls within a second, too; None for no limit.
    delay : float
        Simulated only: seconds from one host to another.
    timers : Timers or None
        SIP's timers, for experiments.
    payloads : {"all", "headers", "none"}
        What the journal keeps of RTP.
    store : path-like or None
        A file that keeps definitions, registrations and the call history; a lab on the same file goes on from there.
        Without one, history lasts as long as the lab.
    nameserver : str or None
        Live only: where names are looked up that ``lab.zone`` does not have: "system", an address, or address:port;
        None asks nobody.

    Examples
    --------
    >>> lab = Lab(seed=7)
    >>> shop = lab.account("acme").application("shop")
    >>> alice, bob = shop.user("alice").phone(), shop.user("bob").phone(answer_after=2.0)
    """

    def __init__(
        self,
        *,
        seed: int | None = 0,
        live: bool = False,
        bind: str | None = None,
        port: int = 5060,
        advertise: str | None = None,
        domain: str = "voxlab.test",
        max_calls: int = 10_000,
        max_calls_per_second: int | None = None,
        delay: float = 0.0005,
        timers: Timers | None = None,
        payloads: Any = "all",
        limit_messages: int | None = 1_000_000,
        algorithms: tuple[str, ...] = ("MD5",),
        store: str | os.PathLike[str] | None = None,
        nameserver: str | None = None,
    ) -> None:
        if nameserver is not None and not live:
            raise VoxlabError("nameserver goes with live=True: in the simulated world lab.zone is all of DNS")
        check_lab(live, bind, port, delay, max_calls, payloads, seed)
        check_rate(max_calls_per_second)
        self.live = live
        drawn = Ids.secure().uint32() if seed is None else seed
        self.seed: int | None = None if live else drawn
        self.timers = timers or Timers()
        self.aio = Aio(self)
        epoch_s = _now_epoch() if live else SIMULATED_EPOCH_S
        super().__init__(
            World(live=live, seed=self.seed), Journal(epoch_s=epoch_s, payloads=payloads, limit_messages=limit_messages)
        )
        self.platform = Platform(self.world.ids.fork("platform"), domain)
        self.dialled: list[Call] = []
        self._news = ScenarioNews()
        self.watchers = Watchers()
        self.errors = self._news.errors
        self._accounts: dict[str, Account] = {}
        self._registrar = Registrar(self)
        self._bind = bind
        settings = CloudSettings(
            port=port,
            max_calls=max_calls,
            max_calls_per_second=max_calls_per_second,
            algorithms=algorithms,
            advertise=advertise,
        )
        news = self._news.session_over, self._news.hear
        design = Design(self._plan, settings, self.timers, delay, *news, nameserver, drawn, self.settle_evidence)
        self.installation = Installation(self.world, self.journal, self.platform, design)
        self.nats = {}
        self._links = {}
        self._zone = Zone(self, self.installation.zone)
        self._sbc = Sbc(self, self.installation.traversal)
        self.http: HttpServer | None = None
        path = None if store is None or os.fspath(store) == ":memory:" else Path(store)
        self.store = Store(path, self.platform, live=live, errors=self.errors)
        self._open()

    def _open(self) -> None:
        listen()
        unawaited.listen()
        try:
            self.store.open()
            self.journal.hear = self.store.take
            self.world.submit(self._build)
        except BaseException:
            self.close()
            raise
        self.let_scenarios_speak()
        if self.live:
            self.installation.say_what_is_exposed()

    def _build(self) -> None:
        self.installation.build()
        attach(self.store, self.installation, self.world, self.journal)

    def _plan(self) -> AddressPlan:
        if not self.live:
            return SimulatedPlan()
        return BoundPlan(self._bind) if self._bind else LivePlan(self, self._let_go)

    def _let_go(self, owner: object) -> None:
        """Close an older live lab of this process that holds the addresses wanted."""
        if isinstance(owner, Lab):
            owner.close()
            self._news.hear("voxlab: an older live lab held these addresses; it was closed")

    def unused_title(self, wanted: str, domain: str) -> str:
        """Return ``wanted``, or with the domain where another host has that name: evidence is kept by name."""
        taken = {CLOUD, *self.carriers, *self.nats, *(phone.title for phone in self.phones)}
        return f"{wanted}@{domain}" if wanted in taken else wanted

    def new_place(self, owner: str) -> MediaPlace:
        """Give a new host an address."""
        self.refuse_closed()
        return self.installation.new_place(owner)

    @property
    def network(self) -> Network:
        """What its hosts are connected by."""
        return self.installation.network

    @property
    def cloud(self) -> CloudMachine:
        """The platform's machine."""
        return self.installation.cloud

    @property
    def exchange(self) -> Exchange:
        """The sessions that run."""
        return self.installation.exchange

    @property
    def registrar(self) -> Registrar:
        """The platform's registrar, for its faults: ``lab.registrar.fault("...")``."""
        return self._registrar

    # -- what people define

    def account(self, name: str) -> Account:
        """Return the account called ``name``, made if need be.

        Raises
        ------
        VoxlabError
            For a name that cannot be one.
        """
        self.refuse_closed()
        if name not in self._accounts:
            record = self.platform.accounts.get(name) or self.define(self.platform.account, name)
            self._accounts[name] = Account(self, record)
        return self._accounts[name]

    @property
    def accounts(self) -> tuple[Account, ...]:
        """The accounts there are, in the order in which they were made."""
        return tuple([self.account(name) for name in self.platform.accounts])

    def define(self, function: Callable[..., T], *arguments: Any) -> T:
        """Change what is defined, in the lab's thread, and let the store keep it."""
        return self.world.submit(lambda: self._define(function, *arguments))

    def _define(self, function: Callable[..., T], *arguments: Any) -> T:
        self.refuse_closed()
        made = function(*arguments)
        self.store.keep()
        return made

    @property
    def lab(self) -> Lab:
        """Itself: what every handle has."""
        return self

    @property
    def media_resources_url(self) -> MediaResourcesUrl:
        """Where a carrier learns our addresses; called, it answers in process.

        Raises
        ------
        VoxlabError
            In a live lab that serves no HTTP.
        """
        self.refuse_closed()
        if self.live and self.http is None:
            raise VoxlabError(
                "this lab serves no HTTP: voxlab.management.server.serve(lab), or voxlab serve --http-port N; "
                "without it lab.media_resources() gives the same addresses"
            )
        base = self.http.url if self.http is not None else f"https://{self.cloud.place.host}"
        return MediaResourcesUrl(base + PATH, self.media_resources)

    def opened_http(self, server: HttpServer) -> None:
        """Take notice of who serves the management API; it is closed with the lab."""
        if self.http is not None:
            self.http.close()
        self.http = server

    # -- time

    @property
    def now(self) -> float:
        """Lab seconds since the start."""
        return self.world.now

    @blocking
    def run(self, seconds: float | None = None, *, until: float | Callable[[], bool] | None = None) -> Steps[Outcome]:
        """Let lab time pass: for some seconds, until a time or a condition, or (simulated only) until nothing is left
        to do.
        """
        outcome: Outcome = yield Run(seconds, until)
        return outcome

    def load(
        self,
        cps: float = 10.0,
        calls: int = 100,
        *,
        application: Application | None = None,
        to: str | None = None,
        ring: float = 0.0,
        talk: float = 0.0,
        limit: int | None = None,
        transport: str = "UDP",
        scenario: str | os.PathLike[str] | None = None,
    ) -> Load:
        """Let real SIPp call through a live lab, and count what came of it.

        SIPp registers a callee and calls it as users of the application called ``sipp-caller`` and ``sipp-callee``,
        with digest; the application's rules take the calls as they take everybody's.

        Parameters
        ----------
        cps : float
            New calls a second.
        calls : int
            How many in all.
        application : Application or None
            The only one of the lab if not given.
        to : str or None
            Whom to call instead of SIPp's own callee: a user, or a number that a rule takes.
        ring, talk : float
            Seconds of ringing (SIPp's callee) and of talking.
        limit : int or None
            So many calls at once at most.
        transport : {"UDP", "TCP"}
        scenario : path-like or None
            A SIPp scenario for the caller, instead of INVITE, digest, 180, 200, ACK, BYE; its keywords ``callee`` and
            ``domain`` say whom to call.

        Raises
        ------
        VoxlabError
            In a simulated lab, and where SIPp or pysipp is missing: the text says how to get them.

        Examples
        --------
        >>> load = lab.load(cps=20, calls=200)  # doctest: +SKIP
        >>> load.verdict  # doctest: +SKIP
        '✓ 200 of 200 calls at 20/s · ringing after 4 ms (median), 7 ms (p95)'
        """
        from voxlab.lab.load import Plan, run
        from voxlab.peers.sipp import SCENARIOS

        self.refuse_closed()
        script = SCENARIOS / "uac_challenged.xml" if scenario is None else Path(scenario)
        plan = Plan(cps, calls, to, ring, talk, limit, transport.upper(), script)
        return run(self, plan, application or self._only_application())

    def _only_application(self) -> Application:
        """Return the application of a lab that has one."""
        known = [application for account in self.accounts for application in account.applications]
        if len(known) != 1:
            there = ", ".join(application.domain for application in known) or "none yet"
            raise VoxlabError(f"say which application: load(application=...); this lab has {there}")
        return known[0]

    # -- sessions

    def let_scenarios_speak(self) -> None:
        """Print what scenarios have printed since the last time, for the caller of a blocking method."""
        self._news.speak()

    def operation_over(self) -> None:
        """Take notice that a blocking method has ended: time may have passed, scenarios may have printed."""
        self.let_scenarios_speak()
        if not self.world.in_lab:
            self.watchers.tell()

    def scenario_error(self, number: int) -> BaseException | None:
        """Return what the scenario of a session raised."""
        running = self.exchange.sessions.get(number)
        return running.error if running is not None else self._news.error_of(number)

    def end_session(self, number: int) -> None:
        """End a session administratively."""
        session = self.exchange.sessions.get(number)
        if session is not None:
            session.end("Terminated administratively")

    def incoming_leg(self, phone: Phone, event: Incoming) -> None:
        """Take notice that a phone is being called."""

    # -- starting over, and the end

    @blocking
    def reset(self) -> Steps[None]:
        """End the calls, empty the journal, restart clock and seed; accounts, users, scenarios and phones stay, the
        phones register again.
        """
        phones = list(self.phones)
        yield Submit(self._take_down)
        self.world.reset()
        yield Submit(self._start_over)
        for phone in phones:  # one after the other, as they came at first
            yield Submit(phone.build)
            yield Wait(phone.settled, 60.0)

    def _take_down(self) -> None:
        self.refuse_closed()
        if self.installation.is_built:
            self.exchange.end_all("lab reset")
        for phone in list(self.phones):
            phone.discard()
        for carrier in self.carriers.values():
            carrier.discard()
        self.installation.take_down()

    def _start_over(self) -> None:
        self.journal.clear()
        self._news.clear()
        self.dialled.clear()
        self.store.over("lab reset")
        self._build()
        self._links.clear()
        for nat in self.nats.values():
            nat.build()
        for carrier in self.carriers.values():
            carrier.build()

    @blocking
    def close(self) -> Steps[None]:
        """End the calls and give everything back; may be called twice. Handles then raise ``LabClosed``."""
        if self.world.closed:
            return
        if self.http is not None:
            self.http.close()
        yield Submit(self._take_down)
        yield Submit(self.store.over, (CLOSED,))
        self.store.close()
        self.world.close()
        self.journal.close()

    def refuse_closed(self) -> None:
        """Raise ``LabClosed`` once it is."""
        if self.world.closed:
            raise LabClosed("this lab is closed; make a new one with Lab(...)")

    def certificate_authority(self, path: str | os.PathLike[str]) -> Path:
        """Write the certificate of the lab's own authority, which signs its TLS certificates, as PEM."""
        if not isinstance(self.network, LiveNetwork):
            raise VoxlabError("the simulated world has no certificates: TLS is a model there; use Lab(live=True)")
        return self.network.authority.write(path)

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        if self.world.closed:
            return "<Lab: closed>"
        kind = f"live on {self.cloud.place.host}" if self.live else f"simulated, seed {self.seed}"
        calls = len(self.world.submit(lambda: self.index.calls))
        counted = f"{len(self.platform.accounts)} accounts, {len(self.phones)} phones, {calls} calls"
        lines = [f"<Lab: {kind}, {self.now:.3f} s, {counted}, {len(self.journal)} messages>"]
        lines += [f"  error in a scenario: {type(error).__name__}: {error}" for error in self.errors[-1:]]
        return "\n".join(lines)


def _now_epoch() -> float:
    import time

    return time.time()
