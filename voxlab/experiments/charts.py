"""Charts of traces, playouts and races, by matplotlib; each says in words what it shows.

Okabe and Ito's colours, and a mark of its own for whatever has a colour. Figures are made without pyplot, so they touch
no backend, and the SVG of equal charts is equal. Must not know how anything was computed.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from voxlab.experiments.playout import Playout
    from voxlab.experiments.trace import Trace

BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE = (
    "#000000", "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7",
)  # fmt: skip
_MARKS = "osD^v<>phX*P"
_COLOURS = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, BLACK)
_STYLE: Any = {
    "svg.hashsalt": "voxlab", "svg.fonttype": "none", "font.size": 10.0, "axes.spines.top": False,
    "axes.spines.right": False, "axes.grid": True, "grid.color": "#d0d7de", "grid.linewidth": 0.6,
    "axes.axisbelow": True, "legend.frameon": False, "font.family": ["DejaVu Sans", "sans-serif"],
}  # fmt: skip


class Chart:
    """A matplotlib figure, and in words what it shows.

    Attributes
    ----------
    figure : matplotlib.figure.Figure
        To go on with: ``chart.figure.savefig("x.pdf")``.
    words : str
    """

    def __init__(self, figure: Figure, words: str) -> None:
        self.figure = figure
        self.words = words

    def svg(self) -> str:
        """Return the picture; equal charts give equal text."""
        import matplotlib as mpl

        out = io.StringIO()
        with mpl.rc_context(_STYLE):
            self.figure.savefig(out, format="svg", metadata={"Date": None, "Title": self.words})
        return out.getvalue()

    def save(self, path: str) -> None:
        """Write it as PNG, PDF or SVG, by the name's ending."""
        self.figure.savefig(path, dpi=150)

    def __repr__(self) -> str:
        return self.words

    def _repr_svg_(self) -> str:
        return self.svg()


def _figure(width: float, height: float) -> tuple[Any, Any]:
    """Return a figure and its axes."""
    import matplotlib as mpl
    from matplotlib.figure import Figure as Made

    with mpl.rc_context(_STYLE):
        figure = Made(figsize=(width, height), layout="constrained")
        return figure, figure.subplots()


def _window(trace: Trace, start_s: float, seconds: float) -> Any:
    begin = trace.send_s[0] + start_s
    return np.flatnonzero((trace.send_s >= begin) & (trace.send_s < begin + seconds))


def trace_chart(trace: Trace, start_s: float, seconds: float) -> Chart:
    """Draw transit times over the time of sending, losses at the foot."""
    figure, axes = _figure(9.0, 3.2)
    rows = _window(trace, start_s, seconds)
    sent, transit = trace.send_s[rows], trace.transit_s[rows] * 1e3
    lost = ~np.isfinite(transit)
    axes.plot(sent[~lost], transit[~lost], ".", ms=3, color=BLUE, label=f"arrived ({(~lost).sum():,})")
    axes.plot(sent[lost], np.zeros(lost.sum()), "x", ms=5, color=VERMILION, label=f"lost ({lost.sum():,})")
    axes.set(xlabel="sent, s", ylabel="transit, ms", title=f"{trace.name}: how long each packet took")
    _legend(axes)
    return Chart(figure, f"{trace.name}, {seconds:g} s from {start_s:g} s: {len(rows)} packets, {lost.sum()} lost.")


