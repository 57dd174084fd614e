"""Samples at one rate to samples at another, by a linear-phase low-pass. Must not know codecs or files.

The method: zeros between the samples up to the common multiple of both rates, a sinc under a Hamming window (32 taps
for each step of the larger factor and one more, cut at 0.9 of half the lower rate), every k-th sample of what it lets
through, its delay taken off.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from voxlab.kernels.resampling import filtered

Samples = npt.NDArray[np.int16]

_CUTOFF: Final = 0.9
_TAPS_PER_FACTOR: Final = 32
MAX_FACTOR: Final = 441


def resample(samples: Samples, from_hz: int, to_hz: int, *, loop: bool = False) -> Samples:
    """Return the samples at another rate.

    Parameters
    ----------
    samples : int16 array, shape (n,)
    from_hz, to_hz : int
        Their ratio in lowest terms has no number above 441.
    loop : bool
        Whether what comes before the first sample is the end, and after the last one the beginning; the result is whole
        in that case only if it is for the ratio.

    Returns
    -------
    int16 array, shape (ceil(n * to_hz / from_hz),)

    Raises
    ------
    ValueError
        Rates that are no rates, or too far apart.
    """
    if from_hz == to_hz:
        return samples
    if min(from_hz, to_hz) <= 0:
        raise ValueError(f"sample rates are above 0, not {from_hz} and {to_hz}")
    common = math.gcd(from_hz, to_hz)
    up, down = to_hz // common, from_hz // common
    if max(up, down) > MAX_FACTOR:
        raise ValueError(f"{from_hz} Hz cannot become {to_hz} Hz: {up}/{down} has a number above {MAX_FACTOR}")
    count = -(-len(samples) * up // down)
    if not count:
        return np.zeros(0, np.int16)
    phases, taps = _phases(up, down)
    edge = taps // 2 + 1
    if loop:
        padded = np.pad(samples.astype(np.float64), edge, mode="wrap")
    else:
        padded = np.zeros(len(samples) + 2 * edge)
        padded[edge : edge + len(samples)] = samples
    return filtered(padded, phases, down, edge - taps // 2, count)


@lru_cache(maxsize=32)
def _phases(up: int, down: int) -> tuple[npt.NDArray[np.float64], int]:
    """Return the filter as one row of taps for each phase, and how many taps that is."""
    factor = max(up, down)
    half = _TAPS_PER_FACTOR * factor // 2
    reach = -(-half // up)
    taps = 2 * reach + 1
    phases = np.zeros((up, taps))
    for phase in range(up):
        distance = phase - (np.arange(taps) - reach) * up  # of each input sample from the output, in common steps
        inside = np.abs(distance) <= half
        window = 0.54 + 0.46 * np.cos(np.pi * distance / half)
        row = np.where(inside, np.sinc(distance * _CUTOFF / factor) * window, 0.0)
        phases[phase] = row / row.sum()
    return phases, taps


class StreamResampler:
    """Frames of one stream at another rate, without seams between them; late by half the filter (2 ms at 8 kHz).

    Parameters
    ----------
    from_hz, to_hz : int
        As in `resample`; a frame must be a whole number of samples at both.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._from_hz, self._to_hz = from_hz, to_hz
        common = math.gcd(from_hz, to_hz)
        self._up, self._down = to_hz // common, from_hz // common
        reach = 0 if from_hz == to_hz else _phases(self._up, self._down)[1] // 2 + 1
        self._reach = -(-reach // self._down) * self._down
        self._before = np.zeros(2 * self._reach, np.int16)

    def frame(self, samples: Samples) -> Samples:
        """Return as much sound as came; int16 arrays of one dimension."""
        if not self._reach or not len(samples):
            return samples
        known = np.concatenate((self._before, samples))
        self._before = known[-2 * self._reach :]
        made = resample(known, self._from_hz, self._to_hz)
        start = self._reach * self._up // self._down
        return made[start : start + len(samples) * self._up // self._down]
