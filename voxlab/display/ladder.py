"""A call flow as text: box drawing or ASCII, fitted to a terminal's width, the verdict first.

No meaning by colour: the leg's letter and the style of its line, a cross before failures, an arrow in a circle on
retransmissions.
Must not know terminals.
"""

from __future__ import annotations

import textwrap
from typing import NamedTuple

from voxlab.analysis.callflow import Arrow, Band, CallFlow, Remark
from voxlab.display.characters import cells, clean, fit, to_ascii
from voxlab.display.rows import FOLD_MESSAGES, Bands, Fold, Row, band_words, marked, rows

_NARROWEST_SPAN = 18
_MARGIN = 5


class Pen(NamedTuple):
    """The characters that a ladder is drawn with; ``lines`` are those of the legs A, B, ... in turn."""

    lifeline: str
    from_left: str
    from_right: str
    rightward: str
    leftward: str
    lost: str
    band: str
    ellipsis: str
    lines: str


BOX = Pen("│", "├", "┤", "▶", "◀", "✗", "░", "…", "─╌═┄")
ASCII = Pen("|", "|", "|", ">", "<", "x", ":", "..", "-~=.")


def ladder(flow: CallFlow, *, width: int = 80, ascii: bool = False, fold: int | None = FOLD_MESSAGES) -> str:  # noqa: A002 - the switch's name
    """Return the ladder as text.

    Parameters
    ----------
    flow : CallFlow
        What to draw.
    width : int
        Cells of a line; with more columns than fit, a list takes the ladder's place.
    ascii : bool
        Draw with ASCII only.
    fold : int or None
        Messages above which the middle is folded away, None for never.
    """
    page = _Page(flow, width, ASCII if ascii else BOX)
    lines = [*textwrap.wrap(page.text(flow.verdict), width), ""]
    found = rows(flow, fold)
    if flow.participants:
        lines += page.heading() + [page.line(row) for row in found] if page.is_wide_enough else page.listing(found)
    if flow.evicted_calls:
        lines += ["", f"{flow.evicted_calls:,} older calls were forgotten to keep the journal small"]
    return "\n".join(line.rstrip() for line in lines).rstrip()


