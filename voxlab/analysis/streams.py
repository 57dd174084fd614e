"""RTP streams as a table, a row each, from what their receivers counted (RFC 3550 s.6.4.1; R and MOS of the E-model).

Must not know packets: ``media`` counts them, and ``measured`` makes a record of what it counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from voxlab.analysis.frames import table
from voxlab.base.records import StreamMeasured

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from voxlab.analysis.index import CallRecord, Index
    from voxlab.base.datagram import Address
    from voxlab.media.quality import Quality
    from voxlab.media.stream import StreamStatistics

STREAM_COLUMNS = {
    "start_s": "float64",
    "duration_s": "float64",
    "src": "string",
    "src_port": "int64",
    "dst": "string",
    "dst_port": "int64",
    "src_name": "string",
    "dst_name": "string",
    "ssrc": "string",
    "payload_type": "int64",
    "codec": "string",
    "packets": "int64",
    "lost": "int64",
    "loss": "float64",
    "late": "int64",
    "duplicates": "int64",
    "reordered": "int64",
    "mean_jitter_ms": "float64",
    "max_jitter_ms": "float64",
    "max_delta_ms": "float64",
    "mean_delay_ms": "Float64",
    "burst_loss": "Float64",
    "burst_ms": "Float64",
    "gap_loss": "Float64",
    "gap_ms": "Float64",
    "r": "Float64",
    "mos": "Float64",
    "call": "Int64",
    "leg": "string",
    "quality_model": "string",
}
"""Columns of ``streams``, in order; the index is ``stream``, from 1."""


def streams(index: Index, call: CallRecord | None = None) -> pd.DataFrame:
    """Return the streams of a call, of everything if None, in order of their start."""
    found = in_order(index, call)
    places = {leg.call_id: (each.number, leg.letter) for each in index.calls for leg in each.legs}
    rows = [_row(index, stream, places) for stream in found]
    return table(STREAM_COLUMNS, rows, range(1, len(rows) + 1), "stream", index.journal.epoch_s)


def in_order(index: Index, call: CallRecord | None = None) -> list[StreamMeasured]:
    """Return the records behind the rows of `streams`, in their order."""
    found = [note for note in index.notes(call) if isinstance(note, StreamMeasured)]
    return sorted(found, key=lambda stream: (stream.start_s, stream.src, stream.dst, stream.ssrc))


def measured(
    statistics: StreamStatistics,
    src: Address,
    dst: Address,
    now: float,
    *,
    call_id: str = "",
    session: int = 0,
    leg: str = "",
    quality: Quality | None = None,
) -> StreamMeasured:
    """Return the record of what a receiver at ``dst`` counted on a stream from ``src`` until ``now``, for
    ``Journal.note``.
    """
    lie = statistics.bursts
    packet_ms = statistics.packet_s * 1000.0
    return StreamMeasured(
        time_s=now,
        src=src,
        dst=dst,
        ssrc=statistics.ssrc,
        payload_type=statistics.payload_type,
        codec=statistics.codec,
        start_s=statistics.first_s,
        duration_s=statistics.duration_s,
        packets=statistics.packets,
        lost=statistics.lost,
        late=statistics.late,
        duplicates=statistics.duplicates,
        reordered=statistics.reordered,
        mean_jitter_ms=statistics.mean_jitter_ms,
        max_jitter_ms=statistics.max_jitter_ms,
        max_delta_ms=statistics.max_delta_ms,
        mean_delay_ms=None if statistics.mean_delay_s is None else statistics.mean_delay_s * 1000.0,
        burst_loss=lie.burst_loss,
        burst_ms=lie.burst_length * packet_ms,
        gap_loss=lie.gap_loss,
        gap_ms=lie.gap_length * packet_ms,
        r=None if quality is None else quality.r,
        mos=None if quality is None else quality.mos,
        call_id=call_id,
        session=session,
        leg=leg,
        history=statistics.history,
        model="" if quality is None else quality.model,
    )


def _row(index: Index, stream: StreamMeasured, places: Mapping[str, tuple[int, str]]) -> tuple[Any, ...]:
    call, leg = places.get(stream.call_id, (None, stream.leg or None))
    name_of = index.journal.name_of
    expected = stream.packets - stream.duplicates + stream.lost
    return (
        stream.start_s,
        stream.duration_s,
        stream.src.host,
        stream.src.port,
        stream.dst.host,
        stream.dst.port,
        name_of(stream.src) or None,
        name_of(stream.dst) or None,
        f"0x{stream.ssrc:08X}",
        stream.payload_type,
        stream.codec,
        stream.packets,
        stream.lost,
        stream.lost / expected if expected else 0.0,
        stream.late,
        stream.duplicates,
        stream.reordered,
        stream.mean_jitter_ms,
        stream.max_jitter_ms,
        stream.max_delta_ms,
        stream.mean_delay_ms,
        stream.burst_loss,
        stream.burst_ms,
        stream.gap_loss,
        stream.gap_ms,
        stream.r,
        stream.mos,
        call,
        leg,
        stream.model or None,
    )
