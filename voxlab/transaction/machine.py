"""Runs the tables: one input moves one transaction, and what comes of it is put in a list of outputs.

RFC 3261 s.17, RFC 6026, RFC 4320. What an action does is known here only. Must not know how messages are matched to
transactions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from voxlab.base.datagram import Flow, Transmit
from voxlab.sip.message import Request, Response
from voxlab.transaction.deadlines import Deadlines
from voxlab.transaction.events import (
    AckArrived,
    Output,
    ResponseArrived,
    StrayResponse,
    TransactionEnded,
    TransactionFailed,
)
from voxlab.transaction.hop_by_hop import ack_to_failure
from voxlab.transaction.tables import ALL, NON_INVITE_SERVER, Action, Input, State, Table
from voxlab.transaction.timers import Timers
from voxlab.transaction.transaction import Transaction

Message: TypeAlias = Request | Response | None
Observer: TypeAlias = Callable[[float, int, int, int, int], None]


class Machine:
    """Carries out the rows of the four tables for any number of transactions.

    Parameters
    ----------
    timers : Timers
        What the timers are set to.
    observer : callable or None
        Called as ``observer(now, number, machine, input, state)`` for each transition: ``machine`` is an index into
        ``tables.ALL``, ``input`` a ``tables.Input`` and ``state`` the ``tables.State`` entered, all as ``int``.
        Ignored inputs are not reported.
    ended : callable
        Called as ``ended(transaction)`` the instant that it terminates.
    send_cancel : callable
        Called as ``send_cancel(transaction, now)`` when the CANCEL of an INVITE client transaction may go.
    """

    __slots__ = ("_ended", "_observer", "_send_cancel", "arrival", "expiries", "outputs", "repeats", "t2_s", "timers_s")

    def __init__(
        self,
        timers: Timers,
        observer: Observer | None,
        ended: Callable[[Transaction], None],
        send_cancel: Callable[[Transaction, float], None],
    ) -> None:
        self.t2_s = timers.t2_s
        self.timers_s = [
            (_values_s(timers, table, reliable=False), _values_s(timers, table, reliable=True)) for table in ALL
        ]
        self.outputs: list[Output] = []
        self.repeats: Deadlines[Transaction] = Deadlines()  # A, E, G and the automatic 100: at most one of them runs
        self.expiries: Deadlines[Transaction] = Deadlines()  # every other timer: at most one of them runs
        self.arrival: Flow  # of the message that is being worked on
        self._observer = observer
        self._ended = ended
        self._send_cancel = send_cancel

    def enter(self, transaction: Transaction, now: float) -> None:
        """Put a transaction in the initial state of its machine, with the actions of entering it."""
        transaction.cells, transaction.state, actions = _ENTRIES[transaction.machine]
        transaction.timers_s = self.timers_s[transaction.machine][transaction.flow.transport != "UDP"]
        for action in actions:
            action(self, transaction, None, now)

    def step(self, transaction: Transaction, given: int, message: Message, now: float) -> None:
        """Have ``given``, a ``tables.Input``, happen to a transaction."""
        cell = transaction.cells[given]
        if cell is None:
            return
        transaction.cells, transaction.state, actions = cell
        if self._observer is not None:
            self._observer(now, transaction.number, transaction.machine, given, transaction.state)
        for action in actions:
            action(self, transaction, message, now)

    def handle_timeout(self, now: float) -> None:
        """Fire every timer that is due."""
        for transaction, given in self.repeats.due(now):
            self.step(transaction, given, None, now)
        for transaction, given in self.expiries.due(now):
            self.step(transaction, given, None, now)

    def send(self, transaction: Transaction) -> None:
        """Put out what the transaction repeats, if it has anything yet."""
        if transaction.data:
            self.outputs.append(Transmit(transaction.flow, transaction.data))

    def cancel(self, transaction: Transaction, now: float) -> None:
        """Have the CANCEL of an INVITE client transaction sent."""
        self._send_cancel(transaction, now)

    def destroy(self, transaction: Transaction) -> None:
        """Forget a transaction the instant that it is terminated (RFC 3261 s.17)."""
        self.repeats.stop(transaction)
        self.expiries.stop(transaction)
        self.outputs.append(TransactionEnded(transaction.number))
        self._ended(transaction)


Act: TypeAlias = Callable[[Machine, Transaction, Message, float], None]


def _values_s(timers: Timers, table: Table, *, reliable: bool) -> list[float | None]:
    """Return the timer values of a machine by input; None for what is not started on that transport."""
    values_s: list[float | None] = [None] * len(Input)
    for given in Input:
        if given.name.startswith("TIMER_"):
            values_s[given] = timers.value_s(given.name[-1], reliable=reliable)
    values_s[Input.TRYING_DUE] = timers.non_invite_trying_s if table is NON_INVITE_SERVER else timers.trying_s
    values_s[Input.CANCELLED] = values_s[Input.ABANDONED] = timers.transaction_s
    return values_s


def _send(machine: Machine, transaction: Transaction, message: Message, now: float) -> None:
    machine.send(transaction)


def _send_ack(machine: Machine, transaction: Transaction, message: Any, now: float) -> None:
    invite = transaction.request
    if invite is not None:
        transaction.data = ack_to_failure(invite, transaction.via, message).raw
        transaction.request = None
    machine.send(transaction)


def _send_response(machine: Machine, transaction: Transaction, response: Any, now: float) -> None:
    transaction.data = response.raw
    transaction.request = None
    if transaction.is_legacy:
        transaction.to_tag = response.to_tag
    machine.outputs.append(Transmit(transaction.flow, transaction.data))


def _send_trying(machine: Machine, transaction: Transaction, message: Message, now: float) -> None:
    request = transaction.request
    if request is not None:
        transaction.data = request.response(100).raw  # without a To tag (RFC 3261 s.17.2.1)
        machine.send(transaction)


def _pass_response(machine: Machine, transaction: Transaction, response: Any, now: float) -> None:
    machine.outputs.append(ResponseArrived(transaction.number, response, machine.arrival))


def _pass_stray(machine: Machine, transaction: Transaction, response: Any, now: float) -> None:
    machine.outputs.append(StrayResponse(response, machine.arrival))


def _pass_ack(machine: Machine, transaction: Transaction, ack: Any, now: float) -> None:
    machine.outputs.append(AckArrived(ack, machine.arrival))


def _inform_timeout(machine: Machine, transaction: Transaction, message: Message, now: float) -> None:
    machine.outputs.append(TransactionFailed(transaction.number, "timeout"))


def _inform_transport(machine: Machine, transaction: Transaction, message: Message, now: float) -> None:
    machine.outputs.append(TransactionFailed(transaction.number, "transport"))


def _send_cancel(machine: Machine, transaction: Transaction, message: Message, now: float) -> None:
    machine.cancel(transaction, now)


def _hold_cancel(machine: Machine, transaction: Transaction, message: Message, now: float) -> None:
    """Nothing to do: the transaction holds what the CANCEL will be made of."""


def _release_cancel(machine: Machine, transaction: Transaction, message: Message, now: float) -> None:
    if transaction.cancel_number is not None:
        machine.step(transaction, Input.CANCEL, None, now)


def _drop_cancel(machine: Machine, transaction: Transaction, message: Message, now: float) -> None:
    if transaction.cancel_number is not None:
        machine.outputs.append(TransactionEnded(transaction.cancel_number))


def _destroy(machine: Machine, transaction: Transaction, message: Message, now: float) -> None:
    machine.destroy(transaction)


def _stop_repeats(machine: Machine, transaction: Transaction, message: Message, now: float) -> None:
    machine.repeats.stop(transaction)


def _stop_expiry(machine: Machine, transaction: Transaction, message: Message, now: float) -> None:
    machine.expiries.stop(transaction)


def _repeats(given: Input) -> Act:
    """Make the action that starts Timer A, E or G, or the wait for the automatic 100."""

    def start(machine: Machine, transaction: Transaction, message: Message, now: float) -> None:
        delay_s = transaction.timers_s[event]
        if delay_s is None:  # a reliable transport
            machine.repeats.stop(transaction)
        else:
            transaction.interval_s = delay_s
            machine.repeats.start(transaction, delay_s, event, now)

    event = int(given)
    return start


def _doubles(given: Input, *, capped: bool) -> Act:
    """Make the action that starts a retransmission timer again with twice its interval, T2 at most if ``capped``."""

    def start(machine: Machine, transaction: Transaction, message: Message, now: float) -> None:
        doubled_s = 2 * transaction.interval_s
        transaction.interval_s = delay_s = min(doubled_s, machine.t2_s) if capped else doubled_s
        machine.repeats.start(transaction, delay_s, event, now)

    event = int(given)
    return start


def _cap_e(machine: Machine, transaction: Transaction, message: Message, now: float) -> None:
    transaction.interval_s = machine.t2_s
    machine.repeats.start(transaction, machine.t2_s, _TIMER_E, now)


def _expires(given: Input, *, forgets: bool = False) -> Act:
    """Make the action that starts a timer which ends a state; zero means at once (RFC 3261 s.17.1.1.2).

    With ``forgets`` the request is let go: nothing will be built from it or repeated.
    """

    def start(machine: Machine, transaction: Transaction, message: Message, now: float) -> None:
        delay_s = transaction.timers_s[event]
        if forgets:
            transaction.request, transaction.data = None, b""
        if delay_s:
            machine.expiries.start(transaction, delay_s, event, now)
        else:
            machine.step(transaction, event, None, now)

    event = int(given)
    return start


_TIMER_E = int(Input.TIMER_E)
_ACTS: dict[Action, Act] = {
    Action.SEND_REQUEST: _send,
    Action.SEND_ACK: _send_ack,
    Action.SEND_CANCEL: _send_cancel,
    Action.HOLD_CANCEL: _hold_cancel,
    Action.RELEASE_CANCEL: _release_cancel,
    Action.DROP_CANCEL: _drop_cancel,
    Action.SEND_RESPONSE: _send_response,
    Action.RESEND_RESPONSE: _send,
    Action.SEND_TRYING: _send_trying,
    Action.PASS_RESPONSE: _pass_response,
    Action.PASS_STRAY: _pass_stray,
    Action.PASS_ACK: _pass_ack,
    Action.INFORM_TIMEOUT: _inform_timeout,
    Action.INFORM_TRANSPORT: _inform_transport,
    Action.START_A: _repeats(Input.TIMER_A),
    Action.DOUBLE_A: _doubles(Input.TIMER_A, capped=False),
    Action.START_B: _expires(Input.TIMER_B),
    Action.START_D: _expires(Input.TIMER_D),
    Action.START_E: _repeats(Input.TIMER_E),
    Action.DOUBLE_E: _doubles(Input.TIMER_E, capped=True),
    Action.CAP_E: _cap_e,
    Action.START_F: _expires(Input.TIMER_F),
    Action.START_G: _repeats(Input.TIMER_G),
    Action.DOUBLE_G: _doubles(Input.TIMER_G, capped=True),
    Action.START_H: _expires(Input.TIMER_H),
    Action.START_I: _expires(Input.TIMER_I),
    Action.START_J: _expires(Input.TIMER_J),
    Action.START_K: _expires(Input.TIMER_K, forgets=True),
    Action.START_L: _expires(Input.TIMER_L),
    Action.START_M: _expires(Input.TIMER_M, forgets=True),
    Action.START_TRYING: _repeats(Input.TRYING_DUE),
    Action.START_CANCELLED: _expires(Input.CANCELLED),
    Action.START_ABANDONED: _expires(Input.ABANDONED),
    Action.STOP_A: _stop_repeats,
    Action.STOP_B: _stop_expiry,
    Action.STOP_E: _stop_repeats,
    Action.STOP_G: _stop_repeats,
    Action.STOP_TRYING: _stop_repeats,
}


def _compiled(table: Table) -> dict[State, list[Any]]:
    """Turn a table into lists by input: (next state's cells, next state, what to call), None for what is ignored."""
    cells: dict[State, list[Any]] = {state: [None] * len(Input) for state in State}
    for (state, given), row in table.rows.items():
        if table.ignores(state, given):
            continue
        acts = tuple(_ACTS[action] for action in row.actions)
        if row.next_state == State.TERMINATED:
            acts += (_destroy,)
        cells[state][given] = (cells[row.next_state], int(row.next_state), acts)
    return cells


def _entry(table: Table) -> tuple[list[Any], int, tuple[Act, ...]]:
    return _compiled(table)[table.initial], int(table.initial), tuple(_ACTS[action] for action in table.entry)


_ENTRIES = [_entry(table) for table in ALL]
