"""RFC 3515 (REFER), RFC 3420, RFC 3891 (Replaces), requirement by requirement, both ends in virtual time."""

from __future__ import annotations

import pytest

from tests.elements.rig import SDP, Puppet, Rig, Side, answer_to, invite, request
from voxlab.base.errors import SipSyntaxError, VoxlabError
from voxlab.dialog import events as ev
from voxlab.dialog.sipfrag import Destination, Replaces, fragment, read_fragment
from voxlab.dialog.tables import State
from voxlab.elements.user_agent import Incoming

CAROL = Destination("sip:carol@example.com")


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


def referred(rig: Rig, alice: Side, bob: Side) -> tuple[int, int]:
    out, into = rig.connect(alice, bob)
    bob.agent.refer(into, rig.now, CAROL, [("Referred-By", "<sip:bob@example.com>")])
    rig.run(0.1)
    return out, into


def test_s2_4_4_a_refer_is_accepted_with_202_and_the_first_notify_follows_at_once(
    rig: Rig, alice: Side, bob: Side
) -> None:
    out, into = referred(rig, alice, bob)
    received = alice.last(ev.ReferReceived).request
    assert Destination.of(received) == CAROL
    assert received.headers.get("Referred-By") == "<sip:bob@example.com>"
    alice.agent.accept_refer(out, rig.now)
    rig.run(0.1)
    notify = alice.requests("NOTIFY")[0]
    assert alice.lines[-2:] == ["202 REFER", "NOTIFY"]
    assert notify.body == b"SIP/2.0 100 Trying\r\n"
    assert notify.headers.get("Event") == f"refer;id={received.cseq}"
    assert (notify.headers.get("Subscription-State") or "").startswith("active")
    assert notify.headers.get("Content-Type") == "message/sipfrag;version=2.0"
    assert bob.last(ev.ReferProgress) == ev.ReferProgress(into, 100, "Trying", False)


def test_s2_4_5_the_last_notify_ends_the_subscription(rig: Rig, alice: Side, bob: Side) -> None:
    out, _ = referred(rig, alice, bob)
    alice.agent.accept_refer(out, rig.now)
    for status, reason in ((180, "Ringing"), (200, "OK"), (200, "Again")):
        alice.agent.notify_refer(out, rig.now, status, reason)
        rig.run(0.1)
    states = [n.headers.get("Subscription-State") for n in alice.requests("NOTIFY")]
    assert states[-1] == "terminated;reason=noresource"
    assert len(states) == 3
    told = [(event.status, event.final) for event in bob.events(ev.ReferProgress)]
    assert told == [(100, False), (180, False), (200, True)]


def test_s2_4_2_a_refused_refer_leaves_the_call_and_makes_no_subscription(rig: Rig, alice: Side, bob: Side) -> None:
    out, into = referred(rig, alice, bob)
    alice.agent.refuse_refer(out, rig.now, 603)
    rig.run(0.1)
    assert bob.last(ev.ReferProgress) == ev.ReferProgress(into, 603, "Decline", True)
    assert not alice.requests("NOTIFY")
    assert alice.agent.state(out) is State.CONNECTED
    bob.agent.refer(into, rig.now, CAROL)  # and it may be tried again


def test_a_second_refer_waits_for_the_end_of_the_first(rig: Rig, alice: Side, bob: Side) -> None:
    _, into = referred(rig, alice, bob)
    with pytest.raises(VoxlabError, match="busy with the last REFER"):
        bob.agent.refer(into, rig.now, CAROL)


@pytest.mark.parametrize("lines", [(), ("Refer-To: <sip:a@b>", "Refer-To: <sip:c@d>"), ("Refer-To: <<",)])
def test_s2_4_2_a_refer_without_one_readable_refer_to_gets_400(
    rig: Rig, alice: Side, peer: Puppet, lines: tuple[str, ...]
) -> None:
    tag = established(rig, alice, peer)
    rig.send(peer, alice, request("REFER", peer, alice, *lines, to_tag=tag, cseq=2))
    assert peer.lines[-1] == "400 REFER"


def established(rig: Rig, alice: Side, peer: Puppet) -> str:
    rig.send(peer, alice, invite(peer, alice))
    alice.agent.answer(alice.last(Incoming).leg, rig.now, sdp=SDP)
    rig.run(0.1)
    tag = peer.responses("INVITE")[-1].to_tag or ""
    rig.send(peer, alice, request("ACK", peer, alice, to_tag=tag))
    return tag


def test_rfc_6665_s4_1_3_a_notify_that_nobody_subscribed_to_gets_481(rig: Rig, alice: Side, peer: Puppet) -> None:
    tag = established(rig, alice, peer)
    lines = ("Event: refer", "Subscription-State: active")
    body = fragment(100, "Trying")
    rig.send(peer, alice, request(
        "NOTIFY", peer, alice, *lines, to_tag=tag, cseq=2, body=body, content_type="message/sipfrag",
    ))  # fmt: skip
    assert peer.lines[-1] == "481 NOTIFY"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"SIP/2.0 486 Busy Here\r\n", 486),
        (b"SIP/2.0 100 Trying\r\nVia: x\r\n", 100),
        (b"nonsense", None),
        (b"", None),
        (b"SIP/2.0 2000 x", None),
    ],
)
def test_rfc_3420_a_fragment_starts_with_a_status_line(text: bytes, status: int | None) -> None:
    found = read_fragment(text)
    assert (found.status if found else None) == status


