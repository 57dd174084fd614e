"""Calls between nodes in memory: RFC 3261 s.8, s.9, s.11-15 and the races of RFC 5407, as owner and wire see them."""

from __future__ import annotations

import pytest

from tests.elements.rig import SDP, Puppet, Rig, Side, answer_to, invite, line_of, request
from voxlab.base.datagram import Flow
from voxlab.base.errors import VoxlabError
from voxlab.base.ids import Ids
from voxlab.dialog import events as ev
from voxlab.dialog.tables import State
from voxlab.elements.admission import Admission
from voxlab.elements.keyring import Keyring
from voxlab.elements.user_agent import Incoming, Refused
from voxlab.sip.message import Request, Response
from voxlab.sip.parser import parse


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


def ringing(rig: Rig, alice: Side, bob: Side) -> tuple[int, int]:
    out = rig.dial(alice, bob)
    into = bob.last(Incoming).leg
    bob.agent.ring(into, rig.now)
    rig.run(0.1)
    return out, into


def is_empty(side: Side) -> bool:
    """Whether a node has forgotten everything about its calls."""
    node, legs = side.node, side.agent._legs
    left = (len(legs), len(node.layer), legs.clients, legs.servers, legs._by_dialog, legs._invites, legs.incoming)
    return not any(left) and node.next_timeout() is None and not legs._deadlines


# -- the plain call


def test_a_call_is_set_up_and_ended_by_the_caller_and_leaves_nothing_behind(rig: Rig, alice: Side, bob: Side) -> None:
    out, into = ringing(rig, alice, bob)
    assert alice.last(ev.Progress).status == 180
    bob.agent.answer(into, rig.now, sdp=SDP)
    rig.run()
    assert alice.agent.state(out) is bob.agent.state(into) is State.CONNECTED
    alice.agent.hang_up(out, rig.now)
    rig.run()
    assert alice.lines == ["INVITE", "ACK", "BYE"]
    assert bob.lines == ["180 INVITE", "200 INVITE", "200 BYE"]
    assert not alice.last(ev.Ended).by_peer
    assert bob.last(ev.Ended).by_peer
    rig.run(40)
    assert is_empty(alice)
    assert is_empty(bob)


def test_the_callee_may_hang_up_too(rig: Rig, alice: Side, bob: Side) -> None:
    out, into = rig.connect(alice, bob)
    bob.agent.hang_up(into, rig.now, [("Reason", "Q.850;cause=16")])
    rig.run()
    assert bob.requests("BYE")[0].headers.get("Reason") == "Q.850;cause=16"
    assert alice.last(ev.Ended).by_peer
    assert alice.agent.state(out) is State.ENDED


def test_early_media_is_told_with_its_status_and_body(rig: Rig, alice: Side, bob: Side) -> None:
    rig.dial(alice, bob)
    bob.agent.ring(bob.last(Incoming).leg, rig.now, status=183, sdp=SDP, headers=[("X-A", "1")])
    rig.run()
    progress = alice.last(ev.Progress)
    assert (progress.status, progress.response.body, progress.response.headers.get("X-A")) == (183, SDP, "1")


@pytest.mark.parametrize("status", [302, 404, 480, 486, 488, 503, 600, 603])
def test_a_refusal_reaches_the_caller_as_it_was_given(rig: Rig, alice: Side, bob: Side, status: int) -> None:
    rig.dial(alice, bob)
    bob.agent.reject(bob.last(Incoming).leg, rig.now, status, "Because", [("X-A", "1")])
    rig.run()
    failed = alice.last(ev.Failed)
    assert (failed.status, failed.reason, failed.by_peer) == (status, "Because", True)
    assert alice.lines == ["INVITE", "ACK"]
    rig.run(40)
    assert is_empty(alice)
    assert is_empty(bob)


@pytest.mark.parametrize("status", [100, 200, 299, 700])
def test_a_call_cannot_be_refused_with_what_is_no_refusal(rig: Rig, alice: Side, bob: Side, status: int) -> None:
    rig.dial(alice, bob)
    with pytest.raises(VoxlabError, match="300 to 699"):
        bob.agent.reject(bob.last(Incoming).leg, rig.now, status)


def test_a_command_with_a_line_end_is_refused_before_anything_changes(rig: Rig, alice: Side, bob: Side) -> None:
    with pytest.raises(VoxlabError, match="line end"):
        rig.dial(alice, bob, headers=[("X-A", "1\r\nX-B: 2")])
    assert len(alice.agent._legs) == 0
    out, _ = rig.connect(alice, bob)
    with pytest.raises(VoxlabError, match="line end"):
        alice.agent.hang_up(out, rig.now, [("X-A", "1\n")])
    assert alice.agent.state(out) is State.CONNECTED


def test_a_leg_that_is_gone_can_be_hung_up_but_not_commanded(rig: Rig, alice: Side, bob: Side) -> None:
    rig.dial(alice, bob)
    into = bob.last(Incoming).leg
    bob.agent.reject(into, rig.now, 486)
    rig.run()
    bob.agent.hang_up(into, rig.now)
    with pytest.raises(VoxlabError, match="has ended"):
        bob.agent.answer(into, rig.now)
    assert bob.agent.session(into) is None


def test_a_call_that_nobody_answers_fails_with_408_after_64_t1(rig: Rig, alice: Side, peer: Puppet) -> None:
    rig.wire = lambda _sender, _message: None
    rig.dial(alice, peer)
    rig.run(33)
    failed = alice.last(ev.Failed)
    assert (failed.status, failed.by_peer) == (408, False)
    assert alice.told[-1][0] == pytest.approx(32.0)
    assert is_empty(alice)