class _Page:
    """Places and draws the rows of one ladder."""

    def __init__(self, flow: CallFlow, width: int, pen: Pen) -> None:
        self._flow = flow
        self._width = width
        self._pen = pen
        self._digits = max((len(str(arrow.number)) for arrow in flow.arrows), default=1)
        self._time_digits = max((len(f"{arrow.time_s:.3f}") for arrow in flow.arrows), default=5)
        self._gutter = self._digits + self._time_digits + 2
        spans = max(1, len(flow.participants) - 1)
        self._span = (width - self._gutter - 2 * _MARGIN) // spans
        self._x = [self._gutter + _MARGIN + index * self._span for index in range(len(flow.participants))]

    @property
    def is_wide_enough(self) -> bool:
        """Whether labels have room between the columns."""
        return self._span >= _NARROWEST_SPAN

    def text(self, text: str) -> str:
        """Return text as this page may hold it."""
        return to_ascii(clean(text)) if self._pen is ASCII else clean(text)

    def heading(self) -> list[str]:
        """Return the names and addresses over the lifelines."""
        people = self._flow.participants
        names = self._centred([self.text(person.name) for person in people])
        addresses = self._centred([self.text(person.address) for person in people])
        return [names, *([addresses] if addresses.strip() else []), self._canvas("", "")]

    def line(self, row: Row) -> str:
        """Return one row."""
        if isinstance(row, Arrow):
            return self._arrow(row)
        if isinstance(row, Bands):
            return self._bands(row.bands)
        if isinstance(row, Fold):
            return self._across(f"⋮ {row.text}", "")
        return self._across(_remark_words(row), f"{row.time_s:.3f}")

    def listing(self, found: list[Row]) -> list[str]:
        """Return the rows as a list, for more columns than fit side by side."""
        return [fit(line, self._width, self._pen.ellipsis) for row in found for line in self._listed(row)]

    def _listed(self, row: Row) -> list[str]:
        if isinstance(row, Bands):
            return [self._listed_band(band) for band in row.bands]
        if isinstance(row, Fold):
            return [self.text(f"{'':{self._gutter}}⋮ {row.text}")]
        if isinstance(row, Remark):
            return [self._gutter_text("", row.time_s) + self.text(_remark_words(row))]
        fate = "" if row.arrived else f" ({_fate(row)})"
        way = self._way(row.src, "→", row.dst)
        return [
            self._gutter_text(str(row.number), row.time_s)
            + self.text(f"{row.leg or ' '} {way}  {marked(row, short=True)}{fate}")
        ]

    def _listed_band(self, band: Band) -> str:
        words = "RTP " + " ".join(filter(None, band_words(band)))
        return self._gutter_text("", band.start_s) + self.text(
            f"{band.leg or ' '} {self._way(band.left, '⇄', band.right)}  {words}"
        )

    def _way(self, left: int, arrow: str, right: int) -> str:
        people = self._flow.participants
        return f"{people[left].name} {arrow} {people[right].name}"

    def _gutter_text(self, number: str, time_s: float) -> str:
        return f"{number:>{self._digits}} {time_s:>{self._time_digits}.3f} "

    def _canvas(self, number: str, time: str) -> str:
        row = [" "] * self._width
        for x in self._x:
            row[x] = self._pen.lifeline
        gutter = f"{number:>{self._digits}} {time:>{self._time_digits}} "
        return gutter + "".join(row[self._gutter :])

    def _centred(self, texts: list[str]) -> str:
        line = ""
        room = self._span - 1 if len(texts) > 1 else self._width
        for x, text in zip(self._x, texts, strict=True):
            shown = fit(text, room, self._pen.ellipsis)
            start = min(max(0, x - cells(shown) // 2), self._width - cells(shown))
            line += " " * (start - cells(line)) + shown
        return line

    def _arrow(self, arrow: Arrow) -> str:
        row = self._canvas(str(arrow.number), f"{arrow.time_s:.3f}")
        left, right = sorted((self._x[arrow.src], self._x[arrow.dst]))
        if left == right:
            return self._self_arrow(row, arrow, left)
        pen, starts_left = self._pen, arrow.src < arrow.dst
        inner = self._inner(arrow, right - left - 1)
        ends = (pen.from_left, pen.lifeline) if starts_left else (pen.lifeline, pen.from_right)
        return row[:left] + ends[0] + inner + ends[1] + row[right + 1 :]

    def _inner(self, arrow: Arrow, width: int) -> str:
        """Return what stands between the two lifelines: line, label, head; what was lost ends before it gets there."""
        pen = self._pen
        line = pen.lines[(ord(arrow.leg[:1] or "A") - ord("A")) % len(pen.lines)]
        fate = "" if arrow.arrived else f"{pen.lost} {_fate(arrow)} "
        words = self._words(arrow, width - 5 - len(fate))
        rest = width - 4 - cells(words) - len(fate)
        if arrow.arrived:
            right, left = line * rest + pen.rightward, pen.leftward + line
        else:
            reach = line * ((rest + 1) // 2)
            right, left = f"{reach}{fate}".ljust(rest + len(fate) + 1), line
        if arrow.src < arrow.dst:
            return f"{line} {words} {right}"
        return (
            f"{left} {words} {line * rest}"
            if arrow.arrived
            else f"{fate}{line * max(1, rest)} {words} {line}".rjust(width)
        )

    def _words(self, arrow: Arrow, room: int) -> str:
        """Return leg, marks, label and whether there is SDP, the label alone shortened to fit."""
        before, after = f"{arrow.leg} ".lstrip(), " SDP" if arrow.note else ""
        label = fit(self.text(marked(arrow, short=True)), max(0, room - len(before) - len(after)), self._pen.ellipsis)
        return before + label + after

    def _self_arrow(self, row: str, arrow: Arrow, x: int) -> str:
        words = self._words(arrow, self._width - x - 3)
        line = f"{self._pen.leftward} {words}"
        return row[: x + 1] + line + row[x + 1 + cells(line) :]

    def _bands(self, bands: tuple[Band, ...]) -> str:
        row = self._canvas("", f"{bands[0].start_s:.3f}")
        for band in reversed(bands):
            left, right = self._x[band.left], self._x[band.right]
            row = row[: left + 1] + self._band(band, right - left - 1) + row[right:] if left < right else row
        return row

    def _band(self, band: Band, width: int) -> str:
        codec, packets, lost = band_words(band)
        full = " ".join(filter(None, (band.leg, "RTP", codec, packets, lost)))
        shorter = " ".join(filter(None, (band.leg, codec, packets, lost.replace("✗ ", "✗"))))
        words = self.text(full if cells(self.text(full)) <= width - 2 else shorter)
        words = fit(words, width - 2, self._pen.ellipsis)
        side = (width - cells(words) - 2) // 2
        return f"{self._pen.band * side} {words} {self._pen.band * (width - cells(words) - 2 - side)}"

    def _across(self, text: str, time: str) -> str:
        row = self._canvas("", time)
        shown = " " + fit(self.text(text), self._width - self._gutter - 2, self._pen.ellipsis) + " "
        return row[: self._gutter] + shown + row[self._gutter + cells(shown) :]


def _fate(arrow: Arrow) -> str:
    return "lost" if arrow.lost else "refused"


def _remark_words(remark: Remark) -> str:
    return f"{'✗' if remark.failure else '»'} {remark.text}"
