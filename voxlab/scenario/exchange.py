"""The exchange: gives every call that a rule takes to a new session, and every leg event to the leg that it is about.

Must not know how legs are carried: it is called by the machine below and calls its switchboard.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from voxlab.base.journal import Journal
from voxlab.base.records import (
    LegAnswered,
    LegEnded,
    LegOpened,
    ScenarioFailed,
    ScenarioLog,
    SessionEnded,
    SessionOpened,
)
from voxlab.dialog import events as wire
from voxlab.platform.policy import Target
from voxlab.scenario.leg import Leg
from voxlab.scenario.ports import Switchboard
from voxlab.scenario.session import Session
from voxlab.sip.message import Request

Guard = Callable[[], AbstractContextManager[Any]]


class Exchange:
    """All sessions of one cloud.

    Parameters
    ----------
    switchboard : Switchboard
    journal : Journal
    guard : callable
        Returns the context manager in which the user's code runs.
    ended : callable
        Told of every session whose scenario raised, and of every session that is over.
    heard : callable
        Takes every line that a scenario prints.
    """

    def __init__(
        self,
        journal: Journal,
        guard: Guard,
        watched: Callable[..., Any],
        host: str,
        ended: Callable[[Session], None],
        heard: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self.switchboard: Switchboard
        self.sessions: dict[int, Session] = {}
        self.last_number = 0
        self._journal = journal
        self._guard = guard
        self._watched = watched
        self._host = host
        self._ended = ended
        self._heard = heard
        self._legs: dict[int, Leg] = {}

    # -- from the machine below

    def incoming(self, number: int, request: Request, target: Target, flow: Any) -> None:
        """Open a session for a call that a rule takes, and run its scenario."""
        self.last_number += 1
        now = self.switchboard.now()
        application, caller = target.application, target.caller
        session = Session(
            self.last_number,
            self.switchboard,
            application=application,
            rule=target.rule,
            scenario=target.scenario,
            guard=self._guard,
            watched=self._watched,
            note=self._note,
            opened=self._opened,
            ended=self.session_over,
        )
        session.all_legs = self._legs
        self.sessions[session.number] = session
        self._journal.note(
            SessionOpened(
                now,
                session.number,
                application.domain,
                target.rule.name,
                target.scenario.name if target.scenario else "",
                str(caller.uri),
                target.destination,
            )
        )
        leg = session.new_leg(
            incoming=True, caller_id=caller.number, display_name=caller.display_name, destination=target.destination
        )
        leg.caller = caller
        leg.trusted = caller.user is None
        self._legs[number] = leg
        self._journal.note(
            LegOpened(now, session.number, "A", request.call_id, self._host, caller.number, True, application.domain)
        )
        if leg.signalling.opened(number):
            session.start()

    def leg_event(self, event: wire.LegEvent) -> None:
        """Tell a leg what happened to it."""
        leg = self._legs.get(event.leg)
        if leg is None:
            return
        self._note_wire(leg, event)
        if isinstance(event, (wire.Failed, wire.Ended)):
            del self._legs[event.leg]
        leg.signalling.take(event)

    # -- from the sessions

    def _opened(self, number: int, leg: Leg) -> None:
        self._legs[number] = leg

    def session_over(self, session: Session) -> None:
        """Take the news that a session is over."""
        if self.sessions.pop(session.number, None) is not None:
            self._journal.note(SessionEnded(self.switchboard.now(), session.number, session.finish_reason))
            self._ended(session)

    def _note(self, kind: str, session: Session, text: str) -> None:
        now = self.switchboard.now()
        if kind == "failed":
            lines = text.strip().splitlines()
            self._journal.note(ScenarioFailed(now, session.number, lines[-1] if lines else "", text))
            self._ended(session)
        else:
            self._journal.note(ScenarioLog(now, session.number, text))
            self._heard(text)

    def _note_wire(self, leg: Leg, event: wire.LegEvent) -> None:
        now, number = self.switchboard.now(), leg.session.number
        call_id = leg.call_ids.get(event.leg, "")
        if isinstance(event, (wire.Answered, wire.Confirmed)):
            self._journal.note(LegAnswered(now, number, leg.letter, call_id))
        elif isinstance(event, wire.Failed):
            by = leg.destination if event.by_peer else "cloud"
            self._journal.note(LegEnded(now, number, leg.letter, call_id, event.status, event.reason, by))
        elif isinstance(event, wire.Ended):
            by = (leg.caller_id if leg.incoming else leg.destination) if event.by_peer else "cloud"
            self._journal.note(LegEnded(now, number, leg.letter, call_id, 200, event.cause, by))

    def end_all(self, reason: str) -> None:
        """End every session that runs."""
        for session in [*self.sessions.values()]:
            session.end(reason)

    def __repr__(self) -> str:
        return f"<Exchange: {len(self.sessions)} sessions>"
