"""Captures that Wireshark opens: a journal's messages, RTP and RTCP as pcapng with nanosecond time stamps.

The format is that of draft-ietf-opsawg-pcapng; the link type is RAW, an IP packet and nothing before it. Message ``n``
of a call saved without RTP is frame ``n``; with RTP between them, its frame carries the comment "message n", which
Wireshark finds as ``frame.comment == "message n"``. What the modelled TLS carried is written as SIP over TCP and says
so
in its comment, as does what was lost or refused; port 5061 becomes 5060 there. Must not know calls.
"""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from voxlab.analysis.packets import Packets
from voxlab.base.datagram import Address
from voxlab.base.records import DELIVERED, LOST, SIMULATED_EPOCH_S, RtcpRecord, RtpBlock, WireRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_LINKTYPE_RAW = 101
_SECTION, _INTERFACE, _PACKET, _NAMES = 0x0A0D0D0A, 1, 6, 4
_END_OF_OPTIONS = pack("<HH", 0, 0)
_COMMENT, _APPLICATION, _INTERFACE_NAME, _RESOLUTION = 1, 4, 2, 9
_NANOSECONDS = 9
_NS = 1_000_000_000
_OUTCOMES = {LOST: "lost on the way", DELIVERED: ""}
_SIPS_PORT, _SIP_PORT = 5061, 5060


class Frame(NamedTuple):
    """A packet of the capture, before it has a place in it."""

    time_ns: int
    data: bytes
    comment: str
    interface: int = 0


def write_pcapng(
    file: BinaryIO,
    messages: Iterable[WireRecord],
    blocks: Iterable[RtpBlock] = (),
    rtcp: Iterable[RtcpRecord] = (),
    *,
    epoch_s: float = SIMULATED_EPOCH_S,
    names: Mapping[str, str] | None = None,
    interface: str = "voxlab",
    behind: Mapping[str, str] | None = None,
    from_one: bool = False,
) -> int:
    """Write a capture and return the number of its frames.

    Parameters
    ----------
    file : binary file
        Where it goes; need not be seekable.
    messages, blocks, rtcp
        What was on the wires; frames come in order of time, messages of one instant in their own order.
    epoch_s : float
        Unix time of second 0.
    names : mapping of str to str, optional
        What hosts are called; they become name resolution records.
    interface : str
        Name of the interface on the open network.
    behind : mapping of str to str, optional
        Which addresses are valid behind a NAT alone, and behind which: each NAT's inside is an interface of its own,
        because a packet that crosses it is there twice, with other addresses.
    from_one : bool
        Whether comments count the messages from 1, as a call's ladder does, instead of by the journal's numbers.
    """
    wires = Wires(behind or {})
    inside = b"".join(_interface(f"behind {nat}") for nat in wires.nats)
    file.write(_section() + _interface(interface) + inside + _resolutions(names or {}))
    found = _frames(messages, blocks, rtcp, round(epoch_s * _NS), from_one, wires)
    frames = sorted(found, key=lambda frame: frame.time_ns)
    file.writelines(_packet(frame) for frame in frames)
    return len(frames)


class Wires:
    """The interfaces of a capture: 0 is the open network, each NAT's inside has one of its own."""

    def __init__(self, behind: Mapping[str, str]) -> None:
        self.nats = tuple(dict.fromkeys(behind.values()))
        self._interface = {host: self.nats.index(nat) + 1 for host, nat in behind.items()}

    def of(self, src: Address, dst: Address) -> int:
        """Return the interface on which a packet between two addresses is seen."""
        return self._interface.get(src.host) or self._interface.get(dst.host, 0)


