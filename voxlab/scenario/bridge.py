"""The bridge contract: what happens on one leg when something happens on the other (the reference platform's
``easyProcess``).

b answered -> a is answered; media is joined both ways before that; b rings -> a rings; b sends early audio -> so does
a; MESSAGE and INFO go both ways; a re-INVITE is passed on (``changes``); a REFER is carried out (``transfer``);
either leg's end ends the whole session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from voxlab.base.errors import CallEnded
from voxlab.scenario.events import (
    AudioStarted,
    CallEvent,
    Connected,
    Disconnected,
    Failed,
    InfoReceived,
    MessageReceived,
    Ringing,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxlab.scenario.leg import Leg


async def run(a: Leg, b: Leg) -> None:
    """Join two legs by the contract and return when the session has ended."""
    Contract(a, b).follow()
    await a.session.until_over()


class Contract:
    """The table of the bridge: event type -> what it does to the other leg."""

    def __init__(self, a: Leg, b: Leg) -> None:
        self._a = a
        self._b = b

    def follow(self) -> None:
        """Follow both legs; a change of one is passed on to the other."""
        a, b = self._a, self._b
        for leg, other in ((a, b), (b, a)):
            leg.listeners.follower = self.take
            leg.changes.partner = other

    def take(self, event: CallEvent) -> None:
        """Do to one leg what the contract says of an event of the other."""
        action = _OF.get(type(event))
        if action is not None:
            action(self, event)

    def _other(self, event: CallEvent) -> Leg:
        return self._b if event.call is self._a else self._a

    def _ringing(self, event: Ringing) -> None:
        if event.call is self._b and self._a.state == "ALERTING":
            self._a._ring()

    def _audio_started(self, event: AudioStarted) -> None:
        if event.call is self._b and self._a.state == "ALERTING" and self._b.media is not None:
            self._a.open_media().join(self._b.media)
            self._a._start_early_media(like=self._b.media)

    def _connected(self, event: Connected) -> None:
        a, b = self._a, self._b
        if event.call is not b or b.media is None:
            return
        a.open_media().join(b.media)
        if a.state == "ALERTING":
            a._accept(dict(event.headers), like=b.media)

    def _message(self, event: MessageReceived) -> None:
        other = self._other(event)
        if other.state == "CONNECTED":
            other.session.switchboard.send(other.number, "MESSAGE", "text/plain;charset=UTF-8", event.text.encode())

    def _info(self, event: InfoReceived) -> None:
        other = self._other(event)
        if other.state == "CONNECTED":
            other.session.switchboard.send(other.number, "INFO", event.mime_type, event.body.encode())

    def fail(self, event: Failed) -> None:
        other = self._other(event)
        other.dismiss(event.code if event.code >= 300 else 500, event.reason or None)
        self._end(f"{event.code} {event.reason}")

    def _disconnected(self, event: Disconnected) -> None:
        self._end(event.reason)

    def _end(self, reason: str) -> None:
        """End the whole session; after a transfer the two legs may be of two."""
        self._a.session.end(reason)
        if self._b.session is not self._a.session:
            self._b.session.end(reason)


_OF: dict[type, Callable[[Contract, Any], None]] = {
    Ringing: Contract._ringing,
    AudioStarted: Contract._audio_started,
    Connected: Contract._connected,
    MessageReceived: Contract._message,
    InfoReceived: Contract._info,
    Failed: Contract.fail,
    Disconnected: Contract._disconnected,
}

__all__ = ["CallEnded", "run"]
