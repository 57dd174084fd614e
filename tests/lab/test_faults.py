"""Faults of a phone, switched on by name: the symptom shows, and healing takes it away."""

from __future__ import annotations

import pytest

from tests.lab.stage import MakeStage, Stage
from voxlab import VoxlabError


def quiet(make_stage: MakeStage, *, forward: bool = True) -> Stage:
    stage = make_stage(bob={"answer_after": 0.1, "audio": "silence"})
    if forward:
        stage.forwards()
    stage.alice = stage.shop.user("alice").phone(audio="silence")
    return stage


def test_the_catalogue_is_a_table(make_stage: MakeStage) -> None:
    table = make_stage().lab.faults()
    assert list(table.columns) == ["symptom", "where", "rfc", "cure", "nuance", "finding", "parameters"]
    assert table.index.name == "fault"
    assert "ack_lost" in table.index


def test_a_wrong_name_is_refused_with_a_hint_and_changes_nothing(make_stage: MakeStage) -> None:
    stage = make_stage()
    with pytest.raises(VoxlabError, match=r"did you mean 'no_prack'\?"):
        stage.bob.fault("no_pracks")
    assert stage.bob.faults == ()


def test_a_lost_ack_drops_the_call_after_32_seconds_until_it_is_healed(make_stage: MakeStage) -> None:
    stage = quiet(make_stage)
    stage.alice.fault("ack_lost")
    call = stage.alice.dial("bob").wait("connected")
    began = stage.lab.now
    call.wait("ended", timeout=60)
    assert 31 < stage.lab.now - began < 34
    stage.alice.heal()
    again = stage.alice.dial("bob").wait("connected")
    stage.lab.run(60)
    assert again.state == "connected"


def test_a_late_ack_costs_repeated_answers_and_nothing_else(make_stage: MakeStage) -> None:
    stage = quiet(make_stage)
    stage.alice.fault("late_ack")
    call = stage.alice.dial("bob").wait("connected")
    stage.lab.run(60)
    assert call.state == "connected"
    assert (
        sum(b"CSeq: 2 INVITE" in m.data for m in stage.lab.journal.messages() if m.data.startswith(b"SIP/2.0 200")) > 2
    )


def test_a_phone_without_prack_is_refused_after_32_seconds(make_stage: MakeStage) -> None:
    stage = quiet(make_stage, forward=False)

    @stage.shop.scenario()
    async def announce(call: object) -> None:
        await call.start_early_media()  # type: ignore[attr-defined]
        await call.answer()  # type: ignore[attr-defined]

    stage.alice = stage.shop.user("alice").phone(prack="support", audio="silence")
    stage.alice.fault("no_prack")
    call = stage.alice.dial("bob")
    call.wait("ended", timeout=60)
    assert "504" in call.verdict
    stage.alice.heal("no_prack")
    assert stage.alice.dial("bob").wait("connected").state == "connected"


def test_a_hold_in_the_old_manner_is_understood(make_stage: MakeStage) -> None:
    stage = quiet(make_stage)
    stage.alice.fault("hold_by_zero")
    stage.alice.dial("bob").wait("connected")
    stage.alice.hold()
    assert stage.bob.says[-1][1] == "on hold"
    stage.alice.resume()
    assert stage.bob.says[-1][1] == "off hold"


def test_a_hold_whose_version_stands_still_goes_unnoticed(make_stage: MakeStage) -> None:
    stage = quiet(make_stage)
    stage.alice.fault("same_version")
    stage.alice.dial("bob").wait("connected")
    stage.alice.hold()
    assert stage.bob.says[-1][1] == "connected"  # the cloud took it for a refresh (RFC 3264 s.8)


@pytest.mark.parametrize("fault", ["twice", "no_to_tag", "no_contact", "no_ringing", "wrong_cseq", "no_update"])
def test_a_call_survives_what_only_looks_unkind_and_ends_for_both(make_stage: MakeStage, fault: str) -> None:
    stage = quiet(make_stage)
    stage.bob.fault(fault)
    call = stage.alice.dial("bob").wait("connected")
    stage.lab.run(3)
    call.hang_up()
    stage.lab.run(80)
    assert (stage.alice.state, stage.bob.state) == ("idle", "idle")
    assert stage.lab.cloud.node.user_agent.calls_in == 0
    assert not stage.lab.errors


def test_a_silent_phone_is_given_up_after_32_seconds(make_stage: MakeStage) -> None:
    stage = quiet(make_stage)
    stage.bob.fault("silent")
    call = stage.alice.dial("bob")
    call.wait("ended", timeout=60)
    assert "408" in call.verdict


def test_a_bye_that_is_lost_is_noticed_by_the_session_timer(make_stage: MakeStage) -> None:
    stage = quiet(make_stage)
    stage.alice = stage.shop.user("alice").phone(session_expires=90, refresher="uac", audio="silence")
    stage.alice.dial("bob").wait("connected")
    stage.alice.fault("bye_lost")
    stage.alice.hang_up()
    assert stage.bob.state == "talking"
    stage.lab.run(90)
    assert stage.bob.state == "idle"


def test_a_phone_that_takes_no_refer_says_so_to_the_script(make_stage: MakeStage) -> None:
    stage = quiet(make_stage, forward=False)
    stage.bob.fault("no_refer")

    @stage.shop.scenario()
    async def desk(call: object) -> None:
        other = await call.session.call_user("bob")  # type: ignore[attr-defined]
        from voxlab.scenario.events import Connected, TransferFailed

        await other.wait_for(Connected)
        await other.transfer_to(f"sip:carol@{stage.shop.domain}")
        failed = await other.wait_for(TransferFailed)
        assert failed.code == 603
        await call.reject(486)  # type: ignore[attr-defined]

    call = stage.alice.dial("bob")
    call.wait("ended")
    assert "486" in call.verdict
    assert not stage.lab.errors
