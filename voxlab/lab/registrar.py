"""The handle of the platform's registrar: what phones meet when they register (RFC 3261 s.10), on a switch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxlab.faults.temper import Temper
from voxlab.lab.blocking import Aio
from voxlab.lab.faulty import Faulty

if TYPE_CHECKING:
    from voxlab.lab.lab import Lab


class Registrar(Faulty):
    """The platform's registrar; ``lab.registrar`` is it. It takes faults: ``lab.registrar.fault("...")``."""

    fault_kinds = ("registrar",)

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.aio = Aio(self)

    @property
    def fault_place(self) -> str:
        """What its faults are noted under."""
        return "registrar"

    def _temper(self) -> Temper:
        return self.lab.cloud.host.faulty()

    def _treated(self) -> None:
        self.lab.cloud.host.flush()

    def __repr__(self) -> str:
        bindings = len(self.lab.cloud.location)
        faults = f", faults: {', '.join(self.faults)}" if self.faults else ""
        return f"<Registrar: {bindings} addresses-of-record with a binding{faults}>"
