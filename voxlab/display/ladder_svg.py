"""A call flow as SVG: lifelines, messages with their legs, media as bands; readable in light and dark, in grey, and
aloud.

Must not know notebooks. The words of the picture are its description, so that who cannot see it misses no message.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from voxlab.analysis.callflow import Arrow, Band, CallFlow, Remark
from voxlab.display.characters import clean, fit
from voxlab.display.rows import FOLD_MESSAGES, Bands, Fold, Row, band_words, marked, rows
from voxlab.display.svg import Markup, element, group, number, picture
from voxlab.display.theme import MONO_WIDTH, STYLE, leg_class, leg_dashes

_PAD = 20
_GUTTER = 104
_EDGE = 74
_SPAN = 310
_NARROW_SPAN = 230
_VERDICT_PX = 15
_LABEL_PX = 12
_NOTE_PX = 10.5
_ROW = 38
_NOTE = 11
_BAND = 34
_PAUSE_S = 0.75
_PAUSE = 16
_CHIP = 8
_HEAD = 46


class _Placed(NamedTuple):
    """A row, where its line runs, and how long nothing happened before it."""

    row: Row
    y: float
    pause_s: float


def ladder_svg(flow: CallFlow, *, fold: int | None = FOLD_MESSAGES) -> str:
    """Return the ladder as SVG.

    Parameters
    ----------
    flow : CallFlow
        What to draw.
    fold : int or None
        Messages above which the middle is folded away, None for never.
    """
    return _Sheet(flow, fold).picture()


def description(flow: CallFlow, fold: int | None = FOLD_MESSAGES) -> str:
    """Return the ladder in sentences, for who hears it."""
    names = [person.name for person in flow.participants]
    return " ".join(_spoken(row, names) for row in rows(flow, fold)) or "No messages."


def _spoken(row: Row, names: Sequence[str]) -> str:
    if isinstance(row, Arrow):
        leg = f"leg {row.leg}, " if row.leg else ""
        fate = "" if row.arrived else ", lost" if row.lost else ", refused"
        again = ", retransmission" if row.retransmission else ""
        way = f"{names[row.src]} to {names[row.dst]}"
        return f"{row.number}: {leg}{row.time_s:.3f} s, {way}: {row.label}{again}{fate}."
    if isinstance(row, Bands):
        return " ".join(_spoken_band(band, names) for band in row.bands)
    return f"{row.text}." if isinstance(row, Fold) else f"{row.time_s:.3f} s: {row.text}."


def _spoken_band(band: Band, names: Sequence[str]) -> str:
    words = " ".join(filter(None, band_words(band)))
    return f"{band.start_s:.3f} s, RTP between {names[band.left]} and {names[band.right]}: {words}."


class _Sheet:
    """Lays a flow out and draws it."""

    def __init__(self, flow: CallFlow, fold: int | None) -> None:
        self._flow = flow
        self._fold = fold
        count = len(flow.participants)
        self._span = _SPAN if count <= 4 else _NARROW_SPAN
        self._x = [_PAD + _GUTTER + _EDGE + index * self._span for index in range(count)]
        self.width = max((self._x[-1] if self._x else 0) + _EDGE + _PAD, 640)
        self._verdict = _wrapped(flow.verdict, int((self.width - 2 * _PAD) / (_VERDICT_PX * 0.64)))
        self._top = _PAD + len(self._verdict) * 22 + 14
        self._placed, self._bottom = self._places()

    def picture(self) -> str:
        """Return the whole picture."""
        height = self._bottom + _PAD + (22 if self._flow.evicted_calls else 0)
        body = [
            element("rect", class_="paper", width=self.width, height=height, rx=10),
            *self._verdict_lines(),
            *self._lifelines(),
            *(self._drawn(placed) for placed in self._placed),
            *self._heads(),
            *self._evicted(),
        ]
        title = f"{self._flow.title}: {self._flow.verdict}"
        said = description(self._flow, self._fold)
        return picture(self.width, height, body, title=title, description=said, style=STYLE, class_="vx")

    def _places(self) -> tuple[list[_Placed], float]:
        placed: list[_Placed] = []
        y = self._top + _HEAD + 4
        last_s: float | None = None
        for row in rows(self._flow, self._fold):
            start_s = _start_s(row)
            pause_s = 0.0 if start_s is None or last_s is None else start_s - last_s
            y += _PAUSE if pause_s >= _PAUSE_S else 0
            y += _BAND + 12 if isinstance(row, Bands) else _ROW if isinstance(row, Arrow) else 30
            placed.append(_Placed(row, y, pause_s if pause_s >= _PAUSE_S else 0.0))
            y += _NOTE if isinstance(row, Arrow) and row.note else 0
            last_s = _end_s(row) or last_s
        return placed, y + 24

    def _verdict_lines(self) -> list[Markup]:
        mark, first = self._verdict[0][:1], self._verdict[0]
        kind = {"✗": "x", "✓": "ok"}.get(mark, "s")
        drawn = []
        for index, line in enumerate(self._verdict):
            y = _PAD + 14 + 22 * index
            text: list[str] = [line] if index else [element("tspan", mark, class_=kind), first[1:]]
            drawn.append(element("text", *text, x=_PAD, y=y, font_size=_VERDICT_PX, class_="b"))
        return drawn

    def _lifelines(self) -> list[Markup]:
        return [element("line", x1=x, y1=self._top + _HEAD, x2=x, y2=self._bottom, class_="life") for x in self._x] + [
            element("line", x1=x - 9, y1=self._bottom, x2=x + 9, y2=self._bottom, class_="life") for x in self._x
        ]

    def _heads(self) -> list[Markup]:
        drawn = []
        for x, person in zip(self._x, self._flow.participants, strict=True):
            room = min(self._span - 20, 2 * _EDGE + 20)
            name, address = fit(clean(person.name), int(room / 8.2)), fit(clean(person.address), int(room / 6.4))
            width = max(96, len(name) * 8.4 + 28, len(address) * 6.5 + 24)
            drawn += [
                element("rect", x=x - width / 2, y=self._top, width=width, height=_HEAD, rx=8, class_="card"),
                element("text", name, x=x, y=self._top + (20 if address else 28), font_size=13.5, class_="b c"),
                element("text", address, x=x, y=self._top + 36, font_size=_NOTE_PX, class_="m s c"),
            ]
        return drawn

    def _evicted(self) -> list[Markup]:
        count = self._flow.evicted_calls
        if not count:
            return []
        text = f"{count:,} older calls were forgotten to keep the journal small"
        return [element("text", text, x=_PAD, y=self._bottom + 26, font_size=11, class_="s")]

    def _drawn(self, placed: _Placed) -> Markup:
        row, y = placed.row, placed.y
        parts = [self._pause(placed)] if placed.pause_s else []
        if isinstance(row, Arrow):
            return group([*parts, *self._arrow(row, y)], class_="row", data_message=str(row.number))
        if isinstance(row, Bands):
            return group(
                [
                    *parts,
                    self._time(row.bands[0].start_s, y - _BAND / 2 + 4),
                    *(self._band(band, y) for band in row.bands),
                ]
            )
        if isinstance(row, Fold):
            middle = (self._x[0] + self._x[-1]) / 2
            return group([self._pill(middle, y, f"⋮ {row.text}", "s")])
        return group([*parts, *self._remark(row, y)])

    def _pause(self, placed: _Placed) -> Markup:
        lift = _BAND + 12 if isinstance(placed.row, Bands) else _ROW if isinstance(placed.row, Arrow) else 30
        y = placed.y - lift
        text = f"{placed.pause_s:,.1f} s later"
        line = element(
            "line", x1=_PAD + _GUTTER, y1=y, x2=self.width - _PAD, y2=y, class_="life", stroke_dasharray="1 5"
        )
        return group([line, element("text", text, x=_PAD + _GUTTER - 12, y=y + 4, font_size=_NOTE_PX, class_="s e")])

    def _time(self, time_s: float, y: float, message: int | None = None) -> Markup:
        parts = [element("text", f"{time_s:.3f}", x=_PAD + _GUTTER - 12, y=y, font_size=11, class_="m s n e")]
        if message is not None:
            parts.append(element("text", str(message), x=_PAD + 22, y=y, font_size=11, class_="n b e"))
        return group(parts)

    def _arrow(self, arrow: Arrow, y: float) -> list[Markup]:
        start, end = self._x[arrow.src], self._x[arrow.dst]
        height = 36 + (_NOTE if arrow.note else 0)
        hit = element("rect", x=_PAD - 8, y=y - 25, width=self.width - 2 * _PAD + 16, height=height, rx=6, class_="hit")
        tip = element(
            "title",
            f"{arrow.number}  {clean(arrow.label)}{' · ' + arrow.note if arrow.note else ''} ({arrow.transport})",
        )
        parts = [tip, hit, self._time(arrow.time_s, y + 4, arrow.number)]
        line = self._self_line(start, y) if start == end else _line(arrow, start, end, y)
        class_ = "bad" if arrow.failure else leg_class(arrow.leg)
        parts.append(group([*line, *self._label(arrow, start, end, y)], class_=class_, fill="none"))
        return parts

    def _self_line(self, x: float, y: float) -> list[Markup]:
        path = f"M{number(x)} {number(y - 8)}h26v12h-18"
        return [element("path", d=path, stroke_width=1.6), _head(x + 2, y + 4, -1, filled=True)]

    def _label(self, arrow: Arrow, start: float, end: float, y: float) -> list[Markup]:
        left, right = min(start, end), max(start, end)
        if left == right:
            right = left + self._span
            left += 20
        room = right - left - 46
        x = left + (32 if arrow.leg and end > start else 16)
        label = fit(clean(marked(arrow, short=True)), int(room / (_LABEL_PX * MONO_WIDTH)))
        weight = "b" if arrow.is_request else ""
        kind = "x" if arrow.failure else "s" if arrow.retransmission else ""
        parts = [element("text", label, x=x, y=y - 8, font_size=_LABEL_PX, class_=f"m {weight} {kind}".strip())]
        if arrow.note:
            note = fit(clean(arrow.note), int(room / (_NOTE_PX * MONO_WIDTH)))
            parts.append(element("text", note, x=x, y=y + 14, font_size=_NOTE_PX, class_="m s"))
        if arrow.leg and start != end:
            parts.append(_chip(arrow.leg, start + (17 if end > start else -17), y))
        return parts

    def _band(self, band: Band, y: float) -> Markup:
        left, right = self._x[band.left], self._x[band.right]
        codec, packets, lost = band_words(band)
        seconds = f"{band.end_s - band.start_s:,.1f} s"
        words = [element("tspan", f"RTP {clean(codec)}", class_="b"), f"  {packets}  {seconds}"]
        words += [element("tspan", f"  {lost}", class_="x")] if lost else []
        room = int((right - left - 60) / (_LABEL_PX * MONO_WIDTH))
        if len(f"RTP {codec}  {packets}  {seconds}  {lost}") > room:
            words.pop(1)
            words.insert(1, f"  {packets}")
        box = element(
            "rect",
            x=left,
            y=y - _BAND,
            width=right - left,
            height=_BAND,
            rx=3,
            class_="f",
            stroke_width=1,
            fill_opacity=0.13,
        )
        text = element(
            "text",
            *words,
            x=(left + right) / 2 + (8 if band.leg else 0),
            y=y - _BAND / 2 + 4,
            font_size=_LABEL_PX,
            class_="m c",
        )
        chip = [_chip(band.leg, left + 14, y - _BAND / 2)] if band.leg else []
        return group([box, text, *chip], class_=leg_class(band.leg))

    def _remark(self, remark: Remark, y: float) -> list[Markup]:
        x = self._x[remark.at] if remark.at is not None else (self._x[0] + self._x[-1]) / 2
        text = f"{'✗' if remark.failure else '»'} {clean(remark.text)}"
        return [self._time(remark.time_s, y - 3), self._pill(x, y - 7, text, "x" if remark.failure else "s")]

    def _pill(self, x: float, y: float, text: str, class_: str) -> Markup:
        text = fit(text, int((self.width - 2 * _PAD - _GUTTER) / 6.6))
        width = len(text) * 11 * MONO_WIDTH + 22
        x = min(max(x, _PAD + _GUTTER + width / 2), self.width - _PAD - width / 2)
        box = element("rect", x=x - width / 2, y=y - 11, width=width, height=22, rx=11, class_="card")
        return group([box, element("text", text, x=x, y=y + 4, font_size=11, class_=f"m c {class_}")])


def _line(arrow: Arrow, start: float, end: float, y: float) -> list[Markup]:
    """Return an arrow's line and head: a filled head asks, an open one answers; what did not arrive ends in a cross."""
    way = 1 if end > start else -1
    width = 1.2 if arrow.retransmission else 1.6
    dashes = leg_dashes(arrow.leg)
    if arrow.arrived:
        line = element("line", x1=start, y1=y, x2=end - way * 9, y2=y, stroke_width=width, stroke_dasharray=dashes)
        return [line, _head(end - way, y, way, filled=arrow.is_request)]
    stop = start + (end - start) * 0.8
    line = element("line", x1=start, y1=y, x2=stop - way * 8, y2=y, stroke_width=width, stroke_dasharray=dashes)
    fate = element(
        "text",
        "lost" if arrow.lost else "refused",
        x=stop + way * 12,
        y=y + 4,
        font_size=_NOTE_PX,
        class_=f"x{'' if way > 0 else ' e'}",
    )
    return [line, _cross(stop, y), fate]


