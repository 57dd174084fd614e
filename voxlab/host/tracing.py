"""Lets the journal watch the transactions of a host: the two callbacks that a transaction layer takes."""

from __future__ import annotations

from typing import Any

from voxlab.base.journal import Journal, Step
from voxlab.transaction.tables import ALL, Input, State

_MACHINES = [table.name for table in ALL]
_INPUTS = {int(given): given.label for given in Input}
_STATES = {int(state): state.label for state in State}


def traced(journal: Journal, host: str) -> dict[str, Any]:
    """Return ``observer`` and ``created`` for a node of this host."""
    note_transaction = journal.transaction

    def named(machine: int, given: int, state: int) -> Step:
        return host, _MACHINES[machine], _INPUTS[given], _STATES[state]

    def created(now: float, number: int, machine: int, method: str, call_id: str, branch: str) -> None:
        note_transaction(now, host, number, _MACHINES[machine], method, call_id, branch)

    return {"observer": journal.stepper(host, named), "created": created}
