"""The handle of the platform's registrar (RFC 3261 s.10): who is locked out, and the faults that phones meet there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxlab.analysis import frames
from voxlab.faults.temper import Temper
from voxlab.lab.blocking import Aio
from voxlab.lab.faulty import Faulty

if TYPE_CHECKING:
    import pandas as pd

    from voxlab.lab.lab import Lab

LOCKOUT_COLUMNS = {
    "address": "string",
    "user": "string",
    "until_s": "float64",
    "remaining_s": "float64",
    "locks": "int64",
}
"""Columns of ``Registrar.lockouts``, in order."""


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

    @property
    def lockouts(self) -> pd.DataFrame:
        """Who is turned away for ten wrong passwords in a row, a row for each user and address, until when.

        The right password does not help there either, and from any other address it does. The first time lasts a
        minute, each further one twice as long, up to an hour.
        """
        now = self.lab.world.now
        found = self.lab.world.submit(self.lab.cloud.lockout.locks, now)
        rows = [(each.address, each.user, each.until_s, each.until_s - now, each.locks) for each in found]
        return frames.table(LOCKOUT_COLUMNS, rows, range(1, len(rows) + 1), "lockout", 0.0)

    def unlock(self, user: str | None = None, *, address: str | None = None) -> int:
        """Let back in who is locked out: a user such as ``alice@shop.acme.voxlab.test``, an address, or everyone.

        Returns
        -------
        int
            How many locks and counts of wrong passwords were forgotten.
        """
        return self.lab.world.submit(self.lab.cloud.lockout.lift, address, user)

    def __repr__(self) -> str:
        bindings = len(self.lab.cloud.location)
        faults = f", faults: {', '.join(self.faults)}" if self.faults else ""
        locked = len(self.lab.cloud.lockout.locks(self.lab.world.now))
        away = f", {locked} locked out" if locked else ""
        return f"<Registrar: {bindings} bindings{away}{faults}>"
