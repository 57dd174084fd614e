"""The handle of a phone: dial, answer, decline, hang up, and what its display says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from voxlab.base.errors import VoxlabError
from voxlab.dialog import events as leg_events
from voxlab.elements.phone import Input
from voxlab.elements.registrant import State as Registration
from voxlab.elements.user_agent import Incoming
from voxlab.host.phone import PhoneMachine, PhoneSettings, Pings
from voxlab.lab.blocking import Aio, Steps, Submit, Wait, blocking
from voxlab.lab.call import Call
from voxlab.lab.fault_knobs import PHONE
from voxlab.lab.phone_actions import PhoneActions
from voxlab.lab.phone_options import PhoneOptions, source_of, updated
from voxlab.sip.grammar import is_token

if TYPE_CHECKING:
    from voxlab.base.datagram import Address
    from voxlab.lab.lab import Lab
    from voxlab.lab.user import User


_REBUILT = ("transport", "password", "nat", "keep_alive", "keep_alive_every_s", "path_mtu_bytes", "symmetric_rtp")
"""What cannot change in a machine that runs."""


class Phone(PhoneActions):
    """A simulated SIP phone; get one with ``user.phone()``.

    Attributes
    ----------
    title : str
        What ladders call it: the user's name, with the domain where two applications have a user of that name.
    """

    fault_knobs = PHONE

    def __init__(self, lab: Lab, user: User, name: str, options: PhoneOptions) -> None:
        self.lab = lab
        self.aio = Aio(self)
        self.user = user
        self.name = name
        self.options = options
        self.machine: PhoneMachine | None = None
        self.title = lab.unused_title(user.name if name == "phone" else f"{user.name}-{name}", user.record.domain)
        self._calls: dict[int, Call] = {}

    @property
    def servers(self) -> Mapping[str, Address]:
        """Where it registers, by transport."""
        return self.user.servers

    # -- its machine; everything here runs in the lab's thread

    def build(self) -> None:
        """Make the machine and let it register."""
        lab, user, options = self.lab, self.user.record, self.options
        servers = self.user.servers
        server = servers.get(options.transport)
        if server is None:
            raise VoxlabError(f"the server does not listen on {options.transport}; it has {', '.join(servers)}")
        codecs, profile = options.media
        settings = PhoneSettings(
            user.name,
            user.domain,
            user.name,
            options.password or user.known_password().reveal(),
            server,
            options.transport,
            user.display_name,
            expires_s=options.expires_s,
            codecs=codecs,
            profile=profile,
            pings=Pings(options.pings, options.keep_alive_every_s),
            largest_datagram_bytes=options.largest_datagram_bytes,
        )
        if options.nat is not None and options.nat.lab is not lab:
            raise VoxlabError(
                f"{options.nat.name} is a NAT of another lab: lab.nat({options.nat.name!r}) makes one here"
            )
        place = replace((options.nat or self.user).new_place(self.title), symmetric=options.symmetric_rtp)
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
        self._set_options()
        lab.phones.append(self)
        self.machine.register()

    def _set_options(self) -> None:
        """Tell the machine what the options say of calls to come."""
        machine, options = self._machine(), self.options
        machine.lines.behaviour = options.behaviour
        machine.set_wishes(options.wishes)
        machine.early_media, machine.delayed_offer = options.early_media, options.delayed_offer
        codecs, profile = options.media
        machine.settings = replace(machine.settings, codecs=codecs, profile=profile)

    def set_options(self, options: PhoneOptions) -> None:
        """Take options that were checked, for calls to come."""
        self.options = options
        self._set_options()

    def update(self, given: Mapping[str, Any]) -> None:
        """Take new options; another transport, password, NAT or keep-alive means another machine."""
        before, self.options = self.options, updated(self.options, given)
        machine = self._machine()
        if any(getattr(self.options, name) != getattr(before, name) for name in _REBUILT):
            machine.unregister()  # as far as one request can: a device that is gone need not ring for an hour
            self.discard()
            self.build()
            return
        self._set_options()
        if self.options.expires_s != before.expires_s:
            machine.registrant.expires_s = self.options.expires_s
            machine.register()
        elif machine.registrant.state in (Registration.FAILED, Registration.UNREGISTERED):
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
    def dial(self, target: str, *, headers: Mapping[str, str] | None = None, anonymous: bool = False) -> Steps[Call]:
        """Dial; nothing is on the wire until a blocking method lets time pass.

        Parameters
        ----------
        target : str
            A user's name, a number, or a whole URI such as ``sip:bob@shop.acme.voxlab.test``.
        headers : mapping or None
            X- headers for the INVITE.
        anonymous : bool
            Ask the platform not to tell who calls (``Privacy: user;id``, RFC 3323).

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
        lines = tuple((headers or {}).items())
        yield Submit(self._schedule, (call, (*lines, ("Privacy", "user;id")) if anonymous else lines))
        return call

    def _schedule(self, call: Call, headers: tuple[tuple[str, str], ...]) -> None:
        machine = self._machine()
        machine.target(call.dialled)
        if not machine.lines.can_dial:
            raise VoxlabError(
                f"{self.title} is {machine.phone.state.name.lower()}: hang up first, or put the call on hold"
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
        leg = machine.phone.leg
        yield Submit(machine.command, (Input.HANG_UP,))
        yield Wait(lambda: machine.lines.of_leg(leg) is None, 64.0)

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

    @property
    def state(self) -> str:
        """What the line in hand is doing: idle, dialling, ringback, ringing, answering, talking, held, releasing."""
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
