"""The handle of DNS: what the lab's zone says, and what goes wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

from voxlab.elements.dns_trouble import Failing
from voxlab.elements.zone import Naptr, Srv
from voxlab.elements.zone import Zone as Records
from voxlab.faults.temper import Temper
from voxlab.lab.blocking import Aio
from voxlab.lab.faulty import Faulty, Turn
from voxlab.lab.network_faults import DNS_KNOBS

if TYPE_CHECKING:
    from voxlab.lab.lab import Lab


class Zone(Faulty):
    """What DNS says in the lab; ``lab.zone`` is it. It takes faults: ``lab.zone.fault("nxdomain", domain="...")``.

    Attributes
    ----------
    records : elements.zone.Zone
        The records themselves.
    """

    fault_kinds = ("dns",)
    fault_knobs: ClassVar[Mapping[str, Turn]] = DNS_KNOBS

    def __init__(self, lab: Lab, records: Records) -> None:
        self.lab = lab
        self.aio = Aio(self)
        self.records = records
        self._faults = Temper()

    def a(self, name: str, *addresses: str) -> None:
        """Let a name have these addresses, IPv4 or IPv6; none at all makes it unknown."""
        self.lab.world.submit(self.records.a, name, *addresses)

    def srv_records(self, name: str, *records: Srv) -> None:
        """Let a name such as ``_sip._udp.gigafon.example`` have these SRV records."""
        self.lab.world.submit(self.records.srv_records, name, *records)

    def naptr_records(self, name: str, *records: Naptr) -> None:
        """Let a domain have these NAPTR records."""
        self.lab.world.submit(self.records.naptr_records, name, *records)

    def fail(self, name: str, how: str) -> Failing:
        """Let a name, and what is below it, fail: "nxdomain", "servfail" or "timeout"; until ``mend``."""
        return self.lab.world.submit(self.records.fail, name, how)

    def mend(self) -> None:
        """End every failure that ``fail`` began."""
        self.lab.world.submit(self.records.mend)

    def serve(self, source: Callable[[str], tuple[str, ...]]) -> None:
        """Ask ``source`` too for the addresses of a name."""
        self.lab.world.submit(self.records.serve, source)

    def addresses(self, name: str) -> tuple[str, ...]:
        """Return the A and AAAA records of a name."""
        return self.lab.world.submit(self.records.addresses, name)

    def srv(self, name: str) -> tuple[Srv, ...]:
        """Return the SRV records of a name."""
        return self.lab.world.submit(self.records.srv, name)

    def naptr(self, name: str) -> tuple[Naptr, ...]:
        """Return the NAPTR records of a name."""
        return self.lab.world.submit(self.records.naptr, name)

    @property
    def fault_place(self) -> str:
        """What its faults are noted under."""
        return "dns"

    def _temper(self) -> Temper:
        return self._faults

    def __repr__(self) -> str:
        faults = f"\n  faults: {', '.join(self.faults)}" if self.faults else ""
        return f"{self.records!r}{faults}"
