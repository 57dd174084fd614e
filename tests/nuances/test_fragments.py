"""Nuance 29: what is larger than a packet, and the way over TCP."""

from __future__ import annotations

import pytest

from tests.lab.stage import MakeStage
from tests.nuances.homes import evidence_of, listed
from voxlab import CallFailed, VoxlabError

LARGE = {"X-Data": "x" * 1500}


def test_lost_fragments_lose_the_invite_and_leave_small_messages(make_stage: MakeStage) -> None:
    assert listed("fragments_lost", 29, "VX-FRAGMENTS-LOST")
    stage = make_stage().forwards()
    with stage.lab.link(stage.alice).fault("fragments_lost", mtu_bytes=700):
        stage.alice.unregister()
        stage.alice.register()
        assert stage.alice.registration == "registered"
        call = stage.alice.dial("bob")
        with pytest.raises(CallFailed, match="Timer B"):
            call.wait("connected", timeout=60)
        (line,) = evidence_of(call, "VX-FRAGMENTS-LOST")
        assert line.startswith("INVITE sip:bob")
        assert "fragments" in call.ladder().text()
        over_tcp = stage.shop.user("alice").phone(transport="TCP")  # the cure
        assert over_tcp.dial("bob").wait("connected").explain().ids == ()
    assert stage.lab.link(stage.alice).mtu_bytes == 1500


def test_a_phone_that_knows_the_mtu_of_its_path_moves_to_tcp_in_time(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    link = stage.lab.link(stage.alice)
    link.fault("fragments_lost", mtu_bytes=576)
    alice = stage.shop.user("alice").phone(path_mtu=576)
    call = alice.dial("bob").wait("connected")
    assert set(call.messages[call.messages["method"] == "INVITE"]["transport"]) >= {"TCP"}
    assert "VX-FRAGMENTS-LOST" not in call.explain()


def test_a_request_of_more_than_1300_bytes_goes_over_tcp(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    stage.lab.link(stage.alice).fault("fragments_lost", mtu_bytes=1500)
    call = stage.alice.dial("bob", headers=LARGE).wait("connected")
    first = call.message(1)
    assert first.entry.transport == "TCP"
    assert len(first.raw) > 1300
    assert call.explain().ids == ()


def test_a_phone_that_stays_on_udp_is_told_so(make_stage: MakeStage) -> None:
    assert listed("stays_on_udp", 29, "VX-FRAGMENTS")
    stage = make_stage().forwards()
    with stage.alice.fault("stays_on_udp"):
        call = stage.alice.dial("bob", headers=LARGE).wait("connected")
        (line,) = evidence_of(call, "VX-FRAGMENTS")
        assert line.startswith("INVITE sip:bob")
        assert "travel in 2 fragments" in call.ladder().text()
        stage.alice.hang_up()
        stage.lab.link(stage.alice).fault("fragments_lost", mtu_bytes=1500)
        call = stage.alice.dial("bob", headers=LARGE)
        with pytest.raises(CallFailed):
            call.wait("connected", timeout=60)
        assert call.explain().ids == ("VX-FRAGMENTS-LOST",)
    call = stage.alice.dial("bob", headers=LARGE).wait("connected")  # the cure
    assert call.explain().ids == ()


def test_an_answer_that_is_too_large_never_arrives(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    stage.lab.link(stage.bob).toward("cloud").mtu_bytes = 400
    stage.lab.link(stage.bob).toward("cloud").loses_fragments = True
    call = stage.alice.dial("bob")
    stage.lab.run(50)
    assert call.state != "connected"
    found = call.explain()
    assert "VX-FRAGMENTS-LOST" in found
    assert "200 OK" in {each.line for each in found.findings[0].evidence}


def test_wrong_numbers_are_refused(make_stage: MakeStage) -> None:
    stage = make_stage()
    with pytest.raises(VoxlabError, match="mtu_bytes is 68 to 65535"):
        stage.lab.link(stage.alice).mtu_bytes = 10
    with pytest.raises(VoxlabError, match="path_mtu takes bytes"):
        stage.shop.user("alice").phone(path_mtu=100)
