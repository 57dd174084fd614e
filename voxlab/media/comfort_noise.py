"""Comfort noise: a description of background noise, and noise made of it (RFC 3389 s.3). Must not know packets.

A level, and behind it reflection coefficients of an all-pole model. The sign is that of ``k1 = -r1 / r0``, which the
text leaves open and common implementations have.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from voxlab.kernels.tones import FULL_SCALE

Samples = npt.NDArray[np.int16]

ORDER: Final = 5
"""Coefficients that we describe; any number is understood."""
_QUIETEST: Final = 127
_STEP: Final = 258 / 32768
_MIDDLE: Final = 127
_RESERVED: Final = 255
_MASK: Final = 0xFFFFFFFFFFFFFFFF
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_SHARPEST: Final = 1e-4  # a peer may describe a filter that rings for ever
_WHITENED: Final = 1.001  # a floor under the spectrum: a pure hum has no stable model


def describe(samples: Samples, order: int = ORDER) -> bytes:
    """Return the payload for a stretch of noise: its level in -dBov and ``order`` coefficients.

    0 dBov is a square wave that reaches full scale (s.3.1).

    Parameters
    ----------
    samples : int16 array, shape (n,)
    order : int
        0 for the level alone.
    """
    values = samples.astype(np.float64)
    power = float(np.mean(values**2)) if len(values) else 0.0
    level = 10.0 * math.log10(power / FULL_SCALE**2) if power else -float(_QUIETEST)
    coefficients = _reflections(values, order) if power else [0.0] * order
    indices = [min(254, max(0, round(each / _STEP) + _MIDDLE)) for each in coefficients]
    return bytes([min(_QUIETEST, max(0, round(-level))), *indices])


def _reflections(values: npt.NDArray[np.float64], order: int) -> list[float]:
    """Return reflection coefficients by Levinson and Durbin's recursion."""
    lags = [float(values[: len(values) - lag] @ values[lag:]) for lag in range(order + 1)]
    error = lags[0] * _WHITENED
    model: list[float] = []
    found = []
    for i in range(1, order + 1):
        k = -(lags[i] + sum(a * lags[i - 1 - j] for j, a in enumerate(model))) / error
        model = _stepped_up(model, k)
        error *= 1.0 - k * k
        found.append(k)
    return found


def _stepped_up(model: list[float], k: float) -> list[float]:
    return [*(a + k * b for a, b in zip(model, reversed(model), strict=True)), k]


def level_dbov(payload: bytes) -> float:
    """Return the level that a payload says; the quietest there is for one without octets."""
    return -float(payload[0] & 0x7F) if payload else -float(_QUIETEST)


def noise(payload: bytes, count: int, seed: int) -> Samples:
    """Return ``count`` samples of the noise that a payload describes; the same for the same seed.

    Parameters
    ----------
    payload : bytes
        Of a peer: an index that is reserved counts as 0, and no octet at all as the quietest noise.
    count : int
    seed : int
        Such as the packet's timestamp.

    Returns
    -------
    int16 array, shape (count,)
    """
    if count <= 0:
        return np.zeros(0, np.int16)
    white = _white(count, seed)
    model: list[float] = []
    for index in payload[1:]:
        model = _stepped_up(model, 0.0 if index == _RESERVED else _STEP * (index - _MIDDLE))
    shaped = _through(model, white) if model else white
    power = float(np.mean(shaped**2))
    wanted = FULL_SCALE * 10.0 ** (level_dbov(payload) / 20.0)
    made = np.rint(shaped * (wanted / math.sqrt(power or 1.0)))
    return np.asarray(np.clip(made, -32768, 32767), dtype=np.int16)


def _white(count: int, seed: int) -> npt.NDArray[np.float64]:
    """Return even noise between -1 and 1 by SplitMix64, each sample from its own number."""
    z = (np.arange(1, count + 1, dtype=np.uint64) + np.uint64(seed << 32 & _MASK)) * _GOLDEN
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray((z ^ (z >> np.uint64(31))).astype(np.int64) / 2.0**63)


def _through(model: list[float], white: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return noise whose spectrum is that of the all-pole model ``1 / (1 + a1 z^-1 + ...)``."""
    if len(white) <= len(model):
        return white
    denominator = np.fft.rfft(np.array([1.0, *model]), len(white))
    denominator[np.abs(denominator) < _SHARPEST] = _SHARPEST
    return np.fft.irfft(np.fft.rfft(white) / denominator, len(white))
