"""Nuance 16: media behind NATs, latched, not latched, and hijacked."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.operators import OMA, MakeOperators
from tests.lab.stage import MakeStage
from tests.nuances.homes import evidence_of, home, listed, packets_to
from voxlab import Lab


def test_without_latching_who_is_behind_the_nat_hears_nothing(make_stage: MakeStage) -> None:
    assert listed("no_latching", 16, "VX-NAT-ONE-WAY")
    stage = home(make_stage)
    with stage.lab.sbc.fault("no_latching"):
        call = stage.alice.dial("bob").wait("connected")
        stage.lab.run(10)
        stage.alice.hang_up()
        assert packets_to(call, "alice") == 0
        assert packets_to(call, "bob") == 500
        assert evidence_of(call, "VX-NAT-ONE-WAY") == ["c=IN IP4 10.1.0.2"]
        assert "lost" in call.ladder().text()
    call = stage.alice.dial("bob").wait("connected")  # the cure
    stage.lab.run(10)
    stage.alice.hang_up()
    assert packets_to(call, "alice") == 500  # the packet before the latch is not sent
    assert call.explain().ids == ()


def test_who_calls_in_is_not_heard_either(make_stage: MakeStage) -> None:
    stage = home(make_stage)
    stage.lab.sbc.fault("no_latching")
    call = stage.bob.dial("alice").wait("connected")
    stage.lab.run(10)
    assert packets_to(call, "alice") == 0
    assert "VX-NAT-ONE-WAY" in call.explain()


def test_an_open_latch_gives_the_audio_to_whoever_comes_first(make_stage: MakeStage) -> None:
    assert listed("latching_hijack", 16, "VX-LATCH-HIJACK")
    stage = home(make_stage)
    with stage.lab.sbc.fault("latching_hijack"):
        call = stage.alice.dial("bob").wait("connected")
        stage.lab.run(10)
        stage.alice.hang_up()
        assert packets_to(call, "alice") == 0
        (line,) = evidence_of(call, "VX-LATCH-HIJACK")
        assert line.startswith("m=audio")
        assert "stranger" in call.explain().text()
    call = stage.alice.dial("bob").wait("connected")  # the cure
    stage.lab.run(10)
    assert call.explain().ids == ()
    assert packets_to(call, "alice") > 400


def test_a_restricted_latch_does_not_take_a_strangers_packet(make_stage: MakeStage) -> None:
    stage = home(make_stage)
    traversal = stage.lab.sbc.traversal
    with stage.lab.sbc.fault("latching_hijack"):
        stage.lab.world.submit(setattr, traversal, "latching", "restricted")
        call = stage.alice.dial("bob").wait("connected")
        stage.lab.run(10)
        assert call.explain().ids == ()
        assert packets_to(call, "alice") > 400


def test_between_two_phones_the_one_outside_has_to_latch(make_stage: MakeStage) -> None:
    stage = home(make_stage)
    stage.shop.rule("direct", pattern=".*", route="users")
    call = stage.alice.dial("bob").wait("connected")
    stage.lab.run(5)
    stage.alice.hang_up()
    assert packets_to(call, "alice") == packets_to(call, "bob") == 0
    assert evidence_of(call, "VX-NAT-ONE-WAY") == ["c=IN IP4 10.1.0.2"]
    bob = stage.shop.user("bob").phone(symmetric_rtp=True)  # the cure
    call = stage.alice.dial("bob").wait("connected")
    stage.lab.run(10)
    stage.alice.hang_up()
    assert packets_to(call, "bob") == 500
    assert packets_to(call, "alice") == 500  # the first was sent before there was anything to latch on
    assert bob.registration == "registered"


def test_a_phone_of_another_operator_behind_a_nat_cannot_be_latched_on(make_operators: MakeOperators) -> None:
    both = make_operators(seed=7)
    both.giga.import_addresses(both.lab.media_resources())
    both.giga.phone(OMA, name="oma", nat=both.lab.nat("home"))
    both.account.trunk("gigafon", gateway=both.giga.address, caller_id="+4930999100")

    @both.shop.scenario(pattern=r"\+4930555.*")
    async def out(call: Any) -> None:
        await call.forward_to_pstn()

    call = both.alice.dial(OMA).wait("connected")
    both.lab.run(10)
    both.alice.hang_up()
    assert packets_to(call, "alice") == packets_to(call, "oma") == 0
    assert evidence_of(call, "VX-NAT-ONE-WAY") == ["c=IN IP4 10.1.0.2"]
    assert "where no signalling comes from" in call.explain().text(width=250)


def test_two_phones_behind_one_nat_talk_through_the_cloud(make_stage: MakeStage) -> None:
    stage = home(make_stage, kind="symmetric")
    carol = stage.shop.user("carol").phone(nat=stage.nat)
    call = carol.dial("alice").wait("connected")
    stage.lab.run(5)
    carol.hang_up()
    assert call.explain().ids == ()
    assert packets_to(call, "alice") > 200
    assert packets_to(call, "carol") > 200


def test_a_nat_behind_a_nat_is_passed_as_well(make_stage: MakeStage) -> None:
    stage = make_stage(seed=7).forwards()
    cgn = stage.lab.nat("cgn", kind="symmetric", network="100.64.0.0/24")
    flat = stage.lab.nat("flat", behind=cgn)
    carol = stage.shop.user("carol").phone(nat=flat, answer_after=0.5)
    call = stage.bob.dial("carol").wait("connected")
    stage.lab.run(5)
    stage.bob.hang_up()
    assert call.explain().ids == ()
    assert packets_to(call, "carol") > 200
    ladder = call.ladder().text(width=160)
    heads = ladder.splitlines()[2].split()
    assert heads == ["bob", "cloud", "cgn", "flat", "carol"]
    assert carol.registration == "registered"


@pytest.mark.parametrize("codecs", [["opus"], ["G722"]])
def test_translated_media_pass_too(make_stage: MakeStage, codecs: list[str]) -> None:
    stage = home(make_stage, {"codecs": codecs})
    call = stage.bob.dial("alice").wait("connected")
    stage.lab.run(5)
    assert packets_to(call, "alice") > 200
    assert call.explain().ids == ()


def test_srtp_passes_too(make_stage: MakeStage) -> None:
    stage = home(make_stage, {"srtp": True})
    call = stage.alice.dial("bob").wait("connected")
    stage.lab.run(5)
    assert packets_to(call, "alice") > 200


def test_a_run_with_nats_is_the_same_twice() -> None:
    def run() -> str:
        lab = Lab(seed=11)
        shop = lab.account("acme").application("shop")
        home_ = lab.nat("home", kind="symmetric")
        alice = shop.user("alice").phone(nat=home_)
        shop.user("bob").phone(answer_after=0.5)

        @shop.scenario()
        async def forward(call):  # type: ignore[no-untyped-def]
            await call.forward_to_user()

        call = alice.dial("bob").wait("connected")
        lab.run(40)
        alice.hang_up()
        digest = lab.world.submit(lab.journal.digest) + repr(call.explain()) + repr(call)
        lab.close()
        return digest

    assert run() == run()
