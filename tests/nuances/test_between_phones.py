"""Nuances 5 to 13 between two phones: symptom, finding, cure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest

from tests.lab.stage import MakeStage, Stage
from tests.nuances.play import called, direct
from voxlab.lab.call import Call


def held(stage: Stage, call: Call) -> None:
    stage.alice.hold()
    stage.lab.run(1.0)
    stage.alice.resume()


class Nuance(NamedTuple):
    """A fault, where it shows, how: a word of the ladder or a state; what explains it; what cures it."""

    fault: str
    at: str
    finding: str
    symptom: str
    seconds: float = 2.0
    alice: Mapping[str, Any] = {}
    bob: Mapping[str, Any] = {}
    during: Any = None
    cure: Callable[[Stage], object] | None = None
    parameters: Mapping[str, Any] = {}
    scripted: bool = False


def alice(**options: Any) -> Callable[[Stage], object]:
    """Return the cure that is an option of alice's phone."""
    return lambda stage: stage.shop.user("alice").phone(**options)


TIMER = {"session_expires": 90, "refresher": "uac"}
NUANCES = [
    # 5: who plays the ringing tone
    Nuance("silent_183", "bob", "VX-NO-RINGBACK", "183 Session"),
    Nuance("early_media_silent", "bob", "VX-EARLY-MEDIA-SILENT", "183 Session", scripted=True,
           cure=lambda stage: stage.shop.user("bob").phone(early_media=False)),
    Nuance("answer_differs", "bob", "VX-ANSWER-CHANGED", "183 Session", bob={"early_media": True}),
    # 6: what is said before the 200
    Nuance("late_answer", "bob", "VX-MEDIA-CLIPPED", "↻ 200 OK", scripted=True),
    # 7: reliable provisional responses
    Nuance("prack_refused", "bob", "VX-100REL-REFUSED", "420 Bad Extension", alice={"prack": "require"},
           cure=alice(prack="support")),
    Nuance("prack_required", "bob", "VX-100REL-REQUIRED", "421 Extension Required", cure=alice(prack="support")),
    Nuance("no_prack", "alice", "VX-PRACK-MISSING", "↻ 180 Ringing", alice={"prack": "require"},
           bob={"answer_after": 40.0}, cure=alice(prack="off")),
    # 8: session timers
    Nuance("min_se", "bob", "VX-MIN-SE", "422 Session", alice=TIMER,
           cure=alice(session_expires=1800)),
    Nuance("no_refresh", "bob", "VX-SESSION-EXPIRED", "BYE", 70.0, alice={"session_expires": 90, "refresher": "uas"},
           cure=alice(refresher="uac")),
    Nuance("no_refresh", "alice", "VX-SESSION-EXPIRED", "BYE", 70.0, alice=TIMER, cure=alice(refresher="uas")),
    Nuance("refresh_unanswered", "bob", "VX-REFRESH-UNANSWERED", "↻ UPDATE", 70.0, alice=TIMER),
    # 9: refresh by UPDATE or re-INVITE
    Nuance("update_refused", "bob", "VX-UPDATE-REFUSED", "405 Method", 70.0, alice=TIMER,
           cure=lambda stage: stage.bob.fault("no_update")),
    Nuance("offerless_refresh", "alice", "VX-OFFERLESS-REFRESH", "INVITE bob@10", 50.0, alice=TIMER),
    # 10: glare
    Nuance("glare", "bob", "VX-GLARE", "491 Request Pending", during=held),
    Nuance("both_refresh", "bob", "VX-GLARE", "491 Request Pending", 60.0, alice=TIMER),
    # 11: codecs
    Nuance("codec_mismatch", "bob", "VX-CODEC-MISMATCH", "488 Not",
           cure=alice(codecs=["PCMU", "G722"])),
    Nuance("ptime_ignored", "bob", "VX-PTIME-IGNORED", "RTP", scripted=True),
    Nuance("asymmetric_payload_types", "bob", "VX-PT-ASYMMETRIC", "200 OK"),
    # 12: delayed offer
    Nuance("offerless_refused", "bob", "VX-OFFERLESS-REFUSED", "488 Not",
           alice={"delayed_offer": True}, cure=alice(delayed_offer=False)),
    Nuance("no_answer_in_ack", "alice", "VX-ANSWER-MISSING", "ACK", alice={"delayed_offer": True},
           cure=alice(delayed_offer=False)),
    # 13: odd descriptions
    Nuance("same_version", "alice", "VX-SDP-VERSION", "INVITE", during=held, scripted=True),
    Nuance("hold_by_zero", "alice", "VX-HOLD-BY-ZERO", "INVITE", during=held, scripted=True),
    Nuance("hold_inactive", "alice", "VX-HOLD-INACTIVE", "INVITE", during=held, scripted=True),
    Nuance("hold_by_port_zero", "alice", "VX-PORT-ZERO", "488 Not", during=held, scripted=True),
]  # fmt: skip


