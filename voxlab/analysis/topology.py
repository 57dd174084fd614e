"""A lab's network as a value: who is where, by which lines, and what is wrong with each; what pictures are drawn from.

Must not know how it is drawn, nor handles: whoever has hosts makes nodes of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

CLOUD, NAT, PHONE, CARRIER = "cloud", "nat", "phone", "carrier"
LINK, TRUNK, REGISTRATION = "link", "trunk", "registration"


@dataclass(frozen=True, slots=True)
class Node:
    """A host.

    Attributes
    ----------
    name : str
    kind : {"cloud", "nat", "phone", "carrier"}
    parent : str
        The host that its line to the world leads to, "" for the cloud.
    facts : tuple of str
        What it is: its address, its state.
    faults : tuple of str
        What is switched on there.
    """

    name: str
    kind: str
    parent: str
    facts: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """What connects a host with its parent, or an operator with the cloud.

    Attributes
    ----------
    node : str
        The host that is further from the cloud.
    kind : {"link", "trunk", "registration"}
    text : str
        Its temper, or what is agreed; "" for a link that is as links are.
    is_bad : bool
        Whether it loses, delays or refuses something.
    faults : tuple of str
    """

    node: str
    kind: str
    text: str = ""
    is_bad: bool = False
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Topology:
    """Everything of one lab: the cloud first, parents before those behind them."""

    title: str
    nodes: tuple[Node, ...]
    lines: tuple[Line, ...]

    @property
    def cloud(self) -> Node:
        """The node that all others hang on."""
        return self.nodes[0]

    def behind(self, name: str) -> tuple[Node, ...]:
        """Return the hosts whose line leads to a host: NATs first, so that lines do not cross."""
        found = [node for node in self.nodes if node.parent == name]
        return tuple(sorted(found, key=lambda node: node.kind != NAT))

    def lines_of(self, name: str) -> tuple[Line, ...]:
        """Return the lines from a host toward the cloud."""
        return tuple(line for line in self.lines if line.node == name)

    def walk(self, name: str = "", depth: int = 0) -> Iterator[tuple[Node, int]]:
        """Yield the hosts behind one (all of them without a name), each with its distance, parents first."""
        for node in self.behind(name or self.cloud.name):
            yield node, depth + 1
            yield from self.walk(node.name, depth + 1)

    @property
    def faults(self) -> tuple[str, ...]:
        """Everything that is switched on, as ``place: fault``."""
        places = [(node.name, node.faults) for node in self.nodes]
        places += [(f"{line.kind} of {line.node}", line.faults) for line in self.lines]
        return tuple(f"{place}: {fault}" for place, faults in places for fault in faults)
