from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voxlab.kernels.goertzel import bins
from voxlab.kernels.mixing import mix_for_each

every_body = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)


@every_body
@given(st.integers(0, 2**32 - 1), st.integers(1, 200), st.integers(1, 90))
def test_bins_are_those_of_the_plain_sum(bodies: str, seed: int, window: int, hop: int) -> None:
    rng = np.random.default_rng(seed)
    signal = rng.integers(-3000, 3000, int(rng.integers(0, 500)))
    hertz = [697.0, 1209.0, 3000.5]
    found = bins(signal, hertz, window, hop)
    assert len(found.power) == max(0, 1 + (len(signal) - window) // hop)
    for row in range(len(found.power)):
        part = signal[row * hop : row * hop + window].astype(float)
        assert found.power[row] == pytest.approx(float(np.mean(part**2)))
        for column, each in enumerate(hertz):
            total = sum(x * np.exp(-2j * math.pi * each * n / 8000) for n, x in enumerate(part))
            here = found.amplitude[row, column] * np.exp(1j * found.phase[row, column]) * window / 2
            assert abs(here - total) < 1e-5 * window * 3000


@every_body
@given(st.integers(0, 2**32 - 1), st.integers(0, 6), st.integers(0, 50))
def test_everybody_hears_all_others_and_not_himself(bodies: str, seed: int, people: int, samples: int) -> None:
    voices = np.random.default_rng(seed).integers(-32768, 32768, (people, samples)).astype(np.int16)
    mixed = mix_for_each(voices)
    for who in range(people):
        others = [sum(int(voices[k, i]) for k in range(people) if k != who) for i in range(samples)]
        assert mixed[who].tolist() == [min(max(each, -32768), 32767) for each in others]


def test_a_mix_of_other_things_is_refused() -> None:
    with pytest.raises(ValueError, match="a row for each voice"):
        mix_for_each(np.zeros(9, np.int16))
    with pytest.raises(ValueError, match="at least one sample, not 0 and 1"):
        bins(np.zeros(9), [1.0], 0, 1)
