from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.reference import emodel as naive
from voxlab.kernels.quality import (
    G711,
    G711_WITH_CONCEALMENT,
    G729A,
    Equipment,
    mean_opinion_score,
    rating,
    wideband_mean_opinion_score,
    wideband_rating,
)

every_body = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)


def test_delay_lowers_r_as_published(bodies: str) -> None:
    delays_ms = [100, 150, 200, 250, 300, 400, 500]
    published = [90.664, 89.539, 85.805, 79.177, 72.666, 62.247, 54.803]
    np.testing.assert_allclose(rating(delays_ms), published, atol=0.01)


@pytest.mark.parametrize(
    ("equipment", "loss_percent", "published"),
    [
        (G711, [1, 5], [75.282, 42.131]),
        (G711_WITH_CONCEALMENT, [1, 3, 10], [89.566, 83.064, 66.141]),
        (G729A, [0, 2], [82.206, 74.206]),
    ],
)
def test_loss_lowers_r_as_published(
    bodies: str, equipment: Equipment, loss_percent: list[float], published: list[float]
) -> None:
    np.testing.assert_allclose(rating(0.0, loss_percent, equipment=equipment), published, atol=0.01)


def test_reference_points_of_the_vectors(bodies: str, shared: Path) -> None:
    vectors = json.loads((shared / "corpora/media/emodel_g107.json").read_text())
    points = vectors["reference_points_g711_plc_burst1"]
    r = rating(0.0, [each["loss_pct"] for each in points], equipment=G711_WITH_CONCEALMENT)
    np.testing.assert_allclose(r, [each["R"] for each in points], atol=0.0151)  # printed to two digits from R0 = 93.2
    np.testing.assert_allclose(mean_opinion_score(r), [each["MOS"] for each in points], atol=0.006)
    known = vectors["mos_of_R_computed"]
    np.testing.assert_allclose(mean_opinion_score([float(k) for k in known]), list(known.values()), atol=0.0006)


def test_a_clean_call_has_the_default_rating(bodies: str) -> None:
    assert float(rating()) == pytest.approx(93.2062, abs=1e-4)
    assert round(float(mean_opinion_score(rating())), 2) == 4.41


@every_body
@given(st.floats(0, 2000), st.floats(0, 100), st.floats(1, 8), st.sampled_from([G711, G711_WITH_CONCEALMENT, G729A]))
def test_r_and_mos_equal_the_model_spelled_out(
    bodies: str, delay_ms: float, loss: float, burst: float, codec: Equipment
) -> None:
    r = float(rating(delay_ms, loss, burst_ratio=burst, equipment=codec))
    assert r == pytest.approx(naive.r(delay_ms, loss, burst, *codec), abs=1e-9)
    assert float(mean_opinion_score(r)) == pytest.approx(max(1.0, naive.mos(r)), abs=1e-9)


def test_columns_are_broadcast(bodies: str) -> None:
    assert rating(np.zeros((3, 1)), np.array([0.0, 1.0])).shape == (3, 2)
    assert rating(np.zeros(0)).shape == (0,)


@pytest.mark.parametrize("arguments", [(-1, 0), (0, 101), (0, -0.1), (float("nan"), 0)])
def test_what_is_no_delay_or_percentage_is_refused(arguments: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="percent"):
        rating(*arguments)


@every_body
@given(st.floats(0, 2000), st.floats(0, 100), st.floats(1, 8), st.floats(0, 40), st.floats(1, 30))
def test_wideband_r_equals_the_model_spelled_out(
    bodies: str, delay_ms: float, loss: float, burst: float, ie: float, bpl: float
) -> None:
    r = float(wideband_rating(delay_ms, loss, burst_ratio=burst, equipment=Equipment(ie, bpl)))
    assert r == pytest.approx(naive.wideband_r(delay_ms, loss, burst, ie, bpl), abs=1e-9)
    assert float(wideband_mean_opinion_score(r)) == pytest.approx(max(1.0, naive.mos(r / 1.29)), abs=1e-9)


def test_a_clean_wideband_call_is_the_best_there_is(bodies: str) -> None:
    assert float(wideband_rating(equipment=Equipment(0, 10))) == 129.0
    assert float(wideband_mean_opinion_score(129.0)) == 4.5


def test_delay_costs_a_wideband_call_the_idd_of_narrowband(bodies: str) -> None:
    clean = Equipment(0.0, 10.0)
    assert wideband_rating([0.0, 100.0], equipment=clean).tolist() == [129.0, 129.0]
    assert 129.0 - float(wideband_rating(400.0, equipment=clean)) == pytest.approx(naive.r(100) - naive.r(400), abs=4.5)


def test_the_sidetones_echo_has_settled_where_the_loop_stops_asking() -> None:
    from voxlab.kernels import quality

    settled = quality._simultaneous(np.array([quality.SETTLED_MS, 150.0, 1e6]))
    assert np.ptp(settled) < 1e-12
