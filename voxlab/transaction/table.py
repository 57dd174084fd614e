"""The words that a transaction machine is written in: states, inputs, actions, rows and the table that holds them.

RFC 3261 s.17 and its figures 5 to 8, RFC 6026. Must not know the four machines (``tables``), nor how an action is
carried out (``machine``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, TypeAlias


class State(IntEnum):
    """The states of all four machines; the order is that of a transaction's life."""

    CALLING = 0
    TRYING = 1
    PROCEEDING = 2
    COMPLETED = 3
    CONFIRMED = 4
    ACCEPTED = 5
    TERMINATED = 6

    @property
    def label(self) -> str:
        """The state's name as the figures write it."""
        return self.name.capitalize()


class Input(IntEnum):
    """What can happen to a machine: from the network, from the transaction user (TU), from the clock."""

    PROVISIONAL = 0
    SUCCESS = 1
    FAILURE = 2
    CANCEL = 3
    REQUEST = 4
    ACK = 5
    SEND_PROVISIONAL = 6
    SEND_SUCCESS = 7
    SEND_FAILURE = 8
    TIMER_A = 9
    TIMER_B = 10
    TIMER_D = 11
    TIMER_E = 12
    TIMER_F = 13
    TIMER_G = 14
    TIMER_H = 15
    TIMER_I = 16
    TIMER_J = 17
    TIMER_K = 18
    TIMER_L = 19
    TIMER_M = 20
    TRYING_DUE = 21
    CANCELLED = 22
    ABANDONED = 23
    TRANSPORT_ERROR = 24

    @property
    def label(self) -> str:
        """The input as the figures of the RFCs label it."""
        return _INPUT_LABELS.get(self) or self.name.replace("_", " ").title()


class Action(IntEnum):
    """What a machine does on a transition; START and STOP are about the timer of that letter."""

    SEND_REQUEST = 0
    SEND_ACK = 1
    SEND_CANCEL = 2
    HOLD_CANCEL = 3
    RELEASE_CANCEL = 4
    DROP_CANCEL = 5
    SEND_RESPONSE = 6
    RESEND_RESPONSE = 7
    SEND_TRYING = 8
    PASS_RESPONSE = 9
    PASS_STRAY = 10
    PASS_ACK = 11
    INFORM_TIMEOUT = 12
    INFORM_TRANSPORT = 13
    START_A = 14
    DOUBLE_A = 15
    START_B = 16
    START_D = 17
    START_E = 18
    DOUBLE_E = 19
    CAP_E = 20
    START_F = 21
    START_G = 22
    DOUBLE_G = 23
    START_H = 24
    START_I = 25
    START_J = 26
    START_K = 27
    START_L = 28
    START_M = 29
    START_TRYING = 30
    START_CANCELLED = 31
    START_ABANDONED = 32
    STOP_A = 33
    STOP_B = 34
    STOP_E = 35
    STOP_G = 36
    STOP_TRYING = 37

    @property
    def label(self) -> str:
        """The action in the words of the figures, or empty for what they leave unsaid (a timer started or stopped)."""
        return _ACTION_LABELS.get(self, "")


_INPUT_LABELS = {
    Input.PROVISIONAL: "1xx",
    Input.SUCCESS: "2xx",
    Input.FAILURE: "300-699",
    Input.CANCEL: "CANCEL from TU",
    Input.REQUEST: "Request",
    Input.ACK: "ACK",
    Input.SEND_PROVISIONAL: "1xx from TU",
    Input.SEND_SUCCESS: "2xx from TU",
    Input.SEND_FAILURE: "300-699 from TU",
    Input.TRYING_DUE: "100 is due",
    Input.CANCELLED: "64*T1 after CANCEL",
    Input.ABANDONED: "64*T1 without answer",
    Input.TRANSPORT_ERROR: "Transport Err.",
}
_ACTION_LABELS = {
    Action.SEND_REQUEST: "send request",
    Action.SEND_ACK: "send ACK",
    Action.SEND_CANCEL: "send CANCEL",
    Action.HOLD_CANCEL: "keep CANCEL",
    Action.RELEASE_CANCEL: "send kept CANCEL",
    Action.DROP_CANCEL: "drop kept CANCEL",
    Action.SEND_RESPONSE: "send response",
    Action.RESEND_RESPONSE: "send response again",
    Action.SEND_TRYING: "send 100",
    Action.PASS_RESPONSE: "resp. to TU",
    Action.PASS_STRAY: "2xx to TU",
    Action.PASS_ACK: "ACK to TU",
    Action.INFORM_TIMEOUT: "inform TU",
    Action.INFORM_TRANSPORT: "inform TU",
    Action.DOUBLE_A: "double A",
    Action.DOUBLE_E: "double E",
    Action.CAP_E: "reset E to T2",
    Action.DOUBLE_G: "double G",
}


class Row(NamedTuple):
    """One cell of a machine: what to do, where to go, and why."""

    actions: tuple[Action, ...]
    next_state: State
    why: str


Rows: TypeAlias = dict[tuple[State, Input], Row]


class Transition(NamedTuple):
    """An arrow of a state diagram; ``label`` is the input over the actions, as the figures have it."""

    state: State
    input: Input
    next_state: State
    label: str


@dataclass(frozen=True)
class Table:
    """A machine: the state it starts in, the actions of starting, and a row for every pair of its states and inputs.

    Attributes
    ----------
    name : str
        Such as "INVITE client".
    rfc : str
        The sections and figures that the table restates.
    initial : State
        The state that a new transaction enters.
    entry : tuple of Action
        What is done on entering it.
    rows : dict
        (state, input) to ``Row``; a pair the RFCs do not draw has a row without actions that says why nothing happens.
    """

    name: str
    rfc: str
    initial: State
    entry: tuple[Action, ...]
    rows: Rows

    @property
    def states(self) -> tuple[State, ...]:
        """The states of this machine, in the order of a transaction's life."""
        return tuple(sorted({state for state, _ in self.rows}))

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The inputs that can reach this machine."""
        return tuple(sorted({given for _, given in self.rows}))

    @property
    def title(self) -> str:
        """What a picture of it is called."""
        return f"{self.name} transaction"

    def why(self, state: State, given: Input) -> str:
        """Return why a row is as it is."""
        return self.rows[state, given].why

    def ignores(self, state: State, given: Input) -> bool:
        """Tell whether the machine in ``state`` does nothing about ``given``."""
        row = self.rows[state, given]
        return not row.actions and row.next_state == state

    def transitions(self) -> Iterator[Transition]:
        """Yield the arrows of the machine's diagram: every pair that is not ignored."""
        for (state, given), row in self.rows.items():
            if not self.ignores(state, given):
                does = ", ".join(filter(None, (action.label for action in row.actions))) or "-"
                yield Transition(state, given, row.next_state, f"{given.label} / {does}")
