"""The tempers of a link: rates, bursts and order, packet by packet and in batches."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from voxlab.base.errors import VoxlabError
from voxlab.base.ids import Ids
from voxlab.net.impairment import Channel, Impairment

COUNT = 20_000
STEP_NS = 20_000_000
TIMES_NS = np.arange(COUNT, dtype=np.int64) * STEP_NS


def one_by_one(temper: Impairment) -> list[tuple[float, ...]]:
    channel = Channel(Ids.seeded(1), temper)
    return [channel.pass_through(n * 0.02) for n in range(COUNT)]


def lost_one_by_one(temper: Impairment) -> list[bool]:
    return [not arrivals for arrivals in one_by_one(temper)]


def lost_in_batch(temper: Impairment) -> list[bool]:
    return list(Channel(Ids.seeded(1), temper).pass_batch(TIMES_NS).lost)


BOTH_WAYS = pytest.mark.parametrize("lost_of", [lost_one_by_one, lost_in_batch])


@BOTH_WAYS
@pytest.mark.parametrize(("loss", "burst"), [(0.02, 1.0), (0.1, 1.0), (0.05, 3.0), (0.3, 5.0)])
def test_the_share_of_lost_packets_and_the_length_of_bursts_are_as_asked(lost_of, loss: float, burst: float) -> None:  # type: ignore[no-untyped-def]
    lost = lost_of(Impairment(loss=loss, burst=burst))
    runs = [len(list(run)) for state, run in itertools.groupby(lost) if state]
    independent = 1 / (1 - loss)
    assert sum(lost) / COUNT == pytest.approx(loss, rel=0.2)
    assert sum(runs) / len(runs) == pytest.approx(burst if burst > 1 else independent, rel=0.15)


@BOTH_WAYS
def test_no_loss_and_full_loss_are_exact(lost_of) -> None:  # type: ignore[no-untyped-def]
    assert sum(lost_of(Impairment())) == 0
    assert sum(lost_of(Impairment(jitter_s=0.01))) == 0
    assert sum(lost_of(Impairment(loss=1.0))) == COUNT


def test_jitter_delays_within_bounds_and_keeps_the_order() -> None:
    temper = Impairment(delay_s=0.05, jitter_s=0.1)
    singles = [arrivals[0] for arrivals in one_by_one(temper)]
    batch = Channel(Ids.seeded(1), temper).pass_batch(TIMES_NS)
    for arrival_s in (np.array(singles), batch.arrival_ns / 1e9):
        delay_s = arrival_s - TIMES_NS / 1e9
        assert np.all(np.diff(arrival_s) >= 0)
        assert delay_s.min() >= 0.05 - 1e-9
        assert 0.1 < delay_s.max() <= 0.15 + 1e-9


def test_packets_that_are_held_back_are_overtaken() -> None:
    temper = Impairment(reorder=0.1, held_back_s=0.05)
    singles = [arrivals[0] for arrivals in one_by_one(temper)]
    batch = Channel(Ids.seeded(1), temper).pass_batch(TIMES_NS)
    for arrival in (np.array(singles), batch.arrival_ns):
        assert np.mean(np.diff(arrival) < 0) == pytest.approx(0.09, rel=0.15)


def test_doubled_packets_arrive_twice() -> None:
    temper = Impairment(duplicate=0.1)
    doubled = sum(len(arrivals) == 2 for arrivals in one_by_one(temper))
    batch = Channel(Ids.seeded(1), temper).pass_batch(TIMES_NS)
    assert doubled / COUNT == pytest.approx(0.1, rel=0.1)
    assert (len(batch.rows) - COUNT) / COUNT == pytest.approx(0.1, rel=0.1)
    assert np.array_equal(np.unique(batch.rows), np.arange(COUNT))


def test_an_even_delay_is_exact() -> None:
    batch = Channel(Ids.seeded(1), Impairment(delay_s=0.04)).pass_batch(TIMES_NS)
    assert np.array_equal(batch.arrival_ns, TIMES_NS + 40_000_000)
    assert one_by_one(Impairment(delay_s=0.04))[:2] == [(0.04,), (0.06,)]


def test_an_empty_batch_passes() -> None:
    batch = Channel(Ids.seeded(1), Impairment(loss=0.5, burst=2.0, duplicate=0.5)).pass_batch(TIMES_NS[:0])
    assert (len(batch.rows), len(batch.lost)) == (0, 0)


def test_one_seed_gives_one_batch() -> None:
    temper = Impairment(jitter_s=0.02, loss=0.1, burst=2.0, reorder=0.1, duplicate=0.1)
    first, second, third = (Channel(Ids.seeded(seed), temper).pass_batch(TIMES_NS) for seed in (1, 1, 2))
    assert np.array_equal(first.rows, second.rows)
    assert np.array_equal(first.arrival_ns, second.arrival_ns)
    assert not np.array_equal(first.rows, third.rows)


def test_a_segment_that_is_lost_takes_a_repetition_longer() -> None:
    channel = Channel(Ids.seeded(1), Impairment(delay_s=0.01, loss=0.3))
    delays = [channel.stream_delay_s() for _ in range(2000)]
    taken = {round(delay, 6) for delay in delays if delay is not None}
    assert {0.01, 0.21, 0.61, 1.41} <= taken
    channel.impairment = replace(channel.impairment, loss=1.0)
    assert channel.stream_delay_s() is None


@pytest.mark.parametrize(
    "wrong", [{"loss": 1.1}, {"loss": -0.1}, {"delay_s": -1.0}, {"burst": 0.5}, {"duplicate": float("nan")}]
)
def test_a_temper_that_cannot_be_is_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(VoxlabError, match=next(iter(wrong))):
        Impairment(**wrong)
