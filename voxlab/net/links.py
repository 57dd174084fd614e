"""The links between hosts: a temper for each direction, drawn from the link's own seed, the same in both worlds.

Must not know which network they are on, nor what packets carry.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from voxlab.base.errors import VoxlabError
from voxlab.base.ids import Ids
from voxlab.net.impairment import Channel, Impairment, channel_for

if TYPE_CHECKING:
    from voxlab.media.path import Path
    from voxlab.net.path_channel import PathChannel


class Way:
    """One direction of a link, from an owner to another."""

    def __init__(self, ids: Ids, impairment: Impairment, changed: Callable[[], None] = lambda: None) -> None:
        self._ids = ids
        self._changed = changed
        self.channel: Channel | PathChannel = Channel(ids, impairment)
        self.drops: list[Drop] = []

    @property
    def impairment(self) -> Impairment | Path:
        """The temper of this direction; may be replaced at any time, by an `Impairment` or a ``traces.Path``."""
        return self.channel.impairment

    @impairment.setter
    def impairment(self, impairment: Impairment | Path) -> None:
        if isinstance(self.channel, Channel) and isinstance(impairment, Impairment):
            self.channel.impairment = impairment
        else:
            self.channel = channel_for(self._ids, impairment)
        self._changed()

    @property
    def is_perfect(self) -> bool:
        """Whether all packets pass, at once."""
        return not self.drops and self.channel.even_delay_s == 0.0

    def begin_again(self, ids: Ids) -> None:
        """Keep the temper, draw from other numbers."""
        self._ids = ids
        self.channel = channel_for(ids, self.impairment)

    def drop(self, matches: Callable[[bytes], bool], times: int | None = 1) -> Drop:
        """Lose the next ``times`` packets whose bytes match; None for all until ``heal``. On a stream such a loss is a
        delay.
        """
        drop = Drop(matches, times)
        self.drops.append(drop)
        self._changed()
        return drop

    def heal(self) -> None:
        """Forget what was to be dropped."""
        self.drops.clear()
        self._changed()

    def swallows(self, data: bytes) -> bool:
        """Return whether a rule of ``drop`` takes this packet."""
        return any(drop.takes(data) for drop in self.drops)


class Drop:
    """A rule that loses packets: which, how many more, and how many it took."""

    def __init__(self, matches: Callable[[bytes], bool], times: int | None) -> None:
        self._matches = matches
        self.times_left = times
        self.taken = 0

    def takes(self, data: bytes) -> bool:
        """Return whether this packet is to be lost, and count it."""
        if self.times_left == 0 or not self._matches(data):
            return False
        if self.times_left is not None:
            self.times_left -= 1
        self.taken += 1
        return True


class Link:
    """Both directions between two owners; ``toward(owner)`` is one of them."""

    def __init__(self, first: str, second: str, ways: tuple[Way, Way], healed: Impairment | None = None) -> None:
        self._ways = {second: ways[0], first: ways[1]}
        self._healed = healed or Impairment()

    def toward(self, owner: str) -> Way:
        """Return the direction that leads to ``owner``."""
        if owner not in self._ways:
            raise VoxlabError(f"this link leads to {' and '.join(sorted(self._ways))}, not to {owner!r}")
        return self._ways[owner]

    def impair(self, impairment: Impairment | Path) -> None:
        """Give both directions the same temper: an `Impairment`, or a ``traces.Path`` with all that it can do."""
        for way in self._ways.values():
            way.impairment = impairment

    def drop(self, matches: Callable[[bytes], bool], times: int | None = 1) -> None:
        """Lose matching packets in both directions, ``times`` in each."""
        for way in self._ways.values():
            way.drop(matches, times)

    def heal(self, impairment: Impairment | None = None) -> None:
        """Make both directions perfect again, or as given."""
        for way in self._ways.values():
            way.heal()
            way.impairment = impairment or self._healed

    def __repr__(self) -> str:
        tempers = (f"to {owner}: {way.impairment!r}" for owner, way in self._ways.items())
        return f"<Link {'; '.join(tempers)}>"


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
