"""RFC 3261 s.9 (CANCEL), s.12 (dialogs), s.13 (sessions) and s.15 (BYE), requirement by requirement."""

from __future__ import annotations

import pytest

from tests.elements.rig import SDP, Puppet, Rig, Side, answer_to, invite, line_of, request
from voxlab.base.datagram import Flow
from voxlab.dialog import events as ev
from voxlab.dialog.tables import State
from voxlab.elements.user_agent import Incoming


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


# -- s.9


def test_s9_1_a_cancel_repeats_request_uri_call_id_to_from_and_cseq_number_under_one_via(
    rig: Rig, alice: Side, bob: Side
) -> None:
    out = rig.dial(alice, bob)
    bob.agent.ring(bob.last(Incoming).leg, rig.now)
    rig.run(0.1)
    alice.agent.hang_up(out, rig.now)
    rig.run()
    cancelled, cancel = alice.requests("INVITE")[0], alice.requests("CANCEL")[0]
    assert cancel.uri_text == cancelled.uri_text
    assert [cancel.headers.get(name) for name in ("Call-ID", "To", "From")] == [
        cancelled.headers.get(name) for name in ("Call-ID", "To", "From")
    ]
    assert (cancel.cseq, cancel.cseq_method) == (cancelled.cseq, "CANCEL")
    assert cancel.headers.get_all("Via") == cancelled.headers.get_all("Via")
    assert "require" not in cancel.headers


def test_s9_2_a_cancel_after_the_final_response_is_answered_200_and_has_no_effect(
    rig: Rig, alice: Side, peer: Puppet
) -> None:
    rig.send(peer, alice, invite(peer, alice, branch="b"))
    into = alice.last(Incoming).leg
    alice.agent.answer(into, rig.now, sdp=SDP)
    rig.run(0.1)
    rig.send(peer, alice, request("CANCEL", peer, alice, branch="b"))
    assert peer.lines[-1] == "200 CANCEL"
    assert alice.agent.state(into) is State.ANSWERED


# -- s.12.1


def test_s12_1_1_every_response_of_a_callee_has_one_to_tag_and_a_contact(rig: Rig, alice: Side, peer: Puppet) -> None:
    rig.send(peer, alice, invite(peer, alice, "Record-Route: <sip:p@192.0.2.70;lr>"))
    into = alice.last(Incoming).leg
    alice.agent.ring(into, rig.now)
    alice.agent.answer(into, rig.now, sdp=SDP)
    rig.run(0.1)
    formed = [response for response in peer.responses("INVITE") if response.status > 100]
    assert [response.status for response in formed[:2]] == [180, 200]
    assert len({response.to_tag for response in formed}) == 1
    assert {response.headers.get("Contact") for response in formed} == {f"<sip:alice@{alice.address}>"}
    assert {response.headers.get("Record-Route") for response in formed} == {"<sip:p@192.0.2.70;lr>"}


def test_s12_1_2_a_200_that_confirms_another_early_dialog_than_the_first_is_the_dialog(
    rig: Rig, alice: Side, peer: Puppet
) -> None:
    out = rig.dial(alice, peer)
    invited = peer.requests("INVITE")[0]
    rig.send(peer, alice, answer_to(invited, 180, "one", contact="<sip:one@192.0.2.81>"))
    rig.send(peer, alice, answer_to(invited, 200, "two", body=SDP, contact=f"<sip:two@{peer.address}>"))
    ack = peer.requests("ACK")[0]
    assert (ack.to_tag, ack.uri_text) == ("two", f"sip:two@{peer.address}")
    assert alice.agent.state(out) is State.CONNECTED


def test_s13_2_2_4_the_route_set_is_computed_anew_from_the_2xx(rig: Rig, alice: Side, peer: Puppet) -> None:
    rig.dial(alice, peer)
    invited = peer.requests("INVITE")[0]
    contact = f"<sip:c@{peer.address}>"
    rig.send(peer, alice, answer_to(invited, 180, "one", "Record-Route: <sip:old@192.0.2.70;lr>", contact=contact))
    route = f"Record-Route: <sip:new@{peer.address};lr>"
    rig.send(peer, alice, answer_to(invited, 200, "one", route, body=SDP, contact=contact))
    assert peer.requests("ACK")[0].headers.get_all("Route") == [f"<sip:new@{peer.address};lr>"]


# -- s.12.2


def test_s12_2_1_1_requests_inside_the_dialog_count_up_and_carry_both_tags(rig: Rig, alice: Side, bob: Side) -> None:
    out, into = rig.connect(alice, bob)
    for _ in range(2):
        alice.agent.send(out, rig.now, "INFO", "text/plain", b"x")
    bob.agent.send(into, rig.now, "INFO", "text/plain", b"y")
    rig.run(0.1)
    alice.agent.hang_up(out, rig.now)
    rig.run(0.1)
    first = alice.requests("INVITE")[0]
    inside = [*alice.requests("INFO"), *alice.requests("BYE")]
    assert [message.cseq for message in inside] == [first.cseq + 1, first.cseq + 2, first.cseq + 3]
    ours, theirs = first.from_tag, bob.responses("INVITE")[-1].to_tag
    assert {(message.from_tag, message.to_tag, message.call_id) for message in inside} == {
        (ours, theirs, first.call_id)
    }
    back = bob.requests("INFO")[0]
    assert (back.from_tag, back.to_tag, back.cseq) == (theirs, ours, 1)


