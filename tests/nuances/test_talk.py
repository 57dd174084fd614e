"""Nuance 37, RTP itself: each fault shows, is named from the packets alone, and goes with its cure."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.stage import MakeStage, Stage
from voxlab.lab.call import Call


def talk(stage: Stage, seconds: float) -> Call:
    stage.shop.rule("direct", pattern=".*", route="users")
    call = stage.alice.dial("bob").wait("connected")
    stage.lab.run(seconds)
    return call


def from_alice(call: Call) -> Any:
    table = call.media
    return table[table["src_name"] == "alice"]


def cured(stage: Stage, seconds: float = 3.0) -> bool:
    stage.alice.hang_up()
    stage.alice.heal()
    return talk(stage, seconds).explain().ids == ()


@pytest.mark.parametrize("live", [False, True], ids=["simulated", "live"])
def test_another_ssrc_is_another_stream(make_stage: MakeStage, live: bool) -> None:
    stage = make_stage(live=live)
    stage.alice.fault("ssrc_changes", after_s=0.5)
    call = talk(stage, 1.5)
    assert from_alice(call)["ssrc"].nunique() == 2
    assert call.explain().ids == ("VX-RTP-SSRC",)
    assert cured(stage, 1.0)


def test_a_clock_that_jumps_over_a_hold_is_jitter_out_of_nothing(make_stage: MakeStage) -> None:
    def held(*, fault: bool) -> Call:
        if fault:
            stage.alice.fault("timestamp_jumps")
        call = talk(stage, 2.0)
        stage.alice.hold()
        stage.lab.run(2.0)
        stage.alice.resume()
        stage.lab.run(2.0)
        return call

    stage = make_stage()
    call = held(fault=True)
    assert float(from_alice(call)["max_jitter_ms"].max()) > 1000
    (finding,) = call.explain().findings
    assert (finding.id, "+60.0 s" in finding.text) == ("VX-RTP-CLOCK", True)
    stage.alice.hang_up()
    stage.alice.heal()
    healthy = held(fault=False)
    assert float(from_alice(healthy)["max_jitter_ms"].max()) < 1
    assert healthy.explain().ids == ()


def test_without_rtcp_nobody_learns_how_a_call_sounds(make_stage: MakeStage) -> None:
    stage = make_stage()
    stage.alice.fault("no_rtcp")
    call = talk(stage, 13.0)
    assert set(call.reports["src_name"]) == {"bob"}
    assert call.explain().ids == ("VX-RTCP-MISSING",)
    assert cured(stage, 13.0)


def test_pauses_as_comfort_noise_are_dead_silence_for_who_never_named_it(make_stage: MakeStage) -> None:
    stage = make_stage()
    stage.alice.fault("dtx")
    call = talk(stage, 6.0)
    packets = call.packets[call.packets["src_name"] == "alice"]
    assert len(packets) < 200
    assert 13 in set(packets["payload_type"])
    numbers = packets["sequence"].astype(int)
    assert (numbers.diff().dropna() % 65536 == 1).all()  # what is not sent is not lost
    assert call.explain().ids == ("VX-RTP-NOISE",)
    assert cured(stage)


@pytest.mark.parametrize("live", [False, True], ids=["simulated", "live"])
def test_losses_in_a_row_are_worse_than_losses(make_stage: MakeStage, live: bool) -> None:
    stage = make_stage(live=live)
    stage.alice.fault("bursts", packets=8, every_s=0.5)
    call = talk(stage, 1.8)
    (row,) = from_alice(call).to_dict("records")
    assert row["lost"] >= 16
    assert row["burst_ms"] > 120
    assert row["mos"] < 3
    assert call.explain().ids == ("VX-RTP-BURST",)
    assert cured(stage, 1.0)
