"""The handle of a phone: dial, answer, decline, hang up, and what its display says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from voxlab.base.errors import SipSyntaxError, VoxlabError
from voxlab.dialog import events as leg_events
from voxlab.elements.phone import Behaviour, Input
from voxlab.elements.registrant import State as Registration
from voxlab.elements.user_agent import Incoming
from voxlab.host.phone import PhoneMachine, PhoneSettings
from voxlab.lab.blocking import Aio, Steps, Submit, Wait, blocking
from voxlab.lab.call import Call
from voxlab.sip.grammar import is_token
from voxlab.sip.uri import Uri

if TYPE_CHECKING:
    from voxlab.lab.lab import Lab
    from voxlab.lab.user import User
    from voxlab.media.sources import Source

TRANSPORTS = ("UDP", "TCP", "TLS")
SILENCE = "silence"


@dataclass(frozen=True)
class PhoneOptions:
    """What can be said about a phone; see ``User.phone``."""

    answer_after_s: float | None = None
    busy: bool = False
    decline: bool = False
    ring: bool = True
    patience_s: float | None = None
    transport: str = "UDP"
    audio: Any = None
    password: str | None = None

    @property
    def behaviour(self) -> Behaviour:
        """The part that the phone's table works with."""
        return Behaviour(self.answer_after_s, self.busy, self.decline, self.ring, self.patience_s)

    def __repr__(self) -> str:
        said = (
            f"{item.name}={getattr(self, item.name)!r}"
            for item in fields(self)
            if item.name != "password" and getattr(self, item.name) != item.default
        )
        return f"PhoneOptions({', '.join(said)})"


def updated(options: PhoneOptions, given: Mapping[str, Any]) -> PhoneOptions:
    """Return options with some replaced, each checked.

    Raises
    ------
    VoxlabError
        For a time below zero, an unknown transport, or audio that is none.
    """
    changed = replace(options, **given)
    for name, value in (("answer_after", changed.answer_after_s), ("gives_up_after", changed.patience_s)):
        if value is not None and not value >= 0:
            raise VoxlabError(f"{name} takes lab seconds, 0 or more, not {value!r}")
    transport = str(changed.transport).upper()
    if transport not in TRANSPORTS:
        raise VoxlabError(f"a phone speaks {', '.join(TRANSPORTS)}; {changed.transport!r} is none of them")
    if changed.busy and changed.decline:
        raise VoxlabError("a phone is either busy (486) or declines (603), not both")
    if changed.audio is not None and changed.audio != SILENCE:
        source_of(changed.audio)
    return replace(changed, transport=transport)


def source_of(audio: Any) -> Source | None:
    """Return the source for what a phone is to say; without a word about it, the sample "hello"."""
    from voxlab.media import sources

    if isinstance(audio, str) and audio == SILENCE:
        return None
    if isinstance(audio, sources.Source):
        return audio
    try:
        if audio is None or isinstance(audio, str):
            return sources.speech(audio or "hello").looped()
        return sources.from_samples(audio)
    except (ValueError, TypeError) as error:
        raise VoxlabError(f"this cannot be said: {error}") from None


