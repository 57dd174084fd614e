"""Nuances 30 and 34, SRTP, sips: and T.38 as far as signalling shows them: symptom, finding, cure."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from tests.lab.stage import MakeStage, Stage
from voxlab.base.errors import CallFailed, VoxlabError
from voxlab.lab.call import Call
from voxlab.net.impairment import Impairment
from voxlab.sip.parser import parse

BOTH_WAYS = pytest.mark.parametrize("route", ["scenario", "users"])


def staged(make_stage: MakeStage, route: str = "scenario", **bob: Any) -> Stage:
    stage = make_stage(bob={"answer_after": 0.1, **bob})
    if route == "scenario":
        return stage.forwards()
    stage.shop.rule("direct", pattern=".*", route="users")
    return stage


def offered_to_bob(stage: Stage) -> list[str]:
    """Return the protocols of the offers in INVITEs to bob outside dialogs."""
    data = (each.data for each in stage.lab.journal.messages())
    invites = [parse(each) for each in data if each.startswith(b"INVITE sip:bob@10.")]
    return [each.sdp.media[0].protocol for each in invites if each.to_tag is None and each.sdp is not None]


def dial(stage: Stage, target: str = "bob") -> Call:
    call = stage.alice.dial(target)
    with suppress(CallFailed):
        call.wait("connected")
        stage.lab.run(1.0)
        call.hang_up()
    stage.lab.run(1.0)
    return call


@BOTH_WAYS
def test_who_takes_srtp_only_refuses_plain_rtp(make_stage: MakeStage, route: str) -> None:
    stage = staged(make_stage, route, srtp=True)
    stage.bob.fault("srtp_required")
    (finding,) = dial(stage).explain().findings
    assert finding.id == "VX-SRTP-REQUIRED"
    assert finding.text.startswith("bob takes SRTP only")
    assert [each.line.split(" ")[2] for each in finding.evidence] == ["RTP/AVP", "RTP/SAVP"]
    stage.alice = stage.shop.user("alice").phone(srtp=True)
    assert dial(stage).explain().ids == ()


def test_who_takes_rtp_savp_alone_is_asked_again_and_nothing_is_wrong(make_stage: MakeStage) -> None:
    stage = staged(make_stage, srtp=True)
    stage.bob.fault("srtp_required", osrtp=False)
    stage.alice = stage.shop.user("alice").phone(srtp=True)
    call = dial(stage)
    assert offered_to_bob(stage) == ["RTP/AVP", "RTP/SAVP"]
    assert "connected" in call.verdict
    assert call.explain().ids == ()
    assert set(call.media.lost) == {0}


def test_who_refuses_keys_alone_too_is_asked_twice_and_no_more(make_stage: MakeStage) -> None:
    stage = staged(make_stage, codecs=["G722"])
    stage.bob.fault("srtp_required", osrtp=False)
    stage.alice = stage.shop.user("alice").phone(srtp=True)
    call = dial(stage)
    assert offered_to_bob(stage) == ["RTP/AVP", "RTP/SAVP"]
    assert "488" in call.verdict
    stage.lab.run(40.0)
    assert stage.is_idle


def test_who_has_hung_up_meanwhile_rings_nobody_again(make_stage: MakeStage) -> None:
    stage = staged(make_stage, srtp=True)
    stage.bob.fault("srtp_required", osrtp=False)
    stage.alice = stage.shop.user("alice").phone(srtp=True)
    stage.lab.link(stage.bob).impair(Impairment(delay_s=0.2))
    call = stage.alice.dial("bob")
    stage.lab.run(0.3)  # the 488 is on its way
    call.hang_up()
    stage.lab.run(40.0)
    assert offered_to_bob(stage) == ["RTP/AVP"]
    assert stage.is_idle


def test_an_answer_in_the_clear_to_an_offer_of_srtp(make_stage: MakeStage) -> None:
    stage = staged(make_stage, "users", srtp=True)
    stage.alice = stage.shop.user("alice").phone(srtp=True)
    with stage.bob.fault("answers_in_clear"):
        call = dial(stage)
    (finding,) = call.explain().findings
    assert (finding.id, finding.text.partition(":")[0]) == (
        "VX-SRTP-PROFILE",
        "cloud offers RTP/SAVP, bob answers RTP/AVP",
    )
    assert stage.alice.state == "idle"
    assert dial(stage).explain().ids == ()


def test_a_sips_address_is_refused_where_nobody_takes_it_and_read_by_all_where_it_is_sent_in_clear(
    make_stage: MakeStage,
) -> None:
    stage = staged(make_stage)
    with stage.lab.registrar.fault("no_sips"):
        (finding,) = dial(stage, "sips:bob@shop.acme.voxlab.test").explain().findings
    assert (finding.id, finding.evidence[-1].line) == ("VX-SIPS-REFUSED", "416 Unsupported URI Scheme")
    (finding,) = dial(stage, "sips:bob@shop.acme.voxlab.test").explain().findings
    assert (finding.id, "over UDP" in finding.text) == ("VX-SIPS-CLEAR", True)
    stage.alice = stage.shop.user("alice").phone(transport="TLS")
    assert dial(stage, "sips:bob@shop.acme.voxlab.test").explain().ids == ()
    with stage.lab.registrar.fault("no_sips"):
        assert dial(stage).explain().ids == ()


@BOTH_WAYS
@pytest.mark.parametrize("lines", ["image", "both"])
def test_a_change_to_t38_is_refused_and_the_call_goes_on(make_stage: MakeStage, route: str, lines: str) -> None:
    stage = staged(make_stage, route)
    stage.alice.fault("asks_for_t38", lines=lines)
    call = stage.alice.dial("bob").wait("connected")
    stage.lab.run(0.5)
    with suppress(VoxlabError):
        stage.alice.hold()
    stage.lab.run(0.5)
    (finding,) = call.explain().findings
    assert finding.id == "VX-T38-REFUSED"
    assert finding.evidence[0].line.startswith("m=image")
    assert finding.evidence[1].line.startswith("488" if lines == "image" else "m=image 0 ")
    assert call.state == "connected"
    call.hang_up()
    stage.alice.heal()
    healthy = stage.alice.dial("bob").wait("connected")
    stage.alice.hold()
    assert healthy.explain().ids == ()
