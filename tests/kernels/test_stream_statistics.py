from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.reference import stream as naive
from voxlab.kernels import stream_statistics as cell
from voxlab.kernels.stream_statistics import StreamState

every_body = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
RATE = 8000


def arrivals_of(numbers: list[int], step_ns: int = 20_000_000) -> list[naive.Arrival]:
    """Packets with these extended numbers, one every 20 ms."""
    return [naive.Arrival(i * step_ns, n & 0xFFFF, n * 160 & 0xFFFFFFFF) for i, n in enumerate(numbers)]


def observed(arrivals: list[naive.Arrival], batches: int = 1) -> StreamState:
    state = StreamState()
    columns = np.array(arrivals, dtype=np.int64).reshape(-1, 3)
    for part in np.array_split(columns, batches):
        state.add_columns(*part.T, RATE)
    return state


def observed_one_by_one(arrivals: list[naive.Arrival]) -> StreamState:
    state = StreamState()
    for each in arrivals:
        state.add(*each, RATE)
    return state


def facts(state: StreamState) -> naive.Truth:
    counters = [int(each) for each in state.counters]
    expected = counters[cell.EXPECTED_BEFORE] + counters[cell.HIGHEST] - counters[cell.LOWEST] + 1
    received, duplicates = counters[cell.RECEIVED], counters[cell.DUPLICATES]
    return naive.Truth(
        packets=received,
        expected=expected,
        lost=expected - received + duplicates,
        duplicates=duplicates,
        reordered=counters[cell.REORDERED],
        max_delta_ns=counters[cell.MAX_DELTA_NS],
    )


def rfc3550_lost(state: StreamState) -> int:
    return int(state.counters[cell.HIGHEST] - state.counters[cell.BASE] + 1 - state.counters[cell.SEGMENT_RECEIVED])


@st.composite
def unruly_streams(draw: st.DrawFn) -> list[naive.Arrival]:
    """Losses, duplicates and swaps of up to 40 numbers, around a wrap, with late arrivals."""
    first = draw(st.integers(65400, 65600))
    count = draw(st.integers(1, 120))
    numbers = [first + i for i in range(count) if draw(st.integers(0, 9))] or [first]
    numbers += [numbers[i] for i in draw(st.lists(st.integers(0, len(numbers) - 1), max_size=8))]
    displaced = sorted(
        range(len(numbers)), key=lambda i: numbers[i] + draw(st.sampled_from([0, 0, 0, 0, 1.5, 3.5, 38.5]))
    )
    times = np.cumsum(draw(st.lists(st.integers(0, 60_000_000), min_size=len(numbers), max_size=len(numbers))))
    return [
        naive.Arrival(t, numbers[i] & 0xFFFF, (numbers[i] * 160 + 2**32 - 10_496_000) & 0xFFFFFFFF)
        for t, i in zip(times.tolist(), displaced, strict=True)
    ]


@every_body
@given(unruly_streams())
def test_counts_equal_those_of_a_reader_who_keeps_everything(bodies: str, arrivals: list[naive.Arrival]) -> None:
    assert facts(observed(arrivals)) == naive.truth(arrivals)


@every_body
@given(unruly_streams(), st.integers(1, 7))
def test_batches_of_any_size_and_single_packets_give_the_same_bits(
    bodies: str, arrivals: list[naive.Arrival], batches: int
) -> None:
    whole, parts, single = observed(arrivals), observed(arrivals, batches), observed_one_by_one(arrivals)
    for other in (parts, single):
        assert list(whole.counters) == list(other.counters)
        assert list(whole.estimates) == list(other.estimates)
        assert list(whole.window) == list(other.window)


@every_body
@given(unruly_streams())
def test_losses_by_the_rfc_equal_its_printed_code(bodies: str, arrivals: list[naive.Arrival]) -> None:
    source = naive.Rfc3550Source(arrivals[0].sequence)
    for each in arrivals:
        source.update_seq(each.sequence)
    assert rfc3550_lost(observed(arrivals)) == source.lost()


