"""The race: everybody on the same trace, figures that follow from playout times, a file that tells its origin."""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from voxlab import VoxlabError, buffers, traces
from voxlab.experiments.intervals import half_width
from voxlab.experiments.playout import Playout
from voxlab.experiments.regret import regret_at, regret_table
from voxlab.kernels.quality import G711_WITH_CONCEALMENT, mean_opinion_score, rating

COLUMNS = ["buffer", "trace", "seed", "late", "loss_effective", "delay_mean_ms", "delay_p95_ms", "regret", "mos"]
TRACE = traces.gilbert_elliott(4000, 0.03, seed=1)


class Mine:
    """A user's buffer: the first packet waits 60 ms."""

    def reset(self) -> None:
        self.offset: float | None = None

    def step(self, arrival_s: float, media_s: float) -> float:
        if self.offset is None:
            self.offset = arrival_s - media_s + 0.06
        return media_s + self.offset


def test_a_buffer_of_ones_own_is_raced_like_ours() -> None:
    race = buffers.race([buffers.Fixed(delay_ms=60), buffers.Ramjee(4), Mine()], TRACE)
    assert list(race.columns) == COLUMNS
    assert race.buffer.tolist() == ["Fixed(delay_ms=60)", "Ramjee(algorithm=4)", "Mine"]
    ours, mine = race.iloc[0, 1:].tolist(), race.iloc[2, 1:].tolist()
    assert ours == mine


def test_packets_come_to_step_once_each_in_order_of_arrival() -> None:
    seen: list[tuple[float, float]] = []

    class Watching(Mine):
        def step(self, arrival_s: float, media_s: float) -> float:
            seen.append((arrival_s, media_s))
            return super().step(arrival_s, media_s)

    buffers.race([Watching()], TRACE)
    assert len(seen) == int((~TRACE.lost).sum())
    assert [each for each, _ in seen] == sorted(each for each, _ in seen)


def test_the_figures_follow_from_playout_times(bodies: str) -> None:
    trace = traces.from_arrays([0, 0.02, 0.04, 0.06], [0.01, 0.05, math.nan, 0.08])
    playout = Playout("by hand", trace, np.array([0.03, 0.04, 0.07, 0.1]))
    assert playout.played.tolist() == [True, False, False, True]
    assert playout.late == pytest.approx(1 / 3)
    assert playout.loss_effective == pytest.approx(1 / 2)
    assert playout.delay_mean_s == pytest.approx(0.035)
    assert playout.expanded == pytest.approx(0.01 / 0.08)
    assert playout.concealed == pytest.approx(0.5)
    assert playout.regret == pytest.approx(0.035 / trace.optimum_s(1 / 3))


def test_mos_is_the_e_models_of_loss_and_delay() -> None:
    race = buffers.race([buffers.Fixed(80)], TRACE)
    row, details = race.iloc[0], race.details.iloc[0]
    r = rating(
        row.delay_mean_ms + 20,
        row.loss_effective * 100,
        burst_ratio=details.burst_ratio,
        equipment=G711_WITH_CONCEALMENT,
    )
    assert details.r == pytest.approx(float(r))
    assert row.mos == pytest.approx(float(mean_opinion_score(r)))


def test_nobody_who_keeps_a_delay_within_a_talkspurt_beats_the_offline_optimum() -> None:
    racers = [buffers.Fixed(30), *(buffers.Ramjee(n) for n in (1, 2, 3, 4)), buffers.Moon(0.02), buffers.Tide(0.02)]
    race = buffers.race(racers, traces.families(4000, [1, 2]))
    assert (race.regret >= 1.0).all()


def test_a_perfect_path_has_no_regret() -> None:
    race = buffers.race([buffers.Fixed(0)], traces.through(traces.Path(), 500, seed=1))
    assert race.regret.tolist() == [pytest.approx(1.0)]
    assert race.late.tolist() == [0.0]


def test_the_summary_is_the_mean_with_students_interval_over_the_seeds() -> None:
    race = buffers.race([buffers.Fixed(60), buffers.Tide()], [traces.iid_gamma(3000, seed) for seed in range(4)])
    summary = race.summary()
    late = race[race.buffer == "Fixed(delay_ms=60)"].late
    assert summary.seeds.tolist() == [4, 4]
    assert summary.late[0] == pytest.approx(late.mean())
    assert summary.late_ci95[0] == pytest.approx(3.182 * late.std() / 2)
    assert math.isnan(half_width([1.0]))


