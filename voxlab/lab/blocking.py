"""One definition for a blocking method and its awaitable twin: an operation is a generator of steps, driven by whoever
calls.

``x.do()`` drives the steps by waiting, ``await x.aio.do()`` by awaiting. Must not know what the operations do.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, Protocol, TypeVar

from voxlab.net.lease import Outcome

if TYPE_CHECKING:
    from voxlab.lab.lab import Lab


class Submit(NamedTuple):
    """Step: do this in the lab's thread; the step's value is what it returns."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()


class Wait(NamedTuple):
    """Step: let lab time pass until the condition holds; the step's value is the ``Outcome``."""

    condition: Callable[[], bool]
    timeout_s: float | None = None


class Run(NamedTuple):
    """Step: let lab time pass; the step's value is the ``Outcome``."""

    seconds: float | None = None
    until: float | Callable[[], bool] | None = None


T = TypeVar("T")
P = ParamSpec("P")
Steps = Generator[Submit | Wait | Run, Any, T]


class Handle(Protocol):
    """Whatever belongs to a lab."""

    @property
    def lab(self) -> Lab: ...  # noqa: D102


def drive(lab: Lab, steps: Steps[T]) -> T:
    """Carry an operation out, blocking."""
    try:
        answer: Any = None
        while True:
            step = steps.send(answer)
            answer = _carry_out(lab, step)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    finally:
        lab.operation_over()


def _carry_out(lab: Lab, step: Submit | Wait | Run) -> Any:
    world = lab.world
    if isinstance(step, Submit):
        return world.submit(step.function, *step.arguments)
    world.refuse_blocking("this")
    if isinstance(step, Wait):
        return world.wait(step.condition, step.timeout_s)
    return world.run(step.seconds, until=step.until)


async def drive_aio(lab: Lab, steps: Steps[T]) -> T:
    """Carry an operation out, awaiting."""
    world = lab.world.aio
    try:
        answer: Any = None
        while True:
            step = steps.send(answer)
            if isinstance(step, Submit):
                answer = await world.submit(step.function, *step.arguments)
            elif isinstance(step, Wait):
                answer = await world.wait(step.condition, step.timeout_s)
            else:
                answer = await world.run(step.seconds, until=step.until)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    finally:
        lab.operation_over()


def blocking(operation: Callable[P, Steps[T]]) -> Callable[P, T]:
    """Make a blocking method of an operation; ``aio`` finds the operation again."""

    @functools.wraps(operation)
    def method(*args: P.args, **kwargs: P.kwargs) -> T:
        handle: Any = args[0]
        return drive(handle.lab, operation(*args, **kwargs))

    method.steps = operation  # type: ignore[attr-defined]
    return method


class Aio:
    """The awaitable twins of a handle's blocking methods: ``await call.aio.wait("connected")``."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        operation = getattr(getattr(type(self._handle), name, None), "steps", None)
        if operation is None:
            raise AttributeError(
                f"{type(self._handle).__name__}.{name} has no awaitable twin; there are {', '.join(self.__dir__())}"
            )

        @functools.wraps(operation)
        async def twin(*args: Any, **kwargs: Any) -> Any:
            return await drive_aio(self._handle.lab, operation(self._handle, *args, **kwargs))

        return twin

    def __dir__(self) -> list[str]:
        kind = type(self._handle)
        return sorted(name for name in dir(kind) if hasattr(getattr(kind, name, None), "steps"))

    def __repr__(self) -> str:
        return f"<awaitable twins: {', '.join(self.__dir__())}>"


__all__ = ["Aio", "Handle", "Outcome", "Run", "Steps", "Submit", "Wait", "blocking", "drive", "drive_aio"]
