"""Every (turn, input) pair of a change of the session, written from RFC 3261 s.14 and RFC 3311."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dialog.test_tables import SDP, Bench, caller_in, from_peer, last_request
from voxlab.base.errors import VoxlabError
from voxlab.dialog.modification import STEPS, Given, Turn, back_off_s
from voxlab.dialog.tables import State
from voxlab.sip.message import Request, Response

G, T = Given, Turn


def to_our(request: Request, status: int, body: bytes = b"") -> Response:
    headers = [("Contact", "<sip:moved@192.0.2.77>")]
    return request.response(
        status, headers=[*headers, ("Content-Type", "application/sdp")] if body else headers, body=body
    )


def bench_in(turn: Turn) -> Bench:
    bench = caller_in(State.CONNECTED)
    session: Any = bench.session
    if turn in {T.INVITING, T.BACKING_OFF}:
        session.modify(0.0, SDP)
    if turn is T.BACKING_OFF:
        session.response(to_our(last_request(bench), 491), last_request(bench), 0.0)
    if turn is T.ANSWER_OWED:
        session.modify(0.0)
        session.response(to_our(last_request(bench), 200, SDP), last_request(bench), 0.0)
    if turn is T.UPDATING:
        session.modify(0.0, SDP, method="UPDATE")
    if turn in {T.INVITED, T.UNACKNOWLEDGED}:
        session.request(from_peer("INVITE", 5), 21, 0.0)
    if turn is T.UNACKNOWLEDGED:
        session.answer_offer(0.0, SDP)
    if turn is T.UPDATED:
        session.request(from_peer("UPDATE", 5), 21, 0.0)
    if session._ours is None:
        session._ours = session.dialog.request("INVITE", cseq=2)  # what a late response answers
        session._ours.push_via("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKours")
    assert session.turn is turn
    bench.out.clear()
    return bench


def give(bench: Bench, given: Given) -> None:
    session: Any = bench.session
    ours = session._ours
    arguments: dict[Given, Any] = {
        G.INVITE: (SDP, ()), G.UPDATE: (SDP, ()), G.ANSWER: SDP, G.ACCEPT: (SDP, ()), G.REFUSE: (488, ()),
        G.SUCCESS: to_our(ours, 200, SDP), G.SUCCESS_WITH_OFFER: to_our(ours, 200, SDP), G.GLARE: to_our(ours, 491),
        G.REFUSAL: to_our(ours, 488), G.GONE: to_our(ours, 481), G.PEER_INVITE: (from_peer("INVITE", 6), 22),
        G.PEER_UPDATE: (from_peer("UPDATE", 6), 22), G.ACK: from_peer("ACK", 5),
    }  # fmt: skip
    session._turn(given, 0.0, arguments.get(given))


REPEATED = {G.SUCCESS: (["ResendAck"], None), G.SUCCESS_WITH_OFFER: (["ResendAck"], None)}
OURS = {G.PEER_INVITE: (["491 INVITE"], None), G.PEER_UPDATE: (["491 UPDATE"], None)}
THEIRS = {
    G.PEER_INVITE: (["500 INVITE"], None),
    G.PEER_UPDATE: (["500 UPDATE"], None),
    G.REFUSE: (["488"], T.STABLE),
    G.CANCEL: (["487", "OfferWithdrawn"], T.STABLE),
    G.BACK_OFF_OVER: (["RetryDue"], None),
}
ANSWERED = {
    G.GLARE: (["OfferRefused"], T.BACKING_OFF),
    G.REFUSAL: (["OfferRefused"], T.STABLE),
    G.GONE: (["OfferRefused", "BYE"], T.STABLE),
}
FREE = {
    G.INVITE: (["INVITE"], T.INVITING),
    G.UPDATE: (["UPDATE"], T.UPDATING),
    G.PEER_INVITE: (["OfferReceived"], T.INVITED),
    G.PEER_UPDATE: (["OfferReceived"], T.UPDATED),
}
EXPECTED: dict[Turn, dict[Given, tuple[list[str], Turn | None]]] = {
    T.STABLE: FREE | REPEATED | {G.BACK_OFF_OVER: (["RetryDue"], T.STABLE)},
    T.INVITING: OURS
    | ANSWERED
    | {
        G.SUCCESS: (["ACK", "OfferAccepted"], T.STABLE),
        G.SUCCESS_WITH_OFFER: (["AnswerWanted"], T.ANSWER_OWED),
    },
    T.ANSWER_OWED: {
        G.ANSWER: (["ACK"], T.STABLE),
        G.PEER_INVITE: (["491 INVITE"], None),
        G.PEER_UPDATE: (["500 UPDATE"], None),
    },
    T.UPDATING: OURS | ANSWERED | {G.SUCCESS: (["OfferAccepted"], T.STABLE)},
    T.BACKING_OFF: FREE | REPEATED | {G.BACK_OFF_OVER: (["RetryDue"], T.STABLE)},
    T.INVITED: THEIRS | REPEATED | {G.ACCEPT: (["200 INVITE"], T.UNACKNOWLEDGED)},
    T.UPDATED: THEIRS | REPEATED | {G.ACCEPT: (["200 UPDATE"], T.STABLE)},
    T.UNACKNOWLEDGED: REPEATED
    | {
        G.ACK: (["OfferAnswered"], T.STABLE),
        G.PEER_INVITE: (["491 INVITE"], None),
        G.PEER_UPDATE: (["OfferReceived"], T.UPDATED),
        G.BACK_OFF_OVER: (["RetryDue"], None),
    },
}
COMMANDS = {G.INVITE, G.UPDATE, G.ANSWER, G.ACCEPT, G.REFUSE}


@pytest.mark.parametrize("given", Given, ids=lambda given: given.name)
@pytest.mark.parametrize("turn", Turn, ids=lambda turn: turn.name)
def test_each_input_in_each_turn_has_the_effect_that_the_rfc_gives_it(turn: Turn, given: Given) -> None:
    bench = bench_in(turn)
    if given in COMMANDS and given not in EXPECTED[turn]:
        with pytest.raises(VoxlabError):
            give(bench, given)
        assert (bench.session.turn, bench.out) == (turn, [])
        return
    give(bench, given)
    said, after = EXPECTED[turn].get(given, ([], turn))
    wanted = [f"{line} {'UPDATE' if turn is T.UPDATED else 'INVITE'}" if line.isdigit() else line for line in said]
    if given is G.ACK and turn is T.UNACKNOWLEDGED:
        wanted = ["OfferAnswered"] if from_peer("ACK").body else []
    assert (bench.out, bench.session.turn) == (wanted, turn if after is None else after)


def test_the_table_defines_every_pair_and_gives_a_reason() -> None:
    assert set(STEPS) == {(turn, given) for turn in Turn for given in Given}
    assert all(step.why for step in STEPS.values())


def test_the_back_off_of_who_owns_the_call_id_is_longer_than_the_other_ones() -> None:
    ours = {back_off_s(draw, owns_call_id=True) for draw in range(1000)}
    theirs = {back_off_s(draw, owns_call_id=False) for draw in range(1000)}
    assert (min(ours), max(ours)) == (2.1, 4.0)
    assert (min(theirs), max(theirs)) == (0.0, 2.0)
    assert all(round(wait * 100, 6) == round(wait * 100) for wait in ours | theirs)  # units of 10 ms
