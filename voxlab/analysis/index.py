"""Which messages belong to which call: an index over the journal that grows with it and keeps numbers, not messages.

A call is what a session's legs share, or a Call-ID with an INVITE outside any session (RFC 3261 s.8.1.1.4, s.12).
Must not know what is made of it.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from voxlab.analysis.entries import Entry, read_entries
from voxlab.base.journal import Journal
from voxlab.base.records import LegOpened, Note, SessionOpened, WireRecord
from voxlab.base.retention import CallKey, call_id_of


class CallLeg(NamedTuple):
    """One Call-ID of a call: its letter, who is at the far end (from notes, "" if unknown) and whether the cloud was
    called.
    """

    letter: str
    call_id: str
    peer: str = ""
    incoming: bool = False


class CallRecord(NamedTuple):
    """A call: its number in the history, its session (0: none) and its legs in order of the alphabet."""

    number: int
    session: int
    legs: tuple[CallLeg, ...]

    @property
    def call_ids(self) -> tuple[str, ...]:
        """The Call-IDs of the legs."""
        return tuple(leg.call_id for leg in self.legs)


class Index:
    """Finds the messages of a call without reading all others.

    Every reading method first takes in what the journal got since; the same thread rules as for the journal hold.

    Parameters
    ----------
    journal : Journal
    pending : callable
        Returns what is known but not in the journal yet, such as the counts of streams that still run.
    """

    def __init__(self, journal: Journal, pending: Callable[[], Iterable[Note]] = tuple) -> None:
        self.journal = journal
        self._pending = pending
        self._numbers: dict[CallKey, int] = {}
        self._forget()

    def _forget(self) -> None:
        self._generation = self.journal.generation
        self._seen = 0
        self._notes_seen = 0
        self._rows: dict[str, array[int]] = {}
        self._about: dict[CallKey, list[int]] = {}
        self._invited: dict[str, int] = {}
        self._sessions: dict[int, list[CallLeg]] = {}
        self._session_of: dict[str, int] = {}
        if not len(self.journal) and not self.journal.evicted_calls:
            self._numbers = {}

    def update(self) -> None:
        """Take in what the journal got since the last time."""
        if self._generation != self.journal.generation:
            self._forget()
        notes = self.journal.notes
        for place, note in enumerate(notes[self._notes_seen :], self._notes_seen):
            self._note(place, note)
        self._notes_seen = len(notes)
        for record in self.journal.messages(after=self._seen):
            self._message(record)
            self._seen = record.number

    @property
    def calls(self) -> tuple[CallRecord, ...]:
        """The calls in the order in which they began."""
        self.update()
        return tuple(sorted(map(self._call, self._keys())))

    def call(self, number: int) -> CallRecord:
        """Return the call with this number of the history; raises ``KeyError`` if there is none."""
        for call in self.calls:
            if call.number == number:
                return call
        raise KeyError(number)

    def call_of(self, call_id: str) -> CallRecord | None:
        """Return the call that a Call-ID is a leg of, None if it is none, as a registration's."""
        self.update()
        session = self._session_of.get(call_id)
        if session is None and call_id not in self._invited:
            return None
        return self._call(call_id if session is None else session)

    def entries(self, call_ids: Sequence[str] | None = None) -> list[Entry]:
        """Return the messages with one of these Call-IDs, all messages if None, in order of recording."""
        if call_ids is None:
            return list(read_entries(self.journal.messages()))
        self.update()
        numbers = sorted(number for call_id in set(call_ids) for number in self._rows.get(call_id, ()))
        return list(read_entries(map(self.journal.message, numbers)))

    def notes(self, call: CallRecord | None = None) -> list[Note]:
        """Return the notes about a call, all if None, in order of recording."""
        notes = self.journal.notes
        if call is None:
            return [*notes, *self._pending()]
        self.update()
        keys: tuple[CallKey, ...] = (call.session, *call.call_ids)
        places = {place for key in keys for place in self._about.get(key, ())}
        pending = (note for note in self._pending() if _is_about(note, call))
        return [*(notes[place] for place in sorted(places)), *pending]

    def _note(self, place: int, note: Note) -> None:
        for key in (getattr(note, "session", 0), getattr(note, "call_id", "")):
            if key:
                self._about.setdefault(key, []).append(place)
        if isinstance(note, SessionOpened):
            self._sessions.setdefault(note.session, [])
        elif isinstance(note, LegOpened):
            leg = CallLeg(note.leg, note.call_id, note.peer, note.incoming)
            self._sessions.setdefault(note.session, []).append(leg)
            self._session_of[note.call_id] = note.session

    def _message(self, record: WireRecord) -> None:
        call_id = call_id_of(record.data)
        self._rows.setdefault(call_id, array("Q")).append(record.number)
        if record.data.startswith(b"INVITE ") and call_id:
            self._invited.setdefault(call_id, record.number)

    def _keys(self) -> list[CallKey]:
        """Return what identifies each call, in order of the first INVITE; a session without one comes last."""
        first: dict[CallKey, float] = {}
        for call_id, number in self._invited.items():
            key = self._session_of.get(call_id, call_id)
            first[key] = min(number, first.get(key, number))
        for session in self._sessions:
            first.setdefault(session, float("inf"))
        return sorted(first, key=lambda key: first[key])

    def _number(self, key: CallKey) -> int:
        if key not in self._numbers:
            following = max(self.journal.evicted_calls, *self._numbers.values(), 0) + 1
            for other in self._keys():
                if other not in self._numbers:
                    self._numbers[other] = self._number_before_session(other) or following
                    following = max(following, self._numbers[other] + 1)
        return self._numbers[key]

    def _number_before_session(self, key: CallKey) -> int:
        """Return the number that a call had when its INVITE was seen and its session was not, else 0."""
        legs = self._sessions[key] if isinstance(key, int) else ()
        return next((self._numbers[leg.call_id] for leg in legs if leg.call_id in self._numbers), 0)

    def _call(self, key: CallKey) -> CallRecord:
        number = self._number(key)
        if isinstance(key, int):
            return CallRecord(number, key, tuple(sorted(self._sessions[key])))
        return CallRecord(number, 0, (CallLeg("A", key),))


def _is_about(note: Note, call: CallRecord) -> bool:
    session, call_id = getattr(note, "session", 0), getattr(note, "call_id", "")
    return (bool(session) and session == call.session) or call_id in call.call_ids
