"""What became of a call: the facts behind a verdict, from records only (RFC 3261 s.13, s.15).

Must not know how they are worded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from voxlab.analysis.dropped import dropped
from voxlab.base.records import (
    DELIVERED,
    CallRouted,
    LegOpened,
    MediaStarted,
    Note,
    ScenarioFailed,
    SessionEnded,
    SessionOpened,
    StreamMeasured,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from voxlab.analysis.entries import Entry
    from voxlab.analysis.index import CallRecord, Index


N = TypeVar("N", bound=Note)


@dataclass(frozen=True, slots=True)
class Said:
    """A message that decided something: its place in the ladder (from 1), its leg, and who said it."""

    message: int
    leg: str
    by: str
    time_s: float
    status: int = 0
    reason: str = ""


class GivenUp(NamedTuple):
    """A timer that fired in vain of an answer, and when."""

    timer: str
    time_s: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """The facts of one call.

    Attributes
    ----------
    caller, callees, through
        Who called, whom the cloud called for it, and the application and scenario in between ("" outside a session).
    start_s : float
        When the first INVITE went out.
    ringing, answered, ended, failed, cancelled : Said or None
        The first 18x and the first 2xx on the caller's leg, the first BYE, the refusal that decided the call (where
        it was said first), the CANCEL.
    timed_out : GivenUp or None
        The timer that ended it, and when.
    dropped : str
        Why a call that was answered ended without anybody hanging up, "" for one that did not.
    last_s : float
        When the last message went out.
    """

    caller: str
    callees: tuple[str, ...]
    destination: str
    through: str
    start_s: float
    last_s: float
    messages: int
    ringing: Said | None
    answered: Said | None
    ended: Said | None
    failed: Said | None
    cancelled: Said | None
    timed_out: GivenUp | None
    error: str
    codecs: tuple[str, ...]
    mos: float | None
    finish_reason: str
    dropped: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to come."""
        return bool(
            self.ended or self.failed or self.timed_out or self.finish_reason or (self.error and not self.answered)
        )


def outcome(index: Index, call: CallRecord) -> Outcome | None:
    """Return what became of a call, None if nothing of it was on a wire yet."""
    entries = index.entries(call.call_ids)
    if not entries:
        return None
    notes = index.notes(call)
    story = _Story(index, call, entries)
    session = _first(notes, SessionOpened) or _first(notes, CallRouted)
    measured = [note for note in notes if isinstance(note, StreamMeasured)]
    answered = story.final(call.legs[0].call_id, success=True)
    refused = None if answered else story.refusal()
    return Outcome(
        caller=story.caller(notes),
        callees=tuple(dict.fromkeys(story.callees(routed=isinstance(session, CallRouted)))),
        destination=session.destination if session and session.destination else _user_of(entries[0]),
        through=_through(session),
        start_s=entries[0].time_s,
        last_s=entries[-1].time_s,
        messages=len(entries),
        ringing=story.ringing(),
        answered=answered,
        ended=story.request("BYE"),
        failed=refused,
        cancelled=None if answered else story.request("CANCEL"),
        timed_out=None if answered or refused else _timed_out(index, call),
        error=next((note.error for note in notes if isinstance(note, ScenarioFailed)), ""),
        codecs=_codecs(notes, measured),
        mos=min((stream.mos for stream in measured if stream.mos is not None), default=None),
        finish_reason=next((note.finish_reason for note in notes if isinstance(note, SessionEnded)), ""),
        dropped=dropped(entries) if answered else "",
    )


def _first(notes: Iterable[Note], kind: type[N]) -> N | None:
    return next((note for note in notes if isinstance(note, kind)), None)


