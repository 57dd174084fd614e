"""One seed, one journal: byte for byte, in this process and under any hash seed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.stage import MakeStage, Stage
from voxlab.net.impairment import Impairment

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
from tests.lab.test_determinism import story
from tests.lab.stage import Stage
stage = Stage(seed=5).forwards()
print(story(stage))
stage.lab.close()
"""


def story(stage: Stage) -> str:
    """Two devices, a bad link, a talk, a refusal: the digest of all that was seen of it."""
    stage.shop.user("bob").phone("mobile", answer_after=3.0)
    stage.lab.link(stage.alice).impair(Impairment(delay_s=0.02, jitter_s=0.01, loss=0.1))
    call = stage.alice.dial("bob").wait("connected", timeout=None)
    stage.lab.run(2)
    call.hang_up()
    stage.shop.user("bob").phone(busy=True)
    stage.alice.dial("bob").wait("ringing", timeout=None).hang_up()
    stage.lab.run(40)
    return stage.lab.journal.digest()


def test_the_same_seed_and_code_give_the_same_bytes(make_stage: MakeStage) -> None:
    assert story(make_stage(seed=5).forwards()) == story(make_stage(seed=5).forwards())


def test_another_seed_gives_other_identifiers(make_stage: MakeStage) -> None:
    one, other = make_stage(seed=1).forwards(), make_stage(seed=2).forwards()
    call, same_call = one.alice.dial("bob").wait("connected"), other.alice.dial("bob").wait("connected")
    assert call.call_id != same_call.call_id
    assert one.lab.journal.digest() != other.lab.journal.digest()


@pytest.mark.parametrize("hash_seed", ["1", "4242"])
def test_the_hash_seed_of_the_interpreter_changes_nothing(make_stage: MakeStage, hash_seed: str) -> None:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        cwd=ROOT,
    )
    assert ran.stdout.strip() == story(make_stage(seed=5).forwards())
