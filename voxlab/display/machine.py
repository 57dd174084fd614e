"""A state machine as a picture, drawn from its table, with the path that one transaction or registration took (RFC 3261
s.17, RFC 6026, s.10.2).

A card for each state, in the order of its life, with a row for each input that it does something about; a
lane on the right for each state that rows lead to. So nothing overlaps, whatever the table. Must not know what
carries the machine out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from voxlab.display.characters import clean, fit, to_ascii
from voxlab.display.svg import Markup, element, group, number, picture
from voxlab.display.theme import MONO_WIDTH, STYLE

_PAD = 20
_CARD = 570
_ROW = 22
_HEADER = 34
_GAP = 16
_LANE = 26
_TITLE = 58
_PX = 11.5
_CHARACTER = _PX * MONO_WIDTH


State = Any
"""A state of whatever machine: hashable, with a ``label``."""


class Transition(Protocol):
    """An arrow of a machine; ``label`` is the input, " / ", and what is done."""

    @property
    def state(self) -> State: ...  # noqa: D102
    @property
    def input(self) -> Any: ...  # noqa: D102
    @property
    def next_state(self) -> State: ...  # noqa: D102
    @property
    def label(self) -> str: ...  # noqa: D102


class Table(Protocol):
    """A machine that is data: those of transactions (``transaction/table.py``), that of a registration."""

    @property
    def title(self) -> str: ...  # noqa: D102
    @property
    def rfc(self) -> str: ...  # noqa: D102
    @property
    def initial(self) -> State: ...  # noqa: D102
    @property
    def entry(self) -> tuple[Any, ...]: ...  # noqa: D102
    @property
    def states(self) -> tuple[State, ...]: ...  # noqa: D102

    def transitions(self) -> Any:
        """Return the arrows."""

    def why(self, state: State, given: Any) -> str:
        """Return why a row is as it is."""


class Step(Protocol):
    """A step of a path: when, and what came, by its label."""

    @property
    def time_s(self) -> float: ...  # noqa: D102
    @property
    def input(self) -> str: ...  # noqa: D102


class Visit(NamedTuple):
    """A step of the path: which one, from 1, and when."""

    step: int
    time_s: float


@dataclass(frozen=True)
class Walk:
    """A table with a path through it: the visits of each transition, and the state where the path ends."""

    table: Table
    visits: dict[tuple[State, str], tuple[Visit, ...]]
    states: frozenset[State]
    last: State | None

    def rows(self, state: State) -> list[Transition]:
        """Return what a state does something about."""
        return [each for each in self.table.transitions() if each.state == state]

    def visited(self, transition: Transition) -> tuple[Visit, ...]:
        """Return when the path went this way."""
        return self.visits.get((transition.state, transition.input.label), ())

    @property
    def title(self) -> str:
        """What the picture shows, and where the path ends."""
        if self.last is None:
            return self.table.title
        steps = sum(map(len, self.visits.values()))
        return f"{self.table.title}, {steps} step{'' if steps == 1 else 's'}, now {self.last.label}"


def walk(table: Table, path: Sequence[Step] = ()) -> Walk:
    """Follow a path through a table; inputs that the machine ignores are no steps."""
    ways = {(each.state, each.input.label): each for each in table.transitions()}
    visits: dict[tuple[State, str], tuple[Visit, ...]] = {}
    here, states, count = table.initial, {table.initial}, 0
    for record in path:
        way = ways.get((here, record.input))
        if way is None:
            continue
        count += 1
        key = here, record.input
        visits[key] = (*visits.get(key, ()), Visit(count, record.time_s))
        here = way.next_state
        states.add(here)
    return Walk(table, visits, frozenset(states) if path else frozenset(), here if path else None)


def machine_text(
    table: Table,
    path: Sequence[Step] = (),
    *,
    width: int = 80,
    ascii: bool = False,  # noqa: A002 - the switch's name
) -> str:
    """Return the machine as text: steps of the path carry their number and time, the state where it ends is marked."""
    taken = walk(table, path)
    lines = [taken.title, table.rfc, ""]
    for state in table.states:
        mark = "●" if state == taken.last else "○" if state in taken.states else " "
        lines.append(f"{mark} {state.label}{_entry(table, state)}")
        lines += [_text_row(taken, each) for each in taken.rows(state)]
    shown = [fit(clean(line), width).rstrip() for line in lines]
    return to_ascii("\n".join(shown).replace("○", "o")) if ascii else "\n".join(shown)


def machine_svg(table: Table, path: Sequence[Step] = ()) -> str:
    """Return the machine as SVG; the path is bold, thick and numbered, so that it shows without colour."""
    return _Chart(walk(table, path)).picture()


def _text_row(taken: Walk, each: Transition) -> str:
    given, _, actions = each.label.partition(" / ")
    target = "" if each.next_state == each.state else f"→ {each.next_state.label}"
    steps = _numbers([visit.step for visit in taken.visited(each)])
    return f"  {f'[{steps}]' if steps else '':<6} {given:<20} {target:<14} {actions if actions != '-' else ''}"


def _numbers(steps: Sequence[int]) -> str:
    """Return the numbers of steps, three and more in a row as a range."""
    if len(steps) > 2 and steps[-1] - steps[0] == len(steps) - 1:
        return f"{steps[0]}…{steps[-1]}"
    return ", ".join(f"{step}" for step in steps)


def _entry(table: Table, state: State) -> str:
    does = [label for label in (action.label for action in table.entry) if label] if state == table.initial else []
    return f"   on entry: {', '.join(does)}" if does else "   start" if state == table.initial else ""


class _Chart:
    """Lays the cards and lanes out and draws them."""

    def __init__(self, taken: Walk) -> None:
        self._walk = taken
        self._states = taken.table.states
        self._top: dict[State, float] = {}
        y = float(_PAD + _TITLE)
        for state in self._states:
            self._top[state] = y
            y += _HEADER + len(taken.rows(state)) * _ROW + (6 if taken.rows(state) else 0) + _GAP
        self._height = y - _GAP + _PAD
        targets = [s for s in self._states if any(t.next_state == s != t.state for t in taken.table.transitions())]
        self._lane = {state: _PAD + _CARD + 24 + _LANE * index for index, state in enumerate(targets)}
        self._width = _PAD + _CARD + 24 + _LANE * len(targets) + _PAD

    def picture(self) -> str:
        """Return the whole picture."""
        taken, table = self._walk, self._walk.table
        body = [
            element("rect", class_="paper", width=self._width, height=self._height, rx=10),
            element("text", taken.title, x=_PAD, y=_PAD + 16, font_size=15, class_="b"),
            element("text", table.rfc, x=_PAD, y=_PAD + 36, font_size=11, class_="s"),
            *(self._lanes(visited=False) + self._lanes(visited=True)),
            *(self._card(state) for state in self._states),
        ]
        said = machine_text(table, (), width=200) if taken.last is None else self._story()
        return picture(self._width, self._height, body, title=taken.title, description=said, style=STYLE, class_="vx")

    def _story(self) -> str:
        steps = sorted((visit, key) for key, visits in self._walk.visits.items() for visit in visits)
        said = [
            f"Step {visit.step}, {visit.time_s:.3f} s: {given} in {state.label}." for visit, (state, given) in steps
        ]
        return " ".join(said) or "No step was taken."

    def _lanes(self, *, visited: bool) -> list[Markup]:
        drawn = []
        for target, lane in self._lane.items():
            ways = [t for t in self._walk.table.transitions() if t.next_state == target != t.state]
            chosen = [t for t in ways if bool(self._walk.visited(t)) == visited]
            if chosen:
                drawn.append(self._lane_to(target, lane, [self._row_y(t) for t in chosen], visited=visited))
        return drawn

    def _lane_to(self, target: State, lane: float, sources: list[float], *, visited: bool) -> Markup:
        end_y, edge = self._top[target] + _HEADER / 2, _PAD + _CARD
        paths = [element("path", d=_elbow(edge, y, lane, end_y), fill="none") for y in sources]
        head = element("path", d=f"M{edge} {number(end_y)}l9 -4.5v9z", class_="f", stroke="none")
        faded = None if visited or self._walk.last is None else 0.45
        return group(
            [*paths, head], class_="l0" if visited else "l", stroke_width=2.6 if visited else 1.1, opacity=faded
        )

    def _row_y(self, transition: Transition) -> float:
        at = self._walk.rows(transition.state).index(transition)
        return self._top[transition.state] + _HEADER + at * _ROW + _ROW / 2 - 1

    def _card(self, state: State) -> Markup:
        taken = self._walk
        y, rows = self._top[state], taken.rows(state)
        height = _HEADER + len(rows) * _ROW + (6 if rows else 0)
        here, seen = state == taken.last, state in taken.states
        frame = element("rect", x=_PAD, y=y, width=_CARD, height=height, rx=8, class_="card")
        accent = element(
            "rect", x=_PAD, y=y, width=_CARD, height=height, rx=8, fill="none", stroke_width=2.4 if here else 1.4
        )
        parts = [frame, *([group([accent], class_="l0")] if seen else [])]
        name = element("text", state.label, x=_PAD + 16, y=y + 22, font_size=13.5, class_="b")
        hint = ("● now  " if here else "") + _entry(taken.table, state).strip()
        parts += [name, element("text", hint, x=_PAD + _CARD - 16, y=y + 22, font_size=11, class_="s e")]
        return group([*parts, *(self._row(each) for each in rows)])

    def _row(self, each: Transition) -> Markup:
        given, _, actions = each.label.partition(" / ")
        visits = self._walk.visited(each)
        y = self._row_y(each) + 4
        weight = " b" if visits else ""
        target = "" if each.next_state == each.state else f"→ {each.next_state.label}"
        tip = element("title", f"{each.label}: {self._walk.table.why(each.state, each.input)}")
        does = fit("" if actions == "-" else actions, int(255 / _CHARACTER))
        return group(
            [
                tip,
                *_chips(visits, y - 4),
                element("text", given, x=_PAD + 62, y=y, font_size=_PX, class_=f"m{weight}"),
                element("text", does, x=_PAD + 212, y=y, font_size=_PX, class_=f"m s{weight}"),
                element("text", target, x=_PAD + _CARD - 12, y=y, font_size=_PX, class_=f"m e{weight}"),
            ]
        )


def _chips(visits: tuple[Visit, ...], y: float) -> list[Markup]:
    """Return the numbers of the steps; of many, the first and how many more."""
    if not visits:
        return []
    text = str(visits[0].step) if len(visits) == 1 else f"{visits[0].step}…{visits[-1].step}"
    width = max(18.0, len(text) * 6.6 + 10)
    box = element("rect", x=_PAD + 34 - width / 2, y=y - 8.5, width=width, height=17, rx=8.5, class_="f", stroke="none")
    return [
        group([box, element("text", text, x=_PAD + 34, y=y + 3.8, font_size=10.5, class_="n b c inverse")], class_="l0")
    ]


def _elbow(x: float, y: float, lane: float, end_y: float, radius: float = 7) -> str:
    """Return the path from a row to its lane, along it, and back to the card that it leads to."""
    down = 1 if end_y > y else -1
    r = min(radius, abs(end_y - y) / 2)
    return (
        f"M{number(x)} {number(y)}H{number(lane - r)}Q{number(lane)} {number(y)} {number(lane)} {number(y + down * r)}"
        f"V{number(end_y - down * r)}Q{number(lane)} {number(end_y)} {number(lane - r)} {number(end_y)}H{number(x + 8)}"
    )
