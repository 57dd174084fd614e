"""What became of a stream: once with the whole truth kept in sets, once as RFC 3550 A.1, A.3 and A.8 print it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple


class Arrival(NamedTuple):
    time_ns: int
    sequence: int
    timestamp: int


class Rfc3550Source:
    """The C of A.1, A.3 and A.8 without its probation, line by line."""

    def __init__(self, first: int) -> None:
        self.init_seq(first)
        self.max_seq = (first - 1) & 0xFFFF
        self.transit: float | None = None
        self.jitter = 0.0

    def init_seq(self, seq: int) -> None:
        self.base_seq = seq
        self.max_seq = seq
        self.bad_seq = 65537
        self.cycles = 0
        self.received = 0

    def update_seq(self, seq: int) -> bool:
        udelta = (seq - self.max_seq) & 0xFFFF
        if udelta < 3000:
            if seq < self.max_seq:
                self.cycles += 65536
            self.max_seq = seq
        elif udelta <= 65536 - 100:
            if seq != self.bad_seq:
                self.bad_seq = (seq + 1) & 0xFFFF
                return False
            self.init_seq(seq)
            self.transit = None
        self.received += 1
        return True

    def lost(self) -> int:
        # The first packet of a stream that begins with 0 is taken for a wrap by the printed code: it starts one below.
        expected = (self.cycles + self.max_seq - self.base_seq + 1) % 65536
        return expected - self.received

    def update_jitter(self, arrival_ticks: float, timestamp: int) -> float:
        transit = arrival_ticks - timestamp
        if self.transit is not None:
            self.jitter += (abs(transit - self.transit) - self.jitter) / 16
        self.transit = transit
        return self.jitter


class Truth(NamedTuple):
    """Of a stream without restarts whose numbers stay within half a cycle of each other."""

    packets: int
    expected: int
    lost: int
    duplicates: int
    reordered: int
    max_delta_ns: int


def truth(arrivals: Sequence[Arrival]) -> Truth:
    """Keep every number that came in a set."""
    first = arrivals[0].sequence
    seen: set[int] = set()
    duplicates = reordered = 0
    for arrival in arrivals:
        number = (arrival.sequence - first + 32768) % 65536
        if number in seen:
            duplicates += 1
        elif seen and number < max(seen):
            reordered += 1
        seen.add(number)
    expected = max(seen) - min(seen) + 1
    deltas = [b.time_ns - a.time_ns for a, b in pairwise(arrivals)]
    return Truth(len(arrivals), expected, expected - len(seen), duplicates, reordered, max(deltas, default=0))


def jitter(arrivals: Sequence[Arrival], clock_rate_hz: int) -> list[float]:
    """Return J after each packet, in ticks; timestamps must not wrap."""
    source = Rfc3550Source(arrivals[0].sequence)
    return [source.update_jitter(each.time_ns * clock_rate_hz / 1e9, each.timestamp) for each in arrivals]
