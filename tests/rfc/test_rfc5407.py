"""The races of RFC 5407, played as its figures show them: what each end sends, in its order, and how it ends.

Alice calls; both press a button at the same instant, so that the messages cross on the wire.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.elements.rig import DELAY_S, SDP, Rig, Side
from voxlab.dialog import events as ev
from voxlab.dialog.sipfrag import Destination
from voxlab.dialog.tables import State
from voxlab.elements.user_agent import Incoming
from voxlab.sip.message import Request, Response


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.fixture
def alice(rig: Rig) -> Side:
    return rig.side("alice")


@pytest.fixture
def bob(rig: Rig, alice: Side) -> Side:
    return rig.side("bob")


def loses(rig: Rig, *what: tuple[str, str]) -> None:
    """Let the wire lose the first message of each kind: who sends it, and what it is."""
    left = list(what)

    def wire(name: str, message: Request | Response) -> float | None:
        line = message.method if isinstance(message, Request) else f"{message.status} {message.cseq_method}"
        if (name, line) in left:
            left.remove((name, line))
            return None
        return DELAY_S

    rig.wire = wire


def ringing(rig: Rig, alice: Side, bob: Side, offer: bytes = SDP) -> tuple[int, int]:
    out = rig.dial(alice, bob, offer=offer)
    into = bob.last(Incoming).leg
    bob.agent.ring(into, rig.now)
    rig.run(0.1)
    return out, into


def established(rig: Rig, alice: Side, bob: Side) -> tuple[int, int]:
    out, into = ringing(rig, alice, bob)
    bob.agent.answer(into, rig.now, sdp=SDP)
    rig.run(0.1)
    alice.sent.clear()
    bob.sent.clear()
    return out, into


def over(side: Side, leg: int) -> bool:
    return side.agent.state(leg) is State.ENDED


def test_3_1_1_a_retransmitted_invite_in_the_moratorium_is_absorbed(rig: Rig, alice: Side, bob: Side) -> None:
    loses(rig, ("bob", "180 INVITE"), ("bob", "100 INVITE"))
    out = rig.dial(alice, bob)
    into = bob.last(Incoming).leg
    bob.agent.ring(into, rig.now)
    rig.run(0.5 - rig.now - 0.001)  # the retransmission and the 200 cross
    bob.agent.answer(into, rig.now, sdp=SDP)
    rig.run(1.0)
    assert alice.lines == ["INVITE", "INVITE", "ACK"]
    assert bob.lines.count("200 INVITE") == 1
    assert (alice.agent.state(out), bob.agent.state(into)) == (State.CONNECTED, State.CONNECTED)


def test_3_1_2_a_cancel_that_crosses_the_200_ends_with_ack_and_bye(rig: Rig, alice: Side, bob: Side) -> None:
    out, into = ringing(rig, alice, bob)
    alice.agent.hang_up(out, rig.now)
    bob.agent.answer(into, rig.now, sdp=SDP)
    rig.run(1.0)
    assert alice.lines == ["INVITE", "CANCEL", "ACK", "BYE"]
    assert [line for line in bob.lines if line[0] == "2"] == ["200 INVITE", "200 CANCEL", "200 BYE"]
    assert over(alice, out)
    assert over(bob, into)


def test_3_1_3_an_early_bye_in_the_moratorium_is_answered_and_the_200_acknowledged(
    rig: Rig, alice: Side, bob: Side
) -> None:
    """Our caller sends no BYE on an early dialog (it cancels); a peer may: played by hand on its dialog."""
    out, into = ringing(rig, alice, bob)
    session = alice.agent.session(out)
    assert session is not None
    assert session.dialog is not None
    bye = session.dialog.request("BYE")
    from voxlab.base.datagram import Flow

    alice.agent.ask(bye, Flow("UDP", alice.address, bob.address), rig.now, lambda _response, _now: None)
    bob.agent.answer(into, rig.now, sdp=SDP)
    rig.run(1.0)
    assert alice.lines == ["INVITE", "BYE", "ACK"]
    assert bob.lines[-2:] == ["200 INVITE", "200 BYE"]
    assert over(bob, into)
    assert bob.last(ev.Ended).by_peer


@pytest.mark.parametrize("offer", [SDP, b""], ids=["3.1.4 with an offer in the INVITE", "3.1.5 without"])
def test_3_1_4_and_5_a_re_invite_that_overtakes_the_lost_ack_gets_491_and_the_200_again(
    rig: Rig, alice: Side, bob: Side, offer: bytes
) -> None:
    out, into = ringing(rig, alice, bob, offer)
    loses(rig, ("alice", "ACK"))
    bob.agent.answer(into, rig.now, sdp=SDP)
    rig.run(0.1)
    if not offer:
        alice.agent.confirm(out, rig.now, SDP)
        rig.run(0.1)
    alice.agent.modify(out, rig.now, sdp=SDP)
    rig.run(1.0)
    assert alice.lines == ["INVITE", "ACK", "INVITE", "ACK", "ACK"]
    assert sorted(bob.lines[-3:]) == ["200 INVITE", "200 INVITE", "491 INVITE"]
    acks = sorted((ack.cseq, bool(ack.body)) for ack in alice.requests("ACK"))
    assert acks == [(1, not offer), (1, not offer), (2, False)]
    assert bob.agent.state(into) is State.CONNECTED
    rig.run(5.0)
    assert alice.events(ev.RetryDue)


def test_3_1_6_a_bye_that_overtakes_the_lost_ack_is_answered_and_the_200_acknowledged(
    rig: Rig, alice: Side, bob: Side
) -> None:
    out, into = ringing(rig, alice, bob)
    loses(rig, ("alice", "ACK"))
    bob.agent.answer(into, rig.now, sdp=SDP)
    rig.run(0.499)
    alice.agent.hang_up(out, rig.now)
    rig.run(1.0)
    assert alice.lines[:3] == ["INVITE", "ACK", "BYE"]
    assert bob.lines[-1] == "200 BYE"
    assert over(alice, out)
    assert over(bob, into)


Press = Callable[[Side, int, float], None]


def bye(side: Side, leg: int, now: float) -> None:
    side.agent.hang_up(leg, now)


def re_invite(side: Side, leg: int, now: float) -> None:
    side.agent.modify(leg, now, sdp=SDP)


def update(side: Side, leg: int, now: float) -> None:
    side.agent.modify(leg, now, sdp=SDP, method="UPDATE")


def refer(side: Side, leg: int, now: float) -> None:
    side.agent.refer(leg, now, Destination("sip:carol@example.com"))


@pytest.mark.parametrize(
    ("bobs", "of_alice", "of_bob"),
    [
        (bye, ["BYE", "200 BYE"], ["BYE", "200 BYE"]),
        (re_invite, ["BYE", "481 INVITE"], ["INVITE", "200 BYE", "ACK"]),
        (refer, ["BYE", "481 REFER"], ["REFER", "200 BYE"]),
    ],
    ids=["3.2.1 BYE", "3.2.2 re-INVITE", "3.3.3 REFER"],
)
def test_3_2_what_crosses_a_bye_in_the_mortal_state_is_answered_and_both_ends_end(
    rig: Rig, alice: Side, bob: Side, bobs: Press, of_alice: list[str], of_bob: list[str]
) -> None:
    out, into = established(rig, alice, bob)
    bye(alice, out, rig.now)
    bobs(bob, into, rig.now)
    rig.run(1.0)
    assert (alice.lines, bob.lines) == (of_alice, of_bob)
    assert over(alice, out)
    assert over(bob, into)
    assert (len(alice.events(ev.Ended)), len(bob.events(ev.Ended))) == (1, 1)


def test_3_2_3_a_200_to_a_re_invite_that_crosses_the_bye_is_acknowledged(rig: Rig, alice: Side, bob: Side) -> None:
    out, into = established(rig, alice, bob)
    re_invite(bob, into, rig.now)
    rig.run(0.05)
    alice.agent.answer_offer(out, rig.now, SDP)
    bye(bob, into, rig.now)
    rig.run(1.0)
    assert alice.lines == ["200 INVITE", "200 BYE"]
    assert bob.lines == ["INVITE", "BYE", "ACK"]
    assert over(alice, out)
    assert over(bob, into)


def test_3_2_4_an_ack_that_crosses_the_bye_changes_nothing(rig: Rig, alice: Side, bob: Side) -> None:
    """Our callee waits for the ACK before its BYE (RFC 3261 s.15); the BYE goes when it is there."""
    out, into = ringing(rig, alice, bob)
    bob.agent.answer(into, rig.now, sdp=SDP)
    bye(bob, into, rig.now)
    rig.run(1.0)
    assert alice.lines == ["INVITE", "ACK", "200 BYE"]
    assert bob.lines[-2:] == ["200 INVITE", "BYE"]
    assert over(alice, out)
    assert over(bob, into)


@pytest.mark.parametrize(("alices", "method"), [(re_invite, "INVITE"), (update, "UPDATE")], ids=["3.3.1", "3.3.2"])
def test_3_3_crossing_changes_get_491_and_succeed_one_after_the_other(
    rig: Rig, alice: Side, bob: Side, alices: Press, method: str
) -> None:
    out, into = established(rig, alice, bob)
    alices(alice, out, rig.now)
    re_invite(bob, into, rig.now)
    rig.run(0.1)
    assert (alice.lines[:2], bob.lines[:2]) == ([method, "491 INVITE"], ["INVITE", f"491 {method}"])
    done: list[str] = []
    for _ in range(60):
        for side, leg, press, other, at in ((alice, out, alices, bob, into), (bob, into, re_invite, alice, out)):
            if side.events(ev.RetryDue) and side.name not in done:
                done.append(side.name)
                press(side, leg, rig.now)
                rig.run(0.02)
                other.agent.answer_offer(at, rig.now, SDP)
                rig.run(0.05)
        rig.run(0.1)
    assert done == ["bob", "alice"]  # 0 to 2 s, then 2.1 to 4 s for who owns the Call-ID
    assert alice.last(ev.OfferAccepted).method == method
    assert bob.last(ev.OfferAccepted).method == "INVITE"