def staged(make_stage: MakeStage, nuance: Nuance) -> Stage:
    stage = make_stage(seed=7, bob={"answer_after": 0.5, **nuance.bob})
    if nuance.alice:
        stage.alice = stage.shop.user("alice").phone(**nuance.alice)
    return stage.forwards() if nuance.scripted else direct(stage)


def names(nuance: Nuance) -> str:
    return f"{nuance.fault}-{nuance.at}"


@pytest.mark.parametrize("nuance", NUANCES, ids=names)
def test_the_symptom_shows_and_is_explained_by_name(make_stage: MakeStage, nuance: Nuance) -> None:
    stage = staged(make_stage, nuance)
    getattr(stage, nuance.at).fault(nuance.fault, **nuance.parameters)
    call = called(stage, seconds=nuance.seconds, during=nuance.during)
    assert nuance.symptom in call.ladder().text()
    found = call.explain()
    assert found.ids == (nuance.finding,)
    assert all(each.rfc and each.cure and each.text and each.evidence for each in found.findings)
    assert "☛" in found.ladder().text()


@pytest.mark.parametrize("nuance", NUANCES, ids=names)
def test_the_cure_is_one_line(make_stage: MakeStage, nuance: Nuance) -> None:
    stage = staged(make_stage, nuance)
    peer = getattr(stage, nuance.at)
    peer.fault(nuance.fault, **nuance.parameters)
    if nuance.cure is None:
        peer.heal()
    else:
        nuance.cure(stage)
    call = called(stage, seconds=nuance.seconds, during=nuance.during)
    assert call.explain().ids == ()
    if nuance.fault != "no_prack":
        assert call.state == "connected"


def test_a_prack_that_never_comes_ends_the_call_after_32_seconds(make_stage: MakeStage) -> None:
    stage = direct(make_stage(seed=7, bob={"answer_after": 40.0}))
    stage.alice = stage.shop.user("alice").phone(prack="require")
    stage.alice.fault("no_prack")
    call = called(stage, seconds=40.0)
    assert "504" in call.verdict
    assert "gives the call up after 64*T1" in call.explain().findings[0].text


def test_real_glare_is_named_and_both_sides_back_off_until_both_have_their_turn(make_stage: MakeStage) -> None:
    from voxlab.elements.phone import Input

    stage = direct(make_stage(seed=7))
    call = stage.alice.dial("bob").wait("connected")
    stage.lab.run(1.0)
    for name in ("alice", "bob"):
        stage.lab.world.submit(stage.machine(name).command, Input.HOLD)
    stage.lab.run(10.0)
    found = call.explain()
    assert found.ids == ("VX-GLARE",)
    assert "both sides asked at once; tried again" in found.findings[0].text
    assert (stage.alice.state, stage.bob.state) == ("held", "held")


def test_refreshes_that_collide_are_tried_again_and_the_call_goes_on(make_stage: MakeStage) -> None:
    stage = direct(make_stage(seed=7))
    stage.alice = stage.shop.user("alice").phone(**TIMER)
    stage.bob.fault("both_refresh")
    call = called(stage, seconds=300.0)
    assert call.state == "connected"
    assert "both refresh the session timer" in call.explain().findings[0].text
    assert "alice → shop.direct → bob ·" in call.verdict


def test_packets_of_30_ms_are_told_from_the_figures_of_the_stream(make_stage: MakeStage) -> None:
    stage = make_stage(seed=7).forwards()
    stage.bob.fault("ptime_ignored", ptime_ms=40)
    found = called(stage, seconds=3.0).explain()
    assert "sends 40 ms of sound in a packet" in found.findings[0].text


@pytest.mark.parametrize("fault", ["no_rtpmap", "media_level_connection", "no_update", "delayed_offer"])
def test_what_is_allowed_is_understood_and_no_finding(make_stage: MakeStage, fault: str) -> None:
    stage = make_stage(seed=7).forwards()
    stage.bob.fault(fault)
    stage.alice.fault(fault)
    call = called(stage)
    assert (call.state, call.explain().ids) == ("connected", ())


def test_a_fault_that_a_setting_cures_gives_it_back_only_where_nobody_changed_it(make_stage: MakeStage) -> None:
    stage = make_stage(seed=7)
    stage.bob.fault("codec_mismatch", codec="PCMA")
    assert stage.bob.options.codecs == ("PCMA",)
    stage.bob.heal()
    assert stage.bob.options.codecs is None
    stage.bob.fault("codec_mismatch")
    stage.bob = stage.shop.user("bob").phone(codecs=["opus"])
    stage.bob.heal()
    assert stage.bob.options.codecs == ["opus"]
