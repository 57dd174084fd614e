"""The lab: where world, platform, cloud, phones and evidence meet, and the first public handle."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from voxlab.analysis.callflow import lab_flow
from voxlab.analysis.index import Index
from voxlab.base.datagram import Address
from voxlab.base.errors import LabClosed, VoxlabError
from voxlab.base.ids import Ids
from voxlab.base.journal import Journal
from voxlab.base.records import SIMULATED_EPOCH_S, RtcpRecord, RtpBlock, StreamMeasured, WireRecord
from voxlab.host.cloud import CloudMachine, CloudSettings
from voxlab.host.media import MediaEnd, MediaPlace
from voxlab.lab import unawaited
from voxlab.lab.account import Account
from voxlab.lab.blocking import Aio, Outcome, Run, Steps, Submit, Wait, blocking
from voxlab.lab.call import Call
from voxlab.lab.evidence import Ladder
from voxlab.lab.printing import listen, say
from voxlab.net.addresses import AddressPlan, LivePlan, SimulatedPlan
from voxlab.net.impairment import Impairment
from voxlab.net.network import Network
from voxlab.net.simulation import Link, SimulatedNetwork
from voxlab.net.sockets import LiveNetwork
from voxlab.net.world import World
from voxlab.platform.platform import Platform
from voxlab.scenario.exchange import Exchange
from voxlab.scenario.session import Session
from voxlab.transaction.timers import Timers

if TYPE_CHECKING:
    import pandas as pd

    from voxlab.elements.user_agent import Incoming
    from voxlab.lab.phone import Phone
    from voxlab.scenario.ports import Switchboard

T = TypeVar("T")

CLOUD = "cloud"
_ERRORS_KEPT = 1000
_LINES_KEPT = 10_000


class Lab:
    """A telephony laboratory: a cloud platform, its users and their phones, in virtual time or on real sockets.

    Parameters
    ----------
    seed : int or None
        Of everything random in the simulated world; None draws one and shows it. The live world is never predictable.
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
        Past this many calls at once new ones get 503 with Retry-After.
    delay : float
        Simulated only: seconds from one host to another.
    timers : Timers or None
        SIP's timers, for experiments.
    payloads : {"all", "headers", "none"}
        What the journal keeps of RTP.

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
        delay: float = 0.0005,
        timers: Timers | None = None,
        payloads: Any = "all",
        limit_messages: int | None = 1_000_000,
        algorithms: tuple[str, ...] = ("MD5",),
    ) -> None:
        _check(live, bind, port, delay, max_calls, payloads, seed)
        self.live = live
        self.seed: int | None = None if live else Ids.secure().uint32() if seed is None else seed
        self.timers = timers or Timers()
        self.aio = Aio(self)
        self.world = World(live=live, seed=self.seed)
        self.journal = Journal(
            epoch_s=_now_epoch() if live else SIMULATED_EPOCH_S, payloads=payloads, limit_messages=limit_messages
        )
        self.index = Index(self.journal, self._uncounted)
        self.platform = Platform(self.world.ids.fork("platform"), domain)
        self.phones: list[Phone] = []
        self.dialled: list[Call] = []
        self.errors: list[BaseException] = []
        self._accounts: dict[str, Account] = {}
        self._spoken: list[str] = []
        self._media_addresses: set[Address] = set()
        self._places: dict[str, int] = {}
        self._errors_of: dict[int, BaseException] = {}
        self._delay_s = delay
        self._bind = bind
        self._settings = CloudSettings(port=port, max_calls=max_calls, algorithms=algorithms, advertise=advertise)
        self._plan: AddressPlan
        self.network: Network
        self.cloud: CloudMachine
        self.exchange: Exchange
        listen()
        unawaited.listen()
        try:
            self.world.submit(self._build)
        except BaseException:
            self.close()
            raise
        self.let_scenarios_speak()
        if live:
            self._say_what_is_exposed()

    # -- building; all of it in the lab's thread

    def _build(self) -> None:
        loop: Any = self.world.loop
        if self.live:
            self._plan = _PlanOf(self._bind) if self._bind else LivePlan(self, self._let_go)
            self.network = LiveNetwork(loop)
        else:
            self._plan = SimulatedPlan()
            self.network = SimulatedNetwork(
                loop, self.world.ids.fork("network"), impairment=Impairment(delay_s=self._delay_s), on_wire=self._wire
            )
        self._build_cloud()

    def _let_go(self, owner: object) -> None:
        """Close an older live lab of this process that holds the addresses wanted."""
        if isinstance(owner, Lab):
            owner.close()
            self.hear("voxlab: an older live lab held these addresses; it was closed")

    def _build_cloud(self) -> None:
        place = self._place(CLOUD, self._plan.cloud())
        self.exchange = Exchange(
            self.journal,
            self.world.guard.user_code,
            self.world.guard.watched,
            place.host,
            self._session_over,
            self.hear,
        )
        self.cloud = CloudMachine(
            place,
            self.platform,
            self._settings,
            timers=self.timers,
            incoming=self.exchange.incoming,
            leg_event=self.exchange.leg_event,
            wire_journal=self.wire_journal,
        )
        self.exchange.switchboard = cast("Switchboard", self.cloud)

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
            batched=not self.live,
            advertise=self._settings.advertise if owner == CLOUD else None,
            media_addresses=self._media_addresses,
        )

    def new_place(self, owner: str) -> MediaPlace:
        """Give a new host an address."""
        self.refuse_closed()
        return self._place(owner, self._plan.device())

    def unused_title(self, wanted: str, domain: str) -> str:
        """Return ``wanted``, or with the domain where another host has that name: evidence is kept by name."""
        taken = {CLOUD, *(phone.title for phone in self.phones)}
        return f"{wanted}@{domain}" if wanted in taken else wanted

    @property
    def phone_port(self) -> int:
        """The port of a phone: 5060 on an address of its own, else any."""
        return 5060 if self._plan.own_addresses else 0

    @property
    def wire_journal(self) -> Journal | None:
        """Where hosts record their messages: nowhere in the simulated world, whose network does."""
        return self.journal if self.live else None

    def _wire(self, time_s: float, transport: str, src: Any, dst: Any, data: bytes, outcome: int) -> None:
        if len(data) > 4:  # keep-alives are no messages
            self.journal.wire(time_s, transport, src, dst, data, outcome)

    def _say_what_is_exposed(self) -> None:
        import ipaddress

        host = self.cloud.place.host
        if not ipaddress.ip_address(host).is_loopback:
            where = ", ".join(f"{name} {address}" for name, address in self.cloud.addresses.items())
            say(f"voxlab: SIP on {where} can be reached from outside this machine")

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
            record = self.world.submit(self.platform.account, name)
            self._accounts[name] = Account(self, record)
        return self._accounts[name]

    def link(self, one: Any, other: Any = CLOUD) -> Link:
        """Return the link between two hosts of the simulated network, given as phones or names:
        ``lab.link(alice).impair(...)``.
        """
        if not isinstance(self.network, SimulatedNetwork):
            raise VoxlabError("links can be impaired in the simulated world only: Lab() without live=True")
        names = [each if isinstance(each, str) else getattr(each, "title", each) for each in (one, other)]
        known = [CLOUD, *(phone.title for phone in self.phones)]
        for name in names:
            if name not in known:
                raise VoxlabError(f"there is no host {name!r}; there are {', '.join(known)}")
        return self.world.submit(self.network.link, *names)

    @property
    def lab(self) -> Lab:
        """Itself: what every handle has."""
        return self

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

    # -- evidence

    @property
    def messages(self) -> pd.DataFrame:
        """Every SIP message, numbered as in a saved capture: a fresh snapshot."""
        from voxlab.analysis import frames

        return self.world.submit(frames.messages, self.index)

    @property
    def calls(self) -> pd.DataFrame:
        """The call history, a row each."""
        from voxlab.analysis import frames

        return self.world.submit(lambda: self._settled(frames.calls))

    def call(self, number: int) -> Call:
        """Return the call with that number in ``lab.calls``.

        Raises
        ------
        VoxlabError
            When there is none.
        """
        try:
            record = self.world.submit(self.index.call, number)
        except KeyError:
            count = len(self.world.submit(lambda: self.index.calls))
            raise VoxlabError(f"there is no call {number}; there are {count} calls so far") from None
        return Call(self, call_id=record.call_ids[0])

    def ladder(self) -> Ladder:
        """Return the call-flow diagram of everything, registrations too."""
        flow = self.world.submit(lambda: self._settled(lab_flow))
        return Ladder(flow, flow.verdict)

    def save(self, path: str | os.PathLike[str], *, call: Call | None = None) -> Path:
        """Write a pcapng file that Wireshark opens: SIP and RTP with their addresses and lab times.

        Parameters
        ----------
        path : path-like
        call : Call or None
            That call alone; message n of its ladder is the nth SIP packet.
        """
        from voxlab.analysis.pcapng import write_pcapng

        target = Path(path)
        with target.open("wb") as file:
            self.world.submit(
                lambda: write_pcapng(
                    file,
                    *self._captured(call),
                    epoch_s=self.journal.epoch_s,
                    names=self.journal.names,
                    from_one=call is not None,
                )
            )
        return target

    def _captured(self, call: Call | None) -> tuple[list[WireRecord], list[RtpBlock], list[RtcpRecord]]:
        """Return the messages, the RTP and the RTCP of a call, of everything if None."""
        self.settle_evidence()
        journal = self.journal
        record = self.index.call_of(call.call_id) if call is not None else None
        rtcp = [note for note in journal.notes if isinstance(note, RtcpRecord)]
        if record is None:
            return list(journal.messages()), list(journal.rtp_blocks), rtcp
        ids = record.call_ids
        messages = [journal.message(entry.number) for entry in self.index.entries(ids)]
        return (
            messages,
            [block for block in journal.rtp_blocks if block.call_id in ids],
            [each for each in rtcp if each.call_id in ids],
        )

    def _settled(self, read: Callable[[Index], T]) -> T:
        """Read the journal when all that is due has been counted; in the lab's thread."""
        self.settle_evidence()
        return read(self.index)

    def settle_evidence(self) -> None:
        """Bring media counts and taps up to now; in the lab's thread."""
        for end in self._ends():
            end.catch_up()
            end.flush()
        self.cloud.keep_records()

    def _ends(self) -> list[MediaEnd]:
        ends: list[MediaEnd] = [end for end in self.cloud.ports if not end.released]
        for phone in self.phones:
            if phone.machine is not None:
                ends += [end for end in phone.machine.terminals.values() if not end.released]
        return ends

    def _uncounted(self) -> list[StreamMeasured]:
        """Return the counts of streams that are not over, as records."""
        return [record for end in self._ends() for record in end.measured()]

    def let_scenarios_speak(self) -> None:
        """Print what scenarios have printed since the last time, for the caller of a blocking method."""
        spoken, self._spoken = self._spoken, []
        for line in spoken:
            say(line)

    def hear(self, line: str) -> None:
        """Take a line that a scenario printed."""
        if len(self._spoken) < _LINES_KEPT:
            self._spoken.append(line)

    # -- sessions

    def _session_over(self, session: Session) -> None:
        if session.error is not None and session.number not in self._errors_of and len(self.errors) < _ERRORS_KEPT:
            self.errors.append(session.error)
            self._errors_of[session.number] = session.error

    def scenario_error(self, number: int) -> BaseException | None:
        """Return what the scenario of a session raised."""
        running = self.exchange.sessions.get(number)
        return running.error if running is not None else self._errors_of.get(number)

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
        self.exchange.end_all("lab reset")
        for phone in list(self.phones):
            phone.discard()
        self.cloud.close()
        self.network.close()
        self._plan.close()

    def _start_over(self) -> None:
        self.journal.clear()
        self.errors.clear()
        self._errors_of.clear()
        self._spoken.clear()
        self.dialled.clear()
        self._media_addresses.clear()
        self._places.clear()
        self._build()

    @blocking
    def close(self) -> Steps[None]:
        """End the calls and give everything back; may be called twice. Handles then raise ``LabClosed``."""
        if self.world.closed:
            return
        if hasattr(self, "cloud"):
            yield Submit(self._take_down)
        else:
            yield Submit(self._give_back)
        self.world.close()
        self.journal.close()

    def _give_back(self) -> None:
        """Give back what a lab held that could not be built to its end."""
        for held in ("network", "_plan"):
            if hasattr(self, held):
                getattr(self, held).close()

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
        counted = f"{len(self._accounts)} accounts, {len(self.phones)} phones, {calls} calls"
        lines = [f"<Lab: {kind}, {self.now:.3f} s, {counted}, {len(self.journal)} messages>"]
        lines += [f"  error in a scenario: {type(error).__name__}: {error}" for error in self.errors[-1:]]
        return "\n".join(lines)


