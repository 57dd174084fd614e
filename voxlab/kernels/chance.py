"""Pseudo-random numbers for traces: xoshiro256++ (Blackman and Vigna 2021), and quantile tables that shape them.

Must not know what is drawn. numpy's generators inside numba give 4 million numbers a second, these some hundreds of
millions: a number costs a few shifts, and a distribution is a table that is looked up. Whole numbers all the way, so
that a seed means the same trace on every machine.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from voxlab.kernels._jit import inner

Words = npt.NDArray[np.uint64]
Column = npt.NDArray[np.float64]

_MASK: Final = (1 << 64) - 1
CELLS: Final = 1024
"""Cells of each of a quantile table's three parts: the body, and both outermost cells of it once more in detail.

So the rarest value that a table gives has a probability of 2**-20.
"""

_17, _19, _23, _41, _45 = (np.uint64(each) for each in (17, 19, 23, 41, 45))
_LOW32 = np.uint64(0xFFFFFFFF)
_10, _32, _44, _54 = np.uint64(10), np.uint64(32), np.uint64(44), np.uint64(54)
_NONE, _ONE, _CELL = np.uint64(0), np.uint64(1), np.uint64(CELLS - 1)  # unsigned places need no look at the sign
_SECOND, _THIRD = np.uint64(CELLS + 1), np.uint64(2 * (CELLS + 1))
_UNIT44: Final = 2.0**-44
_UNIT34: Final = 2.0**-34
_LOW44, _LOW34 = np.uint64((1 << 44) - 1), np.uint64((1 << 34) - 1)


def seeded(seed: int, purpose: int = 0) -> Words:
    """Return the state of a generator.

    Parameters
    ----------
    seed : int
        Any whole number.
    purpose : int
        Which of the independent generators of that seed.

    Returns
    -------
    uint64 array, shape (4,)
        By SplitMix64, as the authors of xoshiro advise.
    """
    at = (seed * 0x9E3779B97F4A7C15 + purpose * 0xD1342543DE82EF95) & _MASK
    words = []
    for _ in range(4):
        at = (at + 0x9E3779B97F4A7C15) & _MASK
        z = at
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        words.append(z ^ (z >> 31))
    return np.array(words, dtype=np.uint64)


@inner
def step(s0: Any, s1: Any, s2: Any, s3: Any) -> Any:
    """Return 64 fresh bits and the next state: ``bits, s0, s1, s2, s3``."""
    bits = s0 + s3
    bits = ((bits << _23) | (bits >> _41)) + s0
    t = s1 << _17
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= t
    s3 = (s3 << _45) | (s3 >> _19)
    return bits, s0, s1, s2, s3


@inner
def high(bits: Any) -> Any:
    """Return the upper 32 of 64 bits, to be compared with a `threshold`."""
    return bits >> _32


@inner
def low(bits: Any) -> Any:
    """Return the lower 32 of 64 bits; independent of the upper ones."""
    return bits & _LOW32


@inner
def look_up(table: Any, bits: Any) -> Any:
    """Return the quantile of a `quantile_table` at a uniform number of 64 bits, between its entries on a line."""
    at = bits >> _54
    share = np.float64(np.int64((bits >> _10) & _LOW44)) * _UNIT44
    if at == _NONE or at == _CELL:  # noqa: PLR1714, SIM109 - numba compares
        # the outermost cells, where a distribution bends most, once more in detail
        at = ((bits >> _44) & _CELL) + (_SECOND if at == _NONE else _THIRD)
        share = np.float64(np.int64((bits >> _10) & _LOW34)) * _UNIT34
    value = table[at]
    return value + share * (table[at + _ONE] - value)


def threshold(probability: float) -> np.uint64:
    """Return the whole number below which 32 random bits fall with this probability."""
    return np.uint64(min(round(probability * 2**32), 2**32))


def probabilities() -> Column:
    """Return where a `quantile_table` holds its quantiles: float64 array, shape (3 * (CELLS + 1),), inside (0, 1).

    Both ends are pulled in by half of the finest step, for many a quantile there is infinite.
    """
    coarse = np.arange(CELLS + 1) / CELLS
    fine = coarse / CELLS
    finest = 0.5 / CELLS**2
    return np.clip(np.concatenate((coarse, fine, 1.0 - 1.0 / CELLS + fine)), finest, 1.0 - finest)


def settled(values: Column) -> Column:
    """Return values rounded to 22 bits, but no finer than 2**-34, so that a table is the same on every processor.

    The last bits of ``exp``, ``log`` and ``pow`` depend on the vector instructions that NumPy finds, and what is made
    of a trace can hang on one of them.
    """
    _, exponent = np.frexp(values)
    bits = np.minimum(22 - exponent, 34)
    return np.asarray(np.ldexp(np.rint(np.ldexp(values, bits)), -bits))


def uniform_table(low_value: float, high_value: float) -> Column:
    """Return the quantile table of an even distribution."""
    return low_value + probabilities() * (high_value - low_value)


def normal_table(mean: float, deviation: float) -> Column:
    """Return the quantile table of a normal distribution."""
    inverse = NormalDist().inv_cdf
    return mean + deviation * settled(np.array([inverse(each) for each in probabilities().tolist()]))


def pareto_table(scale: float, shape: float) -> Column:
    """Return the quantile table of Pareto's distribution above 0 (Lomax): ``scale * ((1 - p) ** (-1 / shape) - 1)``."""
    return scale * settled((1.0 - probabilities()) ** (-1.0 / shape) - 1.0)


def gamma_table(shape: float, scale: float) -> Column:
    """Return the quantile table of a gamma distribution, whose mean is ``shape * scale``.

    Its distribution function is computed by the series of the incomplete gamma function (DLMF 8.11.4) on a grid that is
    dense near 0, then read backwards.
    """
    top = shape + 16.0 * math.sqrt(shape) + 24.0
    x = top * (np.arange(1, 6001) / 6000.0) ** 3
    term = np.full(x.shape, 1.0 / shape)
    total = term.copy()
    for n in range(1, int(top + 8.0 * math.sqrt(top)) + 30):
        term = term * (x / (shape + n))
        total += term
    below = np.exp(shape * np.log(x) - x - math.lgamma(shape)) * total
    known = np.concatenate(([0.0], np.minimum(below, 1.0)))
    return scale * settled(np.interp(probabilities(), known, np.concatenate(([0.0], x))))


def measured_table(values: npt.ArrayLike) -> Column:
    """Return the quantile table of what was measured."""
    return np.asarray(np.quantile(np.asarray(values, dtype=np.float64), probabilities()))
