"""Nuance 14, keys: each fault of them shows, is named from the packets alone, and goes with its cure."""

from __future__ import annotations

import pytest

from tests.lab.stage import MakeStage, Stage
from voxlab.lab.call import Call


def press(stage: Stage, keys: str = "5", *, after_s: float = 1.0) -> Call:
    """Let alice press keys in a call that a rule passes on."""
    stage.shop.rule("direct", pattern=".*", route="users")
    call = stage.alice.dial("bob").wait("connected")
    stage.lab.run(0.5)
    stage.alice.send_digits(keys)
    stage.lab.run(after_s)
    return call


def heard(call: Call) -> str:
    return "".join(call.digits["key"])


@pytest.mark.parametrize("live", [False, True], ids=["simulated", "live"])
@pytest.mark.parametrize(
    ("fault", "finding", "keys"),
    [
        ("event_type", "VX-DTMF-TYPE", ""),
        ("event_clock", "VX-DTMF-CLOCK", "5"),
        ("event_ends_lost", "VX-DTMF-END", "5"),
        ("double_digits", "VX-DTMF-DOUBLE", "555"),
        ("event_no_marker", "VX-DTMF-MARKER", "5"),
        ("no_events", "VX-DTMF-SOUND", "5"),
    ],
)
def test_a_fault_of_events_is_named_and_healed(
    make_stage: MakeStage, live: bool, fault: str, finding: str, keys: str
) -> None:
    stage = make_stage(live=live)
    with stage.alice.fault(fault):
        call = press(stage)
        assert heard(call) == keys
        assert call.explain().ids == (finding,)
        assert call.explain().findings[0].facts[0].startswith("RTP from alice to bob")
        call.hang_up()
    healthy = press(stage)
    assert (heard(healthy), healthy.explain().ids) == ("5", ())


def test_a_clock_too_fast_makes_a_key_too_long_and_one_too_slow_makes_it_short(make_stage: MakeStage) -> None:
    durations = []
    for factor in (2.0, 0.25):
        stage = make_stage()
        stage.alice.fault("event_clock", factor=factor)
        call = press(stage)
        durations.append(float(call.digits["duration_s"].iloc[0]))
        assert "VX-DTMF-CLOCK" in call.explain()
    assert durations == pytest.approx([0.32, 0.04])


def test_keys_as_sound_carry_no_events_and_the_description_says_so(make_stage: MakeStage) -> None:
    stage = make_stage()
    stage.bob.fault("no_events")
    call = press(stage, "12")
    assert list(call.digits["method"]) == ["inband", "inband"]
    (finding,) = call.explain().findings
    assert "keys 12 of alice" in finding.text
    assert finding.evidence[0].line.startswith("m=audio")
    assert "101" not in finding.evidence[0].line


def test_who_refuses_info_hears_no_keys_and_events_are_the_cure(make_stage: MakeStage) -> None:
    stage = make_stage()
    stage.alice = stage.shop.user("alice").phone(dtmf="info")
    stage.bob.fault("refuses_info")
    call = press(stage)
    assert heard(call) == ""
    assert call.explain().ids == ("VX-DTMF-INFO",)
    assert "415" in call.explain().findings[0].evidence[-1].line
    call.hang_up()
    stage.alice = stage.shop.user("alice").phone(dtmf="rfc4733")
    cured = press(stage)
    assert (heard(cured), cured.explain().ids) == ("5", ())


def test_a_fault_switched_on_in_a_call_changes_only_what_comes_after(make_stage: MakeStage) -> None:
    stage = make_stage()
    call = press(stage, "1")
    stage.alice.fault("double_digits")
    stage.alice.send_digits("2")
    stage.lab.run(1.0)
    stage.alice.heal()
    stage.alice.send_digits("3")
    stage.lab.run(1.0)
    assert heard(call) == "12223"


def test_pressing_a_key_twice_is_no_double_digit(make_stage: MakeStage) -> None:
    call = press(make_stage(), "55", after_s=2.0)
    assert (heard(call), call.explain().ids) == ("55", ())


def test_the_same_packets_go_through_the_cloud_with_the_same_fault(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    stage.alice.fault("double_digits")
    call = stage.alice.dial("bob").wait("connected")
    stage.lab.run(0.5)
    stage.alice.send_digits("7")
    stage.lab.run(1.0)
    assert heard(call) == "777"
    assert call.explain().ids == ("VX-DTMF-DOUBLE",)
