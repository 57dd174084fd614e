"""The handle of a link: what it does to packets, changed in the lab's thread. Must not know calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from voxlab.net.impairment import Impairment
from voxlab.net.links import Link, Way
from voxlab.net.world import World

if TYPE_CHECKING:
    from voxlab.media.path import Path


class LabLink:
    """Both directions between two hosts; get one with ``lab.link(alice)``.

    A change counts from now on: what was sent before, if only as part of a batch, has met the temper of before.
    """

    def __init__(self, world: World, link: Link, settle: Callable[[], None]) -> None:
        self._world = world
        self._link = link
        self._settle = settle

    def _change(self, change: Callable[..., None], *arguments: object) -> None:
        def settled() -> None:
            self._settle()
            change(*arguments)

        self._world.submit(settled)

    def toward(self, owner: str) -> Way:
        """Return the direction that leads to ``owner``."""
        return self._link.toward(owner)

    def impair(self, impairment: Impairment | Path) -> None:
        """Give both directions the same temper: an `Impairment`, or a ``traces.Path`` with all that it can do.

        A trace that was measured is a path, too: ``impair(trace.path)`` lets packets fare as its own did.
        """
        self._change(self._link.impair, impairment)

    def drop(self, matches: Callable[[bytes], bool], times: int | None = 1) -> None:
        """Lose matching packets in both directions, ``times`` in each."""
        self._change(self._link.drop, matches, times)

    def heal(self, impairment: Impairment | None = None) -> None:
        """Make both directions perfect again, or as given."""
        self._change(self._link.heal, impairment)

    def __repr__(self) -> str:
        return repr(self._link)
