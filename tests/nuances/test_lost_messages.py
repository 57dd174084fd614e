"""Nuance 28, the ACK that is lost or late: symptom, finding, cure."""

from __future__ import annotations

import pytest

from tests.lab.operators import MakeOperators
from tests.lab.stage import MakeStage
from voxlab import Lab, PeerProfile, VoxlabError
from voxlab.base.records import FaultSwitched


def test_a_lost_ack_drops_the_call_after_32_seconds_and_is_explained_by_name(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    stage.alice.fault("ack_lost")
    call = stage.alice.dial("bob").wait("connected")
    stage.lab.run(40)
    assert stage.alice.state == "idle"
    found = call.explain()
    assert found.ids == ("VX-ACK-LOST",)
    assert found.findings[0].certainty.word == "certain"
    assert "RFC 3261 s.13.3.1.4" in found.text()
    evidence = found.findings[0].evidence
    assert evidence[0].line.startswith("Contact:")
    assert str(call.message(evidence[-1].message).method) == "BYE"
    assert "☛" in found.ladder().text()
    assert "VX-ACK-LOST" in found.ladder().svg
    assert "VX-ACK-LOST" in found._repr_html_()


def test_healing_it_is_the_cure(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    with stage.alice.fault("ack_lost") as switched:
        assert (switched.names, stage.alice.faults) == (("ack_lost",), ("ack_lost",))
    assert stage.alice.faults == ()
    call = stage.alice.dial("bob").wait("connected")
    stage.lab.run(40)
    assert stage.alice.state == "talking"
    assert call.explain().ids == ()
    assert "nothing is wrong here" in repr(call.explain())


def test_a_late_ack_is_told_from_a_lost_one(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    stage.alice.fault("late_ack", delay_s=3)
    call = stage.alice.dial("bob").wait("connected")
    stage.lab.run(40)
    assert call.explain().ids == ("VX-ACK-LATE",)


def test_the_same_run_is_explained_in_the_same_words(make_stage: MakeStage) -> None:
    def run() -> str:
        lab = Lab(seed=4)
        shop = lab.account("acme").application("shop")
        alice = shop.user("alice").phone()
        shop.user("bob").phone(answer_after=1.0)
        shop.rule("direct", pattern=".*", route="users")
        alice.fault("ack_lost")
        call = alice.dial("bob").wait("connected")
        lab.run(40)
        text = repr(call.explain())
        lab.close()
        return text

    assert run() == run()


def test_a_diagnosis_never_sees_which_faults_are_switched_on(make_stage: MakeStage) -> None:
    from voxlab.analysis.diagnosis.case import Case

    stage = make_stage().forwards()
    stage.alice.fault("ack_lost")
    call = stage.alice.dial("bob").wait("connected")
    index = stage.lab.index
    record = index.call_of(call.call_id)
    assert record is not None
    assert any(isinstance(note, FaultSwitched) for note in stage.lab.journal.notes)
    case = Case(index, index.entries(record.call_ids), record, stage.lab.now)
    assert list(case.all_notes(FaultSwitched)) == list(case.notes(FaultSwitched)) == []


def test_a_temperament_is_a_set_of_faults(make_stage: MakeStage) -> None:
    stage = make_stage()
    profile = PeerProfile("no_ringing", late_ack={"delay_s": 2.0})
    assert repr(profile) == "<PeerProfile no_ringing, late_ack(delay_s=2.0)>"
    with stage.bob.fault(profile):
        assert stage.bob.faults == ("no_ringing", "late_ack")
    assert stage.bob.faults == ()
    with pytest.raises(VoxlabError, match="no parameter 'delay'; did you mean 'delay_s'"):
        stage.bob.fault("late_ack", delay=3)
    with pytest.raises(VoxlabError, match=r"in seconds, such as 4\.0, not 'soon'"):
        stage.bob.fault("late_ack", delay_s="soon")
    with pytest.raises(VoxlabError, match="did you mean 'ack_lost'"):
        PeerProfile("ack_list")


def test_an_ack_that_is_not_understood_is_told_from_one_that_is_lost(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    with stage.bob.fault("ack_unheard"):
        call = stage.alice.dial("bob").wait("connected")
        stage.lab.run(40)
    assert stage.bob.state == "idle"
    (finding,) = call.explain().findings
    assert (finding.id, finding.certainty.word) == ("VX-ACK-UNHEARD", "certain")
    assert finding.evidence[0].line.startswith("ACK")
    healthy = stage.alice.dial("bob").wait("connected")
    stage.lab.run(40)
    assert (stage.bob.state, healthy.explain().ids) == ("talking", ())


def test_an_operator_can_lose_the_ack_of_a_call_over_a_trunk(make_operators: MakeOperators) -> None:
    operators = make_operators()
    operators.giga.fault("ack_lost")
    call = operators.oma.dial("sip:alice@shop.acme.voxlab.test").wait("connected")
    operators.lab.run(40)
    (finding,) = call.explain().findings
    assert finding.id == "VX-ACK-LOST"
    assert "the ACK of gigafon never arrived, so cloud hung up" in finding.text
    operators.giga.heal()
    healthy = operators.oma.dial("sip:alice@shop.acme.voxlab.test").wait("connected")
    operators.lab.run(40)
    assert (healthy.state, healthy.explain().ids) == ("connected", ())
