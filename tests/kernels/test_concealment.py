from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.reference import concealment as reference
from voxlab.kernels.concealment import DELAY, FRAME, conceal, fill
from voxlab.media import sources


@pytest.fixture(params=["body", "compiled"])
def bodies(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run the plain body, then the compiled one: a long run has no numpy twin."""
    kind = str(request.param)
    if kind == "body":
        monkeypatch.setattr(fill, "run", fill.body)
    else:
        fill.compile()
    return kind


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


@every_body
@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 9)), max_size=4),
    st.sampled_from(["voice", "noise", "quiet", "loud"]),
)
def test_it_is_what_the_appendix_describes(bodies: str, seed: int, lies: list[tuple[int, int]], kind: str) -> None:
    missing = np.array([lost for good, gap in lies for lost in [False] * good + [True] * gap] + [False] * 3)
    rng = np.random.default_rng(seed)
    count = len(missing) * FRAME
    t = np.arange(count) / 8000
    if kind == "voice":
        pitch_hz, level = rng.uniform(60, 250), rng.uniform(50, 15_000)
        sound = sum(level / n * np.sin(2 * np.pi * pitch_hz * n * t + rng.uniform(0, 6)) for n in range(1, 6))
    else:
        sound = rng.standard_normal(count) * {"noise": 4000.0, "quiet": 1.0, "loud": 60_000.0}[kind]
    samples = np.clip(np.rint(sound), -32768, 32767).astype(np.int16)
    np.testing.assert_array_equal(conceal(samples, missing), reference.conceal(samples.tolist(), missing.tolist()))


def test_a_shipped_voice_with_holes_is_what_the_appendix_describes(bodies: str) -> None:
    samples = sources.speech("hello").samples
    samples = samples[: len(samples) // FRAME * FRAME]
    missing = np.random.default_rng(5).random(len(samples) // FRAME) < 0.2
    np.testing.assert_array_equal(conceal(samples, missing), reference.conceal(samples.tolist(), missing.tolist()))
