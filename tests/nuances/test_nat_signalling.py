"""Nuances 15 and 18: private addresses, answers to the wrong port, bindings that die."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.stage import MakeStage
from tests.nuances.homes import evidence_of, home, listed, packets_to
from voxlab import CallFailed

KINDS = ("full_cone", "restricted_cone", "port_restricted_cone", "symmetric")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("transport", ["UDP", "TCP", "TLS"])
def test_calls_pass_a_nat_of_every_kind_both_ways(make_stage: MakeStage, kind: str, transport: str) -> None:
    stage = home(make_stage, {"transport": transport}, kind=kind)
    assert stage.alice.registration == "registered"
    for caller, called in ((stage.alice, "bob"), (stage.bob, "alice")):
        call = caller.dial(called).wait("connected")
        stage.lab.run(5)
        caller.hang_up()
        assert call.explain().ids == (), call.explain().text()
        assert set(call.media["lost"]) == {0}
        assert packets_to(call, "alice") >= 249
        assert packets_to(call, "bob") >= 249
        assert {"cloud", "alice", "bob", "home"} >= set(call.media["dst_name"]) >= {"cloud", "alice", "bob"}
        assert "home" in call.ladder().text()


def test_a_contact_that_is_believed_leads_calls_to_a_private_address(make_stage: MakeStage) -> None:
    assert listed("contact_believed", 15, "VX-NAT-CONTACT")
    stage = home(make_stage)
    with stage.lab.sbc.fault("contact_believed"):
        call = stage.bob.dial("alice")
        with pytest.raises(CallFailed, match="408"):
            call.wait("connected", timeout=60)
        lines = evidence_of(call, "VX-NAT-CONTACT")
        assert lines[-1].startswith("INVITE sip:alice@10.1.0.2")
    again = stage.bob.dial("alice").wait("connected")  # the cure
    assert again.explain().ids == ()


def test_a_contact_that_is_believed_loses_the_ack_too(make_stage: MakeStage) -> None:
    stage = home(make_stage)
    call = stage.bob.dial("alice").wait("ringing")
    with stage.lab.sbc.fault("contact_believed"):
        stage.lab.run(40)
        lines = evidence_of(call, "VX-NAT-CONTACT")
        assert lines == ["Contact: <sip:alice@10.1.0.2:5060>", "ACK sip:alice@10.1.0.2:5060"]


def test_a_request_without_rport_is_answered_to_a_port_without_a_binding(make_stage: MakeStage) -> None:
    assert listed("no_rport", 15, "VX-NAT-REPLY-PORT")
    stage = home(make_stage)
    with stage.alice.fault("no_rport"):
        call = stage.alice.dial("bob")
        with pytest.raises(CallFailed, match="Timer B"):
            call.wait("connected", timeout=60)
        via, answer = evidence_of(call, "VX-NAT-REPLY-PORT")
        assert via.startswith("Via: SIP/2.0/UDP 10.1.0.2:5060")
        assert "rport" not in via
        assert answer.startswith("407")
        assert "no binding has the port 5060" in call.ladder().text()
    assert stage.alice.dial("bob").wait("connected").explain().ids == ()  # the cure


def test_a_registration_without_rport_is_explained_as_well(make_stage: MakeStage) -> None:
    stage = home(make_stage)
    stage.alice.fault("no_rport")
    stage.alice.register()
    stage.lab.run(40)
    assert "VX-NAT-REPLY-PORT" in stage.alice.explain()


def test_port_preservation_hides_a_missing_rport_from_the_first_phone_only(make_stage: MakeStage) -> None:
    stage = home(make_stage, port_preservation=True)
    stage.alice.fault("no_rport")
    stage.alice.dial("bob").wait("connected")
    second = stage.shop.user("carol").phone(nat=stage.nat)
    second.fault("no_rport")
    with pytest.raises(CallFailed):
        second.dial("bob").wait("connected", timeout=60)


@pytest.mark.parametrize(
    ("phone", "dies"),
    [
        ({"keep_alive": "off"}, True),
        ({"keep_alive": "crlf"}, False),
        ({"keep_alive": "options"}, False),
        ({"keep_alive": "outbound"}, False),
        ({}, False),
    ],
    ids=["off", "crlf", "options", "outbound", "of itself"],
)
def test_a_binding_lives_as_long_as_the_phone_pings(make_stage: MakeStage, phone: dict[str, Any], dies: bool) -> None:
    stage = home(make_stage, phone)
    stage.lab.run(300)
    call = stage.bob.dial("alice")
    if dies:
        with pytest.raises(CallFailed, match="408"):
            call.wait("connected", timeout=60)
        assert call.explain().ids == ("VX-NAT-BINDING-GONE",)
    else:
        assert call.wait("connected").explain().ids == ()


def test_a_phone_that_does_not_ping_cannot_be_called_after_half_a_minute(make_stage: MakeStage) -> None:
    assert listed("no_keep_alive", 18, "VX-NAT-BINDING-GONE")
    stage = home(make_stage)
    with stage.alice.fault("no_keep_alive"):
        stage.lab.run(60)
        call = stage.bob.dial("alice")
        with pytest.raises(CallFailed, match="408"):
            call.wait("connected", timeout=60)
        (line,) = evidence_of(call, "VX-NAT-BINDING-GONE")
        assert line.startswith("INVITE sip:alice")
        assert "nothing left from there for" in call.explain().text(width=200)
    stage.alice.register()  # the cure
    stage.lab.run(60)
    assert stage.bob.dial("alice").wait("connected").explain().ids == ()


def test_a_binding_that_dies_early_wants_pings_more_often(make_stage: MakeStage) -> None:
    assert listed("binding_dies", 18, "VX-NAT-BINDING-GONE")
    stage = home(make_stage)
    stage.nat.fault("binding_dies", lifetime_s=10)
    assert stage.nat.lifetime_s == 10.0
    stage.lab.run(60 + 22)
    call = stage.bob.dial("alice")
    with pytest.raises(CallFailed, match="408"):
        call.wait("connected", timeout=60)
    evidence_of(call, "VX-NAT-BINDING-GONE")
    stage.shop.user("alice").phone(keep_alive_every=8)  # the cure
    stage.lab.run(82)
    assert stage.bob.dial("alice").wait("connected").explain().ids == ()
    stage.nat.heal()
    assert stage.nat.lifetime_s == 30.0


def test_a_nat_that_was_switched_off_and_on_has_forgotten_the_phone_until_it_speaks(make_stage: MakeStage) -> None:
    stage = home(make_stage)
    stage.nat.reboot()
    call = stage.bob.dial("alice")
    with pytest.raises(CallFailed):
        call.wait("connected", timeout=60)
    assert call.explain().ids == ("VX-NAT-BINDING-GONE",)
