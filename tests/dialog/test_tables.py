"""Every (state, input) pair of a leg: what goes out and what state follows, written from RFC 3261 and RFC 5407."""

from __future__ import annotations

from typing import Any

import pytest

from voxlab.base.datagram import Address
from voxlab.base.errors import VoxlabError
from voxlab.dialog import events as ev
from voxlab.dialog.callee import Callee
from voxlab.dialog.caller import Caller
from voxlab.dialog.offer_answer import Negotiation
from voxlab.dialog.session import Session
from voxlab.dialog.tables import CALLEE, CALLER, Input, State
from voxlab.sip.message import Request, Response
from voxlab.sip.parser import parse
from voxlab.transaction.timers import Timers

SDP = Negotiation(Address("192.0.2.9", 4000), 7).offer()
I, S = Input, State  # noqa: E741


class Bench:
    """A session, and in words what it put out."""

    def __init__(self, *, calling: bool) -> None:
        self.out: list[str] = []
        self.raw: list[ev.SessionOutput] = []
        kind = Caller if calling else Callee
        self.session: Any = kind(1, Timers(), self._take, "<sip:us@192.0.2.1>", "us1")

    def _take(self, output: ev.SessionOutput) -> None:
        self.raw.append(output)
        match output:
            case ev.SendRequest(request=request):
                request.push_via("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKus")  # as the transaction layer does
                self.out.append(request.method)
            case ev.SendResponse(response=response):
                self.out.append(f"{response.status} {response.cseq_method}")
            case ev.Failed(status=status, by_peer=by_peer):
                self.out.append(f"Failed {status}{' by peer' if by_peer else ''}")
            case ev.Ended(by_peer=by_peer, cause=cause):
                self.out.append(f"Ended {cause}{' by peer' if by_peer else ''}")
            case _:
                self.out.append(type(output).__name__)


def from_peer(method: str, cseq: int = 2, *, to_tag: bool = True) -> Request:
    body = SDP if method in {"INVITE", "UPDATE"} else b""
    lines = [
        f"{method} sip:us@192.0.2.1 SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKpeer", "Max-Forwards: 70",
        "From: <sip:peer@example.com>;tag=peer1", "To: <sip:us@example.com>" + (";tag=us1" if to_tag else ""),
        "Call-ID: c1", f"CSeq: {cseq} {method}", "Contact: <sip:peer@192.0.2.2>", f"Content-Length: {len(body)}",
    ]  # fmt: skip
    if body:
        lines.append("Content-Type: application/sdp")
    found = parse("\r\n".join([*lines, "", ""]).encode() + body)
    assert isinstance(found, Request)
    return found


def answer(session: Session, status: int, tag: str = "peer1", contact: str = "<sip:peer@192.0.2.2>") -> Response:
    return session.invite.response(status, to_tag=tag, headers=[("Contact", contact)])


def caller_in(state: State) -> Bench:
    bench = Bench(calling=True)
    session = bench.session
    session.call_id = "c1"
    session.dial("sip:peer@192.0.2.2", from_="<sip:us@example.com>", to="<sip:peer@example.com>", offer=SDP)
    if state is S.PROCEEDING:
        session.response(answer(session, 180), session.invite, 0.0)
    elif state is S.CANCELLING:
        session.response(answer(session, 180), session.invite, 0.0)
        session.hang_up(0.0)
    elif state >= S.CONNECTED:
        session.response(answer(session, 200), session.invite, 0.0)
        if state >= S.ENDING:
            session.hang_up(0.0)
        if state is S.ENDED:
            session.failed(last_request(bench), "timeout", 0.0)
    return rested(bench, state)


def callee_in(state: State) -> Bench:
    bench = Bench(calling=False)
    session = bench.session
    session.take(from_peer("INVITE", 1, to_tag=False), 11)
    if state is not S.INCOMING:
        session.answer(0.0, SDP)
    if state is S.CLOSING:
        session.hang_up(0.0)
    elif state >= S.CONNECTED:
        session.ack(from_peer("ACK", 1), 0.0)
        if state >= S.ENDING:
            session.hang_up(0.0)
        if state is S.ENDED:
            session.failed(last_request(bench), "timeout", 0.0)
    return rested(bench, state)