def test_a_saved_race_tells_versions_parameters_and_seeds(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed: make install ARGS=full")
    race = buffers.race([buffers.Tide(late=0.02), Mine()], TRACE)
    path = race.save(tmp_path / "x.parquet")
    told = json.loads(parquet.read_schema(path).metadata[b"voxlab"])
    assert {"voxlab", "python", "numpy", "numba", "pandas"} == set(told["versions"])
    assert told["buffers"][0]["late"] == 0.02
    assert told["traces"][0]["seed"] == 1
    assert told["traces"][0]["parameters"]["loss"]["kind"] == "GilbertElliott"
    assert pd.read_parquet(path)[COLUMNS].equals(pd.DataFrame(race).astype(pd.read_parquet(path)[COLUMNS].dtypes))
    with pytest.raises(VoxlabError, match=r"\.parquet"):
        race.save(tmp_path / "x.csv")


def test_threads_and_executors_of_ones_own_give_the_same_rows() -> None:
    racers, tracks = [buffers.Moon(), buffers.NetEq(), Mine()], traces.families(2000, [1])
    alone = buffers.race(racers, tracks)
    assert buffers.race(racers, tracks, workers=2).equals(alone)
    with ThreadPoolExecutor(2) as executor:
        assert buffers.race(racers, tracks, executor=executor).equals(alone)


@pytest.mark.parametrize("buffer", buffers.every(), ids=lambda each: each.name)
def test_each_buffer_says_what_it_is_and_hears_most_of_an_easy_path(buffer: buffers.Buffer) -> None:
    played = buffer.play(traces.through(traces.Path(delay=traces.Uniform(0, 5)), 3000, seed=1))
    assert played.late < 0.25  # Ramjee's third learns for hundreds of packets
    assert played.delay_mean_s < 0.2
    assert buffer.name in repr(played)


def test_more_window_less_memory_of_a_spike() -> None:
    trace = traces.gamma_with_spikes(20_000, 3)
    race = buffers.race([buffers.Moon(late=0.02), buffers.Tide(late=0.02)], trace)
    assert race.delay_mean_ms[1] < race.delay_mean_ms[0]


def test_the_level_follows_a_path_that_changed_for_good() -> None:
    send_s = np.arange(5000) * 0.02
    transit = np.where(send_s < 50, 0.04, 0.34)
    played = buffers.Tide().play(traces.Trace("step", send_s, transit, np.arange(5000, dtype=np.int32) // 50))
    assert played.missed[:2500].sum() == 0
    assert 50 <= played.missed.sum() <= 150
    assert played.missed[-2000:].sum() == 0


def test_regret_is_measured_alike_for_all_and_absent_where_a_buffer_cannot_be_so_late() -> None:
    tracks = traces.families(4000, [1, 2])[:2]
    table = regret_table(tracks, [0.02], ["Fixed", "Tide"])
    assert table.frame.regret.min() > 1.0
    assert table.worst("Tide", 0.02) == table.frame[table.frame.algorithm == "Tide"].regret.max()
    assert math.isnan(regret_at(buffers.Fixed, [500.0], tracks[0], 0.02))
    assert "Tide" in repr(table)


@pytest.mark.slow
def test_voxlabs_own_keeps_its_regret_on_the_four_families() -> None:
    table = regret_table(traces.families(50_000, range(3)), (0.02, 0.01), ["Tide"])
    assert table.worst("Tide", 0.02) <= 1.10
    assert table.worst("Tide", 0.01) <= 1.20


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: buffers.race([], TRACE), "a buffer and a trace"),
        (lambda: buffers.race([Mine], TRACE), r"Mine\(\)"),
        (lambda: buffers.race([object()], TRACE), "reset"),
        (lambda: buffers.race([Mine()], [1.0]), "float"),
        (lambda: buffers.race([Mine()], TRACE, workers=0), "workers"),
        (lambda: buffers.Ramjee(5), "1, 2, 3 and 4"),
        (lambda: buffers.Moon(late=2), "late"),
        (lambda: buffers.race([Mine()], TRACE).playout(3), "rows 0 to 0"),
    ],
)
def test_what_cannot_be_raced_is_refused(call: object, word: str) -> None:
    with pytest.raises(VoxlabError, match=word):
        call()  # type: ignore[operator]


@pytest.mark.parametrize("answer", ["soon", float("nan")])
def test_a_step_that_returns_no_time_is_named(answer: object) -> None:
    class Wrong(Mine):
        def step(self, arrival_s: float, media_s: float) -> float:
            return answer  # type: ignore[return-value]

    with pytest.raises(VoxlabError, match=r"Wrong\.step"):
        buffers.race([Wrong()], TRACE)


def test_a_step_may_throw_a_packet_away() -> None:
    class Never(Mine):
        def step(self, arrival_s: float, media_s: float) -> None:  # type: ignore[override]
            return None

    race = buffers.race([Never()], TRACE)
    assert race.late.tolist() == [1.0]
    assert race.mos.tolist() == [1.0]


def test_charts_say_in_words_what_they_show_and_are_the_same_every_time() -> None:
    race = buffers.race([buffers.NetEq(), buffers.Tide()], TRACE)
    for chart, again in (
        (race.plot(), race.plot()),
        (race.playout(0).plot(0, 20), race.playout(0).plot(0, 20)),
        (TRACE.plot(), TRACE.plot()),
    ):
        assert chart._repr_svg_() == again._repr_svg_()
        assert chart._repr_svg_().lstrip().startswith("<?xml")
        assert len(repr(chart)) > 40
