"""RTP data packets between bytes and values (RFC 3550 s.5.1, s.5.3.1, A.1; RFC 5761 s.4 to tell RTCP).

Must not know sessions or codecs.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from voxlab.media.errors import MediaError

VERSION: Final = 2
HEADER_BYTES: Final = 12
_HEADER: Final = struct.Struct("!BBHII")
_PADDING, _EXTENSION, _CSRCS, _MARKER = 0x20, 0x10, 0x0F, 0x80


class HeaderExtension(NamedTuple):
    """A header extension (s.5.3.1): the profile's 16 bits and the words behind, a multiple of 4 bytes."""

    profile: int
    data: bytes


class RtpPacket(NamedTuple):
    """One data packet; the marker begins a talkspurt (RFC 3551 s.4.1)."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False
    csrcs: tuple[int, ...] = ()
    extension: HeaderExtension | None = None


def is_rtcp(data: bytes) -> bool:
    """Tell RTCP from RTP where both come to one port: packet types 192 to 223 are RTCP's (RFC 5761 s.4)."""
    return len(data) > 1 and 192 <= data[1] <= 223


def pack(packet: RtpPacket) -> bytes:
    """Return the wire form.

    Raises
    ------
    ValueError
        A field is out of its range: too many CSRCs, an extension that is not whole words, numbers too large.
    """
    if len(packet.csrcs) > 15:
        raise ValueError(f"a packet lists at most 15 contributing sources, not {len(packet.csrcs)}")
    first = VERSION << 6 | len(packet.csrcs) | (_EXTENSION if packet.extension else 0)
    second = packet.payload_type | (_MARKER if packet.marker else 0)
    if not 0 <= packet.payload_type <= 127:
        raise ValueError(f"a payload type is 0 to 127, not {packet.payload_type}")
    try:
        header = _HEADER.pack(first, second, packet.sequence, packet.timestamp, packet.ssrc)
        csrcs = struct.pack(f"!{len(packet.csrcs)}I", *packet.csrcs)
    except struct.error as error:
        raise ValueError(f"a field of {packet[:4]} does not fit its bits: {error}") from error
    return header + csrcs + (_pack_extension(packet.extension) if packet.extension else b"") + packet.payload


def _pack_extension(extension: HeaderExtension) -> bytes:
    words, rest = divmod(len(extension.data), 4)
    if rest or words > 0xFFFF:
        raise ValueError(f"a header extension is up to 65,535 whole words, not {len(extension.data)} bytes")
    return struct.pack("!HH", extension.profile, words) + extension.data


def parse(data: bytes) -> RtpPacket:
    """Read one packet; its payload is without padding.

    Raises
    ------
    MediaError
        Not version 2, or shorter than its own header, list of sources, extension or padding says (A.1).
    """
    if len(data) < HEADER_BYTES:
        raise MediaError(f"an RTP packet has at least {HEADER_BYTES} bytes, this has {len(data)}")
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    if first >> 6 != VERSION:
        raise MediaError(f"RTP version {first >> 6} is not 2")
    marker = second >= _MARKER
    if first == VERSION << 6:
        return RtpPacket(second & 0x7F, sequence, timestamp, ssrc, data[HEADER_BYTES:], marker)
    return _parse_long(data, first, RtpPacket(second & 0x7F, sequence, timestamp, ssrc, b"", marker))


def _parse_long(data: bytes, first: int, packet: RtpPacket) -> RtpPacket:
    """Read a packet that has padding, an extension or contributing sources."""
    sources = first & _CSRCS
    start = HEADER_BYTES + 4 * sources
    if start > len(data):
        raise MediaError(f"{sources} contributing sources do not fit into {len(data)} bytes")
    extension = None
    if first & _EXTENSION:
        extension, start = _parse_extension(data, start)
    end = len(data) - (_padding(data, start) if first & _PADDING else 0)
    csrcs = struct.unpack_from(f"!{sources}I", data, HEADER_BYTES)
    return packet._replace(payload=data[start:end], csrcs=csrcs, extension=extension)


def _parse_extension(data: bytes, start: int) -> tuple[HeaderExtension, int]:
    if start + 4 > len(data):
        raise MediaError("the header extension is cut off", rfc="RFC 3550 s.5.3.1")
    profile, words = struct.unpack_from("!HH", data, start)
    end = start + 4 + 4 * words
    if end > len(data):
        raise MediaError(f"a header extension of {words} words does not fit", rfc="RFC 3550 s.5.3.1")
    return HeaderExtension(profile, data[start + 4 : end]), end


def _padding(data: bytes, start: int) -> int:
    """Return the count in the last octet, which includes itself."""
    count = data[-1]
    if not 0 < count <= len(data) - start:
        raise MediaError(f"padding of {count} bytes in a payload of {len(data) - start}")
    return count
