"""What a phone does outside calls: it watches others, publishes its own presence, sends and takes messages.

RFC 6665, RFC 3903, RFC 3428. Must not know calls.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from voxlab.base.datagram import Flow
from voxlab.dialog.subscriber import Subscriber
from voxlab.dialog.subscription import StateTold
from voxlab.elements.event_state import LONGEST_S, presence
from voxlab.elements.keyring import Keyring
from voxlab.elements.node import Node
from voxlab.elements.subscriptions import Subscriptions
from voxlab.host.ends.place import MediaPlace
from voxlab.sip.message import Response
from voxlab.transaction.events import RequestArrived

KEPT = 1000


class Message(NamedTuple):
    """A message that came: when, from whom, what."""

    at_s: float
    sender: str
    text: str


class PhoneEvents:
    """The subscriptions and messages of one phone.

    Attributes
    ----------
    told : deque of (float, StateTold)
        What was told, with lab seconds.
    messages : deque of Message
    results : dict of int to int
        The status with which each request of ours was answered, 408 for silence, by its number.
    """

    def __init__(
        self, place: MediaPlace, node: Node, keyring: Keyring, aor: str, flow: Callable[[], Flow],
        say: Callable[[float, str], None],
    ) -> None:  # fmt: skip
        self._place = place
        self._node = node
        self._keyring = keyring
        self._aor = aor
        self._flow = flow
        self._say = say
        self._etag = ""
        self._count = 0
        self._kept = False
        self.told: deque[tuple[float, StateTold]] = deque(maxlen=KEPT)
        self.messages: deque[Message] = deque(maxlen=KEPT)
        self.results: dict[int, int] = {}
        self._watching: dict[tuple[str, str], Subscriber] = {}
        self.subscriptions = Subscriptions(
            node.user_agent, place.ids, node.contact, self._take, changed=self._timers_changed
        )
        node.user_agent.services["MESSAGE"] = self._message

    def _timers_changed(self) -> None:
        """Let the node keep its deadlines, from the first subscription on: until then it costs nothing."""
        if not self._kept:
            self._kept = True
            self._node.keep(self.subscriptions)
        self._node.housekeeping_changed = True

    @property
    def _from(self) -> str:
        return f"<sip:{self._aor}>"

    def _take(self, told: StateTold, now: float) -> None:
        self.told.append((now, told))
        self._say(now, f"{told.package} of {told.target}: {told.state} {told.reason}".rstrip())

    def watch(self, package: str, target: str, expires_s: int, now: float) -> Subscriber:
        """Subscribe to somebody's state; what is watched already is not asked for twice."""
        known = self._watching.get((package, target))
        if known is not None and not known.is_over:
            return known
        subscriber = self.subscriptions.subscribe(
            package, target, self._flow(), now, from_=self._from, credentials=self._keyring, expires_s=expires_s
        )
        self._watching[package, target] = subscriber
        return subscriber

    def unwatch(self, package: str, target: str, now: float) -> Subscriber | None:
        """End a subscription."""
        subscriber = self._watching.pop((package, target), None)
        if subscriber is not None:
            self.subscriptions.unsubscribe(subscriber, now)
        return subscriber

    def publish(self, note: str, *, is_open: bool, now: float) -> int:
        """Publish our presence, in the place of what was published before; returns the request's number."""
        headers = [("Event", "presence"), ("Expires", str(LONGEST_S)), ("Content-Type", "application/pidf+xml")]
        if self._etag:
            headers.append(("SIP-If-Match", self._etag))
        body = presence(self._aor, is_open=is_open, note=note)
        return self._ask("PUBLISH", f"sip:{self._aor}", tuple(headers), body, now)

    def send_message(self, target: str, text: str, now: float) -> int:
        """Send a message outside a call; returns the request's number."""
        headers = (("Content-Type", "text/plain;charset=UTF-8"),)
        return self._ask("MESSAGE", target, headers, text.encode(), now)

    def _ask(self, method: str, target: str, headers: tuple[tuple[str, str], ...], body: bytes, now: float) -> int:
        self._count += 1
        number = self._count

        def done(response: Response | None, at: float) -> None:
            self.results[number] = 408 if response is None else response.status
            if method == "PUBLISH":
                etag = response.headers.get("sip-etag") if response is not None else None
                self._etag = etag or ""

        self.subscriptions.send(
            method, target, self._flow(), now, from_=self._from, headers=headers, body=body,
            credentials=self._keyring, done=done,
        )  # fmt: skip
        return number

    def _message(self, event: RequestArrived, now: float) -> None:
        request = event.request
        self._node.user_agent.reply(event, 200)
        text = request.body.decode("utf-8", "replace")
        sender = request.from_.uri
        self.messages.append(Message(now, sender.user or str(sender), text))
        self._say(now, f"message from {sender.user or sender}: {text}")
