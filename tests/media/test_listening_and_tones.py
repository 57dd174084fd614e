from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from voxlab.base.errors import VoxlabError
from voxlab.media import sources
from voxlab.media.listening import beeps, talk_and_silence
from voxlab.media.progress_tones import COUNTRIES, KINDS, cadence, frequencies_of, progress_tone
from voxlab.media.sinks import side_by_side, tone_level_dbfs, write_wav

SECOND = np.zeros(8000, np.int16)


@pytest.mark.parametrize("country", COUNTRIES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_tone_sounds_as_its_cadence_says(country: str, kind: str) -> None:
    steps = cadence(kind, country)
    heard = progress_tone(kind, country).read(0, 80_000)
    at = 0
    for step in [each for each in steps if each.duration_s]:
        part = heard[at : at + round(step.duration_s * 8000)]
        at += len(part)
        assert part.any() == bool(step.frequencies_hz)
        for hertz in step.frequencies_hz:
            assert tone_level_dbfs(part, hertz) == pytest.approx(-13, abs=1.0)
    if at:
        np.testing.assert_array_equal(heard[:100], heard[at : at + 100])
    assert frequencies_of(steps) <= {350, 384, 400, 413, 416, 420, 425, 438, 440, 450, 480, 620}


def test_there_are_many_countries_and_germany_rings_a_second_in_five() -> None:
    assert len(COUNTRIES) >= 12
    assert [(step.frequencies_hz, step.duration_s) for step in cadence("ringing", "de")] == [((425.0,), 1.0), ((), 4.0)]


def test_an_unknown_tone_or_country_is_refused_with_those_there_are() -> None:
    with pytest.raises(VoxlabError, match="unknown tone 'ring'; there are dial, ringing"):
        progress_tone("ring")
    with pytest.raises(VoxlabError, match="'XX' are not known; those of AT"):
        progress_tone("dial", "XX")


def test_talk_is_told_from_silence_in_noise() -> None:
    speech = sources.speech("hello").samples
    sound = np.concatenate((SECOND, SECOND, speech, SECOND, SECOND)).astype(float)
    noisy = sound + np.random.default_rng(3).normal(size=len(sound)) * 60
    found = talk_and_silence(noisy.astype(np.int16))
    assert not found[0].talk
    assert not found[-1].talk
    talk = [each for each in found if each.talk]
    assert talk[0].start_s == pytest.approx(2.0, abs=0.3)
    assert talk[-1].end_s == pytest.approx(2.0 + len(speech) / 8000, abs=0.4)
    assert sum(each.duration_s for each in found) == pytest.approx(len(sound) / 8000)
    assert [a.end_s for a in found[:-1]] == [b.start_s for b in found[1:]]


def test_silence_is_silence_and_talk_without_a_pause_is_talk() -> None:
    assert [each.talk for each in talk_and_silence(SECOND)] == [False]
    assert [each.talk for each in talk_and_silence(sources.tone(300).read(0, 16_000))] == [True]
    assert talk_and_silence(SECOND[:10]) == []


@pytest.mark.parametrize("hertz", [440.0, 1000.0, 1400.0])
@pytest.mark.parametrize("rate", [8000, 16_000])
def test_a_beep_after_an_announcement_is_found(hertz: float, rate: int) -> None:
    beep = sources.tone(hertz, level_dbfs=-15).at(rate)
    speech = sources.speech("answer").at(rate)
    sound = np.concatenate((speech, np.resize(beep, round(0.4 * rate)), np.zeros(rate, np.int16)))
    (found,) = beeps(sound, rate)
    assert found.start_s == pytest.approx(len(speech) / rate, abs=0.03)
    assert found.duration_s == pytest.approx(0.4, abs=0.04)
    assert found.frequency_hz == pytest.approx(hertz, abs=32)
    assert found.level_dbfs == pytest.approx(-15, abs=1.5)


@pytest.mark.parametrize("sample", ["hello", "answer"])
def test_speech_and_noise_do_not_beep(sample: str) -> None:
    assert beeps(sources.speech(sample).samples) == []
    assert beeps((np.random.default_rng(1).normal(size=80_000) * 3000).astype(np.int16)) == []
    assert beeps(SECOND[:100]) == []


def test_two_sounds_stand_side_by_side_where_they_began(tmp_path: Path) -> None:
    both = side_by_side((10.5, np.full(8000, 7, np.int16)), (10.0, np.full(4000, 9, np.int16)))
    assert both.shape == (12_000, 2)
    assert (both[:4000, 1] == 9).all()
    assert not both[:4000, 0].any()
    assert (both[4000:, 0] == 7).all()
    write_wav(tmp_path / "both.wav", both)
    with wave.open(str(tmp_path / "both.wav")) as file:
        assert (file.getnchannels(), file.getnframes()) == (2, 12_000)
