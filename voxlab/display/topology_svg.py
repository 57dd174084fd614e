"""A lab's network as SVG: our phones and their NATs left of the cloud, other operators right of it.

A tree is laid out by its leaves, so that nothing overlaps and no two lines cross. Must not know how the value was made.
"""

from __future__ import annotations

from typing import NamedTuple

from voxlab.analysis.topology import CARRIER, CLOUD, LINK, NAT, REGISTRATION, TRUNK, Line, Node, Topology
from voxlab.display.characters import clean, fit
from voxlab.display.svg import Markup, element, group, number, picture
from voxlab.display.theme import STYLE
from voxlab.display.topology import line_words, topology_text

_PAD, _TITLE = 24, 58
_BOX, _GAP = 220, 132  # widths: of a host, and of the room for lines between two columns
_HEAD, _LINE, _FOOT, _SPACE = 26, 16, 9, 18
_NAME_PX, _FACT_PX, _LINE_PX = 13.5, 11, 10.5
_CHARACTER = 0.53  # of the font size, on average, in the reader's own font
_SHAPES = {CLOUD: "leg0", NAT: "leg3", CARRIER: "leg2"}
_STYLE = (
    STYLE
    + "".join(f".vx .k-{kind}{{stroke:var(--vx-{colour})}}" for kind, colour in _SHAPES.items())
    + ".vx .k-phone{stroke:var(--vx-leg1)}.vx .box{fill:var(--vx-card);stroke-width:1.6}"
    + ".vx .wire{fill:none;stroke:var(--vx-soft);stroke-width:1.6}.vx .wire.hurt{stroke:var(--vx-bad)}"
    + ".vx .trunk{stroke:var(--vx-leg2)}.vx .tag{fill:var(--vx-paper)}"
)


class Place(NamedTuple):
    """Where a host is drawn: the middle of its box, and the box's height."""

    x: float
    y: float
    height: float


def topology_svg(topology: Topology) -> Markup:
    """Return the picture."""
    return _Picture(topology).drawn()


