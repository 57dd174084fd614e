"""A phone as a machine: a node with one registration, one line, one person's behaviour, and a mouth and an ear (RFC
3261 s.10.2, s.13).

Must not know the lab's handles: who watches it is told through ``watch``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from voxlab.base.datagram import Address, Flow
from voxlab.base.errors import SipSyntaxError, VoxlabError
from voxlab.base.journal import Journal
from voxlab.dialog.media_profile import DEFAULT_PROFILE, MediaProfile
from voxlab.dialog.offer_answer import DEFAULT_CODECS
from voxlab.dialog.subscriber import Subscriber
from voxlab.elements.keyring import Keyring
from voxlab.elements.line_ends import LineEnds
from voxlab.elements.node import Node
from voxlab.elements.phone import Behaviour, Input
from voxlab.elements.pinger import Pinger
from voxlab.elements.registrant import Outbound, Place, Registrant
from voxlab.elements.registrant import State as Registration
from voxlab.elements.user_agent import UserAgent
from voxlab.host.ends.place import MediaPlace
from voxlab.host.ends.plane_ends import terminal as new_terminal
from voxlab.host.ends.terminal import Terminal
from voxlab.host.host import Host
from voxlab.host.phone_calls import CALLS_REMEMBERED, PhoneCalls, Watch
from voxlab.host.phone_events import PhoneEvents
from voxlab.host.tracing import traced
from voxlab.net.network import Identity
from voxlab.sip.grammar import quoted
from voxlab.sip.media_description import Codec
from voxlab.sip.uri import Uri
from voxlab.transaction.timers import Timers
from voxlab.transaction.via import LARGEST_DATAGRAM_BYTES

if TYPE_CHECKING:
    from voxlab.media.sources import Source


class Pings(NamedTuple):
    """How a phone keeps the binding of a NAT alive: "off", "crlf", "options" or "outbound" (RFC 5626), and how often
    line ends and OPTIONS are sent.
    """

    how: str = "off"
    every_s: float = 25.0


NO_PINGS = Pings()
ANY_SIZE = 65_507
"""What a datagram can hold at all."""


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
    codecs : tuple of Codec
        What it speaks, the preferred first.
    profile : MediaProfile
        How its media is carried: SRTP, rtcp-mux, XR, packet time.
    pings : Pings
    largest_datagram_bytes : int
        What is larger goes over TCP.
    """

    name: str
    domain: str
    username: str
    password: str
    server: Address
    transport: str = "UDP"
    display_name: str = ""
    expires_s: int = 3600
    codecs: tuple[Codec, ...] = DEFAULT_CODECS
    profile: MediaProfile = DEFAULT_PROFILE
    pings: Pings = NO_PINGS
    largest_datagram_bytes: int = LARGEST_DATAGRAM_BYTES

    def __repr__(self) -> str:
        return f"PhoneSettings({self.name}@{self.domain} at {self.transport} {self.server})"


