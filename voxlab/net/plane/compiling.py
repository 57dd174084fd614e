"""How the media thread's code is compiled: without counting references.

An array that is taken out of the state would otherwise be counted up and down again, atomically, at each use: a sixth
of what a relayed packet costs. Whoever calls the loop keeps the state alive, and nothing in it makes an array.
"""

from __future__ import annotations

from typing import Any

from numba import njit

_njit: Any = njit
uncounted: Any = _njit(_nrt=False)
"""For functions that compiled code calls."""


def entry(signature: Any, **options: Any) -> Any:
    """For functions that Python calls: compiled for one signature, and cached on disk."""
    return _njit(signature, cache=True, _nrt=False, **options)
