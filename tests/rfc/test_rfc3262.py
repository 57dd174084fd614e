"""RFC 3262 (PRACK), requirement by requirement, both ends in virtual time; s.5 with RFC 6337 s.2."""

from __future__ import annotations

import pytest

from tests.elements.rig import SDP, Puppet, Rig, Side, answer_to, invite, request
from voxlab.dialog import events as ev
from voxlab.dialog.session_timer import Wishes
from voxlab.dialog.tables import State
from voxlab.elements.user_agent import Incoming
from voxlab.sip.message import Request

REQUIRED = {"wishes": Wishes(reliable="required")}
SUPPORTED = {"wishes": Wishes(reliable="supported")}


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


def no_pracks(rig: Rig) -> None:
    rig.wire = lambda _, message: None if isinstance(message, Request) and message.method == "PRACK" else 0.01


# -- s.3: the UAS


def test_s3_a_required_180_is_reliable_and_its_prack_names_it(rig: Rig, alice: Side, bob: Side) -> None:
    rig.dial(alice, bob, **REQUIRED)
    bob.agent.ring(bob.last(Incoming).leg, rig.now)
    rig.run(0.1)
    ringing, prack = bob.responses("INVITE")[-1], alice.requests("PRACK")[0]
    assert ringing.headers.split("require") == ["100rel"]
    assert prack.headers.get("rack") == f"{ringing.headers.get('rseq')} 1 INVITE"
    assert (prack.cseq, prack.to_tag) == (2, ringing.to_tag)
    assert bob.lines[-1] == "200 PRACK"
    assert len(alice.events(ev.Progress)) == 1


@pytest.mark.parametrize(
    ("parts", "sdp", "reliable"), [({}, SDP, False), (SUPPORTED, b"", False), (SUPPORTED, SDP, True)]
)
def test_s3_only_who_supports_it_gets_a_reliable_response(
    rig: Rig, alice: Side, bob: Side, parts: dict[str, Wishes], sdp: bytes, reliable: bool
) -> None:
    rig.dial(alice, bob, **parts)
    bob.agent.ring(bob.last(Incoming).leg, rig.now, status=183, sdp=sdp)
    rig.run(0.1)
    assert ("rseq" in bob.responses("INVITE")[-1].headers) is reliable
    assert len(alice.requests("PRACK")) == reliable


