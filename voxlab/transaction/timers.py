"""The timers of a SIP transaction, A to M, derived from T1, T2 and T4.

RFC 3261 s.17 and its Table 4, RFC 6026 s.7 (L and M), RFC 4320 s.4 (100 to a non-INVITE request). Must not know which
machine uses which timer, nor what a clock is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from voxlab.base.errors import VoxlabError

_TIMER_D_MINIMUM_S = 32.0


class Timer(NamedTuple):
    """One row of RFC 3261 Table 4; ``None`` means that the timer is not started on that kind of transport."""

    letter: str
    unreliable_s: float | None
    reliable_s: float | None
    section: str
    meaning: str


@dataclass(frozen=True)
class Timers:
    """The estimates that all transaction timers derive from (RFC 3261 s.17.1.1.1, s.17.1.2.2).

    Parameters
    ----------
    t1_s : float
        Round-trip time estimate in seconds; every retransmission starts here.
    t2_s : float
        Longest interval between retransmissions of a non-INVITE request or of a response to INVITE, in seconds.
    t4_s : float
        Longest time that a message remains in the network, in seconds.
    trying_s : float
        After how many seconds without an answer to an INVITE the server machine sends 100 itself (s.17.2.1: 0.2).
    c_s : float
        Timer C of a proxy in seconds: more than three minutes (s.16.6 item 11). No machine of this room starts it.

    Raises
    ------
    VoxlabError
        A value is not a positive finite number, T2 is below T1, or C is not above 180 s.
    """

    t1_s: float = 0.5
    t2_s: float = 4.0
    t4_s: float = 5.0
    trying_s: float = 0.2
    c_s: float = 181.0

    def __post_init__(self) -> None:
        for name in ("t1_s", "t2_s", "t4_s", "trying_s", "c_s"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise VoxlabError(f"Timers: {name} is {value!r}; it has to be a positive number of seconds")
        if self.t2_s < self.t1_s:
            raise VoxlabError(f"Timers: t2_s is {self.t2_s}, below t1_s = {self.t1_s}; intervals grow from T1 up to T2")
        if self.c_s <= 180:
            raise VoxlabError(f"Timers: c_s is {self.c_s}; RFC 3261 s.16.6 wants more than 180 seconds")

    @property
    def transaction_s(self) -> float:
        """64*T1: how long a side waits for the other, and the value of timers B, F, H, L and M."""
        return 64 * self.t1_s

    @property
    def d_s(self) -> float:
        """Timer D on UDP: at least 32 s, because the T1 of the server is not known (s.17.1.1.2)."""
        return max(_TIMER_D_MINIMUM_S, self.transaction_s)

    @property
    def non_invite_trying_s(self) -> float:
        """After which a non-INVITE request gets a 100: when a client's Timer E is reset to T2 (RFC 4320 s.4.1)."""
        elapsed_s = interval_s = self.t1_s
        while 2 * interval_s < self.t2_s:
            interval_s *= 2
            elapsed_s += interval_s
        return elapsed_s

    @cached_property
    def rows(self) -> tuple[Timer, ...]:
        """Every timer with its values on both kinds of transport: Table 4 of RFC 3261 for these estimates."""
        span = self.transaction_s
        return (
            Timer("A", self.t1_s, None, "RFC 3261 s.17.1.1.2", "INVITE request retransmit interval; doubles"),
            Timer("B", span, span, "RFC 3261 s.17.1.1.2", "INVITE transaction timeout"),
            Timer("C", self.c_s, self.c_s, "RFC 3261 s.16.6", "proxy INVITE transaction timeout"),
            Timer("D", self.d_s, 0.0, "RFC 3261 s.17.1.1.2", "wait time for response retransmits"),
            Timer(
                "E", self.t1_s, None, "RFC 3261 s.17.1.2.2", "non-INVITE request retransmit interval; doubles up to T2"
            ),
            Timer("F", span, span, "RFC 3261 s.17.1.2.2", "non-INVITE transaction timeout"),
            Timer("G", self.t1_s, None, "RFC 3261 s.17.2.1", "INVITE response retransmit interval; doubles up to T2"),
            Timer("H", span, span, "RFC 3261 s.17.2.1", "wait time for ACK receipt"),
            Timer("I", self.t4_s, 0.0, "RFC 3261 s.17.2.1", "wait time for ACK retransmits"),
            Timer("J", span, 0.0, "RFC 3261 s.17.2.2", "wait time for non-INVITE request retransmits"),
            Timer("K", self.t4_s, 0.0, "RFC 3261 s.17.1.2.2", "wait time for response retransmits"),
            Timer("L", span, span, "RFC 6026 s.7.1", "wait time for accepted INVITE request retransmits"),
            Timer("M", span, span, "RFC 6026 s.7.2", "wait time for 2xx retransmits and for 2xx of other branches"),
        )

    def value_s(self, letter: str, *, reliable: bool) -> float | None:
        """Return what timer ``letter`` is set to, in seconds; None where it is not started.

        Raises
        ------
        VoxlabError
            There is no such timer.
        """
        for row in self.rows:
            if row.letter == letter:
                return row.reliable_s if reliable else row.unreliable_s
        raise VoxlabError(f"there is no timer {letter!r}; the timers are {''.join(row.letter for row in self.rows)}")
