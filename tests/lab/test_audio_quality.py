"""How a leg is heard, told to its scenario while the call goes on; MOS for every codec that carries speech."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.lab.stage import Stage
from voxlab import CallFailed
from voxlab.net.impairment import Impairment
from voxlab.scenario.events import AudioQuality, AudioQualityDetected, CallEvent

MakeStage = Callable[..., Stage]


def listening(stage: Stage, every_s: float, told: list[CallEvent], codecs: list[str] | None = None) -> Any:
    for name in ("alice", "bob"):
        stage.shop.user(name).phone(codecs=codecs)

    @stage.shop.scenario()
    async def forward(call):  # type: ignore[no-untyped-def]
        call.quality_every_s = every_s
        call.on(AudioQuality, told.append)
        call.on(AudioQualityDetected, told.append)
        await call.forward_to_user()

    call = stage.alice.dial("bob")
    call.wait("connected")
    return call


@pytest.mark.parametrize("live", [False, True], ids=["simulated", "live"])
def test_quality_is_told_every_interval_of_what_came_in_it(make_stage: MakeStage, live: bool) -> None:
    stage = make_stage(live=live)
    told: list[CallEvent] = []
    every_s = 0.5 if live else 2.0
    call = listening(stage, every_s, told)
    stage.lab.run(2.6 * every_s)
    stage.lab.link("alice").impair(Impairment(loss=0.5))
    stage.lab.run(2 * every_s)
    call.hang_up()
    assert isinstance(told[0], AudioQualityDetected)
    assert (told[0].quality, told[0].codec) == ("Standard", "PCMU")
    reports = [each for each in told if isinstance(each, AudioQuality)]
    assert len(reports) >= 4 if live else len(reports) == 4
    assert reports[0].lost == reports[1].lost == 0
    assert reports[1].packets == pytest.approx(every_s / 0.02, abs=3 if not live else 10)
    assert reports[1].mos == pytest.approx(4.41, abs=0.01) or live
    assert reports[-1].lost > 0.25 * every_s / 0.02
    assert reports[-1].loss == pytest.approx(0.5, abs=0.25)
    assert reports[-1].mos is not None
    assert reports[-1].mos < 2.5
    assert reports[1].model == "G.107"


def test_quality_can_be_waited_for_and_ends_with_the_call(make_stage: MakeStage) -> None:
    stage = make_stage()
    stage.shop.user("alice").phone(codecs=["G722"])
    seen: list[AudioQuality] = []

    @stage.shop.scenario()
    async def answer(call):  # type: ignore[no-untyped-def]
        await call.answer()
        seen.append(await call.wait_for(AudioQuality))
        await call.hang_up()

    call = stage.alice.dial("1")
    call.wait("ended")
    assert [(each.codec, each.lost) for each in seen] == [("G722", 0)]
    stage.lab.run(20)
    assert len(seen) == 1


def test_nobody_is_told_who_did_not_ask(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    for name in ("alice", "bob"):
        stage.shop.user(name).phone()
    stage.alice.dial("bob").wait("connected")
    stage.lab.run(10)
    assert all(port._watch is None for port in stage.lab.cloud.ports)


@pytest.mark.parametrize(
    ("codec", "model", "clean"),
    [("PCMU", "G.107", 4.41), ("G722", "G.107.1, Bpl assumed", 4.34), ("opus", "G.107.1, Ie and Bpl assumed", 4.46)],
)
def test_every_speech_has_a_score_that_says_its_model(
    make_stage: MakeStage, codec: str, model: str, clean: float
) -> None:
    stage = make_stage()
    told: list[CallEvent] = []
    call = listening(stage, 5.0, told, [codec])
    stage.lab.run(6)
    assert set(call.media.quality_model) == {model}
    assert call.media.mos.to_list() == pytest.approx([clean] * 4, abs=0.01)
    detected = [each.quality for each in told if isinstance(each, AudioQualityDetected)]
    assert detected == ["Standard" if codec == "PCMU" else "HD"]
    stage.lab.link("bob").impair(Impairment(loss=0.2))
    stage.lab.run(20)
    assert call.media.mos.min() < clean - 0.5


@pytest.mark.parametrize("every_s", [0.0, -1.0, float("nan")])
def test_an_interval_that_is_none_is_an_error_of_the_scenario(make_stage: MakeStage, every_s: float) -> None:
    with pytest.raises(CallFailed) as failed:
        listening(make_stage(), every_s, [])
    assert "quality_every_s takes 0.1" in str(failed.value.__cause__)
