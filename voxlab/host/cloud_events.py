"""What the cloud does outside calls: presence, message summaries, dialog states, and messages from user to user.

RFC 3856, RFC 3903, RFC 4235, RFC 3842, RFC 3428. Must not know scenarios: it looks at registrations and legs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from voxlab.base.datagram import Flow
from voxlab.base.errors import SipSyntaxError
from voxlab.dialog import events as leg_events
from voxlab.dialog.subscription import StateTold
from voxlab.dialog.tables import State
from voxlab.elements.event_state import EventState, dialog_info, message_summary, presence
from voxlab.elements.location import LocationService
from voxlab.elements.node import Node
from voxlab.elements.subscriptions import Asked, Subscriptions
from voxlab.host.ends.place import MediaPlace
from voxlab.platform.policy import Caller, PlatformPolicy
from voxlab.sip.message import Request, Response
from voxlab.transaction.events import RequestArrived

_KEPT = ("content-type", "priority", "x-", "subject", "date")
_DIALOG_STATES = {
    State.CALLING: "trying", State.PROCEEDING: "early", State.INCOMING: "early", State.ANSWERED: "confirmed",
    State.CONNECTED: "confirmed",
}  # fmt: skip


class Directory(Protocol):
    """Where a user's devices are."""

    def contacts_of(self, aor: str) -> Sequence[tuple[str, Flow, tuple[str, ...]]]:
        """Return the contacts of an address-of-record, each with the flow that reaches it and the Path on the way."""


class CloudEvents:
    """Subscriptions and messages at the cloud.

    Parameters
    ----------
    place : MediaPlace
    node : Node
    policy : PlatformPolicy
        Knows who asks.
    location : LocationService
        Knows who is registered.
    directory : Directory
    flush : callable
        Has sent what is to be sent.
    """

    def __init__(
        self,
        place: MediaPlace,
        node: Node,
        policy: PlatformPolicy,
        location: LocationService,
        directory: Directory,
        flush: Callable[[], None],
    ) -> None:
        self._place = place
        self._node = node
        self._policy = policy
        self._location = location
        self._directory = directory
        self._flush = flush
        self._version = 0
        self._kept = False
        agent = node.user_agent
        self.subscriptions = Subscriptions(
            agent,
            place.ids.fork("subscriptions"),
            node.contact,
            self._told,
            state=EventState(place.ids.fork("publications"), self._known),
            may=self._may,
            changed=self._timers_changed,
        )
        agent.services["MESSAGE"] = self._message

    def _timers_changed(self) -> None:
        """Let the node keep its deadlines, from the first subscription on: until then it costs nothing."""
        if not self._kept:
            self._kept = True
            self._node.keep(self.subscriptions)
        self._node.housekeeping_changed = True

    def _told(self, told: StateTold, now: float) -> None:
        """Take nothing: the cloud subscribes to nothing."""

    def _may(self, request: Request, flow: Flow, now: float) -> Asked:
        """Let users of an account ask for each other; anybody else is challenged or refused."""
        caller = self._policy.caller(request, flow, now)
        if not isinstance(caller, Caller):
            return Asked("", caller.status, caller.headers)
        try:
            uri, _ = request.uri, request.to
        except SipSyntaxError as error:
            return Asked("", error.status)
        if uri.scheme not in {"sip", "sips", "tel"}:
            return Asked("", 416)
        application = self._policy.application(request, caller)
        if application is None or (uri.user or "") not in application.users:
            return Asked("", 404)
        if application.account != caller.account:
            return Asked("", 403)
        resource = f"{uri.user}@{application.domain}"
        if request.method == "PUBLISH" and (caller.user is None or caller.user.aor != resource):
            return Asked("", 403)
        return Asked(resource)

    def _known(self, package: str, resource: str) -> bytes:
        if package == "presence":
            return presence(resource, is_open=bool(self._location.lookup(resource, self._place.loop.time())))
        if package == "dialog":
            self._version += 1
            return dialog_info(resource, self._version - 1, self._dialogs(resource))
        return message_summary(resource)

    def _dialogs(self, resource: str) -> list[tuple[str, str]]:
        found = []
        for session in self._node.user_agent.sessions():
            dialog = session.dialog
            state = _DIALOG_STATES.get(session.state)
            if dialog is not None and state is not None and f"sip:{resource}>" in dialog.remote:
                found.append((session.call_id, state))
        return found

    # -- what changes

    def registration_changed(self, aor: str) -> None:
        """Tell who watches that somebody has come or gone."""
        if len(self.subscriptions):
            self.subscriptions.changed("presence", aor, self._place.loop.time())
            self._place.loop.call_soon(self._flush)

    def leg_changed(self, event: leg_events.LegEvent) -> None:
        """Tell who watches that somebody rings, talks or has hung up."""
        if not len(self.subscriptions):
            return
        kinds = (leg_events.Progress, leg_events.Answered, leg_events.Confirmed, leg_events.Failed, leg_events.Ended)
        if isinstance(event, kinds):
            for resource in self.subscriptions.watched("dialog"):
                self.subscriptions.changed("dialog", resource, self._place.loop.time())

    # -- messages

    def _message(self, event: RequestArrived, now: float) -> None:
        """Pass a message on to every device of whom it is for; the first 200 is the answer (RFC 3428 s.7)."""
        request = event.request
        asked = self._may(request, event.flow, now)
        if asked.status:
            self._node.user_agent.reply(event, asked.status, asked.headers)
            return
        hops = 70 if request.max_forwards is None else request.max_forwards
        contacts = self._directory.contacts_of(asked.resource)
        if hops <= 0 or not contacts:
            self._node.user_agent.reply(event, 483 if hops <= 0 else 480)
            return
        answered = self._first_answer(event, len(contacts))
        headers = tuple((name, value) for name, value in request.headers.items() if name.lower().startswith(_KEPT))
        sender = f"{str(request.from_).partition(';tag=')[0]}"
        for uri, flow, path in contacts:
            routed = (*(("Route", hop) for hop in path), *headers)
            self.subscriptions.send(
                "MESSAGE", uri, flow, now, from_=sender, headers=routed, body=request.body, done=answered,
                max_forwards=hops - 1,
            )  # fmt: skip

    def _first_answer(self, event: RequestArrived, waiting: int) -> Callable[[Response | None, float], None]:
        left = [waiting]

        def answered(response: Response | None, now: float) -> None:
            left[0] -= 1
            status = 408 if response is None else response.status
            if left[0] >= 0 and (status < 300 or left[0] == 0):
                left[0] = -1
                self._node.user_agent.reply(event, status)

        return answered
