"""Regret at equal late loss, the same way for every algorithm. Must not know how an algorithm works.

The protocol: an algorithm is known by the one number that trades delay for late packets. On each trace that number goes
through a grid; among the settings that are late at most so often, the least mean delay counts, and lies on a line
between neighbouring settings. Regret is that delay over the offline optimum's at the same share of late packets on the
same trace. A delay is from sending to playout of the packets played, propagation included; nothing is left out at the
beginning, so learning costs. The figure is the mean over seeds with its 95 % interval. The number is chosen in
hindsight for each trace, for all algorithms alike: this compares what they can reach, not how well somebody guesses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from voxlab.experiments.buffer import Buffer, played_by
from voxlab.experiments.intervals import half_width, mean
from voxlab.experiments.trace import Column, Trace
from voxlab.net.progress import wanted

Family = Callable[[float], Buffer]


def _knobs() -> dict[str, tuple[Family, Column]]:
    """Return each algorithm's one number as a maker, and its grid."""
    from voxlab.experiments import buffers as b

    shares = np.geomspace(2e-4, 0.08, 40)
    return {
        "Fixed": (b.Fixed, np.linspace(0, 350, 71)),
        **{f"Ramjee {n}": (_ramjee(n), np.linspace(-1, 14, 61)) for n in (1, 2, 3, 4)},
        "Moon": (lambda x: b.Moon(late=x), shares),
        "Moon, 2000": (lambda x: b.Moon(late=x, window=2000), shares),
        "Moon, 500": (lambda x: b.Moon(late=x, window=500), shares),
        "Asterisk": (b.Asterisk, np.linspace(-20, 100, 41)),
        "Speex": (b.Speex, np.geomspace(0.5, 100, 25)),
        "Pjmedia": (b.Pjmedia, np.arange(1.0, 9.0)),
        "Baresip": (b.Baresip, np.linspace(1, 12, 41)),
        "NetEq": (b.NetEq, 1 - np.geomspace(0.005, 0.9, 25)),
        "Tide": (lambda x: b.Tide(late=x), shares),
    }


def _ramjee(number: int) -> Family:
    from voxlab.experiments.buffers import Ramjee

    return lambda multiple: Ramjee(number, multiple)


def curve(family: Family, grid: Sequence[float] | Column, trace: Trace) -> tuple[Column, Column]:
    """Return shares of late packets, ascending, and the least mean delay in seconds that each allows."""
    played = [played_by(family(float(each)), trace) for each in grid]
    points = sorted((each.late, each.delay_mean_s) for each in played if each.delay_s.size)
    late, delay = np.array(points).T
    return late, np.minimum.accumulate(delay)


def regret_at(family: Family, grid: Sequence[float] | Column, trace: Trace, late: float) -> float:
    """Return an algorithm's regret on a trace; NaN where no setting of the grid is late so seldom, or so often."""
    shares, delays = curve(family, grid, trace)
    return _at(shares, delays, late) / trace.optimum_s(late)


def _at(shares: Column, delays: Column, late: float) -> float:
    return float(np.interp(late, shares, delays)) if shares[0] <= late <= shares[-1] else float("nan")


@dataclass(frozen=True)
class RegretTable:
    """Regret of every algorithm on every kind of trace.

    Attributes
    ----------
    frame : DataFrame
        ``algorithm``, ``trace``, ``late``, ``regret``, ``regret_ci95``, ``seeds``.
    """

    frame: pd.DataFrame

    def wide(self) -> pd.DataFrame:
        """Return a row for each algorithm, a column for each kind of trace and share of late packets."""
        return self.frame.pivot_table("regret", "algorithm", ["late", "trace"], sort=False, dropna=False)

    def worst(self, algorithm: str, late: float) -> float:
        """Return the highest regret of an algorithm over the kinds of trace."""
        rows = self.frame[(self.frame.algorithm == algorithm) & (self.frame.late == late)]
        return float(rows.regret.max(skipna=False))

    def __repr__(self) -> str:
        return self.wide().round(3).to_string(na_rep="-")

    def _repr_html_(self) -> str:
        return str(self.wide().round(3).to_html(na_rep="-"))


def regret_table(
    on: Sequence[Trace], late: Sequence[float] = (0.02, 0.01), algorithms: Sequence[str] | None = None
) -> RegretTable:
    """Measure regret by the protocol of this module.

    Parameters
    ----------
    on : sequence of Trace
        Traces of one name are seeds of one kind: ``traces.families()``.
    late : sequence of float
        Shares of late packets.
    algorithms : sequence of str, optional
        Some of those known; default all.
    """
    from tqdm.auto import tqdm

    knobs = _knobs()
    chosen = list(knobs) if algorithms is None else list(algorithms)
    kinds = list(dict.fromkeys(each.name for each in on))
    pairs = [(name, kind) for name in chosen for kind in kinds]
    rows: list[dict[str, Any]] = []
    for name, kind in tqdm(pairs, desc="regret", leave=False, delay=1.0, disable=not wanted()):
        traces = [each for each in on if each.name == kind]
        curves = [curve(*knobs[name], each) for each in traces]
        for share in late:
            found = [_at(*known, share) / each.optimum_s(share) for known, each in zip(curves, traces, strict=True)]
            rows.append(
                {
                    "algorithm": name,
                    "trace": kind,
                    "late": share,
                    "regret": mean(found),
                    "regret_ci95": half_width(found),
                    "seeds": len(found),
                }
            )
    return RegretTable(pd.DataFrame(rows))
