"""RFC 4320 s.4 and RFC 6026 s.7.3: what a proxy may answer late, and which 2xx it passes on."""

from __future__ import annotations

import pytest

from tests.elements.proxying import Street
from tests.elements.rig import SDP
from voxlab.sip.message import Response


def test_rfc4320_s4_2_no_408_is_ever_sent_to_a_non_invite_request() -> None:
    street = Street()
    street.send("MESSAGE")
    street.rig.run(60.0)
    assert [response.status for response in street.caller.responses("MESSAGE")] == [100]
    assert street.is_empty


def test_rfc4320_s4_2_a_408_from_downstream_is_not_passed_on_either() -> None:
    street = Street()
    street.send("MESSAGE")
    street.answer(408, method="MESSAGE")
    assert [response.status for response in street.caller.responses("MESSAGE")] == []


def test_rfc4320_s4_1_no_provisional_but_100_answers_a_non_invite_request() -> None:
    street = Street()
    street.send("MESSAGE")
    street.answer(183, method="MESSAGE")
    assert street.caller.responses("MESSAGE") == []
    street.answer(202, method="MESSAGE")
    assert street.final("MESSAGE").status == 202


def test_rfc4320_s4_2_a_late_response_is_forwarded_by_nobody() -> None:
    street = Street()
    street.send("MESSAGE")
    street.rig.run(60.0)
    street.answer(200, method="MESSAGE")
    assert [response.status for response in street.caller.responses("MESSAGE")] == [100]


def test_rfc6026_s7_3_every_copy_of_the_2xx_is_passed_on_while_the_transactions_live() -> None:
    street = Street()
    street.invite()
    for _ in range(3):
        street.answer(200, body=SDP)
        street.rig.run(1.0)
    assert street.answers == [200, 200, 200]


def test_rfc6026_s7_3_a_2xx_without_a_transaction_is_not_forwarded() -> None:
    street = Street()
    street.invite()
    street.answer(200, body=SDP)
    street.rig.run(70.0)
    street.answer(200, body=SDP)
    assert street.answers == [200]


def test_rfc6026_s7_1_a_retransmitted_invite_is_absorbed_after_the_2xx() -> None:
    street = Street()
    street.invite()
    street.answer(200, body=SDP)
    street.invite()
    assert (street.reach(), street.answers) == (["INVITE"], [200])


@pytest.mark.parametrize("status", [180, 486])
def test_rfc6026_what_comes_after_the_2xx_of_the_same_branch_is_not_forwarded(status: int) -> None:
    street = Street()
    street.invite()
    street.answer(200, body=SDP)
    street.answer(status)
    assert street.answers == [200]


def test_a_2xx_that_crosses_the_callers_cancel_is_passed_on_and_the_caller_ends_the_call() -> None:
    street = Street()
    street.invite()
    street.answer(180)
    street.cancel()
    street.answer(200, body=SDP)
    street.answer(200, method="CANCEL")
    assert street.answers == [180, 200]


def test_a_refusal_is_repeated_until_the_caller_acknowledges_it() -> None:
    street = Street()
    street.invite()
    street.answer(486)
    street.rig.run(1.0)
    assert street.answers[:2] == [486, 486]  # s.17.2.1, Timer G
    street.send("ACK", branch="INVITE1puppet-call", to_tag="c0")
    before = len(street.answers)
    street.rig.run(10.0)
    assert len(street.answers) == before
    assert all(isinstance(message, Response) for message in street.caller.got)
