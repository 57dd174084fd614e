"""Traces, jitter buffers and the E-model beside plain Python telling of the same, in packets of one core's time.

The other side is the naive twin that the tests hold each kernel against, on fewer packets: its rate does not depend on
their number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from statistics import median
from time import perf_counter, process_time
from typing import Any

import numpy as np
from reference import chance as plain_chance
from reference import emodel as plain_emodel
from reference import neteq as plain_neteq
from reference import playout as plain_playout

from voxlab import buffers, traces
from voxlab.experiments.regret import regret_table
from voxlab.kernels import chance, impairments, playout_neteq, quality, warm

from .report import Bound, Figure, Skipped, Target, of_rounds
from .targets import pinned_to_load_core

MILLION = 1_000_000
FEW = 20_000
SWEEP = 48
Seconds = Callable[[], object]


def measure_traces(quick: bool) -> Iterator[Figure | Skipped]:
    """Yield the rates of losses and delays; each alone is a trace of its kind."""
    packets, rounds = 4 * MILLION, 3 if quick else 7
    lost, transit = np.zeros(packets, dtype=np.uint8), np.zeros(packets)
    table, p = chance.gamma_table(2.0, 0.01), chance.threshold
    cells, state = table.tolist(), chance.seeded(1)

    def losses() -> object:
        return impairments.gilbert_elliott(p(0.01), p(0.3), p(1.0), p(0.0), 0, state, lost)

    def plain_losses() -> object:
        draws = plain_chance.xoshiro(plain_chance.splitmix(1))
        return plain_chance.gilbert_elliott(draws, FEW, 0.01, 0.3, 0.0, 1.0)

    def plain_delays() -> object:
        draws = plain_chance.xoshiro(plain_chance.splitmix(1))
        return [plain_chance.look_up(cells, next(draws)) for _ in range(FEW)]

    with pinned_to_load_core():
        yield _rate("trace: Gilbert-Elliott losses", packets, losses, plain_losses, rounds, 100)
        delays = lambda: impairments.add_delays(table, state, transit)
        yield _rate("trace: gamma delays", packets, delays, plain_delays, rounds, 100)


def _rate(
    name: str, packets: int, ours: Seconds, theirs: Seconds, rounds: int, at_least: float, few: int = FEW
) -> Figure:
    """Measure in turns, and bound our own rate: M packets a second."""
    mine, others = _in_turns(ours, theirs, rounds)
    rate, other = packets / median(mine) / MILLION, few / median(others) / MILLION
    ratio = f"plain Python: {rate / other:,.0f}x"
    return Figure(f"{name} ({ratio})", "Mpkt/s", rate, math.nan, "", Target(Bound.AT_LEAST, at_least))


def _in_turns(
    ours: Seconds, theirs: Seconds, rounds: int, clock: Callable[[], float] = process_time
) -> tuple[list[float], list[float]]:
    """Return seconds of the processor's time, which neighbours on the machine do not take from us."""
    ours()
    mine, others = [], []
    for _ in range(rounds):
        mine.append(_timed(ours, clock))
        others.append(_timed(theirs, clock))
    return mine, others


def _timed(work: Seconds, clock: Callable[[], float]) -> float:
    start = clock()
    work()
    return clock() - start


SINGLE_PASS = (
    "Fixed(delay_ms=60)", "Ramjee(algorithm=1)", "Ramjee(algorithm=2)", "Ramjee(algorithm=3)", "Ramjee(algorithm=4)",
    "Moon(late=0.01)", "Tide(late=0.01)", "Baresip(multiple=3)", "Asterisk(extra_ms=40)", "Pjmedia(prefetch=1)",
)  # fmt: skip
NAMED = {
    "Fixed(delay_ms=60)": buffers.Fixed(60),
    **{f"Ramjee(algorithm={n})": buffers.Ramjee(n) for n in (1, 2, 3, 4)},
    "Moon(late=0.01)": buffers.Moon(0.01),
    "Tide(late=0.01)": buffers.Tide(0.01),
    "Baresip(multiple=3)": buffers.Baresip(3),
    "Asterisk(extra_ms=40)": buffers.Asterisk(40),
    "Pjmedia(prefetch=1)": buffers.Pjmedia(1),
}


def measure_buffers(quick: bool) -> Iterator[Figure | Skipped]:
    """Yield for each single-pass buffer its rate and its ratio to the naive twin; then NetEQ's."""
    rounds = 3 if quick else 7
    track, few = traces.gamma_with_spikes(MILLION, 1), traces.gamma_with_spikes(2000, 1)
    with pinned_to_load_core():
        for name in SINGLE_PASS:
            yield from _single_pass(name, track, few, rounds)
        yield from _neteq(track, few, rounds)


