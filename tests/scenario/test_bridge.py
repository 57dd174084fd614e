"""The bridge contract, row by row, and what a caller hears when a forwarded call fails."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.lab.stage import MakeStage, Stage
from tests.scenario.peer import Peer, description
from voxlab import CallFailed
from voxlab.sip.message import Request
from voxlab.sip.parser import parse
from voxlab.transaction.timers import Timers


def wire(stage: Stage, start: str) -> list[bytes]:
    return [message.data for message in stage.lab.journal.messages() if message.data.startswith(start.encode())]


# -- the table --------------------------------------------------------------------------------------------------------


def test_b_connected_answers_a_with_its_headers(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    peer = Peer(stage).takes_bobs_place()
    call = stage.alice.dial("bob")
    peer.answer(peer.request("INVITE"), 200, description(), (("X-Agent", "seven"), ("Subject", "private")))
    call.wait("connected")
    stage.lab.run(1)
    answer = [parse(data) for data in wire(stage, "SIP/2.0 200") if b" INVITE\r\n" in data][-1]
    assert answer.headers.get("X-Agent") == "seven"
    assert "Subject" not in answer.headers
    assert peer.request("ACK").to_tag == "peer"


def test_early_audio_of_b_is_early_media_for_a_and_media_is_joined_before_the_answer(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    peer = Peer(stage).takes_bobs_place()
    call = stage.alice.dial("bob")
    invite = peer.request("INVITE")
    peer.answer(invite, 183, description())
    call.wait("early")
    progress = wire(stage, "SIP/2.0 183")
    assert len(progress) == 2
    described = parse(progress[1]).sdp
    assert described is not None
    assert described.media[0].port != 0
    leg_a, leg_b = (port for port in stage.lab.cloud.ports if not port.released)
    assert (leg_a._other, leg_b._other) == (leg_b, leg_a)
    peer.answer(invite, 200, description())
    call.wait("connected")


def test_a_peer_s_overlong_header_is_not_passed_on_and_harms_nobody(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    peer = Peer(stage).takes_bobs_place()
    call = stage.alice.dial("bob")
    peer.answer(peer.request("INVITE"), 200, description(), (("X-Long", "x" * 5000), ("X-Short", "y")))
    call.wait("connected")
    answer = [parse(data) for data in wire(stage, "SIP/2.0 200") if b" INVITE\r\n" in data][-1]
    assert "X-Long" not in answer.headers
    assert answer.headers.get("X-Short") == "y"


def test_b_ringing_rings_a(make_stage: MakeStage) -> None:
    stage = make_stage(bob={}).forwards()
    stage.alice.dial("bob").wait("ringing")
    assert [m.split(b"\r\n")[0] for m in wire(stage, "SIP/2.0 180")] == [b"SIP/2.0 180 Ringing"] * 2


@pytest.mark.parametrize(("speaker", "listener"), [("alice", "bob"), ("bob", "alice")])
def test_message_and_info_are_relayed_both_ways(make_stage: MakeStage, speaker: str, listener: str) -> None:
    stage = make_stage().forwards()
    stage.alice.dial("bob").wait("connected")
    getattr(stage, speaker).send_message("grüß Gott")
    getattr(stage, speaker).send_info("application/x-test", "a=1")
    stage.lab.run(1)
    target = getattr(stage, listener).address
    for method, body in (("MESSAGE", "grüß Gott".encode()), ("INFO", b"a=1")):
        requests = [parse(data) for data in wire(stage, method)]
        assert [request.body for request in requests] == [body, body]
        assert isinstance(requests[1], Request)
        assert str(requests[1].uri_text).endswith(target)
    assert len(wire(stage, "SIP/2.0 200")) >= 4 + 4


def test_a_reinvite_is_accepted_by_the_cloud_for_its_own_leg(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    peer = Peer(stage).takes_bobs_place()
    call = stage.alice.dial("bob")
    invite = peer.request("INVITE")
    peer.answer(invite, 200, description())
    call.wait("connected")
    peer.reinvite(invite, description(direction="sendonly", version=2))
    accepted = peer.response(200, "INVITE")
    assert b"a=recvonly" in accepted.body
    assert call.state == "connected"


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_either_end_hanging_up_ends_the_whole_session(make_stage: MakeStage, who: str) -> None:
    stage = make_stage().forwards()
    call = stage.alice.dial("bob").wait("connected")
    stage.hang_up(who)
    call.wait("ended")
    stage.lab.run(1)
    assert (stage.alice.state, stage.bob.state) == ("idle", "idle")
    assert len(wire(stage, "BYE")) == 2
    assert not stage.lab.exchange.sessions
    assert call.verdict.startswith("✓ connected")


def test_the_scenario_goes_on_when_the_bridge_is_over(make_stage: MakeStage) -> None:
    stage = make_stage()
    seen: list[str] = []

    @stage.shop.scenario()
    async def forward(call: Any) -> None:
        bob = await call.forward_to_user()
        seen.append(f"{call.state} {bob.state}")
        await asyncio.sleep(10)
        seen.append("tidied up")

    stage.alice.dial("bob").wait("connected").hang_up()
    stage.lab.run(20)
    assert seen == ["TERMINATED TERMINATED", "tidied up"]


# -- failures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bob", "dialled", "status", "by"),
    [
        ({"busy": True}, "bob", "486 Busy Here", "bob (leg B"),
        ({"decline": True}, "bob", "603 Decline", "bob (leg B"),
        ({"gives_up_after": 3.0}, "bob", "480 Temporarily Unavailable", "bob (leg B"),
        ({}, "carol", "480 Temporarily Unavailable", "cloud (leg A"),
        ({}, "nobody", "404 Not Found", "cloud (leg A"),
        ({}, "bob", "408 Request Timeout", "cloud (leg A"),
    ],
)
def test_a_failure_of_b_is_told_to_a(
    make_stage: MakeStage, bob: dict[str, Any], dialled: str, status: str, by: str
) -> None:
    stage = make_stage(bob=bob).forwards()
    stage.shop.user("carol")
    with pytest.raises(CallFailed, match=rf"{status}, said by {by}".replace("(", r"\(")):
        stage.alice.dial(dialled).wait("connected", timeout=None)
    stage.lab.run(40)
    assert (stage.alice.state, stage.bob.state) == ("idle", "idle")
    assert not stage.lab.exchange.sessions
    assert not stage.lab.errors


def test_a_phone_without_a_registration_is_unavailable(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    stage.bob.unregister()
    with pytest.raises(CallFailed, match="480 Temporarily Unavailable, said by cloud"):
        stage.alice.dial("bob").wait("connected")
    stage.bob.register()
    assert stage.alice.dial("bob").wait("connected").state == "connected"


def test_nobody_answers_for_a_minute(make_stage: MakeStage) -> None:
    stage = make_stage(bob={}).forwards()
    with pytest.raises(CallFailed, match=r"408 Request Timeout.* after 60.0 s"):
        stage.alice.dial("bob").wait("connected", timeout=None)
    assert len(wire(stage, "CANCEL")) == 1
    stage.lab.run(1)
    assert stage.bob.state == "idle"


def test_a_call_that_has_no_hops_left_is_refused(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    peer = Peer(stage)
    peer.invite("bob", max_forwards=0)
    stage.lab.run(1)
    assert peer.response(483, "INVITE").reason == "Too Many Hops"
    assert stage.bob.says == []


def test_no_common_codec_is_refused_before_any_scenario_runs(make_stage: MakeStage) -> None:
    stage = make_stage()
    ran: list[Any] = []

    @stage.shop.scenario()
    async def forward(call: Any) -> None:
        ran.append(call)
        await call.forward_to_user()

    peer = Peer(stage)
    peer.invite("bob", formats="18")
    stage.lab.run(1)
    assert peer.response(488, "INVITE").reason == "Not Acceptable Here"
    assert not ran
    assert not stage.lab.exchange.sessions
    assert not stage.lab.errors
    assert not stage.lab.world.errors


def test_the_caller_gives_up_while_it_rings(make_stage: MakeStage) -> None:
    stage = make_stage(bob={}).forwards()
    call = stage.alice.dial("bob").wait("ringing")
    stage.lab.run(3)
    call.hang_up()
    stage.lab.run(1)
    assert stage.bob.state == "idle"
    assert len(wire(stage, "CANCEL")) == 2  # alice's, and the cloud's to bob
    assert len(wire(stage, "SIP/2.0 487")) == 2
    assert call.verdict.startswith("✗ cancelled by alice (leg A, message")
    assert not stage.lab.exchange.sessions


def test_one_device_busy_leaves_the_other_ringing(make_stage: MakeStage) -> None:
    stage = make_stage(bob={"busy": True}).forwards()
    stage.shop.user("bob").phone("mobile", answer_after=2.0)
    assert stage.alice.dial("bob").wait("connected").state == "connected"


def test_a_declining_device_speaks_for_all(make_stage: MakeStage) -> None:
    stage = make_stage(bob={}).forwards()
    stage.shop.user("bob").phone("mobile", decline=True)
    with pytest.raises(CallFailed, match="603 Decline"):
        stage.alice.dial("bob").wait("connected")
    stage.lab.run(1)
    assert stage.bob.state == "idle"


def test_a_callee_that_never_gets_the_ack_is_hung_up_by_timers(make_stage: MakeStage) -> None:
    stage = make_stage(timers=Timers(t1_s=0.1, t2_s=0.4)).forwards()
    stage.lab.link("alice").drop(lambda data: data.startswith(b"ACK") and b"sip:192" in data, times=None)
    call = stage.alice.dial("bob").wait("connected")
    start = stage.lab.now
    call.wait("ended")
    assert stage.lab.now - start == pytest.approx(6.4, abs=0.2)  # 64*T1
    stage.lab.run(1)
    assert (stage.alice.state, stage.bob.state) == ("idle", "idle")


@pytest.mark.parametrize(
    "user", ["a%3e%0d%0aX-Evil:%20b", "a%3e;tag=x", "sip:b%3e%0d%0aX-Evil: c", "%40", "a%40%3ehost"]
)
def test_a_caller_s_name_with_anything_in_it_stays_a_name(make_stage: MakeStage, user: str) -> None:
    stage = make_stage().forwards()
    peer = Peer(stage)
    peer.invite("bob", caller=user)
    stage.lab.run(1)
    for data in wire(stage, "INVITE sip:bob@10."):
        invite = parse(data)
        assert "X-Evil" not in invite.headers
        assert invite.from_tag != "x"
    assert not stage.lab.errors
    assert not stage.lab.world.errors
