"""The calls that a proxy has passed on and whose end it has not seen: how many there are, and how each ended.

RFC 3261 s.16 lets a proxy forget a dialog; a limit of calls and a history cannot. A passage ends with the failure of
its INVITE or with a BYE on the recorded route, whoever sent it and whatever is answered (s.15.1.1). One whose BYE
never comes ends when its session interval is over (RFC 4028 s.8.3), or where none was agreed a long time after it was
last heard of. Must not know transactions, rules or accounts.
"""

from __future__ import annotations

from typing import NamedTuple

from voxlab.base.datagram import Flow
from voxlab.dialog.session_timer import interval_of
from voxlab.sip.message import Request, Response
from voxlab.transaction.deadlines import Deadlines

_UNHEARD = 0
UNHEARD_S = 4 * 3600.0
"""So long without a word, and without a session interval, a call is taken for over."""


class Routed(NamedTuple):
    """An event: a request outside a dialog is on its way; ``target`` is what the policy said with ``Route``."""

    request: Request
    flow: Flow
    target: object


class TurnedBack(NamedTuple):
    """An event: a request went no further for a reason of the proxy's own; the wire says ``status``."""

    request: Request
    flow: Flow
    status: int
    why: str


class Concluded(NamedTuple):
    """An event: an INVITE or UPDATE that passes through has a final response; it ``opens`` a call, or changes one."""

    call_id: str
    opens: bool
    response: Response


class Leaving(NamedTuple):
    """An event: a BYE passes through."""

    request: Request


Passing = Routed | TurnedBack | Concluded | Leaving


class PassageEnded(NamedTuple):
    """A call that was passed on is over: with which status, why, and by whom ("caller", "callee" or "cloud")."""

    call_id: str
    status: int
    reason: str
    by: str


class _Passage:
    """One call under way: the tags of those who answered, none while it rings."""

    __slots__ = ("call_id", "callees")

    def __init__(self, call_id: str) -> None:
        self.call_id = call_id
        self.callees: list[str] = []


class Passages:
    """The calls that pass through, by Call-ID."""

    def __init__(self, unheard_s: float = UNHEARD_S) -> None:
        self._unheard_s = unheard_s
        self._passages: dict[str, _Passage] = {}
        self._deadlines: Deadlines[_Passage] = Deadlines()

    def __len__(self) -> int:
        return len(self._passages)

    def began(self, call_id: str, now: float) -> None:
        """Take notice that an INVITE outside a dialog is on its way."""
        if call_id not in self._passages:
            passage = self._passages[call_id] = _Passage(call_id)
            self._deadlines.start(passage, self._unheard_s, _UNHEARD, now)

    def concluded(self, event: Concluded, now: float) -> PassageEnded | None:
        """Take the outcome of an INVITE or UPDATE; return the end if the call has failed."""
        passage = self._passages.get(event.call_id)
        if passage is None:
            return None
        response = event.response
        if response.status >= 300:
            return self._over(passage, response.status, response.reason, "callee") if event.opens else None
        if event.opens and response.to_tag is not None and response.to_tag not in passage.callees:
            passage.callees.append(response.to_tag)
        agreed = interval_of(response)
        self._deadlines.start(passage, self._unheard_s if agreed is None else float(agreed.seconds), _UNHEARD, now)
        return None

    def left(self, event: Leaving) -> PassageEnded | None:
        """Take a BYE; of a call that several have answered it ends the dialog of one."""
        request = event.request
        passage = self._passages.get(request.call_id)
        if passage is None:
            return None
        callees, by_caller = passage.callees, request.to_tag in passage.callees
        callee = request.to_tag if by_caller else request.from_tag
        if callee in callees and len(callees) > 1:
            callees.remove(callee)
            return None
        return self._over(passage, 200, "Normal termination", "caller" if by_caller else "callee")

    def next_timeout(self) -> float | None:
        """When ``handle_timeout`` is wanted next, None for never."""
        due_s = self._deadlines.next_s()
        return None if due_s == float("inf") else due_s

    def overdue(self, now: float) -> list[PassageEnded]:
        """End the calls that have not been heard of for too long."""
        due = list(self._deadlines.due(now))
        return [self._over(passage, 408, "Neither a BYE nor a refresh came", "cloud") for passage, _ in due]

    def _over(self, passage: _Passage, status: int, reason: str, by: str) -> PassageEnded:
        del self._passages[passage.call_id]
        self._deadlines.stop(passage)
        return PassageEnded(passage.call_id, status, reason, by)

    def __repr__(self) -> str:
        return f"Passages({len(self)} calls)"
