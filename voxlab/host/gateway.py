"""A gateway to the telephone network: rings telephones without SIP, and says why a call to one fails (RFC 3398 s.7).

Media of its own (ringing tone, announcements, a voice that answers) comes from a ``Terminal`` per call. Must not know
numbers or subscribers: which telephone is called, and what it is like, is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from voxlab.dialog import events as leg_events
from voxlab.elements.node import Node, NodeEvent
from voxlab.elements.user_agent import Incoming
from voxlab.host.ends.place import MediaPlace
from voxlab.host.ends.plane_ends import terminal as new_terminal
from voxlab.host.ends.terminal import Terminal
from voxlab.platform.carrier import CAUSES, PROGRESS, Cause, Telephone

if TYPE_CHECKING:
    from voxlab.media.sources import Source

RINGS_S = 60.0
"""How long a telephone rings that nobody picks up; Q.764's T9 is 90 to 180 s, operators' mailboxes come sooner."""

ANNOUNCEMENT_S = 2.0
_SPECIAL_INFORMATION_HZ = (950.0, 1400.0, 1800.0)  # ITU-T E.180 s.9: three tones before a recorded announcement


class Gateway:
    """The telephones behind a node; ``flush`` sends what was commanded outside an event."""

    def __init__(self, place: MediaPlace, node: Callable[[], Node], flush: Callable[[], None]) -> None:
        self._place = place
        self._node = node
        self._flush = flush
        self._calls: dict[int, Terminal] = {}
        self._ends: list[Terminal] = []
        self._timers: dict[int, asyncio.TimerHandle] = {}

    @property
    def terminals(self) -> list[Terminal]:
        """The audio ends whose ports are not given back yet."""
        self._ends = [end for end in self._ends if not end.released]
        return self._ends

    def ring(self, event: Incoming, telephone: Telephone) -> None:
        """Let a telephone ring, or say that it cannot."""
        terminal = new_terminal(self._place, lambda: _voice(telephone))
        offer = event.request.sdp
        if offer is not None and not terminal.take_offer(offer):
            terminal.release()
            self._node().user_agent.reject(event.leg, self._now, 488)
            return
        terminal.label(call_id=event.request.call_id)
        self._calls[event.leg] = terminal
        self.terminals.append(terminal)
        if telephone.cause is not None:
            self._fail(event.leg, telephone.cause, telephone.announces)
            return
        for status in PROGRESS[telephone.progress]:
            self._progress(event.leg, status)
        if telephone.answer_after_s is None:
            self._later(event.leg, RINGS_S, lambda: self._refuse(event.leg, CAUSES[19]))
        else:
            self._later(event.leg, telephone.answer_after_s, lambda: self._answer(event.leg))

    def take(self, event: NodeEvent) -> None:
        """Take an event of one of the legs."""
        if isinstance(event, leg_events.Confirmed):
            terminal = self._calls.get(event.leg)
            description = event.ack.sdp if event.ack.body else None
            if terminal is not None and description is not None:
                terminal.take_answer(description)
        elif isinstance(event, leg_events.OfferReceived):
            self._offered(event)
        elif isinstance(event, leg_events.RefreshDue):
            self._refresh(event.leg)
        elif isinstance(event, leg_events.ReferReceived):
            self._node().user_agent.refuse_refer(event.leg, self._now, 603)  # a telephone has nothing to transfer with
        elif isinstance(event, (leg_events.Failed, leg_events.Ended)):
            self._over(event.leg)

    def _fail(self, leg: int, cause: Cause, announces: bool) -> None:
        if not announces:
            self._refuse(leg, cause)
            return
        self._progress(leg, 183)
        self._later(leg, ANNOUNCEMENT_S, lambda: self._refuse(leg, cause))

    def _progress(self, leg: int, status: int) -> None:
        """Say that it rings; 183 opens the way for what is heard before the answer (RFC 3960 s.2)."""
        sdp = self._description(leg) if status == 183 else b""
        self._node().user_agent.ring(leg, self._now, status=status, sdp=sdp)

    def _answer(self, leg: int) -> None:
        self._calls[leg].play(_speech())
        self._node().user_agent.answer(leg, self._now, sdp=self._description(leg))

    def _refuse(self, leg: int, cause: Cause) -> None:
        reason = ("Reason", f'Q.850;cause={cause.number};text="{cause.text}"')
        self._node().user_agent.reject(leg, self._now, cause.status, None, (reason,))

    def _description(self, leg: int) -> bytes:
        terminal, session = self._calls[leg], self._node().user_agent.session(leg)
        return terminal.answer() if session is not None and session.invite.sdp is not None else terminal.offer()

    def _offered(self, event: leg_events.OfferReceived) -> None:
        terminal, description = self._calls.get(event.leg), event.request.sdp
        agent = self._node().user_agent
        if terminal is None or (description is not None and not terminal.take_offer(description)):
            agent.refuse_offer(event.leg, self._now)
            return
        agent.answer_offer(event.leg, self._now, terminal.answer() if description is not None else terminal.offer())

    def _refresh(self, leg: int) -> None:
        """Keep a session alive whose refresher we are (RFC 4028 s.7.4)."""
        terminal, session = self._calls.get(leg), self._node().user_agent.session(leg)
        if terminal is not None and session is not None and session.modifiable:
            self._node().user_agent.modify(leg, self._now, sdp=terminal.offer_again())

    @property
    def _now(self) -> float:
        return self._place.loop.time()

    def _later(self, leg: int, delay_s: float, action: Callable[[], None]) -> None:
        def due() -> None:
            del self._timers[leg]
            action()
            self._flush()

        self._timers[leg] = self._place.loop.call_later(delay_s, due)

    def _over(self, leg: int) -> None:
        timer = self._timers.pop(leg, None)
        if timer is not None:
            timer.cancel()
        terminal = self._calls.pop(leg, None)
        if terminal is not None:
            terminal.stop()
            terminal.close()

    def close(self) -> None:
        """Forget every call; ports are given back."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for terminal in self.terminals:
            terminal.stop()
            terminal.release()
        self._calls.clear()


def _voice(telephone: Telephone) -> Source | None:
    """Return what is heard before the answer: an announcement, or the ringing tone of the far network."""
    from voxlab.media import sources

    if telephone.cause is not None:
        return sources.dual_tone(*_SPECIAL_INFORMATION_HZ[:2]) if telephone.announces else None
    return sources.tone(425.0)  # ITU-T E.180 s.4: ringing tone


def _speech() -> Source:
    from voxlab.media import sources

    return sources.speech("hello").looped()
