"""A scenario that came as text: compiled and run once, so that it defines the function which calls run through.

This is running somebody else's code, and nothing here makes that safe: whether it may happen is decided before.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable
from typing import Any

from voxlab.base.errors import VoxlabError
from voxlab.platform.platform import Platform

MAX_SCRIPT = 131_071
"""Bytes of a script: below 128 KB."""


def function_of(script: str, name: str) -> Callable[..., Any]:
    """Return the scenario that a script defines: its ``async def`` of that name, or the only one it has.

    Raises
    ------
    VoxlabError
        When it does not compile, fails, or defines none.
    """
    where = f"<scenario {name}>"
    space: dict[str, Any] = {"__name__": where}
    try:
        exec(compile(script, where, "exec"), space)  # noqa: S102 - see above
    except Exception as error:  # noqa: BLE001 - whatever the script raises is what its sender wants to know
        raise VoxlabError("".join(traceback.format_exception_only(error)).strip()) from None
    found = {key: value for key, value in space.items() if inspect.iscoroutinefunction(value)}
    own: dict[str, Callable[..., Any]] = {
        key: value for key, value in found.items() if value.__code__.co_filename == where
    }
    if name in own:
        return own[name]
    if len(own) != 1:
        there = ", ".join(own) or "none"
        raise VoxlabError(f"a script defines its scenario as `async def {name}(call):`; this one has {there}")
    return next(iter(own.values()))


def revive(platform: Platform) -> None:
    """Make scenarios of the texts that a store brought back."""
    for account in platform.accounts.values():
        for application in account.applications.values():
            for scenario in application.scenarios.values():
                if scenario.source is not None and not scenario.is_defined:
                    scenario.function = function_of(scenario.source, scenario.name)
