"""The streams on the wires of a call as a table, counted by the packets themselves in one of three modes (MODES).

Must not know receivers: what they counted is ``streams``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from voxlab.analysis.frames import table
from voxlab.base.errors import VoxlabError
from voxlab.base.records import DELIVERED, MediaStarted, RtpBlock

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

    from voxlab.analysis.index import CallRecord, Index
    from voxlab.media.codecs import Format
    from voxlab.media.stream_modes import StreamColumns, StreamCount

MODE_COLUMNS = {
    "mode": "category",
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
    "expected": "int64",
    "lost": "int64",
    "loss": "float64",
    "duplicates": "Int64",
    "reordered": "Int64",
    "segments": "Int64",
    "max_delta_ms": "float64",
    "mean_jitter_ms": "float64",
    "max_jitter_ms": "float64",
}
"""Columns of ``streams_by``, in order; the index is ``stream``, from 1."""


def streams_by(mode: str, index: Index, blocks: Iterable[RtpBlock], call: CallRecord | None = None) -> pd.DataFrame:
    """Return what one mode makes of the packets that were delivered, a row per source, destination and SSRC.

    Parameters
    ----------
    mode : {"truth", "rfc3550", "wireshark"}
    index : Index
    blocks : iterable of RtpBlock
    call : CallRecord or None
        Whose SDP tells what payload types stand for; every call's if None.

    Raises
    ------
    VoxlabError
        There is no such mode.
    """
    from voxlab.media.stream_modes import MODES, count_stream

    if mode not in MODES:
        raise VoxlabError(f"streams are counted by {', '.join(MODES)}; {mode!r} is none of them")
    formats = _formats(index, call)
    rows = []
    for key, columns in sorted(_columns(blocks).items(), key=lambda item: (int(item[1].time_ns[0]), item[0])):
        rows.append(_row(index, key, columns, formats, count_stream(columns, formats, mode)))
    return table(MODE_COLUMNS, rows, range(1, len(rows) + 1), "stream", index.journal.epoch_s)


def _formats(index: Index, call: CallRecord | None) -> Mapping[int, Format]:
    from voxlab.media.codecs import FORMATS, Format, by_payload_type

    agreed = [
        Format(note.codec, note.payload_type, note.clock_rate_hz)
        for note in index.notes(call)
        if isinstance(note, MediaStarted)
    ]
    return {**by_payload_type(FORMATS), **by_payload_type(agreed)}


def _columns(blocks: Iterable[RtpBlock]) -> dict[tuple[Any, Any, int], StreamColumns]:
    import numpy as np

    from voxlab.media.stream_modes import StreamColumns

    parts: dict[tuple[Any, Any, int], list[Any]] = {}
    for block in blocks:
        here = block.outcome == DELIVERED
        if here.any():
            numbers = block.time_s, block.sequence, block.timestamp, block.payload_type
            parts.setdefault((block.src, block.dst, block.ssrc), []).append([each[here] for each in numbers])
    found = {}
    for key, listed in parts.items():
        time_s, *others = (np.concatenate(column) for column in zip(*listed, strict=True))
        order = np.argsort(time_s, kind="stable")
        found[key] = StreamColumns(np.rint(time_s[order] * 1e9).astype(np.int64), *(each[order] for each in others))
    return found


def _row(
    index: Index, key: tuple[Any, Any, int], columns: StreamColumns, formats: Mapping[int, Format], count: StreamCount
) -> tuple[Any, ...]:
    src, dst, ssrc = key
    name_of = index.journal.name_of
    kinds = (columns.payload_type & 0x7F).tolist()
    kind = next((each for each in kinds if each in formats and formats[each].is_voice), kinds[0])
    times = columns.time_ns
    return (
        count.mode,
        int(times[0]) / 1e9,
        int(times[-1] - times[0]) / 1e9,
        src.host,
        src.port,
        dst.host,
        dst.port,
        name_of(src) or None,
        name_of(dst) or None,
        f"0x{ssrc:08X}",
        kind,
        formats[kind].name if kind in formats else "unknown",
        count.packets,
        count.expected,
        count.lost,
        count.loss,
        count.duplicates,
        count.reordered,
        count.segments,
        count.max_delta_ms,
        count.mean_jitter_ms,
        count.max_jitter_ms,
    )
