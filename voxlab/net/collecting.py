"""How often Python looks for reference cycles while a lab works.

A call makes some thousand objects, and nearly all go when nobody refers to them any more; the interpreter's default is
to look for cycles every 700. In a notebook that has imported pandas and matplotlib each full look costs a tenth of a
second. Must not know what a lab is.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

Often = tuple[int, int, int]
"""Thresholds of the three generations (see ``gc.set_threshold``)."""

SELDOM: Often = (20_000, 20, 100)
"""For work that nobody waits for in between: the simulated world."""
GENTLY: Often = (5_000, 4, 300)
"""For work in real time: nobody is answered during a look, so each is short, and a full one comes after 7 million."""


class Collecting:
    """The thresholds of this process; contexts of several threads may overlap, and the shortest looks are taken.

    Whoever asked for less themselves, or switched collection off, is left alone.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: list[Often] = []
        self._before: Often | None = None

    @contextmanager
    def at(self, wanted: Often) -> Iterator[None]:
        """Look for cycles as often as this until the context ends."""
        with self._lock:
            if not self._asked and 0 < gc.get_threshold()[0] < GENTLY[0]:
                self._before = gc.get_threshold()
            self._asked.append(wanted)
            self._apply()
        try:
            yield
        finally:
            with self._lock:
                self._asked.remove(wanted)
                self._apply()

    def _apply(self) -> None:
        if self._before is None:
            return
        if self._asked:
            gc.set_threshold(*min(self._asked))
        else:
            gc.set_threshold(*self._before)
            self._before = None


collecting = Collecting()
"""The one of this process, as the thresholds are."""
