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
from voxlab.kernels.bursts import judge, judge_up_to
from voxlab.kernels.stream_cells import (
    AWAITED,
    BASE,
    CLOCK_RATE,
    COUNTERS,
    DISCARDED,
    DUPLICATES,
    ESTIMATES,
    EXPECTED_BEFORE,
    FIRST_NS,
    GAPS,
    HIGHEST,
    INVALID,
    JITTER,
    JITTER_MAX,
    JITTER_SAMPLES,
    JITTER_SUM,
    LAG,
    LAG_BOUND,
    LAST_NS,
    LATE,
    LATE_RUN,
    LOWEST,
    MAX_DELTA_NS,
    MAX_DROPOUT,
    MAX_MISORDER,
    NEXT_JUDGED,
    NS,
    PLAYOUT_NS,
    RECEIVED,
    REFERENCE,
    REFERENCE_NS,
    REFERENCE_TIMESTAMP,
    REFILL,
    REORDERED,
    RESTARTS,
    RTP_SEQ_MOD,
    SEGMENT_RECEIVED,
    STARTED,
    WINDOW,
)
from voxlab.kernels.stream_runs import behind_of, is_next_run, run_of_packets, take_run

Column = npt.NDArray[np.int64]
Cells: TypeAlias = Any
"""A list, or an array of the same numbers: the body indexes either."""


@inner
def _begin(number: int, at_ns: int, counters: Cells) -> None:
    counters[STARTED] = 1
    counters[HIGHEST] = number - 1
    counters[LOWEST] = number
    counters[BASE] = number
    counters[NEXT_JUDGED] = number
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
    judge_up_to(counters[HIGHEST], counters, window)
    counters[NEXT_JUDGED] = held
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
    window[held & (WINDOW - 1)] = 2 * held
    return extended


@inner
def _extend(number: int, counters: Cells, window: Cells) -> int:
    """Return the extended sequence number, or `INVALID` for a jump that awaits its successor: A.1's update_seq.

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
    return INVALID


@inner
def _count(extended: int, late: int, counters: Cells, window: Cells) -> int:
    """Count a valid packet; return 1 the first time and 0 for a duplicate."""
    counters[RECEIVED] += 1
    counters[SEGMENT_RECEIVED] += 1
    slot = extended & (WINDOW - 1)
    if window[slot] >> 1 == extended:
        counters[DUPLICATES] += 1
        return 0
    counters[LATE] += late
    if extended > counters[HIGHEST]:
        judge_up_to(extended - MAX_MISORDER, counters, window)
        if extended > counters[HIGHEST] + 1:
            counters[GAPS] += 1
        counters[HIGHEST] = extended
    else:
        counters[REORDERED] += 1
        counters[LOWEST] = min(counters[LOWEST], extended)
    if extended < counters[NEXT_JUDGED]:  # from before the packet that came first
        judge(late == 1, counters)
    window[slot] = 2 * extended + late
    return 1


@inner
def _measure(at_ns: int, timestamp: int, clock_rate_hz: int, counters: Cells, estimates: Cells) -> None:
    """Update the jitter (A.8) and the lag; times are whole nanoseconds, so a clean stream deviates by exactly 0."""
    if counters[CLOCK_RATE] != clock_rate_hz:
        _change_clock(clock_rate_hz, counters, estimates)
    if counters[REFERENCE]:
        elapsed = ((timestamp - counters[REFERENCE_TIMESTAMP] + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
        behind = (at_ns - counters[REFERENCE_NS]) * clock_rate_hz - elapsed * NS
        counters[LAG] = min(max(counters[LAG] + behind, -LAG_BOUND), LAG_BOUND)
        jitter = estimates[JITTER] + (abs(behind) / 1e9 - estimates[JITTER]) / 16.0
        estimates[JITTER] = jitter
        estimates[JITTER_SUM] += jitter
        estimates[JITTER_MAX] = max(estimates[JITTER_MAX], jitter)
        counters[JITTER_SAMPLES] += 1
    counters[REFERENCE] = 1
    counters[REFERENCE_NS] = at_ns
    counters[REFERENCE_TIMESTAMP] = timestamp


@inner
def _is_late(clock_rate_hz: int, counters: Cells) -> int:
    """Return 1 for a packet that lags behind what the listener's buffer holds back, which then fills anew in time."""
    if counters[LAG] <= PLAYOUT_NS * clock_rate_hz:
        counters[LATE_RUN] = 0
        return 0
    counters[LATE_RUN] += 1
    if counters[LATE_RUN] == REFILL:
        counters[LATE_RUN] = 0
        counters[LAG] = 0
    return 1