class Phone:
    """A simulated SIP phone; get one with ``user.phone()``.

    Attributes
    ----------
    title : str
        What ladders call it: the user's name, with the domain where two applications have a user of that name.
    """

    def __init__(self, lab: Lab, user: User, name: str, options: PhoneOptions) -> None:
        self.lab = lab
        self.aio = Aio(self)
        self.user = user
        self.name = name
        self.options = options
        self.machine: PhoneMachine | None = None
        self.title = lab.unused_title(user.name if name == "phone" else f"{user.name}-{name}", user.record.domain)
        self._calls: dict[int, Call] = {}

    # -- its machine; everything here runs in the lab's thread

    def build(self) -> None:
        """Make the machine and let it register."""
        lab, user, options = self.lab, self.user.record, self.options
        server = lab.cloud.addresses.get(options.transport)
        if server is None:
            raise VoxlabError(
                f"the cloud does not listen on {options.transport}; it has {', '.join(lab.cloud.addresses)}"
            )
        settings = PhoneSettings(
            user.name,
            user.domain,
            user.name,
            options.password or user.known_password().reveal(),
            server,
            options.transport,
            user.display_name,
        )
        place = lab.new_place(self.title)
        self.machine = PhoneMachine(
            place,
            settings,
            options.behaviour,
            lambda: source_of(self.options.audio),
            timers=lab.timers,
            watch=self._watch,
            port=lab.installation.phone_port,
            wire_journal=lab.installation.wire_journal,
            identity=None,
        )
        lab.phones.append(self)
        self.machine.register()

    def update(self, given: Mapping[str, Any]) -> None:
        """Take new options; another transport or password means another machine."""
        before, self.options = self.options, updated(self.options, given)
        machine = self._machine()
        if self.options.transport != before.transport or self.options.password != before.password:
            machine.unregister()  # as far as one request can: a device that is gone need not ring for an hour
            self.discard()
            self.build()
            return
        machine.phone.behaviour = self.options.behaviour
        if machine.registrant.state in (Registration.FAILED, Registration.UNREGISTERED):
            machine.register()

    def discard(self) -> None:
        """Take the machine down."""
        if self.machine is not None:
            self.machine.close()
            self.machine = None
            self.lab.phones.remove(self)
        for call in self._calls.values():
            call.cut_off()
        self._calls.clear()

    def _machine(self) -> PhoneMachine:
        self.lab.refuse_closed()
        if self.machine is None:
            raise VoxlabError(f"the phone {self.title} was closed; get it again with user.phone({self.name!r})")
        return self.machine

    def settled(self) -> bool:
        """Whether the registration has come to a result."""
        machine = self.machine
        return machine is None or machine.registrant.state in (
            Registration.REGISTERED,
            Registration.FAILED,
            Registration.BACKING_OFF,
            Registration.UNREGISTERED,
        )

    def _watch(self, event: Any, now: float) -> None:
        call = self._calls.get(getattr(event, "leg", 0))
        if call is not None:
            call.take(event)
        if isinstance(event, Incoming):
            self.lab.incoming_leg(self, event)
        elif isinstance(event, (leg_events.Failed, leg_events.Ended)):
            self._calls.pop(event.leg, None)

    # -- what a person does with it

    @blocking
    def dial(self, target: str, *, headers: Mapping[str, str] | None = None) -> Steps[Call]:
        """Dial; nothing is on the wire until a blocking method lets time pass.

        Parameters
        ----------
        target : str
            A user's name, a number, or a whole URI such as ``sip:bob@shop.acme.voxlab.test``.
        headers : mapping or None
            X- headers for the INVITE.

        Returns
        -------
        Call
            The whole call: ``call.wait("connected")``.

        Raises
        ------
        VoxlabError
            When the line is in use, or for a target that cannot be dialled.
        """
        given: object = target
        if not isinstance(given, str) or not given or any(ord(each) < 33 for each in given):
            raise VoxlabError(f"{target!r} cannot be dialled: give a name, a number or a URI without spaces")
        for name, value in (headers or {}).items():
            if not name.lower().startswith("x-") or not is_token(name) or "\n" in value or "\r" in value:
                raise VoxlabError(f"{name!r}: a phone adds X- headers of one line only")
        call = Call(self.lab, phone=self, dialled=target)
        yield Submit(self._schedule, (call, tuple((headers or {}).items())))
        return call

    def _schedule(self, call: Call, headers: tuple[tuple[str, str], ...]) -> None:
        machine = self._machine()
        try:
            Uri.parse(machine.target(call.dialled))
        except SipSyntaxError as error:
            raise VoxlabError(f"{call.dialled!r} cannot be dialled: {error.reason}") from None
        if not machine.phone.allows(Input.DIAL):
            raise VoxlabError(
                f"{self.title} is {machine.phone.state.name.lower()}: hang up first, a phone has one line"
            )
        for other in [each for each in self._waiting if each.phone is self]:
            # Dialled again before time passed, as when a cell is run twice: the number dialled last counts.
            other.fail(VoxlabError(f"{self.title} dialled {call.dialled} before this call was on the wire"))
        self._waiting.append(call)
        self.lab.world.loop.call_soon(self._go, call, headers)

    @property
    def _waiting(self) -> list[Call]:
        return self.lab.dialled

    def _go(self, call: Call, headers: tuple[tuple[str, str], ...]) -> None:
        self._waiting.remove(call)
        if not call.pending:
            return
        try:
            leg = self._machine().dial(call.dialled, headers)
        except VoxlabError as error:
            call.fail(error)
            return
        self._calls[leg] = call
        call.began(leg)

    @blocking
    def answer(self) -> Steps[None]:
        """Pick up, and wait for the caller's ACK.

        Raises
        ------
        VoxlabError
            When nobody is calling.
        """
        machine = self._machine()
        yield Submit(machine.command, (Input.PICK_UP,))
        yield Wait(lambda: machine.phone.state.name != "ANSWERING", 64.0)

    @blocking
    def decline(self) -> Steps[None]:
        """Refuse the call that rings, with 603."""
        yield Submit(self._machine().command, (Input.DECLINE,))

    @blocking
    def hang_up(self) -> Steps[None]:
        """End the call in hand; does nothing when there is none."""
        machine = self._machine()
        yield Submit(machine.command, (Input.HANG_UP,))
        yield Wait(lambda: machine.phone.state.name == "IDLE", 64.0)

    @blocking
    def unregister(self) -> Steps[None]:
        """Take the registration away."""
        yield Submit(self._machine().unregister)
        yield Wait(self.settled, 64.0)

    @blocking
    def register(self) -> Steps[None]:
        """Register again, or refresh at once."""
        yield Submit(self._machine().register)
        yield Wait(self.settled, 64.0)

    @blocking
    def send_message(self, text: str) -> Steps[None]:
        """Send a text MESSAGE inside the call in hand."""
        yield Submit(self._machine().send, ("MESSAGE", "text/plain;charset=UTF-8", text.encode()))

    @blocking
    def send_info(self, mime_type: str, body: str) -> Steps[None]:
        """Send an INFO inside the call in hand."""
        yield Submit(self._machine().send, ("INFO", mime_type, body.encode()))

    @property
    def state(self) -> str:
        """What it is doing: idle, dialling, ringback, ringing, talking or releasing."""
        return self.machine.phone.state.name.lower() if self.machine else "closed"

    @property
    def registration(self) -> str:
        """Where its registration stands, with the refusal if there was one."""
        if self.machine is None:
            return "closed"
        registrant = self.machine.registrant
        refused = registrant.code >= 300 and registrant.state is not Registration.REGISTERED
        return f"{registrant.state}, {registrant.code} {registrant.reason}" if refused else str(registrant.state)

    @property
    def says(self) -> list[tuple[float, str]]:
        """What its display has shown so far, with lab seconds."""
        return list(self.machine.phone.says) if self.machine else []

    @property
    def address(self) -> str:
        """Where it is."""
        return str(next(iter(self.machine.node.listens.values()))) if self.machine else ""

    @blocking
    def close(self) -> Steps[None]:
        """Take the phone off the network, its registration removed first."""
        if self.machine is not None:
            yield Submit(self.machine.unregister)
            yield Wait(self.settled, 5.0)
            yield Submit(self.discard)
        self.user.drop(self)

    def __repr__(self) -> str:
        said = f", says {self.says[-1][1]!r}" if self.says else ""
        return (
            f"<Phone {self.title} ({self.options.transport} {self.address}): {self.registration}, {self.state}{said}>"
        )
