"""Two lines of one phone: a second call while ringing or talking, the answer timer against CANCEL, REFER while held."""

from __future__ import annotations

import pytest

from tests.elements.test_phone import Line
from voxlab.base.errors import VoxlabError
from voxlab.elements.phone import Behaviour, Input, State
from voxlab.elements.phone_lines import PhoneLines

I, S = Input, State  # noqa: E741


def lines(behaviour: Behaviour | None = None) -> tuple[PhoneLines, Line]:
    line = Line()
    return PhoneLines(line, behaviour or Behaviour(call_waiting=True)), line


def talking(phone: PhoneLines, leg: int = 1) -> None:
    phone.receive(I.CALL_IN, leg, 0.0, "alice")
    phone.command(I.PICK_UP, 0.0)
    phone.receive(I.ANSWERED, leg, 0.0)


@pytest.mark.parametrize(("waiting", "did"), [(True, ["180", "180"]), (False, ["180", "486 to 2"])])
def test_a_second_call_while_ringing_waits_or_hears_busy_by_choice(waiting: bool, did: list[str]) -> None:
    phone, line = lines(Behaviour(call_waiting=waiting))
    phone.receive(I.CALL_IN, 1, 0.0, "alice")
    phone.receive(I.CALL_IN, 2, 1.0, "carol")
    assert line.did == did


def test_a_third_call_hears_busy() -> None:
    phone, line = lines()
    for leg in (1, 2, 3):
        phone.receive(I.CALL_IN, leg, 0.0, "x")
    assert line.did == ["180", "180", "486 to 3"]


def test_picking_up_a_second_call_puts_the_first_on_hold_and_the_first_comes_back_when_it_ends() -> None:
    phone, line = lines()
    talking(phone)
    phone.receive(I.CALL_IN, 2, 1.0, "carol")
    assert phone.hand.leg == 1
    assert phone.command(I.PICK_UP, 2.0)
    phone.receive(I.ANSWERED, 2, 2.1)
    assert (line.did[-2:], phone.hand.leg) == (["hold", "200"], 2)
    phone.receive(I.ENDED, 2, 3.0)
    assert (phone.hand.leg, phone.hand.state) == (1, S.HELD)
    assert phone.command(I.RESUME, 4.0)
    assert (line.did[-1], phone.hand.state) == ("resume", S.TALKING)


def test_a_second_call_can_be_declined_while_the_first_goes_on() -> None:
    phone, line = lines()
    talking(phone)
    phone.receive(I.CALL_IN, 2, 1.0, "carol")
    assert phone.command(I.DECLINE, 1.5)
    assert (line.did[-1], phone.hand.leg, phone.hand.state) == ("603 to 2", 1, S.TALKING)


def test_a_number_is_dialled_on_the_second_line_only_while_the_first_is_on_hold() -> None:
    phone, _ = lines()
    talking(phone)
    assert not phone.can_dial
    phone.command(I.HOLD, 1.0)
    assert phone.can_dial
    phone.dial(7, 2.0, "carol")
    assert (phone.hand.leg, phone.can_dial) == (7, False)
    with pytest.raises(VoxlabError, match="two calls are needed"):
        phone.pair()
    phone.receive(I.ANSWERED, 7, 3.0)
    assert phone.pair() == (1, 7)


def test_a_cancel_beats_the_answer_timer_of_its_own_line_only() -> None:
    phone, line = lines(Behaviour(call_waiting=True, answer_after_s=3.0))
    phone.receive(I.CALL_IN, 1, 0.0, "alice")
    phone.receive(I.CALL_IN, 2, 1.0, "carol")
    phone.receive(I.FAILED, 1, 2.0, "487 Request Terminated")
    assert phone.next_timeout() == 4.0
    phone.handle_timeout(3.0)
    assert "200" not in line.did
    phone.handle_timeout(4.0)
    assert (line.did[-1], phone.hand.leg) == ("200", 2)


def test_an_answer_timer_that_strikes_while_talking_puts_the_talk_on_hold() -> None:
    phone, line = lines(Behaviour(call_waiting=True, answer_after_s=3.0))
    talking(phone)
    phone.receive(I.CALL_IN, 2, 1.0, "carol")
    phone.handle_timeout(4.0)
    assert line.did[-2:] == ["hold", "200"]
    assert phone.hand.leg == 2


def test_a_refer_while_held_leaves_the_call_on_hold_when_the_transfer_fails() -> None:
    phone, line = lines()
    talking(phone)
    phone.command(I.HOLD, 1.0)
    phone.command(I.TRANSFER, 2.0, "sip:carol")
    assert (line.did[-1], phone.hand.state) == ("refer to sip:carol", S.TRANSFERRING_HELD)
    phone.receive(I.TRANSFER_FAILED, 1, 3.0, "transfer: 486 Busy Here")
    assert phone.hand.state is S.HELD


def test_a_call_that_takes_the_place_of_another_goes_on_on_its_line() -> None:
    phone, _ = lines()
    talking(phone)
    assert phone.replace(1, 9, 2.0, "carol")
    assert not phone.replace(1, 10, 2.0, "carol")
    phone.receive(I.ENDED, 1, 2.1)
    assert (phone.hand.leg, phone.hand.state) == (9, S.TALKING)
    assert phone.says[-1][1] == "taken over by carol"
