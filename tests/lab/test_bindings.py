"""How long a phone asks to be registered, what the registrar believes, and any message by its number."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.stage import MakeStage, Stage
from voxlab import VoxlabError
from voxlab.lab.user import BINDING_COLUMNS


def test_bindings_are_a_table_with_a_clock_that_runs(stage: Stage) -> None:
    bob = stage.shop.user("bob")
    assert list(bob.bindings.columns) == list(BINDING_COLUMNS)
    assert bob.bindings.index.name == "binding"
    assert bob.bindings.expires_in_s[1] == pytest.approx(3600, abs=1)
    stage.lab.run(1000)
    assert bob.bindings.expires_in_s[1] == pytest.approx(2600, abs=1)
    assert bob.bindings.contact[1] == f"sip:bob@{stage.bob.address}"


def test_two_phones_are_two_bindings_and_one_that_leaves_takes_its_own(stage: Stage) -> None:
    mobile = stage.shop.user("bob").phone("mobile")
    assert len(stage.shop.user("bob").bindings) == 2
    mobile.unregister()
    left = stage.shop.user("bob").bindings
    assert list(left.source) == [stage.bob.address]


def test_who_has_no_phone_has_an_empty_table_of_the_same_columns(stage: Stage) -> None:
    empty = stage.shop.user("nobody").bindings
    assert len(empty) == 0
    assert empty.dtypes.astype(str).to_dict() == stage.shop.user("bob").bindings.dtypes.astype(str).to_dict()


def test_a_phone_asks_for_what_it_is_told_and_again_where_that_is_too_brief(stage: Stage) -> None:
    carol = stage.shop.user("carol")
    carol.phone(expires=600)
    assert carol.bindings.expires_in_s[1] == pytest.approx(600, abs=1)
    stage.shop.user("dave").phone(expires=20)
    assert stage.shop.user("dave").bindings.expires_in_s[1] == pytest.approx(60, abs=1)
    assert stage.count("SIP/2.0 423") == 1


def test_another_interval_is_asked_for_at_once_and_survives_a_reset(stage: Stage) -> None:
    bob = stage.shop.user("bob")
    bob.phone(expires=900)
    assert bob.bindings.expires_in_s[1] == pytest.approx(900, abs=1)
    before = len(stage.lab.messages)
    bob.phone(expires=900)
    assert len(stage.lab.messages) == before
    stage.lab.reset()
    assert bob.bindings.expires_in_s[1] == pytest.approx(900, abs=1)


@pytest.mark.parametrize("seconds", [0, -1, 2**32])
def test_an_interval_that_is_none_is_refused(make_stage: MakeStage, seconds: int) -> None:
    stage = make_stage()
    with pytest.raises(VoxlabError, match="expires takes seconds, 1 to 4294967295"):
        stage.shop.user("carol").phone(expires=seconds)


def test_any_message_is_had_by_its_number_in_the_table(stage: Stage) -> None:
    messages = stage.lab.messages
    for number in messages.index:
        assert stage.lab.message(number).cseq == messages.cseq[number]
    assert "Authorization" in stage.lab.message(3).headers


def test_a_repetition_is_known_as_one(stage: Stage) -> None:
    stage.lab.link(stage.bob).toward("cloud").drop(lambda _: True, times=1)
    stage.bob.register()
    again = stage.lab.messages.query("retransmission").index
    assert len(again) == 1
    assert stage.lab.message(int(again[0])).entry.retransmission
    assert not stage.lab.message(int(again[0]) - 1).entry.retransmission


@pytest.mark.parametrize("number", [0, 999, -1, "3"])
def test_a_message_that_is_not_there_is_said(stage: Stage, number: Any) -> None:
    with pytest.raises(VoxlabError, match=r"there is no message .*lab\.messages lists"):
        stage.lab.message(number)
