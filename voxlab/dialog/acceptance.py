"""A 2xx to INVITE that waits for its ACK (RFC 3261 s.13.3.1.4).

Must not know how it is sent: it says when it is due.
"""

from __future__ import annotations

from typing import Protocol

from voxlab.sip.message import Response


class AckTimers(Protocol):
    """The two values of ``transaction.timers.Timers`` that matter here."""

    @property
    def t1_s(self) -> float:
        """Where the interval starts."""

    @property
    def t2_s(self) -> float:
        """Where it stops doubling."""


class Acceptance:
    """The 2xx that was sent, over whatever transport, and when it is to be sent again.

    Attributes
    ----------
    transaction : int
        The server transaction that sends it.
    response : Response
    due : float
        When it is repeated or given up.
    deadline : float
        When the ACK is overdue: 64*T1 after the first.
    """

    __slots__ = ("_interval_s", "_t2_s", "deadline", "due", "response", "transaction")

    def __init__(self, transaction: int, response: Response, now: float, timers: AckTimers) -> None:
        self.transaction = transaction
        self.response = response
        self._interval_s = timers.t1_s
        self._t2_s = timers.t2_s
        self.due = now + timers.t1_s
        self.deadline = now + 64 * timers.t1_s

    def repeated(self, now: float) -> float:
        """Take note that it was sent once more, and return when it is due next."""
        self._interval_s = min(2 * self._interval_s, self._t2_s)
        self.due = min(now + self._interval_s, self.deadline)
        return self.due
