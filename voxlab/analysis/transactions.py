"""The transactions of a call and the path that each took through its machine (RFC 3261 s.17).

Must not know the machines themselves: names of inputs and states are those that the journal got.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from voxlab.base.records import TransactionRecord, TransitionRecord

if TYPE_CHECKING:
    from voxlab.analysis.index import CallRecord, Index


@dataclass(frozen=True, slots=True)
class TransactionTrace:
    """A transaction and its steps in order of time."""

    record: TransactionRecord
    steps: tuple[TransitionRecord, ...]


def transactions(index: Index, call: CallRecord | None = None) -> list[TransactionTrace]:
    """Return the transactions of a call, of everything if None, in the order in which they were made."""
    journal = index.journal
    records = [record for record in journal.transactions() if call is None or record.call_id in call.call_ids]
    steps: dict[tuple[str, int], list[TransitionRecord]] = {(record.host, record.number): [] for record in records}
    for step in journal.transitions():
        if (step.host, step.number) in steps:
            steps[step.host, step.number].append(step)
    return [TransactionTrace(record, tuple(steps[record.host, record.number])) for record in records]
