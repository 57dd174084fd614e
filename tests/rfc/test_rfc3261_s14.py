"""RFC 3261 s.14 (changing a session) and RFC 6141, requirement by requirement, both ends in virtual time."""

from __future__ import annotations

import pytest

from tests.elements.rig import SDP, Puppet, Rig, Side, answer_to, request
from voxlab.base.errors import VoxlabError
from voxlab.dialog import events as ev
from voxlab.dialog.modification import Turn
from voxlab.dialog.tables import State
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


@pytest.fixture
def peer(rig: Rig, alice: Side) -> Puppet:
    return rig.puppet()


def called(rig: Rig, alice: Side, peer: Puppet) -> tuple[int, str]:
    """Let alice call a peer, and return her leg and her tag."""
    out = rig.dial(alice, peer)
    contact = f"<sip:peer@{peer.address}>"
    rig.send(peer, alice, answer_to(peer.requests("INVITE")[0], 200, "peer1", body=SDP, contact=contact))
    return out, peer.requests("INVITE")[0].from_tag or ""


def from_peer(rig: Rig, alice: Side, peer: Puppet, method: str, tag: str, cseq: int, body: bytes = SDP) -> None:
    call_id = peer.requests("INVITE")[0].call_id
    parts = {"to_tag": tag, "from_tag": "peer1", "cseq": cseq, "body": body, "call_id": call_id, "contact": True}
    rig.send(peer, alice, request(method, peer, alice, **parts))  # type: ignore[arg-type]


# -- s.14.1: the UAC


def test_s14_1_a_re_invite_has_the_next_cseq_and_the_same_dialog_and_its_ack_its_number(
    rig: Rig, alice: Side, bob: Side
) -> None:
    out, into = rig.connect(alice, bob)
    alice.agent.modify(out, rig.now, sdp=SDP)
    rig.run(0.1)
    assert bob.last(ev.OfferReceived).leg == into
    bob.agent.answer_offer(into, rig.now, SDP)
    rig.run(0.1)
    first, second = alice.requests("INVITE")
    assert (second.cseq, second.call_id, second.to_tag) == (
        first.cseq + 1,
        first.call_id,
        bob.responses("INVITE")[-1].to_tag,
    )
    assert [ack.cseq for ack in alice.requests("ACK")] == [first.cseq, second.cseq]
    assert alice.last(ev.OfferAccepted).response.body == SDP


def test_s14_1_no_second_re_invite_while_one_is_in_progress(rig: Rig, alice: Side, bob: Side) -> None:
    out, into = rig.connect(alice, bob)
    alice.agent.modify(out, rig.now, sdp=SDP)
    with pytest.raises(VoxlabError, match=r"our own re-INVITE waits"):
        alice.agent.modify(out, rig.now, sdp=SDP)
    rig.run(0.1)
    with pytest.raises(VoxlabError, match=r"their re-INVITE waits"):
        bob.agent.modify(into, rig.now, sdp=SDP)


def test_s14_1_glare_is_answered_491_by_both_and_who_owns_the_call_id_waits_longer(
    rig: Rig, alice: Side, bob: Side
) -> None:
    out, into = rig.connect(alice, bob)
    alice.agent.modify(out, rig.now, sdp=SDP)
    bob.agent.modify(into, rig.now, sdp=SDP)
    began = rig.now
    rig.run(0.1)
    assert [side.last(ev.OfferRefused).status for side in (alice, bob)] == [491, 491]
    rig.run(6.0)
    hers = next(at for at, event in alice.told if isinstance(event, ev.RetryDue)) - began
    his = next(at for at, event in bob.told if isinstance(event, ev.RetryDue)) - began
    assert 2.1 <= hers <= 4.1
    assert 0.0 <= his <= 2.1
    assert alice.agent.state(out) is State.CONNECTED


def test_s14_1_after_a_refusal_the_session_goes_on_and_can_be_changed_again(rig: Rig, alice: Side, bob: Side) -> None:
    out, into = rig.connect(alice, bob)
    alice.agent.modify(out, rig.now, sdp=SDP)
    rig.run(0.1)
    bob.agent.refuse_offer(into, rig.now)
    rig.run(0.1)
    assert alice.last(ev.OfferRefused).status == 488
    assert (alice.agent.state(out), bob.agent.state(into)) == (State.CONNECTED, State.CONNECTED)
    alice.agent.modify(out, rig.now, sdp=SDP)
    rig.run(0.1)
    bob.agent.answer_offer(into, rig.now, SDP)
    rig.run(0.1)
    assert alice.last(ev.OfferAccepted).leg == out