def playout_chart(playout: Playout, start_s: float, seconds: float) -> Chart:
    """Draw for each packet when it came and when it was played, both above the time it was sent."""
    trace = playout.trace
    figure, axes = _figure(9.0, 4.0)
    rows = _window(trace, start_s, seconds)
    sent = trace.send_s[rows]
    came, due = trace.transit_s[rows] * 1e3, (playout.playout_s[rows] - sent) * 1e3
    lost, missed, played = trace.lost[rows], playout.missed[rows], playout.played[rows]
    longer, shorter = playout.stretched[rows] > 1e-9, playout.stretched[rows] < -1e-9
    for spurt in np.unique(trace.spurt[rows]):
        here = played & (trace.spurt[rows] == spurt)
        axes.plot(sent[here], due[here], "-", lw=1.6, color=BLACK, drawstyle="steps-post")
    axes.plot([], [], "-", color=BLACK, label=f"played ({played.sum():,})")
    on_time = ~lost & ~missed
    axes.plot(sent[on_time], came[on_time], ".", ms=4, color=SKY, label=f"arrived in time ({on_time.sum():,})")
    marks = (
        (missed, came, "X", VERMILION, "late or thrown away"),
        (lost, np.zeros(len(rows)), "x", PURPLE, "lost on the way"),
        (shorter & played, due, "v", ORANGE, "accelerated"),
        (longer & played, due, "^", GREEN, "expanded"),
    )
    for which, height, mark, colour, word in marks:
        if which.any():
            axes.plot(sent[which], height[which], mark, ms=6, color=colour, label=f"{word} ({which.sum():,})")
    _shade_concealed(axes, trace, rows, played)
    axes.set(xlabel="sent, s", ylabel="after sending, ms", title=f"{playout.buffer} on {trace.name}")
    _legend(axes)
    words = (
        f"{playout.buffer} on {trace.name}, {seconds:g} s from {start_s:g} s: {played.sum()} packets played, "
        f"{missed.sum()} late or thrown away, {lost.sum()} lost, {(shorter & played).sum()} accelerated, "
        f"{(longer & played).sum()} expanded."
    )
    return Chart(figure, words)


def _shade_concealed(axes: Axes, trace: Trace, rows: Any, played: Any) -> None:
    """Shade where sound is missing and is concealed."""
    missing = np.flatnonzero(~played)
    for at in missing.tolist():
        begin = trace.send_s[rows[at]]
        axes.axvspan(begin, begin + trace.frame_s, color=YELLOW, alpha=0.35, lw=0)
    if missing.size:
        axes.fill_between([], [], color=YELLOW, alpha=0.35, label=f"concealed ({missing.size:,})")


def race_chart(race: pd.DataFrame, traces: Sequence[Trace]) -> Chart:
    """Draw each buffer as a point of late share and mean delay, beside the line that nobody can cross."""
    figure, axes = _figure(9.0, 5.0)
    for trace in traces:
        late, delay = trace.optimum
        some = np.unique(np.linspace(0, late.size - 1, 400).astype(int))
        axes.plot(late[some] * 100, delay[some] * 1e3, "-", lw=0.8, color=BLACK, alpha=0.6)
    axes.plot([], [], "-", color=BLACK, lw=0.8, label="offline optimum")
    for number, (name, group) in enumerate(race.groupby("buffer", sort=False)):
        mark, colour = _MARKS[number % len(_MARKS)], _COLOURS[number % len(_COLOURS)]
        axes.plot(group.late * 100, group.delay_mean_ms, mark, ms=7, color=colour, label=str(name), alpha=0.9)
    most = float(race.late.max()) * 100
    lowest = min(float(race.delay_mean_ms.min()), *(each.optimum_s(min(0.08, most / 100)) * 1e3 for each in traces))
    axes.set_xscale("symlog", linthresh=1.0)
    axes.set_xlim(0, max(2.0, most * 1.15))
    axes.set_ylim(lowest * 0.92, float(race.delay_mean_ms.max()) * 1.06)
    ticks = [each for each in (0, 0.25, 0.5, 1, 2, 5, 10, 20, 50, 100) if each <= max(2.0, most * 1.15)]
    axes.set_xticks(ticks, [f"{each:g} %" for each in ticks])
    axes.set(xlabel="packets late", ylabel="mean delay from sending to playout, ms")
    axes.set_title("Delay against late packets: better is lower and further left")
    _legend(axes)
    best = race.iloc[int(race.regret.fillna(np.inf).argmin())]
    return Chart(
        figure,
        f"Delay against late packets of {race.buffer.nunique()} buffers on {len(traces)} traces with the offline "
        f"optimum; least regret {best.regret:.2f} by {best.buffer} on {best.trace}.",
    )


def _legend(axes: Axes) -> None:
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.5, fontsize=9, frameon=False)
