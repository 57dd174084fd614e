"""Scripts that spin are ended, wherever they spin, and nothing else is."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from voxlab.base.errors import VoxlabError
from voxlab.net.guard import Guard, RunawayScript
from voxlab.net.lease import Outcome
from voxlab.net.virtual import VirtualLoop
from voxlab.net.world import World


@pytest.fixture
def strict() -> Iterator[World]:
    made = World(step_limit_s=0.05)
    yield made
    made.close()


async def spin() -> None:
    while True:
        pass


async def spin_and_swallow() -> None:
    while True:
        try:
            while True:
                pass
        except Exception:  # noqa: BLE001 - the script under test is a bad one
            pass


@pytest.mark.parametrize("script", [spin, spin_and_swallow])
def test_a_script_that_spins_is_ended_and_the_loop_lives_on(strict: World, script: object) -> None:
    task = strict.submit(lambda: strict.loop.create_task(strict.guard.watched(script(), "shop.forward")))  # type: ignore[operator]
    assert strict.wait(task.done) is Outcome.HELD
    with pytest.raises(RunawayScript, match=r"shop\.forward ran for more than 0\.05 s at .*test_guard\.py:\d+"):
        task.result()
    assert strict.run(1.0) is Outcome.TIMEOUT
    assert strict.errors == []


def test_a_callback_that_spins_is_ended_too(strict: World) -> None:
    def spin_at_once() -> None:
        while True:
            pass

    with pytest.raises(RunawayScript, match="on_ringing"):
        strict.submit(strict.guard.call, "on_ringing", spin_at_once)
    assert strict.submit(int, "5") == 5


def test_a_script_that_waits_long_is_left_alone(strict: World) -> None:
    async def patient() -> str:
        for _ in range(50):
            await asyncio.sleep(3600)
        return "done"

    task = strict.submit(lambda: strict.loop.create_task(strict.guard.watched(patient())))
    strict.run()
    assert task.result() == "done"


def test_steps_that_are_many_and_short_are_not_one_long_step(strict: World) -> None:
    looks = threading.Event()

    async def busy() -> int:
        rounds = 0
        while not looks.is_set():
            rounds += 1
            await asyncio.sleep(0)
        return rounds

    task = strict.submit(lambda: strict.loop.create_task(strict.guard.watched(busy())))
    threading.Timer(0.3, looks.set).start()
    strict.wait(task.done)
    assert task.result() > 0


def test_a_watched_script_passes_values_exceptions_and_cancellation_through(world: World) -> None:
    events: list[str] = []

    async def inner() -> str:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            events.append("cancelled")
            raise
        return "never"

    async def fails() -> None:
        await asyncio.sleep(1)
        raise KeyError("mine")

    first = world.submit(lambda: world.loop.create_task(world.guard.watched(inner())))
    second = world.submit(lambda: world.loop.create_task(world.guard.watched(fails())))
    world.run(2)
    world.submit(first.cancel)
    world.run(0)
    assert (first.cancelled(), events) == (True, ["cancelled"])
    with pytest.raises(KeyError, match="mine"):
        second.result()


def test_the_flag_says_whether_a_script_runs(world: World) -> None:
    async def script() -> bool:
        before = world.guard.in_user_code
        await asyncio.sleep(1)
        return before and world.guard.in_user_code

    task = world.submit(lambda: world.loop.create_task(world.guard.watched(script())))
    world.run()
    assert task.result() is True
    assert world.guard.in_user_code is False


def end_own_step(guard: Guard, step_before: int) -> None:
    assert guard.end_step(step_before) is False
    assert guard.end_step() is True
    for _ in range(1000):
        pass


def test_ending_a_step_that_is_over_raises_nowhere() -> None:
    guard = Guard(limit_s=3600)
    assert guard.end_step() is False
    step = guard.call("it", lambda: guard.step)
    assert step > 0
    assert guard.end_step(step) is False
    with pytest.raises(RunawayScript, match="it ran"):
        guard.call("it", end_own_step, guard, step)
    assert guard.call("it", int, "5") == 5
    guard.close()


def test_an_end_that_comes_as_the_step_ends_is_delivered_or_taken_back_never_left_over() -> None:
    guard = Guard(limit_s=3600)
    running, stop = threading.Event(), threading.Event()

    def shoot_at_each_step() -> None:
        last = 0
        running.set()
        while not stop.is_set():
            step = guard.step
            if step != last and guard.end_step(step):
                last = step

    shooter = threading.Thread(target=shoot_at_each_step)
    shooter.start()
    running.wait(60)
    ended = 0
    for length in range(5000):
        try:
            guard.call("it", sum, range(length))
        except RunawayScript:
            ended += 1
        assert guard.in_user_code is False
    stop.set()
    shooter.join()
    guard.close()
    assert 0 <= ended <= 5000


def spin_under_the_flag(guard: Guard) -> None:
    with guard.user_code("on_ringing"):
        assert guard.in_user_code
        guard.end_step()
        while True:
            pass


def test_a_body_of_user_code_is_ended_like_a_call() -> None:
    guard = Guard(limit_s=3600)
    with pytest.raises(RunawayScript, match="on_ringing ran"):
        spin_under_the_flag(guard)
    with guard.user_code():
        pass
    assert guard.in_user_code is False
    guard.close()


def test_a_call_within_a_call_is_part_of_it() -> None:
    guard = Guard(limit_s=3600)

    def outer() -> tuple[int, int, bool]:
        return guard.step, guard.call("inner", lambda: guard.step), guard.in_user_code

    before, within, still = guard.call("outer", outer)
    assert (before == within, still) == (True, True)
    guard.close()


def test_a_script_that_polls_without_letting_time_pass_is_ended_too(world: World) -> None:
    async def poll() -> None:
        while True:  # noqa: ASYNC110 - the script under test is a bad one
            await asyncio.sleep(0)

    assert isinstance(world.loop, VirtualLoop)
    world.loop.rounds_at_one_instant = 1000
    task = world.submit(lambda: world.loop.create_task(world.guard.watched(poll())))
    assert world.run(10) is Outcome.TIMEOUT
    assert task.cancelled()
    assert "without letting time pass" in world.errors[0].message


def test_callbacks_that_call_each_other_for_ever_end_the_wait_in_words(world: World) -> None:
    def again() -> None:
        world.loop.call_soon(again)

    assert isinstance(world.loop, VirtualLoop)
    world.loop.rounds_at_one_instant = 1000
    world.submit(again)
    with pytest.raises(VoxlabError, match="a callback went round 1,001 times at 0 s"):
        world.run(10)
    assert world.submit(int, "5") == 5