@pytest.mark.parametrize("status", [408, 481])
def test_s12_2_1_2_a_re_invite_that_finds_no_dialog_ends_the_call_with_bye(
    rig: Rig, alice: Side, peer: Puppet, status: int
) -> None:
    out, _ = called(rig, alice, peer)
    alice.agent.modify(out, rig.now, sdp=SDP)
    rig.run(0.1)
    rig.send(peer, alice, answer_to(peer.requests("INVITE")[-1], status, "peer1"))
    assert peer.lines[-1] == "BYE"
    rig.send(peer, alice, peer.requests("BYE")[0].response(481))
    assert alice.last(ev.Ended).cause == "dialog lost"


def test_s12_2_1_2_a_re_invite_that_nobody_answers_ends_the_call_with_bye(rig: Rig, alice: Side, peer: Puppet) -> None:
    out, _ = called(rig, alice, peer)
    alice.agent.modify(out, rig.now, sdp=SDP)
    rig.run(33.0)
    assert alice.last(ev.OfferRefused).status == 408
    assert alice.lines[-1] == "BYE"


def test_s22_2_a_challenged_re_invite_is_sent_again_with_credentials_and_one_cseq_more(
    rig: Rig, alice: Side, bob: Side, peer: Puppet
) -> None:
    class Answers:
        def answer(self, response: Response, request: Request) -> list[tuple[str, str]]:
            return [("Authorization", "Digest here")]

    out = rig.dial(alice, peer, credentials=Answers())
    contact = f"<sip:peer@{peer.address}>"
    rig.send(peer, alice, answer_to(peer.requests("INVITE")[0], 200, "peer1", body=SDP, contact=contact))
    alice.agent.modify(out, rig.now, sdp=SDP)
    rig.run(0.1)
    rig.send(peer, alice, answer_to(peer.requests("INVITE")[-1], 401, "peer1"))
    again = peer.requests("INVITE")[-1]
    assert (again.cseq, again.headers.get("Authorization"), again.body) == (3, "Digest here", SDP)
    rig.send(peer, alice, answer_to(again, 200, "peer1", body=SDP, contact=contact))
    assert peer.requests("ACK")[-1].headers.get("Authorization") == "Digest here"
    assert peer.requests("ACK")[-1].cseq == 3


def test_s14_1_a_re_invite_without_an_offer_gets_one_in_the_200_and_answers_in_the_ack(
    rig: Rig, alice: Side, bob: Side
) -> None:
    out, into = rig.connect(alice, bob)
    alice.agent.modify(out, rig.now)
    rig.run(0.1)
    bob.agent.answer_offer(into, rig.now, SDP)
    rig.run(0.3)
    assert alice.last(ev.AnswerWanted).response.body == SDP
    assert len(alice.requests("ACK")) == 1  # B's ACK waits for A's answer
    alice.agent.answer_in_ack(out, rig.now, SDP)
    rig.run(0.1)
    assert bob.last(ev.OfferAnswered).ack.body == SDP


def test_13_2_2_4_a_repeated_200_to_a_re_invite_gets_its_own_ack_again(rig: Rig, alice: Side, bob: Side) -> None:
    out, into = rig.connect(alice, bob)
    lost = iter([True])
    rig.wire = lambda name, message: (
        None if name == "alice" and getattr(message, "method", "") == "ACK" and next(lost, False) else 0.01
    )
    alice.agent.modify(out, rig.now, sdp=SDP)
    rig.run(0.1)
    bob.agent.answer_offer(into, rig.now, SDP)
    rig.run(2.0)
    acks = alice.requests("ACK")
    assert [ack.cseq for ack in acks] == [1, 2, 2]
    assert bob.agent.session(into).turn is Turn.STABLE  # type: ignore[union-attr]


# -- s.14.2: the UAS