def test_s3_it_is_repeated_with_doubling_intervals_that_do_not_end_at_t2_and_then_refused(
    rig: Rig, alice: Side, bob: Side
) -> None:
    rig.dial(alice, bob, **REQUIRED)
    no_pracks(rig)
    began = rig.now
    bob.agent.ring(bob.last(Incoming).leg, rig.now, status=183, sdp=SDP)
    rig.run(40.0)
    sent = [round(at - began, 1) for at, message, _ in bob.sent if getattr(message, "status", 0) == 183]
    assert sent == [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert bob.last(ev.Failed).status == 504
    assert alice.last(ev.Failed).status == 504


def test_s3_a_second_reliable_response_waits_for_the_prack_of_the_first(rig: Rig, alice: Side, peer: Puppet) -> None:
    rig.send(peer, alice, invite(peer, alice, "Require: 100rel"))
    into = alice.last(Incoming).leg
    alice.agent.ring(into, rig.now)
    alice.agent.ring(into, rig.now, status=181)
    rig.run(0.1)
    first = peer.responses("INVITE")[-1]
    assert first.status == 180
    rig.send(peer, alice, prack(peer, alice, first, 2))
    second = peer.responses("INVITE")[-1]
    assert second.status == 181
    assert int(second.headers.get("rseq") or 0) == int(first.headers.get("rseq") or 0) + 1


def prack(peer: Puppet, to: Side, response: object, cseq: int, rack: str = "", body: bytes = b"") -> bytes:
    rseq = rack or f"{response.headers.get('rseq')} {response.cseq} INVITE"  # type: ignore[attr-defined]
    tag = response.to_tag  # type: ignore[attr-defined]
    return request("PRACK", peer, to, f"RAck: {rseq}", to_tag=tag, cseq=cseq, body=body, branch=f"prack{cseq}")


@pytest.mark.parametrize("rack", ["1 1 INVITE", "nonsense", "4294967296 9 INVITE"])
def test_s3_a_prack_that_matches_nothing_gets_481_and_the_response_is_repeated(
    rig: Rig, alice: Side, peer: Puppet, rack: str
) -> None:
    rig.send(peer, alice, invite(peer, alice, "Require: 100rel"))
    alice.agent.ring(alice.last(Incoming).leg, rig.now)
    rig.run(0.1)
    rig.send(peer, alice, prack(peer, alice, peer.responses("INVITE")[-1], 2, rack))
    assert peer.lines[-1] == "481 PRACK"
    before = peer.lines.count("180 INVITE")
    rig.run(0.5)
    assert peer.lines.count("180 INVITE") == before + 1


def test_s3_a_200_waits_for_the_prack_if_the_reliable_response_described_something(
    rig: Rig, alice: Side, peer: Puppet
) -> None:
    rig.send(peer, alice, invite(peer, alice, "Require: 100rel"))
    into = alice.last(Incoming).leg
    alice.agent.ring(into, rig.now, status=183, sdp=SDP)
    alice.agent.answer(into, rig.now)
    rig.run(0.1)
    assert "200 INVITE" not in peer.lines
    assert alice.agent.state(into) is State.INCOMING
    rig.send(peer, alice, prack(peer, alice, peer.responses("INVITE")[-1], 2))
    assert [line for line in peer.lines if line.startswith("200")] == ["200 PRACK", "200 INVITE"]


def test_s3_a_200_does_not_wait_for_a_reliable_response_without_a_description(
    rig: Rig, alice: Side, peer: Puppet
) -> None:
    rig.send(peer, alice, invite(peer, alice, "Require: 100rel"))
    into = alice.last(Incoming).leg
    alice.agent.ring(into, rig.now)
    alice.agent.answer(into, rig.now, sdp=SDP)
    rig.run(2.0)
    assert "200 INVITE" in peer.lines
    assert peer.lines.count("180 INVITE") == 1  # no longer repeated after the final response
    ringing = next(response for response in peer.responses("INVITE") if response.status == 180)
    rig.send(peer, alice, prack(peer, alice, ringing, 2))
    assert peer.lines[-1] == "200 PRACK"  # but its PRACK is still served


def test_s3_a_cancel_while_the_200_waits_ends_the_call(rig: Rig, alice: Side, peer: Puppet) -> None:
    rig.send(peer, alice, invite(peer, alice, "Require: 100rel", branch="b"))
    into = alice.last(Incoming).leg
    alice.agent.ring(into, rig.now, status=183, sdp=SDP)
    alice.agent.answer(into, rig.now)
    rig.send(peer, alice, request("CANCEL", peer, alice, branch="b"))
    assert peer.lines[-2:] == ["200 CANCEL", "487 INVITE"]
    rig.run(40.0)
    assert peer.lines[-1] != "183 INVITE"


# -- s.4: the UAC


def early(
    request: Request, rseq: int, status: int = 183, tag: str = "c1", body: bytes = b"", contact: str = ""
) -> object:
    return answer_to(
        request, status, tag, "Require: 100rel", f"RSeq: {rseq}", body=body, contact=contact or "<sip:c@192.0.2.2>"
    )


def test_s4_a_repeated_response_and_one_out_of_order_get_no_prack(rig: Rig, alice: Side, peer: Puppet) -> None:
    rig.dial(alice, peer, **REQUIRED)
    invited = peer.requests("INVITE")[0]
    for rseq in (7, 7, 9, 8, 7):
        rig.send(peer, alice, early(invited, rseq))  # type: ignore[arg-type]
    racks = [(p.headers.get("rack") or "").split()[0] for p in peer.requests("PRACK")]
    assert list(dict.fromkeys(racks)) == ["7", "8"]
    assert len(alice.events(ev.Progress)) == 2


def test_s4_each_early_dialog_of_a_fork_counts_for_itself(rig: Rig, alice: Side, peer: Puppet) -> None:
    rig.dial(alice, peer, **REQUIRED)
    invited = peer.requests("INVITE")[0]
    rig.send(peer, alice, early(invited, 100, tag="one", body=SDP))  # type: ignore[arg-type]
    rig.send(peer, alice, early(invited, 5, tag="two", body=SDP))  # type: ignore[arg-type]
    pracks = {p.to_tag: p for p in peer.requests("PRACK")}
    assert {tag: p.headers.get("rack") for tag, p in pracks.items()} == {"one": "100 1 INVITE", "two": "5 1 INVITE"}
    assert {p.cseq for p in pracks.values()} == {2}  # each dialog has its own numbers


def test_s5_a_2xx_without_a_description_means_that_of_its_own_early_dialog(rig: Rig, alice: Side, peer: Puppet) -> None:
    rig.dial(alice, peer, **REQUIRED)
    invited = peer.requests("INVITE")[0]
    other = SDP.replace(b"4000", b"4444")
    contact = f"<sip:c@{peer.address}>"
    rig.send(peer, alice, early(invited, 1, tag="one", body=SDP, contact=contact))  # type: ignore[arg-type]
    rig.send(peer, alice, early(invited, 1, tag="two", body=other, contact=contact))  # type: ignore[arg-type]
    rig.send(peer, alice, answer_to(invited, 200, "two", contact=contact))
    assert alice.last(ev.Answered).described.body == other
    alice.agent.hang_up(alice.last(ev.Answered).leg, rig.now)
    rig.run(0.1)
    assert [m.cseq for m in peer.requests("ACK")] == [1]
    assert [(m.cseq, m.to_tag) for m in peer.requests("BYE")] == [(3, "two")]  # after the PRACK's 2


def test_13_2_2_4_a_surplus_2xx_of_a_fork_gets_ack_then_bye_with_its_own_numbers(
    rig: Rig, alice: Side, peer: Puppet
) -> None:
    rig.dial(alice, peer, **REQUIRED)
    invited = peer.requests("INVITE")[0]
    contact = f"<sip:c@{peer.address}>"
    for tag in ("one", "two"):
        rig.send(peer, alice, early(invited, 1, tag=tag, body=SDP, contact=contact))  # type: ignore[arg-type]
    rig.send(peer, alice, answer_to(invited, 200, "one", contact=contact, body=SDP))
    rig.send(peer, alice, answer_to(invited, 200, "two", contact=contact, body=SDP))
    sent = [m for m in peer.got if isinstance(m, Request) and m.method in {"ACK", "BYE"}]
    assert [(m.method, m.to_tag, m.cseq) for m in sent] == [
        ("ACK", "one", 1), ("ACK", "two", 1), ("BYE", "two", 3),
    ]  # fmt: skip


# -- s.5: offers and answers


def test_s5_an_offer_in_a_reliable_response_is_answered_in_the_prack(rig: Rig, alice: Side, bob: Side) -> None:
    out = rig.dial(alice, bob, offer=b"", **REQUIRED)
    into = bob.last(Incoming).leg
    bob.agent.ring(into, rig.now, status=183, sdp=SDP)
    rig.run(0.2)
    offered = alice.last(ev.EarlyOffer)
    assert not alice.requests("PRACK")  # it waits for the answer
    alice.agent.answer_early_offer(out, rig.now, offered.response, SDP)
    rig.run(0.1)
    assert alice.requests("PRACK")[0].body == SDP
    assert bob.last(ev.OfferAnswered).ack.body == SDP
    bob.agent.answer(into, rig.now)
    rig.run(0.1)
    assert bob.last(ev.Confirmed).leg == into
    assert alice.requests("ACK")[0].body == b""


def test_s5_a_new_offer_in_a_prack_is_answered_in_its_200(rig: Rig, alice: Side, peer: Puppet) -> None:
    rig.send(peer, alice, invite(peer, alice, "Require: 100rel"))
    into = alice.last(Incoming).leg
    alice.agent.ring(into, rig.now, status=183, sdp=SDP)
    rig.run(0.1)
    rig.send(peer, alice, prack(peer, alice, peer.responses("INVITE")[-1], 2, body=SDP))
    assert alice.last(ev.OfferReceived).request.method == "PRACK"
    alice.agent.answer_offer(into, rig.now, SDP)
    rig.run(0.1)
    assert (peer.lines[-1], peer.got[-1].body) == ("200 PRACK", SDP)
