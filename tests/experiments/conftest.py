"""Kernels of long work run twice: the plain body, and the compiled one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from voxlab.kernels import (
    impairments,
    optimum,
    playout_classic,
    playout_figures,
    playout_histogram,
    playout_neteq,
    playout_stacks,
)
from voxlab.kernels._jit import LongRun

MODULES = (
    impairments,
    optimum,
    playout_classic,
    playout_figures,
    playout_histogram,
    playout_neteq,
    playout_stacks,
)
KERNELS = [each for module in MODULES for each in vars(module).values() if isinstance(each, LongRun)]


@pytest.fixture(params=["body", "compiled"])
def bodies(request: pytest.FixtureRequest) -> Iterator[str]:
    """Make calls run one kind of body; with ``NUMBA_DISABLE_JIT`` both are the plain one."""
    before = [each.run for each in KERNELS]
    if request.param == "body":
        for each in KERNELS:
            each.run = each.body
    yield request.param
    for each, run in zip(KERNELS, before, strict=True):
        if request.param == "body":
            each.run = run
