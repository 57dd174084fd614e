"""Nuance 36, the syntax of headers: symptom, finding, cure."""

from __future__ import annotations

from contextlib import suppress

import pytest

from tests.lab.stage import MakeStage, Stage
from voxlab.base.errors import CallFailed
from voxlab.lab.call import Call


def staged(make_stage: MakeStage) -> Stage:
    stage = make_stage()
    stage.shop.rule("direct", pattern=".*", route="users")
    return stage


def dial(stage: Stage) -> Call:
    call = stage.alice.dial("bob")
    with suppress(CallFailed):
        call.wait("connected", timeout=20)
        call.hang_up()
    stage.lab.run(1.0)
    return call


@pytest.mark.parametrize(("form", "said"), [("compact", "compact names"), ("case", "names in odd case")])
def test_what_is_right_and_rare_is_refused_by_a_fragile_parser(make_stage: MakeStage, form: str, said: str) -> None:
    stage = staged(make_stage)
    stage.alice.fault("rare_syntax", form=form)
    healthy = dial(stage)
    assert ("connected" in healthy.verdict, healthy.explain().ids) == (True, ())
    stage.bob.fault("fragile_parser")
    call = dial(stage)
    assert "400" in call.verdict
    (finding,) = call.explain().findings
    assert (finding.id, said in finding.text) == ("VX-SYNTAX-RARE", True)
    assert finding.text.startswith("bob refuses what is right")
    cured = make_stage().forwards()  # a scenario writes every message anew
    cured.alice.fault("rare_syntax", form=form)
    cured.bob.fault("fragile_parser")
    assert dial(cured).explain().ids == ()


def test_folded_lines_end_at_a_platform_that_does_not_know_them(make_stage: MakeStage) -> None:
    stage = staged(make_stage)
    stage.alice.fault("rare_syntax", form="folded")
    with stage.lab.registrar.fault("fragile_parser"):
        (finding,) = dial(stage).explain().findings
    assert (finding.id, "folded lines" in finding.text) == ("VX-SYNTAX-RARE", True)
    assert finding.evidence[0].line.startswith("From: <sip:alice@")
    assert dial(stage).explain().ids == ()


def test_a_contact_without_brackets_loses_the_parameters_of_its_uri(make_stage: MakeStage) -> None:
    stage = staged(make_stage)
    with stage.bob.fault("no_brackets"):
        call = dial(stage)
    (finding,) = call.explain().findings
    assert (finding.id, finding.evidence[0].line) == (
        "VX-SYNTAX-BRACKETS",
        f"Contact: sip:bob@{stage.bob.address};transport=tcp",
    )
    assert dial(stage).explain().ids == ()


def test_a_name_that_is_not_utf8_goes_through_and_is_named(make_stage: MakeStage) -> None:
    stage = staged(make_stage)
    with stage.alice.fault("latin1_name"):
        call = dial(stage)
    assert "connected" in call.verdict
    (finding,) = call.explain().findings
    assert finding.id == "VX-SYNTAX-ENCODING"
    assert "\N{REPLACEMENT CHARACTER}" in finding.evidence[0].line
    assert dial(stage).explain().ids == ()


def test_a_quote_that_never_ends_is_refused_and_the_place_is_shown(make_stage: MakeStage) -> None:
    stage = staged(make_stage)
    with stage.alice.fault("open_quote"):
        call = dial(stage)
    (finding,) = call.explain().findings
    assert finding.id == "VX-SYNTAX-REFUSED"
    assert "quoted display name" in finding.text
    assert dial(stage).explain().ids == ()
