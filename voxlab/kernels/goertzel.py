"""A few frequencies in a signal, window after window, with their phases (Goertzel's recursion).

Must not know what the frequencies mean.
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from voxlab.kernels._jit import kernel

Real = npt.NDArray[np.float64]


class Bins(NamedTuple):
    """What each window holds.

    Attributes
    ----------
    amplitude : float64 array, shape (windows, frequencies)
        Of a sine of that frequency, in units of a sample.
    phase : float64 array, shape (windows, frequencies)
        Radians, of that sine at the window's first sample.
    power : float64 array, shape (windows,)
        Mean square of the samples: a lone sine of amplitude A has A**2 / 2.
    """

    amplitude: Real
    phase: Real
    power: Real


def _by_matrix(samples: Real, turns: Real, window: int, hop: int, real: Real, imaginary: Real, power: Real) -> None:
    windows = np.lib.stride_tricks.sliding_window_view(samples, window)[::hop][: len(power)]
    angle = np.arange(window)[:, None] * turns[None, :]
    real[:] = windows @ np.cos(angle)
    imaginary[:] = -(windows @ np.sin(angle))
    power[:] = np.mean(windows**2, axis=1)


_IN: Final = "Array(float64, 1, 'C', True)"


@kernel(f"void({_IN}, {_IN}, int64, int64, float64[:, ::1], float64[:, ::1], float64[::1])", twin=_by_matrix)
def _goertzel(samples: Any, turns: Any, window: int, hop: int, real: Any, imaginary: Any, power: Any) -> None:
    for w in range(power.size):
        total = 0.0
        for i in range(w * hop, w * hop + window):
            total += samples[i] * samples[i]
        power[w] = total / window
        for k in range(turns.size):
            twice = 2.0 * math.cos(turns[k])
            before, last = 0.0, 0.0
            for i in range(w * hop, w * hop + window):
                before, last = last, samples[i] + twice * last - before
            # sum x[i] exp(-j w i), from the recursion's last two values, turned back by its length
            y_real = last - before * math.cos(turns[k])
            y_imaginary = before * math.sin(turns[k])
            back = turns[k] * (window - 1)
            real[w, k] = y_real * math.cos(back) + y_imaginary * math.sin(back)
            imaginary[w, k] = y_imaginary * math.cos(back) - y_real * math.sin(back)


def bins(
    samples: npt.NDArray[Any], frequencies_hz: npt.ArrayLike, window: int, hop: int, *, sample_rate_hz: int = 8000
) -> Bins:
    """Return amplitude and phase of each frequency in each window.

    Parameters
    ----------
    samples : int16 or float array, shape (n,)
    frequencies_hz : array_like, shape (k,)
    window, hop : int
        Samples of a window, and from one to the next.
    sample_rate_hz : int

    Returns
    -------
    Bins
        Of ``1 + (n - window) // hop`` windows, none where the signal is shorter than one.
    """
    if window < 1 or hop < 1:
        raise ValueError(f"a window and a hop have at least one sample, not {window} and {hop}")
    signal = np.ascontiguousarray(samples, dtype=np.float64)
    turns = 2.0 * math.pi * np.ascontiguousarray(frequencies_hz, dtype=np.float64) / sample_rate_hz
    count = max(0, 1 + (len(signal) - window) // hop)
    real, imaginary = np.zeros((count, len(turns))), np.zeros((count, len(turns)))
    power = np.zeros(count)
    if count:
        _goertzel(signal, turns, window, hop, real, imaginary, power)
    return Bins(2.0 / window * np.hypot(real, imaginary), np.arctan2(imaginary, real), power)
