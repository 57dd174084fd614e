from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voxlab.kernels.concealment import DELAY, FRAME, conceal

every_body = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=8, deadline=None)
VOICE = np.rint(
    6000 * np.sin(2 * np.pi * 100 * np.arange(60 * FRAME) / 8000)
    + 3000 * np.sin(2 * np.pi * 300 * np.arange(60 * FRAME) / 8000 + 1)
).astype(np.int16)


@every_body
@given(st.integers(0, 2**32 - 1), st.integers(0, 12))
def test_without_losses_all_comes_out_as_it_went_in_and_late(bodies: str, seed: int, frames: int) -> None:
    samples = np.random.default_rng(seed).integers(-32768, 32768, frames * FRAME).astype(np.int16)
    out = conceal(samples, np.zeros(frames, np.bool_))
    assert not out[:DELAY].any()
    np.testing.assert_array_equal(out[DELAY:], samples[: len(samples) - DELAY] if frames else samples)


@pytest.mark.parametrize("lost", [1, 2])
def test_a_steady_voice_goes_on_through_a_short_gap(bodies: str, lost: int) -> None:
    missing = np.zeros(60, np.bool_)
    missing[20 : 20 + lost] = True
    out = conceal(VOICE, missing).astype(float)[DELAY:]
    gap = slice(20 * FRAME, (20 + lost) * FRAME)
    error = np.sqrt(np.mean((out[gap] - VOICE[gap]) ** 2) / np.mean(VOICE[gap].astype(float) ** 2))
    assert error < (0.02 if lost == 1 else 0.2)


def test_a_long_gap_fades_to_silence_in_sixty_milliseconds(bodies: str) -> None:
    missing = np.zeros(60, np.bool_)
    missing[20:35] = True
    out = conceal(VOICE, missing)[DELAY:]
    levels = [float(np.abs(out[(20 + n) * FRAME : (21 + n) * FRAME].astype(float)).mean()) for n in range(8)]
    assert levels[0] > levels[2] > levels[4] > 0
    assert levels[6] == levels[7] == 0.0


def test_no_step_where_speech_is_lost_and_where_it_comes_again(bodies: str) -> None:
    missing = np.zeros(60, np.bool_)
    missing[20:23] = True
    out = conceal(VOICE, missing)[DELAY:].astype(int)
    largest = int(np.abs(np.diff(VOICE.astype(int))).max())
    assert int(np.abs(np.diff(out)).max()) < 1.3 * largest


def test_what_is_lost_before_anything_came_is_silence(bodies: str) -> None:
    missing = np.ones(60, np.bool_)
    assert not conceal(VOICE, missing).any()


def test_frames_and_samples_have_to_fit() -> None:
    with pytest.raises(ValueError, match="3 frames take 240 int16 samples, not 239"):
        conceal(np.zeros(239, np.int16), np.zeros(3, np.bool_))
