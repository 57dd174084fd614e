"""The order of things on both loops, and exact virtual time."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from voxlab.net.lease import Outcome
from voxlab.net.ordered import on_the_grid
from voxlab.net.virtual import VirtualLoop
from voxlab.net.world import World

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(params=["virtual", "real"])
def either(request: pytest.FixtureRequest) -> World:
    return request.getfixturevalue("world" if request.param == "virtual" else "live")  # type: ignore[no-any-return]


def finish(world: World, coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its end as a task of the lab, and return what it returns."""
    task = world.submit(lambda: world.loop.create_task(coroutine))
    assert world.wait(task.done) is Outcome.HELD
    return task.result()


def test_timers_due_at_the_same_instant_run_in_the_order_of_setting(either: World) -> None:
    seen: list[int] = []

    def set_all() -> None:
        when = either.loop.time() + 0.01
        for number in range(2000):
            either.loop.call_at(when, seen.append, number)

    either.submit(set_all)
    either.wait(lambda: len(seen) == 2000)
    assert seen == list(range(2000))


def test_an_earlier_timer_that_was_set_later_runs_first(world: World) -> None:
    seen: list[str] = []
    world.submit(world.loop.call_at, 2.0, seen.append, "late")
    world.submit(world.loop.call_at, 1.0, seen.append, "early")
    world.run()
    assert seen == ["early", "late"]


def test_twenty_thousand_times_twenty_milliseconds_are_four_hundred_seconds(world: World) -> None:
    async def tick() -> float:
        for _ in range(20_000):
            await asyncio.sleep(0.02)
        return world.loop.time()

    assert finish(world, tick()) == 400.0


@pytest.mark.parametrize("when", [0.0, 0.1 + 0.2, 1 / 3, 12345.678901234567, 86_400.000000001])
def test_the_grid_is_what_rounding_to_nine_digits_gives(when: float) -> None:
    assert on_the_grid(when) == round(when, 9)


@pytest.mark.parametrize("when", [float("inf"), 1e12, -1.0])
def test_times_that_no_grid_holds_stay_as_they_are(when: float) -> None:
    assert on_the_grid(when) == when


def test_cancelled_timers_do_not_run_and_do_not_pile_up(world: World) -> None:
    seen: list[int] = []

    def churn() -> None:
        for number in range(10_000):
            world.loop.call_at(5.0, seen.append, number).cancel()
        world.loop.call_at(1.0, seen.append, -1)

    world.submit(churn)
    assert world.submit(lambda: len(world.loop._scheduled)) < 200
    assert world.run() is Outcome.NOTHING_LEFT
    assert (seen, world.now) == ([-1], 1.0)


def test_a_timer_cancelled_after_it_ran_changes_nothing(world: World) -> None:
    timers = []
    world.submit(lambda: timers.append(world.loop.call_at(1.0, int)))
    world.run()
    world.submit(timers[0].cancel)
    world.submit(lambda: world.loop.call_at(2.0, int))
    assert world.run() is Outcome.NOTHING_LEFT
    assert world.now == 2.0


def test_a_task_group_cancels_its_tasks_in_the_order_of_their_making(either: World) -> None:
    ended: list[int] = []

    async def member(number: int) -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            ended.append(number)

    async def group() -> None:
        ballast = []
        async with asyncio.TaskGroup() as tasks:
            for number in range(100):
                tasks.create_task(member(number))
                ballast.append(bytearray(number * 37))  # moves the next task to another address
            await asyncio.sleep(0)
            raise KeyError

    with pytest.raises(ExceptionGroup):
        finish(either, group())
    assert len(ended) == 100
    assert ended == list(range(100))


def test_wait_walks_futures_by_their_making_not_by_their_addresses(world: World) -> None:
    async def hashes() -> list[int]:
        futures = [world.loop.create_future() for _ in range(10)]
        tasks = [world.loop.create_task(asyncio.sleep(0)) for _ in range(10)]
        await asyncio.wait(tasks)
        return [hash(each) for each in (*futures, *tasks)]

    found = finish(world, hashes())
    assert found == list(range(found[0], found[0] + 20))


