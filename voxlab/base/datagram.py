"""Where bytes travel: addresses, flows and the transmissions that sans-IO machines ask for.

Knows nothing of SIP or RTP: a flow is a transport, two ends and, for streams, a connection (RFC 3261 s.18 calls it the
transport layer's view of a message).
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import NamedTuple


class Address(NamedTuple):
    """An IP address and port; prints as ``192.0.2.1:5060`` or ``[2001:db8::1]:5060``."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Flow(NamedTuple):
    """One way to reach a peer: ``transport`` is "UDP", "TCP" or "TLS"; ``connection`` numbers a stream, 0 for none in
    particular.
    """

    transport: str
    local: Address
    remote: Address
    connection: int = 0

    @property
    def reliable(self) -> bool:
        """Whether the transport delivers or says that it did not (RFC 3261 s.17: no retransmission then)."""
        return self.transport != "UDP"


class Transmit(NamedTuple):
    """An output: put these bytes on that flow."""

    flow: Flow
    data: bytes


class TransportError(NamedTuple):
    """An input: what was sent on this flow did not arrive, and why, in words for people."""

    flow: Flow
    reason: str


@lru_cache(maxsize=4096)
def is_private(host: str) -> bool:
    """Whether an address is valid behind a NAT alone (RFC 1918, RFC 6598, RFC 4193); a name is not."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in _private_networks() if network.version == address.version)


@lru_cache(maxsize=1)
def _private_networks() -> tuple[IPv4Network | IPv6Network, ...]:
    blocks = "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"
    return tuple(map(ip_network, blocks))
