"""A phone as a machine: a node with one registration, one line, one person's behaviour, and a mouth and an ear (RFC
3261 s.10.2, s.13).

Must not know the lab's handles: who watches it is told through ``watch``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from voxlab.base.datagram import Address, Flow
from voxlab.base.errors import VoxlabError
from voxlab.base.journal import Journal
from voxlab.dialog import events as leg_events
from voxlab.elements.keyring import Keyring
from voxlab.elements.node import Node, NodeEvent
from voxlab.elements.phone import Behaviour, Input, Phone
from voxlab.elements.registrant import Place, Registrant
from voxlab.elements.registrant import State as Registration
from voxlab.elements.user_agent import Incoming
from voxlab.host.host import Host
from voxlab.host.media import MediaPlace
from voxlab.host.plane_ends import terminal as new_terminal
from voxlab.host.terminal import Terminal
from voxlab.host.tracing import traced
from voxlab.net.network import Identity
from voxlab.sip.grammar import quoted
from voxlab.transaction.timers import Timers

if TYPE_CHECKING:
    from voxlab.media.sources import Source

Watch = Callable[[Any, float], None]

CALLS_REMEMBERED = 50
"""Of how many calls that are over a phone keeps what it heard; a minute of G.711 is half a megabyte."""


@dataclass(frozen=True)
class PhoneSettings:
    """What somebody types into a phone.

    Attributes
    ----------
    name : str
        Whose phone: the user part of its address-of-record.
    display_name : str
    domain : str
    username, password : str
        For digest; the repr shows neither.
    server : Address
        Where the platform is.
    transport : str
        "UDP", "TCP" or "TLS".
    expires_s : int
        How long a registration is asked to last.
    """

    name: str
    domain: str
    username: str
    password: str
    server: Address
    transport: str = "UDP"
    display_name: str = ""
    expires_s: int = 3600

    def __repr__(self) -> str:
        return f"PhoneSettings({self.name}@{self.domain} at {self.transport} {self.server})"


class PhoneMachine:
    """One phone in one world.

    Parameters
    ----------
    place : MediaPlace
        Its owner name, its address, its world.
    settings : PhoneSettings
    behaviour : Behaviour
    source : callable
        Returns what it says during a call, None for nothing.
    watch : callable
        Told of every leg event with its time, after the phone itself has acted on it.
    """

    def __init__(
        self,
        place: MediaPlace,
        settings: PhoneSettings,
        behaviour: Behaviour,
        source: Callable[[], Source | None],
        *,
        timers: Timers,
        watch: Watch,
        port: int = 5060,
        wire_journal: Journal | None = None,
        identity: Identity | None = None,
    ) -> None:
        self.place = place
        self.settings = settings
        self._source = source
        self._watch = watch
        self.terminals: dict[int, Terminal] = {}
        self.keyring = Keyring(settings.username, settings.password, place.ids)
        transports = ("UDP", "TCP") if settings.transport == "UDP" else (settings.transport,)
        self.host = Host(place.owner, place.loop, None, self._take, journal=wire_journal, is_ours=place.network.holds)  # type: ignore[arg-type]
        endpoint = place.network.attach(
            place.owner,
            place.host,
            port,
            self.host,
            transports,
            tls_port=port if settings.transport == "TLS" else None,
            identity=identity,
        )
        self.host.endpoint = endpoint
        self.node = self.host.node = Node(
            place.ids,
            endpoint.addresses,
            timers=timers,
            user=settings.name,
            resolve=self._resolve,
            **traced(place.journal, place.owner),
        )
        if settings.transport == "TLS":
            endpoint.expect(settings.server, settings.domain)
        self.phone = Phone(self, behaviour)
        self.host.also_wake(self.phone.next_timeout, self.phone.handle_timeout)
        self.registrant = self._new_registrant()
        self.node.add_client(self.registrant)
        self._early: set[int] = set()
        self._past: deque[int] = deque()

    def _new_registrant(self) -> Registrant:
        settings = self.settings
        return Registrant(
            Place(
                f"sip:{settings.name}@{settings.domain}", self.node.contact(self.server_flow)[1:-1], self.server_flow
            ),
            self.keyring,
            self.place.ids,
            expires_s=settings.expires_s,
        )

    @property
    def server_flow(self) -> Flow:
        """The way to the platform."""
        settings = self.settings
        return Flow(settings.transport, self.node.listens[settings.transport], settings.server)

    def _resolve(self, host: str) -> str | None:
        return self.settings.server.host if host == self.settings.domain else None

    @property
    def now(self) -> float:
        """Lab seconds."""
        return self.place.loop.time()

    # -- commands

    def register(self) -> None:
        """Register, or refresh at once."""
        self.registrant.register(self.now)
        self.host.flush()

    def unregister(self) -> None:
        """Take the registration away."""
        self.registrant.unregister(self.now)
        self.host.flush()

    @property
    def registration(self) -> Registration:
        """Where the registration stands."""
        return self.registrant.state

    def target(self, dialled: str) -> str:
        """Return the URI for what somebody types: a name or number of our own domain, or a whole URI."""
        if dialled.startswith(("sip:", "sips:", "tel:")):
            return dialled
        return f"sip:{dialled}" if "@" in dialled else f"sip:{dialled}@{self.settings.domain}"

    def dial(self, dialled: str, headers: Iterable[tuple[str, str]] = ()) -> int:
        """Dial, and return the leg's number; the line must be free."""
        if not self.phone.allows(Input.DIAL):
            raise VoxlabError(
                f"{self.place.owner} is {self.phone.state.name.lower()}: hang up first, a phone has one line"
            )
        settings = self.settings
        terminal = new_terminal(self.place, self._source)
        name = f"{quoted(settings.display_name)} " if settings.display_name else ""
        target = self.target(dialled)
        leg = self.node.user_agent.dial(
            target,
            self.server_flow,
            from_=f"{name}<sip:{settings.name}@{settings.domain}>",
            offer=terminal.offer(),
            headers=tuple(headers),
            credentials=self.keyring,
            now=self.now,
        )
        self.terminals[leg] = terminal
        session = self.node.user_agent.session(leg)
        terminal.label(call_id=session.call_id if session else "")
        self.phone.receive(Input.DIAL, leg, self.now, target)
        self.host.flush()
        return leg

    def command(self, given: Input) -> None:
        """Pick up, decline or hang up."""
        if not self.phone.allows(given):
            raise VoxlabError(f"{self.place.owner} is {self.phone.state.name.lower()}: nobody is calling")
        self.phone.receive(given, self.phone.leg, self.now)
        self.host.flush()

    def send(self, method: str, content_type: str, body: bytes) -> None:
        """Send an INFO or MESSAGE inside the call in hand."""
        self.node.user_agent.send(self.phone.leg, self.now, method, content_type, body)
        self.host.flush()

    # -- what the phone's table commands (the Line protocol)

    def alert(self, leg: int, now: float) -> None:
        """Let the caller hear ringing."""
        self.node.user_agent.ring(leg, now)

    def accept(self, leg: int, now: float) -> bool:
        """Answer with our SDP; a call without a common codec is refused with 488."""
        session = self.node.user_agent.session(leg)
        terminal = self.terminals.get(leg)
        if session is None or terminal is None:
            return False
        if session.invite.sdp is not None:
            self.node.user_agent.answer(leg, now, sdp=terminal.answer())
        else:
            self.node.user_agent.answer(leg, now, sdp=terminal.offer())
        return True

    def refuse(self, leg: int, now: float, status: int) -> None:
        """Refuse a call."""
        self.node.user_agent.reject(leg, now, status)

    def release(self, leg: int, now: float) -> None:
        """End a call."""
        self._hush(leg)
        self.node.user_agent.hang_up(leg, now)

    # -- events of the node

    def _take(self, event: NodeEvent, now: float) -> None:
        action = _ACTIONS.get(type(event))
        if action is not None:
            action(self, event, now)
        self._watch(event, now)

    def _incoming(self, event: Incoming, now: float) -> None:
        request = event.request
        caller = request.from_
        offer = request.sdp
        terminal = new_terminal(self.place, self._source)
        if offer is not None and not terminal.take_offer(offer):
            terminal.release()
            self.node.user_agent.reject(event.leg, now, 488)
            return
        terminal.label(call_id=request.call_id)
        self.terminals[event.leg] = terminal
        self.phone.receive(Input.CALL_IN, event.leg, now, caller.uri.user or str(caller.uri))

    def _progress(self, event: leg_events.Progress, now: float) -> None:
        terminal = self.terminals.get(event.leg)
        description = event.response.sdp
        if (
            terminal is not None
            and description is not None
            and event.leg not in self._early
            and terminal.take_answer(description)
        ):
            self._early.add(event.leg)
        text = "ringing" if event.status == 180 else f"{event.status} {event.response.reason}"
        self.phone.receive(Input.PROGRESS, event.leg, now, text)

    def _answered(self, event: leg_events.Answered, now: float) -> None:
        terminal = self.terminals.get(event.leg)
        description = event.response.sdp
        if terminal is None or description is None or not terminal.take_answer(description):
            self.phone.receive(Input.HANG_UP, event.leg, now)
            return
        self.phone.receive(Input.ANSWERED, event.leg, now)

    def _confirmed(self, event: leg_events.Confirmed, now: float) -> None:
        terminal = self.terminals.get(event.leg)
        description = event.ack.sdp if event.ack.body else None
        if terminal is not None and description is not None:
            terminal.take_answer(description)
        self.phone.receive(Input.ANSWERED, event.leg, now)

    def _failed(self, event: leg_events.Failed, now: float) -> None:
        self._gone(event.leg)
        self.phone.receive(Input.FAILED, event.leg, now, f"{event.status} {event.reason}")

    def _ended(self, event: leg_events.Ended, now: float) -> None:
        self._gone(event.leg)
        self.phone.receive(Input.ENDED, event.leg, now)

    def _offered(self, event: leg_events.OfferReceived, now: float) -> None:
        terminal = self.terminals.get(event.leg)
        description = event.request.sdp
        if terminal is None or (description is not None and not terminal.take_offer(description)):
            self.node.user_agent.refuse_offer(event.leg, now)
            return
        sdp = terminal.answer() if description is not None else terminal.offer()
        self.node.user_agent.answer_offer(event.leg, now, sdp)

    def _hush(self, leg: int) -> None:
        terminal = self.terminals.get(leg)
        if terminal is not None:
            terminal.stop()

    def _gone(self, leg: int) -> None:
        terminal = self.terminals.get(leg)
        self._early.discard(leg)
        if terminal is None:
            return
        terminal.close()
        self._past.append(leg)
        if len(self._past) > CALLS_REMEMBERED:
            del self.terminals[self._past.popleft()]

    # -- the end

    def close(self) -> None:
        """Stop; ports and sockets are given back."""
        for terminal in self.terminals.values():
            terminal.stop()
            terminal.release()
        self.host.close()

    def __repr__(self) -> str:
        return f"PhoneMachine({self.place.owner}: {self.registrant.state}, {self.phone!r})"


_ACTIONS: Mapping[type, Callable[[PhoneMachine, Any, float], None]] = {
    Incoming: PhoneMachine._incoming,
    leg_events.Progress: PhoneMachine._progress,
    leg_events.Answered: PhoneMachine._answered,
    leg_events.Confirmed: PhoneMachine._confirmed,
    leg_events.Failed: PhoneMachine._failed,
    leg_events.Ended: PhoneMachine._ended,
    leg_events.OfferReceived: PhoneMachine._offered,
}
