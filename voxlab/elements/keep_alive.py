"""Keep-alives of a flow: pings that hold a NAT's binding open and find out that a flow is gone (RFC 5626 s.3.5, s.4.4,
s.8; STUN Binding of RFC 8489).

On streams two line ends ask for one; on UDP a STUN Binding request asks for a response with our address as the server
sees it. Must not know registrations or sockets.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import NamedTuple

from voxlab.base.datagram import Address, Flow, Transmit
from voxlab.base.ids import Ids

_COOKIE = bytes.fromhex("2112a442")
_REQUEST, _RESPONSE, _ERROR = b"\x00\x01", b"\x01\x01", b"\x01\x11"
_XOR_MAPPED_ADDRESS = b"\x00\x20"
_HEADER_BYTES = 20
_PONG_S = 10.0  # s.4.4.1
_RTO_S = 0.5  # RFC 8489 s.6.2.1
_RETRANSMISSIONS = 7  # s.4.4.2: the flow has failed 16 RTO after the last of them
_LAST_WAIT = 16
_STREAM_S = (95.0, 120.0)  # s.4.4.1
_DATAGRAM_S = (24.0, 29.0)  # s.4.4.2


def is_stun(data: bytes) -> bool:
    """Whether a datagram on a SIP port is STUN: its first octet is 0 or 1, which no SIP message begins with (s.8)."""
    return data[:1] in (b"\0", b"\1") and len(data) >= _HEADER_BYTES and data[4:8] == _COOKIE


def binding_response(data: bytes, source: Address) -> bytes | None:
    """Answer a STUN Binding request (s.5.4, s.8); None for what is none.

    Parameters
    ----------
    data : bytes
        A datagram.
    source : Address
        Where it came from: that is what the answer says.
    """
    length = int.from_bytes(data[2:4], "big")
    if not is_stun(data) or data[:2] != _REQUEST or length % 4 or len(data) != _HEADER_BYTES + length:
        return None
    value = _xored(source, data[4:_HEADER_BYTES])
    attribute = _XOR_MAPPED_ADDRESS + len(value).to_bytes(2, "big") + value
    return _RESPONSE + len(attribute).to_bytes(2, "big") + data[4:_HEADER_BYTES] + attribute


def mapped_address(data: bytes) -> Address | None:
    """Return what a Binding response says our address is, None if it says nothing that can be read."""
    at = _HEADER_BYTES
    while at + 4 <= len(data):
        kind, size = data[at : at + 2], int.from_bytes(data[at + 2 : at + 4], "big")
        value = data[at + 4 : at + 4 + size]
        if kind == _XOR_MAPPED_ADDRESS and size in {8, 20} and len(value) == size:
            return _unxored(value, data[4:_HEADER_BYTES])
        at += 4 + size + -size % 4
    return None


def _xored(address: Address, mask: bytes) -> bytes:
    packed = ip_address(address.host).packed
    port = address.port.to_bytes(2, "big")
    return b"\0" + (b"\1" if len(packed) == 4 else b"\2") + _xor(port, mask) + _xor(packed, mask)


def _unxored(value: bytes, mask: bytes) -> Address:
    return Address(str(ip_address(_xor(value[4:], mask))), int.from_bytes(_xor(value[2:4], mask), "big"))


def _xor(data: bytes, mask: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(data, mask, strict=False))


class FlowFailed(NamedTuple):
    """An event: the flow is gone or leads from another address now; ``why`` in words for people."""

    flow: Flow
    why: str


class KeepAlive:
    """Keeps one flow alive.

    Parameters
    ----------
    flow : Flow
    ids : Ids
        The time between two pings is drawn anew for each (s.4.4.1, s.4.4.2).
    flow_timer_s : int or None
        What the registrar's Flow-Timer said: pings come after 80 to 100 percent of it (s.4.4).
    """

    def __init__(self, flow: Flow, ids: Ids, flow_timer_s: int | None = None) -> None:
        self.flow = flow
        self._ids = ids
        shortest_s, longest_s = _STREAM_S if flow.reliable else _DATAGRAM_S
        if flow_timer_s:
            shortest_s, longest_s = 0.8 * flow_timer_s, float(flow_timer_s)
        self._shortest_s, self._longest_s = shortest_s, longest_s
        self._due_s: float | None = None
        self._request = b""
        self._sent = 0
        self.mapped: Address | None = None
        self._outputs: list[Transmit | FlowFailed] = []

    def start(self, now: float) -> None:
        """Begin to ping, if that is not so already."""
        if self._due_s is None:
            self._rest(now)

    def stop(self) -> None:
        """Ping no more."""
        self._due_s, self._request, self._sent = None, b"", 0

    # -- the four verbs

    def receive(self, data: bytes, now: float) -> None:
        """Take a pong: a line end on a stream, a STUN message on UDP; what we did not ask for is ignored."""
        if not self._sent:
            return
        if self.flow.reliable:
            self._rest(now)
        elif is_stun(data) and data[8:_HEADER_BYTES] == self._request[8:]:
            self._binding(data, now)

    def next_timeout(self) -> float | None:
        """Return when ``handle_timeout`` is wanted."""
        return self._due_s

    def handle_timeout(self, now: float) -> None:
        """Ping, ask once more, or give the flow up."""
        if self._due_s is None or now < self._due_s:
            return
        if self.flow.reliable:
            self._fail("no pong came within 10 s") if self._sent else self._ping(b"\r\n\r\n", now + _PONG_S)
        elif not self._sent:
            self._request = _REQUEST + b"\0\0" + _COOKIE + bytes.fromhex(self._ids.token(12))
            self._ping(self._request, now + _RTO_S)
        elif self._sent < _RETRANSMISSIONS:
            self._ping(self._request, now + self._next_wait_s())
        else:
            self._fail("no answer to STUN after 7 requests")

    def poll(self) -> list[Transmit | FlowFailed]:
        """Drain what is to be sent, and the news that the flow is gone."""
        outputs, self._outputs = self._outputs, []
        return outputs

    # -- what happens inside

    def _next_wait_s(self) -> float:
        """Double the wait, but for the last: 16 times RTO (RFC 8489 s.6.2.1)."""
        sent = self._sent + 1
        return _RTO_S * (_LAST_WAIT if sent == _RETRANSMISSIONS else 2 ** (sent - 1))

    def _ping(self, data: bytes, due_s: float) -> None:
        self._sent += 1
        self._due_s = due_s
        self._outputs.append(Transmit(self.flow, data))

    def _binding(self, data: bytes, now: float) -> None:
        mapped = mapped_address(data)
        if data[:2] != _RESPONSE:
            self._fail("STUN was answered with an error")
        elif self.mapped is not None and mapped != self.mapped:
            self._fail(f"the NAT has moved us from {self.mapped} to {mapped}")
        else:
            self.mapped = mapped
            self._rest(now)

    def _rest(self, now: float) -> None:
        self._sent, self._request = 0, b""
        self._due_s = now + self._shortest_s + self._ids.random() * (self._longest_s - self._shortest_s)

    def _fail(self, why: str) -> None:
        self.stop()
        self.mapped = None
        self._outputs.append(FlowFailed(self.flow, why))
