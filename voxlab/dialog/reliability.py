"""Provisional responses that arrive: RSeq, PRACK, and the 200 that waits for it (RFC 3262), as a table and its machine.

Must not know dialogs: it says what is to be sent, ``callee`` sends it; ``early`` is the caller's half. Every (phase,
input) pair is defined.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple
from zlib import crc32

from voxlab.dialog.dialog import Header
from voxlab.sip.message import Request, Response

OPTION = "100rel"


class Phase(IntEnum):
    """What waits for a PRACK; HELD is a 200 that may not be sent before it, LATE one that comes after the 200."""

    CLEAR = 0
    SOUNDING = 1
    DESCRIBED = 2
    HELD = 3
    LATE = 4


class Given(IntEnum):
    """What can happen."""

    SEND = 0
    PRACK = 1
    REPEAT_DUE = 2
    OVERDUE = 3
    ANSWER = 4
    FINAL = 5


class Deed(IntEnum):
    """What ``callee`` is told to do."""

    IGNORE = 0
    SEND = 1
    QUEUE = 2
    CONFIRM = 3
    CONFIRM_AND_ACCEPT = 4
    UNKNOWN = 5
    REPEAT = 6
    GIVE_UP = 7
    ACCEPT = 8
    HOLD = 9
    STOP = 10


class Step(NamedTuple):
    """One cell: the deed, the phase after it (SEND decides between SOUNDING and DESCRIBED), and why."""

    deed: Deed
    phase: Phase
    why: str


P, G, D = Phase, Given, Deed
_MATCHES = "s.3: it matches: 2xx, and no more retransmissions"
_STOPS = "s.3: after the final response nothing is retransmitted, a PRACK is still answered"
_OVERDUE = "s.3: 64*T1 without a PRACK: the INVITE is refused with a 5xx"

STEPS: dict[tuple[Phase, Given], Step] = {
    (P.CLEAR, G.SEND): Step(D.SEND, P.SOUNDING, "s.3"),
    (P.CLEAR, G.PRACK): Step(D.UNKNOWN, P.CLEAR, "s.3: it matches nothing that waits: 481"),
    (P.CLEAR, G.ANSWER): Step(D.ACCEPT, P.CLEAR, "RFC 3261 s.13.3.1.4"),
    (P.CLEAR, G.FINAL): Step(D.STOP, P.CLEAR, _STOPS),
    (P.CLEAR, G.REPEAT_DUE): Step(D.IGNORE, P.CLEAR, "late: the PRACK is there"),
    (P.CLEAR, G.OVERDUE): Step(D.IGNORE, P.CLEAR, "late: the PRACK is there"),
    (P.SOUNDING, G.SEND): Step(D.QUEUE, P.SOUNDING, "s.3: not before the one before is acknowledged"),
    (P.SOUNDING, G.PRACK): Step(D.CONFIRM, P.CLEAR, _MATCHES),
    (P.SOUNDING, G.REPEAT_DUE): Step(D.REPEAT, P.SOUNDING, "s.3: T1, doubling without an end"),
    (P.SOUNDING, G.OVERDUE): Step(D.GIVE_UP, P.CLEAR, _OVERDUE),
    (P.SOUNDING, G.ANSWER): Step(D.ACCEPT, P.LATE, "s.3: without a description in it the 200 need not wait"),
    (P.SOUNDING, G.FINAL): Step(D.STOP, P.LATE, _STOPS),
    (P.DESCRIBED, G.SEND): Step(D.QUEUE, P.DESCRIBED, "s.3: not before the one before is acknowledged"),
    (P.DESCRIBED, G.PRACK): Step(D.CONFIRM, P.CLEAR, _MATCHES),
    (P.DESCRIBED, G.REPEAT_DUE): Step(D.REPEAT, P.DESCRIBED, "s.3: T1, doubling without an end"),
    (P.DESCRIBED, G.OVERDUE): Step(D.GIVE_UP, P.CLEAR, _OVERDUE),
    (P.DESCRIBED, G.ANSWER): Step(D.HOLD, P.HELD, "s.3: a description that is not acknowledged: no 2xx yet"),
    (P.DESCRIBED, G.FINAL): Step(D.STOP, P.LATE, _STOPS),
    (P.HELD, G.SEND): Step(D.IGNORE, P.HELD, "the answer is decided: nothing provisional any more"),
    (P.HELD, G.PRACK): Step(D.CONFIRM_AND_ACCEPT, P.CLEAR, "s.3: now the 200 may go"),
    (P.HELD, G.REPEAT_DUE): Step(D.REPEAT, P.HELD, "s.3"),
    (P.HELD, G.OVERDUE): Step(D.GIVE_UP, P.CLEAR, _OVERDUE),
    (P.HELD, G.ANSWER): Step(D.IGNORE, P.HELD, "picked up already"),
    (P.HELD, G.FINAL): Step(D.STOP, P.LATE, _STOPS),
    (P.LATE, G.PRACK): Step(D.CONFIRM, P.CLEAR, "s.3: it is still answered after the final response"),
    (P.LATE, G.SEND): Step(D.IGNORE, P.LATE, "s.3: no new ones after the final response"),
    (P.LATE, G.ANSWER): Step(D.IGNORE, P.LATE, "answered already"),
    (P.LATE, G.FINAL): Step(D.IGNORE, P.LATE, "answered already"),
    (P.LATE, G.REPEAT_DUE): Step(D.IGNORE, P.LATE, "s.3: no longer repeated"),
    (P.LATE, G.OVERDUE): Step(D.IGNORE, P.LATE, "s.3: no longer waited for"),
}


def asked_for(invite: Request) -> str:
    """Return what an INVITE says of reliable provisional responses: "required", "supported" or ""."""
    headers = invite.headers
    if "require" in headers and OPTION in headers.split("require"):
        return "required"
    return "supported" if "supported" in headers and OPTION in headers.split("supported") else ""


def is_reliable(response: Response) -> bool:
    """Whether a provisional response asks for a PRACK (s.4)."""
    headers = response.headers
    return "rseq" in headers and response.status > 100 and OPTION in headers.split("require")


def rseq_of(response: Response) -> int:
    """Return the RSeq number, 0 for one that is none."""
    text = (response.headers.get("rseq") or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else 0


class Provisional(NamedTuple):
    """A provisional response to be sent: its status, its description, further lines."""

    status: int
    sdp: bytes
    headers: Sequence[Header]


class ReliableProvisionals:
    """What a callee has sent reliably on one INVITE, one at a time.

    Attributes
    ----------
    phase : Phase
    response : Response or None
        The one that waits for its PRACK.
    queue : deque of Provisional
        Those that wait for their turn.
    held : tuple or None
        The 200 that waits: its description and lines.
    described : bool
        Whether a description has been acknowledged.
    """

    __slots__ = (
        "_rseq",
        "deadline",
        "described",
        "due",
        "held",
        "interval_s",
        "phase",
        "queue",
        "response",
    )

    def __init__(self, local_tag: str) -> None:
        # s.3: the first number is chosen uniformly; our tag is random, so this is.
        self._rseq = crc32(local_tag.encode()) % (2**31 - 1)
        self.phase = Phase.CLEAR
        self.response: Response | None = None
        self.queue: deque[Provisional] = deque()
        self.held: tuple[bytes, Sequence[Header]] | None = None
        self.described = False
        self.due = self.deadline = self.interval_s = 0.0

    def step(self, given: Given) -> Deed:
        """Return what is to be done, and go on."""
        deed, self.phase, _ = STEPS[self.phase, given]
        return deed

    def lines(self) -> list[Header]:
        """Return the header fields of the next one: one number more than the last (s.3)."""
        self._rseq += 1
        return [("Require", OPTION), ("RSeq", str(self._rseq))]

    def sent(self, response: Response, now: float, t1_s: float) -> None:
        """Take note that this one was sent for the first time."""
        self.response = response
        self.phase = Phase.DESCRIBED if response.body else Phase.SOUNDING
        self.interval_s = t1_s
        self.due, self.deadline = now + t1_s, now + 64 * t1_s

    def repeated(self, now: float) -> float:
        """Take note that it was sent again, and return when it is due next."""
        self.interval_s *= 2
        self.due = min(now + self.interval_s, self.deadline)
        return self.due

    def matches(self, prack: Request) -> bool:
        """Whether a PRACK is of the response that waits (s.3: number, CSeq number and method)."""
        response = self.response
        if response is None:
            return False
        wanted = [str(rseq_of(response)), str(response.cseq), "INVITE"]
        return (prack.headers.get("rack") or "").split() == wanted

    def acknowledged(self) -> Response:
        """Take note of the PRACK and return what it acknowledges."""
        response, self.response = self.response, None
        assert response is not None  # it matched
        self.described = self.described or bool(response.body)
        return response
