"""RFC 4028 (session timers), requirement by requirement, both ends in virtual time."""

from __future__ import annotations

import pytest

from tests.elements.rig import SDP, Puppet, Rig, Side, answer_to, invite
from voxlab.base.errors import VoxlabError
from voxlab.dialog import events as ev
from voxlab.dialog.session_timer import Wishes
from voxlab.dialog.tables import State
from voxlab.elements.admission import Extensions
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


def asked(seconds: int = 100, refresher: str = "") -> dict[str, Wishes]:
    return {"wishes": Wishes(interval_s=seconds, refresher=refresher)}


def test_s4_an_interval_below_90_seconds_is_refused_before_it_is_sent() -> None:
    with pytest.raises(VoxlabError, match="at least 90 s"):
        Wishes(interval_s=60)


@pytest.mark.parametrize(("refresher", "who"), [("uac", "alice"), ("uas", "bob"), ("", "alice")])
def test_s7_and_s9_whoever_was_settled_refreshes_after_half_the_interval_by_update(
    rig: Rig, alice: Side, bob: Side, refresher: str, who: str
) -> None:
    rig.connect(alice, bob, **asked(100, refresher))
    settled = bob.responses("INVITE")[-1]
    assert settled.headers.get("Session-Expires") == f"100;refresher={'uac' if who == 'alice' else 'uas'}"
    assert settled.headers.split("Require") == ["timer"]
    began = rig.now
    rig.run(170.0)
    sent = {
        side.name: [round(at - began) for at, m, _ in side.sent if getattr(m, "method", "") == "UPDATE"]
        for side in (alice, bob)
    }
    assert sent == {who: [50, 100, 150], "bob" if who == "alice" else "alice": []}
    refresh = (alice if who == "alice" else bob).requests("UPDATE")[0]
    assert refresh.headers.get("Session-Expires") == "100;refresher=uac"  # s.7.4: the role does not change
    assert refresh.body == b""
    rig.run(300.0)
    assert not bob.events(ev.Ended)


def test_s7_4_a_peer_that_allows_no_update_is_refreshed_by_re_invite_with_the_same_description(
    rig: Rig, alice: Side, peer: Puppet
) -> None:
    out = rig.dial(alice, peer, **asked(100))
    answer = answer_to(
        peer.requests("INVITE")[0], 200, "p1", "Session-Expires: 100;refresher=uac", "Require: timer",
        "Allow: INVITE, ACK, BYE", body=SDP, contact=f"<sip:c@{peer.address}>",
    )  # fmt: skip
    rig.send(peer, alice, answer)
    rig.run(50.0)
    assert alice.last(ev.RefreshDue).leg == out
    alice.agent.modify(out, rig.now, sdp=SDP)
    rig.run(0.1)
    again = peer.requests("INVITE")[-1]
    assert (again.body, again.headers.get("Session-Expires")) == (SDP, "100;refresher=uac")


def test_s10_who_is_not_refreshed_in_time_hangs_up_before_the_interval_is_over(
    rig: Rig, alice: Side, peer: Puppet
) -> None:
    lines = ("Session-Expires: 120;refresher=uac", "Supported: timer")
    rig.send(peer, alice, invite(peer, alice, *lines))
    into = alice.last(Incoming).leg
    alice.agent.answer(into, rig.now, sdp=SDP)
    answered = rig.now
    rig.run(0.1)
    tag = peer.responses("INVITE")[-1].to_tag or ""
    from tests.elements.rig import request

    rig.send(peer, alice, request("ACK", peer, alice, to_tag=tag))
    rig.run(200.0)
    bye = next(at for at, message, _ in alice.sent if getattr(message, "method", "") == "BYE")
    assert round(bye - answered) == 120 - 32  # the minimum of 32 s and a third
    assert alice.last(ev.Ended).cause == "session expired"


def test_s10_only_a_2xx_extends_the_session(rig: Rig, alice: Side, bob: Side) -> None:
    out, _ = rig.connect(alice, bob, **asked(100, "uac"))
    rig.wire = lambda _, message: None if getattr(message, "method", "") == "UPDATE" else 0.01
    rig.run(200.0)
    assert alice.last(ev.Ended).cause in {"dialog lost", "session expired"}
    assert bob.events(ev.Ended)
    assert alice.agent.state(out) is State.ENDED


def test_s7_2_without_session_expires_in_the_2xx_nothing_expires(rig: Rig, alice: Side, peer: Puppet) -> None:
    out = rig.dial(alice, peer, **asked(100))
    contact = f"<sip:c@{peer.address}>"
    rig.send(peer, alice, answer_to(peer.requests("INVITE")[0], 200, "p1", body=SDP, contact=contact))
    rig.run(1000.0)
    assert alice.agent.state(out) is State.CONNECTED
    assert peer.lines[-1] == "ACK"


def test_s7_3_after_a_422_the_invite_is_sent_again_with_the_longer_interval_and_one_cseq_more(
    rig: Rig, alice: Side, bob: Side
) -> None:
    bob.agent.extensions = Extensions(min_session_s=500)
    rig.dial(alice, bob, **asked(100))
    rig.run(0.1)
    first, second = alice.requests("INVITE")
    assert bob.lines[0] == "422 INVITE"
    assert bob.responses("INVITE")[0].headers.get("Min-SE") == "500"
    assert (second.call_id, second.cseq) == (first.call_id, first.cseq + 1)
    assert (second.headers.get("Session-Expires"), second.headers.get("Min-SE")) == ("500", "500")
    assert bob.last(Incoming).leg


def test_s9_an_interval_that_is_too_small_is_not_refused_to_who_knows_no_timer(
    rig: Rig, alice: Side, peer: Puppet
) -> None:
    rig.send(peer, alice, invite(peer, alice, "Session-Expires: 30"))
    alice.agent.answer(alice.last(Incoming).leg, rig.now, sdp=SDP)
    rig.run(0.1)
    settled = peer.responses("INVITE")[-1]
    assert settled.status == 200
    assert settled.headers.get("Session-Expires", "").endswith("refresher=uas")  # table 2: N, none -> uas
    assert "require" not in settled.headers


def test_s9_a_uas_that_wants_a_timer_gets_one_if_the_caller_knows_timers(rig: Rig, alice: Side, bob: Side) -> None:
    bob.agent.wishes = Wishes(interval_s=200, refresher="uas")
    rig.connect(alice, bob)
    assert "session-expires" not in bob.responses("INVITE")[-1].headers
    rig.dial(alice, bob, headers=[("Supported", "timer")])
    bob.agent.answer(bob.last(Incoming).leg, rig.now, sdp=SDP)
    rig.run(0.1)
    assert bob.responses("INVITE")[-1].headers.get("Session-Expires") == "200;refresher=uas"


def test_an_ordinary_call_knows_no_timer(rig: Rig, alice: Side, bob: Side) -> None:
    out, into = rig.connect(alice, bob)
    rig.run(10_000.0)
    assert (alice.agent.state(out), bob.agent.state(into)) == (State.CONNECTED, State.CONNECTED)
    assert all("session-expires" not in message.headers for _, message, _ in (*alice.sent, *bob.sent))
