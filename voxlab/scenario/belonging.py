"""What belongs to one leg: it knows the leg and does not keep it, so that a call that is over is gone at once.

A leg that kept itself alive through its parts would wait for the garbage collector, some fifty objects of them.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voxlab.scenario.leg import Leg


class Belonging:
    """A part of a leg."""

    def __init__(self, leg: Leg) -> None:
        self._whose = weakref.ref(leg)

    @property
    def _leg(self) -> Leg:
        leg = self._whose()
        if leg is None:
            raise ReferenceError(f"{type(self).__name__} of a leg that is gone: whoever uses it has to keep the leg")
        return leg
