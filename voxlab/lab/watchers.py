"""Who wants to know when a blocking method has ended: time may have passed, and handles may say something else.

They are told in the caller's thread, never in the lab's. Must not know what they do with it.
"""

from __future__ import annotations

from collections.abc import Callable

Told = Callable[[], None]


class Watchers:
    """The watchers of one lab."""

    def __init__(self) -> None:
        self._told: list[Told] = []

    def add(self, told: Told) -> None:
        """Tell somebody from now on."""
        self._told.append(told)

    def remove(self, told: Told) -> None:
        """Tell somebody no more; more than once is once."""
        if told in self._told:
            self._told.remove(told)

    def tell(self) -> None:
        """Tell everybody."""
        for told in tuple(self._told):
            told()

    def __len__(self) -> int:
        return len(self._told)