def _single_pass(name: str, track: traces.Trace, few: traces.Trace, rounds: int) -> Iterator[Figure]:
    buffer: Any = NAMED[name]
    _, arrival, media, spurt = track.arrivals
    numbers, out = np.array(buffer._numbers(track.frame_s)), np.empty(arrival.size)
    packets = list(zip(*(each.tolist() for each in few.arrivals[1:]), strict=True))

    def ours() -> object:
        state, memory = buffer._fresh()
        return buffer._kernel()(arrival, media, spurt, numbers, state, memory, out)

    mine, others = _in_turns(ours, lambda: plain_playout.ALGORITHMS[name](packets), rounds)
    rate, other = arrival.size / median(mine) / MILLION, len(packets) / median(others) / MILLION
    yield Figure(f"{name}", "Mpkt/s", rate, math.nan, "", Target(Bound.AT_LEAST, 200))
    yield of_rounds(f"{name}, beside its twin", "Mpkt/s", [rate], [other], "Python", Target(Bound.AT_LEAST, 150))


def _neteq(track: traces.Trace, few: traces.Trace, rounds: int) -> Iterator[Figure]:
    n, order = track.packets, track.arrivals.order
    playout, concealed, action = np.empty(n), np.empty(n), np.empty(n, dtype=np.uint8)
    numbers, recent = np.array([0.95, 0.983, 0.02, 0.01]), np.zeros(order.size, dtype=np.int64)
    columns = few.recv_s.tolist(), few.send_s.tolist(), few.spurt.tolist()

    def ours() -> object:
        work = np.zeros(playout_neteq.BUCKETS)
        return playout_neteq.neteq(
            track.send_s, track.recv_s, order, track.spurt, numbers, work, recent, playout, action, concealed
        )

    def theirs() -> object:
        return plain_neteq.neteq(*columns, 0.95, 0.983, 0.02)

    yield _rate("NetEq(quantile=0.95)", n, ours, theirs, rounds, 20, few.packets)


def measure_emodel(quick: bool) -> Iterator[Figure | Skipped]:
    """Yield ratings a second beside a loop over the model spelled out in Python."""
    warm()
    rows, rounds = 200_000, 3 if quick else 7
    grid = np.linspace(0, 1, rows)
    delay_ms, loss = 500 * grid, 20 * grid[::-1].copy()
    pairs = list(zip(delay_ms[::100].tolist(), loss[::100].tolist(), strict=True))
    with pinned_to_load_core():
        mine, others = _in_turns(
            lambda: quality.rating(delay_ms, loss), lambda: [plain_emodel.r(ta, ppl) for ta, ppl in pairs], rounds
        )
    rate, other = [rows / each / MILLION for each in mine], [len(pairs) / each / MILLION for each in others]
    yield of_rounds("E-model ratings", "M/s", rate, other, "Python", Target(Bound.AT_LEAST, 50))


def measure_sweep(quick: bool) -> Iterator[Figure | Skipped]:
    """Yield how much faster two threads sweep than one, each by the best of many rounds.

    Two cores at once are what a busy machine gives least often; medians would tell of the neighbours.
    """
    import os

    if len(os.sched_getaffinity(0)) < 2:
        yield Skipped("sweep over two cores", "one core; cure: a machine with two")
        return
    racers = [buffers.Tide(late=share) for share in np.geomspace(2e-3, 0.05, SWEEP // 2 if quick else SWEEP)]
    tracks = [traces.drift_with_spikes(200_000, seed) for seed in range(2)]
    alone, both = _in_turns(
        lambda: buffers.race(racers, tracks),
        lambda: buffers.race(racers, tracks, workers=2),
        9 if quick else 25,
        perf_counter,
    )
    packets = len(racers) * len(tracks) * 200_000 / MILLION
    rates = [packets / min(both)], [packets / min(alone)]
    yield of_rounds("sweep on two cores", "Mpkt/s", *rates, "one core", Target(Bound.AT_LEAST, 1.7))


def measure_regret(quick: bool) -> Iterator[Figure | Skipped]:
    """Print the regret of all algorithms, and yield that of our own and of the best of the others."""
    tracks = traces.families(20_000 if quick else 50_000, range(3 if quick else 5))
    table = regret_table(tracks)
    print(table)
    frame = table.frame
    for late, bound in ((0.02, 1.10), (0.01, 1.20)):
        for kind in traces.FAMILIES:
            rows = frame[(frame.late == late) & (frame.trace == kind)].set_index("algorithm").regret
            classic = rows.drop(["Tide", "NetEq"]).min()
            name = f"regret of Tide, {late:.0%} late, {kind} (best classic {classic:.3f})"
            yield Figure(name, "", float(rows["Tide"]), math.nan, "", Target(Bound.AT_MOST, bound))
