"""A phone's table, pair by pair against what a person at a phone expects, and the phone that follows it."""

from __future__ import annotations

import pytest

from voxlab.elements.phone import ROWS, Behaviour, Input, Phone, State

I, S = Input, State  # noqa: E741


class Line:
    """Notes what the phone commands."""

    def __init__(self, *, has_codec: bool = True) -> None:
        self.did: list[str] = []
        self.has_codec = has_codec

    def alert(self, leg: int, now: float) -> None:
        self.did.append("180")

    def accept(self, leg: int, now: float) -> bool:
        self.did.append("200")
        return self.has_codec

    def refuse(self, leg: int, now: float, status: int) -> None:
        self.did.append(f"{status} to {leg}")

    def release(self, leg: int, now: float) -> None:
        self.did.append("release")

    def hold(self, leg: int, now: float) -> None:
        self.did.append("hold")

    def resume(self, leg: int, now: float) -> None:
        self.did.append("resume")

    def transfer(self, leg: int, now: float, target: str) -> None:
        self.did.append(f"refer to {target}")


def phone_in(state: State, behaviour: Behaviour = Behaviour()) -> tuple[Phone, Line]:  # noqa: B008 - frozen
    """Bring a phone into a state by what happens to it."""
    line = Line()
    phone = Phone(line, behaviour)
    ways: dict[State, tuple[Input, ...]] = {
        S.IDLE: (),
        S.DIALLING: (I.DIAL,),
        S.RINGBACK: (I.DIAL, I.PROGRESS),
        S.RINGING: (I.CALL_IN,),
        S.ANSWERING: (I.CALL_IN, I.PICK_UP),
        S.TALKING: (I.CALL_IN, I.PICK_UP, I.ANSWERED),
        S.RELEASING: (I.DIAL, I.HANG_UP),
        S.HELD: (I.CALL_IN, I.PICK_UP, I.ANSWERED, I.HOLD),
        S.TRANSFERRING: (I.CALL_IN, I.PICK_UP, I.ANSWERED, I.TRANSFER),
        S.TRANSFERRING_HELD: (I.CALL_IN, I.PICK_UP, I.ANSWERED, I.HOLD, I.TRANSFER),
    }
    for given in ways[state]:
        phone.receive(given, 1, 0.0, "way")
    assert phone.state is state
    line.did.clear()
    phone.says.clear()
    return phone, line


# (what the line is told, the state after it); what is not here is refused if only a command in another state makes
# sense of it, and otherwise ignored.
BUSY = {I.CALL_IN: (["486 to 2"], None)}
EXPECTED: dict[State, dict[Input, tuple[list[str], State | None]]] = {
    S.IDLE: {I.DIAL: ([], S.DIALLING), I.CALL_IN: (["180"], S.RINGING)},
    S.DIALLING: BUSY | {
        I.PROGRESS: ([], S.RINGBACK), I.ANSWERED: ([], S.TALKING), I.FAILED: ([], S.IDLE),
        I.HANG_UP: (["release"], S.RELEASING),
    },
    S.RINGBACK: BUSY | {
        I.PROGRESS: ([], S.RINGBACK), I.ANSWERED: ([], S.TALKING), I.FAILED: ([], S.IDLE),
        I.HANG_UP: (["release"], S.RELEASING),
    },
    S.RINGING: BUSY | {
        I.PICK_UP: (["200"], S.ANSWERING), I.ANSWER_DUE: (["200"], S.ANSWERING), I.DECLINE: (["603 to 1"], S.IDLE),
        I.HANG_UP: (["release"], S.RELEASING), I.PATIENCE_OVER: (["480 to 1"], S.IDLE), I.FAILED: ([], S.IDLE),
        I.ENDED: ([], S.IDLE),
    },
    S.ANSWERING: BUSY | {
        I.PICK_UP: ([], S.ANSWERING), I.ANSWERED: ([], S.TALKING), I.FAILED: ([], S.IDLE), I.ENDED: ([], S.IDLE),
        I.HANG_UP: (["release"], S.RELEASING),
    },
    S.TALKING: BUSY | {
        I.HANG_UP: (["release"], S.RELEASING), I.ENDED: ([], S.IDLE), I.HOLD: (["hold"], S.HELD),
        I.TRANSFER: (["refer to x"], S.TRANSFERRING), I.CHANGE_REFUSED: ([], S.HELD),
    },
    S.HELD: BUSY | {
        I.HANG_UP: (["release"], S.RELEASING), I.ENDED: ([], S.IDLE), I.RESUME: (["resume"], S.TALKING),
        I.TRANSFER: (["refer to x"], S.TRANSFERRING_HELD), I.CHANGE_REFUSED: ([], S.TALKING),
    },
    S.TRANSFERRING: BUSY | {
        I.HANG_UP: (["release"], S.RELEASING), I.ENDED: ([], S.IDLE), I.TRANSFERRED: (["release"], S.RELEASING),
        I.TRANSFER_FAILED: ([], S.TALKING),
    },
    S.TRANSFERRING_HELD: BUSY | {
        I.HANG_UP: (["release"], S.RELEASING), I.ENDED: ([], S.IDLE), I.TRANSFERRED: (["release"], S.RELEASING),
        I.TRANSFER_FAILED: ([], S.HELD),
    },
    S.RELEASING: BUSY | {I.FAILED: ([], S.IDLE), I.ENDED: ([], S.IDLE)},
}  # fmt: skip
COMMANDS = {I.DIAL, I.PICK_UP, I.DECLINE, I.HOLD, I.RESUME, I.TRANSFER}


