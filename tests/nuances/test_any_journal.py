"""Whatever stands in a journal, a diagnosis comes out of it: rules read what peers have written."""

from __future__ import annotations

import random

import pytest

from tests.lab.operators import DID, MakeOperators
from tests.lab.stage import MakeStage
from tests.nuances.play import called, dialled, direct, opened
from voxlab.analysis.diagnosis import diagnose
from voxlab.analysis.index import Index
from voxlab.base.journal import Journal

_WORDS = (
    b"",
    b"\r\n",
    b"x",
    b"-1",
    b"99999999999",
    b"\xff\xfe",
    b"\xc2\xb2",
    b"<",
    b'"',
    b";",
    b"sip:",
    b"*",
    b"0.0.0.0",
)


def damaged(journal: Journal, chance: random.Random) -> Journal:
    """Return the same messages, of which some have a few bytes replaced."""
    other = Journal()
    for record in journal.messages():
        data = record.data
        for _ in range(chance.choice((0, 0, 1, 2, 5))):
            at = chance.randrange(len(data))
            data = data[:at] + chance.choice(_WORDS) + data[at + chance.randrange(6) :]
        other.wire(record.time_s, record.transport, record.src, record.dst, data, record.outcome)
    for note in journal.notes:
        other.note(note)
    return other


def diagnosed(journal: Journal) -> int:
    index = Index(journal)
    findings = 0
    for call in index.calls:
        findings += len(diagnose.of_call(index, call, 100.0).findings)
    for entry in index.entries():
        if entry.method == "REGISTER":
            aor = entry.to_uri.partition(":")[2].partition(";")[0]
            findings += len(diagnose.of_registration(index, aor, 100.0).findings)
            break
    return findings


@pytest.fixture
def journals(make_stage: MakeStage, make_operators: MakeOperators) -> list[Journal]:
    stage = direct(make_stage(seed=7, bob={"answer_after": 0.5, "early_media": True}))
    stage.alice = stage.shop.user("alice").phone(session_expires=90, prack="support")
    for fault in ("both_refresh", "answer_differs", "hold_by_zero"):
        stage.bob.fault(fault)
    called(stage, seconds=60.0, during=lambda stage, _: stage.bob.hold())
    operators = opened(make_operators)
    operators.giga.fault("identity_required")
    dialled(operators.alice, "+4930555001")
    operators.giga.heal()
    operators.giga.fault("no_lr")
    dialled(operators.alice, "+4930555001", seconds=40.0)
    dialled(operators.oma, DID)
    with operators.lab.registrar.fault("wrong_realm"):
        operators.shop.user("carol").phone()
    return [stage.lab.journal, operators.lab.journal]


def test_damaged_journals_are_diagnosed_as_well(journals: list[Journal]) -> None:
    chance = random.Random(4)
    assert all(diagnosed(journal) for journal in journals)
    assert sum(diagnosed(damaged(journal, chance)) for journal in journals for _ in range(40)) > 0
