"""What a caller waits for, and how a wait can end.

A lease is the permission to let time pass: in the simulated world the clock moves only while somebody holds one, and
never past its horizon. Must not know which clock it is.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable
from typing import Protocol


class Outcome(enum.Enum):
    """How a wait ended."""

    HELD = "held"
    """The condition holds, and time stands at the instant at which it came true."""
    TIMEOUT = "timeout"
    """The horizon was reached first."""
    NOTHING_LEFT = "nothing left"
    """No event is left that could make the condition true (simulated world only)."""
    REVOKED = "revoked"
    """The caller was interrupted and gave the lease back."""


class Settled(Protocol):
    """What ``concurrent.futures.Future`` and ``asyncio.Future`` have in common: the lab settles it, the caller looks at
    it.
    """

    def done(self) -> bool:
        """Return whether it was settled."""

    def set_result(self, result: Outcome, /) -> None:
        """Settle it."""

    def set_exception(self, exception: BaseException, /) -> None:
        """Settle it with an error."""


class Lease:
    """One caller's wait.

    Parameters
    ----------
    settled : Settled
        Told how the wait ended.
    condition : callable or None
        Asked after every round of callbacks, in the lab's thread; None for a wait that only the clock ends.
    seconds : float
        How much time may pass at most, counted from the grant.
    until_s : float
        The lab time that may not be passed; the nearer of the two is the horizon.
    ends_when_idle : bool
        Whether to give up when nothing is left to happen, instead of moving the clock to the horizon.
    grants_time : bool
        False for a wait inside the lab, which lets nothing pass that the world outside has not granted.
    """

    __slots__ = ("condition", "ends_when_idle", "grants_time", "horizon_s", "seconds", "settled")

    def __init__(
        self,
        settled: Settled,
        condition: Callable[[], bool] | None = None,
        *,
        seconds: float = math.inf,
        until_s: float = math.inf,
        ends_when_idle: bool = True,
        grants_time: bool = True,
    ) -> None:
        self.settled = settled
        self.condition = condition
        self.seconds = seconds
        self.horizon_s = until_s
        self.ends_when_idle = ends_when_idle
        self.grants_time = grants_time

    def begin(self, now: float) -> None:
        """Fix the horizon: the wait starts now."""
        self.horizon_s = max(now, min(self.horizon_s, round(now + self.seconds, 9)))

    def end(self, outcome: Outcome | BaseException) -> None:
        """Tell the caller, unless it no longer listens."""
        if self.settled.done():
            return
        if isinstance(outcome, Outcome):
            self.settled.set_result(outcome)
        else:
            self.settled.set_exception(outcome)