@pytest.mark.parametrize("given", Input)
@pytest.mark.parametrize("state", State)
def test_each_input_in_each_state_does_what_a_person_expects(state: State, given: Input) -> None:
    phone, line = phone_in(state)
    did, after = EXPECTED[state].get(given, ([], state))
    assert phone.allows(given) == (given not in COMMANDS or given in EXPECTED[state])
    busy = given is I.CALL_IN and state is not S.IDLE
    phone.receive(given, 2 if busy else 1, 1.0, "x")
    assert (line.did, phone.state) == (did, state if after is None else after)


def test_the_table_defines_every_pair_with_a_reason() -> None:
    assert set(ROWS) == {(state, given) for state in State for given in Input}
    assert all(row.why for row in ROWS.values())


def test_news_of_another_call_than_that_in_hand_is_ignored() -> None:
    phone, line = phone_in(S.TALKING)
    phone.receive(I.ENDED, 2, 1.0)
    assert (phone.state, line.did, phone.leg) == (S.TALKING, [], 1)


def test_a_phone_is_picked_up_after_its_time_and_only_once() -> None:
    phone, line = phone_in(S.RINGING, Behaviour(answer_after_s=3.0, patience_s=20.0))
    assert phone.next_timeout() == 3.0
    phone.handle_timeout(2.9)
    assert phone.state is S.RINGING
    phone.handle_timeout(3.0)
    assert (phone.state, line.did, phone.next_timeout()) == (S.ANSWERING, ["200"], None)


def test_a_phone_that_answers_at_once_needs_no_timer() -> None:
    line = Line()
    phone = Phone(line, Behaviour(answer_after_s=0.0))
    phone.receive(I.CALL_IN, 1, 5.0, "bob")
    assert (line.did, phone.state) == (["180", "200"], S.ANSWERING)


def test_a_caller_who_gives_up_stops_the_answer_timer() -> None:
    phone, line = phone_in(S.RINGING, Behaviour(answer_after_s=3.0))
    phone.receive(I.FAILED, 1, 1.0, "487 Request Terminated")
    assert phone.next_timeout() is None
    phone.handle_timeout(3.0)
    assert (phone.state, line.did, phone.leg) == (S.IDLE, [], 0)


def test_a_phone_loses_patience() -> None:
    phone, line = phone_in(S.RINGING, Behaviour(patience_s=10.0))
    phone.handle_timeout(10.0)
    assert (line.did, phone.state) == (["480 to 1"], S.IDLE)


@pytest.mark.parametrize(
    ("behaviour", "status"),
    [(Behaviour(busy=True), 486), (Behaviour(decline=True), 603), (Behaviour(do_not_disturb=True), 480)],
)
def test_a_busy_or_unwilling_phone_refuses_without_ringing(behaviour: Behaviour, status: int) -> None:
    line = Line()
    phone = Phone(line, behaviour)
    phone.receive(I.CALL_IN, 4, 0.0, "bob")
    assert (line.did, phone.state, phone.leg) == ([f"{status} to 4"], S.IDLE, 0)


def test_a_phone_without_bell_answers_without_180() -> None:
    line = Line()
    phone = Phone(line, Behaviour(ring=False, answer_after_s=1.0))
    phone.receive(I.CALL_IN, 1, 0.0, "bob")
    phone.handle_timeout(1.0)
    assert line.did == ["200"]


def test_a_call_without_common_codec_leaves_the_phone_free() -> None:
    line = Line(has_codec=False)
    phone = Phone(line, Behaviour())
    phone.receive(I.CALL_IN, 1, 0.0, "bob")
    phone.receive(I.PICK_UP, 1, 1.0)
    assert (phone.state, phone.leg, phone.says[-1][1]) == (S.IDLE, 0, "no codec in common")


def test_the_display_says_what_happened_and_when() -> None:
    line = Line()
    phone = Phone(line, Behaviour())
    story = [(0.0, I.DIAL, "sip:bob"), (1.0, I.PROGRESS, "ringing"), (2.0, I.ANSWERED, ""), (9.0, I.ENDED, "")]
    for at, given, text in story:
        phone.receive(given, 1, at, text)
    assert phone.says == [(0.0, "dialling sip:bob"), (1.0, "ringing"), (2.0, "connected"), (9.0, "ended")]
    assert repr(phone) == "Phone(idle, says 'ended')"
