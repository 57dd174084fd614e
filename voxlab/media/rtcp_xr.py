"""Report blocks of RTCP XR between bytes and values: the VoIP metrics block, others kept raw (RFC 3611 s.3, s.4.7).

Must not know compound packets or when to send them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from voxlab.kernels.stream_cells import GMIN, PLAYOUT_NS
from voxlab.media.errors import MediaError

if TYPE_CHECKING:
    from voxlab.media.quality import Quality
    from voxlab.media.stream import StreamStatistics

VOIP_METRICS: Final = 7
UNKNOWN: Final = 127
"""What stands in a field that nobody has measured (s.4.7.4, s.4.7.5)."""
_VOIP: Final = struct.Struct("!IBBBBHHHHbbBBBBBBBBHHH")
_HEADER: Final = struct.Struct("!BBH")


class VoipMetrics(NamedTuple):
    """How one source is received and sounds (s.4.7).

    Attributes
    ----------
    ssrc : int
        The source.
    loss_rate, discard_rate, burst_density, gap_density : int
        In 1/256: lost on the way, come too late, missing within bursts, missing between them.
    burst_ms, gap_ms : int
        Their mean lengths.
    round_trip_ms, end_system_delay_ms : int
    signal_dbm0, noise_dbm0 : int
        -128 to 126, 127 unknown.
    rerl_db : int
        Residual echo return loss, 127 unknown.
    gmin : int
        Packets that must come between two losses for these not to be one burst.
    r, external_r : int
        0 to 100, 127 unknown.
    mos_lq, mos_cq : int
        Ten times the mean opinion score, of listening and of conversation; 127 unknown.
    rx_config : int
        Concealment (2 bits), kind of jitter buffer (2 bits), its rate of adapting (4 bits).
    jb_nominal_ms, jb_maximum_ms, jb_absolute_ms : int
        What the jitter buffer holds back: now, at most now, at most ever.
    """

    ssrc: int
    loss_rate: int
    discard_rate: int
    burst_density: int
    gap_density: int
    burst_ms: int
    gap_ms: int
    round_trip_ms: int = 0
    end_system_delay_ms: int = 0
    signal_dbm0: int = UNKNOWN
    noise_dbm0: int = UNKNOWN
    rerl_db: int = UNKNOWN
    gmin: int = GMIN
    r: int = UNKNOWN
    external_r: int = UNKNOWN
    mos_lq: int = UNKNOWN
    mos_cq: int = UNKNOWN
    rx_config: int = 0
    jb_nominal_ms: int = 0
    jb_maximum_ms: int = 0
    jb_absolute_ms: int = 0


class OtherBlock(NamedTuple):
    """A block that is not read here: its type, its type-specific octet, and whole words."""

    block_type: int
    specific: int
    body: bytes


XrBlock: TypeAlias = VoipMetrics | OtherBlock

_NON_ADAPTIVE: Final = 0b10 << 4
_UNSPECIFIED_PLC: Final = 0b00 << 6


def metrics_of(
    statistics: StreamStatistics, quality: Quality | None, round_trip_s: float | None, conversation: Quality | None
) -> VoipMetrics:
    """Return the block for one received stream, as a listener with a buffer of `PLAYOUT_NS` hears it.

    Parameters
    ----------
    statistics : StreamStatistics
    quality, conversation : Quality or None
        By what was missed alone, and with the delay of the path; None for a codec that cannot be rated.
    round_trip_s : float or None
    """
    expected, lie = max(1, statistics.expected), statistics.bursts
    packet_ms = statistics.packet_s * 1000.0
    buffer_ms = PLAYOUT_NS // 1_000_000
    return VoipMetrics(
        statistics.ssrc,
        _share(statistics.lost / expected),
        _share(statistics.late / expected),
        _share(lie.burst_loss),
        _share(lie.gap_loss),
        _clipped(lie.burst_length * packet_ms),
        _clipped(lie.gap_length * packet_ms),
        round_trip_ms=_clipped((round_trip_s or 0.0) * 1000.0),
        end_system_delay_ms=_clipped(buffer_ms + packet_ms),
        r=UNKNOWN if conversation is None else round(conversation.r_of_100),
        mos_lq=UNKNOWN if quality is None else round(10.0 * quality.mos),
        mos_cq=UNKNOWN if conversation is None else round(10.0 * conversation.mos),
        rx_config=_UNSPECIFIED_PLC | _NON_ADAPTIVE,
        jb_nominal_ms=buffer_ms,
        jb_maximum_ms=buffer_ms,
        jb_absolute_ms=buffer_ms,
    )


def _share(fraction: float) -> int:
    return min(255, max(0, int(fraction * 256)))


def _clipped(milliseconds: float) -> int:
    return min(0xFFFF, max(0, round(milliseconds)))


def pack_blocks(blocks: Iterable[XrBlock]) -> bytes:
    """Return the wire form of blocks, each with its header.

    Raises
    ------
    struct.error
        A field does not fit its bits.
    """
    return b"".join(_pack_block(each) for each in blocks)


def _pack_block(block: XrBlock) -> bytes:
    if isinstance(block, OtherBlock):
        return _HEADER.pack(block.block_type, block.specific, len(block.body) // 4) + block.body
    return _HEADER.pack(VOIP_METRICS, 0, 8) + _VOIP.pack(*block[:18], 0, *block[18:])


def parse_blocks(body: bytes) -> tuple[XrBlock, ...]:
    """Read the blocks of an XR packet, from behind its SSRC.

    Raises
    ------
    MediaError
        A block runs past the end, or a VoIP metrics block is not of its constant length.
    """
    blocks: list[XrBlock] = []
    at = 0
    while at < len(body):
        if at + 4 > len(body):
            raise MediaError("a report block is cut off", rfc="RFC 3611 s.3")
        kind, specific, words = _HEADER.unpack_from(body, at)
        end = at + 4 + 4 * words
        if end > len(body):
            raise MediaError(f"a report block of {words} words runs past the end", rfc="RFC 3611 s.3")
        blocks.append(_parse_block(kind, specific, body[at + 4 : end]))
        at = end
    return tuple(blocks)


def _parse_block(kind: int, specific: int, body: bytes) -> XrBlock:
    if kind != VOIP_METRICS:
        return OtherBlock(kind, specific, body)
    if len(body) != _VOIP.size:
        raise MediaError(f"a VoIP metrics block has 8 words, not {len(body) / 4:g}", rfc="RFC 3611 s.4.7")
    fields = _VOIP.unpack(body)
    return VoipMetrics(*fields[:18], *fields[19:])
