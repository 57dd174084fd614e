"""What a person does with a phone that has a call, or with none: hold, transfer, keys, messages, presence, faults."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from voxlab.base.errors import VoxlabError
from voxlab.elements.event_state import PACKAGES
from voxlab.elements.phone import Input
from voxlab.faults.temper import Temper
from voxlab.host.phone import PhoneMachine
from voxlab.lab.blocking import Run, Steps, Submit, Wait, blocking
from voxlab.lab.faulty import Faulty
from voxlab.media.dtmf_relay import RELAY, relay_body

if TYPE_CHECKING:
    from voxlab.lab.explanation import Explanation
    from voxlab.lab.phone_options import PhoneOptions

KEYS = frozenset("0123456789*#ABCD")
KEY_MS = 160


class PhoneActions(Faulty):
    """What a ``Phone`` can do beyond dialling and answering."""

    fault_kinds = ("phone",)
    title: str
    options: PhoneOptions
    machine: PhoneMachine | None

    def _machine(self) -> PhoneMachine:
        """Return what it runs on."""
        raise NotImplementedError

    @blocking
    def hold(self) -> Steps[None]:
        """Put the call in hand on hold (a re-INVITE with a=sendonly), and wait until the other end has answered.

        Raises
        ------
        VoxlabError
            When there is no call, or the other end refuses.
        """
        yield from self._changed(Input.HOLD, "HELD")

    @blocking
    def resume(self) -> Steps[None]:
        """Take the call on hold back, and wait until the other end has answered; a call in hand goes on hold."""
        yield from self._changed(Input.RESUME, "TALKING")

    def _changed(self, given: Input, wanted: str) -> Steps[None]:
        machine = self._machine()
        yield Submit(machine.command, (given,))
        line = machine.phone
        yield Wait(lambda: not machine.changing(line.leg), 64.0)
        if line.state.name not in {wanted, "IDLE", "RELEASING"}:
            raise VoxlabError(f"{self.title}: {self.says[-1][1]}")

    @blocking
    def transfer(self, to: str | None = None) -> Steps[None]:
        """Transfer a call, and wait until it is known how that went.

        Parameters
        ----------
        to : str or None
            Blind transfer of the call in hand to a user's name, a number or a URI (RFC 5589 s.6). None joins the call
            that waits on hold with the one in hand: attended transfer (RFC 5589 s.7).

        Raises
        ------
        VoxlabError
            When there is no call to transfer, or the transfer fails: then the call goes on.
        """
        machine = self._machine()
        if to is None:
            leg, other = machine.lines.pair()
            yield Submit(machine.join_calls, (leg, other))
        else:
            leg = machine.phone.leg
            yield Submit(machine.transfer_call, (to,))
        yield Wait(lambda: not machine.transferring(leg), 80.0)
        line = machine.lines.of_leg(leg)
        if line is not None and line.state.name in {"TALKING", "HELD"}:
            raise VoxlabError(f"{self.title}: {self.says[-1][1]}")

    @blocking
    def send_message(self, text: str, to: str | None = None) -> Steps[None]:
        """Send a text MESSAGE: inside the call in hand, or to whom ``to`` names, and then wait for the answer.

        Raises
        ------
        VoxlabError
            When the message cannot be delivered.
        """
        machine = self._machine()
        if to is None:
            yield Submit(machine.send, ("MESSAGE", "text/plain;charset=UTF-8", text.encode()))
        else:
            yield from self._outside(machine, machine.send_message, (to, text))

    def _outside(self, machine: PhoneMachine, send: Callable[..., int], arguments: tuple[Any, ...]) -> Steps[None]:
        """Send a request outside calls, and wait for its answer."""
        number = yield Submit(send, arguments)
        results = machine.events.results
        yield Wait(lambda: number in results, 64.0)
        status = results.pop(number, 408)
        if status >= 300:
            raise VoxlabError(f"{self.title}: refused with {status}")

    @blocking
    def send_digits(self, digits: str) -> Steps[None]:
        """Press keys in the call in hand: ``0123456789*#ABCD``, and a comma for a second's pause.

        They go as telephone events (RFC 4733), or as sound where the other side takes none or with ``dtmf="inband"``;
        with ``dtmf="info"`` each is told by INFO (application/dtmf-relay, in no RFC; RFC 6086).
        """
        if self.options.dtmf != "info":
            yield Submit(lambda: self._machine().send_digits(digits))
            return
        if not digits or set(digits.upper()) - KEYS - {","}:
            raise VoxlabError(f"the keys of a phone are {''.join(sorted(KEYS))}, not {digits!r}")
        for key in digits.upper():
            if key == ",":
                yield Run(1.0)
                continue
            yield Submit(self._machine().send, ("INFO", RELAY, relay_body(key, KEY_MS)))
            yield Run(KEY_MS / 1000)

    @blocking
    def watch(self, target: str, package: str = "presence", *, expires: int = 3600) -> Steps[None]:
        """Subscribe to somebody's state, and wait for the first notification; see ``told``.

        Parameters
        ----------
        target : str
            A user's name, or a URI.
        package : {"presence", "dialog", "message-summary"}
        expires : int
            For how many seconds; it is refreshed before that.

        Raises
        ------
        VoxlabError
            When the subscription is refused.
        """
        machine = self._machine()
        if package not in PACKAGES:
            raise VoxlabError(f"there is no package {package!r} to watch; there are {', '.join(PACKAGES)}")
        subscriber = yield Submit(machine.watch, (package, target, expires))
        yield Wait(lambda: subscriber.state.name != "NOTIFY_WAIT", 64.0)
        if subscriber.is_over:
            raise VoxlabError(f"{self.title}: {self.says[-1][1]}")

    @blocking
    def unwatch(self, target: str, package: str = "presence") -> Steps[None]:
        """End a subscription, and wait for its last notification."""
        subscriber = yield Submit(self._machine().unwatch, (package, target))
        yield Wait(lambda: subscriber is None or subscriber.is_over, 64.0)

    @blocking
    def publish(self, note: str = "", *, available: bool = True) -> Steps[None]:
        """Publish this user's presence: available or not, with a note (RFC 3903), and wait for the answer."""
        machine = self._machine()
        yield from self._outside(machine, machine.publish, (note, available))

    @property
    def told(self) -> list[tuple[float, str, str, str]]:
        """What subscriptions have told: lab seconds, package, whose, the document."""
        if self.machine is None:
            return []
        return [
            (at, told.package, told.target, told.body.decode("utf-8", "replace"))
            for at, told in self.machine.events.told
        ]

    @property
    def messages(self) -> list[tuple[float, str, str]]:
        """The messages that came outside calls: lab seconds, from whom, the text."""
        return [(at, sender, text) for at, sender, text in self.machine.events.messages] if self.machine else []

    @blocking
    def send_info(self, mime_type: str, body: str) -> Steps[None]:
        """Send an INFO inside the call in hand."""
        yield Submit(self._machine().send, ("INFO", mime_type, body.encode()))

    def explain(self) -> Explanation:
        """Say why it is registered or is not; why a call of it failed, that call says: ``call.explain()``."""
        settings = self._machine().settings
        return self.lab.explain_registration(f"{settings.name}@{settings.domain}")

    @property
    def fault_place(self) -> str:
        """What its faults are noted under."""
        return self.title

    def _temper(self) -> Temper | None:
        return None if self.machine is None else self.machine.host.faulty()

    def _about_to_treat(self) -> None:
        if self.machine is not None:
            self.machine.speak_until_now()

    def _treated(self) -> None:
        if self.machine is not None:
            self.machine.treated()

    @property
    def says(self) -> list[tuple[float, str]]:
        """What its display has shown so far, with lab seconds."""
        return list(self.machine.lines.says) if self.machine else []
