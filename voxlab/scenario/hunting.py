"""Hunting: when a place does not serve, the next one is tried (RFC 3263 s.4.3, RFC 3261 s.21.6).

503, no answer and a failing transport go on; what the called party says (486, 603, any 6xx) does not, or it would ring
twice. Must not know where the places come from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from voxlab.host.trunk_watch import has_failed

if TYPE_CHECKING:
    from voxlab.dialog.events import Failed


class Hunt:
    """The places of one leg that are still to be tried; ``send`` sends an INVITE to one of them."""

    def __init__(self, places: Sequence[Any], send: Callable[[Any], None]) -> None:
        self._places = list(places)
        self._send = send
        self._hunts_on: frozenset[int] = frozenset()

    def begin(self) -> None:
        """Try the first place."""
        place = self._places.pop(0)
        self._hunts_on = place.hunts_on
        self._send(place)

    def goes_on(self, event: Failed) -> bool:
        """Try the next place, if there is one and the failure is of the kind."""
        if not self._places or not (has_failed(event) or event.status in self._hunts_on):
            return False
        self.begin()
        return True
