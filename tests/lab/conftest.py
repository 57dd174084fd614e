"""Stages that are struck at the end of each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.lab.stage import Stage

MakeStage = Callable[..., Stage]


@pytest.fixture
def make_stage() -> Iterator[MakeStage]:
    stages: list[Stage] = []

    def make(**options: Any) -> Stage:
        stages.append(Stage(**options))
        return stages[-1]

    yield make
    for stage in stages:
        stage.lab.close()


@pytest.fixture
def stage(make_stage: MakeStage) -> Stage:
    """The simulated world, with the scenario that forwards."""
    return make_stage(seed=7).forwards()


@pytest.fixture(params=[False, True], ids=["simulated", "live"])
def either(request: pytest.FixtureRequest, make_stage: MakeStage) -> Stage:
    """One world after the other, with the scenario that forwards."""
    return make_stage(live=request.param).forwards()
