"""RTCP compound packets between bytes and values: SR, RR, SDES, BYE, APP, XR; others kept raw (RFC 3550 s.6, A.2).

Must not know when to send them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final, NamedTuple, TypeAlias

from voxlab.media.errors import MediaError
from voxlab.media.rtcp_xr import XrBlock, pack_blocks, parse_blocks

SR: Final = 200
RR: Final = 201
SDES: Final = 202
BYE: Final = 203
APP: Final = 204
XR: Final = 207
CNAME: Final = 1
MAX_COUNT: Final = 31
LOST_MIN: Final = -0x800000
LOST_MAX: Final = 0x7FFFFF
"""Between these a count of losses is clamped (A.3)."""

_BLOCK: Final = struct.Struct("!IIIIII")
_SENDER: Final = struct.Struct("!IQIII")


class ReportBlock(NamedTuple):
    """Reception of one source (s.6.4.1).

    Attributes
    ----------
    ssrc : int
        The source that is reported on.
    fraction_lost : int
        Lost since the last report, in 1/256.
    cumulative_lost : int
        Expected less received; negative where duplicates outnumber losses.
    highest_sequence : int
        Extended highest sequence number, 32 bits.
    jitter : int
        Interarrival jitter, timestamp units.
    last_sr : int
        Middle 32 bits of the NTP timestamp of the last SR from the source, 0 if none came.
    delay_since_last_sr : int
        In 1/65536 s.
    """

    ssrc: int
    fraction_lost: int
    cumulative_lost: int
    highest_sequence: int
    jitter: int
    last_sr: int
    delay_since_last_sr: int


class SenderReport(NamedTuple):
    """SR: what a sender has sent, on which clock; ``ntp`` has 64 bits, seconds since 1900 and their fraction."""

    ssrc: int
    ntp: int
    rtp_timestamp: int
    packets: int
    octets: int
    reports: tuple[ReportBlock, ...] = ()


class ReceiverReport(NamedTuple):
    """RR: what a participant that sends nothing has received."""

    ssrc: int
    reports: tuple[ReportBlock, ...] = ()


class SourceDescription(NamedTuple):
    """SDES: chunks of (SSRC, items), an item being (type, text); type 1 is the CNAME."""

    chunks: tuple[tuple[int, tuple[tuple[int, str], ...]], ...]

    @classmethod
    def of(cls, ssrc: int, cname: str) -> SourceDescription:
        """Describe one source by its canonical name, the one item that everybody must send (s.6.5)."""
        return cls(((ssrc, ((CNAME, cname),)),))

    def cname(self, ssrc: int) -> str | None:
        """Return the canonical name of a source, if it is there."""
        return next(
            (text for source, items in self.chunks if source == ssrc for kind, text in items if kind == CNAME), None
        )


class Goodbye(NamedTuple):
    """BYE: these sources leave, and why if they say so."""

    ssrcs: tuple[int, ...]
    reason: str = ""


class Application(NamedTuple):
    """APP: something between applications; its name has four ASCII letters, its data whole words (s.6.7)."""

    subtype: int
    ssrc: int
    name: str
    data: bytes


class ExtendedReport(NamedTuple):
    """XR: further reports of one participant (RFC 3611 s.2)."""

    ssrc: int
    blocks: tuple[XrBlock, ...]


class OtherRtcp(NamedTuple):
    """A packet type that is not read here (feedback): its count field, and all behind the common header."""

    packet_type: int
    subtype: int
    body: bytes


RtcpPacket: TypeAlias = (
    SenderReport | ReceiverReport | SourceDescription | Goodbye | Application | ExtendedReport | OtherRtcp
)


def pack_compound(packets: Iterable[RtcpPacket]) -> bytes:
    """Return the wire form of a compound packet; the first one must be an SR or RR (s.6.1).

    Raises
    ------
    ValueError
        The first is neither, or a field does not fit its bits.
    """
    listed = list(packets)
    if not listed or not isinstance(listed[0], SenderReport | ReceiverReport):
        raise ValueError("a compound RTCP packet begins with an SR or RR (RFC 3550 s.6.1)")
    try:
        return b"".join(_pack_one(each) for each in listed)
    except struct.error as error:
        raise ValueError(f"a field of an RTCP packet does not fit its bits: {error}") from error


def _pack_one(packet: RtcpPacket) -> bytes:
    match packet:
        case SenderReport():
            return _framed(SR, len(packet.reports), _SENDER.pack(*packet[:5]) + _pack_blocks(packet.reports))
        case ReceiverReport():
            return _framed(RR, len(packet.reports), struct.pack("!I", packet.ssrc) + _pack_blocks(packet.reports))
        case SourceDescription():
            return _framed(SDES, len(packet.chunks), b"".join(_pack_chunk(*each) for each in packet.chunks))
        case Goodbye():
            return _framed(
                BYE,
                len(packet.ssrcs),
                struct.pack(f"!{len(packet.ssrcs)}I", *packet.ssrcs) + _pack_reason(packet.reason),
            )
        case Application():
            return _framed(APP, packet.subtype, struct.pack("!I", packet.ssrc) + _app_name(packet.name) + packet.data)
        case ExtendedReport():
            return _framed(XR, 0, struct.pack("!I", packet.ssrc) + pack_blocks(packet.blocks))
        case OtherRtcp():
            return _framed(packet.packet_type, packet.subtype, packet.body)


def _app_name(name: str) -> bytes:
    encoded = name.encode("ascii", "replace")
    if len(encoded) != 4:
        raise ValueError(f"the name in an APP packet has four ASCII characters, {name!r} has not (RFC 3550 s.6.7)")
    return encoded


def _framed(packet_type: int, count: int, body: bytes) -> bytes:
    if count > MAX_COUNT:
        raise ValueError(f"an RTCP packet counts up to {MAX_COUNT} of a thing, not {count}")
    words, rest = divmod(len(body), 4)
    if rest:
        raise ValueError(f"an RTCP packet is whole words, not {len(body)} bytes")
    return struct.pack("!BBH", 0x80 | count, packet_type, words) + body


def _pack_blocks(reports: tuple[ReportBlock, ...]) -> bytes:
    return b"".join(
        _BLOCK.pack(
            each.ssrc,
            each.fraction_lost << 24 | _in_24_bits(each.cumulative_lost),
            each.highest_sequence & 0xFFFFFFFF,
            *each[4:],
        )
        for each in reports
    )


def _in_24_bits(lost: int) -> int:
    """Return a count of losses as the wire has it: signed, and never wrapped around (s.6.4.1)."""
    if not LOST_MIN <= lost <= LOST_MAX:
        raise ValueError(f"cumulative lost has 24 bits, {LOST_MIN:,} to {LOST_MAX:,}, not {lost:,} (RFC 3550 s.6.4.1)")
    return lost & 0xFFFFFF


def _pack_chunk(ssrc: int, items: tuple[tuple[int, str], ...]) -> bytes:
    """Return one SDES chunk: items, then null octets up to a whole word, at least one (s.6.5)."""
    packed = struct.pack("!I", ssrc)
    for kind, text in items:
        encoded = text.encode()[:255]
        packed += struct.pack("!BB", kind, len(encoded)) + encoded
    return packed + bytes(4 - len(packed) % 4)


def _pack_reason(reason: str) -> bytes:
    if not reason:
        return b""
    encoded = reason.encode()[:255]
    packed = struct.pack("!B", len(encoded)) + encoded
    return packed + bytes(-len(packed) % 4)


def parse_compound(data: bytes) -> tuple[RtcpPacket, ...]:
    """Read a compound packet, checked as A.2 asks.

    Raises
    ------
    MediaError
        The first packet is no SR or RR or has padding that only the last may have, a version is not 2, or a length does
        not add up.
    """
    if len(data) < 8 or data[1] not in (SR, RR):
        raise MediaError("a compound RTCP packet begins with an SR or RR", rfc="RFC 3550 A.2")
    packets = []
    start = 0
    while start < len(data):
        packet, start = _parse_one(data, start)
        packets.append(packet)
    return tuple(packets)


def _parse_one(data: bytes, start: int) -> tuple[RtcpPacket, int]:
    if start + 4 > len(data):
        raise MediaError(f"{len(data) - start} bytes are left over", rfc="RFC 3550 A.2")
    first, packet_type, words = struct.unpack_from("!BBH", data, start)
    end = start + 4 + 4 * words
    if first >> 6 != 2:
        raise MediaError(f"RTCP version {first >> 6} is not 2", rfc="RFC 3550 A.2")
    if end > len(data):
        raise MediaError(f"a length of {words} words runs past the end", rfc="RFC 3550 A.2")
    body = data[start + 4 : end]
    if first & 0x20:
        body = _without_padding(body, last=end == len(data))
    return _read_body(packet_type, first & 0x1F, body), end


def _without_padding(body: bytes, *, last: bool) -> bytes:
    if not last or not body or not 0 < body[-1] <= len(body):
        raise MediaError(
            "only the last RTCP packet may have padding, and no more than it is long", rfc="RFC 3550 s.6.4.1"
        )
    return body[: -body[-1]]


def _read_body(packet_type: int, count: int, body: bytes) -> RtcpPacket:
    if packet_type == SR:
        _need(body, 24 + 24 * count, "sender report")
        ssrc, ntp, rtp_timestamp, packets, octets = _SENDER.unpack_from(body)
        return SenderReport(ssrc, ntp, rtp_timestamp, packets, octets, _read_blocks(body, 24, count))
    if packet_type == RR:
        _need(body, 4 + 24 * count, "receiver report")
        return ReceiverReport(int.from_bytes(body[:4], "big"), _read_blocks(body, 4, count))
    if packet_type == SDES:
        return _read_description(body, count)
    if packet_type == BYE:
        return _read_goodbye(body, count)
    if packet_type == APP:
        _need(body, 8, "application packet")
        return Application(count, int.from_bytes(body[:4], "big"), body[4:8].decode("latin-1"), body[8:])
    if packet_type == XR:
        _need(body, 4, "extended report")
        return ExtendedReport(int.from_bytes(body[:4], "big"), parse_blocks(body[4:]))
    return OtherRtcp(packet_type, count, body)


def _need(body: bytes, size: int, what: str) -> None:
    if len(body) < size:
        raise MediaError(f"a {what} of {len(body)} bytes should have {size}", rfc="RFC 3550 s.6.4")


def _read_blocks(body: bytes, start: int, count: int) -> tuple[ReportBlock, ...]:
    return tuple(_read_block(body, start + 24 * i) for i in range(count))


def _read_block(body: bytes, start: int) -> ReportBlock:
    ssrc, loss, highest, jitter, last_sr, delay = _BLOCK.unpack_from(body, start)
    lost = loss & 0xFFFFFF
    return ReportBlock(ssrc, loss >> 24, lost - (lost >> 23 << 24), highest, jitter, last_sr, delay)


def _read_description(body: bytes, count: int) -> SourceDescription:
    chunks = []
    at = 0
    for _ in range(count):
        _need(body, at + 4, "source description")
        ssrc = int.from_bytes(body[at : at + 4], "big")
        items, at = _read_items(body, at + 4)
        chunks.append((ssrc, items))
    return SourceDescription(tuple(chunks))


def _read_items(body: bytes, at: int) -> tuple[tuple[tuple[int, str], ...], int]:
    """Read the items of a chunk up to its null octet; return them and where the next word begins."""
    items = []
    while at < len(body) and body[at]:
        _need(body, at + 2, "description item")
        end = at + 2 + body[at + 1]
        _need(body, end, "description item")
        items.append((body[at], body[at + 2 : end].decode(errors="replace")))
        at = end
    _need(body, at + 1, "source description")
    return tuple(items), (at | 3) + 1


def _read_goodbye(body: bytes, count: int) -> Goodbye:
    _need(body, 4 * count, "goodbye")
    ssrcs = struct.unpack_from(f"!{count}I", body)
    rest = body[4 * count :]
    return Goodbye(ssrcs, rest[1 : 1 + rest[0]].decode(errors="replace") if rest else "")