def test_s12_2_1_1_without_a_route_set_requests_go_to_the_contact(rig: Rig, alice: Side, bob: Side) -> None:
    out, _ = rig.connect(alice, bob)
    alice.agent.hang_up(out, rig.now)
    rig.run(0.1)
    assert alice.requests("BYE")[0].uri_text == f"sip:bob@{bob.address}"
    assert "route" not in alice.requests("BYE")[0].headers


def test_s12_2_2_numbers_may_be_skipped(rig: Rig, alice: Side, peer: Puppet) -> None:
    rig.send(peer, alice, invite(peer, alice))
    alice.agent.answer(alice.last(Incoming).leg, rig.now, sdp=SDP)
    rig.run(0.1)
    tag = peer.responses("INVITE")[-1].to_tag or ""
    rig.send(peer, alice, request("INFO", peer, alice, to_tag=tag, cseq=77))
    assert peer.lines[-1] == "200 INFO"


# -- s.13


def test_s13_2_1_an_invite_says_who_where_what_is_allowed_and_what_its_body_is(
    rig: Rig, alice: Side, peer: Puppet
) -> None:
    rig.dial(alice, peer, headers=[("X-A", "1")], max_forwards=69)
    sent = peer.requests("INVITE")[0]
    assert sent.headers.get("Contact") == f"<sip:alice@{alice.address}>"
    assert {"INVITE", "ACK", "CANCEL", "BYE"} <= set(sent.headers.split("Allow"))
    assert (sent.headers.get("Content-Type"), sent.body) == ("application/sdp", SDP)
    assert (sent.max_forwards, sent.headers.get("X-A"), sent.to_tag) == (69, "1", None)
    assert sent.from_tag


def test_s13_2_1_an_invite_without_offer_has_no_body(rig: Rig, alice: Side, peer: Puppet) -> None:
    rig.dial(alice, peer, offer=b"")
    sent = peer.requests("INVITE")[0]
    assert ("content-type" in sent.headers, sent.body) == (False, b"")


def test_s13_3_1_4_the_200_is_repeated_over_tcp_too(rig: Rig, alice: Side, bob: Side) -> None:
    rig.wire = lambda _sender, message: None if line_of(message) == "ACK" else 0.0
    flow = Flow("TCP", alice.address, bob.address, 3)
    alice.agent.dial("sip:bob@192.0.2.2", flow, from_="<sip:a@x>", offer=SDP, now=rig.now)
    rig.run(0.1)
    bob.agent.answer(bob.last(Incoming).leg, rig.now, sdp=SDP)
    rig.run(2)
    assert bob.lines.count("200 INVITE") == 3


def test_s13_3_1_4_what_stops_the_200_is_the_ack(rig: Rig, alice: Side, bob: Side) -> None:
    rig.connect(alice, bob)
    rig.run(10)
    assert bob.lines.count("200 INVITE") == 1


# -- s.15


def test_s15_a_callee_sends_bye_neither_before_the_ack_nor_before_its_deadline(
    rig: Rig, alice: Side, peer: Puppet
) -> None:
    rig.send(peer, alice, invite(peer, alice))
    into = alice.last(Incoming).leg
    alice.agent.answer(into, rig.now, sdp=SDP)
    alice.agent.hang_up(into, rig.now)
    rig.run(31)
    assert "BYE" not in peer.lines
    rig.run(1.5)
    assert peer.lines.count("BYE") >= 1


def test_s15_1_1_a_481_to_bye_ends_the_session_as_well(rig: Rig, alice: Side, bob: Side) -> None:
    out, into = rig.connect(alice, bob)
    bob.agent._legs.release(bob.agent._legs.get(into))  # type: ignore[arg-type] - as after a restart
    alice.agent.hang_up(out, rig.now)
    rig.run()
    assert bob.lines[-1] == "481 BYE"
    assert len(alice.events(ev.Ended)) == 1


def test_s15_1_2_bye_for_no_dialog_gets_481(rig: Rig, alice: Side, peer: Puppet) -> None:
    rig.send(peer, alice, request("BYE", peer, alice, to_tag="gone"))
    assert peer.lines == ["481 BYE"]


def test_s15_1_2_a_bye_before_the_ack_ends_the_session(rig: Rig, alice: Side, peer: Puppet) -> None:
    rig.send(peer, alice, invite(peer, alice))
    alice.agent.answer(alice.last(Incoming).leg, rig.now, sdp=SDP)
    rig.run(0.1)
    tag = peer.responses("INVITE")[-1].to_tag or ""
    rig.send(peer, alice, request("BYE", peer, alice, to_tag=tag, cseq=2))
    assert alice.last(ev.Ended).by_peer
    count = len(peer.got)
    rig.run(40)
    assert len(peer.got) == count, "the 200 is not repeated any more"
