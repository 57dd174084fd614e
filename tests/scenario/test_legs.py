"""What a script may do with a leg and its session, in the simulated world."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from tests.lab.stage import MakeStage, Stage
from voxlab import BlockingInScenario, CallEnded, CallFailed, VoxlabError
from voxlab.net.guard import RunawayScript
from voxlab.scenario.events import (
    CallEvent,
    Connected,
    Disconnected,
    Failed,
    InfoReceived,
    MessageReceived,
    Ringing,
    StateChanged,
)


def wire(stage: Stage, start: str) -> list[bytes]:
    """Return the messages whose first line begins so."""
    return [message.data for message in stage.lab.journal.messages() if message.data.startswith(start.encode())]


def test_a_scenario_answers_and_hangs_up(make_stage: MakeStage) -> None:
    stage = make_stage()

    @stage.shop.scenario()
    async def short(call: Any) -> None:
        await call.answer(headers={"X-Hello": "you"})
        await asyncio.sleep(3)
        await call.hang_up(headers={"X-Bye": "now"})

    call = stage.alice.dial("anybody").wait("connected").wait("ended")
    assert "connected 3.0 s" in call.verdict
    assert b"X-Hello: you" in next(data for data in wire(stage, "SIP/2.0 200") if b"INVITE" in data)
    assert b"X-Bye: now" in wire(stage, "BYE")[0]


@pytest.mark.parametrize(
    ("code", "reason"), [(302, "Moved Temporarily"), (404, "Not Found"), (486, "Busy Here"), (603, "Decline")]
)
def test_a_scenario_rejects_with_any_status_from_300(make_stage: MakeStage, code: int, reason: str) -> None:
    stage = make_stage()

    @stage.shop.scenario()
    async def no(call: Any) -> None:
        await call.reject(code, headers={"X-Why": "so"})

    with pytest.raises(CallFailed, match=f"{code} {reason}, said by cloud"):
        stage.alice.dial("anybody").wait("connected")
    assert b"X-Why: so" in wire(stage, f"SIP/2.0 {code}")[0]
    assert not stage.lab.errors


def test_a_status_that_refuses_nothing_is_a_mistake_of_the_scenario(make_stage: MakeStage) -> None:
    stage = make_stage()

    @stage.shop.scenario()
    async def no(call: Any) -> None:
        await call.reject(200)

    with pytest.raises(CallFailed, match="500") as failed:
        stage.alice.dial("anybody").wait("connected")
    assert "300 to 699, not with 200" in str(failed.value.__cause__)


def test_ringing_then_early_media_then_the_answer(make_stage: MakeStage) -> None:
    stage = make_stage()

    @stage.shop.scenario()
    async def slow(call: Any) -> None:
        await call.ring(headers={"X-Ring": "1"})
        await asyncio.sleep(1)
        await call.start_early_media()
        await call.play(np.full(8000, 8000, dtype=np.int16))
        await asyncio.sleep(2)
        await call.play(None)
        await call.answer()

    call = stage.alice.dial("anybody").wait("ringing")
    assert call.state == "ringing"
    call.wait("early")
    stage.lab.run(1.9)
    assert call.state == "early"
    heard = call.audio("alice")
    assert heard.duration_s > 0.5  # type: ignore[union-attr]
    assert heard.level_dbfs > -30  # type: ignore[union-attr]
    call.wait("connected").hang_up()
    assert [data.split(b"\r\n")[0] for data in wire(stage, "SIP/2.0 1")] == [
        b"SIP/2.0 180 Ringing",
        b"SIP/2.0 183 Session Progress",
    ]


def test_call_user_returns_a_leg_whose_events_tell_how_it_goes(make_stage: MakeStage) -> None:
    stage = make_stage()
    seen: list[str] = []

    @stage.shop.scenario()
    async def by_hand(call: Any) -> None:
        bob = await call.session.call_user("bob", caller_id="4711", display_name="Shop", headers={"X-Order": "7"})
        bob.on(CallEvent, lambda event: seen.append(event.name))
        await bob.wait_for(Connected, timeout=20)
        await call.answer()
        await bob.wait_for(Disconnected)

    call = stage.alice.dial("anybody").wait("connected")
    stage.lab.run(1)
    stage.bob.hang_up()
    stage.lab.run(1)
    assert seen == ["Call.Ringing", "Call.StateChanged", "Call.Connected", "Call.StateChanged", "Call.Disconnected"]
    invite = next(data for data in wire(stage, "INVITE") if b"X-Order: 7" in data)
    assert b'From: "Shop" <sip:4711@shop.acme.voxlab.test>' in invite
    assert call.state == "connected"  # bob's end is not alice's: nothing was bridged
    call.hang_up()


@pytest.mark.parametrize(("user", "code"), [("nobody", 404), ("carol", 480)])
def test_a_leg_that_cannot_be_made_fails_as_any_other(make_stage: MakeStage, user: str, code: int) -> None:
    stage = make_stage()
    stage.shop.user("carol")  # has no phone
    seen: list[Any] = []

    @stage.shop.scenario()
    async def tries(call: Any) -> None:
        leg = await call.session.call_user(user)
        leg.on(Failed, seen.append)
        event = await leg.wait_for(Failed)
        await call.reject(event.code)

    with pytest.raises(CallFailed, match=str(code)):
        stage.alice.dial("anybody").wait("connected")
    assert [event.code for event in seen] == [code]


def test_waiting_for_what_cannot_come_raises_call_ended(make_stage: MakeStage) -> None:
    stage = make_stage(bob={"busy": True})
    caught: list[str] = []

    @stage.shop.scenario()
    async def waits(call: Any) -> None:
        bob = await call.session.call_user("bob")
        try:
            await bob.wait_for(Connected)
        except CallEnded as ended:
            caught.append(str(ended))
        try:
            await bob.hang_up()
            await bob.send_message("hello?")
        except CallEnded as ended:
            caught.append(str(ended))
        await call.reject(486)

    stage.alice.dial("anybody").wait("ended")
    assert caught == ["leg B ended: 486 Busy Here", "cannot send a message: leg B has ended"]


def test_wait_for_takes_lab_seconds(make_stage: MakeStage) -> None:
    stage = make_stage(bob={})
    after: list[float] = []

    @stage.shop.scenario()
    async def impatient(call: Any) -> None:
        bob = await call.session.call_user("bob")
        try:
            await bob.wait_for(Connected, timeout=7)
        except TimeoutError:
            after.append(stage.lab.now)
        await bob.hang_up()
        await call.reject(480)

    stage.alice.dial("anybody").wait("ended")
    assert after == [pytest.approx(7, abs=0.1)]
    assert len(wire(stage, "CANCEL")) == 1


def test_handlers_may_be_coroutines_and_their_mistakes_end_the_session(make_stage: MakeStage) -> None:
    stage = make_stage()

    @stage.shop.scenario()
    async def handles(call: Any) -> None:
        async def rang(event: Ringing) -> None:
            await asyncio.sleep(0.01)
            raise LookupError("in a handler")

        bob = await call.session.call_user("bob")
        bob.on(Ringing, rang)
        await asyncio.sleep(30)

    with pytest.raises(CallFailed, match="500") as failed:
        stage.alice.dial("anybody").wait("connected")
    assert isinstance(failed.value.__cause__, LookupError)
    assert stage.bob.state == "idle"


def test_a_handler_may_be_a_step_itself_and_may_not_block(make_stage: MakeStage) -> None:
    stage = make_stage()

    @stage.shop.scenario()
    async def handles(call: Any) -> None:
        async def blocks(event: Disconnected) -> None:
            stage.alice.dial("anybody")

        bob = await call.session.call_user("bob")
        bob.on(Connected, lambda event: call.answer())
        bob.on(Disconnected, blocks)
        await asyncio.sleep(30)

    call = stage.alice.dial("anybody").wait("connected")
    stage.bob.hang_up()
    call.wait("ended")
    assert [type(error) for error in stage.lab.errors] == [BlockingInScenario]


def test_state_changes_are_events(make_stage: MakeStage) -> None:
    stage = make_stage()
    seen: list[tuple[str, str]] = []

    @stage.shop.scenario()
    async def watches(call: Any) -> None:
        call.on(StateChanged, lambda event: seen.append((event.old_state, event.new_state)))
        await call.answer()

    stage.alice.dial("anybody").wait("connected").hang_up()
    stage.lab.run(1)
    assert seen == [("ALERTING", "CONNECTED"), ("CONNECTED", "TERMINATED")]


def test_messages_and_infos_go_both_ways(make_stage: MakeStage) -> None:
    stage = make_stage()
    seen: list[Any] = []

    @stage.shop.scenario()
    async def chats(call: Any) -> None:
        call.on(MessageReceived, lambda event: seen.append(event.text))
        call.on(InfoReceived, lambda event: seen.append((event.mime_type, event.body)))
        await call.answer()
        await call.send_message("willkommen, schön")
        await call.send_info("application/json", "{}")

    stage.alice.dial("anybody").wait("connected")
    stage.alice.send_message("grüß Gott")
    stage.alice.send_info("application/dtmf-relay", "Signal=5")
    stage.lab.run(1)
    assert seen == ["grüß Gott", ("application/dtmf-relay", "Signal=5")]
    assert "willkommen, schön".encode() in wire(stage, "MESSAGE sip:alice")[0]
    assert b"application/json" in wire(stage, "INFO sip:alice")[0]


def test_an_info_body_has_a_bound(make_stage: MakeStage) -> None:
    stage = make_stage()

    @stage.shop.scenario()
    async def sends(call: Any) -> None:
        await call.answer()
        await call.send_info("text/plain", "x" * 8193)

    stage.alice.dial("anybody").wait("connected").wait("ended")
    assert "at most 8192 bytes" in str(stage.lab.errors[0])


@pytest.mark.parametrize(
    "headers",
    [{"X-Evil": "a\r\nRoute: <sip:me>"}, {"X-Evil\r\nRoute": "a"}, {"Route": "<sip:me>"}, {"X-Long": "x" * 4096}],
)
def test_headers_cannot_smuggle_in_others(make_stage: MakeStage, headers: dict[str, str]) -> None:
    stage = make_stage()

    @stage.shop.scenario()
    async def evil(call: Any) -> None:
        await call.answer(headers=headers)

    with pytest.raises(CallFailed, match="500") as failed:
        stage.alice.dial("anybody").wait("connected")
    assert isinstance(failed.value.__cause__, VoxlabError)
    assert all(b"sip:me" not in message.data for message in stage.lab.journal.messages())
    with pytest.raises(VoxlabError, match="X- headers"):
        stage.alice.dial("anybody", headers={"X-Evil\r\nRoute": "<sip:me>"})


def test_x_headers_of_the_call_are_read_and_passed_on(make_stage: MakeStage) -> None:
    stage = make_stage()
    seen: list[Any] = []

    @stage.shop.scenario()
    async def reads(call: Any) -> None:
        seen.append(dict(call.headers))
        await call.forward_to_user("bob", headers={"X-Mine": "too"})

    stage.alice.dial("anybody", headers={"X-Ticket": "12"}).wait("connected").hang_up()
    assert seen == [{"X-Ticket": "12"}]
    second = wire(stage, "INVITE sip:bob@10.")[0]
    assert b"X-Ticket: 12" in second
    assert b"X-Mine: too" in second


def test_a_scenario_that_does_nothing_is_cut_after_a_minute(make_stage: MakeStage) -> None:
    stage = make_stage()

    @stage.shop.scenario()
    async def nothing(call: Any) -> None:
        return

    call = stage.alice.dial("anybody")
    with pytest.raises(CallFailed, match="408 Request Timeout, said by cloud"):
        call.wait("connected", timeout=None)
    assert stage.lab.now == pytest.approx(60, abs=0.1)
    assert not stage.lab.exchange.sessions


def test_a_scenario_that_only_waits_is_cut_after_a_minute_and_does_not_hang_on(make_stage: MakeStage) -> None:
    stage = make_stage()

    @stage.shop.scenario()
    async def waits(call: Any) -> None:
        await asyncio.sleep(1e6)

    with pytest.raises(CallFailed, match="408"):
        stage.alice.dial("anybody").wait("connected", timeout=None)
    stage.lab.run()
    assert stage.lab.now < 200
    assert not stage.lab.errors


def test_a_function_that_is_not_async_is_refused_when_it_is_defined(make_stage: MakeStage) -> None:
    stage = make_stage()
    with pytest.raises(VoxlabError, match=r"write `async def plain\(call\):`"):

        @stage.shop.scenario()
        def plain(call: Any) -> None: ...


@pytest.mark.parametrize("live", [False, True], ids=["simulated", "live"])
def test_a_scenario_that_spins_is_ended_and_the_lab_lives_on(make_stage: MakeStage, live: bool) -> None:
    stage = make_stage(live=live).forwards()
    stage.lab.world.guard.limit_s = 0.2

    @stage.shop.scenario(pattern="spin")
    async def spins(call: Any) -> None:
        while True:
            pass

    with pytest.raises(CallFailed, match="500") as failed:
        stage.alice.dial("spin").wait("connected")
    assert isinstance(failed.value.__cause__, RunawayScript)
    assert __file__ in str(failed.value.__cause__)
    assert stage.alice.dial("bob").wait("connected").hang_up().state == "ended"


def test_a_session_has_at_most_a_hundred_legs(make_stage: MakeStage) -> None:
    stage = make_stage(bob={})
    made: list[int] = []

    @stage.shop.scenario()
    async def many(call: Any) -> None:
        try:
            for _ in range(200):
                await call.session.call_user("nobody")
        finally:
            made.append(len(call.session.legs))

    with pytest.raises(CallFailed) as failed:
        stage.alice.dial("anybody").wait("connected")
    assert made == [100]
    assert "at most 100 legs" in str(failed.value.__cause__)


def test_legs_may_be_awaited_together_with_asyncio_s_own_tools(make_stage: MakeStage) -> None:
    stage = make_stage()
    stage.shop.user("carol").phone(answer_after=3.0)

    async def until_answered(leg: Any) -> None:
        await leg.wait_for(Connected)

    @stage.shop.scenario()
    async def both(call: Any) -> None:
        legs = await asyncio.gather(call.session.call_user("bob"), call.session.call_user("carol"))
        async with asyncio.TaskGroup() as group:
            for leg in legs:
                group.create_task(until_answered(leg))
        await call.answer()

    stage.alice.dial("anybody").wait("connected")
    assert stage.lab.now == pytest.approx(3, abs=0.1)


def test_terminate_ends_every_leg(make_stage: MakeStage) -> None:
    stage = make_stage()
    said: list[str] = []

    @stage.shop.scenario()
    async def ends(call: Any) -> None:
        bob = await call.session.call_user("bob")
        await bob.wait_for(Connected)
        await call.answer()
        await asyncio.sleep(1)
        await call.session.terminate()
        said.append(f"{call.state} {bob.state}")

    stage.alice.dial("anybody").wait("connected").wait("ended")
    stage.lab.run(1)
    assert said == ["TERMINATED TERMINATED"]
    assert (stage.alice.state, stage.bob.state) == ("idle", "idle")


def test_the_caller_who_hangs_up_ends_what_rings(make_stage: MakeStage) -> None:
    stage = make_stage(bob={})

    @stage.shop.scenario()
    async def holds_on(call: Any) -> None:
        await call.answer()
        await call.session.call_user("bob")
        await asyncio.sleep(1000)

    call = stage.alice.dial("anybody").wait("connected")
    stage.lab.run(1)
    assert stage.bob.state == "ringing"
    call.hang_up()
    stage.lab.run(1)
    assert stage.bob.state == "idle"
    assert not stage.lab.exchange.sessions


def test_a_bye_that_overtakes_the_ack_wait_is_no_mistake(make_stage: MakeStage) -> None:
    stage = make_stage(bob={"answer_after": 0.0}).forwards()
    call = stage.alice.dial("bob").wait("connected")
    stage.hang_up("bob")  # while alice's ACK is under way
    call.wait("ended")
    stage.lab.run(1)
    assert not stage.lab.errors
    assert not stage.lab.world.errors
    assert (stage.alice.state, stage.bob.state) == ("idle", "idle")


def test_a_scenario_can_wait_for_a_change_of_state_without_a_handler(make_stage: MakeStage) -> None:
    stage = make_stage()
    seen: list[str] = []

    @stage.shop.scenario()
    async def watch(call: Any) -> None:
        answered = asyncio.ensure_future(call.answer())
        changed = await call.wait_for(StateChanged)
        seen.append(f"{changed.old_state} > {changed.new_state}")
        await answered

    stage.alice.dial("bob").wait("connected").hang_up()
    assert seen == ["ALERTING > CONNECTED"]
