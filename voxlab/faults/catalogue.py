"""The catalogue of faults: all families together, found by name.

Must not know who has a fault.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from voxlab.base.errors import VoxlabError, did_you_mean
from voxlab.faults import (
    authentication,
    calls,
    fax,
    identity,
    keys,
    media_description,
    network,
    numbers,
    operators,
    progress,
    races,
    registration,
    routing,
    secrecy,
    session_refresh,
    streams,
    syntax,
    transfers,
)
from voxlab.faults.fault import Fault
from voxlab.faults.treatment import Treatment

_FAMILIES = (
    calls,
    session_refresh,
    progress,
    media_description,
    numbers,
    identity,
    registration,
    authentication,
    routing,
    network,
    keys,
    streams,
    races,
    transfers,
    operators,
    secrecy,
    fax,
    syntax,
)
CATALOGUE: tuple[Fault, ...] = tuple(fault for family in _FAMILIES for fault in family.FAULTS)
_BY_NAME = {fault.name: fault for fault in CATALOGUE}
_TREATMENTS: dict[str, Callable[..., Treatment]] = {
    name: make for family in _FAMILIES for name, make in family.TREATMENTS.items()
}
NAMES = tuple(_BY_NAME)


def named(name: str, kinds: Sequence[str]) -> Fault:
    """Return the fault of that name, for a thing that is of these kinds, the first its own word.

    Raises
    ------
    VoxlabError
        There is none, or it cannot be switched on there.
    """
    fault = _BY_NAME.get(name)
    if fault is None:
        meant = did_you_mean(name, _names_at(kinds))
        raise VoxlabError(f"there is no fault {name!r}{meant}; lab.faults() lists them all")
    if not set(kinds) & set(fault.where):
        raise VoxlabError(f"{name!r} cannot be switched on at a {kinds[0]}; it can at: {', '.join(fault.where)}")
    return fault


def treatment(fault: Fault, parameters: Mapping[str, Any]) -> Treatment:
    """Return the fault at work, with parameters that were checked; one that is no matter of messages changes none."""
    make = _TREATMENTS.get(fault.name)
    return Treatment() if make is None else make(**parameters)


def _names_at(kinds: Sequence[str]) -> list[str]:
    return [fault.name for fault in CATALOGUE if set(kinds) & set(fault.where)] or list(NAMES)
