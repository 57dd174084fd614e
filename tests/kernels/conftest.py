"""Every kernel test runs three times: numpy twin, plain body, compiled body."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from voxlab.kernels import _jit


@pytest.fixture(params=["twin", "body", "compiled"])
def bodies(request: pytest.FixtureRequest) -> Iterator[str]:
    """Make calls run one kind of body; with ``NUMBA_DISABLE_JIT`` "compiled" is what numba leaves: the plain one."""
    _jit.unload()
    if request.param == "body" or (request.param == "compiled" and not _jit.warm()):
        for each in _jit.kernels():
            each.run = each.body
    yield request.param
    _jit.unload()
