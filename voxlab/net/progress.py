"""A bar for waits that take a person's time: shown after a second of real time, cleared at the end.

Must not know what is waited for.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

PATIENCE_S = 1.0
"""Seconds of real time before a bar is shown."""
_LOOK_S = 0.1


def in_notebook() -> bool:
    """Return whether a Jupyter kernel runs this process; imports nothing to find out."""
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module is not None else None
    return shell is not None and hasattr(shell, "kernel")


def wanted() -> bool:
    """Return whether to show a bar: in a notebook and on a terminal, unless ``VOXLAB_PROGRESS`` is 0 or 1."""
    said = os.environ.get("VOXLAB_PROGRESS", "")
    if said in {"0", "1"}:
        return said == "1"
    return in_notebook() or (sys.stderr is not None and sys.stderr.isatty())


class Bar:
    """The bar of one wait, in lab seconds.

    Parameters
    ----------
    now : callable
        Returns the lab time.
    seconds : float or None
        How long the wait lasts at most, in lab seconds; None if that is not known.
    """

    def __init__(self, now: Callable[[], float], seconds: float | None) -> None:
        self._now = now
        self._seconds = seconds
        self._start_s = now()
        self._bar: Any = None

    def wait(self, wait: Callable[[float], bool]) -> None:
        """Call ``wait(seconds)`` until it returns True, drawing meanwhile."""
        if wait(PATIENCE_S):
            return
        shown = wanted()
        try:
            while not wait(_LOOK_S):
                if shown:
                    self._draw()
        finally:
            if self._bar is not None:
                self._bar.close()

    def _draw(self) -> None:
        if self._bar is None:
            from tqdm.auto import tqdm

            unknown = "{desc}: {n:.1f} s [{elapsed}]"
            known = "{l_bar}{bar}| {n:.1f}/{total:.1f} s [{elapsed}]"
            self._bar = tqdm(
                total=self._seconds, desc="lab time", leave=False, bar_format=known if self._seconds else unknown
            )
        self._bar.n = self._now() - self._start_s
        self._bar.refresh()
