"""The handle of the platform's border, its SBC: what it does for phones behind NATs, on a switch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from voxlab.faults.temper import Temper
from voxlab.host.ends.traversal import Traversal
from voxlab.lab.blocking import Aio
from voxlab.lab.faulty import Faulty, Turn
from voxlab.lab.network_faults import SBC_KNOBS

if TYPE_CHECKING:
    from voxlab.lab.lab import Lab


class Sbc(Faulty):
    """The platform's border; ``lab.sbc`` is it. It takes faults: ``lab.sbc.fault("no_latching")``.

    Attributes
    ----------
    traversal : Traversal
        What it does for phones behind NATs.
    """

    fault_kinds = ("sbc",)
    fault_knobs: ClassVar[Mapping[str, Turn]] = SBC_KNOBS

    def __init__(self, lab: Lab, traversal: Traversal) -> None:
        self.lab = lab
        self.aio = Aio(self)
        self.traversal = traversal
        self._faults = Temper()

    @property
    def fault_place(self) -> str:
        """What its faults are noted under."""
        return "sbc"

    def _temper(self) -> Temper:
        return self._faults

    def __repr__(self) -> str:
        contacts = "follows where messages come from" if self.traversal.follows_sources else "believes Contacts"
        faults = f", faults: {', '.join(self.faults)}" if self.faults else ""
        return f"<Sbc {self.lab.cloud.place.host}: {contacts}, {self.traversal.latching} latching{faults}>"
