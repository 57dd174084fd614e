"""Which calls a full journal forgets: whole ones, and those first that have been silent for longest.

Of SIP it knows where a Call-ID stands (RFC 3261 s.20.8) and how an INVITE begins; that two legs are one call it learns
from the notes. A journal is forgotten span by span, the oldest first: what of it belongs to a call that has spoken
since is carried over. So an eviction costs what it looks at, not what is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from voxlab.base.records import LegOpened, Note, SessionOpened

# Every message of a busy server is searched: a line end to look for first, and no flags, make it three times as fast.
_CALL_ID = re.compile(rb"\n(?:[Cc][Aa][Ll][Ll]-[Ii][Dd]|[Ii])[ \t]*:[ \t]*([^\r\n]*)")

CallKey = int | str
"""A session's number, or the Call-ID of a call outside sessions."""


def call_id_of(data: bytes) -> str:
    """Return the Call-ID of a message, "" if it has none; the first header of that name counts."""
    found = _CALL_ID.search(data)
    return found[1].strip().decode("utf-8", "surrogateescape") if found else ""


class Silence(NamedTuple):
    """What became of the calls of an old span: those that are over with, and those that have spoken since."""

    gone: frozenset[CallKey]
    alive: frozenset[CallKey]


class Speakers:
    """Who spoke last in which span: kept while messages come, so that nobody has to read them all to find out."""

    def __init__(self) -> None:
        self._session_of: dict[str, int] = {}
        self._legs_of: dict[int, list[str]] = {}
        self._last_span: dict[CallKey, int] = {}
        self._invited: set[str] = set()

    def note(self, note: Note, span: int) -> None:
        """Learn from a note which Call-ID belongs to which session."""
        if isinstance(note, LegOpened):
            self._session_of[note.call_id] = note.session
            self._legs_of.setdefault(note.session, []).append(note.call_id)
            self._last_span[note.session] = span
        elif isinstance(note, SessionOpened):
            self._last_span[note.session] = span

    def heard(self, messages: bytes, ends: Iterable[int], span: int) -> None:
        """Take in the messages of a span that has just been sealed: one after the other, each up to its end."""
        heard: dict[bytes, bool] = {}  # whether an INVITE is among what was said
        bounds = iter(ends)
        start, end = 0, next(bounds, 0)
        for found in _CALL_ID.finditer(messages):  # in all at once: a search for each would cost three times as much
            at = found.start()
            if at < start:
                continue  # not the first of its message
            while at >= end:
                start, end = end, next(bounds)
            call_id = found[1]
            if not heard.get(call_id):
                heard[call_id] = messages.startswith(b"INVITE ", start)
            start = end
        session_of, last = self._session_of, self._last_span
        for written, is_invited in heard.items():
            name = written.strip().decode("utf-8", "surrogateescape")
            last[session_of.get(name, name)] = span
            if is_invited:
                self._invited.add(name)

    def key_of(self, session: int, call_id: str) -> CallKey:
        """Return the call that something of that session and Call-ID belongs to, "" for none."""
        return session or self._session_of.get(call_id, call_id)

    def is_over(self, key: CallKey, span: int) -> bool:
        """Whether a call has said nothing after that span; what is no call is over with when its span is."""
        if isinstance(key, str) and key not in self._invited:
            return True
        last = max((self._last_span.get(each, -1) for each in (key, *self._ids_of(key))), default=-1)
        return last <= span

    def is_call(self, key: CallKey) -> bool:
        """Whether this names a call that is not forgotten yet, not a registration or the like."""
        return key in self._last_span and (isinstance(key, int) or key in self._invited)

    def forget(self, keys: Iterable[CallKey], span: int) -> None:
        """Forget calls that are gone, and whoever spoke last in that span and is no call."""
        for key in keys:
            for each in (key, *self._ids_of(key)):
                if self._last_span.get(each, span) <= span:
                    self._last_span.pop(each, None)
                if isinstance(each, str):
                    self._session_of.pop(each, None)
                    self._invited.discard(each)
            if isinstance(key, int):
                self._legs_of.pop(key, None)

    def _ids_of(self, key: CallKey) -> list[str]:
        return self._legs_of.get(key, []) if isinstance(key, int) else []