@inner
def _change_clock(clock_rate_hz: int, counters: Cells, estimates: Cells) -> None:
    """Go on in the ticks of another payload type's clock; the timestamps of the two cannot be compared."""
    if counters[CLOCK_RATE]:
        for i in range(ESTIMATES):
            estimates[i] *= clock_rate_hz / counters[CLOCK_RATE]
    counters[CLOCK_RATE] = clock_rate_hz
    counters[REFERENCE] = 0
    counters[LAG] = 0


def _by_numpy(
    time_ns: Cells,
    sequence: Cells,
    timestamp: Cells,
    marker: Cells,
    clock_rate_hz: int,
    timed: bool,
    counters: Cells,
    estimates: Cells,
    window: Cells,
    fresh: Cells,
) -> None:
    """Take clean runs by whole arrays, all else by the body over lists, which Python indexes faster than arrays."""
    if (
        counters[REFERENCE]
        and not marker.any()
        and (not timed or counters[CLOCK_RATE] == clock_rate_hz)
        and is_next_run(sequence, counters, window)
    ):
        behind = behind_of(time_ns, timestamp, clock_rate_hz, counters) if timed else None
        if behind is not None or not timed:
            fresh[:] = 1
            run_of_packets(time_ns, timestamp, behind, counters, estimates, window)
            return
    cells = counters.tolist(), estimates.tolist(), window.tolist(), fresh.tolist()
    columns = time_ns.tolist(), sequence.tolist(), timestamp.tolist(), marker.tolist()
    observe.body(*columns, clock_rate_hz, timed, *cells)
    counters[:], estimates[:], window[:], fresh[:] = cells


_IN: Final = "Array(int64, 1, 'C', True)"
_MARKERS: Final = "Array(uint8, 1, 'C', True)"


@kernel(
    f"void({_IN}, {_IN}, {_IN}, {_MARKERS}, int64, boolean, int64[::1], float64[::1], int64[::1], uint8[::1])",
    twin=_by_numpy,
)
def observe(
    time_ns: Cells,
    sequence: Cells,
    timestamp: Cells,
    marker: Cells,
    clock_rate_hz: int,
    timed: bool,
    counters: Cells,
    estimates: Cells,
    window: Cells,
    fresh: Cells,
) -> None:
    """Take packets, in order of arrival, into the cells of a `StreamState`; mark those valid and new in ``fresh``."""
    clean = take_run(time_ns, sequence, timestamp, marker, clock_rate_hz, timed, counters, estimates, window, fresh)
    for i in range(clean, len(time_ns)):
        if not counters[STARTED]:
            _begin(sequence[i], time_ns[i], counters)
        extended = _extend(sequence[i], counters, window)
        fresh[i] = 0
        if extended == INVALID:
            continue
        late = 0
        if timed:
            _measure(time_ns[i], timestamp[i], clock_rate_hz, counters, estimates)
            if marker[i] and extended > counters[HIGHEST]:
                counters[LAG] = 0  # a talkspurt: the listener's buffer begins anew
            late = _is_late(clock_rate_hz, counters)
        fresh[i] = _count(extended, late, counters, window)
        counters[MAX_DELTA_NS] = max(counters[MAX_DELTA_NS], time_ns[i] - counters[LAST_NS])
        counters[LAST_NS] = time_ns[i]


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
        Recent extended sequence numbers, each in the slot of its low bits, as ``2 * number + late``.
    """

    __slots__ = ("_columnar", "counters", "estimates", "window")

    def __init__(self) -> None:
        self.counters: Cells = [0] * COUNTERS
        self.estimates: Cells = [0.0] * ESTIMATES
        self.window: Cells = [INVALID] * WINDOW
        self._columnar = False

    def add(
        self,
        time_ns: int,
        sequence: int,
        timestamp: int,
        clock_rate_hz: int,
        timed: bool = True,
        marker: bool = False,
    ) -> bool:
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
        marker : bool
            Whether a talkspurt begins here: what is late is measured from its first packet.
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
            (marker,),
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
        marker: npt.NDArray[Any] | None = None,
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
        marker : bool array, shape (n,), optional
            None set when absent.

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
        marks = np.zeros(len(times), np.uint8) if marker is None else np.ascontiguousarray(marker).astype(np.uint8)
        observe(times, numbers, media, marks, clock_rate_hz, timed, self.counters, self.estimates, self.window, fresh)
        return fresh.view(np.bool_)
