from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.reference import stream as naive
from voxlab.kernels.jitter import interarrival_jitter
from voxlab.kernels.sequence import SEQUENCE_BITS, TIMESTAMP_BITS, unwrap, unwrap_one

every_body = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)


@every_body
@given(st.integers(0, 65535), st.lists(st.integers(-32767, 32767), max_size=60))
def test_unwrapping_gives_back_what_was_wrapped(bodies: str, first: int, steps: list[int]) -> None:
    extended = np.cumsum([first, *steps])
    wrapped = (extended & 0xFFFF).astype(np.uint16)
    np.testing.assert_array_equal(unwrap(wrapped, SEQUENCE_BITS), extended)


def test_a_timestamp_wraps_inside_a_loss(bodies: str) -> None:
    wrapped = np.array([0xFFFFFF00, 0xFFFFFFA0, 320, 160], dtype=np.uint32)
    assert np.diff(unwrap(wrapped, TIMESTAMP_BITS)).tolist() == [160, 416, -160]


def test_a_reference_from_before_is_continued(bodies: str) -> None:
    assert unwrap(np.array([2], dtype=np.uint16), SEQUENCE_BITS, reference=131071).tolist() == [131074]
    assert unwrap_one(2, SEQUENCE_BITS, 131071) == 131074
    assert unwrap(np.zeros(0, dtype=np.uint16), SEQUENCE_BITS).size == 0


@pytest.mark.parametrize("bits", [1, 33])
def test_a_counter_of_impossible_width_is_refused(bits: int) -> None:
    with pytest.raises(ValueError, match="2 to 32 bits"):
        unwrap(np.zeros(1, dtype=np.int64), bits)


@every_body
@given(st.lists(st.tuples(st.integers(0, 200_000_000), st.integers(0, 2000)), min_size=1, max_size=50))
def test_jitter_equals_the_printed_algorithm(bodies: str, steps: list[tuple[int, int]]) -> None:
    times = np.cumsum([passed for passed, _ in steps])
    stamps = np.cumsum([elapsed for _, elapsed in steps])
    expected = naive.jitter(
        [naive.Arrival(t, 0, s) for t, s in zip(times.tolist(), stamps.tolist(), strict=True)], 8000
    )
    np.testing.assert_allclose(interarrival_jitter(times, stamps.astype(np.uint32), 8000), expected, atol=1e-6)


@pytest.mark.parametrize(("rate", "ticks"), [(8000, 160), (48000, 960), (44100, 882), (90000, 1800)])
def test_a_clean_stream_has_no_jitter_at_all(bodies: str, rate: int, ticks: int) -> None:
    number = np.arange(300)
    stamps = (number * ticks + 2**32 - 5000).astype(np.uint32)
    assert not interarrival_jitter(number * 20_000_000 + 12_345, stamps, rate).any()


def test_both_bodies_give_the_same_bits() -> None:
    from voxlab.kernels import _jit

    times = np.cumsum(np.random.default_rng(5).integers(15_000_000, 25_000_000, 500))
    stamps = (np.arange(500) * 160).astype(np.uint32)
    by_twin = interarrival_jitter(times, stamps, 8000)
    _jit.warm()
    try:
        assert by_twin.tobytes() == interarrival_jitter(times, stamps, 8000).tobytes()
    finally:
        _jit.unload()


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="3 arrival times for 2 timestamps"):
        interarrival_jitter(np.arange(3), np.arange(2, dtype=np.uint32), 8000)
