"""The history of a lab without a file: it may wait, and nobody waits for it."""

from __future__ import annotations

import sqlite3
import threading

import pytest

from tests.lab.stage import MakeStage
from voxlab.store import store

PATIENCE_S = 20.0


def test_a_live_lab_goes_on_while_its_history_is_written(
    make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_MEMORY_ROWS", 0)
    stage = make_stage(live=True).forwards()
    gate, begun = threading.Event(), threading.Event()

    def hold(_: sqlite3.Connection) -> bool:
        begun.set()
        return gate.wait(PATIENCE_S)

    held = stage.lab.store._writer.submit(hold)
    begun.wait(PATIENCE_S)
    for _ in range(3):
        stage.alice.dial("bob").wait("connected").hang_up()
    assert not held.done(), "the calls have waited for the database"
    gate.set()
    assert held.result(PATIENCE_S)
    assert len(stage.lab.history) == 3


@pytest.mark.parametrize("live", [False, True])
def test_a_lab_that_starts_over_has_written_what_was_under_way(
    make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch, live: bool
) -> None:
    monkeypatch.setattr(store, "_MEMORY_ROWS", 0)
    stage = make_stage(live=live).forwards()
    for _ in range(2):
        stage.alice.dial("bob").wait("connected").hang_up()
    stage.lab.reset()
    assert len(stage.lab.history) == 0
    stage.shop.user("alice").phone().dial("bob")
    stage.lab.run(0.5)
    assert len(stage.lab.history) == 1