def test_s14_2_a_re_invite_whose_ack_never_comes_ends_the_call(rig: Rig, alice: Side, bob: Side) -> None:
    out, into = rig.connect(alice, bob)
    rig.wire = lambda name, message: None if name == "alice" and getattr(message, "method", "") == "ACK" else 0.01
    alice.agent.modify(out, rig.now, sdp=SDP)
    rig.run(0.1)
    bob.agent.answer_offer(into, rig.now, SDP)
    rig.run(40.0)
    assert bob.last(ev.Ended).cause == "no ACK"
    assert alice.last(ev.Ended).by_peer


def test_rfc_6141_s4_6_the_target_is_refreshed_when_the_re_invite_is_accepted_not_before(
    rig: Rig, alice: Side, peer: Puppet
) -> None:
    out, tag = called(rig, alice, peer)
    moved = rig.puppet()
    call_id = peer.requests("INVITE")[0].call_id
    contact = f"Contact: <sip:moved@{moved.address}>"
    for cseq in (1, 2):
        rig.send(peer, alice, request(
            "INVITE", peer, alice, contact, body=SDP, call_id=call_id, to_tag=tag, from_tag="peer1", cseq=cseq,
        ))  # fmt: skip
        if cseq == 1:
            alice.agent.refuse_offer(out, rig.now)
            rig.run(0.1)
            alice.agent.send(out, rig.now, "INFO", "text/plain", b"x")
            rig.run(0.1)
            assert peer.lines[-1] == "INFO"  # still the old target
    alice.agent.answer_offer(out, rig.now, SDP)
    rig.run(0.1)
    alice.agent.send(out, rig.now, "INFO", "text/plain", b"x")
    rig.run(0.1)
    assert moved.lines == ["INFO"]


def test_s12_2_1_2_a_2xx_to_our_re_invite_refreshes_the_target_too(rig: Rig, alice: Side, peer: Puppet) -> None:
    out, _ = called(rig, alice, peer)
    moved = rig.puppet()
    alice.agent.modify(out, rig.now, sdp=SDP)
    rig.run(0.1)
    answer = answer_to(peer.requests("INVITE")[-1], 200, "peer1", body=SDP, contact=f"<sip:moved@{moved.address}>")
    rig.send(peer, alice, answer)
    alice.agent.hang_up(out, rig.now)
    rig.run(0.1)
    assert moved.lines[-1] == "BYE"


def test_s9_2_a_cancelled_re_invite_gets_487_and_the_call_goes_on(rig: Rig, alice: Side, peer: Puppet) -> None:
    out, tag = called(rig, alice, peer)
    call_id = peer.requests("INVITE")[0].call_id
    parts = {"to_tag": tag, "from_tag": "peer1", "cseq": 1, "call_id": call_id, "branch": "re"}
    rig.send(peer, alice, request("INVITE", peer, alice, f"Contact: <sip:p@{peer.address}>", body=SDP, **parts))  # type: ignore[arg-type]
    rig.send(peer, alice, request("CANCEL", peer, alice, **parts))  # type: ignore[arg-type]
    assert peer.lines[-2:] == ["200 CANCEL", "487 INVITE"]
    assert alice.last(ev.OfferWithdrawn).leg == out
    assert alice.agent.state(out) is State.CONNECTED


def test_s15_1_2_a_bye_answers_the_re_invite_that_waits_with_487(rig: Rig, alice: Side, bob: Side) -> None:
    out, into = rig.connect(alice, bob)
    alice.agent.modify(out, rig.now, sdp=SDP)
    rig.run(0.1)
    bob.agent.hang_up(into, rig.now)
    rig.run(0.1)
    assert {"487 INVITE", "BYE"} <= set(bob.lines)
    assert alice.last(ev.Ended).by_peer
    assert alice.last(ev.OfferRefused).status == 487


def test_a_bye_that_crosses_a_200_to_our_re_invite_still_sees_it_acknowledged(
    rig: Rig, alice: Side, peer: Puppet
) -> None:
    """RFC 5407 s.3.2.2: the 2xx is acknowledged though the BYE is on its way."""
    out, _ = called(rig, alice, peer)
    alice.agent.modify(out, rig.now, sdp=SDP)
    rig.run(0.1)
    alice.agent.hang_up(out, rig.now)
    contact = f"<sip:peer@{peer.address}>"
    rig.send(peer, alice, answer_to(peer.requests("INVITE")[-1], 200, "peer1", body=SDP, contact=contact))
    assert [ack.cseq for ack in peer.requests("ACK")] == [1, 2]
    assert not alice.events(ev.OfferAccepted)
