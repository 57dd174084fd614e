"""Where a SIP server is: from a URI to transports, addresses and ports in the order of trying (RFC 3263 s.4, RFC 2782).

A pure procedure over a ``Lookup``; what is not known yet raises ``Unknown``, and whoever can ask DNS asks and comes
again. Must not know transactions: that a place has failed, and the next is wanted, is seen elsewhere (s.4.3).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple

from voxlab.base.ids import Ids
from voxlab.elements.zone import Lookup, Srv
from voxlab.sip.uri import Uri

DEFAULT_PORTS = {"UDP": 5060, "TCP": 5060, "TLS": 5061}
MAX_HOPS = 16

_SERVICES = {"SIP+D2U": "UDP", "SIP+D2T": "TCP", "SIPS+D2T": "TLS"}
_SRV_PREFIX = {"UDP": "_sip._udp", "TCP": "_sip._tcp", "TLS": "_sips._tcp"}


class Hop(NamedTuple):
    """A place to send a request to."""

    transport: str
    host: str
    port: int


@lru_cache(maxsize=4096)
def is_numeric(host: str) -> bool:
    """Whether a host is an IP address, not a name."""
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def locate(uri: Uri, lookup: Lookup, transports: Collection[str], ids: Ids) -> list[Hop]:
    """Return the places that serve a URI, the first to be tried first.

    Parameters
    ----------
    uri : Uri
        A maddr parameter goes before the host (RFC 3261 s.19.1.1).
    lookup : Lookup
    transports : collection of str
        What we speak, of "UDP", "TCP" and "TLS".
    ids : Ids
        Draws among SRV records of one priority by their weights.

    Returns
    -------
    list of Hop
        Empty where the name does not exist, or only on transports that we do not speak.

    Raises
    ------
    Unknown
        A record that has to be asked for first.
    """
    host = uri.params.get("maddr") or uri.host
    secure = uri.scheme == "sips"
    asked = (uri.params.get("transport") or "").upper()
    explicit = "TLS" if secure and asked in {"", "TCP", "TLS"} else asked
    if is_numeric(host) or uri.port:
        transport = explicit or "UDP"  # s.4.1: TCP, under TLS, for a SIPS URI
        found = _addressed(host, uri.port or DEFAULT_PORTS.get(transport, 5060), transport, lookup)
    elif explicit and not secure:
        found = _by_srv(f"{_SRV_PREFIX.get(explicit, '_sip._udp')}.{host}", explicit, lookup, ids)
        found = found or _addressed(host, DEFAULT_PORTS.get(explicit, 5060), explicit, lookup)
    else:
        found = _by_name(host, secure, lookup, transports, ids)
    return list(dict.fromkeys(hop for hop in found if hop.transport in transports))[:MAX_HOPS]


def _by_name(host: str, secure: bool, lookup: Lookup, transports: Collection[str], ids: Ids) -> list[Hop]:
    """Choose the transport by NAPTR, else by which SRV records exist, else by default (s.4.1)."""
    found: list[Hop] = []
    for replacement, transport in _by_naptr(host, secure, lookup, transports):
        found += _by_srv(replacement, transport, lookup, ids)
    if not found:
        for transport in ("TLS",) if secure else ("UDP", "TCP", "TLS"):
            if transport in transports:
                found += _by_srv(f"{_SRV_PREFIX[transport]}.{host}", transport, lookup, ids)
    if not found:
        transport = "TLS" if secure else "UDP"
        found = _addressed(host, DEFAULT_PORTS[transport], transport, lookup)
    return found


def _by_naptr(host: str, secure: bool, lookup: Lookup, transports: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield the SRV names that NAPTR leads to, with their transports; other services are discarded (s.4.1)."""
    for record in sorted(lookup.naptr(host)):
        service = record.service.upper()
        transport = _SERVICES.get(service)
        if transport is None or transport not in transports:
            continue
        if record.flags.lower() == "s" and (not secure or service.startswith("SIPS")):
            yield record.replacement, transport


def _by_srv(name: str, transport: str, lookup: Lookup, ids: Ids) -> list[Hop]:
    found: list[Hop] = []
    for record in _weighted(lookup.srv(name), ids):
        if record.target != ".":  # RFC 2782: decidedly not available at this domain
            found += _addressed(record.target, record.port, transport, lookup)
    return found


def _addressed(host: str, port: int, transport: str, lookup: Lookup) -> list[Hop]:
    if is_numeric(host):
        return [Hop(transport, host.strip("[]"), port)]
    return [Hop(transport, address, port) for address in lookup.addresses(host)]


def _weighted(records: Sequence[Srv], ids: Ids) -> Iterator[Srv]:
    """Yield SRV records by priority, those of one priority in an order drawn by weight (RFC 2782, "Usage rules")."""
    left = sorted(records, key=lambda record: (record.priority, record.weight != 0))
    while left:
        group = [record for record in left if record.priority == left[0].priority]
        chosen = group[0] if len(group) == 1 else _drawn(group, ids)
        left.remove(chosen)
        yield chosen


def _drawn(group: Sequence[Srv], ids: Ids) -> Srv:
    target = ids.random() * sum(record.weight for record in group)
    running = 0
    for record in group:
        running += record.weight
        if running >= target:
            return record
    return group[-1]
