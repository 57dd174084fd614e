"""The links between the hosts of a network, each with a seed of its own by its name: the same in both worlds.

Must not know which network they are on, nor what packets carry.
"""

from __future__ import annotations

from collections.abc import Callable

from voxlab.base.ids import Ids
from voxlab.net.impairment import Impairment
from voxlab.net.link import Link, Way


class Links:
    """All links of a network, made when they are first asked for.

    Parameters
    ----------
    ids : Ids
        Where each link's own seed comes from, by its name: the same in both worlds.
    impairment : Impairment
        Of every link that is not given another.
    changed : callable
        Told when the temper of a direction changes, with the owner that it leads from.
    """

    def __init__(self, ids: Ids, impairment: Impairment, changed: Callable[[str], None] = lambda _source: None) -> None:
        self.ids = ids
        self.impairment = impairment
        self._changed = changed
        self._ways: dict[tuple[str, str], Way] = {}

    def way(self, source: str, target: str) -> Way:
        """Return the direction from one owner to another."""
        way = self._ways.get((source, target))
        if way is None:
            ids = self.ids.fork(f"way {source}>{target}")
            way = self._ways[source, target] = Way(ids, self.impairment, lambda: self._changed(source))
        return way

    def known_way(self, source: str, target: str) -> Way | None:
        """Return a direction that somebody has asked for before."""
        return self._ways.get((source, target))

    def link(self, first: str, second: str) -> Link:
        """Return the link between two owners, in both directions."""
        return Link(first, second, (self.way(first, second), self.way(second, first)), self.impairment)

    def shaped_sources(self) -> frozenset[str]:
        """Return the owners of whose packets not all pass at once."""
        return frozenset(source for (source, _), way in self._ways.items() if not way.is_perfect)

    def begin_again(self, ids: Ids) -> None:
        """Keep the tempers, draw from other numbers."""
        self.ids = ids
        for (source, target), way in self._ways.items():
            way.begin_again(ids.fork(f"way {source}>{target}"))
