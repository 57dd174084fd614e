"""The call history: what the journal's notes say about sessions and their calls, as rows that outlive the journal.

Must not know when rows are committed, nor how they are shown.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, NamedTuple

from voxlab.base.records import (
    CallRouted,
    LegAnswered,
    LegEnded,
    LegOpened,
    RoutedCallAnswered,
    RoutedCallEnded,
    SessionEnded,
    SessionOpened,
)
from voxlab.store.writer import Statement

KILLED = "Internal error (the process was killed)"
CLOSED = "The lab was closed"

_OPEN_SESSION = "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)"
_OPEN_CALL = "INSERT INTO calls VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, NULL, NULL, NULL, NULL, NULL)"
_ANSWER = "UPDATE calls SET answer_s = ? WHERE call_id = ? AND session = ? AND answer_s IS NULL"
_END_CALL = "UPDATE calls SET end_s = ?, status = ?, reason = ?, ended_by = ? WHERE call_id = ? AND session = ?"
_END_SESSION = "UPDATE sessions SET end_s = ?, finish_reason = ? WHERE session = ?"
_LAST_SIGN = """
SELECT max(latest) FROM (
    SELECT max(start_s) AS latest FROM sessions UNION SELECT max(end_s) FROM sessions UNION
    SELECT max(answer_s) FROM calls UNION SELECT max(end_s) FROM calls)
"""


class _Live(NamedTuple):
    """A session that runs: its number in the store, and what its calls are told by."""

    number: int
    caller: str
    destination: str


class History:
    """Turns notes into statements; the statements wait in ``pending``.

    Parameters
    ----------
    account_of : callable
        From the domain of an application to the name of its account.

    Attributes
    ----------
    epoch_s : float
        Unix time of second 0 of the lab.
    pending : list
        What is not handed to the database yet.
    """

    def __init__(self, account_of: Callable[[str], str]) -> None:
        self.epoch_s = 0.0
        self.pending: list[Statement] = []
        self._account_of = account_of
        self._last = 0
        self._sessions: dict[int, _Live] = {}
        self._calls: dict[str, int] = {}
        self._unanswered: set[str] = set()

    def begin(self, connection: sqlite3.Connection) -> None:
        """Count on from the last session there is."""
        (last,) = connection.execute("SELECT max(session) FROM sessions").fetchone()
        self._last = last or 0

    def begin_anew(self) -> None:
        """Count from 1 again: the store is empty."""
        self._last = 0

    def forget_running(self) -> None:
        """Let go of sessions that will not be heard of again: the lab starts over."""
        self._sessions.clear()
        self._calls.clear()
        self._unanswered.clear()

    # -- what is heard

    def take(self, note: object) -> bool:
        """Take a note of the journal; return whether it concerns the history."""
        taker = _TAKE.get(type(note))
        if taker is None:
            return False
        taker(self, note)
        return True

    def answered(self, call_id: str, now: float) -> None:
        """Take the news that a 2xx is about to leave for the caller with this Call-ID."""
        if call_id in self._unanswered:
            self._unanswered.discard(call_id)
            self.pending.append((_ANSWER, (self.epoch_s + now, call_id, self._calls[call_id])))

    def _session_opened(self, note: SessionOpened) -> None:
        self._last += 1
        user = note.caller.partition(":")[2].partition("@")[0]
        self._sessions[note.session] = _Live(self._last, user, note.destination)
        account = self._account_of(note.application)
        self.pending.append(
            (
                _OPEN_SESSION,
                (self._last, account, note.application, note.rule, note.scenario, note.caller, note.destination, "",
                 self.epoch_s + note.time_s),
            )
        )  # fmt: skip

    def _call_routed(self, note: CallRouted) -> None:
        """Take a call that a rule passes on without a script: one leg from end to end."""
        self._last += 1
        start_s, account = self.epoch_s + note.time_s, self._account_of(note.application)
        what = (self._last, account, note.application, note.rule, f"route {note.route}", note.caller, note.destination)
        self.pending.append((_OPEN_SESSION, (*what, "", start_s)))
        values = (self._last, "A", note.call_id, 1, note.destination, note.caller, start_s)
        self.pending.append((_OPEN_CALL, values))
        self._calls[note.call_id] = self._last
        self._unanswered.add(note.call_id)

    def _routed_answered(self, note: RoutedCallAnswered) -> None:
        self.answered(note.call_id, note.time_s)

    def _routed_ended(self, note: RoutedCallEnded) -> None:
        session = self._calls.pop(note.call_id, None)
        if session is None:
            return
        self._unanswered.discard(note.call_id)
        end_s = self.epoch_s + note.time_s
        self.pending.append((_END_CALL, (end_s, note.status, note.reason, note.by, note.call_id, session)))
        self.pending.append((_END_SESSION, (end_s, note.reason, session)))

    def _leg_opened(self, note: LegOpened) -> None:
        live = self._sessions.get(note.session)
        if live is None:
            return
        self._calls[note.call_id] = live.number
        self._unanswered.add(note.call_id)
        local, remote = (live.destination, note.peer) if note.incoming else (live.caller, note.peer)
        values = (live.number, note.leg, note.call_id, int(note.incoming), local, remote, self.epoch_s + note.time_s)
        self.pending.append((_OPEN_CALL, values))
        if note.incoming:
            self.pending.append(("UPDATE sessions SET host = ? WHERE session = ?", (note.host, live.number)))

    def _leg_answered(self, note: LegAnswered) -> None:
        self.answered(note.call_id, note.time_s)

    def _leg_ended(self, note: LegEnded) -> None:
        session = self._calls.pop(note.call_id, None)
        if session is None:
            return
        self._unanswered.discard(note.call_id)
        values = (self.epoch_s + note.time_s, note.status, note.reason, note.by, note.call_id, session)
        self.pending.append((_END_CALL, values))

    def _session_ended(self, note: SessionEnded) -> None:
        live = self._sessions.pop(note.session, None)
        if live is not None:
            values = (self.epoch_s + note.time_s, note.finish_reason, live.number)
            self.pending.append((_END_SESSION, values))


_TAKE: dict[type, Callable[[History, Any], None]] = {
    SessionOpened: History._session_opened,
    CallRouted: History._call_routed,
    RoutedCallAnswered: History._routed_answered,
    RoutedCallEnded: History._routed_ended,
    LegOpened: History._leg_opened,
    LegAnswered: History._leg_answered,
    LegEnded: History._leg_ended,
    SessionEnded: History._session_ended,
}


def close_open(connection: sqlite3.Connection, reason: str, now_s: float | None = None) -> int:
    """Close what stands open in the store, and say why; return how many sessions that were.

    Without a time it is that of the last sign of life: nobody knows how long a killed process went on.
    """
    if now_s is None:
        (now_s,) = connection.execute(_LAST_SIGN).fetchone()
    ended = "UPDATE calls SET end_s = max(?, start_s), reason = ?, ended_by = 'cloud' WHERE end_s IS NULL"
    connection.execute(ended, (now_s, reason))
    over = "UPDATE sessions SET end_s = max(?, start_s), finish_reason = ? WHERE end_s IS NULL"
    return connection.execute(over, (now_s, reason)).rowcount


def forget_all_but(connection: sqlite3.Connection, count: int) -> None:
    """Keep the newest sessions only: memory is no archive."""
    connection.execute("DELETE FROM calls WHERE session <= (SELECT max(session) FROM sessions) - ?", (count,))
    connection.execute("DELETE FROM sessions WHERE session <= (SELECT max(session) FROM sessions) - ?", (count,))
