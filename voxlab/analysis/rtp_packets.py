"""RTP packets on the wires of a call as a table, a row each (RFC 3550 s.5.1).

Must not know receivers: what they made of the packets is ``streams``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxlab.analysis.frames import table
from voxlab.base.records import DELIVERED, LOST, REFUSED, RtpBlock

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from voxlab.analysis.index import CallRecord, Index

PACKET_COLUMNS = {
    "time_s": "float64",
    "src": "string",
    "src_port": "int64",
    "dst": "string",
    "dst_port": "int64",
    "src_name": "string",
    "dst_name": "string",
    "leg": "string",
    "ssrc": "string",
    "payload_type": "int64",
    "marker": "bool",
    "sequence": "int64",
    "timestamp": "int64",
    "size_bytes": "int64",
    "outcome": "category",
}
"""Columns of ``packets``, in order; the index is ``packet``, from 1. ``size_bytes`` is that of the payload."""

_OUTCOMES = {DELIVERED: "delivered", LOST: "lost", REFUSED: "refused"}


def packets(index: Index, blocks: Iterable[RtpBlock], call: CallRecord | None) -> pd.DataFrame:
    """Return the packets of some blocks in order of time.

    Parameters
    ----------
    index : Index
    blocks : iterable of RtpBlock
    call : CallRecord or None
        Whose legs they belong to.
    """
    epoch_s = index.journal.epoch_s
    listed = [block for block in blocks if len(block)]
    if not listed:
        return table(PACKET_COLUMNS, [], [], "packet", epoch_s)
    letters = {leg.call_id: leg.letter for leg in call.legs} if call is not None else {}
    name_of = index.journal.name_of
    rows = []
    for block in listed:
        names = name_of(block.src) or None, name_of(block.dst) or None
        whole = block.src.host, block.src.port, block.dst.host, block.dst.port, *names
        stream = *whole, letters.get(block.call_id), f"0x{block.ssrc:08X}"
        columns = (block.time_s, block.payload_type, block.sequence, block.timestamp, block.size_bytes, block.outcome)
        for time_s, kind, sequence, timestamp, size, outcome in zip(*(each.tolist() for each in columns), strict=True):
            numbers = kind & 0x7F, kind >= 0x80, sequence, timestamp, size
            rows.append((time_s, *stream, *numbers, _OUTCOMES[outcome]))
    rows.sort(key=lambda row: row[0])
    return table(PACKET_COLUMNS, rows, range(1, len(rows) + 1), "packet", epoch_s)
