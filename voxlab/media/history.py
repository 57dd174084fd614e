"""How one received stream went, second by second, for a picture of it. Must not know pictures.

A stream that lasts is kept more and more coarsely, so that it never takes more than some thousand points.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from voxlab.kernels import stream_cells as cell

NS: Final = 1_000_000_000
COLUMNS: Final = ("time_s", "expected", "lost", "late", "jitter_ms", "delay_ms")
"""Counts are of all packets up to then; the delay is the mean since the point before, NaN where it is not known."""
MAX_POINTS: Final = 2048


class History:
    """Points of one stream, about one a second."""

    def __init__(self) -> None:
        self._points: list[tuple[float, ...]] = []
        self._step_ns = NS
        self._due_ns = 0
        self._delay = (0, 0)

    def note(self, now_ns: int, counters: Any, jitter_ticks: float, delay: tuple[int, int]) -> None:
        """Take a point if one is due.

        Parameters
        ----------
        now_ns : int
            Arrival of the packet just counted.
        counters : sequence of int, `COUNTERS` cells
        jitter_ticks : float
        delay : (int, int)
            Nanoseconds of delay so far, and of how many packets.
        """
        if now_ns < self._due_ns:
            return
        self._due_ns = now_ns + self._step_ns
        self._points.append(self._point(now_ns, counters, jitter_ticks, delay))
        self._delay = delay
        if len(self._points) >= MAX_POINTS:
            self._points = self._points[1::2]
            self._step_ns *= 2

    def _point(self, now_ns: int, counters: Any, jitter_ticks: float, delay: tuple[int, int]) -> tuple[float, ...]:
        expected = counters[cell.EXPECTED_BEFORE] + counters[cell.HIGHEST] - counters[cell.LOWEST] + 1
        lost = expected - counters[cell.RECEIVED] + counters[cell.DUPLICATES]
        jitter_ms = jitter_ticks * 1000.0 / (counters[cell.CLOCK_RATE] or 8000)
        passed_ns, packets = delay[0] - self._delay[0], delay[1] - self._delay[1]
        delay_ms = passed_ns / packets / 1e6 if packets else float("nan")
        return now_ns / NS, float(expected), float(lost), float(counters[cell.LATE]), jitter_ms, delay_ms

    def packed(self) -> bytes:
        """Return the points as float64, row after row, a column for each of `COLUMNS`."""
        return np.array(self._points, dtype="<f8").tobytes()


def unpacked(packed: bytes) -> npt.NDArray[np.float64]:
    """Return what `History.packed` packed: float64 array, shape (points, 6)."""
    return np.frombuffer(packed, dtype="<f8").reshape(-1, len(COLUMNS)).astype(np.float64)