def last_request(bench: Bench) -> Request:
    return [output.request for output in bench.raw if isinstance(output, ev.SendRequest)][-1]


def rested(bench: Bench, state: State) -> Bench:
    assert bench.session.state is state
    bench.out.clear()
    return bench


def give(bench: Bench, given: Input) -> None:
    """Give a session an input with what comes with it."""
    session = bench.session
    arguments: dict[Input, Any] = {
        I.RING: (180, b"", ()), I.ANSWER: (SDP, ()), I.REJECT: (486, None, ()), I.HANG_UP: (),
        I.LOST: "timeout", I.ACK: from_peer("ACK", 1), I.CANCEL: 11,
        I.BYE: (from_peer("BYE"), 12), I.REINVITE: (from_peer("INVITE"), 12),
        I.UPDATE: (from_peer("UPDATE"), 12), I.DIALOG_LOST: "dialog lost",
    }  # fmt: skip
    if not session.incoming:
        arguments |= {
            I.PROVISIONAL: answer(session, 180), I.SUCCESS: answer(session, 200), I.REFUSAL: answer(session, 486),
            I.UNREADABLE_SUCCESS: answer(session, 200, contact="<<<"), I.CHALLENGE: [("Authorization", "Digest x")],
        }  # fmt: skip
    session._step(given, 0.0, arguments.get(given))


