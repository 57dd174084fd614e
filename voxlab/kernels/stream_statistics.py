"""What one received RTP stream went through: lost, doubled, reordered, jitter (RFC 3550 A.1, A.3, A.8).

Must not know bytes, addresses or who asks. One body serves three ways: compiled over columns, over lists where nothing
is compiled, and packet by packet in a live session, so that the three cannot disagree. Where the truth and the RFC's
arithmetic part, both are kept: a duplicate hides a loss in A.3's ``expected - received``, and a first packet overtaken
by its successor makes it negative.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from voxlab.kernels._jit import inner, kernel

RTP_SEQ_MOD: Final = 1 << 16
MAX_DROPOUT: Final = 3000
MAX_MISORDER: Final = 100
WINDOW: Final = 128
"""Slots that remember recent extended sequence numbers.

A.1 takes nothing older than `MAX_MISORDER`, so 128 find every duplicate.
"""

NS: Final = 1_000_000_000
_INVALID: Final = -(1 << 62)

# Cells of the counters, int64. Extended sequence numbers never repeat, across restarts either.
STARTED: Final = 0
RECEIVED: Final = 1  # valid packets, duplicates among them
DUPLICATES: Final = 2
REORDERED: Final = 3  # came after a higher number, and for the first time
DISCARDED: Final = 4  # a jump in sequence that the next packet did not confirm (A.1)
RESTARTS: Final = 5  # a jump that it did confirm: a new segment
GAPS: Final = 6  # times that numbers were skipped
HIGHEST: Final = 7  # extended; of this segment, as the next two
LOWEST: Final = 8
BASE: Final = 9  # A.1's base_seq: the number that came first, not the lowest
AWAITED: Final = 10  # A.1's bad_seq: the number that would confirm a jump, -1 for none
EXPECTED_BEFORE: Final = 11  # in the segments before this one
SEGMENT_RECEIVED: Final = 12  # A.1's received, which a restart resets
FIRST_NS: Final = 13
LAST_NS: Final = 14
MAX_DELTA_NS: Final = 15
REFERENCE: Final = 16  # whether the next two hold a packet that the following one can be measured against
REFERENCE_NS: Final = 17
REFERENCE_TIMESTAMP: Final = 18
JITTER_SAMPLES: Final = 19
COUNTERS: Final = 20

# Cells of the estimates, float64, clock ticks.
JITTER: Final = 0
JITTER_SUM: Final = 1
JITTER_MAX: Final = 2
ESTIMATES: Final = 3

Column = npt.NDArray[np.int64]
Cells: TypeAlias = Any
"""A list, or an array of the same numbers: the body indexes either."""


@inner
def _begin(number: int, at_ns: int, counters: Cells) -> None:
    counters[STARTED] = 1
    counters[HIGHEST] = number - 1
    counters[LOWEST] = number
    counters[BASE] = number
    counters[AWAITED] = -1
    counters[FIRST_NS] = at_ns
    counters[LAST_NS] = at_ns


@inner
def _restart(number: int, counters: Cells, window: Cells) -> int:
    """Begin a new segment: the source restarted without telling us (A.1).

    The packet before this one was held against it and is credited now. The segment counts in a fresh cycle, so that no
    number of the old one can pass for a duplicate.
    """
    extended: int = (counters[HIGHEST] | (RTP_SEQ_MOD - 1)) + 1 + number
    held = extended - 1
    counters[EXPECTED_BEFORE] += counters[HIGHEST] - counters[LOWEST] + 1
    counters[HIGHEST] = held
    counters[LOWEST] = held
    counters[BASE] = extended
    counters[SEGMENT_RECEIVED] = 0
    counters[RESTARTS] += 1
    counters[DISCARDED] -= 1
    counters[RECEIVED] += 1
    counters[AWAITED] = -1
    counters[REFERENCE] = 0
    window[held & (WINDOW - 1)] = held
    return extended


@inner
def _extend(number: int, counters: Cells, window: Cells) -> int:
    """Return the extended sequence number, or `_INVALID` for a jump that awaits its successor: A.1's update_seq.

    A.1's probation is left out: the peer was announced by SDP, and a statistic that misses the first packet surprises
    people.
    """
    highest: int = counters[HIGHEST]
    ahead = (number - highest) & (RTP_SEQ_MOD - 1)
    if ahead < MAX_DROPOUT:
        return highest + ahead
    if ahead > RTP_SEQ_MOD - MAX_MISORDER:
        return highest + ahead - RTP_SEQ_MOD
    if number == counters[AWAITED]:
        return _restart(number, counters, window)
    counters[AWAITED] = (number + 1) & (RTP_SEQ_MOD - 1)
    counters[DISCARDED] += 1
    return _INVALID


@inner
def _count(extended: int, counters: Cells, window: Cells) -> int:
    """Count a valid packet; return 1 the first time and 0 for a duplicate."""
    counters[RECEIVED] += 1
    counters[SEGMENT_RECEIVED] += 1
    slot = extended & (WINDOW - 1)
    if window[slot] == extended:
        counters[DUPLICATES] += 1
        return 0
    window[slot] = extended
    if extended > counters[HIGHEST]:
        if extended > counters[HIGHEST] + 1:
            counters[GAPS] += 1
        counters[HIGHEST] = extended
    else:
        counters[REORDERED] += 1
        counters[LOWEST] = min(counters[LOWEST], extended)
    return 1


@inner
def _measure(at_ns: int, timestamp: int, clock_rate_hz: int, counters: Cells, estimates: Cells) -> None:
    """Update the jitter (A.8); times are whole nanoseconds, so a clean stream has a deviation of exactly 0."""
    if counters[REFERENCE]:
        elapsed = ((timestamp - counters[REFERENCE_TIMESTAMP] + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
        deviation = abs((at_ns - counters[REFERENCE_NS]) * clock_rate_hz - elapsed * NS) / 1e9
        jitter = estimates[JITTER] + (deviation - estimates[JITTER]) / 16.0
        estimates[JITTER] = jitter
        estimates[JITTER_SUM] += jitter
        estimates[JITTER_MAX] = max(estimates[JITTER_MAX], jitter)
        counters[JITTER_SAMPLES] += 1
    counters[REFERENCE] = 1
    counters[REFERENCE_NS] = at_ns
    counters[REFERENCE_TIMESTAMP] = timestamp


def _is_next_run(sequence: Column, counters: Column) -> bool:
    """Tell whether the numbers continue the stream without gap, swap or duplicate."""
    due = np.arange(1, len(sequence) + 1) + counters[HIGHEST]
    return bool(counters[STARTED]) and not ((sequence - due) & (RTP_SEQ_MOD - 1)).any()


def _run_of_packets(
    time_ns: Column,
    timestamp: Column,
    clock_rate_hz: int,
    timed: bool,
    counters: Column,
    estimates: Cells,
    window: Column,
) -> None:
    """Take a clean run at once; only the jitter of an unclean clock goes packet by packet."""
    packets = len(time_ns)
    counters[RECEIVED] += packets
    counters[SEGMENT_RECEIVED] += packets
    counters[HIGHEST] += packets
    recent = counters[HIGHEST] - np.arange(min(packets, WINDOW))
    window[recent & (WINDOW - 1)] = recent
    deltas = np.diff(time_ns, prepend=counters[LAST_NS])
    counters[MAX_DELTA_NS] = max(counters[MAX_DELTA_NS], deltas.max())
    counters[LAST_NS] = time_ns[-1]
    if timed:
        _measure_run(time_ns, timestamp, clock_rate_hz, counters, estimates)


def _measure_run(time_ns: Column, timestamp: Column, clock_rate_hz: int, counters: Column, estimates: Cells) -> None:
    passed = np.diff(time_ns, prepend=counters[REFERENCE_NS])
    elapsed = ((np.diff(timestamp, prepend=counters[REFERENCE_TIMESTAMP]) + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
    deviation = np.abs(passed * clock_rate_hz - elapsed * NS)
    if estimates[JITTER] or deviation.any():
        jitter, total, highest = estimates.tolist()
        for each in (deviation / 1e9).tolist():
            jitter += (each - jitter) / 16.0
            total += jitter
            highest = max(highest, jitter)
        estimates[:] = jitter, total, highest
    counters[JITTER_SAMPLES] += len(time_ns)
    counters[REFERENCE_NS] = time_ns[-1]
    counters[REFERENCE_TIMESTAMP] = timestamp[-1]


def _by_numpy(
    time_ns: Cells,
    sequence: Cells,
    timestamp: Cells,
    clock_rate_hz: int,
    timed: bool,
    counters: Cells,
    estimates: Cells,
    window: Cells,
    fresh: Cells,
) -> None:
    """Take clean runs by whole arrays, all else by the body over lists, which Python indexes faster than arrays."""
    if counters[REFERENCE] and _is_next_run(sequence, counters):
        fresh[:] = 1
        _run_of_packets(time_ns, timestamp, clock_rate_hz, timed, counters, estimates, window)
        return
    cells = counters.tolist(), estimates.tolist(), window.tolist(), fresh.tolist()
    observe.body(time_ns.tolist(), sequence.tolist(), timestamp.tolist(), clock_rate_hz, timed, *cells)
    counters[:], estimates[:], window[:], fresh[:] = cells


_IN: Final = "Array(int64, 1, 'C', True)"


@kernel(f"void({_IN}, {_IN}, {_IN}, int64, boolean, int64[::1], float64[::1], int64[::1], uint8[::1])", twin=_by_numpy)
def observe(
    time_ns: Cells,
    sequence: Cells,
    timestamp: Cells,
    clock_rate_hz: int,
    timed: bool,
    counters: Cells,
    estimates: Cells,
    window: Cells,
    fresh: Cells,
) -> None:
    """Take packets, in order of arrival, into the cells of a `StreamState`; mark those valid and new in ``fresh``."""
    for i in range(len(time_ns)):
        if not counters[STARTED]:
            _begin(sequence[i], time_ns[i], counters)
        extended = _extend(sequence[i], counters, window)
        fresh[i] = 0
        if extended == _INVALID:
            continue
        fresh[i] = _count(extended, counters, window)
        counters[MAX_DELTA_NS] = max(counters[MAX_DELTA_NS], time_ns[i] - counters[LAST_NS])
        counters[LAST_NS] = time_ns[i]
        if timed:
            _measure(time_ns[i], timestamp[i], clock_rate_hz, counters, estimates)


class StreamState:
    """What is known of one stream between packets.

    Lists while packets come one by one, arrays while they come in columns; it changes over by itself.

    Attributes
    ----------
    counters : list of int or int64 array, `COUNTERS` cells
        Indexed by the names of this module.
    estimates : list of float or float64 array, `ESTIMATES` cells
        Clock ticks.
    window : list of int or int64 array, `WINDOW` cells
        Recent extended sequence numbers, each in the slot of its low bits.
    """

    __slots__ = ("_columnar", "counters", "estimates", "window")

    def __init__(self) -> None:
        self.counters: Cells = [0] * COUNTERS
        self.estimates: Cells = [0.0] * ESTIMATES
        self.window: Cells = [_INVALID] * WINDOW
        self._columnar = False

    def add(self, time_ns: int, sequence: int, timestamp: int, clock_rate_hz: int, timed: bool = True) -> bool:
        """Take one packet, and tell whether it is a valid one that has not been seen before.

        Parameters
        ----------
        time_ns : int
            Arrival, nanoseconds.
        sequence : int
            16 bits, as on the wire.
        timestamp : int
            32 bits, as on the wire.
        clock_rate_hz : int
            Ticks a second.
        timed : bool
            False for packets whose timestamp stands still, such as telephone events: they are counted and tell no
            jitter.
        """
        if self._columnar:
            self.counters, self.estimates, self.window = (
                self.counters.tolist(),
                self.estimates.tolist(),
                self.window.tolist(),
            )
            self._columnar = False
        fresh = [0]
        observe.body(
            (time_ns,),
            (sequence,),
            (timestamp,),
            clock_rate_hz,
            timed,
            self.counters,
            self.estimates,
            self.window,
            fresh,
        )
        return fresh[0] == 1

    def add_columns(
        self,
        time_ns: npt.NDArray[Any],
        sequence: npt.NDArray[Any],
        timestamp: npt.NDArray[Any],
        clock_rate_hz: int,
        timed: bool = True,
    ) -> npt.NDArray[np.bool_]:
        """Take packets in order of arrival; the same as `add` for each, bit for bit.

        Parameters
        ----------
        time_ns : int64 array, shape (n,)
            Arrival, nanoseconds, not decreasing.
        sequence : uint16 array, shape (n,)
        timestamp : uint32 array, shape (n,)
        clock_rate_hz : int
        timed : bool
            As in `add`, for all of them.

        Returns
        -------
        bool array, shape (n,)
            What `add` returns for each.
        """
        if not len(time_ns) == len(sequence) == len(timestamp):
            raise ValueError(f"columns of {len(time_ns)}, {len(sequence)} and {len(timestamp)} packets")
        fresh = np.zeros(len(time_ns), dtype=np.uint8)
        if not len(time_ns):
            return fresh.astype(np.bool_)
        if not self._columnar:
            self.counters, self.window = np.array(self.counters, dtype=np.int64), np.array(self.window, dtype=np.int64)
            self.estimates = np.array(self.estimates, dtype=np.float64)
            self._columnar = True
        times, numbers, media = (np.ascontiguousarray(each, dtype=np.int64) for each in (time_ns, sequence, timestamp))
        observe(times, numbers, media, clock_rate_hz, timed, self.counters, self.estimates, self.window, fresh)
        return fresh.view(np.bool_)
