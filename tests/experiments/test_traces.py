"""Traces: drawn as told, bit by bit from their seed, with the shares and distributions that were asked for."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from tests.reference import chance as naive
from voxlab import VoxlabError, traces
from voxlab.kernels import chance, impairments
from voxlab.media.impaired import Journey

MANY = 200_000


def test_the_generator_is_xoshiro_seeded_by_splitmix() -> None:
    assert chance.seeded(7, 3).tolist() == naive.splitmix(7, 3)
    draws = naive.xoshiro([1, 2, 3, 4])
    assert [next(draws) for _ in range(3)] == [41943041, 58720359, 3588806011781223]  # the authors' own first numbers


def test_losses_are_those_of_the_two_states_bit_by_bit(bodies: str) -> None:
    lost = np.zeros(3000, dtype=np.uint8)
    p, r, bad, good = (chance.threshold(each) for each in (0.05, 0.3, 0.8, 0.01))
    with np.errstate(over="ignore"):
        impairments.gilbert_elliott(p, r, bad, good, 0, chance.seeded(5), lost)
    draws = naive.xoshiro(naive.splitmix(5))
    assert lost.astype(bool).tolist() == naive.gilbert_elliott(draws, 3000, 0.05, 0.3, 1 - 0.8, 1 - 0.01)


def test_losses_are_those_of_the_four_states_bit_by_bit(bodies: str) -> None:
    lost = np.zeros(3000, dtype=np.uint8)
    chances = (0.03, 0.2, 0.1, 0.5, 0.02)
    with np.errstate(over="ignore"):
        impairments.four_state(*map(chance.threshold, chances), impairments.GAP, chance.seeded(6), lost)  # type: ignore[call-arg,arg-type]
    assert lost.astype(bool).tolist() == naive.four_state(naive.xoshiro(naive.splitmix(6)), 3000, *chances)


def test_delays_are_looked_up_in_the_table(bodies: str) -> None:
    table, transit = chance.gamma_table(2.0, 0.01), np.zeros(5000)
    with np.errstate(over="ignore"):
        impairments.add_delays(table, chance.seeded(9), transit)
    draws = naive.xoshiro(naive.splitmix(9))
    assert transit.tolist() == [naive.look_up(table.tolist(), next(draws)) for _ in range(5000)]


@pytest.mark.parametrize(
    ("delay", "mean_ms", "deviation_ms"),
    [
        (traces.Constant(delay_ms=30), 30, 0),
        (traces.Uniform(10, 50), 30, 40 / math.sqrt(12)),
        (traces.Normal(60, 5), 60, 5),
        (traces.Gamma(20, shape=2), 20, 20 / math.sqrt(2)),
        (traces.Gamma(20, shape=0.5), 20, 20 * math.sqrt(2)),
        (traces.Pareto(30, shape=5), 30 / 4, 30 / 4 * math.sqrt(5 / 3)),
        (traces.Table(range(10, 31)), 20, None),
        (traces.Gamma(20, shape=2, correlation=0.5), 20, 20 / math.sqrt(2)),
    ],
)
def test_delays_have_the_distribution_that_was_asked_for(
    delay: traces.Delay, mean_ms: float, deviation_ms: float | None
) -> None:
    transit = Journey(traces.Path(0, delay=delay), 1).send(np.arange(MANY) * 0.02).transit_s * 1e3
    assert transit.mean() == pytest.approx(mean_ms, rel=0.02)
    assert transit.min() >= 0
    if deviation_ms is not None:
        assert transit.std() == pytest.approx(deviation_ms, rel=0.03, abs=1e-9)


def test_the_gamma_table_is_exact_where_its_quantiles_are_known() -> None:
    table, places = chance.gamma_table(1.0, 1.0), chance.probabilities()
    np.testing.assert_allclose(table, -np.log1p(-places), rtol=2e-4, atol=1e-8)  # shape 1 is exponential


@pytest.mark.parametrize("rho", [0.3, 0.9])
def test_neighbours_are_as_alike_as_asked(rho: float) -> None:
    delay = traces.Normal(100, 5, correlation=rho)
    transit = Journey(traces.Path(0, delay=delay), 1).send(np.arange(MANY) * 0.02).transit_s
    assert np.corrcoef(transit[1:], transit[:-1])[0, 1] == pytest.approx(rho, abs=0.02)


@pytest.mark.parametrize(("loss", "burst"), [(0.03, 3.0), (0.1, 1.0), (0.2, 8.0)])
def test_gilbert_elliott_loses_the_share_in_bursts_of_the_length_asked(loss: float, burst: float) -> None:
    trace = traces.gilbert_elliott(MANY, loss, seed=1, burst=burst)
    ends = np.count_nonzero(np.diff(trace.lost.astype(int)) == -1)
    assert trace.loss == pytest.approx(loss, rel=0.05)
    assert trace.lost.sum() / ends == pytest.approx(burst if burst > 1 else 1 / (1 - loss), rel=0.05)


def test_netems_four_numbers_give_the_loss_that_they_stand_for() -> None:
    model = traces.GilbertElliott(p=0.02, r=0.2, h=0.3, k=0.99)
    trace = traces.gilbert_elliott(MANY, p=0.02, r=0.2, h=0.3, k=0.99)
    assert trace.loss == pytest.approx(model.loss, rel=0.05)


def test_one_seed_is_one_trace_and_another_is_another() -> None:
    first, again, other = (traces.drift_with_spikes(5000, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.recv_s, again.recv_s)
    assert not np.array_equal(first.recv_s, other.recv_s)


def test_batches_fare_as_one(bodies: str) -> None:
    path = traces.Path(
        delay=traces.Gamma(correlation=0.5),
        spikes=traces.Spikes(0.02),
        drift=traces.Drift(),
        bottleneck=traces.Bottleneck(100, cross_kbps=200),
        loss=traces.GilbertElliott.of(0.1, 3),
        in_order=True,
    )
    send_s = np.arange(600) * 0.02
    whole, journey = Journey(path, 3).send(send_s), Journey(path, 3)
    parts = [journey.send(each) for each in np.split(send_s, [1, 250, 251])]
    np.testing.assert_allclose(np.concatenate([each.transit_s for each in parts]), whole.transit_s, atol=1e-9)
    assert np.array_equal(np.concatenate([each.lost for each in parts]), whole.lost)


def test_one_more_impairment_changes_nobody_elses_numbers() -> None:
    path = traces.Path(delay=traces.Gamma(), loss=traces.GilbertElliott.of(0.1))
    more = traces.Path(delay=traces.Gamma(), loss=traces.GilbertElliott.of(0.1), spikes=traces.Spikes(), duplicate=0.1)
    plain, richer = (Journey(each, 1).send(np.arange(1000) * 0.02) for each in (path, more))
    assert np.array_equal(plain.lost, richer.lost)
    same = plain.transit_s == richer.transit_s
    assert same.mean() > 0.9


def test_spikes_rise_at_once_and_fall_on_a_line() -> None:
    path = traces.Path(0, spikes=traces.Spikes(0.01, 200, 200, fall=0.5))
    transit = Journey(path, 2).send(np.arange(3000) * 0.02).transit_s
    rises = np.flatnonzero(np.diff(transit) > 0)
    assert rises.size > 5
    assert transit[rises + 1] == pytest.approx(0.2)
    falls = np.diff(transit)[(transit[1:] > 0) & (np.diff(transit) < 0)]
    assert falls == pytest.approx(-0.01)


def test_a_queue_delays_keeps_the_order_and_drops_past_its_limit() -> None:
    trace = traces.bottleneck(50_000, 1, rate_kbps=200, cross_kbps=400, limit_ms=100, talk=None)
    came = trace.transit_s[~trace.lost]
    service = 200 * 8 / 200e3
    assert trace.loss > 0
    assert came.min() == pytest.approx(0.04 + service)
    assert came.max() <= 0.04 + 0.1 + 1e-9
    assert np.all(np.diff(trace.recv_s[~trace.lost]) > 0)


def test_a_token_bucket_lets_a_burst_through_after_a_silence() -> None:
    link = traces.Bottleneck(rate_kbps=80, packet_bytes=200, bucket_bytes=600, limit_ms=1e4)
    times = np.concatenate(([0.0], 10 + np.zeros(5)))
    transit = Journey(traces.Path(0, bottleneck=link), 1).send(times).transit_s
    assert transit[1:] == pytest.approx([0, 0, 0, 0.02, 0.04])


def test_held_back_doubled_and_damaged_packets_are_as_many_as_asked() -> None:
    path = traces.Path(0, reorder=0.1, held_back_ms=50, duplicate=0.2, corrupt=0.05)
    passage = Journey(path, 1).send(np.arange(MANY) * 0.02)
    assert (passage.transit_s > 0.04).mean() == pytest.approx(0.1, rel=0.05)
    assert passage.lost.mean() == pytest.approx(0.05, rel=0.05)
    assert passage.duplicated.mean() == pytest.approx(0.2 * 0.95, rel=0.05)


def test_a_faster_clock_of_the_sender_shortens_transit_times() -> None:
    transit = Journey(traces.Path(40, skew_ppm=100), 1).send(np.array([0.0, 100.0])).transit_s
    assert transit == pytest.approx([0.04, 0.03])


def test_drift_wanders_within_its_span_and_slowly() -> None:
    transit = Journey(traces.Path(0, drift=traces.Drift(40, 60)), 1).send(np.arange(MANY) * 0.02).transit_s
    assert (transit.min(), transit.max()) == (pytest.approx(0.0, abs=1e-3), pytest.approx(0.04, abs=1e-3))
    assert np.abs(np.diff(transit)).max() < 0.003


def test_people_talk_as_p59_measured() -> None:
    trace = traces.iid_gamma(MANY, 1)
    pauses = np.diff(trace.send_s)[np.diff(trace.spurt) > 0] - 0.02
    assert trace.packets / trace.talkspurts * 0.02 == pytest.approx(1.004, rel=0.05)
    assert np.maximum(pauses, 0).mean() == pytest.approx(1.587, rel=0.08)  # the shortest are lengthened to 0.2 s


def test_measured_arrays_become_a_trace_sorted_by_sending() -> None:
    trace = traces.from_arrays([0.04, 0.0, 0.02, 1.0], [0.1, 0.05, math.nan, 1.07])
    assert trace.send_s.tolist() == [0.0, 0.02, 0.04, 1.0]
    assert trace.lost.tolist() == [False, True, False, False]
    assert trace.spurt.tolist() == [0, 0, 0, 1]
    assert "measured" in repr(trace)


def test_clocks_that_differ_need_a_base() -> None:
    with pytest.raises(VoxlabError, match="base_ms"):
        traces.from_arrays([100.0, 100.02], [0.0, 0.021])
    trace = traces.from_arrays([100.0, 100.02], [0.0, 0.021], base_ms=40)
    assert trace.transit_s == pytest.approx([0.04, 0.041])


def test_a_stream_of_a_capture_becomes_a_trace_across_both_wraps() -> None:
    number = np.arange(65530, 65530 + 20)
    kept = np.delete(np.arange(20), [5, 6])
    order = np.r_[kept[:8], kept[9], kept[8], kept[10:], kept[-1]]  # two change places, one comes twice
    stamp = (2**32 - 800 + np.arange(20) * 160) % 2**32
    came = np.arange(20) * 0.02 + 7.0
    stream = SimpleNamespace(
        time_s=np.sort(came[order]),
        sequence=(number[order] % 65536).astype(np.uint16),
        timestamp=stamp[order].astype(np.uint32),
        clock_rate_hz=8000,
        ssrc=0x1234,
    )
    trace = traces.from_capture(stream, base_ms=30)
    assert trace.packets == 20
    assert np.flatnonzero(trace.lost).tolist() == [5, 6]
    assert np.diff(trace.send_s) == pytest.approx(0.02)
    assert trace.transit_s.min() == pytest.approx(0.03)
    assert trace.name == "SSRC 0x00001234"


def test_a_batch_of_packets_needs_its_clock_rate() -> None:
    with pytest.raises(VoxlabError, match="clock_rate_hz"):
        traces.from_capture(SimpleNamespace(time_ns=[0], sequence=[0], timestamp=[0]))


def test_a_replay_meets_the_recorded_fates_over_and_over() -> None:
    measured = traces.gilbert_elliott(100, 0.1, seed=1)
    trace = traces.replay(measured, 250)
    assert np.array_equal(trace.transit_s[100:200], measured.transit_s)
    assert np.all(np.diff(trace.spurt) >= 0)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: traces.gilbert_elliott(100), "loss"),
        (lambda: traces.gilbert_elliott(100, 0.1, p=0.1), "not both"),
        (lambda: traces.gilbert_elliott(100, 1.5), "loss"),
        (lambda: traces.gilbert_elliott(100, 0.9, burst=2), "bursts of 9"),
        (lambda: traces.gilbert_elliott(0, 0.1), "packets"),
        (lambda: traces.Gamma(-1), "mean_ms"),
        (lambda: traces.Gamma(correlation=1.0), "correlation"),
        (lambda: traces.Path(reorder=2), "reorder"),
        (lambda: traces.Table([]), "one value"),
        (lambda: traces.FourState(0.6, 0.1, p14=0.6), "p13"),
        (lambda: traces.from_arrays([0, 1], [1]), "as many"),
        (lambda: traces.from_arrays([0, math.nan], [1, 2]), "not a number"),
        (lambda: traces.from_arrays([0], [math.nan]), "arrived"),
    ],
)
def test_what_cannot_be_is_refused_by_name(call: object, word: str) -> None:
    with pytest.raises(VoxlabError, match=word):
        call()  # type: ignore[operator]
