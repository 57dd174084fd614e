"""Which calls a full journal forgets: whole ones, and those first that have been silent for longest.

Of SIP it knows where a Call-ID stands (RFC 3261 s.20.8) and nothing else; that two legs are one call it learns from
the notes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from voxlab.base.records import LegOpened, Note, WireRecord

_CALL_ID = re.compile(rb"^(?:call-id|i)[ \t]*:[ \t]*([^\r\n]*)", re.MULTILINE | re.IGNORECASE)

CallKey = int | str
"""A session's number, the Call-ID of a call outside sessions, or "#n" for message n if it has none."""


class Silence(NamedTuple):
    """What is to be forgotten: how many calls, their keys, and the numbers of their messages."""

    calls: int
    keys: frozenset[CallKey]
    numbers: frozenset[int]


def call_id_of(data: bytes) -> str:
    """Return the Call-ID of a message, "" if it has none; the first header of that name counts."""
    found = _CALL_ID.search(data)
    return found[1].strip().decode("utf-8", "surrogateescape") if found else ""


def sessions_by_call_id(notes: Iterable[Note]) -> dict[str, int]:
    """Return which session each Call-ID belongs to."""
    return {note.call_id: note.session for note in notes if isinstance(note, LegOpened)}


def key_of(record: WireRecord, sessions: dict[str, int]) -> CallKey:
    """Return the call that a message belongs to."""
    call_id = call_id_of(record.data)
    return sessions.get(call_id, call_id) if call_id else f"#{record.number}"


def longest_silent(records: Iterable[WireRecord], sessions: dict[str, int], keep: int) -> Silence:
    """Choose calls to forget until at most ``keep`` messages are left; the call that spoke last always stays."""
    numbers: dict[CallKey, list[int]] = {}
    for record in records:
        numbers.setdefault(key_of(record, sessions), []).append(record.number)
    excess = sum(map(len, numbers.values())) - keep
    by_silence = sorted(numbers, key=lambda key: numbers[key][-1])
    return _until(excess, by_silence, numbers)


def _until(excess: int, by_silence: Sequence[CallKey], numbers: dict[CallKey, list[int]]) -> Silence:
    gone: list[int] = []
    keys: list[CallKey] = []
    for key in by_silence[:-1]:
        if len(gone) >= excess:
            break
        gone += numbers[key]
        keys.append(key)
    return Silence(len(keys), frozenset(keys), frozenset(gone))


def is_kept(session: int, call_id: str, gone: frozenset[CallKey]) -> bool:
    """Tell whether something of that session and Call-ID stays when the calls ``gone`` go."""
    return session not in gone and (not call_id or call_id not in gone)
