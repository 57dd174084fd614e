"""Calls of every kind that went well: nothing is found in them, and nothing in the registrations behind them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.lab.operators import DID, OMA, MakeOperators, Operators
from tests.lab.stage import MakeStage, Stage
from tests.nuances.play import called, dialled, direct, opened
from voxlab.lab.call import Call


def nothing(lab: Any) -> None:
    """Assert that no call and no registration of a lab has a finding."""
    for number in lab.calls.index:
        assert lab.call(number).explain().ids == (), lab.call(number).explain().text()
    for phone in lab.phones:
        assert phone.explain().ids == (), phone.explain().text()


def hold(stage: Stage, call: Call) -> None:
    for phone in (stage.alice, stage.bob):
        phone.hold()
        stage.lab.run(1.0)
    for phone in (stage.alice, stage.bob):
        phone.resume()
        stage.lab.run(1.0)


def keys(stage: Stage, call: Call) -> None:
    stage.alice.send_digits("12#")


def words(stage: Stage, call: Call) -> None:
    stage.alice.send_message("hello")


def hang_up(stage: Stage, call: Call) -> None:
    stage.lab.run(3.0)
    stage.hang_up("bob")


KINDS: dict[str, tuple[dict[str, Any], dict[str, Any], Callable[[Stage, Call], None] | None, float]] = {
    "plain": ({}, {}, hang_up, 2.0),
    "held": ({}, {}, hold, 2.0),
    "keys": ({}, {}, keys, 2.0),
    "keys as INFO": ({"dtmf": "info"}, {}, keys, 2.0),
    "messages": ({}, {}, words, 2.0),
    "early media": ({}, {"early_media": True, "answer_after": 1.0}, None, 2.0),
    "early media, reliable": ({"prack": "support"}, {"early_media": True, "answer_after": 1.0}, None, 2.0),
    "delayed offer": ({"delayed_offer": True}, {}, hold, 2.0),
    "delayed offer, early media": ({"delayed_offer": True}, {"early_media": True, "answer_after": 1.0}, None, 2.0),
    "100rel required": ({"prack": "require"}, {"answer_after": 2.0}, None, 2.0),
    "caller refreshes": ({"session_expires": 90, "refresher": "uac"}, {}, None, 150.0),
    "callee refreshes": ({"session_expires": 90, "refresher": "uas"}, {}, hang_up, 150.0),
    "refreshed by re-INVITE": ({"session_expires": 90}, {"session_expires": 120}, hold, 150.0),
    "wideband": ({"codecs": ["G722", "PCMU"]}, {"codecs": ["G722", "PCMU"]}, None, 2.0),
    "opus": ({"codecs": ["opus"]}, {"codecs": ["opus"]}, hold, 2.0),
    "long packets": ({"ptime_ms": 40}, {"ptime_ms": 40}, None, 3.0),
    "SRTP": ({"srtp": True}, {"srtp": True}, hold, 2.0),
    "TCP": ({"transport": "TCP"}, {"transport": "TCP"}, None, 2.0),
    "TLS": ({"transport": "TLS"}, {"transport": "TLS"}, None, 2.0),
    "silence": ({"audio": "silence"}, {"audio": "silence"}, None, 2.0),
    "busy": ({}, {"busy": True, "answer_after": None}, None, 2.0),
    "declined": ({}, {"decline": True, "answer_after": None}, None, 2.0),
    "nobody answers": ({}, {"gives_up_after": 3.0, "answer_after": None}, None, 5.0),
}


@pytest.mark.parametrize("scripted", [True, False], ids=["scenario", "proxy"])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_found_in_a_call_between_phones(make_stage: MakeStage, kind: str, scripted: bool) -> None:
    alice, bob, during, seconds = KINDS[kind]
    stage = make_stage(seed=7, bob={"answer_after": 0.5, **bob})
    stage = stage.forwards() if scripted else direct(stage)
    if alice:
        stage.alice = stage.shop.user("alice").phone(**alice)
    called(stage, seconds=seconds, during=during)
    nothing(stage.lab)


@pytest.mark.parametrize(("alice", "bob"), [(["PCMU"], ["G722"]), (["opus"], ["PCMA"])])
def test_nothing_is_found_in_a_call_that_is_transcoded(make_stage: MakeStage, alice: Any, bob: Any) -> None:
    stage = make_stage(seed=7, bob={"answer_after": 0.5, "codecs": bob}).forwards()
    stage.alice = stage.shop.user("alice").phone(codecs=alice)
    called(stage, during=hold)
    nothing(stage.lab)


def test_nothing_is_found_in_transfers(make_stage: MakeStage) -> None:
    stage = make_stage(seed=7).forwards()
    stage.shop.user("carol").phone(answer_after=0.5)
    stage.alice.dial("bob").wait("connected")
    stage.alice.transfer("carol")
    stage.lab.run(3.0)
    stage.hang_up("bob")
    stage.lab.run(1.0)
    stage.alice.dial("bob").wait("connected")
    stage.alice.hold()
    stage.alice.dial("carol").wait("connected")
    stage.alice.transfer()
    stage.lab.run(3.0)
    nothing(stage.lab)


def test_nothing_is_found_in_a_call_that_its_caller_cancels(make_stage: MakeStage) -> None:
    stage = make_stage(seed=7, bob={}).forwards()
    call = stage.alice.dial("bob").wait("ringing")
    stage.lab.run(1.0)
    call.hang_up()
    nothing(stage.lab)


def test_nothing_is_found_when_a_script_announces_and_then_answers(make_stage: MakeStage) -> None:
    stage = make_stage(seed=7)

    @stage.shop.scenario()
    async def greet(call: Any) -> None:
        await call.start_early_media()
        await call.answer()

    called(stage)
    nothing(stage.lab)


@pytest.mark.parametrize("identity", ["from", "pai", "ppi", "rpid"])
def test_nothing_is_found_in_calls_between_operators(make_operators: MakeOperators, identity: str) -> None:
    operators = opened(make_operators, identity=identity)
    operators.giga.telephone("+4930555777", answer_after=1.0, progress="180+183")
    for phone, target in ((operators.alice, OMA), (operators.oma, DID), (operators.alice, "+4930555777")):
        dialled(phone, target).hang_up()
        operators.lab.run(1.0)
    for phone, target in ((operators.alice, OMA), (operators.oma, DID)):
        dialled(phone, target, anonymous=True).hang_up()
        operators.lab.run(1.0)
    nothing(operators.lab)


@pytest.mark.parametrize("style", ["plain", "00", "national"])
def test_nothing_is_found_in_calls_to_an_operator_with_a_dialect(make_operators: MakeOperators, style: str) -> None:
    operators = opened(make_operators, number_format=style, country="49")
    operators.lab.carrier("gigafon", number_format=style, country="49")
    dialled(operators.alice, OMA).hang_up()
    nothing(operators.lab)


def test_nothing_is_found_in_a_call_that_is_forwarded_out_again(make_operators: MakeOperators) -> None:
    operators = opened(make_operators)
    forwarded(operators)
    dialled(operators.oma, DID).hang_up()
    nothing(operators.lab)


def forwarded(operators: Operators) -> None:
    """Let calls to our number go on to a mobile of the operator."""
    operators.giga.telephone("+4930555777", answer_after=0.2)

    @operators.shop.scenario(pattern=r"\+4930999.*")
    async def reception(call: Any) -> None:
        await call.forward_to_pstn("+4930555777")


def test_nothing_is_found_in_calls_over_a_registration_elsewhere(make_operators: MakeOperators) -> None:
    operators = make_operators(seed=7, friends=False)
    operators.lab.carrier("gigafon", can_whitelist=False)
    line = operators.giga.line("acme-office", number="+4930555900")

    @operators.shop.scenario(pattern="nothing matches this")
    async def incoming(call: Any) -> None:
        await call.forward_to_user("alice")

    @operators.shop.scenario(pattern=r"\+49.*")
    async def dial_out(call: Any) -> None:
        await call.forward_to_sip(call.destination, registration="acme-office")

    registration = operators.shop.sip_registration(
        line.username, proxy=line.proxy, password=line.password, rule="incoming"
    ).wait()
    dialled(operators.oma, "+4930555900").hang_up()
    operators.lab.run(1.0)
    dialled(operators.alice, OMA).hang_up()
    assert registration.explain().ids == ()
    nothing(operators.lab)


def test_nothing_is_found_in_a_registration_that_is_refreshed_for_a_day(make_stage: MakeStage) -> None:
    stage = make_stage(seed=7)
    stage.lab.run(24 * 3600.0)
    nothing(stage.lab)
