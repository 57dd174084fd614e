"""The last calls of some applications, read backwards from the journal's notes; must not know how they are shown."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from voxlab.base.records import LegAnswered, LegEnded, LegOpened, Note, SessionEnded, SessionOpened

NOTES_READ = 20_000
"""So far back at most: a busy platform writes some ten notes a call."""


class RecentCall(NamedTuple):
    """A call that is over: who called whom, which rule took it, how long they talked (None: not at all), how it ended.

    ``status`` is what the caller's leg ended with, 200 for a BYE in peace, 0 where nothing is on record.
    """

    session: int
    start_s: float
    caller: str
    destination: str
    rule: str
    talked_s: float | None
    status: int
    reason: str


def recent_calls(notes: Sequence[Note], domains: Collection[str], count: int) -> tuple[RecentCall, ...]:
    """Return the last ``count`` calls that were taken by the applications of these domains, the newest first."""
    about: dict[int, dict[type, Note]] = {}
    found: list[RecentCall] = []
    for note in reversed(notes[-NOTES_READ:]):
        if isinstance(note, SessionEnded):
            about[note.session] = {SessionEnded: note}
        elif isinstance(note, (LegOpened, LegAnswered, LegEnded)) and note.session in about and note.leg == "A":
            about[note.session][type(note)] = note
        elif isinstance(note, SessionOpened) and note.session in about:
            known = about.pop(note.session)
            if note.application in domains:
                found.append(_call(note, known))
        if len(found) >= count and not about:
            break
    return tuple(sorted(found, key=lambda call: call.session, reverse=True)[:count])


def _call(opened: SessionOpened, known: dict[type, Note]) -> RecentCall:
    joined, answered, ended = known.get(LegOpened), known.get(LegAnswered), known.get(LegEnded)
    over = known[SessionEnded]
    assert isinstance(over, SessionEnded)
    end_s = ended.time_s if isinstance(ended, LegEnded) else over.time_s
    return RecentCall(
        opened.session,
        opened.time_s,
        joined.peer if isinstance(joined, LegOpened) else opened.caller,
        opened.destination,
        opened.rule,
        end_s - answered.time_s if isinstance(answered, LegAnswered) else None,
        ended.status if isinstance(ended, LegEnded) else 0,
        ended.reason if isinstance(ended, LegEnded) and ended.status >= 300 else over.finish_reason,
    )