def test_a_transport_error_fails_the_call_with_503(rig: Rig, alice: Side, peer: Puppet) -> None:
    rig.wire = lambda _sender, _message: None
    rig.dial(alice, peer)
    alice.node.transport_error(Flow("UDP", alice.address, peer.address), "refused", rig.now)
    rig.run()
    assert alice.last(ev.Failed).status == 503


# -- loss and reordering


def test_a_call_survives_the_loss_of_every_first_copy(rig: Rig, alice: Side, bob: Side) -> None:
    seen: set[tuple[str, str]] = set()

    def lossy(sender: str, message: Request | Response) -> float | None:
        key = (sender, line_of(message))
        if key in seen:
            return 0.01
        seen.add(key)
        return None

    rig.wire = lossy
    out = rig.dial(alice, bob)
    rig.run()
    bob.agent.answer(bob.last(Incoming).leg, rig.now, sdp=SDP)
    rig.run(10)
    assert alice.last(ev.Answered).leg == out
    assert len(bob.events(ev.Confirmed)) == 1
    alice.agent.hang_up(out, rig.now)
    rig.run(80)
    assert len(bob.events(ev.Ended)) == len(alice.events(ev.Ended)) == 1
    assert is_empty(alice)
    assert is_empty(bob)


def test_a_180_that_the_200_has_overtaken_is_ignored(rig: Rig, alice: Side, bob: Side) -> None:
    rig.wire = lambda _sender, message: 0.05 if line_of(message) == "180 INVITE" else 0.01
    out, into = rig.dial(alice, bob), bob.last(Incoming).leg
    bob.agent.ring(into, rig.now)
    bob.agent.answer(into, rig.now, sdp=SDP)
    rig.run()
    assert alice.events(ev.Progress) == []
    assert alice.agent.state(out) is State.CONNECTED


# -- CANCEL


def test_hanging_up_while_it_rings_sends_cancel_and_ends_both_with_487(rig: Rig, alice: Side, bob: Side) -> None:
    out, _ = ringing(rig, alice, bob)
    alice.agent.hang_up(out, rig.now, [("Reason", "SIP;cause=200")])
    rig.run()
    assert alice.lines == ["INVITE", "CANCEL", "ACK"]
    assert bob.lines == ["180 INVITE", "200 CANCEL", "487 INVITE"]
    cancel, ringing_response = alice.requests("CANCEL")[0], bob.responses("INVITE")[0]
    assert cancel.branch == alice.requests("INVITE")[0].branch
    assert cancel.headers.get("Reason") == "SIP;cause=200"
    assert bob.responses("CANCEL")[0].to_tag == ringing_response.to_tag
    assert (alice.last(ev.Failed).status, alice.last(ev.Failed).by_peer) == (487, False)
    assert (bob.last(ev.Failed).status, bob.last(ev.Failed).by_peer) == (487, True)
    rig.run(40)
    assert is_empty(alice)
    assert is_empty(bob)


def test_a_cancel_waits_for_the_first_provisional_response(rig: Rig, alice: Side, peer: Puppet) -> None:
    out = rig.dial(alice, peer)
    alice.agent.hang_up(out, rig.now)
    rig.run(1)
    assert "CANCEL" not in alice.lines
    rig.send(peer, alice, answer_to(peer.got[0], 180))  # type: ignore[arg-type]
    assert alice.lines[-1] == "CANCEL"


def test_a_200_that_crosses_the_cancel_is_acknowledged_and_hung_up(rig: Rig, alice: Side, bob: Side) -> None:
    out, into = ringing(rig, alice, bob)
    alice.agent.hang_up(out, rig.now)
    bob.agent.answer(into, rig.now, sdp=SDP)
    rig.run()
    assert alice.lines == ["INVITE", "CANCEL", "ACK", "BYE"]
    assert [line for line in bob.lines if "CANCEL" in line] == ["200 CANCEL"]
    assert alice.last(ev.Failed).status == 487
    assert alice.events(ev.Answered) == alice.events(ev.Ended) == []
    assert bob.last(ev.Ended).by_peer
    rig.run(40)
    assert is_empty(alice)
    assert is_empty(bob)


def test_a_cancelled_call_without_final_response_is_given_up_after_64_t1(rig: Rig, alice: Side, peer: Puppet) -> None:
    out = rig.dial(alice, peer)
    rig.send(peer, alice, answer_to(peer.got[0], 180))  # type: ignore[arg-type]
    alice.agent.hang_up(out, rig.now)
    rig.run(33)
    assert alice.last(ev.Failed).status == 487
    rig.run(40)
    assert is_empty(alice)


def test_a_cancel_of_a_refused_invite_is_answered_and_one_of_no_invite_is_not_found(rig: Rig) -> None:
    side = rig.side("carol", admit=lambda request, flow, now: Admission(404))
    puppet = rig.puppet()
    rig.send(puppet, side, invite(puppet, side, branch="x"))
    rig.send(puppet, side, request("CANCEL", puppet, side, branch="x"))
    rig.send(puppet, side, request("CANCEL", puppet, side, branch="y", call_id="other"))
    assert [line for line in puppet.lines if "CANCEL" in line] == ["200 CANCEL", "481 CANCEL"]


# -- the 2xx and its ACK


