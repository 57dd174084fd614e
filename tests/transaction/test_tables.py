"""Every pair of state and input of the four machines, carried out, against what the figures of the RFCs draw."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.transaction.world import ALICE, BOB, make_request
from voxlab.base.datagram import Flow, Transmit
from voxlab.sip.parser import parse
from voxlab.transaction.events import (
    AckArrived,
    ResponseArrived,
    StrayResponse,
    TransactionEnded,
    TransactionFailed,
)
from voxlab.transaction.machine import Machine
from voxlab.transaction.tables import ALL, Input, State
from voxlab.transaction.timers import Timers
from voxlab.transaction.transaction import Transaction

# Written from RFC 3261 figures 5 to 8 with their text and s.9.1, RFC 6026 figures 5 and 7 with s.7 and s.8.8, and
# RFC 4320 s.4:
# state, input, next state, what comes out in order, timers that run then (UDP). Every other pair changes nothing.
INVITE_CLIENT = """
CALLING    PROVISIONAL      PROCEEDING  response-to-TU                -
CALLING    SUCCESS          ACCEPTED    response-to-TU                M
CALLING    FAILURE          COMPLETED   ACK,response-to-TU            D
CALLING    CANCEL           CALLING     -                             A,B
CALLING    TIMER_A          CALLING     INVITE                        A,B
CALLING    TIMER_B          TERMINATED  timeout,ended                 -
CALLING    TRANSPORT_ERROR  TERMINATED  transport,ended               -
PROCEEDING PROVISIONAL      PROCEEDING  response-to-TU                -
PROCEEDING SUCCESS          ACCEPTED    response-to-TU                M
PROCEEDING FAILURE          COMPLETED   ACK,response-to-TU            D
PROCEEDING CANCEL           PROCEEDING  CANCEL                        CANCELLED
PROCEEDING CANCELLED        TERMINATED  timeout,ended                 -
COMPLETED  FAILURE          COMPLETED   ACK                           D
COMPLETED  SUCCESS          COMPLETED   stray-to-TU                   D
COMPLETED  TIMER_D          TERMINATED  ended                         -
COMPLETED  TRANSPORT_ERROR  TERMINATED  transport,ended               -
ACCEPTED   SUCCESS          ACCEPTED    response-to-TU                M
ACCEPTED   TIMER_M          TERMINATED  ended                         -
"""
NON_INVITE_CLIENT = """
TRYING     PROVISIONAL      PROCEEDING  response-to-TU                E,F
TRYING     SUCCESS          COMPLETED   response-to-TU                K
TRYING     FAILURE          COMPLETED   response-to-TU                K
TRYING     TIMER_E          TRYING      OPTIONS                       E,F
TRYING     TIMER_F          TERMINATED  timeout,ended                 -
TRYING     TRANSPORT_ERROR  TERMINATED  transport,ended               -
PROCEEDING PROVISIONAL      PROCEEDING  response-to-TU                E,F
PROCEEDING SUCCESS          COMPLETED   response-to-TU                K
PROCEEDING FAILURE          COMPLETED   response-to-TU                K
PROCEEDING TIMER_E          PROCEEDING  OPTIONS                       E,F
PROCEEDING TIMER_F          TERMINATED  timeout,ended                 -
PROCEEDING TRANSPORT_ERROR  TERMINATED  transport,ended               -
COMPLETED  TIMER_K          TERMINATED  ended                         -
"""
INVITE_SERVER = """
PROCEEDING REQUEST          PROCEEDING  100                           -
PROCEEDING TRYING_DUE       PROCEEDING  100                           -
PROCEEDING SEND_PROVISIONAL PROCEEDING  180                           -
PROCEEDING SEND_SUCCESS     ACCEPTED    200                           L
PROCEEDING SEND_FAILURE     COMPLETED   486                           G,H
PROCEEDING TRANSPORT_ERROR  PROCEEDING  transport                     -
COMPLETED  REQUEST          COMPLETED   486                           G,H
COMPLETED  ACK              CONFIRMED   -                             I
COMPLETED  TIMER_G          COMPLETED   486                           G,H
COMPLETED  TIMER_H          TERMINATED  timeout,ended                 -
COMPLETED  TRANSPORT_ERROR  COMPLETED   transport                     G,H
CONFIRMED  TIMER_I          TERMINATED  ended                         -
ACCEPTED   ACK              ACCEPTED    ACK-to-TU                     L
ACCEPTED   SEND_SUCCESS     ACCEPTED    200                           L
ACCEPTED   TIMER_L          TERMINATED  ended                         -
ACCEPTED   TRANSPORT_ERROR  ACCEPTED    transport                     L
"""
NON_INVITE_SERVER = """
TRYING     SEND_PROVISIONAL PROCEEDING  100                           ABANDONED
TRYING     TRYING_DUE       PROCEEDING  100                           ABANDONED
TRYING     SEND_SUCCESS     COMPLETED   200                           J
TRYING     SEND_FAILURE     COMPLETED   486                           J
TRYING     ABANDONED        TERMINATED  ended                         -
PROCEEDING REQUEST          PROCEEDING  100                           ABANDONED
PROCEEDING SEND_PROVISIONAL PROCEEDING  100                           ABANDONED
PROCEEDING SEND_SUCCESS     COMPLETED   200                           J
PROCEEDING SEND_FAILURE     COMPLETED   486                           J
PROCEEDING ABANDONED        TERMINATED  ended                         -
PROCEEDING TRANSPORT_ERROR  PROCEEDING  transport                     ABANDONED
COMPLETED  REQUEST          COMPLETED   200                           J
COMPLETED  TIMER_J          TERMINATED  ended                         -
COMPLETED  TRANSPORT_ERROR  COMPLETED   transport                     J
"""
# How a machine is brought into each of its states.
PATHS = (
    {
        "CALLING": [],
        "PROCEEDING": ["PROVISIONAL"],
        "COMPLETED": ["FAILURE"],
        "ACCEPTED": ["SUCCESS"],
        "TERMINATED": ["TIMER_B"],
    },
    {"TRYING": [], "PROCEEDING": ["PROVISIONAL"], "COMPLETED": ["SUCCESS"], "TERMINATED": ["TIMER_F"]},
    {
        "PROCEEDING": ["TRYING_DUE"],
        "COMPLETED": ["SEND_FAILURE"],
        "CONFIRMED": ["SEND_FAILURE", "ACK"],
        "ACCEPTED": ["SEND_SUCCESS"],
        "TERMINATED": ["SEND_SUCCESS", "TIMER_L"],
    },
    {
        "TRYING": [],
        "PROCEEDING": ["TRYING_DUE"],
        "COMPLETED": ["SEND_SUCCESS"],
        "TERMINATED": ["SEND_SUCCESS", "TIMER_J"],
    },
)
FIGURES = (INVITE_CLIENT, NON_INVITE_CLIENT, INVITE_SERVER, NON_INVITE_SERVER)
STATUSES = {
    "PROVISIONAL": 180,
    "SUCCESS": 200,
    "FAILURE": 486,
    "SEND_PROVISIONAL": 180,
    "SEND_SUCCESS": 200,
    "SEND_FAILURE": 486,
}


class Outcome(NamedTuple):
    state: str
    outputs: str
    timers: str


class Stand:
    """One machine with one transaction of one of the four kinds, on UDP unless told otherwise."""

    def __init__(self, kind: int, transport: str = "UDP") -> None:
        self.machine = Machine(Timers(), None, lambda transaction: None, self._send_cancel)
        self.request = make_request("INVITE" if kind in {0, 2} else "OPTIONS")
        self.request.push_via("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1")
        self.transaction = Transaction(1, kind, self.request, Flow(transport, ALICE, BOB), "key")
        self.transaction.via = "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1"
        self.transaction.data = self.request.raw if kind < 2 else b""
        self.machine.arrival = self.transaction.flow
        self.now = 0.0
        self.machine.enter(self.transaction, self.now)
        self.is_non_invite_server = kind == 3

    def _send_cancel(self, transaction: Transaction, now: float) -> None:
        cancel = make_request("CANCEL")
        cancel.push_via(transaction.via)
        self.machine.outputs.append(Transmit(transaction.flow, cancel.raw))

    def give(self, name: str) -> None:
        self.now += 0.01
        given = Input[name]
        for deadlines in (self.machine.repeats, self.machine.expiries):
            if deadlines.running(self.transaction) == given:  # the clock takes a timer out before it fires it
                deadlines.stop(self.transaction)
        self.machine.step(self.transaction, given, self._message(name), self.now)

    def _message(self, name: str):
        if name in STATUSES:
            provisional = name == "SEND_PROVISIONAL" and self.is_non_invite_server
            return self.request.response(100 if provisional else STATUSES[name], to_tag="b1")
        return self.request if name == "REQUEST" else make_request("ACK") if name == "ACK" else None

    def outcome(self) -> Outcome:
        outputs = ",".join(map(_label, self.machine.outputs)) or "-"
        self.machine.outputs = []
        running = [d.running(self.transaction) for d in (self.machine.repeats, self.machine.expiries)]
        timers = ",".join(Input(given).name.removeprefix("TIMER_") for given in running if given is not None) or "-"
        return Outcome(State(self.transaction.state).name, outputs, timers)


def _label(output) -> str:
    match output:
        case Transmit(data=data):
            message = parse(data)
            return message.method if hasattr(message, "method") else str(message.status)
        case TransactionFailed(cause=cause):
            return cause
    return {
        ResponseArrived: "response-to-TU",
        StrayResponse: "stray-to-TU",
        AckArrived: "ACK-to-TU",
        TransactionEnded: "ended",
    }[type(output)]


def _drawn(figure: str) -> dict[tuple[str, str], Outcome]:
    rows = (line.split() for line in figure.strip().splitlines())
    return {(state, given): Outcome(*rest) for state, given, *rest in rows}


PAIRS = [
    pytest.param(kind, state, given, id=f"{ALL[kind].name} {state} {given.name}")
    for kind, paths in enumerate(PATHS)
    for state in paths
    for given in Input
]


@pytest.mark.parametrize(("kind", "state", "given"), PAIRS)
def test_each_pair_does_what_the_figures_draw_and_nothing_where_they_draw_nothing(kind, state, given):
    stand = Stand(kind)
    for name in PATHS[kind][state]:
        stand.give(name)
    before = stand.outcome()
    assert before.state == state
    stand.give(given.name)
    unchanged = before._replace(outputs="-")
    expected = _drawn(FIGURES[kind]).get((state, given.name))
    after = stand.outcome()
    if expected is None:
        # A timer cannot fire where it does not run; one that does run is drawn.
        assert given.name.removeprefix("TIMER_") not in before.timers.split(",")
        assert after == unchanged
    else:
        assert after == expected


def test_every_pair_of_a_table_is_defined_and_says_why():
    for table in ALL:
        assert {(s, i) for s in table.states for i in table.inputs} == set(table.rows)
        assert all(row.why for row in table.rows.values())


def test_the_states_of_a_table_are_those_that_the_figures_draw():
    assert [{state.name for state in table.states} for table in ALL] == [set(paths) for paths in PATHS]


def test_the_transitions_to_draw_are_the_rows_that_do_something():
    for table, figure in zip(ALL, FIGURES, strict=True):
        drawn = {(arrow.state.name, arrow.input.name): arrow.next_state.name for arrow in table.transitions()}
        assert drawn == {pair: outcome.state for pair, outcome in _drawn(figure).items()}


def test_an_arrow_is_labelled_with_the_input_over_the_actions():
    labels = {(arrow.state.name, arrow.input.name): arrow.label for arrow in ALL[0].transitions()}
    assert labels["CALLING", "FAILURE"] == "300-699 / send ACK, resp. to TU, drop kept CANCEL"
    assert labels["ACCEPTED", "TIMER_M"] == "Timer M / -"


@pytest.mark.parametrize(
    ("kind", "path", "timers"),
    [
        (0, [], "B"),  # no A
        (0, ["FAILURE"], "-"),  # D is zero
        (0, ["SUCCESS"], "M"),
        (1, [], "F"),  # no E
        (1, ["FAILURE"], "-"),  # K is zero
        (2, ["SEND_FAILURE"], "H"),  # no G
        (2, ["SEND_FAILURE", "ACK"], "-"),  # I is zero
        (2, ["SEND_SUCCESS"], "L"),
        (3, ["SEND_SUCCESS"], "-"),  # J is zero
    ],
)
@pytest.mark.parametrize("transport", ["TCP", "TLS"])
def test_a_reliable_transport_repeats_nothing_and_has_zero_d_i_j_k(kind, path, timers, transport):
    stand = Stand(kind, transport)
    for name in path:
        stand.give(name)
    after = stand.outcome()
    assert after.timers == timers
    assert (after.state == "TERMINATED") == (timers == "-")
