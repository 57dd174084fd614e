"""Cycles are looked for less often while a lab works, and as before when it does not."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator

import pytest

from voxlab.net.collecting import GENTLY, SELDOM, Collecting
from voxlab.net.world import World


@pytest.fixture(autouse=True)
def _thresholds() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_overlapping_contexts_give_the_thresholds_back_when_the_last_one_ends():
    gc.set_threshold(700, 10, 10)
    collecting, entered, may_end = Collecting(), threading.Event(), threading.Event()

    def other() -> None:
        with collecting.at(SELDOM):
            entered.set()
            may_end.wait(10)

    with collecting.at(SELDOM):
        thread = threading.Thread(target=other)
        thread.start()
        assert entered.wait(10)
        assert gc.get_threshold() == SELDOM
    assert gc.get_threshold() == SELDOM, "the other one still works"
    may_end.set()
    thread.join()
    assert gc.get_threshold() == (700, 10, 10)


def test_of_two_who_ask_the_one_in_real_time_is_heeded():
    gc.set_threshold(700, 10, 10)
    collecting = Collecting()
    with collecting.at(SELDOM):
        with collecting.at(GENTLY):
            assert gc.get_threshold() == GENTLY
        assert gc.get_threshold() == SELDOM
    assert gc.get_threshold() == (700, 10, 10)


@pytest.mark.parametrize("chosen", [(0, 10, 10), (50_000, 5, 5)])
def test_whoever_chose_to_collect_even_less_is_left_alone(chosen: tuple[int, int, int]):
    gc.set_threshold(*chosen)
    with Collecting().at(GENTLY):
        assert gc.get_threshold() == chosen
    assert gc.get_threshold() == chosen


def test_a_wait_of_a_lab_collects_seldom_and_gives_the_thresholds_back(world: World):
    gc.set_threshold(700, 10, 10)
    seen: list[tuple[int, int, int]] = []
    world.submit(world.loop.call_at, 1.0, lambda: seen.append(gc.get_threshold()))
    world.run(2.0)
    assert seen == [SELDOM]
    assert gc.get_threshold() == (700, 10, 10)
