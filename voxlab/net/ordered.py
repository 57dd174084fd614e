"""Timers, tasks and futures that sort and hash by the order in which they were made, not by their addresses.

Must not know which clock counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any, TypeVar

T = TypeVar("T")

_NANOSECONDS = 1e9
EXACT_S = 4e6
"""Below some 46 days a float64 tells nanoseconds apart."""


def on_the_grid(when: float) -> float:
    """Round a time to 1 ns, so that 20,000 x 0.02 s is 400 s and what is due together stays together."""
    return int(when * _NANOSECONDS + 0.5) / _NANOSECONDS if 0.0 <= when < EXACT_S else when


class OrderedTimer(asyncio.TimerHandle):
    """A timer that remembers when it was set: of two due at the same instant the older runs first."""

    __slots__ = ("_background", "_order")

    # Of asyncio.Handle and TimerHandle; the same in Python 3.11 to 3.14.
    _args: Any
    _callback: Any
    _cancelled: bool
    _context: Context
    _loop: Any
    _repr: str | None
    _scheduled: bool
    _source_traceback: Any
    _when: float

    def __init__(  # sets all slots itself: the two constructors above it cost more than a timer's whole life here
        self,
        when: float,
        order: int,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: asyncio.AbstractEventLoop,
        context: Context | None = None,
        background: bool = False,
    ) -> None:
        self._context = copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = self._source_traceback = None
        self._when = when
        self._scheduled = True
        self._order = order
        self._background = background

    def __lt__(self, other: asyncio.TimerHandle) -> bool:
        """Compare by (time, order of setting)."""
        if isinstance(other, OrderedTimer):
            return (self._when, self._order) < (other._when, other._order)
        return NotImplemented


class Delivery:
    """What a loop runs like a timer's callback, at a fraction of its price: no context, no cancelling, no repr.

    For what comes by the hundred thousand and never changes its mind, such as a datagram under way.
    """

    __slots__ = ("_args", "_callback", "_loop", "_scheduled")

    _cancelled = False
    _background = False

    def __init__(self, callback: Callable[..., object], args: tuple[Any, ...], loop: asyncio.AbstractEventLoop) -> None:
        self._callback = callback
        self._args = args
        self._loop = loop
        self._scheduled = True

    def _run(self) -> None:
        try:
            self._callback(*self._args)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 - as asyncio's handles do: the loop goes on
            self._loop.call_exception_handler({"message": f"Exception in {self._callback!r}", "exception": error})


class OrderedTask(asyncio.Task[T]):
    """A task whose hash is a counter, so that ``TaskGroup`` and ``asyncio.wait`` walk their sets alike in every run."""

    def __init__(self, coro: Any, *, serial: int, **options: Any) -> None:
        self.serial = serial  # first: an eager task runs, and is hashed, before the constructor returns
        super().__init__(coro, **options)

    def __hash__(self) -> int:
        return self.serial

    def __eq__(self, other: object) -> bool:
        return self is other


class OrderedFuture(asyncio.Future[T]):
    """A future whose hash is a counter, like a task's."""

    def __init__(self, *, serial: int, loop: asyncio.AbstractEventLoop) -> None:
        self.serial = serial
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self.serial

    def __eq__(self, other: object) -> bool:
        return self is other


def all_tasks_in_order(loop: asyncio.AbstractEventLoop) -> list[OrderedTask[Any]]:
    """Return the unfinished tasks of a loop, oldest first."""
    return sorted(
        (task for task in asyncio.all_tasks(loop) if isinstance(task, OrderedTask)), key=lambda task: task.serial
    )