# -- RFC 3891


def replacing(replaces: str, *more: str) -> tuple[str, ...]:
    return (f"Replaces: {replaces}", *more)


def test_rfc_3891_s3_an_invite_with_replaces_names_the_leg_whose_place_it_takes(
    rig: Rig, alice: Side, peer: Puppet
) -> None:
    tag = established(rig, alice, peer)
    rig.send(
        peer,
        alice,
        invite(peer, alice, *replacing(f"puppet-call;to-tag={tag};from-tag=p1", "Require: replaces"), call_id="new"),
    )
    assert alice.last(Incoming).replaces == alice.events(Incoming)[0].leg


@pytest.mark.parametrize(
    ("replaces", "status"),
    [
        ("puppet-call;to-tag=wrong;from-tag=p1", 481),
        ("puppet-call;to-tag={tag};from-tag=wrong", 481),
        ("other;to-tag={tag};from-tag=p1", 481),
        ("puppet-call;to-tag={tag};from-tag=p1;early-only", 486),
        ("puppet-call;to-tag={tag}", 400),
        ("puppet-call;to-tag={tag};to-tag=x;from-tag=p1", 400),
    ],
)
def test_rfc_3891_s3_a_replaces_that_names_no_dialog_is_refused(
    rig: Rig, alice: Side, peer: Puppet, replaces: str, status: int
) -> None:
    tag = established(rig, alice, peer)
    rig.send(peer, alice, invite(peer, alice, *replacing(replaces.format(tag=tag)), call_id="new"))
    assert peer.lines[-1] == f"{status} INVITE"


def test_rfc_3891_s3_a_dialog_that_has_ended_is_not_replaced(rig: Rig, alice: Side, peer: Puppet) -> None:
    tag = established(rig, alice, peer)
    alice.agent.hang_up(alice.last(Incoming).leg, rig.now)
    rig.run(0.1)
    rig.send(peer, alice, invite(peer, alice, *replacing(f"puppet-call;to-tag={tag};from-tag=p1"), call_id="new"))
    assert peer.lines[-1] == "603 INVITE"


def test_rfc_3891_s3_more_than_one_replaces_gets_400(rig: Rig, alice: Side, peer: Puppet) -> None:
    lines = replacing("a;to-tag=1;from-tag=2", "Replaces: b;to-tag=1;from-tag=2")
    rig.send(peer, alice, invite(peer, alice, *lines))
    assert peer.lines[-1] == "400 INVITE"


def test_rfc_3891_s3_a_call_of_our_own_that_rings_may_be_replaced_one_of_theirs_not(
    rig: Rig, alice: Side, peer: Puppet
) -> None:
    rig.send(peer, alice, invite(peer, alice))
    alice.agent.ring(alice.last(Incoming).leg, rig.now)
    rig.run(0.1)
    tag = peer.responses("INVITE")[-1].to_tag
    rig.send(peer, alice, invite(peer, alice, *replacing(f"puppet-call;to-tag={tag};from-tag=p1"), call_id="new"))
    assert peer.lines[-1] == "481 INVITE"
    out = rig.dial(alice, peer)
    invited = peer.requests("INVITE")[-1]
    rig.send(peer, alice, answer_to(invited, 180, "p9", contact=f"<sip:c@{peer.address}>"))
    value = f"{invited.call_id};to-tag={invited.from_tag};from-tag=p9;early-only"
    rig.send(peer, alice, invite(peer, alice, *replacing(value), call_id="newer", from_tag="p3"))
    assert alice.last(Incoming).replaces == out


def test_rfc_3891_s6_1_a_replaces_survives_its_journey_inside_a_refer_to() -> None:
    there = Destination("sip:carol@192.0.2.3:5060;transport=tcp", Replaces("a@b;c", "t=1", "f%2"))
    from voxlab.sip.message import Request

    lines = [("From", "<sip:a@b>;tag=1"), ("To", "<sip:c@d>;tag=2"), ("Call-ID", "x"), ("CSeq", "1 REFER")]
    refer = Request.build("REFER", "sip:c@d", [*lines, ("Refer-To", there.refer_to)])
    with pytest.raises(SipSyntaxError):
        Replaces.parse("only-a-call-id")
    assert Destination.of(refer).uri == there.uri
    simple = Destination("sip:carol@192.0.2.3", Replaces("98asjd8@192.0.2.9", "0x2d", "76kd"))
    refer = Request.build("REFER", "sip:c@d", [*lines, ("Refer-To", simple.refer_to)])
    assert Destination.of(refer) == simple
