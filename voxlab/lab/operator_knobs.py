"""Faults of operators that turn a setting: what lists an operator has, where it forwards calls, when a trunk hunts.

Each knob is turned in the lab's thread, and returns what turns it back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from voxlab.base.errors import VoxlabError
from voxlab.platform.numbering import checked_number
from voxlab.platform.trunk import networks

if TYPE_CHECKING:
    from voxlab.lab.carrier import Carrier
    from voxlab.lab.faulty import Turn
    from voxlab.lab.trunk import Trunk

YESTERDAY = "203.0.113.9"
"""An address that was ours once, in a list that nobody has brought up to date."""

FINAL = frozenset({480, 486, 600, 603, 604, 606})
"""What a called party says about itself."""


def _stale_sbcs(carrier: Carrier) -> Callable[[], None]:
    record = carrier.record
    before, record.allow = record.allow, networks([YESTERDAY], carrier.name)
    stale = record.allow

    def back() -> None:
        if record.allow is stale:  # an import in the meantime has cured it already
            record.allow = before

    return back


def _stale_media(carrier: Carrier) -> Callable[[], None]:
    record = carrier.record
    before, record.media_allow = record.media_allow, networks([YESTERDAY, carrier.network], carrier.name)
    stale = record.media_allow

    def back() -> None:
        if record.media_allow is stale:
            record.media_allow = before

    return back


def _forwards_back(carrier: Carrier, to: str) -> Callable[[], None]:
    if not to:
        raise VoxlabError('say where calls are forwarded to: fault("forwards_back", to="+4930999100")')
    carrier.record.forwards_to = checked_number(to, "the number that calls are forwarded to")

    def back() -> None:
        carrier.record.forwards_to = ""

    return back


def _hunts_after_final(trunk: Trunk) -> Callable[[], None]:
    trunk.record.hunts_on = FINAL

    def back() -> None:
        trunk.record.hunts_on = frozenset()

    return back


CARRIER_KNOBS: Mapping[str, Turn] = {
    "stale_sbcs": _stale_sbcs,
    "stale_media": _stale_media,
    "forwards_back": _forwards_back,
}
TRUNK_KNOBS: Mapping[str, Turn] = {"hunts_after_final": _hunts_after_final}
