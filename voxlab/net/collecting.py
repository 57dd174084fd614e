"""How often Python looks for reference cycles while a lab works.

A call makes some thousand objects, and nearly all go when nobody refers to them any more; the interpreter's default is
to look for cycles every 700. In a notebook that has imported pandas and matplotlib each full look costs a tenth of a
second. Must not know what a lab is.
"""

from __future__ import annotations

import gc
import threading
from types import TracebackType

SELDOM = (20_000, 20, 100)
"""Thresholds of the three generations while a lab works (see ``gc.set_threshold``)."""


class Seldom:
    """A context in which cycles are looked for less often; contexts of several threads may overlap.

    Whoever asked for less themselves, or switched collection off, is left alone.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders = 0
        self._before: tuple[int, int, int] | None = None

    def __enter__(self) -> None:
        with self._lock:
            self._holders += 1
            before = gc.get_threshold()
            if self._holders == 1 and 0 < before[0] < SELDOM[0]:
                self._before = before
                gc.set_threshold(*SELDOM)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._holders -= 1
            if not self._holders and self._before is not None:
                gc.set_threshold(*self._before)
                self._before = None


seldom = Seldom()
"""The one of this process, as the thresholds are."""
