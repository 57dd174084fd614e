"""The script: a scenario's own code as it runs, guarded and supervised, in tasks of the lab's loop.

Must not know legs: the session says what to run and is told what was raised.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from voxlab.base.errors import CallEnded, VoxlabError
from voxlab.scenario.events import CallEvent

if TYPE_CHECKING:
    from voxlab.scenario.leg import Leg
    from voxlab.scenario.session import Session

current: ContextVar[Session | None] = ContextVar("session", default=None)


def _nothing() -> None: ...


class Script:
    """The code of one session's scenario: the scenario itself and its event handlers.

    Parameters
    ----------
    session : Session
    guard : callable
        Returns the context manager in which the user's code runs.
    watched : callable
        Wraps a coroutine of the user's, so that each of its steps runs in the guard.
    done : callable
        Told whenever nothing runs any more.
    """

    def __init__(
        self,
        session: Session,
        guard: Callable[[], Any],
        watched: Callable[..., Any],
        done: Callable[[], None],
    ) -> None:
        self._session: Session | None = session
        self._scenario = session.scenario
        self._guard = guard
        self._watched = watched
        self._done = done
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def running(self) -> bool:
        """Whether the scenario or a handler has not come to its end."""
        return bool(self._tasks)

    def start(self, leg: Leg) -> None:
        """Run the scenario for the incoming leg."""
        self._run(self._begin(leg))

    async def _begin(self, leg: Leg) -> None:
        with self._guard():
            step = self._scenario.function(leg)
        if not inspect.isawaitable(step):
            raise VoxlabError(
                f"scenario {self._scenario.name!r} must be an async function: "
                f"write `async def {self._scenario.name}(call):`"
            )
        await self._watched(step, f"scenario {self._scenario.name!r}")

    def _run(self, step: Awaitable[Any]) -> None:
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._supervise(step))
        self._tasks.add(task)
        task.add_done_callback(self._step_done)

    def _step_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not self._tasks:
            self._done()

    async def _supervise(self, step: Awaitable[Any]) -> None:
        session = self._session
        token = current.set(session)
        try:
            await step
        except asyncio.CancelledError:
            raise
        except CallEnded:
            return  # a scenario need not catch what simply means that the party has gone
        except Exception as error:  # noqa: BLE001 - a scenario's mistake ends its session, never the lab
            if session is not None:
                session.fail(error)
        finally:
            current.reset(token)

    def handle(self, handler: Callable[[Any], object], event: CallEvent) -> None:
        """Run an event handler of the scenario; one that raises ends the session."""
        session = self._session
        token = current.set(session)
        try:
            with self._guard():
                result = handler(event)
            if inspect.iscoroutine(result):
                self._run(self._watched(result, f"a handler of scenario {self._scenario.name!r}"))
            elif inspect.isawaitable(result):
                self._run(result)
        except Exception as error:  # noqa: BLE001 - as above
            if session is not None:
                session.fail(error)
        finally:
            current.reset(token)

    def close(self) -> None:
        """Let go of the session: nothing of it will run any more."""
        self._session = None
        self._done = _nothing

    def cancel(self) -> None:
        """Cancel what still runs a minute after the session."""
        for task in sorted(self._tasks, key=hash):  # counted as they were made
            task.cancel("the session has been over for a minute")
