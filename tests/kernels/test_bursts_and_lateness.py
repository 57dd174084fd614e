from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.reference import losses
from voxlab.kernels import stream_cells as cell
from voxlab.kernels.bursts import bursts
from voxlab.kernels.stream_statistics import StreamState
from voxlab.kernels.wireshark import analyse, wireshark_statistics

every_body = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
RATE = 8000
STEP_NS = 20_000_000


def state_of(numbers: np.ndarray, times_ns: np.ndarray | None = None, *, batches: int = 1) -> StreamState:
    state = StreamState()
    times = numbers * STEP_NS if times_ns is None else times_ns
    for number, at in zip(np.array_split(numbers, batches), np.array_split(times, batches), strict=True):
        state.add_columns(at, number & 0xFFFF, number * 160 & 0xFFFFFFFF, RATE)
    return state


@every_body
@given(st.lists(st.sampled_from([1, 1, 2, 3, 15, 16, 17, 40]), max_size=25), st.integers(1, 9))
def test_bursts_are_those_that_a_reader_of_the_whole_stream_finds(bodies: str, runs: list[int], batches: int) -> None:
    missing = [False] * 20
    for i, run in enumerate(runs):
        missing += [i % 2 == 0] * run
    missing += [False] * 20
    came = np.flatnonzero(~np.array(missing)) + 65_500
    state = state_of(came, batches=batches)
    assert tuple(bursts(state.counters, state.window)) == losses.bursts(missing)


def test_what_is_reordered_within_the_horizon_is_no_burst(bodies: str) -> None:
    numbers = np.arange(400)
    for at in range(20, 380, 90):
        numbers[at : at + 60] = np.roll(numbers[at : at + 60], 30)
    state = state_of(numbers, np.arange(400) * STEP_NS)
    found = bursts(state.counters, state.window)
    assert found.lost == state.counters[cell.LATE]
    assert found.packets == 400


def test_a_packet_more_than_the_buffer_behind_its_talkspurt_is_late(bodies: str) -> None:
    numbers = np.arange(200)
    times = numbers * STEP_NS
    times[100:104] += [50_000_000, 59_000_000, 61_000_000, 62_000_000]
    state = state_of(numbers, np.maximum.accumulate(times))
    assert state.counters[cell.LATE] == 2
    assert tuple(bursts(state.counters, state.window)) == (200, 2, 1, 2, 2)


def test_a_marker_sets_the_buffer_anew(bodies: str) -> None:
    numbers = np.arange(100)
    times = numbers * STEP_NS + (numbers >= 50) * 200_000_000
    marked = StreamState()
    marked.add_columns(times, numbers, numbers * 160, RATE, True, numbers == 50)
    assert marked.counters[cell.LATE] == 0
    assert state_of(numbers, times).counters[cell.LATE] == cell.REFILL, "a longer path drains the buffer once"


def test_timestamps_that_jump_about_never_overflow(bodies: str) -> None:
    rng = np.random.default_rng(5)
    numbers = np.arange(500)
    state = StreamState()
    for part in np.array_split(numbers, 7):
        state.add_columns(part * STEP_NS, part, rng.integers(0, 2**32, len(part)), 90_000)
    single = StreamState()
    for number in range(500):
        single.add(number * STEP_NS, number, int(rng.integers(0, 2**32)), 90_000)
    assert abs(int(state.counters[cell.LAG])) <= cell.LAG_BOUND
    assert abs(single.counters[cell.LAG]) <= cell.LAG_BOUND


def test_wireshark_needs_columns_of_one_length() -> None:
    with pytest.raises(ValueError, match="columns of 2, 3 and 2"):
        wireshark_statistics(np.arange(2), np.arange(3), np.arange(2))
    with pytest.raises(ValueError, match="at least one"):
        wireshark_statistics(np.arange(0), np.arange(0), np.arange(0))


@every_body
@given(st.integers(0, 2**32 - 1))
def test_wiresharks_numbers_do_not_depend_on_the_body(bodies: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 60))
    columns = (
        np.cumsum(rng.integers(0, 40_000_000, count)),
        (65_500 + np.arange(count) + rng.integers(-2, 3, count)) & 0xFFFF,
        (2**32 - 2000 + 160 * (np.arange(count) + rng.integers(-2, 3, count))) & 0xFFFFFFFF,
        (rng.random(count) < 0.1).astype(np.uint8),
        rng.choice([0, 8000, 44_100], count),
        (rng.random(count) < 0.1).astype(np.uint8),
    )
    here, plain = np.zeros(7), [0.0] * 7
    analyse(*columns, here)
    analyse.body(*(each.tolist() for each in columns), plain)
    assert here.tolist() == plain
