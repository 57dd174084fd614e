"""RFC 3262 s.3 as a table: every (phase, input) pair, and what an INVITE, a response and a PRACK say."""

from __future__ import annotations

import pytest

from voxlab.dialog.reliability import STEPS, Deed, Given, Phase, asked_for, is_reliable, rseq_of
from voxlab.sip.message import Request

G, P, D = Given, Phase, Deed
EXPECTED: dict[Phase, dict[Given, tuple[Deed, Phase]]] = {
    P.CLEAR: {
        G.SEND: (D.SEND, P.SOUNDING), G.PRACK: (D.UNKNOWN, P.CLEAR), G.ANSWER: (D.ACCEPT, P.CLEAR),
        G.FINAL: (D.STOP, P.CLEAR),
    },
    P.SOUNDING: {
        G.SEND: (D.QUEUE, P.SOUNDING), G.PRACK: (D.CONFIRM, P.CLEAR), G.REPEAT_DUE: (D.REPEAT, P.SOUNDING),
        G.OVERDUE: (D.GIVE_UP, P.CLEAR), G.ANSWER: (D.ACCEPT, P.LATE), G.FINAL: (D.STOP, P.LATE),
    },
    P.DESCRIBED: {
        G.SEND: (D.QUEUE, P.DESCRIBED), G.PRACK: (D.CONFIRM, P.CLEAR), G.REPEAT_DUE: (D.REPEAT, P.DESCRIBED),
        G.OVERDUE: (D.GIVE_UP, P.CLEAR), G.ANSWER: (D.HOLD, P.HELD), G.FINAL: (D.STOP, P.LATE),
    },
    P.HELD: {
        G.PRACK: (D.CONFIRM_AND_ACCEPT, P.CLEAR), G.REPEAT_DUE: (D.REPEAT, P.HELD), G.OVERDUE: (D.GIVE_UP, P.CLEAR),
        G.FINAL: (D.STOP, P.LATE),
    },
    P.LATE: {G.PRACK: (D.CONFIRM, P.CLEAR)},
}  # fmt: skip


@pytest.mark.parametrize("given", Given, ids=lambda given: given.name)
@pytest.mark.parametrize("phase", Phase, ids=lambda phase: phase.name)
def test_each_input_in_each_phase_has_the_effect_that_s3_gives_it(phase: Phase, given: Given) -> None:
    deed, after, why = STEPS[phase, given]
    assert (deed, after) == EXPECTED[phase].get(given, (D.IGNORE, phase))
    assert why


def invite(*headers: tuple[str, str]) -> Request:
    lines = [
        ("From", "<sip:a@example.com>;tag=1"),
        ("To", "<sip:b@example.com>"),
        ("Call-ID", "c"),
        ("CSeq", "1 INVITE"),
    ]
    request = Request.build("INVITE", "sip:b@example.com", [*lines, *headers])
    request.push_via("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1")
    return request


@pytest.mark.parametrize(
    ("headers", "asked"),
    [
        ((), ""),
        ((("Supported", "timer, 100rel"),), "supported"),
        ((("Require", "100rel"), ("Supported", "timer")), "required"),
        ((("Supported", "timer"),), ""),
    ],
)
def test_what_an_invite_says_of_reliable_responses(headers: tuple[tuple[str, str], ...], asked: str) -> None:
    assert asked_for(invite(*headers)) == asked


@pytest.mark.parametrize(
    ("status", "headers", "reliable", "rseq"),
    [
        (180, [("Require", "100rel"), ("RSeq", "17")], True, 17),
        (180, [("RSeq", "17")], False, 17),
        (100, [("Require", "100rel"), ("RSeq", "17")], False, 17),
        (183, [("Require", "100rel"), ("RSeq", "x")], True, 0),
        (183, [("Require", "100rel")], False, 0),
    ],
)
def test_a_response_is_reliable_by_its_require_and_its_number(
    status: int, headers: list[tuple[str, str]], reliable: bool, rseq: int
) -> None:
    response = invite().response(status, to_tag="t", headers=headers)
    assert (is_reliable(response), rseq_of(response)) == (reliable, rseq)
