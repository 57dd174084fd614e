"""Where bytes travel: addresses, flows and the transmissions that sans-IO machines ask for.

Knows nothing of SIP or RTP: a flow is a transport, two ends and, for streams, a connection (RFC 3261 s.18 calls it the
transport layer's view of a message).
"""

from __future__ import annotations

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