class _PlanOf:
    """The one address that a live cloud was told to bind."""

    own_addresses = False

    def __init__(self, host: str) -> None:
        self._host = host

    def cloud(self) -> str:
        return self._host

    def device(self) -> str:
        return self._host

    def network(self, network: str) -> Any:
        raise VoxlabError(f"{network} cannot be mapped: the lab was bound to {self._host} alone")

    def close(self) -> None:
        return


def _now_epoch() -> float:
    import time

    return time.time()


def _check(
    live: bool, bind: str | None, port: int, delay: float, max_calls: int, payloads: str, seed: int | None
) -> None:
    """Refuse what makes no lab, with a sentence."""
    import ipaddress

    if bind is not None and not live:
        raise VoxlabError("bind goes with live=True: the simulated world has no sockets")
    if bind is not None:
        try:
            address = ipaddress.ip_address(bind)
        except ValueError:
            raise VoxlabError(f"bind takes an IP address of this machine, not {bind!r}") from None
        if address.is_unspecified:
            raise VoxlabError(
                f"bind={bind!r} would listen everywhere and answer from any address: name one address of this machine"
            )
    if not 0 <= port <= 65_534:
        raise VoxlabError(f"port takes 0 to 65534 (TLS has the next one), not {port}")
    if not 0 <= delay < 60:
        raise VoxlabError(f"delay takes seconds, 0 to 60, not {delay!r}")
    if max_calls < 0:
        raise VoxlabError(f"max_calls takes 0 or more, not {max_calls}")
    if payloads not in ("all", "headers", "none"):
        raise VoxlabError(f"payloads takes 'all', 'headers' or 'none', not {payloads!r}")
    if seed is not None and not isinstance(seed, int):
        raise VoxlabError(f"seed takes a whole number or None, not {seed!r}")
