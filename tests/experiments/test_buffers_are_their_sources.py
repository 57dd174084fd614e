"""Each buffer against a plain telling of its paper or source, packet by packet."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tests.reference import hindsight, neteq
from tests.reference import playout as naive
from voxlab import buffers, traces
from voxlab.experiments.playout import runs
from voxlab.experiments.trace import Trace

PACKETS = 1500
KINDS = {
    "spikes": traces.Path(delay=traces.Gamma(), spikes=traces.Spikes(share=0.01), drift=traces.Drift(40, 5)),
    "lossy": traces.Path(delay=traces.Gamma(30), loss=traces.GilbertElliott.of(0.1, 4)),
    "queue": traces.Path(bottleneck=traces.Bottleneck(cross_kbps=1500, limit_ms=400)),
}
on_each = pytest.mark.parametrize("kind", KINDS)


def drawn(kind: str) -> Trace:
    return traces.through(KINDS[kind], PACKETS, seed=4, name=kind)


def made(words: str) -> buffers.Buffer:
    name, arguments = re.fullmatch(r"(\w+)\((.*)\)", words).groups()  # type: ignore[union-attr]
    given = dict(each.split("=") for each in arguments.split(", "))
    numbers = {key: int(value) if value.isdigit() else float(value) for key, value in given.items()}
    return getattr(buffers, name)(**numbers)  # type: ignore[no-any-return]


def naive_playout(trace: Trace, words: str) -> np.ndarray:
    order, arrival, media, spurt = trace.arrivals
    told = naive.ALGORITHMS[words](list(zip(arrival.tolist(), media.tolist(), spurt.tolist(), strict=True)))
    expected = np.full(len(trace), -np.inf)
    expected[order] = told
    return expected


@on_each
@pytest.mark.parametrize("words", naive.ALGORITHMS)
def test_a_buffer_plays_each_packet_when_its_source_does(bodies: str, kind: str, words: str) -> None:
    trace = drawn(kind)
    np.testing.assert_allclose(made(words).play(trace).playout_s, naive_playout(trace, words), atol=1e-9, rtol=0)


@on_each
@pytest.mark.parametrize("quantile", [0.5, 0.95, 0.99])
def test_neteq_does_what_its_source_does(bodies: str, kind: str, quantile: float) -> None:
    trace = drawn(kind)
    told = neteq.neteq(trace.recv_s.tolist(), trace.send_s.tolist(), trace.spurt.tolist(), quantile, 0.983, 0.02)
    played = buffers.NetEq(quantile=quantile).play(trace)
    np.testing.assert_allclose(played.playout_s, [at for at, _ in told], atol=1e-9, rtol=0)
    assert played.stretch_s is not None
    stretch = {"expanded": 0.01, "accelerated": -0.01}
    np.testing.assert_allclose(played.stretch_s, [stretch.get(what, 0.0) for _, what in told])


@pytest.mark.parametrize("words", naive.ALGORITHMS)
def test_packet_by_packet_is_the_same_as_all_at_once(words: str) -> None:
    path = traces.Path(delay=traces.Gamma(), spikes=traces.Spikes(share=0.01), in_order=True)
    trace = traces.through(path, 400, seed=2)
    buffer = made(words)
    order, arrival, media, _ = trace.arrivals
    buffer.reset()  # type: ignore[attr-defined]
    stepped = [buffer.step(a, m) for a, m in zip(arrival.tolist(), media.tolist(), strict=True)]  # type: ignore[attr-defined]
    assert stepped == buffer.play(trace).playout_s[order].tolist()


def test_every_kind_of_fate_occurs_in_what_is_compared() -> None:
    trace = drawn("lossy")
    told = neteq.neteq(trace.recv_s.tolist(), trace.send_s.tolist(), trace.spurt.tolist(), 0.95, 0.983, 0.02)
    assert {what for _, what in told} == {"not played", "normal", "accelerated", "expanded", "merged"}
    assert any(np.isneginf(naive_playout(drawn("spikes"), words)).any() for words in ("Asterisk(extra_ms=5)",))


def test_the_offline_optimum_is_the_dynamic_programmes(bodies: str) -> None:
    rng = np.random.default_rng(3)
    for _ in range(5):
        spurts = [sorted(rng.gamma(2, 0.02, size=rng.integers(1, 9)).tolist()) for _ in range(6)]
        transit = np.concatenate(spurts)
        number = np.repeat(np.arange(6), [len(each) for each in spurts])
        late, delay = traces_optimum(transit, number)
        for share, least in zip(late.tolist(), delay.tolist(), strict=True):
            played = round((1 - share) * transit.size)
            assert least * played == pytest.approx(hindsight.optimum(spurts, played), abs=1e-12)
        for played in range(1, transit.size + 1):
            bound = np.interp(1 - played / transit.size, late, delay) * played
            assert bound <= hindsight.optimum(spurts, played) + 1e-12


def traces_optimum(transit: np.ndarray, number: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from voxlab.kernels.optimum import offline_optimum

    return offline_optimum(transit, number)


@pytest.mark.parametrize("seed", range(4))
def test_bursts_and_gaps_are_those_of_rfc_3611(seed: int) -> None:
    trace = traces.gilbert_elliott(600, 0.05, seed, burst=3)
    lost = trace.lost
    found = runs(lost)
    in_burst, lost_in_burst, in_gap, lost_in_gap = hindsight.runs(lost.tolist())
    assert found.burst_density == pytest.approx(lost_in_burst / in_burst if in_burst else 0)
    assert found.gap_density == pytest.approx(lost_in_gap / in_gap)