def test_timeout_gather_and_task_group_work_in_virtual_time(world: World) -> None:
    async def late(value: int) -> int:
        await asyncio.sleep(value)
        return value

    async def story() -> tuple[Any, ...]:
        gathered = await asyncio.gather(late(3), late(1), late(2))
        async with asyncio.TaskGroup() as group:
            first, second = group.create_task(late(10)), group.create_task(late(20))
        try:
            async with asyncio.timeout(5):
                await late(3600)
        except TimeoutError:
            return gathered, first.result(), second.result(), world.loop.time()
        return ()

    assert finish(world, story()) == ([3, 1, 2], 10, 20, 28.0)
    assert world.now == 28.0


def test_waking_from_another_thread_works_while_the_clock_jumps(world: World) -> None:
    heard = threading.Event()

    def tick() -> None:
        if not heard.is_set():
            world.loop.call_later(0.02, tick)

    world.submit(world.loop.call_soon, tick)
    threading.Timer(0.0, lambda: world.loop.call_soon_threadsafe(heard.set)).start()
    assert world.run() is Outcome.NOTHING_LEFT
    assert heard.is_set()


def test_a_child_process_holds_the_clock_until_its_output_is_read(world: World) -> None:
    async def story() -> tuple[bytes, float]:
        world.loop.call_later(1.0, int)
        program = "import time; time.sleep(0.05); print('done')"
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
        output, _ = await child.communicate()
        return output.strip(), world.loop.time()

    assert finish(world, story()) == (b"done", 0.0)


def test_work_in_an_executor_holds_the_clock(world: World) -> None:
    release = threading.Event()
    alarm: list[float] = []

    async def story() -> tuple[bool, float]:
        world.loop.call_later(1.0, lambda: alarm.append(world.loop.time()))
        threading.Timer(0.05, release.set).start()
        return await asyncio.to_thread(release.wait), world.loop.time()

    assert finish(world, story()) == (True, 0.0)
    assert alarm == []
    world.run()
    assert alarm == [1.0]


def test_a_descriptor_that_somebody_watches_is_seen_in_virtual_time(world: World) -> None:
    reading, writing = os.pipe()
    seen: list[bytes] = []

    def read() -> None:
        seen.append(os.read(reading, 10))
        world.loop.remove_reader(reading)

    world.submit(world.loop.add_reader, reading, read)
    os.write(writing, b"x")
    world.submit(world.loop.call_at, 1.0, int)
    world.run()
    os.close(reading)
    os.close(writing)
    assert seen == [b"x"]


PROGRAM = """
import asyncio, sys
from voxlab.net.world import World
world = World(seed=3)
log = []
async def phone(number):
    try:
        await asyncio.sleep(world.ids.random())
        log.append((world.loop.time(), number))
        async with asyncio.TaskGroup() as group:
            for child in range(3):
                group.create_task(leg(number, child))
    except* ValueError:
        log.append((world.loop.time(), number, "failed"))
async def leg(number, child):
    try:
        await asyncio.sleep(world.ids.random())
        if child == 1:
            raise ValueError
        await asyncio.sleep(5)
    finally:
        log.append((world.loop.time(), number, child, world.ids.token()))
def start():
    for number in range(20):
        world.loop.create_task(phone(number))
world.submit(start)
world.run()
world.close()
print(log)
"""


def test_two_hash_seeds_give_the_same_story() -> None:
    def story(hash_seed: str) -> bytes:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        return subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, check=True).stdout

    first = story("1")
    assert len(first) > 1000
    assert story("2") == first


@pytest.mark.may_skip("eager tasks came with Python 3.12")
@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
def test_an_eager_task_is_counted_like_any_other(world: World) -> None:
    task = world.submit(lambda: world.loop._make_task(world.loop, asyncio.sleep(1.0), eager_start=True))
    assert world.run() is Outcome.NOTHING_LEFT
    assert task.done()
    assert hash(task) == task.serial


def test_a_delivery_keeps_its_place_among_timers_of_the_same_instant_and_its_error_ends_nothing() -> None:
    world = World()
    seen: list[str] = []

    def fail() -> None:
        raise ValueError("lost on the way")

    def set_all() -> None:
        assert isinstance(world.loop, VirtualLoop)
        world.loop.call_at(1.0, seen.append, "timer")
        world.loop.deliver_at(1.0, fail)
        world.loop.deliver_at(1.0, seen.append, "delivery")
        world.loop.call_at(1.0, seen.append, "later timer")

    try:
        world.submit(set_all)
        world.run()
        assert seen == ["timer", "delivery", "later timer"]
        assert [str(error.exception) for error in world.errors] == ["lost on the way"]
    finally:
        world.close()
