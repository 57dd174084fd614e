"""UDP packets of a classic pcap file, Ethernet and IPv4 only: enough to check statistics against others' captures."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Datagram(NamedTuple):
    time_ns: int
    src_port: int
    dst_port: int
    data: bytes


def datagrams(path: Path) -> Iterator[Datagram]:
    raw = path.read_bytes()
    order = "<" if raw[:4] == b"\xd4\xc3\xb2\xa1" else ">"
    if struct.unpack_from(order + "I", raw)[0] != 0xA1B2C3D4 or struct.unpack_from(order + "I", raw, 20)[0] != 1:
        raise ValueError(f"{path.name} is no pcap file of Ethernet frames in microseconds")
    at = 24
    while at < len(raw):
        seconds, micros, size, _ = struct.unpack_from(order + "IIII", raw, at)
        frame = raw[at + 16 : at + 16 + size]
        at += 16 + size
        if frame[12:14] == b"\x08\x00" and frame[23] == 17:
            udp = 14 + 4 * (frame[14] & 0x0F)
            ports = struct.unpack_from("!HHH", frame, udp)
            yield Datagram((seconds * 1_000_000 + micros) * 1000, ports[0], ports[1], frame[udp + 8 : udp + ports[2]])
