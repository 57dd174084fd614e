"""Nuance 17: SIP ALGs, each a half of what would be needed."""

from __future__ import annotations

import pytest

from tests.lab.stage import MakeStage
from tests.nuances.homes import Home, evidence_of, home, listed, packets_to
from voxlab import CallFailed


def healed(stage: Home) -> bool:
    """Whether a call passes with audio once the gateway is switched off."""
    stage.nat.heal()
    stage.alice.register()
    call = stage.alice.dial("bob").wait("connected")
    stage.lab.run(5)
    stage.alice.hang_up()
    return call.explain().ids == () and packets_to(call, "alice") > 200


def test_a_body_that_has_grown_is_cut_and_there_is_no_audio(make_stage: MakeStage) -> None:
    assert listed("alg", 17, "VX-ALG")
    stage = home(make_stage)
    stage.nat.fault("alg", rewrites="sdp")
    call = stage.alice.dial("bob").wait("connected")
    stage.lab.run(5)
    stage.alice.hang_up()
    assert packets_to(call, "alice") == 0
    lines = evidence_of(call, "VX-ALG")
    assert "c=IN IP4 203.0.113.1" in lines
    assert "Content-Length says" in call.explain().text(width=200)
    assert healed(stage)


def test_a_body_that_has_shrunk_is_refused_with_400(make_stage: MakeStage) -> None:
    stage = home(make_stage, network="192.168.100.0/24")
    stage.nat.fault("alg")
    call = stage.alice.dial("bob")
    with pytest.raises(CallFailed, match="400"):
        call.wait("connected", timeout=60)
    evidence_of(call, "VX-ALG")
    assert healed(stage)


def test_an_address_without_its_port_leaves_one_side_deaf(make_stage: MakeStage) -> None:
    stage = home(make_stage)
    stage.nat.fault("alg", rewrites="sdp_address")
    call = stage.alice.dial("bob").wait("connected")
    stage.lab.run(5)
    stage.alice.hang_up()
    assert packets_to(call, "alice") == 0
    lines = evidence_of(call, "VX-ALG")
    assert "c=IN IP4 203.0.113.1" in lines
    assert not any(line.startswith("m=") for line in lines)
    assert healed(stage)


def test_a_via_without_rport_is_answered_into_the_void(make_stage: MakeStage) -> None:
    stage = home(make_stage)
    stage.nat.fault("alg", rewrites="via")
    call = stage.alice.dial("bob")
    with pytest.raises(CallFailed, match="Timer B"):
        call.wait("connected", timeout=60)
    (line,) = evidence_of(call, "VX-ALG")
    assert line.startswith("Via: SIP/2.0/UDP 203.0.113.1:5060")
    assert healed(stage)


def test_a_contact_with_the_inner_port_cannot_be_called(make_stage: MakeStage) -> None:
    stage = home(make_stage)
    stage.nat.fault("alg", rewrites="contact")
    stage.alice.unregister()
    stage.alice.register()
    call = stage.alice.dial("bob").wait("connected")
    stage.lab.run(5)
    stage.bob.hang_up()  # the cloud's BYE follows the Contact
    stage.lab.run(40)
    (line,) = evidence_of(call, "VX-ALG")
    assert line == "Contact: <sip:alice@203.0.113.1:5060>"
    assert any(stage.lab.messages["src_name"] == "cloud")
    assert "no binding has the port 5060" in call.ladder().text(width=140)


def test_without_record_route_the_ack_misses_the_proxy(make_stage: MakeStage) -> None:
    stage = home(make_stage)
    stage.shop.rule("direct", pattern=".*", route="users")
    office = stage.lab.nat("office")
    stage.shop.user("carol").phone(nat=office, answer_after=0.5)
    stage.nat.fault("alg", rewrites="record_route")
    call = stage.alice.dial("carol").wait("connected")
    stage.lab.run(40)
    (line, *_) = evidence_of(call, "VX-ALG")
    assert line.startswith(("180", "200"))
    assert "carol@10.2.0.2" in call.ladder().text(width=140)


def test_tls_is_left_alone(make_stage: MakeStage) -> None:
    stage = home(make_stage, {"transport": "TLS"})
    stage.nat.fault("alg")
    call = stage.alice.dial("bob").wait("connected")
    stage.lab.run(5)
    assert packets_to(call, "alice") > 200
    assert call.explain().ids == ()
