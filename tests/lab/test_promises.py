"""Section 1 of what using voxlab feels like, a test per promise."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
from typing import Any

import pytest

from tests.lab.stage import MakeStage, Stage, picture
from voxlab import BlockingInScenario, CallFailed, Lab, LabClosed, NothingLeft, VoxlabError

# -- five lines -------------------------------------------------------------------------------------------------------


def test_five_lines_are_a_call(make_stage: MakeStage) -> None:
    stage = make_stage(seed=7, bob={"answer_after": 2.0}).forwards()
    call = stage.alice.dial("bob")
    call.wait("connected")
    assert 2.0 < stage.lab.now < 2.1
    stage.lab.run(10)
    call.hang_up()
    first, blank, *ladder = repr(call).splitlines()
    assert first == "✓ connected 10.0 s · alice → shop.forward → bob · PCMU · MOS 4.41 · 15 messages"
    assert not blank
    text = "\n".join(ladder)
    assert all(name in text for name in ("alice", "cloud", "bob", "A INVITE", "B INVITE", "B BYE"))


def test_the_five_lines_work_in_both_worlds(either: Stage) -> None:
    call = either.alice.dial("bob").wait("connected")
    either.lab.run(0.3)
    call.hang_up()
    assert call.state == "ended"
    assert call.verdict.startswith("✓ connected 0.")
    assert "alice → shop.forward → bob · PCMU" in call.verdict
    assert not either.lab.errors
    assert not either.lab.world.errors


def test_the_verdict_comes_first_in_text_and_the_picture_has_words(stage: Stage) -> None:
    call = stage.alice.dial("bob").wait("connected").hang_up()
    assert repr(call).startswith("✓ connected")
    drawn = picture(call)
    assert "<svg" in drawn
    assert "<title" in drawn
    assert 'role="img"' in drawn


def test_more_than_sixty_messages_fold(stage: Stage) -> None:
    for _ in range(6):
        stage.alice.dial("bob").wait("connected").hang_up()
    assert len(stage.lab.messages) > 60
    folded, whole = stage.lab.ladder().text(), stage.lab.ladder().text(fold=None)
    assert len(folded.splitlines()) < len(whole.splitlines())


@pytest.mark.parametrize("noun", ["lab", "account", "shop", "user", "alice", "call"])
def test_every_handle_says_what_it_is(stage: Stage, noun: str) -> None:
    call = stage.alice.dial("bob").wait("connected")
    nouns = {
        "lab": (stage.lab, "simulated, seed 7"),
        "account": (stage.lab.account("acme"), "1 applications"),
        "shop": (stage.shop, "rule 1"),
        "user": (stage.shop.user("alice"), "phone (registered)"),
        "alice": (stage.alice, "registered, talking"),
        "call": (call, "● talking"),
    }
    handle, words = nouns[noun]
    assert words in repr(handle)


# -- time -------------------------------------------------------------------------------------------------------------


def test_dial_alone_puts_nothing_on_the_wire_and_says_so(stage: Stage) -> None:
    before = len(stage.lab.journal)
    call = stage.alice.dial("bob")
    assert len(stage.lab.journal) == before
    assert call.state == "dialled"
    assert "nothing is on the wire until time passes" in repr(call)
    assert len(call.messages) == 0
    assert call.ladder().svg == ""


@pytest.mark.parametrize("state", ["ringing", "connected", "ended"])
def test_each_state_can_be_waited_for(stage: Stage, state: str) -> None:
    call = stage.alice.dial("bob")
    if state == "ended":
        call.wait("connected")
        stage.hang_up("bob")
    assert call.wait(state) is call
    assert call.state == state


def test_early_media_can_be_waited_for(make_stage: MakeStage) -> None:
    stage = make_stage()

    @stage.shop.scenario()
    async def announce(call: Any) -> None:
        await call.start_early_media()
        await asyncio.sleep(5)
        await call.answer()

    call = stage.alice.dial("bob").wait("early")
    assert call.state == "early"
    assert stage.lab.now < 1
    call.wait("connected")
    assert 5 < stage.lab.now < 6


def test_a_wrong_word_lists_the_states(stage: Stage) -> None:
    with pytest.raises(
        VoxlabError, match="'conected' is no state to wait for; there are ringing, early, connected, ended"
    ):
        stage.alice.dial("bob").wait("conected")


def test_a_call_that_fails_says_who_said_so_and_what_it_means(make_stage: MakeStage) -> None:
    stage = make_stage(bob={"busy": True}).forwards()
    with pytest.raises(CallFailed) as failed:
        stage.alice.dial("bob").wait("connected")
    first, meaning, see = str(failed.value).splitlines()
    assert first == "486 Busy Here, said by bob (leg B, message 6) after 2 ms"
    assert meaning == "  bob's phone was busy. Nothing is wrong with the platform."
    assert see.startswith("  see: call.ladder()")


def test_nothing_left_is_said_at_once(stage: Stage) -> None:
    call = stage.alice.dial("bob").wait("connected")
    before = stage.lab.now
    with pytest.raises(NothingLeft, match="nobody hangs up"):
        call.wait("ended", timeout=None)
    assert stage.lab.now - before < 64  # the transactions may end, and that is all there is to wait for


def test_a_wait_that_takes_longer_times_out_and_the_call_goes_on(make_stage: MakeStage) -> None:
    stage = make_stage(bob={"answer_after": 20.0}).forwards()
    call = stage.alice.dial("bob")
    with pytest.raises(TimeoutError, match=r"the call is ringing, not connected, after 5 s"):
        call.wait("connected", timeout=5)
    assert stage.lab.now == pytest.approx(5, abs=0.1)
    assert call.wait("connected").state == "connected"


def test_run_takes_seconds_a_time_a_condition_or_nothing(make_stage: MakeStage) -> None:
    stage = make_stage(bob={"answer_after": 2.0}).forwards()
    lab = stage.lab
    start = lab.now
    lab.run(10)
    assert lab.now == pytest.approx(start + 10)
    lab.run(seconds=1.5)
    assert lab.now == pytest.approx(start + 11.5)
    lab.run(until=20.0)
    assert lab.now == 20.0
    call = lab.phones[0].dial("bob")
    lab.run(until=lambda: call.state == "connected")
    assert call.state == "connected"
    call.hang_up()
    lab.run()
    assert stage.is_idle
    assert lab.now < 120  # idle is reached; refreshes and expiries keep no idle lab awake
    with pytest.raises(VoxlabError, match="does not go back"):
        lab.run(until=1.0)
    with pytest.raises(VoxlabError, match="either seconds or until"):
        lab.run(1, until=2.0)


def test_a_phone_without_answer_after_rings_until_it_is_answered(make_stage: MakeStage) -> None:
    stage = make_stage(bob={}).forwards()
    call = stage.alice.dial("bob").wait("ringing")
    stage.lab.run(30)
    assert (call.state, stage.bob.state) == ("ringing", "ringing")
    stage.bob.answer()
    assert stage.bob.state == "talking"
    assert call.wait("connected").state == "connected"


def test_the_seed_is_shown_and_drawn_when_none_is_given() -> None:
    with Lab() as first, Lab(seed=None) as drawn, Lab(seed=None) as other:
        assert "seed 0" in repr(first)
        assert drawn.seed != other.seed
        assert f"seed {drawn.seed}" in repr(drawn)


def test_what_makes_no_lab_is_refused_with_a_sentence() -> None:
    for wrong, words in [
        ({"bind": "127.0.0.1"}, "live=True"),
        ({"live": True, "bind": "everywhere"}, "not 'everywhere'"),
        ({"live": True, "bind": "0.0.0.0"}, "would listen everywhere"),
        ({"port": 70_000}, "not 70000"),
        ({"delay": -1}, "delay takes seconds"),
        ({"max_calls": -1}, "max_calls takes 0 or more"),
        ({"payloads": "some"}, "not 'some'"),
        ({"seed": "seven"}, "seed takes a whole number or None"),
    ]:
        with pytest.raises(VoxlabError, match=words):
            Lab(**wrong)  # type: ignore[arg-type]


def test_a_live_lab_answers_while_a_cell_computes(make_stage: MakeStage) -> None:
    stage = make_stage(live=True).forwards()
    call = stage.alice.dial("bob")
    connected = threading.Event()
    reached = call._reached

    def look() -> None:
        if "connected" in reached:
            connected.set()
        else:
            stage.lab.world.loop.call_later(0.01, look)

    stage.lab.world.submit(look)
    assert connected.wait(10)  # this thread never lends the lab its time


# -- await ------------------------------------------------------------------------------------------------------------


def test_every_blocking_method_has_an_awaitable_twin() -> None:
    async def cell() -> str:
        lab = Lab(seed=7)
        shop = lab.account("acme").application("shop")
        alice = await shop.user("alice").aio.phone()
        await shop.user("bob").aio.phone(answer_after=2.0)

        @shop.scenario()
        async def forward(call: Any) -> None:
            await call.forward_to_user()

        call = await alice.aio.dial("bob")
        await call.aio.wait("connected")
        await lab.aio.run(10)
        await call.aio.hang_up()
        verdict: str = call.verdict
        await lab.aio.reset()
        await lab.aio.close()
        return verdict

    assert asyncio.run(cell()).startswith("✓ connected 10.0 s")


def test_a_method_without_a_twin_lists_those_that_have_one(stage: Stage) -> None:
    with pytest.raises(
        AttributeError, match=r"Phone.repr has no awaitable twin; there are answer, close, decline, dial"
    ):
        _ = stage.alice.aio.repr


def test_blocking_in_a_scenario_is_refused_and_reaches_the_caller(make_stage: MakeStage) -> None:
    stage = make_stage()

    @stage.shop.scenario()
    async def blocks(call: Any) -> None:
        await call.ring()
        stage.lab.run(1)

    with pytest.raises(CallFailed, match="500 Server Internal Error") as failed:
        stage.alice.dial("bob").wait("connected")
    assert isinstance(failed.value.__cause__, BlockingInScenario)
    assert "use await" in str(failed.value.__cause__)
    assert stage.lab.exchange.sessions == {}
    assert stage.alice.dial("bob").state == "dialled"  # the lab lives on


def test_a_phone_dialled_inside_a_scenario_is_refused_too(make_stage: MakeStage) -> None:
    stage = make_stage()

    @stage.shop.scenario()
    async def dials(call: Any) -> None:
        stage.bob.dial("alice")

    with pytest.raises(CallFailed) as failed:
        stage.alice.dial("bob").wait("connected")
    assert isinstance(failed.value.__cause__, BlockingInScenario)


def test_a_forgotten_await_ends_the_session_and_names_the_line(make_stage: MakeStage) -> None:
    stage = make_stage()

    @stage.shop.scenario()
    async def forgets(call: Any) -> None:
        call.answer()  # the forgotten one
        await asyncio.sleep(1)

    with pytest.raises(CallFailed) as failed:
        stage.alice.dial("bob").wait("connected")
    line = forgets.__code__.co_firstlineno + 2
    assert f"{__file__}, line {line}: answer() was never awaited: write `await ...answer(...)`" in str(
        failed.value.__cause__
    )


def test_a_step_kept_and_never_awaited_names_the_line_that_made_it(make_stage: MakeStage) -> None:
    stage = make_stage()

    @stage.shop.scenario()
    async def forgets(call: Any) -> None:
        step = call.answer()
        await asyncio.sleep(1)
        del step

    with pytest.raises(CallFailed) as failed:
        stage.alice.dial("bob").wait("connected")
    assert f"line {forgets.__code__.co_firstlineno + 2}: answer()" in str(failed.value.__cause__)


def test_a_coroutine_of_ones_own_that_is_never_awaited_ends_the_session(
    make_stage: MakeStage, capfd: pytest.CaptureFixture[str]
) -> None:
    stage = make_stage()

    async def greet(call: Any) -> None:
        await call.answer()

    @stage.shop.scenario()
    async def forgets(call: Any) -> None:
        greet(call)  # type: ignore[unused-coroutine]
        await asyncio.sleep(1)

    with pytest.raises(CallFailed) as failed:
        stage.alice.dial("bob").wait("connected")
    assert "greet() was never awaited" in str(failed.value.__cause__)
    assert f"{__file__}, line {forgets.__code__.co_firstlineno + 2}" in str(failed.value.__cause__)
    assert capfd.readouterr() == ("", "")


def test_a_call_is_the_whole_call_and_a_leg_is_one_party(stage: Stage) -> None:
    seen: list[str] = []

    @stage.shop.scenario(pattern="bob")
    async def looks(call: Any) -> None:
        seen.append(repr(call))
        other = await call.session.call_user("bob")
        seen.append(repr(other))
        await call.reject(486)

    call = stage.alice.dial("bob")
    call.wait("ended")
    assert seen == ["<Leg A from alice, ALERTING>", "<Leg B to bob, PROGRESSING>"]
    assert "486" in repr(call).splitlines()[0]
    assert "B INVITE" in repr(call)


# -- run a cell twice -------------------------------------------------------------------------------------------------


def test_a_cell_run_twice_gives_one_of_everything(stage: Stage) -> None:
    def cell() -> tuple[Any, ...]:
        shop = stage.lab.account("acme").application("shop")
        alice = shop.user("alice").phone()
        bob = shop.user("bob").phone(answer_after=2.0)
        stage.forwards()
        return shop, alice, bob, stage.lab.account("acme"), shop.user("bob")

    first, second = cell(), cell()
    assert all(one is other for one, other in zip(first, second, strict=True))
    assert len(stage.shop.rules) == 1
    assert len(stage.lab.cloud.location.lookup(f"bob@{stage.shop.domain}", stage.lab.now)) == 1
    assert stage.bob.options.answer_after_s == 2.0


def test_a_scenario_replaces_its_namesake_and_running_calls_keep_the_old(make_stage: MakeStage) -> None:
    stage = make_stage()
    said: list[str] = []

    @stage.shop.scenario("same")
    async def old(call: Any) -> None:
        await call.answer()
        await asyncio.sleep(5)
        said.append("old")

    call = stage.alice.dial("x").wait("connected")

    @stage.shop.scenario("same")
    async def new(call: Any) -> None:
        said.append("new")
        await call.reject(486)

    stage.lab.run(6)
    call.hang_up()
    stage.alice.dial("x").wait("ended")
    assert said == ["old", "new"]
    assert len(stage.shop.rules) == 1


def test_two_devices_ring_together_and_the_first_to_answer_wins(make_stage: MakeStage) -> None:
    stage = make_stage(bob={}).forwards()
    mobile = stage.shop.user("bob").phone("mobile")
    assert mobile is not stage.bob
    call = stage.alice.dial("bob").wait("ringing")
    stage.lab.run(1)
    assert (stage.bob.state, mobile.state) == ("ringing", "ringing")
    mobile.answer()
    call.wait("connected")
    stage.lab.run(1)
    assert (stage.bob.state, mobile.state) == ("idle", "talking")
    cancel = next(message.data for message in stage.lab.journal.messages() if message.data.startswith(b"CANCEL"))
    assert b'Reason: SIP;cause=200;text="Call completed elsewhere"' in cancel
    assert stage.count("CANCEL") == 1
    call.hang_up()
    assert "connected" in call.verdict


def talk(stage: Stage) -> str:
    call = stage.alice.dial("bob").wait("connected")
    stage.lab.run(1)
    call.hang_up()
    digest: str = stage.lab.journal.digest()
    return digest


def test_reset_keeps_definitions_and_brings_the_same_bytes_again(stage: Stage) -> None:
    first = talk(stage)
    stage.lab.errors.append(ValueError("old"))
    stage.lab.reset()
    assert stage.lab.now < 0.1
    assert not stage.lab.errors
    assert len(stage.lab.calls) == 0
    assert len(stage.shop.rules) == 1
    assert "registered" in repr(stage.alice)
    assert talk(stage) == first


def test_reset_in_the_middle_of_a_call_ends_it(either: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    before = either.alice.dial("bob").wait("connected")
    either.lab.reset()
    assert before.state == "ended"
    assert (either.alice.state, either.bob.state) == ("idle", "idle")
    call = either.alice.dial("bob").wait("connected").hang_up()
    assert call.verdict.startswith("✓ connected")
    assert not either.lab.errors
    assert not either.lab.world.errors
    assert capfd.readouterr() == ("", "")


def test_a_handle_of_a_call_from_before_the_reset_commands_nobody(stage: Stage) -> None:
    before = stage.alice.dial("bob").wait("connected")
    stage.lab.reset()
    assert before.state == "ended"
    now = stage.alice.dial("bob").wait("connected")
    before.hang_up()
    assert now.state == "connected"


def test_close_may_be_called_twice_and_handles_then_say_so(either: Stage) -> None:
    call = either.alice.dial("bob").wait("connected")
    either.lab.close()
    either.lab.close()
    assert repr(either.lab) == "<Lab: closed>"
    for use in (
        lambda: either.alice.dial("bob"),
        lambda: either.lab.run(1),
        lambda: either.lab.account("acme"),
        lambda: either.shop.user("alice"),
        lambda: either.shop.user("alicia"),
        lambda: call.wait("ended"),
        lambda: call.messages,
        lambda: either.lab.messages,
        either.lab.reset,
        either.bob.answer,
    ):
        with pytest.raises(LabClosed):
            use()
    for handle in (call, either.alice, either.shop.user, either.shop):
        assert repr(handle)


def test_a_newer_live_lab_closes_the_older_of_the_process_and_says_so(
    make_stage: MakeStage, capsys: pytest.CaptureFixture[str]
) -> None:
    older = make_stage(live=True)
    host = older.lab.cloud.place.host
    newer = make_stage(live=True).forwards()
    assert "an older live lab held these addresses; it was closed" in capsys.readouterr().out
    assert newer.lab.cloud.place.host == host
    assert repr(older.lab) == "<Lab: closed>"
    with pytest.raises(LabClosed):
        older.alice.dial("bob")
    newer.alice.dial("bob").wait("connected").hang_up()


# -- errors come to where you look ------------------------------------------------------------------------------------


def test_what_a_scenario_raises_is_the_cause_with_its_own_lines(make_stage: MakeStage) -> None:
    stage = make_stage()

    @stage.shop.scenario()
    async def wrong(call: Any) -> None:
        await call.ring()
        raise ZeroDivisionError("of mine")

    call = stage.alice.dial("bob")
    with pytest.raises(CallFailed) as failed:
        call.wait("connected")
    cause = failed.value.__cause__
    assert isinstance(cause, ZeroDivisionError)
    frames = []
    trace = cause.__traceback__
    while trace is not None:
        frames.append((trace.tb_frame.f_code.co_name, trace.tb_lineno))
        trace = trace.tb_next
    assert frames[-1] == ("wrong", wrong.__code__.co_firstlineno + 3)
    assert repr(call).splitlines()[-1] == "scenario error: ZeroDivisionError: of mine"
    assert stage.lab.errors == [cause]


def test_a_scenario_that_raises_in_a_running_call_is_kept_and_shown(make_stage: MakeStage) -> None:
    stage = make_stage()

    @stage.shop.scenario()
    async def late(call: Any) -> None:
        await call.answer()
        await asyncio.sleep(1)
        raise LookupError("gone")

    call = stage.alice.dial("bob").wait("connected")
    stage.lab.run(3)
    assert call.state == "ended"
    assert [type(error) for error in stage.lab.errors] == [LookupError]
    assert repr(call).splitlines()[-1] == "scenario error: LookupError: gone"
    assert "LookupError: gone" in repr(stage.lab)


def test_a_scenario_may_go_on_after_the_call_and_its_mistakes_are_still_kept(make_stage: MakeStage) -> None:
    stage = make_stage()
    said: list[str] = []

    @stage.shop.scenario()
    async def tidies_up(call: Any) -> None:
        await call.answer()
        await call.hang_up()
        said.append("hung up")
        await asyncio.sleep(1)
        raise LookupError("afterwards")

    stage.alice.dial("bob").wait("ended")
    stage.lab.run(2)
    assert said == ["hung up"]
    assert [type(error) for error in stage.lab.errors] == [LookupError]


def test_print_in_a_scenario_goes_to_the_log_the_ladder_and_the_blocked_cell(
    make_stage: MakeStage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = make_stage()
    sessions: list[Any] = []

    @stage.shop.scenario()
    async def talks(call: Any) -> None:
        sessions.append(call.session)
        print("who is it?", call.caller_id, sep=" ")
        await call.answer()

    call = stage.alice.dial("bob").wait("connected")
    assert capsys.readouterr().out == "who is it? alice\n"
    ((time_s, text),) = sessions[0].log
    assert text == "who is it? alice"
    assert 0 < time_s < stage.lab.now
    assert "who is it? alice" in call.ladder().text()
    print("outside it is what it was")
    assert capsys.readouterr().out == "outside it is what it was\n"


def test_print_of_several_lines_is_several_lines(make_stage: MakeStage, capsys: pytest.CaptureFixture[str]) -> None:
    stage = make_stage()

    @stage.shop.scenario()
    async def talks(call: Any) -> None:
        print("one\ntwo", 3, sep="-", end="!\n")
        await call.reject(486)

    call = stage.alice.dial("bob")
    call.wait("ended")
    assert capsys.readouterr().out == "one\ntwo-3!\n"
    assert [line.split("» ")[1].split()[0] for line in repr(call).splitlines() if "»" in line] == ["one", "two-3!"]


def test_engine_threads_never_print(make_stage: MakeStage, capfd: pytest.CaptureFixture[str]) -> None:
    stage = make_stage()

    @stage.shop.scenario()
    async def careless(call: Any) -> None:
        task = asyncio.get_running_loop().create_task(fails())
        await asyncio.sleep(0.1)
        del task
        await call.reject(486)

    async def fails() -> None:
        raise ValueError("nobody looks at this task")

    stage.alice.dial("bob").wait("ended")
    stage.lab.run(5)
    gc.collect()
    stage.lab.close()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("live", [False, True], ids=["simulated", "live"])
def test_an_interrupted_wait_leaves_the_lab_usable(make_stage: MakeStage, live: bool) -> None:
    stage = make_stage(live=live).forwards()
    stage.shop.scenario(pattern="busybody")(busybody)
    stage.alice.dial("busybody").wait("connected")
    main = threading.main_thread().ident
    assert main is not None
    stage.lab.world.loop.call_soon_threadsafe(lambda: None)
    interrupt = threading.Timer(0.2, signal.pthread_kill, (main, signal.SIGINT))
    interrupt.start()
    with pytest.raises(KeyboardInterrupt):
        stage.lab.run(1e9)
    interrupt.join()
    stage.alice.hang_up()
    assert stage.alice.dial("bob").wait("connected").hang_up().state == "ended"


async def busybody(call: Any) -> None:
    await call.answer()
    for _ in range(10**9):
        await asyncio.sleep(0.001)
