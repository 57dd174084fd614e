"""What a benchmark answers, and how it is printed: both sides, their ratio, the target beside it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import median


class Bound(Enum):
    """Which side of the target is good."""

    AT_LEAST = ">="
    AT_MOST = "<="


@dataclass(frozen=True)
class Target:
    """A bound on a ratio (or, where nobody else does the same thing, on a figure of ours)."""

    bound: Bound
    value: float

    def met_by(self, value: float) -> bool:
        """Tell whether `value` keeps the bound; NaN keeps none."""
        return value >= self.value if self.bound is Bound.AT_LEAST else value <= self.value

    def __str__(self) -> str:
        return f"{self.bound.value} {self.value:g}"


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    `ours` and `theirs` are medians in `unit`; `against` names the other program. Without one, `theirs` is NaN and the
    target bounds `ours` itself.
    """

    name: str
    unit: str
    ours: float
    theirs: float
    against: str
    target: Target

    @property
    def compared(self) -> float:
        """The number that the target bounds: the ratio ours : theirs, or `ours` where nobody stands beside it."""
        return self.ours / self.theirs if self.against else self.ours

    @property
    def met(self) -> bool:
        """Whether the target is met."""
        return self.target.met_by(self.compared)


@dataclass(frozen=True)
class Skipped:
    """A benchmark that could not run here, and what would cure that."""

    name: str
    reason: str


def of_rounds(
    name: str, unit: str, ours: Sequence[float], theirs: Sequence[float], against: str, target: Target
) -> Figure:
    """Make a figure of the medians of interleaved rounds."""
    return Figure(name, unit, median(ours), median(theirs) if theirs else math.nan, against, target)


_COLUMNS = "{:<44} {:>12} {:>12} {:<8} {:<12} {:>8} {:>8}  {}"


def heading() -> str:
    """Return the table's first line."""
    return _COLUMNS.format("benchmark", "voxlab", "other", "unit", "other is", "ratio", "target", "")


def line(figure: Figure | Skipped) -> str:
    """Return one line of the table."""
    if isinstance(figure, Skipped):
        return f"{figure.name:<44} skipped: {figure.reason}"
    theirs = _number(figure.theirs) if figure.against else "-"
    ratio = f"{figure.compared:.2f}x" if figure.against else "-"
    verdict = "ok" if figure.met else "MISS"
    return _COLUMNS.format(
        figure.name,
        _number(figure.ours),
        theirs,
        figure.unit,
        figure.against or "-",
        ratio,
        str(figure.target),
        verdict,
    )


def all_met(figures: Iterable[Figure | Skipped]) -> bool:
    """Tell whether every figure keeps its target and none was skipped."""
    return all(isinstance(figure, Figure) and figure.met for figure in figures)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10_000 else f"{value:,.4g}"
