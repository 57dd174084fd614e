from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voxlab.kernels import _jit
from voxlab.kernels.tones import FULL_SCALE, period_samples, sines, tone_amplitude

every_body = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
frequencies = st.lists(st.integers(1, 39_999).map(lambda tenths: tenths / 10), min_size=1, max_size=3)


@every_body
@given(frequencies, st.floats(-60, 0), st.integers(0, 10**6))
def test_samples_are_those_of_the_formula(bodies: str, hertz: list[float], level: float, start: int) -> None:
    amplitude = FULL_SCALE * 10 ** (level / 20)
    heard = sines(hertz, level, 40, start=start)
    for i, sample in enumerate(heard.tolist()):
        exact = sum(amplitude * math.sin(2 * math.pi * math.fmod((start + i) * f / 8000, 1.0)) for f in hertz)
        assert abs(sample - max(-32768, min(32767, exact))) < 0.51


def test_both_bodies_give_the_same_integers() -> None:
    cases = [([440], -13.0, 8000), ([1000], 0.0, 8000), ([350, 440], -6.0, 8000), ([697.1, 1209], 0.0, 20000)]
    _jit.unload()
    by_twin = [sines(hertz, level, count) for hertz, level, count in cases]
    _jit.warm()
    try:
        for (hertz, level, count), twin in zip(cases, by_twin, strict=True):
            np.testing.assert_array_equal(sines(hertz, level, count), twin)
    finally:
        _jit.unload()


@every_body
@given(frequencies)
def test_a_tone_repeats_after_its_period(bodies: str, hertz: list[float]) -> None:
    period = period_samples(hertz)
    assert period <= 80_000
    np.testing.assert_array_equal(sines(hertz, -10, 25), sines(hertz, -10, 25, start=period))


def test_the_amplitude_of_one_frequency_is_found_among_others() -> None:
    samples = sines([440, 1000], -20, 8000)
    assert tone_amplitude(samples, 440) == pytest.approx(FULL_SCALE / 10, rel=1e-3)
    assert tone_amplitude(samples, 700) < 2
    assert tone_amplitude(samples[:0], 440) == 0.0


@pytest.mark.parametrize("hertz", [0, -1, 440.05, 4000, 9000])
def test_a_frequency_that_cannot_sound_is_refused(hertz: float) -> None:
    with pytest.raises(ValueError, match="Hz"):
        sines([hertz], -10, 10)
