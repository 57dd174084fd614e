"""More calls than a lab takes: turned away at the door, counted, and told once."""

from __future__ import annotations

import pytest

from tests.lab.stage import MakeStage
from voxlab import CallFailed, Lab
from voxlab.base.errors import VoxlabError
from voxlab.base.records import CallsTurnedAway


@pytest.mark.parametrize("live", [False, True])
def test_who_is_turned_away_costs_no_transaction_and_is_counted(make_stage: MakeStage, live: bool) -> None:
    stage = make_stage(live=live, max_calls=1).forwards()
    carol = stage.shop.user("carol").phone()
    call = stage.alice.dial("bob").wait("connected")
    made = stage.lab.cloud.node.layer._last_number
    with pytest.raises(CallFailed, match="503 Service Unavailable"):
        carol.dial("bob").wait("connected")
    assert stage.lab.turned_away == 1
    assert stage.lab.world.submit(lambda: stage.lab.cloud.node.layer._last_number) == made
    stage.lab.world.submit(stage.lab.settle_evidence)
    told = [note for note in stage.lab.journal.notes if isinstance(note, CallsTurnedAway)]
    assert [(note.status, note.calls, note.reason) for note in told] == [(503, 1, "more than 1 calls at once")]
    call.hang_up()


def test_past_so_many_calls_within_a_second_new_ones_are_turned_away(make_stage: MakeStage) -> None:
    stage = make_stage(max_calls_per_second=1).forwards()
    carol = stage.shop.user("carol").phone()
    stage.alice.dial("bob")
    late = carol.dial("bob")
    with pytest.raises(CallFailed, match="503"):
        late.wait("connected")
    stage.lab.run(1.5)
    turned_away = stage.lab.turned_away
    carol.dial("bob")
    stage.lab.run(0.5)
    assert stage.lab.turned_away == turned_away == 1


def test_a_limit_that_is_none_is_refused_with_a_sentence() -> None:
    with pytest.raises(VoxlabError, match="max_calls_per_second takes 0 or more"):
        Lab(max_calls_per_second=-1)
