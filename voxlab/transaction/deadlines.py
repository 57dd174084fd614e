"""Deadlines in lanes: one queue per duration, so that starting, stopping and finding the next deadline are all O(1).

Time never runs backwards, hence what is started later with the same duration is due later: a lane is in order without
sorting. A deadline that was stopped lets go of its owner at once; its place in the lane is an empty seat until it comes
to the front, or until empty seats are the greater part and all are taken out. Made for the timers of RFC 3261 s.17,
which have some twenty different durations; must not know what is due.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator
from math import inf
from typing import Generic, TypeAlias, TypeVar

Owner = TypeVar("Owner", bound=Hashable)
Seat: TypeAlias = tuple[float, int, int]
"""When it is due, a number that is its own, and the number of what happens then.

Not whose it is: of plain numbers alone, a seat is nothing to the garbage collector, and a busy server has 100,000.
"""

_EMPTY_SEATS = 4_096  # so many may stand about in any case
_TICK_S = 1e-9  # a virtual clock counts whole nanoseconds: a deadline it rounded down is due


class Deadlines(Generic[Owner]):
    """At most one deadline per owner, each with the number of what happens then.

    ``now`` must not be smaller from one call to the next.

    Attributes
    ----------
    earliest_s : float or None
        What ``next_s`` would return, None where it has to look first.
    """

    __slots__ = ("_empty", "_lanes", "_last", "_order", "_owners", "_seats", "earliest_s")

    def __init__(self) -> None:
        self._lanes: dict[float, deque[Seat]] = {}
        self._order: list[deque[Seat]] = []
        self._seats: dict[Owner, Seat] = {}
        self._owners: dict[int, Owner] = {}
        self._last = 0
        self._empty = 0
        self.earliest_s: float | None = inf  # None: not known until somebody asks

    def __len__(self) -> int:
        return len(self._seats)

    def start(self, owner: Owner, delay_s: float, event: int, now: float) -> None:
        """Have ``event`` happen to ``owner`` in ``delay_s`` seconds; what was started for it before is stopped."""
        seats = self._seats
        if owner in seats:
            self.stop(owner)
        due_s = now + delay_s
        self._last = number = self._last + 1
        self._owners[number] = owner
        seats[owner] = seat = (due_s, number, event)
        try:
            self._lanes[delay_s].append(seat)
        except KeyError:
            self._open(delay_s).append(seat)
        if self.earliest_s is not None and due_s < self.earliest_s:
            self.earliest_s = due_s

    def stop(self, owner: Owner) -> None:
        """Forget the deadline of ``owner``, if it has one."""
        seat = self._seats.pop(owner, None)
        if seat is not None:
            del self._owners[seat[1]]
            self._empty += 1
            if seat[0] == self.earliest_s:
                self.earliest_s = None
            if self._empty > _EMPTY_SEATS and self._empty > len(self._seats):
                self._take_out_empty()

    def running(self, owner: Owner) -> int | None:
        """Return what will happen to ``owner``, None if it has no deadline."""
        seat = self._seats.get(owner)
        return None if seat is None else seat[2]

    def next_s(self) -> float:
        """Return the earliest deadline, infinity if there is none."""
        earliest_s = self.earliest_s
        if earliest_s is None:
            earliest_s = inf
            owners = self._owners
            for lane in self._order:
                while lane and lane[0][1] not in owners:
                    lane.popleft()
                    self._empty -= 1
                if lane and lane[0][0] < earliest_s:
                    earliest_s = lane[0][0]
            self.earliest_s = earliest_s
        return earliest_s

    def due(self, now: float) -> Iterator[tuple[Owner, int]]:
        """Take and yield what is due at ``now``, lane by lane, in each the oldest first.

        Deadlines may be started and stopped in between.
        """
        if self.next_s() > now + _TICK_S:
            return
        owners = self._owners
        for lane in self._order:
            while lane and (lane[0][0] <= now + _TICK_S or lane[0][1] not in owners):
                _, number, event = lane.popleft()
                if number in owners:
                    owner = owners.pop(number)
                    del self._seats[owner]
                    self.earliest_s = None
                    yield owner, event
                else:
                    self._empty -= 1

    def _take_out_empty(self) -> None:
        """Let go of all seats whose deadline was stopped; in place, for somebody may be walking along a lane."""
        owners = self._owners
        for lane in self._order:
            for _ in range(len(lane)):
                seat = lane.popleft()
                if seat[1] in owners:
                    lane.append(seat)
        self._empty = 0

    def _open(self, delay_s: float) -> deque[Seat]:
        lane = self._lanes[delay_s] = deque()
        self._order.append(lane)
        return lane
