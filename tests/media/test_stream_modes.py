"""The table of cases in which truth, RFC 3550 and Wireshark part, each made by a generator of packets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from voxlab.media.codecs import PCMA, PCMU, TELEPHONE_EVENT, Format, by_payload_type
from voxlab.media.stream_modes import MODES, StreamColumns, StreamCount, count_stream

MS = 1_000_000
L16 = Format("L16", 11, 44100)
OPUS = Format("opus", 111, 48000)
NOISE = Format("CN", 13, 8000)
FORMATS = by_payload_type([PCMU, PCMA, TELEPHONE_EVENT, L16, OPUS, NOISE, Format("L16", 97, 16000)])


def stream(
    numbers: Sequence[int],
    *,
    times_ms: Sequence[float] | None = None,
    media: Format = PCMU,
    timestamps: Sequence[int] | None = None,
    markers: Sequence[int] = (),
    kinds: Sequence[int] | None = None,
) -> StreamColumns:
    """Packets with these numbers, one every 20 ms, their timestamps by their numbers."""
    count = len(numbers)
    number = np.asarray(numbers, dtype=np.int64)
    times = np.arange(count) * 20.0 if times_ms is None else np.asarray(times_ms)
    stamps = number * (media.clock_rate_hz // 50) if timestamps is None else np.asarray(timestamps)
    kind = np.full(count, media.payload_type) if kinds is None else np.asarray(kinds)
    kind[list(markers)] |= 0x80
    return StreamColumns(
        np.rint(times * MS).astype(np.int64),
        (number & 0xFFFF).astype(np.uint16),
        (stamps & 0xFFFFFFFF).astype(np.uint32),
        kind.astype(np.uint8),
    )


def three(columns: StreamColumns) -> tuple[StreamCount, StreamCount, StreamCount]:
    truth, rfc, wireshark = (count_stream(columns, FORMATS, mode) for mode in MODES)
    return truth, rfc, wireshark


def test_duplicates_are_no_negative_loss_in_truth_alone() -> None:
    truth, rfc, wireshark = three(stream([n for i in range(500) for n in ([i, i] if i % 10 == 0 else [i])]))
    assert (truth.lost, truth.duplicates, truth.expected) == (0, 50, 500)
    assert (rfc.lost, wireshark.lost) == (-50, -50)


def test_duplicates_hide_losses_from_the_rfc_and_from_wireshark() -> None:
    numbers = [n for i in range(500) for n in ([i, i] if i % 10 == 0 else [i]) if i % 10 != 5]
    truth, rfc, wireshark = three(stream(numbers))
    assert (truth.lost, truth.loss, truth.duplicates) == (50, 0.1, 50)
    assert (rfc.lost, wireshark.lost) == (0, 0)


def test_the_last_two_swapped_lose_one_in_wireshark() -> None:
    truth, rfc, wireshark = three(stream([*range(98), 99, 98]))
    assert (truth.lost, truth.reordered, rfc.lost, wireshark.lost) == (0, 1, 0, -1)


def test_the_first_two_swapped_lose_one_by_base_seq_and_jitter_nothing_in_wireshark() -> None:
    truth, rfc, wireshark = three(stream([1, 0, 2, 3, 4], times_ms=[20, 25, 40, 60, 80]))
    assert (truth.lost, truth.reordered, rfc.lost, wireshark.lost) == (0, 1, -1, -1)
    assert rfc.max_jitter_ms == pytest.approx(3.03, abs=0.005)
    assert wireshark.max_jitter_ms == 0.0


def test_a_clean_44_khz_stream_jitters_in_wireshark_alone() -> None:
    truth, rfc, wireshark = three(stream(range(2000), media=L16))
    assert (truth.max_jitter_ms, rfc.max_jitter_ms) == (0.0, 0.0)
    assert wireshark.max_jitter_ms == pytest.approx(0.045, abs=0.001)


def test_a_restart_with_the_same_ssrc_is_a_segment_and_no_loss() -> None:
    truth, rfc, wireshark = three(stream([*range(250), *range(20250, 20500)]))
    assert (truth.lost, truth.segments, truth.packets) == (0, 2, 500)
    assert rfc.lost == -1 + 1
    assert rfc.expected == 249
    assert wireshark.loss == pytest.approx(0.976, abs=0.0005)


def test_an_event_on_one_timestamp_is_no_jitter() -> None:
    numbers = list(range(50))
    stamps = [160 * (20 if 20 <= n < 30 else n) for n in numbers]
    kinds = [101 if 20 <= n < 30 else 0 for n in numbers]
    truth, rfc, wireshark = three(stream(numbers, timestamps=stamps, kinds=kinds))
    assert truth.max_jitter_ms == 0.0
    assert rfc.max_jitter_ms == pytest.approx(19.5, abs=0.05)
    assert wireshark.max_jitter_ms == pytest.approx(12.5, abs=0.01)


@pytest.mark.parametrize("mode", MODES)
def test_numbers_and_timestamps_may_wrap_inside_a_loss(mode: str) -> None:
    numbers = [n for n in range(65_480, 65_600) if not 65_530 <= n < 65_545]
    columns = stream(
        numbers,
        times_ms=[20.0 * (n - 65_480) for n in numbers],
        timestamps=[160 * n + 2**32 - 65_537 * 160 for n in numbers],
    )
    seen = count_stream(columns, FORMATS, mode)
    assert (seen.expected, seen.lost, seen.max_jitter_ms) == (120, 15, 0.0)


@pytest.mark.parametrize("mode", MODES)
def test_silence_that_is_not_sent_is_neither_loss_nor_jitter(mode: str) -> None:
    times = [*(20.0 * i for i in range(50)), *(3000.0 + 20.0 * i for i in range(50))]
    columns = stream(range(100), times_ms=times, timestamps=[round(8 * each) for each in times], markers=[0, 50])
    seen = count_stream(columns, FORMATS, mode)
    assert (seen.lost, seen.max_jitter_ms) == (0, 0.0)
    assert seen.max_delta_ms == (20.0 if mode == "wireshark" else 2020.0)


@pytest.mark.parametrize("mode", MODES)
def test_comfort_noise_counts_and_keeps_time(mode: str) -> None:
    times = [
        *(20.0 * i for i in range(20)),
        *(400.0 + 200.0 * i for i in range(5)),
        *(1400.0 + 20.0 * i for i in range(20)),
    ]
    kinds = [0] * 20 + [13] * 5 + [0] * 20
    columns = stream(range(45), times_ms=times, timestamps=[round(8 * each) for each in times], kinds=kinds)
    seen = count_stream(columns, FORMATS, mode)
    assert (seen.packets, seen.lost, seen.max_jitter_ms) == (45, 0, 0.0)


def test_another_clock_under_the_same_ssrc_is_no_jitter_in_truth() -> None:
    kinds = [0] * 50 + [97] * 50
    stamps = [160 * n for n in range(50)] + [50 * 160 + 320 * n for n in range(50)]
    truth, *_ = three(stream(range(100), timestamps=stamps, kinds=kinds))
    assert (truth.lost, truth.max_jitter_ms) == (0, 0.0)


def test_jitter_before_a_change_of_clock_keeps_its_milliseconds() -> None:
    times = [20.0 * n + (8.0 if n % 2 else 0.0) for n in range(100)]
    same = three(stream(range(100), times_ms=times))[0]
    kinds, stamps = [0] * 50 + [97] * 50, [160 * n for n in range(50)] + [50 * 160 + 320 * n for n in range(50)]
    changed = three(stream(range(100), times_ms=times, timestamps=stamps, kinds=kinds))[0]
    assert changed.max_jitter_ms == pytest.approx(same.max_jitter_ms, rel=0.01)
    assert changed.mean_jitter_ms == pytest.approx(same.mean_jitter_ms, rel=0.02)


def test_an_unknown_mode_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="truth, rfc3550, wireshark; 'thruth' is none"):
        count_stream(stream([1]), FORMATS, "thruth")
    with pytest.raises(ValueError, match="at least one packet"):
        count_stream(stream([]), FORMATS)
