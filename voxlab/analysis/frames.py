"""Evidence as tables: the columns, their order and their types are a contract that scripts rely on, for empty tables,
too.

Missing is ``<NA>``; units stand in names. Must not know who shows or stores the tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from voxlab.analysis.outcome import Outcome
from voxlab.analysis.verdict import verdict
from voxlab.base.records import CallRouted, SessionOpened

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

    from voxlab.analysis.entries import Entry
    from voxlab.analysis.index import CallRecord, Index

_TIME = "datetime64[ns, UTC]"

MESSAGE_COLUMNS = {
    "time_s": "float64",
    "time": _TIME,
    "src": "string",
    "src_port": "int64",
    "dst": "string",
    "dst_port": "int64",
    "src_name": "string",
    "dst_name": "string",
    "transport": "category",
    "method": "category",
    "status": "Int64",
    "kind": "string",
    "call": "Int64",
    "leg": "string",
    "call_id": "string",
    "cseq": "Int64",
    "cseq_method": "string",
    "branch": "string",
    "retransmission": "bool",
    "size_bytes": "int64",
    "wire": "category",
}
"""Columns of ``messages``, in order; the index is ``message``. ``wire`` is the NAT inside which a message was seen,
<NA> for the open network: what crosses a NAT is seen on both of its sides, with other addresses.
"""

CALL_COLUMNS = {
    "time_s": "float64",
    "time": _TIME,
    "caller": "string",
    "destination": "string",
    "callee": "string",
    "application": "string",
    "rule": "string",
    "scenario": "string",
    "result": "string",
    "status": "Int64",
    "setup_s": "Float64",
    "duration_s": "Float64",
    "ended_by": "string",
    "finish_reason": "string",
    "legs": "int64",
    "messages": "int64",
    "mos": "Float64",
}
"""Columns of ``calls``, in order; the index is ``call``."""


def messages(index: Index, call: CallRecord | None = None) -> pd.DataFrame:
    """Return the messages of a call, numbered from 1 as in its ladder; of everything, with the journal's numbers, if
    None.

    Parameters
    ----------
    index : Index
        Over the journal.
    call : CallRecord or None
        The call.

    Returns
    -------
    DataFrame
        A fresh snapshot with the columns of ``MESSAGE_COLUMNS``, indexed by ``message``.
    """
    entries = index.entries(None if call is None else call.call_ids)
    numbers = [entry.number for entry in entries] if call is None else range(1, len(entries) + 1)
    places = {leg.call_id: (each.number, leg.letter) for each in index.calls for leg in each.legs}
    rows = [_message_row(index, entry, places) for entry in entries]
    return table(MESSAGE_COLUMNS, rows, numbers, "message", index.journal.epoch_s)


def calls(index: Index) -> pd.DataFrame:
    """Return the history: a row per call, columns of ``CALL_COLUMNS``, indexed by the call's number."""
    records = index.calls
    rows = [_call_row(index, call) for call in records]
    return table(CALL_COLUMNS, rows, [call.number for call in records], "call", index.journal.epoch_s)


def table(
    columns: Mapping[str, str], rows: Sequence[Sequence[Any]], numbers: Iterable[int], name: str, epoch_s: float
) -> pd.DataFrame:
    """Return rows as a table whose columns have exactly these types, also when there is no row; ``time`` is made from
    ``time_s``.
    """
    import pandas as pd

    index = pd.Index(list(numbers), name=name, dtype="int64")
    by_column = list(zip(*rows, strict=True)) or [()] * len(columns)
    data = {
        column: _instants(values, epoch_s) if column == "time" else _typed(values, kind)
        for (column, kind), values in zip(columns.items(), by_column, strict=True)
    }
    return pd.DataFrame({column: pd.Series(values, index=index) for column, values in data.items()}, index=index)


def _typed(values: Iterable[Any], kind: Any) -> Any:
    import pandas as pd

    clean = [printable(value) if isinstance(value, str) else value for value in values]
    if kind == "category":
        return pd.Categorical(pd.array(clean, dtype="string"))  # categories of this type show what is missing as <NA>
    return pd.array(clean, dtype=kind)


def _instants(times_s: Iterable[float], epoch_s: float) -> Any:
    import pandas as pd

    start_ns = round(epoch_s * 1_000_000_000)
    moments = [start_ns + round(time_s * 1_000_000_000) for time_s in times_s]
    return pd.DatetimeIndex(pd.array(moments, dtype="datetime64[ns]"), tz="UTC").array  # type: ignore[call-overload]


def printable(text: str) -> str:
    """Return text that any encoding takes: bytes that were no UTF-8 on the wire become U+FFFD."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _message_row(index: Index, entry: Entry, places: Mapping[str, tuple[int, str]]) -> tuple[Any, ...]:
    call, leg = places.get(entry.call_id, (None, None))
    name_of = index.journal.name_of
    read = entry.kind != "malformed"
    return (
        entry.time_s,
        entry.time_s,
        entry.src.host,
        entry.src.port,
        entry.dst.host,
        entry.dst.port,
        name_of(entry.src) or None,
        name_of(entry.dst) or None,
        entry.transport,
        (entry.kind == "request" and entry.method) or None,
        entry.status,
        entry.kind,
        call,
        leg,
        entry.call_id or None,
        entry.cseq,
        entry.method if read else None,
        entry.branch or None,
        entry.retransmission,
        entry.size_bytes,
        index.journal.wire_of(entry.src, entry.dst, entry.outcome) or None,
    )


def _call_row(index: Index, call: CallRecord) -> tuple[Any, ...]:
    judged = verdict(index, call)
    facts = judged.outcome
    opened = next((note for note in index.notes(call) if isinstance(note, (SessionOpened, CallRouted))), None)
    start_s = facts.start_s if facts else opened.time_s if opened else float("nan")
    session = _session(opened)
    if facts is None:
        return (start_s, start_s, None, None, None, *session, "not on the wire", *[None] * 5, len(call.legs), 0, None)
    return (
        start_s,
        start_s,
        facts.caller,
        facts.destination or None,
        ", ".join(facts.callees) or None,
        *session,
        _result(facts, judged.ok),
        _status(facts),
        _setup_s(facts),
        _duration_s(facts),
        facts.ended.by if facts.ended else None,
        facts.finish_reason or None,
        len(call.legs),
        facts.messages,
        facts.mos,
    )


def _session(opened: SessionOpened | CallRouted | None) -> tuple[str | None, str | None, str | None]:
    if opened is None:
        return None, None, None
    return opened.application, opened.rule, opened.scenario if isinstance(opened, SessionOpened) else None


def _result(facts: Outcome, ok: bool | None) -> str:
    if ok is None:
        return "talking" if facts.answered else "ringing" if facts.ringing else "calling"
    if facts.answered:
        return "dropped" if facts.dropped else "connected"
    if facts.cancelled and (facts.failed is None or facts.failed.status == 487):
        return "cancelled"
    return "no answer" if facts.timed_out else "failed"


def _status(facts: Outcome) -> int | None:
    said = facts.answered or facts.failed
    return said.status if said else None


def _setup_s(facts: Outcome) -> float | None:
    return facts.answered.time_s - facts.start_s if facts.answered else None


def _duration_s(facts: Outcome) -> float | None:
    if not facts.answered:
        return None
    return (facts.ended.time_s if facts.ended else facts.last_s) - facts.answered.time_s
