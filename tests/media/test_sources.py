from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxlab.base.errors import VoxlabError
from voxlab.media import sources
from voxlab.media.sinks import level_dbfs, tone_level_dbfs, write_wav


def test_a_tone_has_its_frequency_and_level() -> None:
    heard = sources.tone(440, level_dbfs=-10).read(123, 8000)
    assert level_dbfs(heard) == pytest.approx(-10, abs=0.01)
    assert tone_level_dbfs(heard, 440) == pytest.approx(-10, abs=0.01)
    assert tone_level_dbfs(heard, 1000) < -60


def test_a_dual_tone_has_both() -> None:
    heard = sources.dual_tone(350, 440, level_dbfs=-20).read(0, 8000)
    assert [round(tone_level_dbfs(heard, hertz)) for hertz in (350, 440)] == [-20, -20]


@given(st.integers(0, 10**7), st.lists(st.integers(0, 400), max_size=6), st.booleans())
def test_reading_in_parts_gives_the_same_as_at_once(start: int, parts: list[int], loop: bool) -> None:
    source = sources.from_samples(np.arange(777), loop=loop)
    at = start if loop else start % 1500
    read = [source.read(at + sum(parts[:i]), count) for i, count in enumerate(parts)]
    np.testing.assert_array_equal(np.concatenate(read) if read else np.zeros(0), source.read(at, sum(parts)))
    position = at + np.arange(sum(parts))
    expected = position % 777 if loop else np.where(position < 777, position, 0)
    np.testing.assert_array_equal(source.read(at, sum(parts)), expected)


def test_silence_is_silent_and_endless() -> None:
    assert not sources.silence().read(10**9, 100).any()
    assert sources.silence().duration_s == float("inf")


@pytest.mark.parametrize("name", ["hello", "answer"])
def test_the_speech_samples_ship_and_speak(name: str) -> None:
    source = sources.speech(name)
    assert 3 <= source.duration_s <= 5
    assert -30 < level_dbfs(source.samples) < -10
    assert np.abs(source.samples).max() == pytest.approx(16384, abs=2)
    assert source.looped().duration_s == float("inf")
    assert sources.speech(name) is source


def test_an_unknown_speech_sample_is_refused_with_those_there_are() -> None:
    with pytest.raises(VoxlabError, match=r"hello\.wav"):
        sources.speech("helo")


def test_a_wav_file_is_read_back(tmp_path: Path) -> None:
    samples = np.arange(-500, 500, dtype=np.int16)
    write_wav(tmp_path / "x.wav", samples)
    np.testing.assert_array_equal(sources.from_wav(tmp_path / "x.wav").samples, samples)


@pytest.mark.parametrize("rate", [16000, 24000, 32000, 48000])
def test_a_higher_rate_keeps_what_a_telephone_carries_and_folds_nothing_back(rate: int) -> None:
    time_s = np.arange(rate) / rate
    audible, beyond = (0.25 * np.sin(2 * np.pi * hertz * time_s) for hertz in (1000, 5000))
    heard = sources.from_samples(audible + beyond, rate).samples
    assert len(heard) == 8000
    assert tone_level_dbfs(heard[200:-200], 1000) == pytest.approx(-12.04, abs=0.1)
    assert tone_level_dbfs(heard[200:-200], 3000) < -45
    phase = np.angle(heard[200:-200] @ np.exp(-2j * np.pi * 1000 * np.arange(200, 7800) / 8000))
    assert phase == pytest.approx(-np.pi / 2, abs=0.01), "no delay"


def test_floats_are_scaled_and_clipped() -> None:
    assert sources.from_samples([0.0, 0.5, 1.0, -1.5]).samples.tolist() == [0, 16384, 32767, -32768]


@pytest.mark.parametrize(
    ("samples", "rate", "reason"),
    [
        (np.zeros((2, 5)), 8000, "one channel"),
        (np.zeros(0), 8000, "at least one sample"),
        (np.zeros(9), 11025, "8000 samples a second or a multiple"),
        (np.array([40000]), 8000, "32767"),
        (np.array([np.nan]), 8000, "finite"),
        (np.array(["a"]), 8000, "integers"),
    ],
)
def test_what_is_no_sound_is_refused(samples: np.ndarray, rate: int, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        sources.from_samples(samples, rate)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("not a sound")
    with pytest.raises(ValueError, match="no WAV file"):
        sources.from_wav(tmp_path / "text.wav")
    with wave.open(str(tmp_path / "stereo.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(400))
    with pytest.raises(ValueError, match="2 channels of 16 bits"):
        sources.from_wav(tmp_path / "stereo.wav")
