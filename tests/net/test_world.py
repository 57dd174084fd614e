"""Leases, waits, interrupts, resets and ends, seen from the threads outside."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable

import pytest

from voxlab.base.errors import BlockingInScenario, LabClosed, VoxlabError
from voxlab.net.guard import RunawayScript
from voxlab.net.lease import Outcome
from voxlab.net.world import World


def each_second(world: World, seen: list[float]) -> Callable[[], None]:
    """Return what sets a timer for every second of ten."""

    def set_all() -> None:
        for second in range(1, 11):
            world.loop.call_at(float(second), lambda: seen.append(world.loop.time()))

    return set_all


def test_no_time_passes_and_nothing_runs_without_a_lease(world: World) -> None:
    seen: list[str] = []
    world.submit(world.loop.call_soon, seen.append, "ready")
    world.submit(world.loop.call_at, 0.0, seen.append, "due")
    for _ in range(10):
        world.submit(int)
    assert (seen, world.now) == ([], 0.0)
    world.run(0)
    assert sorted(seen) == ["due", "ready"]


def test_commands_run_in_the_order_in_which_they_came(world: World) -> None:
    seen: list[int] = []
    for number in range(500):
        world.hand_over(seen.append, number)
    world.submit(int)
    assert seen == list(range(500))


def test_the_clock_parks_at_the_instant_at_which_the_condition_holds(world: World) -> None:
    seen: list[float] = []
    world.submit(each_second(world, seen))
    assert world.wait(lambda: len(seen) == 3, timeout_s=60) is Outcome.HELD
    assert (world.now, seen) == (3.0, [1.0, 2.0, 3.0])


def test_a_condition_that_holds_already_lets_nothing_run(world: World) -> None:
    seen: list[float] = []
    world.submit(each_second(world, seen))
    assert world.wait(lambda: True) is Outcome.HELD
    assert (world.now, seen) == (0.0, [])


def test_a_lease_ends_at_its_horizon_and_what_is_due_there_has_happened(world: World) -> None:
    seen: list[float] = []
    world.submit(each_second(world, seen))
    assert world.wait(lambda: False, timeout_s=2.0) is Outcome.TIMEOUT
    assert (world.now, seen) == (2.0, [1.0, 2.0])
    assert world.run(2.5) is Outcome.TIMEOUT
    assert (world.now, len(seen)) == (4.5, 4)
    assert world.run(until=6.0) is Outcome.TIMEOUT
    assert (world.now, len(seen)) == (6.0, 6)


def test_nothing_left_is_said_at_once_and_the_clock_stands(world: World) -> None:
    seen: list[float] = []
    world.submit(each_second(world, seen))
    assert world.wait(lambda: False, timeout_s=1e6) is Outcome.NOTHING_LEFT
    assert world.now == 10.0


def test_running_for_some_seconds_passes_them_even_if_nothing_is_left(world: World) -> None:
    assert world.run(3.0) is Outcome.TIMEOUT
    assert world.now == 3.0


def test_housekeeping_in_the_background_keeps_no_idle_lab_awake(world: World) -> None:
    kept: list[float] = []

    def keep_house() -> None:
        kept.append(world.loop.time())
        world.loop.call_in_background_at(world.loop.time() + 1.0, keep_house)

    world.submit(world.loop.call_in_background_at, 1.0, keep_house)
    assert world.run() is Outcome.NOTHING_LEFT
    assert world.now == 0.0
    world.run(3.5)
    assert kept == [1.0, 2.0, 3.0]


def test_two_waits_at_once_each_end_at_their_own_instant(world: World) -> None:
    seen: list[float] = []
    world.submit(each_second(world, seen))

    async def both() -> tuple[Outcome, Outcome]:
        short = world.aio.wait(lambda: len(seen) >= 2, timeout_s=60)
        long = world.aio.wait(lambda: len(seen) >= 5, timeout_s=60)
        first, second = await asyncio.gather(short, long)
        return first, second

    assert asyncio.run(both()) == (Outcome.HELD, Outcome.HELD)
    assert world.now == 5.0


def test_the_awaitable_twins_do_what_the_blocking_methods_do(world: World) -> None:
    async def story() -> tuple[int, Outcome, Outcome, float]:
        number = await world.aio.submit(int, "7")
        ran = await world.aio.run(2.0)
        return number, ran, await world.aio.wait(lambda: False), world.now

    assert asyncio.run(story()) == (7, Outcome.TIMEOUT, Outcome.NOTHING_LEFT, 2.0)


def test_a_wait_that_is_cancelled_gives_its_lease_back(world: World) -> None:
    def tick() -> None:
        world.loop.call_later(1.0, tick)

    world.submit(tick)

    async def story() -> None:
        waiting = asyncio.ensure_future(world.aio.wait(lambda: False))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(story())
    stands = world.submit(lambda: world.now)
    assert world.submit(lambda: world.now) == stands
    assert world.submit(lambda: world.loop.leases) == []


def test_what_a_command_raises_is_raised_where_it_was_submitted(either_world: World) -> None:
    with pytest.raises(ZeroDivisionError):
        either_world.submit(lambda: 1 // 0)
    assert either_world.submit(int, "5") == 5


def test_what_a_condition_raises_is_raised_in_the_wait(either_world: World) -> None:
    with pytest.raises(ZeroDivisionError):
        either_world.wait(lambda: bool(1 // 0))
    assert either_world.submit(int, "5") == 5


@pytest.fixture(params=["virtual", "real"])
def either_world(request: pytest.FixtureRequest) -> World:
    return request.getfixturevalue("world" if request.param == "virtual" else "live")  # type: ignore[no-any-return]


def test_a_live_wait_ends_when_its_condition_comes_true(live: World) -> None:
    seen: list[int] = []
    live.submit(live.loop.call_later, 0.01, seen.append, 1)
    assert live.wait(lambda: bool(seen), timeout_s=60) is Outcome.HELD
    assert live.wait(lambda: False, timeout_s=0.01) is Outcome.TIMEOUT
    assert live.run(0.01) is Outcome.TIMEOUT


def test_a_live_lab_refuses_to_run_until_idle(live: World) -> None:
    with pytest.raises(VoxlabError, match="never idle"):
        live.run()


@pytest.mark.parametrize("wrong", [-1, float("nan"), float("inf")])
def test_a_span_that_is_none_is_refused_in_words(world: World, wrong: float) -> None:
    with pytest.raises(VoxlabError, match="lab seconds"):
        world.run(wrong)


def test_time_does_not_run_backwards(world: World) -> None:
    world.run(5)
    with pytest.raises(VoxlabError, match="does not go back"):
        world.run(until=4.0)


def test_ctrl_c_gives_the_lease_back_and_the_lab_stays_usable(either_world: World) -> None:
    world = either_world
    main = threading.main_thread().ident
    assert main is not None
    passing = threading.Event()

    def tick() -> None:
        if world.loop.leases:  # the main thread waits by now, so that the signal finds it there
            passing.set()
        world.loop.call_later(0.001, tick)

    def press() -> None:
        passing.wait(60)
        signal.pthread_kill(main, signal.SIGINT)

    world.submit(tick)
    presser = threading.Thread(target=press)
    presser.start()
    with pytest.raises(KeyboardInterrupt):
        world.wait(lambda: False)
    presser.join()
    assert world.submit(lambda: world.loop.leases) == []
    assert world.wait(lambda: True) is Outcome.HELD


def test_ctrl_c_ends_a_script_that_keeps_the_thread() -> None:
    world = World(step_limit_s=3600)
    main = threading.main_thread().ident
    assert main is not None
    spinning = threading.Event()

    async def spin() -> None:
        while True:
            spinning.set()

    def press() -> None:
        spinning.wait(60)
        signal.pthread_kill(main, signal.SIGINT)

    tasks = [world.submit(lambda: world.loop.create_task(world.guard.watched(spin())))]
    presser = threading.Thread(target=press)
    presser.start()
    with pytest.raises(KeyboardInterrupt):
        world.wait(lambda: False)
    presser.join()
    assert isinstance(tasks.pop().exception(), RunawayScript)
    assert world.submit(int, "5") == 5
    world.close()


def test_a_blocking_call_inside_a_script_is_refused_with_the_cure(either_world: World) -> None:
    world = either_world
    heard: list[BaseException] = []

    async def script() -> None:
        for blocking in (lambda: world.submit(int), lambda: world.wait(lambda: True), lambda: world.run(1)):
            try:
                blocking()
            except BlockingInScenario as error:
                heard.append(error)

    world.submit(lambda: world.loop.create_task(world.guard.watched(script())))
    world.wait(lambda: len(heard) == 3)
    assert all("use await" in str(error) for error in heard)


def test_the_labs_own_code_may_submit_to_itself(world: World) -> None:
    assert world.submit(world.submit, int, "5") == 5


def test_a_script_waits_with_await_and_grants_no_time(world: World) -> None:
    outcomes: list[tuple[Outcome, float]] = []

    async def script() -> None:
        outcomes.append((await world.aio.wait(lambda: world.loop.time() >= 2.0, timeout_s=60), world.now))
        outcomes.append((await world.aio.wait(lambda: False, timeout_s=5.0), world.now))

    world.submit(lambda: world.loop.create_task(world.guard.watched(script())))
    world.submit(world.loop.call_at, 2.0, int)
    assert world.run(1.0) is Outcome.TIMEOUT
    assert (outcomes, world.now) == ([], 1.0)
    assert world.run() is Outcome.NOTHING_LEFT
    assert outcomes == [(Outcome.HELD, 2.0), (Outcome.TIMEOUT, 7.0)]


def test_what_the_loop_reports_is_kept_and_not_printed(either_world: World, capfd: pytest.CaptureFixture[str]) -> None:
    world = either_world
    world.submit(world.loop.call_soon, lambda: 1 // 0)
    world.wait(lambda: bool(world.errors))
    assert isinstance(world.errors[0].exception, ZeroDivisionError)
    assert capfd.readouterr() == ("", "")


def test_a_script_that_asks_the_interpreter_to_end_does_not_end_the_lab(either_world: World) -> None:
    world = either_world

    async def leave() -> None:
        raise SystemExit(3)

    task = world.submit(lambda: world.loop.create_task(leave()))
    assert world.wait(task.done) is Outcome.HELD
    assert isinstance(world.errors[0].exception, SystemExit)
    task.exception()
    assert world.submit(int, "5") == 5


def test_reset_cancels_everything_and_starts_clock_and_seed_anew(world: World) -> None:
    ended: list[str] = []

    async def stubborn() -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            ended.append("finally")
            await asyncio.sleep(1000)

    world.submit(lambda: world.loop.create_task(stubborn()))
    world.submit(world.loop.call_at, 50.0, ended.append, "never")
    token = world.ids.token()
    world.run(10)
    world.reset()
    assert (world.now, ended, world.errors) == (0.0, ["finally"], [])
    assert world.ids.token() == token
    assert world.run() is Outcome.NOTHING_LEFT
    assert (world.now, ended) == (0.0, ["finally"])


def test_a_live_lab_resets_too(live: World) -> None:
    task = live.submit(lambda: live.loop.create_task(asyncio.sleep(1000)))
    live.reset()
    assert task.cancelled()
    assert live.now < 60


def test_close_may_be_called_twice_and_leaves_no_thread() -> None:
    for live in (False, True):
        world = World(live=live)
        world.submit(lambda world=world: world.loop.create_task(asyncio.sleep(1000)))
        world.close()
        world.close()
        assert not [thread for thread in threading.enumerate() if thread is world._thread]
        with pytest.raises(LabClosed):
            world.submit(int)
        with pytest.raises(LabClosed):
            world.wait(lambda: True)


def test_a_world_that_was_never_used_starts_no_thread() -> None:
    before = threading.active_count()
    world = World()
    assert world.now == 0.0
    world.close()
    assert threading.active_count() == before


def test_a_wait_elsewhere_hears_that_the_lab_was_closed() -> None:
    world = World()
    started = threading.Event()
    heard: list[BaseException] = []

    def tick() -> None:
        started.set()
        world.loop.call_later(1.0, tick)

    def wait() -> None:
        try:
            world.wait(lambda: False)
        except LabClosed as error:
            heard.append(error)

    world.submit(tick)
    waiter = threading.Thread(target=wait)
    waiter.start()
    started.wait(60)
    world.close()
    waiter.join()
    assert len(heard) == 1
