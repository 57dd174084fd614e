"""What DNS says: addresses, SRV and NAPTR records by name (RFC 1035, RFC 2782, RFC 3403), typed in or learned.

The simulated world's DNS is one such zone; the live world's resolver keeps what it has learned in another. Must not
know how a name is asked for, nor what SIP makes of the records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import NamedTuple, Protocol, TypeVar

from voxlab.base.errors import VoxlabError

T = TypeVar("T")


class Srv(NamedTuple):
    """An SRV record (RFC 2782): a lower priority first, among equals the more often the higher the weight."""

    priority: int
    weight: int
    port: int
    target: str


class Naptr(NamedTuple):
    """A NAPTR record (RFC 3403 s.4.1), as far as RFC 3263 uses it: ``service`` such as "SIP+D2U", flag "s"."""

    order: int
    preference: int
    service: str
    replacement: str
    flags: str = "s"


class Unknown(Exception):
    """Nobody has asked DNS for this yet: ``name`` and ``kind`` ("A", "SRV", "NAPTR") say for what."""

    def __init__(self, name: str, kind: str) -> None:
        super().__init__(f"{kind} {name}")
        self.name = name
        self.kind = kind


class Lookup(Protocol):
    """Whoever knows records; an empty answer says that there are none."""

    def addresses(self, name: str) -> tuple[str, ...]:
        """Return the A and AAAA records of a name."""

    def srv(self, name: str) -> tuple[Srv, ...]:
        """Return the SRV records of a name."""

    def naptr(self, name: str) -> tuple[Naptr, ...]:
        """Return the NAPTR records of a name."""


class Zone:
    """Records by name; a name that is not there does not exist.

    ``serve`` adds names whose addresses are asked for when they are wanted: a platform's domains come and go.
    """

    def __init__(self) -> None:
        self._addresses: dict[str, tuple[str, ...]] = {}
        self._srv: dict[str, tuple[Srv, ...]] = {}
        self._naptr: dict[str, tuple[Naptr, ...]] = {}
        self._served: list[Callable[[str], Iterable[str]]] = []

    def a(self, name: str, *addresses: str) -> None:
        """Let a name have these addresses, IPv4 or IPv6; none at all makes it unknown."""
        for address in addresses:
            try:
                ip_address(address)
            except ValueError:
                raise VoxlabError(f"an A record holds an IP address, not {address!r}") from None
        self._put(self._addresses, name, addresses)

    def srv_records(self, name: str, *records: Srv) -> None:
        """Let a name such as ``_sip._udp.gigafon.example`` have these SRV records."""
        for record in records:
            if not 0 < record.port < 65_536 or min(record.priority, record.weight) < 0:
                raise VoxlabError(f"{record} has a port, a priority or a weight that cannot be")
        self._put(self._srv, name, records)

    def naptr_records(self, name: str, *records: Naptr) -> None:
        """Let a domain have these NAPTR records."""
        self._put(self._naptr, name, records)

    def serve(self, source: Callable[[str], Iterable[str]]) -> None:
        """Ask ``source`` too for the addresses of a name."""
        self._served.append(source)

    def addresses(self, name: str) -> tuple[str, ...]:
        """Return the A and AAAA records of a name."""
        known = self._addresses.get(_canonical(name))
        if known is not None:
            return known
        return next((found for source in self._served if (found := tuple(source(_canonical(name))))), ())

    def srv(self, name: str) -> tuple[Srv, ...]:
        """Return the SRV records of a name."""
        return self._srv.get(_canonical(name), ())

    def naptr(self, name: str) -> tuple[Naptr, ...]:
        """Return the NAPTR records of a name."""
        return self._naptr.get(_canonical(name), ())

    @staticmethod
    def _put(table: dict[str, tuple[T, ...]], name: str, records: tuple[T, ...]) -> None:
        if records:
            table[_canonical(name)] = records
        else:
            table.pop(_canonical(name), None)

    def __repr__(self) -> str:
        lines = [f"{name} A {', '.join(found)}" for name, found in self._addresses.items()]
        lines += [f"{name} SRV {r.priority} {r.weight} {r.port} {r.target}" for name, s in self._srv.items() for r in s]
        lines += [
            f'{name} NAPTR {r.order} {r.preference} "{r.flags}" "{r.service}" "" {r.replacement}'
            for name, found in self._naptr.items()
            for r in found
        ]
        return "\n".join(["<Zone>", *(f"  {line}" for line in lines)])


def _canonical(name: str) -> str:
    return name.lower().rstrip(".")
