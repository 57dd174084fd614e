"""Who listens to a leg's events: steps of the scenario that wait, a bridge that follows, handlers set with ``on``.

Must not know what the events mean.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from voxlab.base.errors import CallEnded
from voxlab.scenario.events import CallEvent

E = TypeVar("E", bound=CallEvent)


class Listeners:
    """The listeners of one leg.

    Parameters
    ----------
    run_handler : callable
        Runs a handler of the scenario with an event.

    Attributes
    ----------
    follower : callable or None
        Told of every event, before the handlers: the contract of a bridge.
    """

    def __init__(self, run_handler: Callable[[Callable[[Any], object], CallEvent], None]) -> None:
        self.follower: Callable[[CallEvent], None] | None = None
        self._run_handler = run_handler
        self._waiters: list[tuple[type[CallEvent], asyncio.Future[CallEvent]]] = []
        self._handlers: list[tuple[type[CallEvent], Callable[[Any], object]]] = []

    def on(self, event: type[E], handler: Callable[[E], object]) -> None:
        """Run ``handler`` on every such event."""
        self._handlers.append((event, handler))

    def wants(self, event: type[CallEvent]) -> bool:
        """Whether the scenario has a handler for exactly this event, or waits for it."""
        return any(wanted is event for wanted, _ in (*self._handlers, *self._waiters))

    @property
    def anybody(self) -> bool:
        """Whether the scenario listens at all."""
        return bool(self._handlers or self._waiters)

    def tell(self, event: CallEvent) -> None:
        """Tell everybody who listens: who waits first, then the follower, then the handlers."""
        kind = type(event)
        if self._waiters:
            for wanted, future in [*self._waiters]:
                if issubclass(kind, wanted) and not future.done():
                    future.set_result(event)
        if self.follower is not None:
            self.follower(event)
        if self._handlers:
            for wanted, handler in [*self._handlers]:
                if issubclass(kind, wanted):
                    self._run_handler(handler, event)

    async def next(self, event: type[E]) -> E:
        """Wait for the next such event; ``CallEnded`` when none will come."""
        future: asyncio.Future[CallEvent] = asyncio.get_running_loop().create_future()
        entry = (event, future)
        self._waiters.append(entry)
        try:
            return await future  # type: ignore[return-value]
        finally:
            if entry in self._waiters:
                self._waiters.remove(entry)

    def close(self) -> None:
        """Let go of everybody: nothing more will be told."""
        self.follower = None
        self._waiters.clear()
        self._handlers.clear()

    def disappoint(self, why: str) -> None:
        """Raise ``CallEnded`` where somebody still waits: nothing more will come."""
        for _, future in self._waiters:
            if not future.done():
                future.set_exception(CallEnded(why))
                future.exception()  # looked at, so that nobody complains when the scenario has gone
