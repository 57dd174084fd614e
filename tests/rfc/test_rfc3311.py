"""RFC 3311 (UPDATE) with RFC 6337 s.2: who may offer when, both ends in virtual time."""

from __future__ import annotations

import pytest

from tests.elements.rig import SDP, Puppet, Rig, Side, answer_to, invite, request
from voxlab.base.errors import VoxlabError
from voxlab.dialog import events as ev
from voxlab.dialog.session_timer import Wishes
from voxlab.dialog.tables import State
from voxlab.elements.user_agent import Incoming

REQUIRED = {"wishes": Wishes(reliable="required")}


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


def update(
    rig: Rig, to: Side, peer: Puppet, tag: str, cseq: int, body: bytes = SDP, call_id: str = "puppet-call"
) -> str:
    rig.send(peer, to, request(
        "UPDATE", peer, to, f"Contact: <sip:moved@{peer.address}>", body=body, to_tag=tag, cseq=cseq, call_id=call_id,
    ))  # fmt: skip
    return peer.lines[-1]


def test_s5_1_an_update_changes_a_call_that_stands(rig: Rig, alice: Side, bob: Side) -> None:
    out, into = rig.connect(alice, bob)
    bob.agent.modify(into, rig.now, sdp=SDP, method="UPDATE")
    rig.run(0.1)
    assert alice.last(ev.OfferReceived).request.method == "UPDATE"
    alice.agent.answer_offer(out, rig.now, SDP)
    rig.run(0.1)
    assert bob.last(ev.OfferAccepted).method == "UPDATE"
    assert "ACK" not in bob.lines


def test_s5_1_an_early_dialog_is_changed_once_its_offer_was_answered_reliably(rig: Rig, alice: Side, bob: Side) -> None:
    out = rig.dial(alice, bob, **REQUIRED)
    into = bob.last(Incoming).leg
    with pytest.raises(VoxlabError, match="cannot be changed by UPDATE"):
        bob.agent.modify(into, rig.now, sdp=SDP, method="UPDATE")
    bob.agent.ring(into, rig.now, status=183, sdp=SDP)
    rig.run(0.1)
    for side, leg, other, at in ((bob, into, alice, out), (alice, out, bob, into)):
        side.agent.modify(leg, rig.now, sdp=SDP, method="UPDATE")
        rig.run(0.1)
        other.agent.answer_offer(at, rig.now, SDP)
        rig.run(0.1)
        assert side.last(ev.OfferAccepted).method == "UPDATE"
    bob.agent.answer(into, rig.now)
    rig.run(0.1)
    assert (alice.agent.state(out), bob.agent.state(into)) == (State.CONNECTED, State.CONNECTED)


def test_s5_2_an_update_without_an_offer_refreshes_the_target_and_needs_nobody(
    rig: Rig, alice: Side, peer: Puppet
) -> None:
    out = rig.dial(alice, peer)
    invited = peer.requests("INVITE")[0]
    rig.send(peer, alice, answer_to(invited, 200, "p1", body=SDP, contact="<sip:gone@192.0.2.50>"))
    assert update(rig, alice, peer, invited.from_tag or "", 1, b"", invited.call_id) == "200 UPDATE"
    alice.agent.hang_up(out, rig.now)
    rig.run(0.1)
    assert peer.requests("BYE")[0].uri_text == f"sip:moved@{peer.address}"


def test_s5_2_an_offer_while_ours_has_no_answer_gets_491(rig: Rig, alice: Side, peer: Puppet) -> None:
    rig.dial(alice, peer)
    invited = peer.requests("INVITE")[0]
    rig.send(peer, alice, answer_to(invited, 180, "p1", contact=f"<sip:c@{peer.address}>"))
    assert update(rig, alice, peer, invited.from_tag or "", 1, SDP, invited.call_id) == "491 UPDATE"


def test_s5_2_an_offer_while_theirs_has_no_answer_gets_500_with_retry_after(
    rig: Rig, alice: Side, peer: Puppet
) -> None:
    rig.send(peer, alice, invite(peer, alice))
    alice.agent.ring(alice.last(Incoming).leg, rig.now)
    rig.run(0.1)
    tag = peer.responses("INVITE")[-1].to_tag or ""
    assert update(rig, alice, peer, tag, 2) == "500 UPDATE"
    assert 0 <= int(peer.got[-1].headers.get("Retry-After") or -1) <= 10


def test_s5_2_a_second_update_before_the_first_is_answered_gets_500_with_retry_after(
    rig: Rig, alice: Side, peer: Puppet
) -> None:
    rig.send(peer, alice, invite(peer, alice))
    into = alice.last(Incoming).leg
    alice.agent.answer(into, rig.now, sdp=SDP)
    rig.run(0.1)
    tag = peer.responses("INVITE")[-1].to_tag or ""
    rig.send(peer, alice, request("ACK", peer, alice, to_tag=tag))
    assert update(rig, alice, peer, tag, 2) == "200 INVITE"  # it waits for its owner: nothing new has come
    assert update(rig, alice, peer, tag, 3) == "500 UPDATE"
    assert update(rig, alice, peer, tag, 4, b"") == "500 UPDATE"
    alice.agent.refuse_offer(into, rig.now)
    rig.run(0.1)
    assert peer.lines[-1] == "488 UPDATE"


def test_s5_2_an_update_between_the_200_and_its_ack_is_served(rig: Rig, alice: Side, peer: Puppet) -> None:
    """Offer and answer are complete with our 200, whatever became of the ACK."""
    rig.send(peer, alice, invite(peer, alice))
    into = alice.last(Incoming).leg
    alice.agent.answer(into, rig.now, sdp=SDP)
    rig.run(0.1)
    tag = peer.responses("INVITE")[-1].to_tag or ""
    update(rig, alice, peer, tag, 2)
    alice.agent.answer_offer(into, rig.now, SDP)
    rig.run(0.1)
    assert peer.lines[-1] == "200 UPDATE"
    rig.send(peer, alice, request("ACK", peer, alice, to_tag=tag))
    assert alice.agent.state(into) is State.CONNECTED


def test_s5_2_an_update_outside_a_dialog_gets_481(rig: Rig, alice: Side, peer: Puppet) -> None:
    rig.send(peer, alice, request("UPDATE", peer, alice, body=SDP))
    assert peer.lines == ["481 UPDATE"]


def test_s5_3_glare_of_two_updates_is_answered_491_and_tried_again(rig: Rig, alice: Side, bob: Side) -> None:
    out, into = rig.connect(alice, bob)
    alice.agent.modify(out, rig.now, sdp=SDP, method="UPDATE")
    bob.agent.modify(into, rig.now, sdp=SDP, method="UPDATE")
    rig.run(5.0)
    assert alice.events(ev.RetryDue)
    assert bob.events(ev.RetryDue)
