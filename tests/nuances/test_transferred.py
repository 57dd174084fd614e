"""Nuance 33, transfer: symptom, finding, cure."""

from __future__ import annotations

from contextlib import suppress

import pytest

from tests.lab.stage import MakeStage, Stage
from voxlab.base.errors import VoxlabError
from voxlab.lab.call import Call


def staged(make_stage: MakeStage, route: str = "users") -> Stage:
    stage = make_stage()
    stage.shop.user("carol").phone(answer_after=0.1)
    if route == "users":
        stage.shop.rule("direct", pattern=".*", route="users")
        return stage
    return stage.forwards()


def transfer(stage: Stage) -> Call:
    """Let alice transfer bob to carol, blindly."""
    call = stage.alice.dial("bob").wait("connected")
    stage.lab.run(1.0)
    with suppress(VoxlabError):
        stage.alice.transfer("carol")
    stage.lab.run(40.0)
    return call


@pytest.mark.parametrize(("fault", "status"), [("no_refer", "603"), ("refer_unknown", "405")])
def test_a_refused_transfer_is_named_and_the_platform_can_do_it(make_stage: MakeStage, fault: str, status: str) -> None:
    stage = staged(make_stage)
    stage.bob.fault(fault)
    call = transfer(stage)
    (finding,) = call.explain().findings
    assert finding.id == "VX-REFER-REFUSED"
    assert f"{status} " in finding.text
    assert finding.evidence[0].line.startswith("Refer-To:")
    assert stage.bob.state == "talking"
    cured = staged(make_stage, "scenario")
    cured.bob.fault(fault)
    assert transfer(cured).explain().ids == ()
    assert cured.bob.says[-1][1] != "idle"


def test_a_transfer_whose_end_is_never_told_is_named(make_stage: MakeStage) -> None:
    stage = staged(make_stage)
    with stage.bob.fault("notify_endless"):
        call = transfer(stage)
        stage.lab.run(60.0)
    (finding,) = call.explain().findings
    assert finding.id == "VX-REFER-ENDLESS"
    assert finding.evidence[-1].remark == "the last that was heard"
    healthy = staged(make_stage)
    assert transfer(healthy).explain().ids == ()


def attended(stage: Stage) -> Call:
    """Let alice call bob, then carol, and join the two."""
    first = stage.alice.dial("bob").wait("connected")
    stage.alice.hold()
    stage.alice.dial("carol").wait("connected")
    with suppress(VoxlabError):
        stage.alice.transfer()
    stage.lab.run(5.0)
    return first


def test_replaces_with_the_tags_swapped_finds_no_call(make_stage: MakeStage) -> None:
    stage = staged(make_stage, "scenario")
    stage.alice.fault("replaces_swapped")
    (finding,) = attended(stage).explain().findings
    assert finding.id == "VX-REPLACES-UNKNOWN"
    assert "481" in finding.text
    assert "Replaces=" in finding.evidence[0].line
    healthy = staged(make_stage, "scenario")
    assert attended(healthy).explain().ids == ()
    assert healthy.bob.state == "talking"
