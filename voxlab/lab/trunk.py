"""The handle of a trunk: another operator, whose calls come without a password, and to whom ours go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxlab.base.records import MessageRefused
from voxlab.platform.trunk import Network
from voxlab.platform.trunk import Trunk as Record
from voxlab.platform.trunk_explanation import TrunkExplanation, explain
from voxlab.platform.usage import Usage

if TYPE_CHECKING:
    from voxlab.lab.lab import Lab

_REFUSALS_SHOWN = 3


class Trunk:
    """Another operator as one account sees it; get one with ``account.trunk("gigafon", allow=[...])``."""

    def __init__(self, lab: Lab, record: Record) -> None:
        self.lab = lab
        self.record = record

    @property
    def name(self) -> str:
        """The trunk's name."""
        return self.record.name

    @property
    def allow(self) -> tuple[Network, ...]:
        """The networks that its calls come from."""
        return self.record.allow

    @property
    def usage(self) -> Usage:
        """The calls that stand, and the limits."""
        return self.record.usage

    def explain(self, address: str) -> TrunkExplanation:
        """Say what becomes of a call from an address, and what was refused to it so far; the wire says only 403."""
        return self.lab.world.submit(self._explain, address)

    def _explain(self, address: str) -> TrunkExplanation:
        self.lab.cloud.keep_records()
        found = explain(self.lab.platform, self.record, address)
        refusals = (note for note in self.lab.journal.notes if isinstance(note, MessageRefused))
        lines = [
            f"refused at {note.time_s:.3f} s with {note.status}: {note.reason}"
            for note in refusals
            if note.src.host == address
        ]
        return found._replace(details=(*found.details, *lines[-_REFUSALS_SHOWN:]))

    def __repr__(self) -> str:
        inward = f"in ✓ {', '.join(map(str, self.allow))}" if self.allow else "in ✗ no address is allowed"
        return f"<Trunk {self.name}: {inward}, {self.usage}>"
