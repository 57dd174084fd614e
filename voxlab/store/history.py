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

_OPEN_SESSION = "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_OPEN_CALL = "INSERT INTO calls VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
# Where in the values of a row that is not written yet stands what is known later.
_HOST, _SESSION_ENDED = 7, slice(9, 11)
_ANSWERED, _CALL_ENDED = 7, slice(8, 12)
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

    What becomes of a call whose row still waits is written into that row: most calls of a busy server are one INSERT.

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
        self._waiting: dict[tuple[str, int], list[Any]] = {}  # rows in ``pending``, of sessions under ""

    def drain(self) -> list[Statement]:
        """Return what waits, and let it go."""
        statements, self.pending = self.pending, []
        self._waiting.clear()
        return statements

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
            row = self._waiting.get((call_id, self._calls[call_id]))
            if row is not None:
                row[_ANSWERED] = self.epoch_s + now
            else:
                self.pending.append((_ANSWER, (self.epoch_s + now, call_id, self._calls[call_id])))

    def _session_opened(self, note: SessionOpened) -> None:
        self._last += 1
        user = note.caller.partition(":")[2].partition("@")[0]
        self._sessions[note.session] = _Live(self._last, user, note.destination)
        account = self._account_of(note.application)
        what = (account, note.application, note.rule, note.scenario, note.caller, note.destination)
        self._open_session(what, self.epoch_s + note.time_s)

    def _call_routed(self, note: CallRouted) -> None:
        """Take a call that a rule passes on without a script: one leg from end to end."""
        self._last += 1
        start_s, account = self.epoch_s + note.time_s, self._account_of(note.application)
        what = (account, note.application, note.rule, f"route {note.route}", note.caller, note.destination)
        self._open_session(what, start_s)
        self._open_call(self._last, "A", note.call_id, 1, note.destination, note.caller, start_s)

    def _routed_answered(self, note: RoutedCallAnswered) -> None:
        self.answered(note.call_id, note.time_s)

    def _routed_ended(self, note: RoutedCallEnded) -> None:
        session = self._calls.pop(note.call_id, None)
        if session is None:
            return
        self._unanswered.discard(note.call_id)
        self._end_call(note, session)
        self._end_session(session, note.time_s, note.reason)

    def _leg_opened(self, note: LegOpened) -> None:
        live = self._sessions.get(note.session)
        if live is None:
            return
        local, remote = (live.destination, note.peer) if note.incoming else (live.caller, note.peer)
        start_s = self.epoch_s + note.time_s
        self._open_call(live.number, note.leg, note.call_id, int(note.incoming), local, remote, start_s)
        if not note.incoming:
            return
        row = self._waiting.get(("", live.number))
        if row is not None:
            row[_HOST] = note.host
        else:
            self.pending.append(("UPDATE sessions SET host = ? WHERE session = ?", (note.host, live.number)))

    def _leg_answered(self, note: LegAnswered) -> None:
        self.answered(note.call_id, note.time_s)

    def _leg_ended(self, note: LegEnded) -> None:
        session = self._calls.pop(note.call_id, None)
        if session is None:
            return
        self._unanswered.discard(note.call_id)
        self._end_call(note, session)

    def _session_ended(self, note: SessionEnded) -> None:
        live = self._sessions.pop(note.session, None)
        if live is not None:
            self._end_session(live.number, note.time_s, note.finish_reason)

    # -- rows

    def _open_session(self, what: tuple[str, ...], start_s: float) -> None:
        row = self._waiting["", self._last] = [self._last, *what, "", start_s, None, None]
        self.pending.append((_OPEN_SESSION, row))

    def _open_call(self, session: int, leg: str, call_id: str, *rest: int | float | str) -> None:
        row: list[Any] = [session, leg, call_id, *rest, None, None, None, None, None]
        if self._calls.get(call_id) == session:  # two of one Call-ID: both are found by it, once they are written
            self._waiting.pop((call_id, session), None)
        else:
            self._waiting[call_id, session] = row
        self.pending.append((_OPEN_CALL, row))
        self._calls[call_id] = session
        self._unanswered.add(call_id)

    def _end_call(self, note: LegEnded | RoutedCallEnded, session: int) -> None:
        end = (self.epoch_s + note.time_s, note.status, note.reason, note.by)
        row = self._waiting.pop((note.call_id, session), None)
        if row is not None:
            row[_CALL_ENDED] = end
        else:
            self.pending.append((_END_CALL, (*end, note.call_id, session)))

    def _end_session(self, session: int, time_s: float, reason: str) -> None:
        row = self._waiting.pop(("", session), None)
        if row is not None:
            row[_SESSION_ENDED] = self.epoch_s + time_s, reason
        else:
            self.pending.append((_END_SESSION, (self.epoch_s + time_s, reason, session)))


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
