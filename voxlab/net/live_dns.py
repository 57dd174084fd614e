"""DNS of the live world: the lab's own zone first, then what a server says, kept as long as it allows (RFC 1035).

Answers at once or raises ``Unknown``; ``learn`` asks the server. dnspython does the asking. Must not know what the
records are for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from voxlab.base.errors import VoxlabError
from voxlab.elements.zone import Naptr, Srv, Unknown, Zone

NEGATIVE_S = 30.0
"""How long a name that does not exist, or a server that is silent, is believed (RFC 2308 s.5 allows up to hours)."""

LIFETIME_S = 5.0
SYSTEM = "system"


class LiveDns:
    """What a live lab knows of DNS.

    Parameters
    ----------
    zone : Zone
        Goes first.
    nameserver : str or None
        "system", or ``host`` or ``host:port`` of a server; None asks nobody.
    now : callable
        Lab seconds.
    kind : {"A", "AAAA"}
        Which addresses we can reach.

    Raises
    ------
    VoxlabError
        Where a server is to be asked and dnspython is missing.
    """

    def __init__(self, zone: Zone, nameserver: str | None, now: Callable[[], float], kind: str = "A") -> None:
        self._zone = zone
        self._now = now
        self._kind = kind
        self._known: dict[tuple[str, str], tuple[float, tuple[Any, ...]]] = {}
        self._resolver = None if nameserver is None else _resolver(nameserver)

    def addresses(self, name: str) -> tuple[str, ...]:
        """Return the addresses of a name."""
        return self._zone.addresses(name) or self._cached(name, "A")

    def srv(self, name: str) -> tuple[Srv, ...]:
        """Return the SRV records of a name."""
        return self._zone.srv(name) or self._cached(name, "SRV")

    def naptr(self, name: str) -> tuple[Naptr, ...]:
        """Return the NAPTR records of a name; a name of the lab's own zone has the ones there and no others."""
        return self._zone.naptr(name) or (() if self._zone.addresses(name) else self._cached(name, "NAPTR"))

    def _cached(self, name: str, kind: str) -> tuple[Any, ...]:
        if self._resolver is None:
            return ()
        until_s, records = self._known.get((name.lower(), kind), (0.0, ()))
        if self._now() >= until_s:
            raise Unknown(name, kind)
        return records

    async def learn(self, asked: Unknown) -> None:
        """Ask the server; what it does not answer counts as not there for a while."""
        import dns.exception
        import dns.resolver

        assert self._resolver is not None
        kind = self._kind if asked.kind == "A" else asked.kind
        try:
            answer = await self._resolver.resolve(asked.name, kind, lifetime=LIFETIME_S)
        except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN, dns.exception.DNSException, OSError):
            found, ttl_s = (), NEGATIVE_S
        else:
            found, ttl_s = tuple(_READ[asked.kind](record) for record in answer), float(answer.rrset.ttl)
        self._known[asked.name.lower(), asked.kind] = self._now() + max(ttl_s, 1.0), found


def _resolver(nameserver: str) -> Any:
    try:
        import dns.asyncresolver
    except ImportError:
        raise VoxlabError("asking a DNS server needs dnspython: pip install 'voxlab[dns]'") from None
    if nameserver == SYSTEM:
        return dns.asyncresolver.Resolver()
    resolver = dns.asyncresolver.Resolver(configure=False)
    host, _, port = nameserver.rpartition(":") if nameserver.count(":") == 1 else (nameserver, "", "53")
    try:
        resolver.nameservers, resolver.port = [host], int(port)
    except ValueError as error:
        raise VoxlabError(
            f"nameserver takes 'system', an address or address:port, not {nameserver!r}: {error}"
        ) from None
    return resolver


_READ: dict[str, Callable[[Any], Any]] = {
    "A": lambda record: record.address,
    "SRV": lambda record: Srv(record.priority, record.weight, record.port, str(record.target)),
    "NAPTR": lambda record: Naptr(
        record.order, record.preference, record.service.decode(), str(record.replacement), record.flags.decode()
    ),
}
