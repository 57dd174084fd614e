"""Wrong passwords: ten in a row lock a user's name out where they came from, for whatever they were tried on."""

from __future__ import annotations

import contextlib

from tests.lab.stage import MakeStage, Stage
from voxlab import VoxlabError
from voxlab.base.records import AuthenticationVerdict


def guesses(stage: Stage, times: int = 12) -> None:
    stage.alice = stage.shop.user("alice").phone(password="a-guess")
    for _ in range(times):
        stage.alice.register()


def test_ten_wrong_passwords_lock_the_user_out_there_and_nowhere_else(make_stage: MakeStage) -> None:
    stage = make_stage()
    guesses(stage)
    (lock,) = stage.lab.registrar.lockouts.itertuples()
    assert (lock.user, lock.locks) == (f"alice@{stage.shop.domain}", 1)
    assert 59 < lock.remaining_s <= 60
    assert "1 locked out" in repr(stage.lab.registrar)
    wrong = [n for n in stage.lab.journal.notes if isinstance(n, AuthenticationVerdict) and "wrong" in n.verdict]
    assert len(wrong) == 10
    assert "is locked out at" in wrong[-1].verdict
    mobile = stage.shop.user("alice").phone("mobile")
    assert mobile.registration == "registered"


def test_the_owner_lifts_a_lock(make_stage: MakeStage) -> None:
    stage = make_stage()
    guesses(stage)
    stage.shop.user("alice", password="a-guess")
    stage.alice.register()
    assert "403" in stage.alice.registration
    assert stage.lab.registrar.unlock("bob@nowhere.example") == 0
    assert stage.lab.registrar.unlock(f"alice@{stage.shop.domain}") == 1
    stage.alice.register()
    assert stage.alice.registration == "registered"
    assert len(stage.lab.registrar.lockouts) == 0


def test_a_message_and_a_call_with_a_wrong_password_count_as_a_registration_does(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    guesses(stage, 1)
    while not len(stage.lab.registrar.lockouts):
        with contextlib.suppress(VoxlabError):
            stage.alice.send_message("let me in", "bob")
        stage.alice.dial("bob")
        stage.lab.run(1)
    notes = [note for note in stage.lab.journal.notes if isinstance(note, AuthenticationVerdict)]
    wrong = [note.method for note in notes if note.verdict.startswith("wrong")]
    assert len(wrong) == 10
    assert set(wrong) == {"REGISTER", "MESSAGE", "INVITE"}