class _Story:
    """The messages of a call, asked for what decided it."""

    def __init__(self, index: Index, call: CallRecord, entries: Sequence[Entry]) -> None:
        self._journal = index.journal
        self._call = call
        self._letters = {leg.call_id: leg.letter for leg in call.legs}
        self._peers = {leg.call_id: leg.peer for leg in call.legs}
        self._entries = list(enumerate(entries, 1))

    def caller(self, notes: Iterable[Note]) -> str:
        """Return who called: whom the notes name, else the name of where the first INVITE came from."""
        legs = [note.peer for note in notes if isinstance(note, LegOpened) and note.incoming and note.peer]
        legs += [note.caller for note in notes if isinstance(note, CallRouted)]
        return next(iter(legs), "") or self._name(self._entries[0][1], of_source=True)

    def callees(self, *, routed: bool) -> list[str]:
        """Return who was called: the peers of the outgoing legs, else where the INVITE went; ``routed`` through us."""
        if routed:
            cloud = self._entries[0][1].dst  # also where a NAT is on the way
            passed = [entry for _, entry in self._entries if entry.src == cloud and entry.kind == "request"]
            invites = [entry for entry in passed if _begins_a_call(entry)]
            called = [self._name(entry, of_source=False) for entry in invites]
            nats = set(self._journal.behind.values())
            return [name for name in called if name not in nats] or called
        peers = [leg.peer for leg in self._call.legs if leg.peer and not leg.incoming]
        if peers or self._call.session:
            return peers
        return [self._name(entry, of_source=False) for _, entry in self._entries[:1]]

    def final(self, call_id: str, *, success: bool) -> Said | None:
        """Return the first final answer to an INVITE on a leg, of the wanted kind; a challenge is none."""
        for number, entry in self._answers():
            status = entry.status or 0
            if entry.call_id == call_id and status >= 200 and (status < 300) == success:
                return self._said(number, entry)
        return None

    def refusal(self) -> Said | None:
        """Return the refusal that the caller got, as said where it was said first: the cloud only passes on what a
        callee said.
        """
        told = self.final(self._call.legs[0].call_id, success=False)
        if told is None:
            return None
        for number, entry in self._answers():
            if entry.status == told.status:
                return self._said(number, entry)
        return told

    def ringing(self) -> Said | None:
        """Return the first 18x that the caller was sent."""
        for number, entry in self._answers():
            if entry.call_id == self._call.legs[0].call_id and 180 <= (entry.status or 0) < 190:
                return self._said(number, entry)
        return None

    def request(self, method: str) -> Said | None:
        """Return the first request of that method."""
        for number, entry in self._entries:
            if entry.kind == "request" and entry.method == method:
                return self._said(number, entry)
        return None

    def _answers(self) -> Iterable[tuple[int, Entry]]:
        for number, entry in self._entries:
            if (
                entry.kind == "response"
                and entry.method == "INVITE"
                and not entry.is_challenge
                and entry.outcome == DELIVERED
            ):
                yield number, entry

    def _said(self, number: int, entry: Entry) -> Said:
        by = self._name(entry, of_source=True)
        return Said(number, self._letters[entry.call_id], by, entry.time_s, entry.status or 0, entry.reason)

    def _name(self, entry: Entry, *, of_source: bool) -> str:
        address = entry.src if of_source else entry.dst
        return self._journal.name_of(address) or self._peers.get(entry.call_id) or str(address)


def _begins_a_call(entry: Entry) -> bool:
    """Whether it is an INVITE outside a dialog: one inside changes a call and may go to the caller."""
    return entry.method == "INVITE" and entry.message is not None and not entry.message.to_tag


def _through(session: SessionOpened | CallRouted | None) -> str:
    if session is None:
        return ""
    name = session.rule if isinstance(session, CallRouted) else session.scenario
    return ".".join(filter(None, (session.application.partition(".")[0], name)))


def _user_of(entry: Entry) -> str:
    return entry.target.partition(":")[2].partition("@")[0] or entry.target


def _codecs(notes: Iterable[Note], measured: Iterable[StreamMeasured]) -> tuple[str, ...]:
    started = [note.codec for note in notes if isinstance(note, MediaStarted)]
    names = dict.fromkeys((*started, *(stream.codec for stream in measured)))
    return tuple(name for name in names if name and name != "telephone-event")


def _timed_out(index: Index, call: CallRecord) -> GivenUp | None:
    """Return the timer that gave an INVITE of the call up, None if none did."""
    journal = index.journal
    ours = {(t.host, t.number) for t in journal.transactions() if t.call_id in call.call_ids and t.method == "INVITE"}
    for step in journal.transitions():
        if (step.host, step.number) in ours and step.input == "Timer B":
            return GivenUp(step.input, step.time_s)
    return None
