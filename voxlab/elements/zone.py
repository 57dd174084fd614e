"""What DNS says: addresses, SRV and NAPTR records by name (RFC 1035, RFC 2782, RFC 3403), typed in or learned.

The simulated world's DNS is one such zone; the live world's resolver keeps what it has learned in another. Must not
know how a name is asked for, nor what SIP makes of the records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import Protocol, TypeVar

from voxlab.base.errors import VoxlabError
from voxlab.elements.dns_trouble import Failing, Naptr, Records, Srv, Sticky, Trouble

T = TypeVar("T")

Heard = Callable[[str, str, str, bool], object]
"""``heard(kind, name, answer, failed)``: what was said of a name; kind is "A", "SRV" or "NAPTR", and
"published A" when the records change."""


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

    Attributes
    ----------
    troubles : list of Trouble
        What goes wrong at present: each changes the answers.
    heard : callable or None
        Told of every answer.
    """

    def __init__(self) -> None:
        self._addresses: dict[str, tuple[str, ...]] = {}
        self._srv: dict[str, tuple[Srv, ...]] = {}
        self._naptr: dict[str, tuple[Naptr, ...]] = {}
        self._served: list[Callable[[str], Iterable[str]]] = []
        self.troubles: list[Trouble] = []
        self.heard: Heard | None = None

    def a(self, name: str, *addresses: str) -> None:
        """Let a name have these addresses, IPv4 or IPv6; none at all makes it unknown."""
        for address in addresses:
            try:
                ip_address(address)
            except ValueError:
                raise VoxlabError(f"an A record holds an IP address, not {address!r}") from None
        self._put(self._addresses, name, addresses)
        self._publish("A", name, ", ".join(addresses))

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

    def fail(self, name: str, how: str) -> Failing:
        """Let a name, and what is below it, have no answer until ``mend``.

        Parameters
        ----------
        name : str
            "" for every name.
        how : {"nxdomain", "servfail", "timeout"}
        """
        trouble = Failing(name, how)
        self.trouble(trouble)
        return trouble

    def trouble(self, trouble: Trouble) -> None:
        """Let something go wrong until ``mend``; one that remembers begins with what is true now."""
        if isinstance(trouble, Sticky):
            for name in {**self._addresses, **self._srv, **self._naptr}:
                trouble.remembered[name] = self._said(name)
        self.troubles.append(trouble)

    def mend(self, trouble: Trouble | None = None) -> None:
        """End a trouble, or all of them."""
        self.troubles = [each for each in self.troubles if trouble is not None and each is not trouble]

    # -- the answers

    def addresses(self, name: str) -> tuple[str, ...]:
        """Return the A and AAAA records of a name."""
        found = self._said(name).addresses
        self._tell("A", name, ", ".join(found), bool(found))
        return found

    def srv(self, name: str) -> tuple[Srv, ...]:
        """Return the SRV records of a name."""
        found = self._said(name).srv
        self._tell("SRV", name, ", ".join(f"{r.target}:{r.port}" for r in found), True)
        return found

    def naptr(self, name: str) -> tuple[Naptr, ...]:
        """Return the NAPTR records of a name."""
        found = self._said(name).naptr
        self._tell("NAPTR", name, ", ".join(f"{r.service} {r.replacement}" for r in found), True)
        return found

    def _said(self, name: str) -> Records:
        """Return what is said of a name: the truth, as far as nothing is wrong."""
        name = _canonical(name)
        known = self._addresses.get(name)
        if known is None:
            known = next((found for source in self._served if (found := tuple(source(name)))), ())
        records = Records(known, self._srv.get(name, ()), self._naptr.get(name, ()))
        for trouble in self.troubles:
            if trouble.concerns(name):
                records = trouble.changed(name, records)
        return records

    def _tell(self, kind: str, name: str, answer: str, fine: bool) -> None:
        if self.heard is None:
            return
        name = _canonical(name)
        failure = next((t.failure for t in self.troubles if t.failure and t.concerns(name)), "")
        self.heard(kind, name, failure or answer or ("NXDOMAIN" if not fine else "none"), bool(failure) or not fine)

    def _publish(self, kind: str, name: str, answer: str) -> None:
        if self.heard is not None:
            self.heard(f"published {kind}", _canonical(name), answer or "none", False)

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


__all__ = ["Lookup", "Naptr", "Srv", "Unknown", "Zone"]


def _canonical(name: str) -> str:
    return name.lower().rstrip(".")
