"""What was heard beside what was sent: laid in step, and handed to PESQ and STOI as they want it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.lab.stage import Stage
from voxlab import VoxlabError
from voxlab.media import intrusive, sources
from voxlab.media.intrusive import QualityUnavailable, sent_and_heard

MakeStage = Callable[..., Stage]


@pytest.mark.parametrize("late", [-0.7, -0.02, 0.0, 0.35])
@pytest.mark.parametrize("rate_hz", [8000, 16_000])
def test_what_was_heard_is_laid_beside_what_was_sent(late: float, rate_hz: int) -> None:
    said = sources.speech("hello")
    whole, shift = said.at(rate_hz), round(late * rate_hz)
    noise = np.random.default_rng(1).normal(0.0, 50.0, len(whole) + max(0, shift)).astype(np.int16)
    heard = noise.copy()
    heard[max(0, shift) :] += whole
    heard = heard[max(0, -shift) :]
    reference, degraded = sent_and_heard(said, heard, rate_hz)
    assert len(reference) == len(degraded) == len(whole) - max(0, -shift)
    assert (reference == whole[max(0, -shift) :]).all()
    assert np.abs(degraded.astype(int) - reference).max() < 400


def test_a_loop_may_have_been_joined_anywhere() -> None:
    said = sources.speech("hello").looped()
    period = len(said.samples)
    heard = np.resize(np.roll(said.samples, -period // 3), 3 * period)
    reference, degraded = sent_and_heard(said, heard, 8000)
    assert (reference == degraded).all()
    assert len(degraded) == len(heard)


@pytest.mark.parametrize("heard", [np.zeros(16_000, np.int16), np.ones(100, np.int16), np.zeros(0, np.int16)])
def test_what_cannot_be_compared_says_how_much_there_is(heard: np.ndarray) -> None:
    with pytest.raises(VoxlabError, match=r"only .* s of what was heard"):
        sent_and_heard(sources.speech("hello"), heard, 8000)


@pytest.mark.parametrize(("measure", "library"), [(intrusive.pesq, "pesq"), (intrusive.stoi, "pystoi")])
def test_a_library_that_is_missing_is_named_with_the_command(
    monkeypatch: pytest.MonkeyPatch, measure: Callable[..., float], library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(QualityUnavailable, match=r"pip install 'voxlab\[quality\]'"):
        measure(sources.speech("hello"), np.ones(8000, np.int16), 8000)


class NoSpeechError(Exception):
    """What the library raises."""


def recording(calls: list[Any], answer: float | Exception) -> Callable[..., float]:
    def measure(*arguments: Any) -> float:
        calls.append(arguments)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return measure


@pytest.mark.parametrize(("codec", "rate_hz", "mode"), [("PCMU", 8000, "nb"), ("G722", 16_000, "wb")])
def test_a_call_is_judged_at_the_rate_that_was_spoken(
    make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch, codec: str, rate_hz: int, mode: str
) -> None:
    calls: list[Any] = []
    monkeypatch.setitem(sys.modules, "pesq", SimpleNamespace(pesq=recording(calls, 4.2), PesqError=NoSpeechError))
    monkeypatch.setitem(sys.modules, "pystoi", SimpleNamespace(stoi=recording(calls, 0.97)))
    stage = make_stage().forwards()
    for name in ("alice", "bob"):
        stage.shop.user(name).phone(codecs=[codec])
    call = stage.alice.dial("bob")
    call.wait("connected")
    stage.lab.run(6)
    heard = call.audio("bob")
    assert (heard.pesq(), heard.stoi()) == (4.2, 0.97)
    asked, reference, degraded, said = calls[0]
    assert (asked, said) == (rate_hz, mode)
    assert np.corrcoef(reference, degraded)[0, 1] > 0.95, "in step"
    assert calls[1][2] == heard.rate_hz
    assert calls[1][0].dtype == np.float64
    with pytest.raises(VoxlabError, match="silence was sent"):
        heard.pesq("silence")


def test_what_pesq_refuses_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = SimpleNamespace(pesq=recording([], NoSpeechError("no utterances")), PesqError=NoSpeechError)
    monkeypatch.setitem(sys.modules, "pesq", fake)
    said = sources.speech("hello")
    with pytest.raises(VoxlabError, match="no utterances"):
        intrusive.pesq(said, said.samples, 8000)
