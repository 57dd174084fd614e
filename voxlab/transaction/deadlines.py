"""Deadlines in lanes: one queue per duration, so that starting, stopping and finding the next deadline are all O(1).

Time never runs backwards, hence what is started later with the same duration is due later: a lane is in order without
sorting. A stopped deadline leaves its lane at once, nothing stale piles up. Made for the timers of RFC 3261 s.17, which
have some twenty different durations; must not know what is due.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from math import inf
from typing import Generic, TypeVar

Owner = TypeVar("Owner", bound=Hashable)

_TICK_S = 1e-9  # a virtual clock counts whole nanoseconds: a deadline it rounded down is due


class Deadlines(Generic[Owner]):
    """At most one deadline per owner, each with the number of what happens then.

    ``now`` must not be smaller from one call to the next.
    """

    __slots__ = ("_earliest_s", "_lane_of", "_lanes", "_order")

    def __init__(self) -> None:
        self._lanes: dict[float, OrderedDict[Owner, tuple[float, int]]] = {}
        self._order: list[OrderedDict[Owner, tuple[float, int]]] = []
        self._lane_of: dict[Owner, OrderedDict[Owner, tuple[float, int]]] = {}
        self._earliest_s: float | None = inf  # None: not known until somebody asks

    def __len__(self) -> int:
        return len(self._lane_of)

    def start(self, owner: Owner, delay_s: float, event: int, now: float) -> None:
        """Have ``event`` happen to ``owner`` in ``delay_s`` seconds; what was started for it before is stopped."""
        if owner in self._lane_of:
            self.stop(owner)
        lane = self._lanes.get(delay_s)
        if lane is None:
            lane = self._open(delay_s)
        due_s = now + delay_s
        lane[owner] = (due_s, event)
        self._lane_of[owner] = lane
        if self._earliest_s is not None and due_s < self._earliest_s:
            self._earliest_s = due_s

    def stop(self, owner: Owner) -> None:
        """Forget the deadline of ``owner``, if it has one."""
        lane = self._lane_of.pop(owner, None)
        if lane is not None and lane.pop(owner)[0] == self._earliest_s:
            self._earliest_s = None

    def running(self, owner: Owner) -> int | None:
        """Return what will happen to ``owner``, None if it has no deadline."""
        lane = self._lane_of.get(owner)
        return None if lane is None else lane[owner][1]

    def next_s(self) -> float:
        """Return the earliest deadline, infinity if there is none."""
        earliest_s = self._earliest_s
        if earliest_s is None:
            heads = [next(iter(lane.values()))[0] for lane in self._order if lane]
            earliest_s = self._earliest_s = min(heads, default=inf)
        return earliest_s

    def due(self, now: float) -> Iterator[tuple[Owner, int]]:
        """Take and yield what is due at ``now``, lane by lane, in each the oldest first.

        Deadlines may be started and stopped in between.
        """
        if self.next_s() > now + _TICK_S:
            return
        for lane in self._order:
            while lane:
                owner, (due_s, event) = next(iter(lane.items()))
                if due_s > now + _TICK_S:
                    break
                self.stop(owner)
                yield owner, event

    def _open(self, delay_s: float) -> OrderedDict[Owner, tuple[float, int]]:
        lane: OrderedDict[Owner, tuple[float, int]] = OrderedDict()
        self._lanes[delay_s] = lane
        self._order.append(lane)
        return lane
