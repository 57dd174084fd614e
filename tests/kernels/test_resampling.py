from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.reference import resampling as reference
from voxlab.kernels.resampling import filtered

every_body = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)


@every_body
@given(st.integers(0, 2**32 - 1), st.integers(1, 7), st.integers(1, 7), st.integers(1, 70), st.integers(0, 40))
def test_every_body_gives_the_same_samples_to_the_bit(
    bodies: str, seed: int, up: int, down: int, taps: int, count: int
) -> None:
    rng = np.random.default_rng(seed)
    phases = rng.standard_normal((up, taps))
    padded = rng.integers(-32768, 32768, count * down // up + taps + 3).astype(np.float64)
    found = filtered(padded, phases, down, 2, count)
    assert found.dtype == np.int16
    assert found.tolist() == reference.filtered(padded.tolist(), phases.tolist(), down, 2, count)


@every_body
@given(st.sampled_from([(1, 2), (2, 1), (6, 1), (1, 6), (80, 441)]))
def test_a_read_only_array_of_integers_is_taken(bodies: str, rates: tuple[int, int]) -> None:
    from voxlab.media.resampling import resample

    samples = np.arange(-200, 200, dtype=np.int16)
    samples.setflags(write=False)
    up, down = rates
    assert len(resample(samples, 100 * down, 100 * up)) == -(-400 * up // down)