class _Picture:
    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._places: dict[str, Place] = {}
        roots = topology.behind(topology.cloud.name)
        left = [node for node in roots if node.kind != CARRIER]
        right = [node for node in roots if node.kind == CARRIER]
        depths = {node.name: depth for node, depth in topology.walk()}
        nats = [depths[node.name] for node in topology.nodes if node.kind == NAT]
        self._columns_left = max(nats, default=0) + bool(left)
        self._columns_right = max((depths[n.name] for root in right for n in (root, *_all(topology, root))), default=0)
        bottoms = [self._side(left, _TITLE + _PAD, -1), self._side(right, _TITLE + _PAD, 1)]
        cloud_height = self._height(topology.cloud)
        bottom = max(*bottoms, _TITLE + _PAD + cloud_height + _SPACE)
        middle = (_TITLE + _PAD + bottom - _SPACE) / 2
        self._settle(left, middle - (_TITLE + _PAD + bottoms[0] - _SPACE) / 2)
        self._settle(right, middle - (_TITLE + _PAD + bottoms[1] - _SPACE) / 2)
        self._places[topology.cloud.name] = Place(self._x(self._columns_left), middle, cloud_height)
        self._height_px = bottom + _PAD

    # -- the layout

    def _x(self, column: int) -> float:
        return _PAD + _BOX / 2 + column * (_BOX + _GAP)

    def _height(self, node: Node) -> float:
        return _HEAD + _LINE * len(self._rows(node)) + _FOOT

    def _rows(self, node: Node) -> list[tuple[str, str]]:
        """Return what stands in a box below the name, each row with its class."""
        agreed = [line for line in self._topology.lines_of(node.name) if line.kind != LINK]
        rows = [(fact, "s") for fact in node.facts]
        rows += [(f"{'✗ ' if line.is_bad else ''}{line_words(line)}", "x" if line.is_bad else "ok") for line in agreed]
        return rows + [(f"✗ {fault}", "x") for fault in node.faults]

    def _side(self, nodes: list[Node], top: float, way: int) -> float:
        """Place hosts and all behind them from ``top`` downward; return where the next may begin."""
        for node in nodes:
            top = self._branch(node, top, way, 1)
        return top

    def _branch(self, node: Node, top: float, way: int, depth: int) -> float:
        inner = self._topology.behind(node.name)
        height = self._height(node)
        bottom = top
        for each in inner:
            bottom = self._branch(each, bottom, way, depth + 1)
        if not inner or bottom - top < height + _SPACE:
            bottom = top + height + _SPACE
        places = [self._places[each.name].y for each in inner]
        middle = (places[0] + places[-1]) / 2 if places else top + height / 2
        y = max(middle, top + height / 2)
        self._settle(list(inner), y - middle)
        column = 0 if way < 0 and node.kind != NAT else self._columns_left + way * depth
        self._places[node.name] = Place(self._x(column), y, height)
        return bottom

    def _settle(self, nodes: list[Node], shift: float) -> None:
        for root in nodes:
            for node in (root, *_all(self._topology, root)):
                place = self._places[node.name]
                self._places[node.name] = place._replace(y=place.y + shift)

    # -- the drawing

    def drawn(self) -> Markup:
        topology = self._topology
        columns = self._columns_left + 1 + self._columns_right
        width = 2 * _PAD + columns * _BOX + (columns - 1) * _GAP
        title = element("text", clean(topology.title), x=_PAD, y=_PAD + 12, font_size=15, class_="b")
        broken = topology.faults
        said = f"✗ {len(broken)} switched on: {', '.join(broken)}" if broken else "nothing is switched on"
        room = int((width - 2 * _PAD) / (_FACT_PX * _CHARACTER))
        below = element(
            "text", fit(clean(said), room), x=_PAD, y=_PAD + 32, font_size=_FACT_PX, class_="x" if broken else "s"
        )
        paper = element("rect", x=0, y=0, width=width, height=self._height_px, rx=10, class_="paper")
        wires = [part for node in topology.nodes[1:] for part in self._wires(node)]
        boxes = [self._box(node) for node in topology.nodes]
        return picture(
            width,
            self._height_px,
            [paper, title, below, *wires, *boxes],
            title=topology.title,
            description=topology_text(topology, 120),
            style=_STYLE,
            class_="vx",
        )

    def _wires(self, node: Node) -> list[Markup]:
        """Draw the link toward the cloud: dashed where a trunk is agreed on, dotted for a registration."""
        lines = self._topology.lines_of(node.name)
        one, other = self._places[node.name], self._places[node.parent]
        agreed = next((line.kind for line in lines if line.kind != LINK), LINK)
        return [self._wire(one, other, line, agreed) for line in lines if line.kind == LINK]

    def _wire(self, one: Place, other: Place, line: Line, agreed: str) -> Markup:
        left, right = (one, other) if one.x < other.x else (other, one)
        start, end = left.x + _BOX / 2, right.x - _BOX / 2
        bend = end - _GAP / 2 if one.x < other.x else start + _GAP / 2
        curve = (
            f"M{number(start)} {number(left.y)}H{number(bend - _GAP / 2)}"
            f"C{number(bend)} {number(left.y)} {number(bend)} {number(right.y)} {number(bend + _GAP / 2)} "
            f"{number(right.y)}H{number(end)}"
        )
        kind = "wire" + (" trunk" if agreed != LINK else "") + (" hurt" if line.is_bad or line.faults else "")
        dashes = {TRUNK: "7 4", REGISTRATION: "2 3"}.get(agreed)
        parts = [element("path", d=curve, class_=kind, stroke_dasharray=dashes)]
        far, away = (left, 1) if one.x < other.x else (right, -1)
        words = [word for word in (line.text, *(f"✗ {fault}" for fault in line.faults)) if word]
        x = far.x + away * (_BOX / 2 + 8)
        for row, word in enumerate(words):
            room = int((_GAP - 16) / (_LINE_PX * _CHARACTER))
            text = fit(clean(word), room)
            bad = line.is_bad or word.startswith("✗")
            y = one.y - 6 - 13 * (len(words) - 1 - row)
            anchor = "" if away > 0 else " e"
            tip = element("title", clean(line_words(line)))
            parts.append(
                element("text", tip, text, x=x, y=y, font_size=_LINE_PX, class_=("x" if bad else "s") + anchor)
            )
        return group(parts)

    def _box(self, node: Node) -> Markup:
        x, y, height = self._places[node.name]
        left, top = x - _BOX / 2, y - height / 2
        class_ = f"box k-{node.kind}" + (" bad" if node.faults else "")
        room = int((_BOX - 24) / (_FACT_PX * _CHARACTER))
        name = fit(clean(node.name), int((_BOX - 60) / (_NAME_PX * _CHARACTER)))
        parts = [
            element("title", clean(" · ".join((node.name, *node.facts, *(f"✗ {each}" for each in node.faults))))),
            element("rect", x=left, y=top, width=_BOX, height=height, rx=8, class_=class_),
            element("text", name, x=left + 12, y=top + 19, font_size=_NAME_PX, class_="b"),
            element("text", _KINDS[node.kind], x=left + _BOX - 12, y=top + 19, font_size=_LINE_PX, class_="s e"),
        ]
        for row, (text, kind) in enumerate(self._rows(node)):
            at = top + _HEAD + _LINE * row + 10
            parts.append(element("text", fit(clean(text), room), x=left + 12, y=at, font_size=_FACT_PX, class_=kind))
        return group(parts)


_KINDS = {"cloud": "SBC", "nat": "NAT", "phone": "phone", "carrier": "operator"}


def _all(topology: Topology, root: Node) -> tuple[Node, ...]:
    return tuple(node for node, _ in topology.walk(root.name))
