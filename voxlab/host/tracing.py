"""Lets the journal watch the transactions of a host: the two callbacks that a transaction layer takes."""

from __future__ import annotations

from typing import Any

from voxlab.base.journal import Journal
from voxlab.transaction.tables import ALL, Input, State

_MACHINES = [table.name for table in ALL]
_INPUTS = {int(given): given.label for given in Input}
_STATES = {int(state): state.label for state in State}


def traced(journal: Journal, host: str) -> dict[str, Any]:
    """Return ``observer`` and ``created`` for a node of this host."""
    note_step, note_transaction = journal.step, journal.transaction
    steps: dict[tuple[int, int, int], tuple[str, str, str, str]] = {}

    def observer(now: float, number: int, machine: int, given: int, state: int) -> None:
        step = steps.get((machine, given, state))
        if step is None:
            step = steps[machine, given, state] = (host, _MACHINES[machine], _INPUTS[given], _STATES[state])
        note_step(now, number, step)

    def created(now: float, number: int, machine: int, method: str, call_id: str, branch: str) -> None:
        note_transaction(now, host, number, _MACHINES[machine], method, call_id, branch)

    return {"observer": observer, "created": created}
