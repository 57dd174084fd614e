"""A mean over few seeds, and how far the true one may lie: Student's interval. Must not know what was measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import Final

_T975: Final = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
"""Student's t at 97.5 % for 1 to 30 degrees of freedom; beyond, the normal 1.96 with its first correction."""


def student_t(degrees: int) -> float:
    """Return the factor of a 95 % interval."""
    return _T975[degrees - 1] if degrees <= len(_T975) else 1.96 + 2.4 / degrees


def half_width(values: Sequence[float]) -> float:
    """Return half of the 95 % interval of the mean; NaN for fewer than two values."""
    known = [each for each in values if not math.isnan(each)]
    if len(known) < 2:
        return math.nan
    return student_t(len(known) - 1) * stdev(known) / math.sqrt(len(known))


def mean(values: Sequence[float]) -> float:
    """Return the mean of what is known; NaN for nothing."""
    known = [each for each in values if not math.isnan(each)]
    return fmean(known) if known else math.nan