def _head(x: float, y: float, way: int, *, filled: bool) -> Markup:
    if filled:
        return element("path", d=f"M{number(x)} {number(y)}l{-9 * way} -4.5v9z", class_="f", stroke="none")
    return element(
        "path",
        d=f"M{number(x - way * 8)} {number(y - 4.5)}l{8 * way} 4.5l{-8 * way} 4.5M{number(x)} {number(y)}h{-way * 9}",
        stroke_width=1.6,
    )


def _cross(x: float, y: float) -> Markup:
    return element(
        "path", d=f"M{number(x - 5)} {number(y - 5)}l10 10m0 -10l-10 10", stroke_width=2.2, stroke_linecap="round"
    )


def _chip(leg: str, x: float, y: float) -> Markup:
    circle = element("circle", cx=x, cy=y, r=_CHIP, class_="paper", stroke_width=1.4)
    return group([circle, element("text", leg, x=x, y=y + 3.6, font_size=10, class_="leg b c")], class_=leg_class(leg))


def _wrapped(text: str, width: int) -> list[str]:
    import textwrap

    return textwrap.wrap(clean(text), width) or [""]


def _start_s(row: Row) -> float | None:
    if isinstance(row, Fold):
        return None
    return row.bands[0].start_s if isinstance(row, Bands) else row.time_s


def _end_s(row: Row) -> float | None:
    if isinstance(row, Fold):
        return None
    return max(band.end_s for band in row.bands) if isinstance(row, Bands) else row.time_s
