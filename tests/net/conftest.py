"""Worlds that are closed when a test is over."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from voxlab.net.world import World


@pytest.fixture
def world() -> Iterator[World]:
    made = World(seed=7)
    yield made
    made.close()


@pytest.fixture
def live() -> Iterator[World]:
    made = World(live=True, seed=7)
    yield made
    made.close()
