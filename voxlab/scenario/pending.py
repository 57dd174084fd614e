"""The awaitable that a scenario's methods return, which notices when it was never awaited.

Python would only warn, later and elsewhere; a scenario that forgot ``await`` is ended with the line that forgot it.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Coroutine, Generator
from types import FrameType
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, cast

T = TypeVar("T")
P = ParamSpec("P")


class Forgetful(Protocol):
    """Who wants to know about a forgotten await."""

    def forgot_await(self, what: str, where: str) -> None:
        """Take the name of the method and the place of the call."""


S = TypeVar("S", bound=Forgetful)


class Pending(Generic[T]):
    """A step of a scenario that happens when it is awaited."""

    __slots__ = ("_coroutine", "_name", "_owner", "_where")

    def __init__(self, coroutine: Coroutine[Any, Any, T], owner: Forgetful, name: str, where: FrameType) -> None:
        self._coroutine: Coroutine[Any, Any, T] | None = coroutine
        self._owner = owner
        self._name = name
        self._where = (where.f_code.co_filename, where.f_lineno)

    def __await__(self) -> Generator[Any, Any, T]:
        coroutine, self._coroutine = self._coroutine, None
        if coroutine is None:
            raise RuntimeError(f"{self._name}() was awaited twice")
        return coroutine.__await__()

    def __del__(self) -> None:
        coroutine = self._coroutine
        if coroutine is None:
            return
        coroutine.close()
        self._owner.forgot_await(self._name, f"{self._where[0]}, line {self._where[1]}")

    def __repr__(self) -> str:
        return f"<{self._name}(): happens when awaited>"


def awaited(method: Callable[Concatenate[S, P], Coroutine[Any, Any, T]]) -> Callable[Concatenate[S, P], Pending[T]]:
    """Turn an ``async def`` method into one that returns a ``Pending``."""

    @functools.wraps(method)
    def call(self: S, *args: P.args, **kwargs: P.kwargs) -> Pending[T]:
        return Pending(method(self, *args, **kwargs), self, method.__name__, sys._getframe(1))

    return cast("Callable[Concatenate[S, P], Pending[T]]", call)