class PhoneMachine(PhoneCalls):
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
        super().__init__(place, behaviour, source, watch)
        self.settings = settings
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
        self.host.also_wake(self.lines.next_timeout, self.lines.handle_timeout)
        self.events = PhoneEvents(
            place,
            self.node,
            self.keyring,
            f"{settings.name}@{settings.domain}",
            lambda: self.server_flow,
            lambda at, text: self.lines.says.append((at, text)),
        )
        self.registrant = self._new_registrant()
        self.node.add_client(self.registrant)
        self._keep_alive()

    def _keep_alive(self) -> None:
        """Ping the platform in the way that was chosen; an outbound flow is the registrant's matter."""
        how, every_s = self.settings.pings
        if how == "crlf":
            self.node.add_client(LineEnds(self.server_flow, every_s, lambda: not self.has("no_keep_alive"), self.now))
        elif how == "options":
            domain, name = self.settings.domain, self.settings.name
            ids = self.place.ids.fork("options")
            pinger = Pinger(f"sip:{domain}", self._pinged, f"sip:{name}@{domain}", ids, lambda _: None, every_s=every_s)
            pinger.ask(self.now)
            self.node.add_client(pinger)

    def _pinged(self) -> tuple[Flow, ...]:
        return () if self.has("no_keep_alive") else (self.server_flow,)

    def _new_registrant(self) -> Registrant:
        settings = self.settings
        outbound = None
        if settings.pings.how == "outbound":
            outbound = Outbound(f"urn:uuid:{uuid_of(self.place.ids.fork('instance').token(16))}")
        return Registrant(
            Place(
                f"sip:{settings.name}@{settings.domain}", self.node.contact(self.server_flow)[1:-1], self.server_flow
            ),
            self.keyring,
            self.place.ids,
            expires_s=settings.expires_s,
            outbound=outbound,
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

    def _terminal(self) -> Terminal:
        made = new_terminal(self.place, self._source, self.settings.codecs, self.settings.profile)
        made.temper = lambda: self.host.temper
        return made

    # -- commands

    def send_digits(self, digits: str) -> None:
        """Press keys in the call in hand."""
        terminal = self.terminals.get(self.phone.leg)
        if terminal is None or terminal.closed:
            raise VoxlabError(
                f"{self.place.owner} is {self.phone.state.name.lower()}: there is no call to press keys in"
            )
        try:
            terminal.send_digits(digits)
        except ValueError as error:
            raise VoxlabError(str(error)) from None

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
        """Return the URI for what somebody types: a name or number of our own domain, or a whole URI.

        Raises
        ------
        VoxlabError
            For what is neither.
        """
        if not dialled or any(ord(each) < 33 for each in dialled):
            raise VoxlabError(f"{dialled!r} cannot be dialled: give a name, a number or a URI without spaces")
        if dialled.startswith(("sip:", "sips:", "tel:")):
            target = dialled
        else:
            target = f"sip:{dialled}" if "@" in dialled else f"sip:{dialled}@{self.settings.domain}"
        try:
            Uri.parse(target)
        except SipSyntaxError as error:
            raise VoxlabError(f"{dialled!r} cannot be dialled: {error.reason}") from None
        return target

    def dial(self, dialled: str, headers: Iterable[tuple[str, str]] = ()) -> int:
        """Dial, and return the leg's number; the line must be free, or its call on hold."""
        if not self.lines.can_dial:
            raise VoxlabError(
                f"{self.place.owner} is {self.phone.state.name.lower()}: hang up first, or put the call on hold"
            )
        leg = self.place_call(self.target(dialled), headers)
        self.host.flush()
        return leg

    def place_call(self, target: str, headers: Iterable[tuple[str, str]] = ()) -> int:
        """Send an INVITE on a free line and return the leg's number."""
        settings = self.settings
        self._choose_transport()
        terminal = self._terminal()
        name = f"{quoted(settings.display_name)} " if settings.display_name else ""
        leg = self.node.user_agent.dial(
            target,
            self.server_flow,
            from_=f"{name}<sip:{settings.name}@{settings.domain}>",
            offer=b"" if self.delayed_offer else terminal.offer(),
            headers=tuple(headers),
            credentials=self.keyring,
            wishes=self.wishes,
            now=self.now,
        )
        self._opened(leg, target, terminal, self.now)
        return leg

    def _choose_transport(self) -> None:
        """Say which requests are too large for UDP (RFC 3261 s.18.1.1): for a phone with that fault, none."""
        largest = ANY_SIZE if self.has("stays_on_udp") else self.settings.largest_datagram_bytes
        self.node.layer.largest_datagram_bytes = largest

    @property
    def agent(self) -> UserAgent:
        """The user agent that carries the calls."""
        return self.node.user_agent

    def command(self, given: Input, text: str = "") -> None:
        """Pick up, decline, hang up, hold or resume."""
        if not self.lines.command(given, self.now, text):
            what = (
                "nobody is calling" if given in (Input.PICK_UP, Input.DECLINE) else "there is no call to do that with"
            )
            raise VoxlabError(f"{self.place.owner} is {self.phone.state.name.lower()}: {what}")
        self.host.flush()

    def send(self, method: str, content_type: str, body: bytes) -> None:
        """Send an INFO or MESSAGE inside the call in hand."""
        self.node.user_agent.send(self.phone.leg, self.now, method, content_type, body)
        self.host.flush()

    def hang_up(self, leg: int) -> None:
        """Hang up one call, in hand or not; one that is over stays so."""
        self.lines.receive(Input.HANG_UP, leg, self.now)
        self.host.flush()

    def transfer_call(self, dialled: str) -> None:
        """Transfer the call in hand, blindly."""
        self.transfer_to(self.target(dialled), self.now)
        self.host.flush()

    def join_calls(self, leg: int, other: int) -> None:
        """Join the far ends of two calls of this phone."""
        self.transfer_attended(leg, other, self.now)
        self.host.flush()

    # -- outside calls

    def watch(self, package: str, dialled: str, expires_s: int) -> Subscriber:
        """Subscribe to somebody's state."""
        subscriber = self.events.watch(package, self.target(dialled), expires_s, self.now)
        self.host.flush()
        return subscriber

    def unwatch(self, package: str, dialled: str) -> Subscriber | None:
        """End a subscription."""
        subscriber = self.events.unwatch(package, self.target(dialled), self.now)
        self.host.flush()
        return subscriber

    def publish(self, note: str, available: bool) -> int:
        """Publish our presence, and return the number of the request."""
        number = self.events.publish(note, is_open=available, now=self.now)
        self.host.flush()
        return number

    def send_message(self, dialled: str, text: str) -> int:
        """Send a message outside calls, and return the number of the request."""
        number = self.events.send_message(self.target(dialled), text, self.now)
        self.host.flush()
        return number

    def treated(self) -> None:
        """Look again: a fault has come or gone."""
        for terminal in self.terminals.values():
            if not terminal.closed:
                terminal.treated()
        self.host.flush()

    def speak_until_now(self) -> None:
        """Send the packets that are due: what comes next is another story."""
        for terminal in self.terminals.values():
            terminal.catch_up()

    def has(self, fault: str) -> bool:
        """Whether the phone has this fault switched on."""
        temper = self.host.temper
        return temper is not None and fault in temper.faults

    # -- the end

    def close(self) -> None:
        """Stop; ports and sockets are given back."""
        for terminal in self.terminals.values():
            terminal.stop()
            terminal.release()
        self.host.close()

    def __repr__(self) -> str:
        return f"PhoneMachine({self.place.owner}: {self.registrant.state}, {self.lines!r})"


def uuid_of(digits: str) -> str:
    """Write 32 hexadecimal digits as a UUID (RFC 4122 s.3)."""
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))


__all__ = ["CALLS_REMEMBERED", "PhoneMachine", "PhoneSettings"]
