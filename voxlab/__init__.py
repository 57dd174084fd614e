"""voxlab: a cloud telephony platform in miniature, in a notebook (the public names, loaded when first used).

``import voxlab`` loads none of NumPy, Numba, pandas or matplotlib; each name below brings what it needs when it is
first asked for (PEP 562).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voxlab.base.errors import (
        BlockingInScenario,
        CallEnded,
        CallFailed,
        LabClosed,
        NothingLeft,
        VoxlabError,
    )
    from voxlab.experiments import buffers, traces
    from voxlab.faults.profile import PeerProfile
    from voxlab.lab.lab import Lab

__version__ = "0.1.0"
__all__ = [
    "BlockingInScenario", "CallEnded", "CallFailed", "Lab", "LabClosed", "NothingLeft", "PeerProfile", "VoxlabError",
    "buffers", "traces",
]  # fmt: skip

_ROOMS = {"buffers": "voxlab.experiments.buffers", "traces": "voxlab.experiments.traces"}
_CLASSES = {"Lab": "voxlab.lab.lab", "PeerProfile": "voxlab.faults.profile"}
_HOMES = dict.fromkeys(__all__, "voxlab.base.errors") | _CLASSES | _ROOMS


def __getattr__(name: str) -> object:
    """Load a public name from the module it lives in and keep it."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'voxlab' has no attribute {name!r}; it has {', '.join(__all__)}")
    module = import_module(home)
    value: object = module if name in _ROOMS else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *__all__})
