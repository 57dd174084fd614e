"""Nuance 32, the races of CANCEL: symptom, finding, cure."""

from __future__ import annotations

import pytest

from tests.lab.stage import MakeStage, Stage
from voxlab.lab.call import Call

BOTH_WAYS = pytest.mark.parametrize("route", ["scenario", "users"])


def staged(make_stage: MakeStage, route: str, answer_after: float | None) -> Stage:
    stage = make_stage(bob={} if answer_after is None else {"answer_after": answer_after})
    if route == "scenario":
        return stage.forwards()
    stage.shop.rule("direct", pattern=".*", route="users")
    return stage


def change_of_mind(stage: Stage) -> Call:
    """Let alice dial, and hang up after a second."""
    call = stage.alice.dial("bob")
    stage.lab.run(1.0)
    stage.alice.hang_up()
    stage.lab.run(40.0)
    return call


@BOTH_WAYS
def test_a_200_that_crosses_cancel_is_followed_by_bye(make_stage: MakeStage, route: str) -> None:
    stage = staged(make_stage, route, 0.5)
    stage.bob.fault("late_200")
    call = change_of_mind(stage)
    (finding,) = call.explain().findings
    assert finding.id == "VX-CANCEL-CROSSED"
    assert finding.text.startswith("bob answered although")
    assert [each.line.split(" ")[0] for each in finding.evidence] == ["CANCEL", "200", "BYE"]
    assert (stage.alice.state, stage.bob.state) == ("idle", "idle")  # the cure: ACK, then BYE
    stage.bob.heal()
    stage.bob = stage.shop.user("bob").phone(answer_after=3.0)
    assert change_of_mind(stage).explain().ids == ()


@BOTH_WAYS
def test_who_never_said_100_rings_on_after_the_caller_has_gone(make_stage: MakeStage, route: str) -> None:
    stage = staged(make_stage, route, 3.0)
    with stage.bob.fault("no_provisional"):
        call = change_of_mind(stage)
    (finding,) = call.explain().findings
    assert finding.id == "VX-CANCEL-WAITS"
    assert [each.line.split(" ")[0] for each in finding.evidence] == ["INVITE", "CANCEL", "200"]
    assert "answered" not in str(stage.alice.says[-1])
    assert change_of_mind(stage).explain().ids == ()


@BOTH_WAYS
def test_a_cancelled_invite_without_487_lingers(make_stage: MakeStage, route: str) -> None:
    stage = staged(make_stage, route, None)
    with stage.bob.fault("no_487"):
        call = change_of_mind(stage)
    (finding,) = call.explain().findings
    assert (finding.id, finding.certainty.word) == ("VX-CANCEL-NO-487", "certain")
    assert finding.evidence[-1].remark == "and no 487 behind it"
    assert change_of_mind(stage).explain().ids == ()


def test_a_call_that_is_cancelled_in_peace_has_no_finding(make_stage: MakeStage) -> None:
    assert change_of_mind(staged(make_stage, "scenario", None)).explain().ids == ()
