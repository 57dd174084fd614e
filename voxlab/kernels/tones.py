"""Sine tones, single and dual, and how strong a tone is in a signal (Goertzel's question).

Must not know where samples go. A tone is a pure function of the sample's position, so it has no state, no drift and no
seam.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from voxlab.kernels._jit import kernel

FULL_SCALE: Final = 32767.0
RESOLUTION: Final = 10
"""Frequencies are multiples of 1/10 Hz.

Then every tone repeats exactly within ten seconds, and phases are whole numbers.
"""

_ROUND_UP: Final = 0.5 + 1e-6
"""Samples are rounded with a bias that no sine's last bit can bridge: both bodies give the same integers."""


def _sines_by_numpy(
    frequency: npt.NDArray[np.int64],
    amplitude: npt.NDArray[np.float64],
    start: int,
    rate: int,
    samples: npt.NDArray[np.int16],
) -> None:
    position = np.arange(start, start + len(samples), dtype=np.int64)
    total = np.zeros(len(samples))
    for each, strength in zip(frequency.tolist(), amplitude.tolist(), strict=True):
        total += strength * np.sin((position * each % rate) * (2.0 * math.pi / rate))
    samples[:] = np.clip(np.floor(total + _ROUND_UP), -FULL_SCALE - 1, FULL_SCALE).astype(np.int16)


@kernel(
    "void(Array(int64, 1, 'C', True), Array(float64, 1, 'C', True), int64, int64, int16[::1])", twin=_sines_by_numpy
)
def _sines(
    frequency: npt.NDArray[np.int64],
    amplitude: npt.NDArray[np.float64],
    start: int,
    rate: int,
    samples: npt.NDArray[np.int16],
) -> None:
    for i in range(samples.size):
        total = 0.0
        for k in range(frequency.size):
            total += amplitude[k] * math.sin(((start + i) * frequency[k] % rate) * (2.0 * math.pi / rate))
        samples[i] = np.int16(min(max(math.floor(total + _ROUND_UP), -32768), 32767))


def _tenths(frequency_hz: float) -> int:
    tenths = round(frequency_hz * RESOLUTION)
    if abs(tenths - frequency_hz * RESOLUTION) > 1e-6 or tenths <= 0:
        raise ValueError(f"a tone has a frequency above 0 in steps of 0.1 Hz, not {frequency_hz} Hz")
    return tenths


def sines(
    frequencies_hz: Sequence[float], level_dbfs: float, count: int, *, start: int = 0, sample_rate_hz: int = 8000
) -> npt.NDArray[np.int16]:
    """Return the sum of sines of equal strength.

    Parameters
    ----------
    frequencies_hz : sequence of float
        Multiples of 0.1 Hz, below half the sample rate.
    level_dbfs : float
        Level of each sine; 0 is a sine that reaches full scale. What exceeds full scale together is clipped.
    count : int
        Samples wanted.
    start : int
        Position of the first one.
    sample_rate_hz : int

    Returns
    -------
    int16 array, shape (count,)
        ``round(sum(A sin(2 pi f n / rate)))`` for n from ``start``; the same integers from both bodies.
    """
    tenths = np.array([_tenths(each) for each in frequencies_hz], dtype=np.int64)
    if tenths.size and int(tenths.max()) * 2 >= sample_rate_hz * RESOLUTION:
        raise ValueError(f"{max(frequencies_hz)} Hz is not below half of {sample_rate_hz} samples a second")
    amplitude = np.full(len(tenths), FULL_SCALE * 10 ** (level_dbfs / 20))
    samples = np.empty(count, dtype=np.int16)
    _sines(tenths, amplitude, start, sample_rate_hz * RESOLUTION, samples)
    return samples


def period_samples(frequencies_hz: Sequence[float], sample_rate_hz: int = 8000) -> int:
    """Return after how many samples the sum of these sines repeats exactly; at most ten seconds' worth."""
    rate = sample_rate_hz * RESOLUTION
    return rate // math.gcd(rate, *(_tenths(each) for each in frequencies_hz))


def tone_amplitude(samples: npt.NDArray[np.int16], frequency_hz: float, sample_rate_hz: int = 8000) -> float:
    """Return the amplitude of one frequency, in units of a sample (full scale 32767).

    Parameters
    ----------
    samples : int16 array, shape (n,)
    frequency_hz : float
    sample_rate_hz : int

    Returns
    -------
    float
        ``2/n |sum(x[i] exp(-2 pi j f i / rate))|``: what Goertzel's recursion ends with, by a sum that does not lose
        precision on long signals. 0 for no samples.
    """
    if not len(samples):
        return 0.0
    angle = np.arange(len(samples)) * (2.0 * math.pi * frequency_hz / sample_rate_hz)
    signal = samples.astype(np.float64)
    return float(2.0 / len(samples) * math.hypot(signal @ np.cos(angle), signal @ np.sin(angle)))
