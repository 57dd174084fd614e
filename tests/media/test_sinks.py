from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxlab.media.codecs import PCMA, PCMU
from voxlab.media.sinks import AudioSink, level_dbfs

FRAME = 160
SPOKEN = PCMU.decode(np.arange(256, dtype=np.uint8).repeat(10))  # 16 frames, none like another
ENCODED = PCMU.encode(SPOKEN).reshape(-1, FRAME)


def write(sink: AudioSink, frame: int, *, at_s: float | None = None, first: int = 2**32 - 800) -> None:
    """Write one frame of what is spoken, at its own time unless given."""
    time_ns = round((frame * 0.02 if at_s is None else at_s) * 1e9)
    sink.write(time_ns, (first + frame * FRAME) & 0xFFFFFFFF, ENCODED[frame].tobytes(), PCMU)


def test_packets_in_order_give_what_was_spoken_across_the_wrap_of_the_timestamp() -> None:
    sink = AudioSink()
    for frame in range(16):
        write(sink, frame)
    start, heard = sink.samples()
    assert start == 0
    np.testing.assert_array_equal(heard, SPOKEN)


def test_a_lost_packet_is_silence_of_its_length() -> None:
    sink = AudioSink()
    for frame in [0, 1, 4, 5]:
        write(sink, frame)
    expected = SPOKEN[: 6 * FRAME].copy()
    expected[2 * FRAME : 4 * FRAME] = 0
    np.testing.assert_array_equal(sink.samples()[1], expected)


@given(st.permutations(range(16)))
def test_order_and_duplicates_do_not_matter(order: list[int]) -> None:
    sink = AudioSink()
    for at, frame in enumerate([*order, *order[:3]]):
        write(sink, frame, at_s=at * 0.02)
    start, heard = sink.samples()
    assert start == -order[0] * FRAME
    np.testing.assert_array_equal(heard, SPOKEN)


def test_a_codec_may_change_in_the_middle() -> None:
    sink = AudioSink()
    write(sink, 0)
    sink.write(20_000_000, 2**32 - 800 + FRAME, PCMA.encode(SPOKEN[:FRAME]).tobytes(), PCMA)
    heard = sink.samples()[1]
    np.testing.assert_array_equal(heard[:FRAME], SPOKEN[:FRAME])
    assert np.abs(heard[FRAME:].astype(int) - SPOKEN[:FRAME]).max() < 1024


def test_a_clock_that_stood_still_on_hold_goes_on_where_time_is() -> None:
    sink = AudioSink()
    write(sink, 0)
    write(sink, 1, at_s=10.0)
    write(sink, 2, at_s=10.02)
    heard = sink.samples()[1]
    assert len(heard) == 80_000 + 2 * FRAME
    assert not heard[FRAME:80_000].any()
    np.testing.assert_array_equal(heard[80_000:], SPOKEN[FRAME : 3 * FRAME])


def test_a_clock_that_jumped_on_restart_goes_on_where_time_is() -> None:
    sink = AudioSink()
    write(sink, 0)
    write(sink, 1, first=1234567)
    write(sink, 2, first=1234567)
    np.testing.assert_array_equal(sink.samples()[1], SPOKEN[: 3 * FRAME])


def test_nothing_is_kept_past_the_bound() -> None:
    sink = AudioSink(max_duration_s=0.1)
    for frame in range(16):
        write(sink, frame)
    assert len(sink.samples()[1]) == 800
    assert sink.beyond_bound == 11
    late = AudioSink(max_duration_s=0.1)
    write(late, 0)
    write(late, 1, at_s=3600.0)
    assert len(late.samples()[1]) == FRAME


@given(st.lists(st.tuples(st.integers(0, 2**40), st.integers(0, 2**32 - 1), st.binary(max_size=300)), max_size=30))
def test_whatever_comes_the_memory_is_bounded(packets: list[tuple[int, int, bytes]]) -> None:
    sink = AudioSink(max_duration_s=1.0)
    for packet in packets:
        sink.write(*packet, PCMU)
    assert len(sink.samples()[1]) <= 16_000 + 300


def test_levels_of_known_signals() -> None:
    square = np.full(800, 32767, dtype=np.int16)
    assert level_dbfs(square) == pytest.approx(3.01, abs=0.01)
    assert level_dbfs(np.zeros(800, dtype=np.int16)) == -math.inf
    assert level_dbfs(np.zeros(0, dtype=np.int16)) == -math.inf


def test_nothing_heard_is_an_empty_array() -> None:
    start, heard = AudioSink().samples()
    assert start == 0
    assert heard.shape == (0,)
    assert heard.dtype == np.int16
