"""A call that a timer ended says so in its verdict and in the history; one that somebody hung up does not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.stage import MakeStage, Stage
from tests.nuances.play import called, direct


def both_ways(make_stage: MakeStage, scripted: bool, **alice: Any) -> Stage:
    stage = make_stage(seed=7)
    stage = stage.forwards() if scripted else direct(stage)
    if alice:
        stage.alice = stage.shop.user("alice").phone(**alice)
    return stage


@pytest.mark.parametrize("scripted", [True, False], ids=["scenario", "proxy"])
def test_a_call_without_an_ack_was_dropped_after_32_seconds(make_stage: MakeStage, scripted: bool) -> None:
    stage = both_ways(make_stage, scripted)
    stage.alice.fault("ack_lost")
    call = called(stage, seconds=40.0)
    by = "cloud" if scripted else "bob"
    assert call.verdict.startswith(f"✗ dropped after 32.0 s · no ACK came, so {by} hung up (message ")
    assert stage.lab.calls.loc[1, "result"] == "dropped"
    assert "1 failed" in stage.lab.ladder().text()


@pytest.mark.parametrize("scripted", [True, False], ids=["scenario", "proxy"])
def test_a_call_that_nobody_refreshed_was_dropped(make_stage: MakeStage, scripted: bool) -> None:
    stage = both_ways(make_stage, scripted, session_expires=90, refresher="uac")
    stage.alice.fault("no_refresh")
    call = called(stage, seconds=100.0)
    assert "✗ dropped after 60.0 s · nobody refreshed it, so" in call.verdict


def test_a_call_whose_refresh_nobody_answers_was_dropped(make_stage: MakeStage) -> None:
    stage = both_ways(make_stage, False, session_expires=1800, refresher="uac")
    stage.bob.fault("refresh_unanswered")
    call = called(stage, seconds=1000.0)
    assert "✗ dropped after 932 s · the other side no longer answered, so alice hung up" in call.verdict


def test_a_call_that_somebody_ends_was_not_dropped_even_at_that_time(make_stage: MakeStage) -> None:
    stage = both_ways(make_stage, True)
    call = called(stage, seconds=32.0)
    call.hang_up()
    assert call.verdict.startswith("✓ connected 32.0 s")
    assert stage.lab.calls.loc[1, "result"] == "connected"


def test_a_refreshed_call_that_ends_later_was_not_dropped(make_stage: MakeStage) -> None:
    stage = both_ways(make_stage, True, session_expires=90, refresher="uac")
    call = called(stage, seconds=135.0)
    call.hang_up()
    assert call.verdict.startswith("✓ connected")


def test_a_late_ack_drops_nothing(make_stage: MakeStage) -> None:
    stage = both_ways(make_stage, False)
    stage.alice.fault("late_ack")
    call = called(stage, seconds=40.0)
    call.hang_up()
    assert call.verdict.startswith("✓ connected")
