"""Worlds that are closed when a test is over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.net.rig import Rig
from voxlab.net.plane import build
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


@pytest.fixture(scope="session")
def compiled() -> Any:
    """The compiled plane."""
    if not build.warm():
        pytest.skip(f"there is no compiled plane here: {build.why_not()}; cure: Linux, without NUMBA_DISABLE_JIT")
    return build.ready()


@pytest.fixture
def native(compiled: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The compiled plane, and labs that take it, whatever the environment asks for."""
    monkeypatch.delenv("VOXLAB_PLANE", raising=False)
    return compiled


@pytest.fixture
def rig(live: World, native: Any) -> Iterator[Rig]:
    made = Rig(live, native)
    yield made
    made.close()
