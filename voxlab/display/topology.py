"""A lab's network as text: a tree from the cloud outward, a host a line, faults marked.

Must not know how the value was made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from voxlab.analysis.topology import CARRIER, LINK, NAT, Line, Node, Topology
from voxlab.display.characters import clean, fit, to_ascii

WORDS = {"nat": "NAT", "carrier": "operator", "cloud": "cloud", "phone": ""}
_BRANCHES = {"├─ ": "|- ", "└─ ": "`- ", "│  ": "|  "}


def topology_text(topology: Topology, width: int = 80, *, ascii: bool = False) -> str:  # noqa: A002 - the switch's name
    """Return a topology as text of at most ``width`` cells a line."""
    lines = [topology.title, "", *_node(topology, topology.cloud, "", "")]
    lines += _below(topology, topology.cloud.name, "")
    text = "\n".join(fit(clean(line), width) for line in lines)
    if not ascii:
        return text
    for branch, spelt in _BRANCHES.items():
        text = text.replace(branch, spelt)
    return to_ascii(text)


def _below(topology: Topology, name: str, indent: str) -> Iterator[str]:
    nodes = topology.behind(name)
    for place, node in enumerate(nodes):
        last = place == len(nodes) - 1
        rest = indent + ("   " if last else "│  ")
        yield from _node(topology, node, indent + ("└─ " if last else "├─ "), rest)
        yield from _below(topology, node.name, rest)


def _node(topology: Topology, node: Node, lead: str, rest: str) -> Iterator[str]:
    words = " · ".join((*node.facts, *_links(topology.lines_of(node.name))))
    kind = f" ({WORDS[node.kind]})" if node.kind in {NAT, CARRIER} else ""
    yield f"{lead}{node.name}{kind}  {words}".rstrip()
    below = rest + ("│  " if topology.behind(node.name) else "   ")
    for fault in node.faults:
        yield f"{below}✗ {fault}"
    for line in topology.lines_of(node.name):
        if line.kind != LINK:
            yield f"{below}{'✗' if line.is_bad else '='} {line_words(line)}"
        elif line.faults:
            yield f"{below}✗ {', '.join(line.faults)} on its link"


def _links(lines: Sequence[Line]) -> Iterator[str]:
    for line in lines:
        if line.kind == LINK and line.text:
            yield f"{'✗ ' if line.is_bad else ''}link: {line.text}"


def line_words(line: Line) -> str:
    """Return a line in words: its kind, what is agreed, what is wrong."""
    faults = f" · ✗ {', '.join(line.faults)}" if line.faults else ""
    return f"{line.kind} {line.text}{faults}".strip()