# What happens; every pair that is not here changes nothing and says nothing.
BYE_PENDING = {
    I.BYE: (["200 BYE"], S.ENDING),
    I.BYE_DONE: (["Ended hang up"], S.ENDED),
    I.REINVITE: (["481 INVITE"], S.ENDING),
    I.UPDATE: (["481 UPDATE"], S.ENDING),
}
OVER = {
    I.BYE: (["481 BYE"], S.ENDED),
    I.REINVITE: (["481 INVITE"], S.ENDED),
    I.UPDATE: (["481 UPDATE"], S.ENDED),
}
STANDING = {
    I.HANG_UP: (["BYE"], S.ENDING),
    I.BYE: (["200 BYE", "Ended hang up by peer"], S.ENDED),
    I.REINVITE: (["OfferReceived"], S.CONNECTED),
    I.UPDATE: (["OfferReceived"], S.CONNECTED),
    I.DIALOG_LOST: (["BYE"], S.ENDING),
    I.ACK_OVERDUE: (["BYE"], S.ENDING),
}
REPEATED_200 = {
    I.SUCCESS: (["ResendAck"], None),
    I.UNREADABLE_SUCCESS: (["ResendAck"], None),
}
NO_SESSION_YET = {
    I.BYE: (["481 BYE"], None),
    I.REINVITE: (["491 INVITE"], None),
    I.UPDATE: (["491 UPDATE"], None),  # RFC 3311 s.5.2: our offer has no answer
}
EXPECTED_OF_CALLER: dict[State, dict[Input, tuple[list[str], State | None]]] = {
    S.CALLING: {
        I.PROVISIONAL: (["Progress"], S.PROCEEDING),
        I.SUCCESS: (["ACK", "Answered"], S.CONNECTED),
        I.UNREADABLE_SUCCESS: (["ACK", "BYE"], S.ENDING),
        I.CHALLENGE: (["INVITE"], S.CALLING),
        I.REFUSAL: (["Failed 486 by peer"], S.ENDED),
        I.LOST: (["Failed 408"], S.ENDED),
        I.HANG_UP: (["SendCancel"], S.CANCELLING),
        **NO_SESSION_YET,
    },
    S.PROCEEDING: {
        I.PROVISIONAL: (["Progress"], S.PROCEEDING),
        I.SUCCESS: (["ACK", "Answered"], S.CONNECTED),
        I.UNREADABLE_SUCCESS: (["ACK", "BYE"], S.ENDING),
        I.CHALLENGE: (["INVITE"], S.CALLING),
        I.REFUSAL: (["Failed 486 by peer"], S.ENDED),
        I.LOST: (["Failed 408"], S.ENDED),
        I.HANG_UP: (["SendCancel"], S.CANCELLING),
        **NO_SESSION_YET,
    },
    S.CANCELLING: {
        I.SUCCESS: (["ACK", "BYE"], S.ENDING),
        I.UNREADABLE_SUCCESS: (["ACK", "BYE"], S.ENDING),
        I.CHALLENGE: (["Failed 487"], S.ENDED),
        I.REFUSAL: (["Failed 487"], S.ENDED),
        I.LOST: (["Failed 487"], S.ENDED),
        I.CANCEL_OVERDUE: (["Failed 487"], S.ENDED),
        **NO_SESSION_YET,
    },
    S.CONNECTED: STANDING | REPEATED_200,
    S.ENDING: BYE_PENDING | REPEATED_200,
    S.ENDED: OVER | REPEATED_200,
}
EXPECTED_OF_CALLEE: dict[State, dict[Input, tuple[list[str], State | None]]] = {
    S.INCOMING: {
        I.RING: (["180 INVITE"], S.INCOMING),
        I.ANSWER: (["200 INVITE"], S.ANSWERED),
        I.REJECT: (["486 INVITE", "Failed 486"], S.ENDED),
        I.HANG_UP: (["480 INVITE", "Failed 480"], S.ENDED),
        I.CANCEL: (["487 INVITE", "Failed 487 by peer"], S.ENDED),
        I.BYE: (["200 BYE", "487 INVITE", "Failed 487 by peer"], S.ENDED),
        I.LOST: (["Failed 408"], S.ENDED),
        I.REINVITE: (["500 INVITE"], S.INCOMING),
        I.UPDATE: (["500 UPDATE"], S.INCOMING),  # RFC 3311 s.5.2: their offer has no answer
    },
    S.ANSWERED: {
        I.ACK: (["Confirmed"], S.CONNECTED),
        I.RETRANSMIT_DUE: (["200 INVITE"], S.ANSWERED),
        I.ACK_OVERDUE: (["BYE"], S.ENDING),
        I.HANG_UP: ([], S.CLOSING),
        I.BYE: (["200 BYE", "Ended hang up by peer"], S.ENDED),
        I.REINVITE: (["491 INVITE"], S.ANSWERED),
        I.UPDATE: (["OfferReceived"], S.ANSWERED),
    },
    S.CLOSING: {
        I.ACK: (["BYE"], S.ENDING),
        I.RETRANSMIT_DUE: (["200 INVITE"], S.CLOSING),
        I.ACK_OVERDUE: (["BYE"], S.ENDING),
        I.BYE: (["200 BYE", "Ended hang up by peer"], S.ENDED),
        I.REINVITE: (["491 INVITE"], S.CLOSING),
        I.UPDATE: (["OfferReceived"], S.CLOSING),
    },
    S.CONNECTED: STANDING,
    S.ENDING: BYE_PENDING,
    S.ENDED: OVER,
}
SIDES = {"caller": (caller_in, EXPECTED_OF_CALLER), "callee": (callee_in, EXPECTED_OF_CALLEE)}
PAIRS = [(side, state, given) for side, (_, table) in SIDES.items() for state in table for given in Input]


@pytest.mark.parametrize(("side", "state", "given"), PAIRS, ids=lambda part: getattr(part, "name", part))
def test_each_input_in_each_state_has_the_effect_that_the_rfc_gives_it(side: str, state: State, given: Input) -> None:
    enter, table = SIDES[side]
    bench = enter(state)
    if given in {I.RING, I.ANSWER, I.REJECT} and state is not S.INCOMING:
        with pytest.raises(VoxlabError, match=state.name.lower()):
            give(bench, given)
        assert (bench.session.state, bench.out) == (state, [])
        return
    give(bench, given)
    said, after = table[state].get(given, ([], state))
    assert (bench.out, bench.session.state) == (said, state if after is None else after)


@pytest.mark.parametrize("table", [CALLER, CALLEE], ids=lambda table: table.name)
def test_a_table_defines_every_pair_and_gives_a_reason(table: Any) -> None:
    assert set(table.rows) == {(state, given) for state in table.states for given in Input}
    assert all(row.why and row.state in table.states for row in table.rows.values())
    assert table.initial in table.states


def test_the_two_sides_cover_the_states_of_their_tables() -> None:
    assert tuple(EXPECTED_OF_CALLER) == CALLER.states
    assert tuple(EXPECTED_OF_CALLEE) == CALLEE.states
