"""Ends the session of a scenario that made a coroutine and never awaited it; a warning would end up who knows where.

Python looks ``_warn_unawaited_coroutine`` up in ``warnings`` when such a coroutine is thrown away (CPython 3.11 to
3.14); outside a scenario it stays what it was. Must not know legs: their own steps notice by themselves.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from types import CoroutineType, FrameType
from typing import Any

from voxlab.scenario.script import current

_HOOK = "_warn_unawaited_coroutine"
_warn: Callable[[Any], None] = getattr(warnings, _HOOK, lambda _coroutine: None)


def _warn_or_end(coroutine: CoroutineType[Any, Any, Any]) -> None:
    session = current.get()
    if session is None:
        _warn(coroutine)
        return
    session.forgot_await(coroutine.__qualname__.rpartition(".")[2], _where(sys._getframe(1)))


def _where(frame: FrameType) -> str:
    """Return the line that threw the coroutine away."""
    return f"{frame.f_code.co_filename}, line {frame.f_lineno}"


def listen() -> None:
    """Take the warning's place; more than once is once."""
    if getattr(warnings, _HOOK, _warn_or_end) is not _warn_or_end:
        setattr(warnings, _HOOK, _warn_or_end)
