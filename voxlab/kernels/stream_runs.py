"""Clean runs of a received RTP stream taken at once: in one loop, or by whole arrays where nothing is compiled.

Must give the very bits of ``stream_statistics.observe``, which takes packet by packet what is not clean.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from voxlab.kernels._jit import inner
from voxlab.kernels.stream_cells import (
    CLOCK_RATE,
    HIGHEST,
    JITTER,
    JITTER_MAX,
    JITTER_SAMPLES,
    JITTER_SUM,
    JUDGED,
    LAG,
    LAG_BOUND,
    LAST_NS,
    LATE_RUN,
    MAX_DELTA_NS,
    MAX_MISORDER,
    NEXT_JUDGED,
    NS,
    PLAYOUT_NS,
    RECEIVED,
    REFERENCE,
    REFERENCE_NS,
    REFERENCE_TIMESTAMP,
    RTP_SEQ_MOD,
    RUN,
    SEGMENT_RECEIVED,
    STARTED,
    WINDOW,
)

Column = npt.NDArray[np.int64]
Cells: TypeAlias = Any


def is_next_run(sequence: Column, counters: Column, window: Column) -> bool:
    """Tell whether the numbers continue the stream without gap, swap or duplicate, and nothing is missing so far."""
    if not counters[STARTED]:
        return False
    due = np.arange(1, len(sequence) + 1) + counters[HIGHEST]
    if ((sequence - due) & (RTP_SEQ_MOD - 1)).any():
        return False
    still_open = np.arange(counters[NEXT_JUDGED], counters[HIGHEST] + 1)
    return bool((window[still_open & (WINDOW - 1)] == 2 * still_open).all())


def behind_of(time_ns: Column, timestamp: Column, clock_rate_hz: int, counters: Column) -> Column | None:
    """Return how far each packet lies behind the one before it, nanoseconds * Hz; None where one of them is late."""
    passed = np.diff(time_ns, prepend=counters[REFERENCE_NS])
    elapsed = ((np.diff(timestamp, prepend=counters[REFERENCE_TIMESTAMP]) + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
    behind = passed * clock_rate_hz - elapsed * NS
    if np.abs(behind).max() * float(len(behind)) + abs(float(counters[LAG])) > LAG_BOUND / 2:
        return None
    late = counters[LAG] + np.cumsum(behind) > PLAYOUT_NS * clock_rate_hz
    return None if late.any() else behind


def run_of_packets(
    time_ns: Column, timestamp: Column, behind: Column | None, counters: Column, estimates: Cells, window: Column
) -> None:
    """Take a clean run at once; only the jitter of an unclean clock goes packet by packet."""
    packets = len(time_ns)
    counters[RECEIVED] += packets
    counters[SEGMENT_RECEIVED] += packets
    counters[HIGHEST] += packets
    recent = counters[HIGHEST] - np.arange(min(packets, WINDOW))
    window[recent & (WINDOW - 1)] = 2 * recent
    judged = max(0, counters[HIGHEST] - MAX_MISORDER - counters[NEXT_JUDGED] + 1)
    for cell in (NEXT_JUDGED, JUDGED, RUN):
        counters[cell] += judged
    deltas = np.diff(time_ns, prepend=counters[LAST_NS])
    counters[MAX_DELTA_NS] = max(counters[MAX_DELTA_NS], deltas.max())
    counters[LAST_NS] = time_ns[-1]
    if behind is not None:
        _measure_run(behind, counters, estimates)
        counters[REFERENCE_NS] = time_ns[-1]
        counters[REFERENCE_TIMESTAMP] = timestamp[-1]


def _measure_run(behind: Column, counters: Column, estimates: Cells) -> None:
    if estimates[JITTER] or behind.any():
        jitter, total, highest = estimates.tolist()
        for each in (np.abs(behind) / 1e9).tolist():
            jitter += (each - jitter) / 16.0
            total += jitter
            highest = max(highest, jitter)
        estimates[:] = jitter, total, highest
    counters[LAG] += behind.sum()
    counters[LATE_RUN] = 0
    counters[JITTER_SAMPLES] += len(behind)


LONG_ENOUGH: Final = 8
"""Packets of which looking for a run is worth it."""


@inner
def take_run(
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
) -> int:
    """Take packets as long as each is the next one, unmarked and in time; return how many that were.

    What `observe` keeps in cells stands in registers meanwhile.
    """
    if len(time_ns) < LONG_ENOUGH or not _begins_clean(clock_rate_hz, timed, counters, window):
        return 0
    highest, last_ns, delta_ns = counters[HIGHEST], counters[LAST_NS], counters[MAX_DELTA_NS]
    lag, before_ns, before = counters[LAG], counters[REFERENCE_NS], counters[REFERENCE_TIMESTAMP]
    jitter, total, peak = estimates[JITTER], estimates[JITTER_SUM], estimates[JITTER_MAX]
    taken = 0
    for i in range(len(time_ns)):
        if sequence[i] != (highest + 1) & (RTP_SEQ_MOD - 1) or marker[i]:
            break
        if timed:
            elapsed = ((timestamp[i] - before + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
            behind = (time_ns[i] - before_ns) * clock_rate_hz - elapsed * NS
            lagging = min(max(lag + behind, -LAG_BOUND), LAG_BOUND)
            if lagging > PLAYOUT_NS * clock_rate_hz:
                break
            lag, before_ns, before = lagging, time_ns[i], timestamp[i]
            jitter += (abs(behind) / 1e9 - jitter) / 16.0
            total += jitter
            peak = max(peak, jitter)
        highest += 1
        window[highest & (WINDOW - 1)] = 2 * highest
        fresh[i] = 1
        delta_ns = max(delta_ns, time_ns[i] - last_ns)
        last_ns = time_ns[i]
        taken += 1
    counters[HIGHEST], counters[LAST_NS], counters[MAX_DELTA_NS] = highest, last_ns, delta_ns
    counters[RECEIVED] += taken
    counters[SEGMENT_RECEIVED] += taken
    judged = max(0, highest - MAX_MISORDER - counters[NEXT_JUDGED] + 1)
    counters[NEXT_JUDGED] += judged
    counters[JUDGED] += judged
    counters[RUN] += judged
    if timed and taken:
        counters[LAG], counters[REFERENCE_NS], counters[REFERENCE_TIMESTAMP] = lag, before_ns, before
        estimates[JITTER], estimates[JITTER_SUM], estimates[JITTER_MAX] = jitter, total, peak
        counters[JITTER_SAMPLES] += taken
        counters[LATE_RUN] = 0
    return taken


@inner
def _begins_clean(clock_rate_hz: int, timed: bool, counters: Cells, window: Cells) -> bool:
    """Tell whether a run may begin here: a packet to measure against, and no number still open."""
    if not counters[STARTED] or (timed and (not counters[REFERENCE] or counters[CLOCK_RATE] != clock_rate_hz)):
        return False
    for number in range(counters[NEXT_JUDGED], counters[HIGHEST] + 1):
        if window[number & (WINDOW - 1)] != 2 * number:
            return False
    return True
