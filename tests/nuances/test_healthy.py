"""What goes well has no finding, however much happens in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.lab.operators import OMA, Operators
from tests.lab.stage import MakeStage, Stage
from voxlab.lab.call import Call


def talked(stage: Stage) -> Call:
    call = stage.alice.dial("bob").wait("connected")
    stage.lab.run(12.0)
    return call


def with_keys(stage: Stage) -> Call:
    call = stage.alice.dial("bob").wait("connected")
    for phone in (stage.alice, stage.bob, stage.alice):
        phone.send_digits("1,155#")
        stage.lab.run(2.5)
    return call


def held(stage: Stage) -> Call:
    call = stage.alice.dial("bob").wait("connected")
    for phone in (stage.alice, stage.bob):
        stage.lab.run(1.0)
        phone.hold()
        stage.lab.run(12.0)
        phone.resume()
    stage.lab.run(1.0)
    return call


def refused(stage: Stage) -> Call:
    stage.bob = stage.shop.user("bob").phone(busy=True)
    call = stage.alice.dial("bob")
    stage.lab.run(2.0)
    return call


def changed_her_mind(stage: Stage) -> Call:
    stage.bob = stage.shop.user("bob").phone(answer_after=30.0)
    call = stage.alice.dial("bob").wait("ringing")
    call.hang_up()
    stage.lab.run(40.0)
    return call


def transferred(stage: Stage) -> Call:
    stage.shop.user("carol").phone(answer_after=0.2)
    call = stage.alice.dial("bob").wait("connected")
    stage.lab.run(1.0)
    stage.alice.transfer("carol")
    stage.lab.run(40.0)
    return call


def at_two_phones(stage: Stage) -> Call:
    stage.shop.user("bob").phone("mobile", answer_after=5.0)
    return talked(stage)


def in_other_words(stage: Stage) -> Call:
    """Keys, SRTP, reports and codecs that differ on both sides."""
    stage.alice = stage.shop.user("alice").phone(codecs=["G722", "PCMU"], rtcp_xr=True, prack="support")
    stage.bob = stage.shop.user("bob").phone(codecs=["PCMA"], early_media=True)
    return with_keys(stage)


HEALTHY: tuple[Callable[[Stage], Call], ...] = (
    talked, with_keys, held, refused, changed_her_mind, transferred, at_two_phones,
)  # fmt: skip


@pytest.mark.parametrize("route", ["scenario", "users"])
@pytest.mark.parametrize("story", HEALTHY, ids=lambda story: story.__name__)
def test_a_call_that_goes_well_has_no_finding(
    make_stage: MakeStage, story: Callable[[Stage], Call], route: str
) -> None:
    stage = make_stage()
    if route == "scenario":
        stage.forwards()
    else:
        stage.shop.rule("direct", pattern=".*", route="users")
    assert story(stage).explain().ids == ()


def test_a_call_between_codecs_has_none(make_stage: MakeStage) -> None:
    assert in_other_words(make_stage().forwards()).explain().ids == ()


def test_a_greeting_before_the_bridge_is_no_new_source(make_stage: MakeStage) -> None:
    stage = make_stage()

    @stage.shop.scenario()
    async def greet(call: Any) -> None:
        await call.answer()
        await call.play("hello")
        await call.forward_to_user()

    call = stage.alice.dial("bob").wait("connected")
    stage.lab.run(20.0)
    assert not stage.lab.errors
    assert stage.bob.state == "talking"
    assert call.explain().ids == ()


@pytest.mark.parametrize("call_in", [True, False], ids=["in", "out"])
def test_a_call_between_operators_has_none(operators: Operators, call_in: bool) -> None:
    operators.account.trunk("gigafon", gateway=operators.giga.address)

    @operators.shop.scenario(pattern=r"\+49(?!30999).*")
    async def out(call: Any) -> None:
        await call.forward_to_pstn()

    operators.giga.import_addresses(operators.lab.media_resources)
    operators.giga.telephone("+4930555900", answer_after=1.0, progress="183")
    caller, targets = (
        (operators.oma, ["sip:alice@shop.acme.voxlab.test"]) if call_in else (operators.alice, [OMA, "+4930555900"])
    )
    for target in targets:
        call = caller.dial(target).wait("connected")
        operators.lab.run(12.0)
        call.hang_up()
        assert call.explain().ids == ()


def test_a_live_call_has_none(make_stage: MakeStage) -> None:
    stage = make_stage(live=True).forwards()
    call = stage.alice.dial("bob").wait("connected")
    stage.lab.run(0.5)
    stage.alice.send_digits("5")
    stage.lab.run(1.0)
    call.hang_up()
    assert call.explain().ids == ()