def test_a_200_without_ack_is_repeated_from_t1_to_t2_and_ends_in_bye_after_64_t1(
    rig: Rig, alice: Side, bob: Side
) -> None:
    rig.wire = lambda _sender, message: None if line_of(message) == "ACK" else 0.0
    rig.dial(alice, bob)
    start = rig.now
    bob.agent.answer(bob.last(Incoming).leg, start, sdp=SDP)
    rig.run(40)
    sent = [round(at - start, 3) for at, message, _ in bob.sent if line_of(message) == "200 INVITE"]
    assert sent == [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    byes = [round(at - start, 3) for at, message, _ in bob.sent if line_of(message) == "BYE"]
    assert byes == [32.0]
    assert bob.last(ev.Ended).cause == "no ACK"
    assert len(alice.requests("ACK")) == len(sent)
    assert len({ack.raw for ack in alice.requests("ACK")}) == 1, "each copy of the 200 gets the same ACK"
    assert alice.last(ev.Ended).by_peer


def test_a_callee_that_hangs_up_before_the_ack_waits_for_it(rig: Rig, alice: Side, bob: Side) -> None:
    rig.wire = lambda _sender, message: 2.0 if line_of(message) == "ACK" else 0.0
    rig.dial(alice, bob)
    into = bob.last(Incoming).leg
    bob.agent.answer(into, rig.now, sdp=SDP)
    bob.agent.hang_up(into, rig.now, [("Reason", "Q.850;cause=16")])
    rig.run(1)
    assert "BYE" not in bob.lines
    rig.run(2)
    assert bob.lines[-1] == "BYE"
    assert bob.requests("BYE")[0].headers.get("Reason") == "Q.850;cause=16"
    assert bob.events(ev.Confirmed) == []
    assert bob.last(ev.Ended).by_peer is False


def test_the_ack_has_the_cseq_of_its_invite_and_a_branch_of_its_own(rig: Rig, alice: Side, bob: Side) -> None:
    rig.connect(alice, bob)
    first, ack = alice.requests("INVITE")[0], alice.requests("ACK")[0]
    assert (ack.cseq, ack.cseq_method) == (first.cseq, "ACK")
    assert ack.branch != first.branch
    assert ack.to_tag == bob.responses("INVITE")[-1].to_tag


def test_an_ack_that_is_not_of_this_answer_or_cannot_be_read_does_not_count(
    rig: Rig, alice: Side, peer: Puppet
) -> None:
    rig.send(peer, alice, invite(peer, alice))
    into = alice.last(Incoming).leg
    alice.agent.answer(into, rig.now, sdp=SDP)
    rig.run(0.1)
    tag = peer.responses("INVITE")[-1].to_tag or ""
    rig.send(peer, alice, request("ACK", peer, alice, to_tag=tag, cseq=7))
    rig.send(peer, alice, request("ACK", peer, alice, to_tag=tag, from_tag="other"))
    rig.send(peer, alice, request("ACK", peer, alice, to_tag=tag, body=b"o=\xff nonsense"))
    assert alice.events(ev.Confirmed) == []
    rig.send(peer, alice, request("ACK", peer, alice, to_tag=tag, branch="good"))
    assert len(alice.events(ev.Confirmed)) == 1


def test_a_surplus_200_of_a_fork_is_acknowledged_once_more_each_time_and_hung_up_once(
    rig: Rig, alice: Side, peer: Puppet
) -> None:
    out = rig.dial(alice, peer)
    invited = peer.requests("INVITE")[0]
    contact = f"<sip:one@{peer.address}>"
    rig.send(peer, alice, answer_to(invited, 200, "one", body=SDP, contact=contact))
    for _ in range(3):
        rig.send(peer, alice, answer_to(invited, 200, "two", body=SDP, contact=contact))
    assert [ack.to_tag for ack in peer.requests("ACK")] == ["one", "two", "two", "two"]
    assert len({ack.raw for ack in peer.requests("ACK")[1:]}) == 1
    byes = {bye.branch: bye for bye in peer.requests("BYE")}
    assert [bye.to_tag for bye in byes.values()] == ["two"]
    rig.send(peer, alice, next(iter(byes.values())).response(200))
    assert alice.agent.state(out) is State.CONNECTED
    assert len(alice.events(ev.Answered)) == 1


def test_the_end_of_a_surplus_branch_does_not_end_the_call_that_is_ending(rig: Rig, alice: Side, peer: Puppet) -> None:
    out = rig.dial(alice, peer)
    invited = peer.requests("INVITE")[0]
    for tag in ("one", "two"):
        rig.send(peer, alice, answer_to(invited, 200, tag, body=SDP, contact=f"<sip:{tag}@{peer.address}>"))
    alice.agent.hang_up(out, rig.now)
    rig.run(0.1)
    surplus, own = peer.requests("BYE")[0], peer.requests("BYE")[-1]
    rig.send(peer, alice, surplus.response(200))
    assert alice.agent.state(out) is State.ENDING
    rig.send(peer, alice, own.response(200))
    assert [event.cause for event in alice.events(ev.Ended)] == ["hang up"]


def test_a_200_after_the_call_was_given_up_is_acknowledged_and_hung_up(rig: Rig, alice: Side, peer: Puppet) -> None:
    out = rig.dial(alice, peer)
    invited = peer.requests("INVITE")[0]
    rig.send(peer, alice, answer_to(invited, 180, "one"))
    alice.agent.hang_up(out, rig.now)
    rig.run(31.95)
    rig.send(peer, alice, answer_to(invited, 200, "one", body=SDP))
    assert peer.lines[-2:] == ["ACK", "BYE"]


@pytest.mark.parametrize("bad", ["contact", "body"])
def test_a_200_that_cannot_be_read_is_acknowledged_and_hung_up(rig: Rig, alice: Side, peer: Puppet, bad: str) -> None:
    out = rig.dial(alice, peer)
    contact = "<sip:[::zz]>" if bad == "contact" else f"<sip:c@{peer.address}>"
    body = b"v=0\r\nm=audio nonsense\r\n" if bad == "body" else SDP
    rig.send(peer, alice, answer_to(peer.requests("INVITE")[0], 200, body=body, contact=contact))
    assert peer.lines[-2:] == ["ACK", "BYE"]
    assert alice.agent.state(out) is State.ENDING
    rig.send(peer, alice, peer.requests("BYE")[0].response(200))
    assert alice.last(ev.Failed).status == 488
    assert alice.events(ev.Answered) == []
    rig.run(70)
    assert is_empty(alice)


def test_a_provisional_that_cannot_be_read_changes_nothing(rig: Rig, alice: Side, peer: Puppet) -> None:
    out = rig.dial(alice, peer)
    rig.send(peer, alice, answer_to(peer.requests("INVITE")[0], 180, contact="<<"))
    assert alice.told == []
    rig.send(peer, alice, answer_to(peer.requests("INVITE")[0], 200, body=SDP, contact=f"<sip:c@{peer.address}>"))
    assert alice.agent.state(out) is State.CONNECTED


# -- delayed offer


def test_with_a_delayed_offer_the_ack_waits_for_the_answer_and_carries_it(rig: Rig, alice: Side, bob: Side) -> None:
    out = rig.dial(alice, bob, offer=b"")
    into = bob.last(Incoming).leg
    bob.agent.answer(into, rig.now, sdp=SDP)
    rig.run(1)
    assert alice.lines == ["INVITE"]
    alice.agent.confirm(out, rig.now, SDP)
    rig.run(1)
    assert bob.last(ev.Confirmed).ack.body == SDP
    with pytest.raises(VoxlabError, match="no offer waits"):
        alice.agent.confirm(out, rig.now, SDP)
    with pytest.raises(VoxlabError, match="no offer waits"):
        bob.agent.confirm(into, rig.now, SDP)


def test_hanging_up_instead_of_answering_a_delayed_offer_sends_ack_and_bye(rig: Rig, alice: Side, bob: Side) -> None:
    out = rig.dial(alice, bob, offer=b"")
    bob.agent.answer(bob.last(Incoming).leg, rig.now, sdp=SDP)
    rig.run(0.1)
    alice.agent.hang_up(out, rig.now)
    rig.run()
    assert alice.lines == ["INVITE", "ACK", "BYE"]
    assert bob.last(ev.Ended).by_peer


# -- BYE


def test_bye_on_an_early_dialog_ends_the_invite_with_487(rig: Rig, alice: Side, peer: Puppet) -> None:
    rig.send(peer, alice, invite(peer, alice))
    alice.agent.ring(alice.last(Incoming).leg, rig.now)
    rig.run(0.1)
    tag = peer.responses("INVITE")[-1].to_tag or ""
    rig.send(peer, alice, request("BYE", peer, alice, to_tag=tag, cseq=2))
    assert peer.lines[-2:] == ["200 BYE", "487 INVITE"]
    assert alice.last(ev.Failed).by_peer


def test_a_callee_that_hangs_up_while_it_rings_refuses(rig: Rig, alice: Side, bob: Side) -> None:
    _, into = ringing(rig, alice, bob)
    bob.agent.hang_up(into, rig.now)
    rig.run()
    assert alice.last(ev.Failed).status == 480
    assert "BYE" not in bob.lines


def test_two_byes_that_cross_are_both_answered_and_each_side_ends_once(rig: Rig, alice: Side, bob: Side) -> None:
    out, into = rig.connect(alice, bob)
    alice.agent.hang_up(out, rig.now)
    bob.agent.hang_up(into, rig.now)
    rig.run()
    for side in (alice, bob):
        assert side.lines[-2:] == ["BYE", "200 BYE"]
        assert len(side.events(ev.Ended)) == 1
    rig.run(40)
    assert is_empty(alice)
    assert is_empty(bob)


@pytest.mark.parametrize("status", [200, 404, 408, 481, 500])
def test_any_final_response_to_bye_ends_the_call(rig: Rig, alice: Side, peer: Puppet, status: int) -> None:
    out = rig.dial(alice, peer)
    rig.send(peer, alice, answer_to(peer.requests("INVITE")[0], 200, body=SDP, contact=f"<sip:c@{peer.address}>"))
    alice.agent.hang_up(out, rig.now)
    rig.run(0.1)
    rig.send(peer, alice, peer.requests("BYE")[0].response(status))
    assert alice.last(ev.Ended).cause == "hang up"


def test_a_bye_that_nobody_answers_ends_the_call_all_the_same(rig: Rig, alice: Side, bob: Side) -> None:
    out, _ = rig.connect(alice, bob)
    rig.wire = lambda _sender, _message: None
    alice.agent.hang_up(out, rig.now)
    rig.run(33)
    assert len(alice.events(ev.Ended)) == 1


# -- digest


class Guard:
    """A peer that asks for credentials before it takes a call."""

    def __init__(self, status: int) -> None:
        self.status = status

    def challenge(self, asked: Request, tag: str = "g") -> Response:
        name = "WWW-Authenticate" if self.status == 401 else "Proxy-Authenticate"
        header = (name, 'Digest realm="example.com", nonce="abc", algorithm=MD5, qop="auth"')
        return asked.response(self.status, to_tag=tag, headers=[header])


def keyring() -> Keyring:
    return Keyring("alice", "secret", Ids.seeded(3))


@pytest.mark.parametrize(("status", "name"), [(401, "Authorization"), (407, "Proxy-Authorization")])
def test_a_challenged_invite_is_sent_again_with_credentials_which_the_ack_repeats(
    rig: Rig, alice: Side, peer: Puppet, status: int, name: str
) -> None:
    out = rig.dial(alice, peer, credentials=keyring())
    rig.send(peer, alice, Guard(status).challenge(peer.requests("INVITE")[0]))
    first, again = peer.requests("INVITE")
    assert (again.cseq, again.call_id, again.from_tag, again.to_tag) == (2, first.call_id, first.from_tag, None)
    assert again.branch != first.branch
    assert again.body == first.body
    assert name in again.headers
    rig.send(peer, alice, answer_to(again, 200, body=SDP, contact=f"<sip:c@{peer.address}>"))
    ack = peer.requests("ACK")[-1]
    assert (ack.cseq, ack.headers.get(name)) == (2, again.headers.get(name))
    assert alice.agent.state(out) is State.CONNECTED
    assert alice.events(ev.Failed) == []


@pytest.mark.parametrize("status", [401, 407])
def test_a_wrong_password_ends_the_call_with_the_challenge(rig: Rig, alice: Side, peer: Puppet, status: int) -> None:
    rig.dial(alice, peer, credentials=keyring())
    guard = Guard(status)
    for _ in range(2):
        rig.send(peer, alice, guard.challenge(peer.requests("INVITE")[-1]))
    assert (alice.last(ev.Failed).status, alice.last(ev.Failed).by_peer) == (status, True)
    assert len(peer.requests("INVITE")) == 2
    rig.run(70)
    assert is_empty(alice)


def test_a_challenge_without_credentials_or_without_sense_is_a_refusal(rig: Rig, alice: Side, peer: Puppet) -> None:
    rig.dial(alice, peer)
    rig.send(peer, alice, Guard(401).challenge(peer.requests("INVITE")[-1]))
    rig.dial(alice, peer, credentials=keyring())
    garbage = peer.requests("INVITE")[-1].response(401, to_tag="g", headers=[("WWW-Authenticate", "Digest ,,,=")])
    rig.send(peer, alice, garbage)
    assert [event.status for event in alice.events(ev.Failed)] == [401, 401]


def test_a_challenged_bye_is_sent_again_with_credentials_and_given_up_when_they_are_rejected(
    rig: Rig, alice: Side, peer: Puppet
) -> None:
    out = rig.dial(alice, peer, credentials=keyring())
    rig.send(peer, alice, answer_to(peer.requests("INVITE")[0], 200, body=SDP, contact=f"<sip:c@{peer.address}>"))
    alice.agent.hang_up(out, rig.now)
    rig.run(0.1)
    guard = Guard(407)
    rig.send(peer, alice, guard.challenge(peer.requests("BYE")[-1]))
    first, again = peer.requests("BYE")
    assert again.cseq == first.cseq + 1
    assert "Proxy-Authorization" in again.headers
    rig.send(peer, alice, guard.challenge(again))
    assert len(peer.requests("BYE")) == 2
    assert len(alice.events(ev.Ended)) == 1


def test_a_challenge_to_a_cancelled_invite_ends_it(rig: Rig, alice: Side, peer: Puppet) -> None:
    out = rig.dial(alice, peer, credentials=keyring())
    alice.agent.hang_up(out, rig.now)
    rig.send(peer, alice, Guard(407).challenge(peer.requests("INVITE")[0]))
    assert alice.last(ev.Failed).status == 487
    assert peer.lines == ["INVITE", "ACK"]


# -- requests inside the dialog


def established(rig: Rig, alice: Side, peer: Puppet, *more: str) -> tuple[int, str]:
    """Have a puppet call and connect; return the leg and our tag."""
    rig.send(peer, alice, invite(peer, alice, *more))
    into = alice.last(Incoming).leg
    alice.agent.answer(into, rig.now, sdp=SDP)
    rig.run(0.1)
    tag = peer.responses("INVITE")[-1].to_tag or ""
    rig.send(peer, alice, request("ACK", peer, alice, to_tag=tag))
    assert alice.agent.state(into) is State.CONNECTED
    peer.got.clear()
    return into, tag


@pytest.mark.parametrize("method", ["INFO", "MESSAGE"])
def test_info_and_message_are_answered_and_told_to_the_owner(rig: Rig, alice: Side, bob: Side, method: str) -> None:
    out, into = rig.connect(alice, bob)
    alice.agent.send(out, rig.now, method, "text/plain", b"hello")
    rig.run()
    told = bob.last(ev.RequestReceived)
    assert (told.leg, told.request.body, told.request.headers.get("content-type")) == (into, b"hello", "text/plain")
    assert alice.last(ev.RequestAnswered) == ev.RequestAnswered(out, method, 200)
    assert "contact" not in told.request.headers


def test_a_message_cannot_be_sent_before_the_call_stands(rig: Rig, alice: Side, bob: Side) -> None:
    out = rig.dial(alice, bob)
    with pytest.raises(VoxlabError, match="calling"):
        alice.agent.send(out, rig.now, "INFO", "text/plain", b"x")


def test_a_lower_cseq_inside_the_dialog_is_answered_500(rig: Rig, alice: Side, peer: Puppet) -> None:
    _, tag = established(rig, alice, peer)
    rig.send(peer, alice, request("INFO", peer, alice, to_tag=tag, cseq=9))
    rig.send(peer, alice, request("INFO", peer, alice, to_tag=tag, cseq=5))
    rig.send(peer, alice, request("BYE", peer, alice, to_tag=tag, cseq=4))
    assert peer.lines == ["200 INFO", "500 INFO", "500 BYE"]
    assert alice.events(ev.Ended) == []


@pytest.mark.parametrize("method", ["BYE", "INFO", "INVITE", "OPTIONS", "MESSAGE", "UPDATE", "NOSUCH"])
def test_a_request_for_an_unknown_dialog_is_answered_481(rig: Rig, alice: Side, peer: Puppet, method: str) -> None:
    rig.send(peer, alice, request(method, peer, alice, to_tag="nobody"))
    assert peer.lines == [f"481 {method}"]


def test_a_request_with_another_from_tag_is_not_of_this_dialog(rig: Rig, alice: Side, peer: Puppet) -> None:
    _, tag = established(rig, alice, peer)
    rig.send(peer, alice, request("BYE", peer, alice, to_tag=tag, from_tag="stranger", cseq=2))
    assert peer.lines == ["481 BYE"]


def test_options_and_unknown_methods_inside_the_dialog(rig: Rig, alice: Side, peer: Puppet) -> None:
    _, tag = established(rig, alice, peer)
    rig.send(peer, alice, request("OPTIONS", peer, alice, to_tag=tag, cseq=2))
    rig.send(peer, alice, request("UPDATE", peer, alice, to_tag=tag, cseq=3))
    rig.send(peer, alice, request("INFO", peer, alice, "Require: nothing", to_tag=tag, cseq=4))
    assert peer.lines == ["200 OPTIONS", "405 UPDATE", "420 INFO"]


def test_after_our_bye_the_dialog_is_gone_for_everything_but_bye(rig: Rig, alice: Side, peer: Puppet) -> None:
    into, tag = established(rig, alice, peer)
    alice.agent.hang_up(into, rig.now)
    rig.send(peer, alice, request("INFO", peer, alice, to_tag=tag, cseq=2))
    rig.send(peer, alice, request("BYE", peer, alice, to_tag=tag, cseq=3))
    assert [line for line in peer.lines if line != "BYE"] == ["481 INFO", "200 BYE"]


# -- re-INVITE


def reinvite(rig: Rig, alice: Side, peer: Puppet, tag: str, cseq: int, body: bytes = SDP, *more: str) -> None:
    rig.send(peer, alice, request("INVITE", peer, alice, *more, to_tag=tag, cseq=cseq, body=body, contact=True))


def test_a_reinvite_is_told_and_answered_with_a_200_that_is_repeated_until_its_ack(
    rig: Rig, alice: Side, peer: Puppet
) -> None:
    into, tag = established(rig, alice, peer)
    reinvite(rig, alice, peer, tag, 2)
    assert alice.last(ev.OfferReceived).request.body == SDP
    alice.agent.answer_offer(into, rig.now, SDP)
    rig.run(2)
    assert peer.lines.count("200 INVITE") == 3
    rig.send(peer, alice, request("ACK", peer, alice, to_tag=tag, cseq=2))
    count = peer.lines.count("200 INVITE")
    rig.run(10)
    assert peer.lines.count("200 INVITE") == count
    assert alice.agent.state(into) is State.CONNECTED
    assert len(alice.events(ev.Confirmed)) == 1


def test_a_reinvite_without_ack_ends_the_call_with_bye(rig: Rig, alice: Side, peer: Puppet) -> None:
    into, tag = established(rig, alice, peer)
    reinvite(rig, alice, peer, tag, 2)
    alice.agent.answer_offer(into, rig.now, SDP)
    rig.run(33)
    assert "BYE" in peer.lines
    assert alice.agent.state(into) is State.ENDING


def test_a_refused_reinvite_leaves_the_call_as_it_was(rig: Rig, alice: Side, peer: Puppet) -> None:
    into, tag = established(rig, alice, peer)
    reinvite(rig, alice, peer, tag, 2)
    alice.agent.refuse_offer(into, rig.now)
    rig.run(0.1)
    assert peer.lines[-1] == "488 INVITE"
    assert alice.agent.state(into) is State.CONNECTED
    with pytest.raises(VoxlabError, match="no re-INVITE waits"):
        alice.agent.answer_offer(into, rig.now, SDP)
    reinvite(rig, alice, peer, tag, 3)
    alice.agent.answer_offer(into, rig.now, SDP)
    rig.run(0.1)
    assert peer.lines[-1] == "200 INVITE"


def test_a_second_reinvite_before_the_first_is_answered_gets_500_with_retry_after(
    rig: Rig, alice: Side, peer: Puppet
) -> None:
    into, tag = established(rig, alice, peer)
    reinvite(rig, alice, peer, tag, 2)
    reinvite(rig, alice, peer, tag, 3)
    refused = [response for response in peer.responses("INVITE") if response.status == 500]
    assert [response.cseq for response in refused] == [3]
    assert 0 <= int(refused[0].headers.get("Retry-After", "")) <= 10
    alice.agent.answer_offer(into, rig.now, SDP)
    rig.run(0.1)
    assert peer.responses("INVITE")[-1].cseq == 2


def test_a_reinvite_while_an_ack_is_outstanding_gets_491(rig: Rig, alice: Side, peer: Puppet) -> None:
    rig.send(peer, alice, invite(peer, alice))
    alice.agent.answer(alice.last(Incoming).leg, rig.now, sdp=SDP)
    rig.run(0.1)
    reinvite(rig, alice, peer, peer.responses("INVITE")[-1].to_tag or "", 2)
    assert "491 INVITE" in peer.lines
    assert alice.events(ev.OfferReceived) == []


def test_the_answer_to_an_offer_in_our_200_is_told_with_its_ack(rig: Rig, alice: Side, peer: Puppet) -> None:
    into, tag = established(rig, alice, peer)
    reinvite(rig, alice, peer, tag, 2, b"")
    alice.agent.answer_offer(into, rig.now, SDP)
    rig.run(0.1)
    rig.send(peer, alice, request("ACK", peer, alice, to_tag=tag, cseq=2, body=SDP))
    assert alice.last(ev.OfferAnswered).ack.body == SDP
    assert len(alice.events(ev.Confirmed)) == 1


def test_a_cancelled_reinvite_gets_487_and_the_call_stands(rig: Rig, alice: Side, peer: Puppet) -> None:
    into, tag = established(rig, alice, peer)
    rig.send(peer, alice, invite(peer, alice, to_tag=tag, cseq=2, branch="re"))
    rig.send(peer, alice, request("CANCEL", peer, alice, to_tag=tag, cseq=2, branch="re"))
    assert peer.lines[-2:] == ["200 CANCEL", "487 INVITE"]
    assert alice.agent.state(into) is State.CONNECTED


def test_a_bye_while_a_reinvite_waits_answers_both(rig: Rig, alice: Side, peer: Puppet) -> None:
    _, tag = established(rig, alice, peer)
    reinvite(rig, alice, peer, tag, 2)
    rig.send(peer, alice, request("BYE", peer, alice, to_tag=tag, cseq=3))
    assert peer.lines[-2:] == ["200 BYE", "487 INVITE"]
    rig.run(40)
    assert is_empty(alice)


def test_a_reinvite_that_cannot_be_read_is_refused_and_the_call_stands(rig: Rig, alice: Side, peer: Puppet) -> None:
    into, tag = established(rig, alice, peer)
    reinvite(rig, alice, peer, tag, 2, b"v=0\r\nm=audio x\r\n")
    reinvite(rig, alice, peer, tag, 3, SDP, "Contact: <sip:[::zz]>")
    assert peer.lines == ["400 INVITE", "400 INVITE"]
    assert alice.agent.state(into) is State.CONNECTED
    assert alice.events(ev.OfferReceived) == []


def test_a_reinvite_moves_the_remote_target(rig: Rig, alice: Side, peer: Puppet) -> None:
    into, tag = established(rig, alice, peer)
    other = rig.puppet()
    reinvite(rig, alice, peer, tag, 2, SDP, f"Contact: <sip:moved@{other.address}>")
    alice.agent.answer_offer(into, rig.now, SDP)
    rig.run(0.1)
    rig.send(peer, alice, request("ACK", peer, alice, to_tag=tag, cseq=2))
    alice.agent.hang_up(into, rig.now)
    rig.run(0.1)
    assert other.requests("BYE")[0].uri_text == f"sip:moved@{other.address}"


# -- requests outside a dialog


@pytest.mark.parametrize(
    ("method", "status"),
    [
        ("OPTIONS", 200),
        ("BYE", 481),
        ("INFO", 481),
        ("REGISTER", 405),
        ("SUBSCRIBE", 405),
        ("MESSAGE", 405),
        ("NOSUCH", 501),
    ],
)
def test_requests_outside_a_dialog(rig: Rig, alice: Side, peer: Puppet, method: str, status: int) -> None:
    rig.send(peer, alice, request(method, peer, alice))
    assert peer.lines == [f"{status} {method}"]
    response = peer.responses(method)[0]
    assert response.to_tag
    assert ("allow" in response.headers) == (status != 481)


@pytest.mark.parametrize(
    ("more", "parts", "status", "header"),
    [
        ((), {"uri": "http://example.com"}, 416, None),
        (("Require: 100rel, gruu",), {}, 420, ("Unsupported", "100rel, gruu")),
        ((), {"content_type": "text/html"}, 415, ("Accept", "application/sdp")),
        ((), {"content_type": ""}, 415, ("Accept", "application/sdp")),
        (("Content-Encoding: gzip",), {}, 415, ("Accept-Encoding", "identity")),
        (("Contact: <sip:[::zz]>",), {}, 400, None),
        ((), {"body": b"v=0\r\nm=audio nonsense\r\n"}, 400, None),
        (("Record-Route: <<>",), {}, 400, None),
    ],
)
def test_an_invite_that_cannot_be_served_is_refused_as_s8_2_says(
    rig: Rig, alice: Side, peer: Puppet, more: tuple[str, ...], parts: dict[str, str], status: int,
    header: tuple[str, str] | None,
) -> None:  # fmt: skip
    rig.send(peer, alice, invite(peer, alice, *more, **parts))  # type: ignore[arg-type]
    final = peer.responses("INVITE")[-1]
    assert final.status == status
    assert header is None or final.headers.get(header[0]) == header[1]
    assert alice.last(Refused).status == status
    assert alice.events(Incoming) == []


def test_the_copy_of_an_invite_by_another_path_is_answered_482(rig: Rig, alice: Side, peer: Puppet) -> None:
    rig.send(peer, alice, invite(peer, alice, branch="one"))
    rig.send(peer, alice, invite(peer, alice, branch="two"))
    assert peer.lines[-1] == "482 INVITE"
    alice.agent.reject(alice.last(Incoming).leg, rig.now, 486)
    rig.run(0.1)
    rig.send(peer, alice, invite(peer, alice, branch="three"))
    assert peer.responses("INVITE")[-1].status == 482, "its transaction still runs"
    assert len(alice.events(Incoming)) == 1


def test_past_max_calls_a_new_invite_gets_503_while_the_dialogs_are_served(rig: Rig) -> None:
    side, puppet = rig.side("carol", max_calls=1), rig.puppet()
    _, tag = established(rig, side, puppet)
    rig.send(puppet, side, invite(puppet, side, call_id="another"))
    refused = puppet.responses("INVITE")[-1]
    assert (refused.status, refused.headers.get("Retry-After")) == (503, "5")
    assert side.last(Refused).status == 503
    rig.send(puppet, side, request("INFO", puppet, side, to_tag=tag, cseq=2))
    assert puppet.lines[-1] == "200 INFO"
    rig.send(puppet, side, request("BYE", puppet, side, to_tag=tag, cseq=3))
    rig.send(puppet, side, invite(puppet, side, call_id="third"))
    assert len(side.events(Incoming)) == 2


def test_a_policy_refuses_with_its_own_status_and_headers(rig: Rig) -> None:
    side = rig.side("carol", admit=lambda request, flow, now: Admission(407, None, None, (("X-A", "1"),), "who?"))
    puppet = rig.puppet()
    rig.send(puppet, side, invite(puppet, side))
    assert (puppet.responses("INVITE")[-1].status, puppet.responses("INVITE")[-1].headers.get("X-A")) == (407, "1")
    assert side.last(Refused).why == "who?"


# -- route sets


def test_a_caller_sends_through_the_recorded_routes_in_reverse_order(rig: Rig, alice: Side, peer: Puppet) -> None:
    out = rig.dial(alice, peer)
    routes = ("Record-Route: <sip:far@192.0.2.77;lr>", f"Record-Route: <sip:near@{peer.address};lr>")
    invited = peer.requests("INVITE")[0]
    rig.send(peer, alice, answer_to(invited, 200, "c1", *routes, body=SDP, contact="<sip:c@192.0.2.88>"))
    ack = peer.requests("ACK")[0]
    assert ack.uri_text == "sip:c@192.0.2.88"
    assert ack.headers.get_all("Route") == [f"<sip:near@{peer.address};lr>", "<sip:far@192.0.2.77;lr>"]
    alice.agent.hang_up(out, rig.now)
    rig.run(0.1)
    assert peer.requests("BYE")[0].headers.get_all("Route") == ack.headers.get_all("Route")


def test_a_callee_sends_through_the_recorded_routes_in_their_order(rig: Rig, alice: Side, peer: Puppet) -> None:
    near, far = f"<sip:near@{peer.address};lr>", "<sip:far@192.0.2.77;lr>"
    into, _ = established(rig, alice, peer, f"Record-Route: {near}", f"Record-Route: {far}")
    alice.agent.hang_up(into, rig.now)
    rig.run(0.1)
    bye = peer.requests("BYE")[0]
    assert (bye.uri_text, bye.headers.get_all("Route")) == (f"sip:puppet@{peer.address}", [near, far])


def test_a_strict_router_is_put_into_the_request_uri_and_the_target_last(rig: Rig, alice: Side, peer: Puppet) -> None:
    near, far = f"<sip:near@{peer.address};method=BYE;x=1>", "<sip:far@192.0.2.77;lr>"
    into, _ = established(rig, alice, peer, f"Record-Route: {near}", f"Record-Route: {far}")
    alice.agent.hang_up(into, rig.now)
    rig.run(0.1)
    bye = peer.requests("BYE")[0]
    assert bye.uri_text == f"sip:near@{peer.address};x=1"
    assert bye.headers.get_all("Route") == [far, f"<sip:puppet@{peer.address}>"]


def test_the_200_to_an_invite_copies_its_record_route(rig: Rig, alice: Side, peer: Puppet) -> None:
    rig.send(peer, alice, invite(peer, alice, "Record-Route: <sip:p1@192.0.2.70;lr>, <sip:p2@192.0.2.71;lr>"))
    alice.agent.answer(alice.last(Incoming).leg, rig.now, sdp=SDP)
    rig.run(0.1)
    assert [str(route.uri) for route in peer.responses("INVITE")[-1].record_routes] == [
        "sip:p1@192.0.2.70;lr",
        "sip:p2@192.0.2.71;lr",
    ]


# -- transports


def test_an_invite_larger_than_1300_bytes_moves_to_tcp(rig: Rig, alice: Side, bob: Side) -> None:
    out, _ = rig.connect(alice, bob, headers=[("X-Long", "x" * 1300)])
    first = next(flow for _, message, flow in alice.sent if line_of(message) == "INVITE")
    assert first.transport == "TCP"
    assert alice.agent.state(out) is State.CONNECTED
    assert "SIP/2.0/TCP" in (alice.requests("INVITE")[0].headers.get("via") or "")


def test_a_sips_call_has_a_sips_contact(rig: Rig, alice: Side, peer: Puppet) -> None:
    flow = Flow("TLS", alice.address, peer.address, 5)
    alice.agent.dial(f"sips:bob@{peer.address}", flow, from_="<sips:alice@example.com>", offer=SDP, now=rig.now)
    rig.run(0.1)
    assert alice.requests("INVITE")[0].headers.get("contact") == f"<sips:alice@{alice.address}>"


def test_a_response_with_two_vias_is_not_for_us(rig: Rig, alice: Side, peer: Puppet) -> None:
    out = rig.dial(alice, peer)
    response = answer_to(peer.requests("INVITE")[0], 486).raw
    via = response[response.index(b"Via") : response.index(b"From")]
    more = via + b"Via: SIP/2.0/UDP 192.0.2.66;branch=z9hG4bKother\r\n"
    rig.send(peer, alice, parse(response.replace(via, more)).raw)
    assert alice.agent.state(out) is State.CALLING
    rig.send(peer, alice, response)
    assert alice.agent.state(out) is State.ENDED
