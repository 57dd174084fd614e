"""The call history as a table: a row per session, columns a contract that scripts rely on.

It is read from what a store kept, so it reaches back behind the journal and behind restarts. Must not know the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from voxlab.analysis.frames import table

if TYPE_CHECKING:
    import pandas as pd

HISTORY_COLUMNS = {
    "time": "datetime64[ns, UTC]",
    "account": "string",
    "application": "string",
    "rule": "string",
    "scenario": "string",
    "caller": "string",
    "destination": "string",
    "callee": "string",
    "answered": "bool",
    "status": "Int64",
    "setup_s": "Float64",
    "duration_s": "Float64",
    "finish_reason": "string",
    "legs": "int64",
}
"""Columns of ``lab.history``, in order; the index is ``session``. ``duration_s`` is of talking."""

QUERY = """
SELECT s.session, s.start_s, s.account, s.application, s.rule, s.scenario, s.caller, s.destination,
    (SELECT group_concat(c.remote_number, ', ') FROM calls c WHERE c.session = s.session AND NOT c.incoming),
    a.answer_s IS NOT NULL, a.status, a.answer_s - s.start_s,
    CASE WHEN a.answer_s IS NOT NULL THEN a.end_s - a.answer_s END, s.finish_reason,
    (SELECT count(*) FROM calls c WHERE c.session = s.session)
FROM sessions s LEFT JOIN calls a ON a.session = s.session AND a.incoming
ORDER BY s.session
"""
"""What of a store's tables makes the rows."""


def history(rows: Sequence[Sequence[Any]]) -> pd.DataFrame:
    """Return the rows of ``QUERY`` as a table."""
    return table(HISTORY_COLUMNS, [row[1:] for row in rows], [row[0] for row in rows], "session", 0.0)
