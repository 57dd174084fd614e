"""Calls that change while they stand, seen from the phones and the script: hold, second calls, transfers, timers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.stage import MakeStage, Stage
from voxlab import VoxlabError
from voxlab.scenario.events import (
    BlindTransferRequested,
    OffHold,
    OnHold,
    ReInviteAccepted,
    ReInviteReceived,
    ReInviteRejected,
    TransferComplete,
    TransferFailed,
)
from voxlab.sip.message import Request
from voxlab.sip.parser import parse

EVENTS = (
    BlindTransferRequested, OffHold, OnHold, ReInviteAccepted, ReInviteReceived, ReInviteRejected, TransferComplete,
    TransferFailed,
)  # fmt: skip


def listening(stage: Stage) -> list[tuple[str, str]]:
    """Let every call be forwarded, and note what the script hears of both legs."""
    heard: list[tuple[str, str]] = []

    @stage.shop.scenario()
    async def forward(call: Any) -> None:
        for event in EVENTS:
            if event is not BlindTransferRequested:  # who handles that one decides itself
                call.on(event, lambda told: heard.append((told.call.letter, told.name)))
        await call.forward_to_user()

    return heard


def described(stage: Stage, start: str) -> list[Any]:
    found = [parse(m.data) for m in stage.lab.journal.messages() if m.data.startswith(start.encode())]
    return [message for message in found if message.body]


def directions(stage: Stage) -> list[str]:
    """Return the directions offered by re-INVITEs, in their order."""
    offers = [m for m in described(stage, "INVITE") if isinstance(m, Request) and m.to_tag]
    return [m.sdp.direction_of(m.sdp.media[0]) for m in offers if m.sdp]


def test_hold_and_resume_go_through_the_bridge_and_silence_the_other_end(make_stage: MakeStage) -> None:
    stage = make_stage()
    heard = listening(stage)
    call = stage.alice.dial("bob").wait("connected")
    stage.lab.run(2)
    stage.alice.hold()
    assert (stage.alice.state, stage.bob.says[-1][1]) == ("held", "on hold")
    ends = [end for end in stage.machine("bob").terminals.values() if not end.closed]
    assert [end.negotiation.agreed.direction for end in ends if end.negotiation.agreed] == ["recvonly"]
    stage.lab.run(2)
    stage.alice.resume()
    assert (stage.alice.state, stage.bob.says[-1][1]) == ("talking", "off hold")
    assert directions(stage) == ["sendonly", "sendonly", "sendrecv", "sendrecv"]
    names = [name for letter, name in heard if letter == "A"]
    assert names == ["Call.ReInviteReceived", "Call.OnHold", "Call.ReInviteReceived", "Call.OffHold"]
    assert call.state == "connected"


def test_a_held_call_is_silent_and_speaks_again(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    stage.alice.dial("bob").wait("connected")
    stage.lab.run(3)
    stage.alice.hold()
    stage.lab.run(1)
    before = stage.lab.call(1).media.packets.sum()
    stage.lab.run(10)
    assert stage.lab.call(1).media.packets.sum() == before
    stage.alice.resume()
    stage.lab.run(5)
    assert stage.lab.call(1).media.packets.sum() > before + 4 * 200


def test_both_may_hold_and_each_takes_back_its_own(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    stage.alice.dial("bob").wait("connected")
    stage.alice.hold()
    stage.bob.hold()
    agreed = [end.negotiation.agreed for name in ("alice", "bob") for end in stage.machine(name).terminals.values()]
    assert [each.direction for each in agreed if each] == ["inactive", "inactive"]
    stage.alice.resume()
    stage.bob.resume()
    agreed = [end.negotiation.agreed for name in ("alice", "bob") for end in stage.machine(name).terminals.values()]
    assert [each.direction for each in agreed if each] == ["sendrecv", "sendrecv"]


def test_two_who_hold_at_the_same_instant_meet_and_agree_in_the_end(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    stage.alice.dial("bob").wait("connected")
    from voxlab.elements.phone import Input

    for name in ("alice", "bob"):
        stage.lab.world.submit(stage.machine(name).command, Input.HOLD)
    stage.lab.run(20)
    assert stage.count("SIP/2.0 491") >= 1
    agreed = [end.negotiation.agreed for name in ("alice", "bob") for end in stage.machine(name).terminals.values()]
    assert [each.direction for each in agreed if each] == ["inactive", "inactive"]
    assert not stage.lab.errors


def test_a_refused_hold_leaves_the_call_as_it_was_and_says_so(make_stage: MakeStage) -> None:
    stage = make_stage()
    heard = listening(stage)
    stage.alice.dial("bob").wait("connected")
    stage.bob.fault("refuses_reinvite")
    with pytest.raises(VoxlabError, match="488"):
        stage.alice.hold()
    assert (stage.alice.state, stage.bob.state) == ("talking", "talking")
    assert ("B", "Call.ReInviteRejected") not in heard  # a's handlers hear of a's leg
    assert ("A", "Call.ReInviteReceived") in heard
    stage.bob.heal()
    stage.alice.hold()
    assert stage.alice.state == "held"


def test_holding_without_a_call_is_refused_with_a_sentence(make_stage: MakeStage) -> None:
    stage = make_stage()
    with pytest.raises(VoxlabError, match="alice is idle"):
        stage.alice.hold()


def test_a_script_holds_a_party_and_takes_it_back(make_stage: MakeStage) -> None:
    stage = make_stage()
    states: list[str] = []

    @stage.shop.scenario()
    async def park(call: Any) -> None:
        await call.answer()
        await call.hold()
        states.append(stage.alice.says[-1][1])
        await call.resume()
        states.append(stage.alice.says[-1][1])
        await call.hang_up()

    stage.alice.dial("bob").wait("ended")
    assert states == ["on hold", "off hold"]


def test_a_refresh_with_the_same_o_line_is_answered_by_the_cloud_itself(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    stage.alice.dial("bob").wait("connected")
    alice = stage.machine("alice")
    leg = alice.phone.leg

    def refresh() -> None:
        alice.agent.modify(leg, alice.now, sdp=alice.terminals[leg].offer_again())
        alice.host.flush()

    stage.lab.world.submit(refresh)
    stage.lab.run(1)
    reinvites = [m for m in described(stage, "INVITE") if m.to_tag]
    assert len(reinvites) == 1  # bob's leg hears nothing of it
    assert stage.alice.state == "talking"


def test_a_phone_without_update_is_refreshed_by_re_invites_that_change_nothing(make_stage: MakeStage) -> None:
    stage = make_stage(bob={"answer_after": 0.1, "audio": "silence"}).forwards()
    stage.alice = stage.shop.user("alice").phone(session_expires=100, refresher="uas", audio="silence")
    stage.alice.fault("no_update")
    call = stage.alice.dial("bob").wait("connected")
    stage.lab.run(400)
    assert call.state == "connected"
    assert stage.count("UPDATE") == 0
    answers = [m for m in described(stage, "SIP/2.0 200") if m.call_id == call.call_id]
    reinvites = [m for m in described(stage, "INVITE") if m.to_tag]
    assert len(reinvites) == 7
    assert {m.sdp.origin for m in reinvites} == {answers[0].sdp.origin}


# -- two lines


def test_a_second_caller_hears_busy_unless_the_phone_lets_calls_wait(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    carol = stage.shop.user("carol").phone()
    stage.alice.dial("bob").wait("connected")
    refused = carol.dial("bob")
    refused.wait("ended")
    assert "486" in refused.verdict
    stage.bob = stage.shop.user("bob").phone(call_waiting=True)
    second = carol.dial("bob").wait("ringing")
    assert stage.bob.says[-1][1] == "ringing: carol"
    stage.lab.run(1)
    assert second.state == "connected"
    assert stage.alice.says[-1][1] == "on hold"


def test_do_not_disturb_refuses_silently(make_stage: MakeStage) -> None:
    stage = make_stage(bob={"do_not_disturb": True}).forwards()
    call = stage.alice.dial("bob")
    call.wait("ended")
    assert "480" in call.verdict
    assert stage.count("SIP/2.0 180") == 0


# -- transfers


def test_a_blind_transfer_leaves_the_other_two_talking(make_stage: MakeStage) -> None:
    stage = make_stage()
    heard = listening(stage)
    carol = stage.shop.user("carol").phone(answer_after=0.5)
    call = stage.alice.dial("bob").wait("connected")
    stage.bob.transfer("carol")
    assert (stage.alice.state, stage.bob.state, carol.state) == ("talking", "idle", "talking")
    assert ("A", "Call.TransferComplete") in heard
    stage.lab.run(3)
    assert call.state == "connected"
    carol.hang_up()
    stage.lab.run(1)
    assert call.state == "ended"
    assert not stage.lab.errors


def test_a_transfer_while_held_resumes_the_party_that_was_held(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    carol = stage.shop.user("carol").phone(answer_after=0.5)
    stage.alice.dial("bob").wait("connected")
    stage.bob.hold()
    stage.bob.transfer("carol")
    stage.lab.run(1)
    assert (stage.alice.state, carol.state, stage.alice.says[-1][1]) == ("talking", "talking", "off hold")


@pytest.mark.parametrize(("carol", "code"), [({"busy": True}, "486"), (None, "404")])
def test_a_transfer_that_fails_leaves_the_first_call(
    make_stage: MakeStage, carol: dict[str, Any] | None, code: str
) -> None:
    stage = make_stage()
    heard = listening(stage)
    if carol is not None:
        stage.shop.user("carol").phone(**carol)
    call = stage.alice.dial("bob").wait("connected")
    with pytest.raises(VoxlabError, match=code):
        stage.bob.transfer("carol")
    assert (stage.alice.state, stage.bob.state, call.state) == ("talking", "talking", "connected")
    assert ("A", "Call.TransferFailed") in heard
    stage.bob.hold()  # the bridge stands as before
    assert stage.alice.says[-1][1] == "on hold"


def test_an_attended_transfer_joins_the_two_calls_of_a_phone(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    carol = stage.shop.user("carol").phone(answer_after=0.5)
    call = stage.alice.dial("bob").wait("connected")
    stage.bob.hold()
    second = stage.bob.dial("carol").wait("connected")
    stage.bob.transfer()
    stage.lab.run(1)
    assert (stage.alice.state, stage.bob.state, carol.state) == ("talking", "idle", "talking")
    assert second.state == "ended"
    stage.alice.hang_up()
    stage.lab.run(1)
    assert (carol.state, call.state) == ("idle", "ended")
    assert not stage.lab.cloud.node.user_agent.calls_in
    assert not stage.lab.errors


def test_an_attended_transfer_needs_two_calls(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    stage.alice.dial("bob").wait("connected")
    with pytest.raises(VoxlabError, match="two calls are needed"):
        stage.bob.transfer()


def test_a_script_that_handles_transfers_decides_and_says_how_it_went(make_stage: MakeStage) -> None:
    stage = make_stage()
    asked: list[str] = []

    @stage.shop.scenario()
    async def desk(call: Any) -> None:
        await call.answer()
        request = await call.wait_for(BlindTransferRequested)
        asked.append(request.transfer_to)
        await call.notify_blind_transfer_failed(603, "Not Today")
        await call.wait_for(TransferFailed, timeout=100)

    stage.alice.dial("bob").wait("connected")
    stage.lab.run(1)
    with pytest.raises(VoxlabError, match="603 Not Today"):
        stage.alice.transfer("carol")
    assert asked == [f"sip:carol@{stage.shop.domain}"]


def test_a_script_transfers_a_party_to_somebody_else(make_stage: MakeStage) -> None:
    stage = make_stage()
    carol = stage.shop.user("carol").phone(answer_after=0.2)
    done: list[str] = []

    @stage.shop.scenario(pattern="bob")
    async def desk(call: Any) -> None:
        await call.answer()
        await call.transfer_to(f"sip:carol@{stage.shop.domain}")
        event = await call.wait_for(TransferComplete)
        done.append(event.role)
        await call.hang_up()

    @stage.shop.scenario(pattern="carol")
    async def forward(call: Any) -> None:
        await call.forward_to_user()

    stage.alice.dial("bob").wait("connected")
    stage.lab.run(3)
    assert done == ["transferor"]
    assert (stage.alice.state, carol.state) == ("talking", "talking")


def test_a_transfer_in_a_call_without_a_bridge_is_refused(make_stage: MakeStage) -> None:
    stage = make_stage()

    @stage.shop.scenario()
    async def desk(call: Any) -> None:
        await call.answer()
        await call.wait_for(OnHold)

    stage.alice.dial("bob").wait("connected")
    with pytest.raises(VoxlabError, match="603"):
        stage.alice.transfer("carol")
    assert stage.alice.state == "talking"


# -- offers, early media, timers


def test_a_delayed_offer_is_answered_in_the_ack_only_when_the_other_end_has_answered(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    stage.alice = stage.shop.user("alice").phone(delayed_offer=True)
    call = stage.alice.dial("bob").wait("connected")
    stage.lab.run(3)
    first = next(parse(m.data) for m in stage.lab.journal.messages() if m.data.startswith(b"INVITE"))
    assert first.sdp is None
    assert described(stage, "ACK")
    assert len(call.media) == 4


def test_early_media_with_prack_is_heard_before_the_answer(make_stage: MakeStage) -> None:
    stage = make_stage(bob={"answer_after": 3.0, "early_media": True}).forwards()
    stage.alice = stage.shop.user("alice").phone(prack="require")
    call = stage.alice.dial("bob").wait("early")
    assert stage.count("PRACK") == 1
    call.wait("connected")
    assert stage.count("SIP/2.0 200") >= 3


@pytest.mark.parametrize("refresher", ["uac", "uas"])
def test_a_session_timer_keeps_a_long_call_alive_whoever_refreshes(make_stage: MakeStage, refresher: str) -> None:
    stage = make_stage(bob={"answer_after": 0.1, "audio": "silence"}).forwards()
    stage.alice = stage.shop.user("alice").phone(session_expires=90, refresher=refresher, audio="silence")
    call = stage.alice.dial("bob").wait("connected")
    stage.lab.run(1000)
    assert call.state == "connected"
    sent = [m for m in stage.lab.journal.messages() if m.data.startswith(b"UPDATE")]
    assert len(sent) == 22
    source = str(sent[0].src)
    assert source.startswith("10.0.0.1" if refresher == "uac" else "192.0.2.10")


# -- keys, messages and identities that cross the bridge


def test_keys_by_info_and_messages_inside_a_call_reach_the_other_end(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    stage.alice.user.phone(dtmf="info")
    stage.alice.dial("bob").wait("connected")
    stage.alice.send_digits("4*")
    stage.bob.send_message("one moment")
    stage.lab.run(1)
    assert [text for _, text in stage.bob.says][-2:] == ["key 4", "key *"]
    assert stage.alice.says[-1][1] == "message: one moment"
    with pytest.raises(VoxlabError, match="the keys of a phone"):
        stage.alice.send_digits("4x")


def invites_to_bob(stage: Stage) -> list[Request]:
    found = [parse(m.data) for m in stage.lab.journal.messages() if m.data.startswith(b"INVITE sip:bob@10.")]
    return [message for message in found if isinstance(message, Request)]


def test_an_anonymous_call_hides_its_caller_from_the_called_but_not_from_the_script(make_stage: MakeStage) -> None:
    stage = make_stage()
    seen: list[str] = []

    @stage.shop.scenario()
    async def forward(call: Any) -> None:
        seen.append(call.caller_id)
        await call.forward_to_user()

    stage.alice.dial("bob", anonymous=True).wait("connected")
    invite = invites_to_bob(stage)[0]
    assert seen == ["alice"]
    assert b"alice" not in b"\r\n".join(line for line in invite.raw.split(b"\r\n") if not line.startswith(b"o="))
    assert invite.from_.uri.host == "anonymous.invalid"
    assert invite.headers.get("Privacy") == "user;id"


@pytest.mark.parametrize(
    ("privacy", "told"), [((), True), ((("Privacy", "none"),), True), ((("Privacy", "id"),), False)]
)
def test_an_identity_that_a_trunk_asserts_goes_along_unless_privacy_forbids(
    make_stage: MakeStage, privacy: tuple[tuple[str, str], ...], told: bool
) -> None:
    from tests.scenario.peer import Peer

    stage = make_stage().forwards()
    peer = Peer(stage)
    lines = (*privacy, ("P-Asserted-Identity", "<tel:+4930555>"), ("Session-ID", "ab30317f1a784dc48ff824d0d3715d86"))
    peer.invite("bob", more=lines)
    stage.lab.run(1)
    invite = invites_to_bob(stage)[0]
    assert (invite.headers.get("P-Asserted-Identity") == "<tel:+4930555>") is told
    assert invite.headers.get("Session-ID") == "ab30317f1a784dc48ff824d0d3715d86"  # RFC 7989 joins the legs


def test_an_identity_that_a_user_asserts_is_not_believed(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    machine = stage.machine("alice")
    stage.lab.world.submit(machine.dial, "bob", [("P-Asserted-Identity", "<tel:+1>")])
    stage.lab.run(1)
    assert "P-Asserted-Identity" not in invites_to_bob(stage)[0].headers


def test_max_forwards_minus_one_crosses_the_legs(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    stage.alice.dial("bob").wait("connected")
    assert invites_to_bob(stage)[0].max_forwards == 69


def test_hold_transfer_and_presence_work_in_both_worlds(either: Stage) -> None:
    stage = either.forwards()
    carol = stage.shop.user("carol").phone(answer_after=0.05)
    stage.alice.watch("bob")
    assert "<basic>open</basic>" in stage.alice.told[-1][3]
    stage.alice.dial("bob").wait("connected")
    stage.lab.run(0.3)
    stage.bob.hold()
    assert stage.alice.says[-1][1] == "on hold"
    second = stage.bob.dial("carol").wait("connected")
    stage.lab.run(0.3)
    stage.bob.transfer()
    stage.lab.run(0.5)
    assert (stage.alice.state, stage.bob.state, carol.state) == ("talking", "idle", "talking")
    assert second.state == "ended"
    assert not stage.lab.errors


def test_an_update_with_an_offer_is_passed_on_as_a_re_invite(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    stage.alice.dial("bob").wait("connected")
    machine = stage.machine("alice")
    leg = machine.phone.leg

    def hold_by_update() -> None:
        machine.agent.modify(leg, machine.now, sdp=machine.terminals[leg].offer_hold(True), method="UPDATE")
        machine.host.flush()

    stage.lab.world.submit(hold_by_update)
    stage.lab.run(1)
    assert stage.bob.says[-1][1] == "on hold"
    assert directions(stage) == ["sendonly"]
    assert stage.count("UPDATE") == 1


@pytest.mark.parametrize("to", ["let me in", "", "sip:", "bob@[::1"])
def test_a_message_to_what_is_no_address_is_refused_before_it_is_sent(make_stage: MakeStage, to: str) -> None:
    stage = make_stage().forwards()
    sent = len(list(stage.lab.journal.messages()))
    for command in (lambda: stage.alice.send_message("hello", to=to), lambda: stage.alice.watch(to)):
        with pytest.raises(VoxlabError, match="cannot be dialled"):
            command()
    assert len(list(stage.lab.journal.messages())) == sent
