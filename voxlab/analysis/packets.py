"""IP packets around what was on a wire: IPv4, IPv6, UDP and TCP headers with right checksums (RFC 791, 8200, 768,
9293).

The simulated world has no headers of its own, and of the live one we see only what is inside. Must not know SIP, RTP
or files.
"""

from __future__ import annotations

import ipaddress
from struct import pack

from voxlab.base.datagram import Address

_UDP, _TCP = 17, 6
_TTL = 64
_PSH_ACK = 0x18
_IPV4_DONT_FRAGMENT = 0x4000
_TCP_WINDOW = 65_535
LARGEST_PAYLOAD = 65_535 - 20 - 20
"""Bytes that fit behind IPv4 and TCP headers without options."""


class Packets:
    """Makes packets; of each TCP direction it remembers how many bytes went, so that sequence numbers join up.

    Streams are seen from their middle, without handshake: a frame for each message and none besides, each beginning
    where the one before it ended.
    """

    def __init__(self) -> None:
        self._sent: dict[tuple[Address, Address], int] = {}
        self._stand_ins: dict[str, str] = {}

    def udp(self, src: Address, dst: Address, payload: bytes) -> bytes:
        """Return an IP packet with a UDP datagram."""
        length = 8 + len(payload)
        header = pack("!HHHH", src.port, dst.port, length, 0)
        return self._ip(src, dst, _UDP, header + payload, checksum_at=6)

    def tcp(self, src: Address, dst: Address, payload: bytes) -> bytes:
        """Return an IP packet with the next segment from ``src`` to ``dst``; bytes beyond the largest payload are
        left out.
        """
        payload = payload[:LARGEST_PAYLOAD]
        sequence, acknowledged = self._sent.get((src, dst), 1), self._sent.get((dst, src), 1)
        self._sent[src, dst] = (sequence + len(payload)) % 2**32
        header = pack("!HHIIBBHHH", src.port, dst.port, sequence, acknowledged, 5 << 4, _PSH_ACK, _TCP_WINDOW, 0, 0)
        return self._ip(src, dst, _TCP, header + payload, checksum_at=16)

    def _ip(self, src: Address, dst: Address, protocol: int, segment: bytes, checksum_at: int) -> bytes:
        source, target = self._address(src.host), self._address(dst.host)
        if source.version != target.version:
            source, target = _mapped(source), _mapped(target)
        pseudo = source.packed + target.packed + pack("!IHBB", len(segment), 0, 0, protocol)
        checksum = internet_checksum(pseudo + segment)
        if protocol == _UDP and not checksum:
            checksum = 0xFFFF  # 0 would say "none" (RFC 768)
        segment = segment[:checksum_at] + pack("!H", checksum) + segment[checksum_at + 2 :]
        if source.version == 6:
            return pack("!IHBB", 6 << 28, len(segment), protocol, _TTL) + source.packed + target.packed + segment
        return _ipv4_header(source.packed, target.packed, protocol, len(segment)) + segment

    def _address(self, host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
        """Return the IP address; a host known by name only gets one from the benchmarking network 198.18.0.0/15 (RFC
        2544).
        """
        try:
            return ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            number = len(self._stand_ins) + 1
            return ipaddress.ip_address(self._stand_ins.setdefault(host, f"198.18.{number >> 8}.{number & 255}"))


def internet_checksum(data: bytes) -> int:
    """Return the checksum of RFC 1071 over ``data``."""
    if len(data) % 2:
        data += b"\0"
    # One's complement addition is arithmetic modulo 2**16 - 1, so the whole run is one big number's remainder.
    total = int.from_bytes(data, "big") % 0xFFFF
    return ~(total or 0xFFFF * any(data)) & 0xFFFF


def _ipv4_header(source: bytes, target: bytes, protocol: int, length: int) -> bytes:
    start = pack("!BBHHHBB", 0x45, 0, 20 + length, 0, _IPV4_DONT_FRAGMENT, _TTL, protocol)
    checksum = internet_checksum(start + b"\0\0" + source + target)
    return start + pack("!H", checksum) + source + target


def _mapped(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv6Address:
    """Return an IPv4-mapped IPv6 address (RFC 4291 s.2.5.5.2): one packet has one version."""
    if isinstance(address, ipaddress.IPv6Address):
        return address
    return ipaddress.IPv6Address(b"\0" * 10 + b"\xff\xff" + address.packed)
