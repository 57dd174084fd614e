"""What the ends of a call told each other by RTCP, a row per report block (RFC 3550 s.6.4).

Must not know who sent them why, nor extended reports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from voxlab.analysis.frames import table
from voxlab.base.records import DELIVERED, RtcpRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from voxlab.analysis.index import CallRecord, Index

REPORT_COLUMNS = {
    "time_s": "float64",
    "src": "string",
    "dst": "string",
    "src_name": "string",
    "dst_name": "string",
    "kind": "category",
    "ssrc": "string",
    "about": "string",
    "fraction_lost": "int64",
    "cumulative_lost": "int64",
    "highest_sequence": "int64",
    "jitter": "int64",
}
"""Columns of ``reports``, in order; the index is ``report``, from 1. ``ssrc`` tells, ``about`` is told of.

The last four are as on the wire: ``fraction_lost`` in 1/256, ``jitter`` in timestamp units.
"""


def reports(index: Index, call: CallRecord | None) -> pd.DataFrame:
    """Return the report blocks that arrived, in order of time; what cannot be read is left out."""
    ids = call.call_ids if call is not None else ()
    records = (note for note in index.journal.notes if isinstance(note, RtcpRecord))
    rows = [row for record in records if record.call_id in ids for row in _rows(index, record)]
    rows.sort(key=lambda row: row[0])
    return table(REPORT_COLUMNS, rows, range(1, len(rows) + 1), "report", index.journal.epoch_s)


def _rows(index: Index, record: RtcpRecord) -> Iterator[tuple[Any, ...]]:
    from voxlab.media import rtcp
    from voxlab.media.errors import MediaError

    if record.outcome != DELIVERED:
        return
    try:
        packets = rtcp.parse_compound(record.data)
    except MediaError:
        return
    name_of = index.journal.name_of
    ends = record.src.host, record.dst.host, name_of(record.src) or None, name_of(record.dst) or None
    for packet in packets:
        if isinstance(packet, rtcp.SenderReport | rtcp.ReceiverReport):
            kind = "SR" if isinstance(packet, rtcp.SenderReport) else "RR"
            for block in packet.reports:
                names = f"0x{packet.ssrc:08X}", f"0x{block.ssrc:08X}"
                yield record.time_s, *ends, kind, *names, *block[1:5]
