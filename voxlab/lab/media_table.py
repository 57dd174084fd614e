"""The table of a call's RTP streams, and its picture: losses, jitter and delay over time (matplotlib)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from voxlab.media.history import unpacked

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")  # Okabe and Ito's
_LINES: Final = ("-", "--", "-.", ":")
_PANELS: Final = (("not heard, %", "lost or late"), ("jitter, ms", "RFC 3550"), ("delay, ms", "one way"))

History = npt.NDArray[np.float64]


class MediaTable(pd.DataFrame):
    """A row per RTP stream; parts of it are plain DataFrames.

    Attributes
    ----------
    histories : tuple of bytes
        What `media.history` packed, a stream each, in the order of the rows.
    """

    _metadata = ["histories"]  # noqa: RUF012 - pandas' own name and type

    histories: tuple[bytes, ...] = ()

    @property
    def _constructor(self) -> Any:
        return pd.DataFrame

    def plot(self, *, size_inches: tuple[float, float] = (9.0, 6.0)) -> Figure:  # type: ignore[override]
        """Return a figure: what was not heard, jitter and delay of each stream over time, a panel each.

        A stream has its own colour and its own line; without packets the panels stay empty.
        """
        from matplotlib.figure import Figure

        figure = Figure(figsize=size_inches, layout="constrained")
        panels = figure.subplots(len(_PANELS), 1, sharex=True, squeeze=False)[:, 0].tolist()
        streams = [(label, unpacked(packed)) for label, packed in zip(self._labels(), self.histories, strict=False)]
        for panel, (unit, what), draw in zip(panels, _PANELS, (_unheard, _jitter, _delay), strict=True):
            _panel(panel, unit, what, [(label, *draw(points)) for label, points in streams if len(points) > 1])
        panels[-1].set_xlabel("lab seconds")
        if streams:
            panels[0].legend(fontsize=8, ncols=2, loc="upper right", framealpha=0.9)
        figure.suptitle("RTP streams where they were received", fontsize=11)
        return figure

    def _labels(self) -> list[str]:
        rows = self[["src_name", "dst_name", "src", "dst", "codec"]].astype("string").fillna("")
        return [f"{a or c} → {b or d}, {codec}" for a, b, c, d, codec in rows.itertuples(index=False)]


def _unheard(points: History) -> tuple[History, History]:
    """Return times, and what was missing since the point before, in percent."""
    due, missing = np.diff(points[:, 1]), np.diff(points[:, 2] + points[:, 3])
    return points[1:, 0], 100.0 * np.clip(missing, 0, None) / np.maximum(due, 1)


def _jitter(points: History) -> tuple[History, History]:
    return points[:, 0], points[:, 4]


def _delay(points: History) -> tuple[History, History]:
    known = ~np.isnan(points[:, 5])
    return points[known, 0], points[known, 5]


def _panel(panel: Axes, unit: str, what: str, curves: Sequence[tuple[str, History, History]]) -> None:
    looks = zip(cycle(_COLOURS), cycle(_LINES), strict=False)
    highest = 0.0
    for (label, at_s, values), (colour, line) in zip(curves, looks, strict=False):
        panel.plot(at_s, values, line, color=colour, label=label, linewidth=1.6, marker=".", markersize=4)
        highest = max(highest, float(values.max(initial=0.0)))
    panel.set_ylabel(unit, fontsize=9)
    panel.set_title(what, fontsize=9, loc="left", color="#555555")
    panel.set_ylim(0.0, highest * 1.15 or 1.0)
    panel.grid(alpha=0.3)
    if not any(len(at_s) for _, at_s, _ in curves):
        panel.text(0.5, 0.5, "not known here", transform=panel.transAxes, ha="center", va="center", color="#777777")