def _frames(
    messages: Iterable[WireRecord],
    blocks: Iterable[RtpBlock],
    rtcp: Iterable[RtcpRecord],
    epoch_ns: int,
    from_one: bool,
    wires: Wires,
) -> Iterator[Frame]:
    packets = Packets()
    for position, record in enumerate(messages, 1):
        wrap = packets.udp if record.transport == "UDP" else packets.tcp
        src, dst = (
            map(_in_the_clear, (record.src, record.dst)) if record.transport == "TLS" else (record.src, record.dst)
        )
        comment = _said(f"message {position if from_one else record.number}", record.transport, record.outcome)
        time_ns = epoch_ns + round(record.time_s * _NS)
        yield Frame(time_ns, wrap(src, dst, record.data), comment, wires.of(src, dst))
    for block in blocks:
        yield from _rtp_frames(block, packets, epoch_ns, wires.of(block.src, block.dst))
    for report in rtcp:
        data = packets.udp(report.src, report.dst, report.data)
        time_ns, comment = epoch_ns + round(report.time_s * _NS), _OUTCOMES.get(report.outcome, "refused")
        yield Frame(time_ns, data, comment, wires.of(report.src, report.dst))


def _rtp_frames(block: RtpBlock, packets: Packets, epoch_ns: int, interface: int) -> Iterator[Frame]:
    """Yield the RTP packets that arrived (RFC 3550 s.5.1), as a capture at the receiver would have them.

    Payloads that were not kept are zeros of the same length.
    """
    at = 0
    columns = (block.time_s, block.payload_type, block.sequence, block.timestamp, block.size_bytes, block.outcome)
    for time_s, kind, sequence, timestamp, size, outcome in zip(*(c.tolist() for c in columns), strict=True):
        payload = bytes(size) if block.payload is None else block.payload[at : at + size]
        at += size
        if outcome == DELIVERED:
            header = pack("!BBHII", 0x80, kind, sequence, timestamp, block.ssrc)
            packet = packets.udp(block.src, block.dst, header + payload)
            yield Frame(epoch_ns + round(time_s * _NS), packet, "", interface)


def _in_the_clear(address: Address) -> Address:
    """Return the address with SIP's port in the place of that of SIP over TLS, where Wireshark would look for
    ciphertext.
    """
    return address._replace(port=_SIP_PORT) if address.port == _SIPS_PORT else address


def _said(number: str, transport: str, outcome: int) -> str:
    modelled = "TLS, shown in the clear as TCP" if transport == "TLS" else ""
    return ", ".join(filter(None, (number, modelled, _OUTCOMES.get(outcome, "refused"))))


def _section() -> bytes:
    return _block(_SECTION, pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + _option(_APPLICATION, b"voxlab") + _END_OF_OPTIONS)


def _interface(name: str) -> bytes:
    options = _option(_INTERFACE_NAME, name.encode()) + _option(_RESOLUTION, bytes([_NANOSECONDS])) + _END_OF_OPTIONS
    return _block(_INTERFACE, pack("<HHI", _LINKTYPE_RAW, 0, 0) + options)


def _resolutions(names: Mapping[str, str]) -> bytes:
    """Return the name resolution block; names for one port of a host have no place in it."""
    import ipaddress

    records = b""
    for host, name in sorted(names.items()):
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            continue
        value = address.packed + name.encode("utf-8", "replace") + b"\0"
        records += pack("<HH", 1 if address.version == 4 else 2, len(value)) + _padded(value)
    return _block(_NAMES, records + _END_OF_OPTIONS + _END_OF_OPTIONS) if records else b""


def _packet(frame: Frame) -> bytes:
    size = len(frame.data)
    head = pack("<IIIII", frame.interface, frame.time_ns >> 32, frame.time_ns & 0xFFFFFFFF, size, size)
    options = _option(_COMMENT, frame.comment.encode()) + _END_OF_OPTIONS if frame.comment else b""
    return _block(_PACKET, head + _padded(frame.data) + options)


def _block(kind: int, body: bytes) -> bytes:
    length = 12 + len(body)
    return pack("<II", kind, length) + body + pack("<I", length)


def _option(code: int, value: bytes) -> bytes:
    return pack("<HH", code, len(value)) + _padded(value)


def _padded(value: bytes) -> bytes:
    return value + bytes(-len(value) % 4)
