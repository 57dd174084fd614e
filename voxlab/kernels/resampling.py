"""A polyphase filter: samples at one rate to samples at another. Must not know which filter, or what is heard.

Four partial sums, added in one order by both bodies: the result is the same to the bit on every processor.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from voxlab.kernels._jit import kernel

Samples = npt.NDArray[np.int16]
Floats = npt.NDArray[np.float64]

_LANES: Final = 4
_AT_ONCE: Final = 4096


def _filter_by_numpy(padded: Floats, phases: Floats, down: int, offset: int, out: Samples) -> None:
    up, taps = phases.shape
    windows = np.lib.stride_tricks.sliding_window_view(padded, taps)
    for begin in range(0, len(out), _AT_ONCE):
        at = np.arange(begin, min(begin + _AT_ONCE, len(out))) * down
        products = windows[at // up + offset] * phases[at % up]
        sums = np.zeros((_LANES, len(at)))
        for lane in range(min(_LANES, taps)):
            sums[lane] = np.cumsum(products[:, lane::_LANES], axis=1)[:, -1]  # one after the other, unlike np.sum
        total = (sums[0] + sums[1]) + (sums[2] + sums[3])
        np.clip(np.rint(total), -32768, 32767, out=out[begin : begin + len(at)], casting="unsafe")


@kernel(
    "void(Array(float64, 1, 'C', True), Array(float64, 2, 'C', True), int64, int64, int16[::1])",
    twin=_filter_by_numpy,
)
def _filter(padded: Any, phases: Any, down: Any, offset: Any, out: Any) -> None:
    up, taps = phases.shape
    whole = taps - taps % 4
    for i in range(len(out)):
        phase = i * down % up
        start = i * down // up + offset
        first, second, third, fourth = 0.0, 0.0, 0.0, 0.0
        for k in range(0, whole, 4):
            first += padded[start + k] * phases[phase, k]
            second += padded[start + k + 1] * phases[phase, k + 1]
            third += padded[start + k + 2] * phases[phase, k + 2]
            fourth += padded[start + k + 3] * phases[phase, k + 3]
        if taps > whole:
            first += padded[start + whole] * phases[phase, whole]
        if taps > whole + 1:
            second += padded[start + whole + 1] * phases[phase, whole + 1]
        if taps > whole + 2:
            third += padded[start + whole + 2] * phases[phase, whole + 2]
        total = (first + second) + (third + fourth)
        out[i] = np.int16(min(max(np.rint(total), -32768.0), 32767.0))


def filtered(padded: Floats, phases: Floats, down: int, offset: int, count: int) -> Samples:
    """Return every ``down``-th sample of what an interpolating filter lets through.

    Parameters
    ----------
    padded : float64 array, shape (n,)
        Samples with enough before the first and behind the last for the filter's taps.
    phases : float64 array, shape (up, taps)
        The filter: a row of taps for each place between two samples.
    down : int
        Of the common multiple of both rates.
    offset : int
        Where in ``padded`` the taps of the first sample begin.
    count : int
        How many samples to make.

    Returns
    -------
    int16 array, shape (count,)
        Rounded to even and cut off at full scale.
    """
    out = np.empty(count, np.int16)
    _filter(np.ascontiguousarray(padded, np.float64), phases, down, offset, out)
    return out