@every_body
@given(st.integers(1, 200), st.integers(1, 40), st.integers(0, 2**16 - 1))
def test_a_clean_stream_loses_nothing_and_never_jitters(bodies: str, packets: int, batches: int, first: int) -> None:
    state = observed(arrivals_of([first + i for i in range(packets)]), batches)
    delta = 20_000_000 if packets > 1 else 0
    assert facts(state) == naive.Truth(packets, packets, 0, 0, 0, delta)
    assert list(state.estimates) == [0.0, 0.0, 0.0]
    assert state.counters[cell.JITTER_SAMPLES] == packets - 1


def test_duplicates_do_not_hide_losses(bodies: str) -> None:
    numbers = [n for i in range(500) for n in ([i, i] if i % 10 == 0 else [i]) if i % 10 != 5]
    state = observed(arrivals_of(numbers))
    assert facts(state)._replace(max_delta_ns=0) == naive.Truth(500, 500, 50, 50, 0, 0)
    assert rfc3550_lost(state) == 0


@pytest.mark.parametrize(("numbers", "by_rfc"), [([1, 2, 3, 5, 4], 0), ([2, 1, 3, 4, 5], -1)], ids=["last", "first"])
def test_swapped_packets_are_reordered_and_not_lost(bodies: str, numbers: list[int], by_rfc: int) -> None:
    state = observed(arrivals_of(numbers))
    assert facts(state)[:5] == (5, 5, 0, 0, 1)
    assert rfc3550_lost(state) == by_rfc


def test_a_first_packet_overtaken_across_the_wrap_counts(bodies: str) -> None:
    assert facts(observed(arrivals_of([65536, 65535, 65537])))[:5] == (3, 3, 0, 0, 1)


def test_a_restart_begins_a_new_segment_and_loses_nothing(bodies: str) -> None:
    state = observed(arrivals_of([*range(100, 300), *range(20300, 20400)]))
    assert facts(state)[:5] == (300, 300, 0, 0, 0)
    assert state.counters[cell.RESTARTS] == 1
    assert state.counters[cell.DISCARDED] == 0
    assert state.estimates[cell.JITTER_MAX] == 0.0


def test_a_lone_jump_is_discarded_and_disturbs_nothing(bodies: str) -> None:
    state = observed(arrivals_of([*range(50), 30000, *range(50, 100)]))
    assert facts(state)[:5] == (100, 100, 0, 0, 0)
    assert state.counters[cell.DISCARDED] == 1


def test_a_restart_onto_numbers_of_the_old_segment_finds_no_duplicates(bodies: str) -> None:
    state = observed(arrivals_of([*range(200), *range(40000, 40200), *range(200)]))
    assert facts(state)[:5] == (600, 600, 0, 0, 0)
    assert state.counters[cell.RESTARTS] == 2


def test_packets_that_tell_no_time_count_without_jitter(bodies: str) -> None:
    state = StreamState()
    number = np.arange(5)
    state.add_columns(number * 20_000_000, number, number * 160, RATE)
    event = np.arange(5, 15)
    fresh = state.add_columns(event * 20_000_000, event, np.full(10, 800), RATE, timed=False)
    assert fresh.all()
    state.add_columns(np.array([300_000_000]), np.array([15]), np.array([2400]), RATE)
    assert facts(state)[:3] == (16, 16, 0)
    assert state.estimates[cell.JITTER_MAX] == 0.0


def test_each_packet_is_told_whether_it_is_valid_and_new(bodies: str) -> None:
    arrivals = arrivals_of([1, 2, 2, 40000, 3])
    state = StreamState()
    assert state.add_columns(*np.array(arrivals).T, RATE).tolist() == [True, True, False, False, True]
    single = StreamState()
    assert [single.add(*each, RATE) for each in arrivals] == [True, True, False, False, True]


def test_no_packets_change_nothing(bodies: str) -> None:
    state = StreamState()
    empty = np.zeros(0, dtype=np.int64)
    assert state.add_columns(empty, empty, empty, RATE).size == 0
    assert not any(state.counters)


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="columns of 2, 3 and 2 packets"):
        StreamState().add_columns(np.arange(2), np.arange(3), np.arange(2), RATE)
