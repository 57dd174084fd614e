"""The subscriptions of one host, and its requests outside dialogs (RFC 6665, RFC 3903, RFC 3428).

Must not know what a resource is: an ``EventState`` knows, and whoever owns the host says who may ask.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from voxlab.base.datagram import Flow
from voxlab.base.errors import SipSyntaxError
from voxlab.base.ids import Ids
from voxlab.dialog.dialog import Header, again, check_lines
from voxlab.dialog.notifier import Notifier
from voxlab.dialog.session import Credentials
from voxlab.dialog.subscriber import Subscriber
from voxlab.dialog.subscription import Respond, Send, StateTold, package_of
from voxlab.elements.event_state import LONGEST_S, PACKAGES, EventState
from voxlab.elements.transaction_user import TransactionUser
from voxlab.sip.message import Request, Response
from voxlab.transaction.events import RequestArrived

MAX_NOTIFIERS = 10_000
Key = tuple[str, str]
Done = Callable[["Response | None", float], None]


class Asked(NamedTuple):
    """Whether somebody may ask: the address-of-record meant, or the refusal."""

    resource: str
    status: int = 0
    headers: tuple[Header, ...] = ()


class May(Protocol):
    """Decides who may subscribe, publish or send a message outside a call."""

    def __call__(self, request: Request, flow: Flow, now: float) -> Asked:
        """Return the resource that is meant, or why not."""


class Subscriptions:
    """What a host does outside calls.

    Parameters
    ----------
    agent : TransactionUser
        Sends and answers, and hands over what belongs here.
    ids : Ids
    contact : callable
        Returns our Contact for a flow.
    told : callable
        Takes what subscriptions of ours tell, with the time.
    state : EventState or None
        What can be subscribed to here; None for a host that only asks.
    may : May or None
    changed : callable
        Told when a deadline may have moved.
    """

    def __init__(
        self,
        agent: TransactionUser,
        ids: Ids,
        contact: Callable[[Flow], str],
        told: Callable[[StateTold, float], None],
        *,
        state: EventState | None = None,
        may: May | None = None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._agent = agent
        self._ids = ids
        self._contact = contact
        self._told = told
        self._state = state
        self._may = may
        self._changed = changed
        self._subscribers: dict[Key, tuple[Subscriber, Flow]] = {}
        self._notifiers: dict[Key, tuple[Notifier, Flow]] = {}
        agent.services["NOTIFY"] = self._notify
        if state is not None:
            agent.services["SUBSCRIBE"] = self._subscribe
            agent.services["PUBLISH"] = self._publish

    # -- housekeeping, in the manner of a register client

    def next_timeout(self) -> float | None:
        """When a subscription is refreshed or lapses, None for never."""
        return min(
            (due for machine, _ in self._machines() if (due := machine.next_timeout()) is not None), default=None
        )

    def handle_timeout(self, now: float) -> None:
        """Let every subscription whose time has come do what is due."""
        for machine, flow in self._machines():
            due = machine.next_timeout()
            if due is not None and due <= now:
                machine.handle_timeout(now)
                self._drain(machine, flow, now)

    def _machines(self) -> list[tuple[Subscriber | Notifier, Flow]]:
        return [*self._subscribers.values(), *self._notifiers.values()]

    def watched(self, package: str) -> list[str]:
        """Return the resources whose state in this package somebody here is told."""
        return list(dict.fromkeys(n.resource for n, _ in self._notifiers.values() if n.package == package))

    # -- asking

    def subscribe(
        self, package: str, target: str, flow: Flow, now: float, *, from_: str, credentials: Credentials | None,
        expires_s: int = LONGEST_S,
    ) -> Subscriber:  # fmt: skip
        """Subscribe to the state of ``target``; what it tells comes to ``told``."""
        check_lines(package, target, from_)
        subscriber = Subscriber(
            package, target, self._ids.tag(), self._contact(flow), self._agent.timers, expires_s=expires_s,
            credentials=credentials,
        )  # fmt: skip
        call_id = self._ids.call_id(flow.local.host)
        self._subscribers[call_id, subscriber.local_tag] = (subscriber, flow)
        subscriber.subscribe(from_, call_id, PACKAGES.get(package, "*/*"), now)
        self._drain(subscriber, flow, now)
        return subscriber

    def unsubscribe(self, subscriber: Subscriber, now: float) -> None:
        """End a subscription of ours."""
        subscriber.unsubscribe(now)
        for machine, flow in [*self._subscribers.values()]:
            if machine is subscriber:
                self._drain(machine, flow, now)

    def send(
        self,
        method: str,
        target: str,
        flow: Flow,
        now: float,
        *,
        from_: str,
        headers: tuple[Header, ...] = (),
        body: bytes = b"",
        credentials: Credentials | None = None,
        done: Done = lambda _response, _now: None,
        max_forwards: int = 70,
    ) -> None:
        """Send a MESSAGE or PUBLISH outside a dialog; ``done`` hears the final response, None for silence.

        A MESSAGE carries no Contact (RFC 3428 s.4).
        """
        check_lines(target, from_, headers=headers)
        lines = [
            ("Max-Forwards", str(max_forwards)),
            ("From", f"{from_};tag={self._ids.tag()}"),
            ("To", f"<{target}>"),
            ("Call-ID", self._ids.call_id(flow.local.host)),
            ("CSeq", f"1 {method}"),
            *headers,
        ]
        self._ask(Request.build(method, target, lines, body), flow, now, credentials, done)

    def _ask(self, request: Request, flow: Flow, now: float, credentials: Credentials | None, done: Done) -> None:
        def answered(response: Response | None, at: float) -> None:
            lines = []
            if response is not None and response.status in {401, 407} and credentials is not None:
                try:
                    lines = credentials.answer(response, request)
                except SipSyntaxError:  # a challenge that nobody can read is a refusal
                    lines = []
            if lines:
                self._ask(again(request, request.cseq + 1, lines), flow, at, None, done)
            else:
                done(response, at)

        self._agent.ask(request, flow, now, answered)

    # -- being asked

    def _subscribe(self, event: RequestArrived, now: float) -> None:
        request = event.request
        known = self._notifiers.get((request.call_id, request.to_tag or ""))
        if known is not None:
            notifier, flow = known
            if notifier.dialog is None or not notifier.dialog.accepts(request):
                self._agent.reply(event, 500)
                return
        elif request.to_tag:
            self._agent.reply(event, 481)
            return
        else:
            made = self._new_notifier(event, now)
            if made is None:
                return
            notifier, flow = made, event.flow
        assert self._state is not None
        notifier.subscribe(request, event.number, self._state.of(notifier.package, notifier.resource, now), now)
        self._drain(notifier, flow, now)

    def _new_notifier(self, event: RequestArrived, now: float) -> Notifier | None:
        request = event.request
        asked = self._asked(event, now)
        if asked is None:
            return None
        if package_of(request) not in PACKAGES:
            self._agent.reply(event, 489, (("Allow-Events", ", ".join(PACKAGES)),))
            return None
        if len(self._notifiers) >= MAX_NOTIFIERS:
            self._agent.reply(event, 503, (("Retry-After", "60"),))
            return None
        contact = self._contact(event.flow)
        notifier = Notifier(request, asked.resource, self._ids.tag(), contact, self._agent.timers, longest_s=LONGEST_S)
        self._notifiers[request.call_id, notifier.local_tag] = (notifier, event.flow)
        return notifier

    def _asked(self, event: RequestArrived, now: float) -> Asked | None:
        """Return the resource that may be asked for; else it is refused already."""
        try:
            asked = self._may(event.request, event.flow, now) if self._may is not None else Asked("", 403)
        except SipSyntaxError as error:
            asked = Asked("", error.status)
        if asked.status:
            self._agent.reply(event, asked.status, asked.headers)
            return None
        return asked

    def _publish(self, event: RequestArrived, now: float) -> None:
        asked = self._asked(event, now)
        if asked is None or self._state is None:
            return
        published = self._state.publish(event.request, asked.resource, now)
        self._agent.reply(event, published.status, published.headers)
        if published.changed:
            self.changed(package_of(event.request), asked.resource, now)

    def changed(self, package: str, resource: str, now: float) -> None:
        """Tell every subscriber of a resource that its state is another one."""
        for notifier, flow in [*self._notifiers.values()]:
            if (notifier.package, notifier.resource) == (package, resource) and self._state is not None:
                notifier.change(self._state.of(package, resource, now), now)
                self._drain(notifier, flow, now)

    def _notify(self, event: RequestArrived, now: float) -> None:
        request = event.request
        known = self._subscribers.get((request.call_id, request.to_tag or ""))
        if known is None or known[0].package != package_of(request):
            self._agent.reply(event, 481)
            return
        subscriber, flow = known
        subscriber.notify(request, event.number, now)
        self._drain(subscriber, flow, now)

    # -- what the machines want

    def _drain(self, machine: Subscriber | Notifier, flow: Flow, now: float) -> None:
        for output in machine.poll():
            if isinstance(output, Send):
                self._send(machine, output, flow, now)
            elif isinstance(output, Respond):
                self._agent.answer_request(output.transaction, output.response, now)
            else:
                self._told(output, now)
        if machine.is_over:
            self._forget(machine)
        self._changed()

    def _send(self, machine: Subscriber | Notifier, output: Send, flow: Flow, now: float) -> None:
        request = output.request

        def answered(response: Response | None, at: float) -> None:
            if isinstance(machine, Notifier):
                machine.refused(response.status if response is not None else 408)
            elif response is None:
                machine.failed(at)
            else:
                machine.response(response, request, at)
            self._drain(machine, flow, at)

        self._agent.ask(request, flow, now, answered, output.next_hop)

    def _forget(self, machine: Subscriber | Notifier) -> None:
        for table in (self._subscribers, self._notifiers):
            for key in [key for key, (kept, _) in table.items() if kept is machine]:
                del table[key]

    def __len__(self) -> int:
        return len(self._subscribers) + len(self._notifiers)
