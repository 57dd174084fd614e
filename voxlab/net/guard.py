"""Watches over code that is not ours: a script that spins in the lab's thread is ended, and the loop lives on.

A callback that does not return stops every host of the lab, and nothing in asyncio can end it. So a second thread
looks whether one step of a script lasts too long and raises an exception in it from outside. Must not know what a
script is for.
"""

from __future__ import annotations

import threading
import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar

from voxlab.base.errors import VoxlabError

T = TypeVar("T")

STEP_LIMIT_S = 5.0
_LOOKS = 4  # how often the watch looks within the limit


class RunawayScript(VoxlabError):
    """A script kept the lab's thread for itself, without an ``await`` that waits, and was ended."""


class _Ended(BaseException):
    """Raised in the script by the watch; not an ``Exception``, so that ``except Exception: pass`` does not keep it
    alive.
    """


def _raise_in(thread_id: int, exception: type[BaseException] | None) -> None:
    """Make the interpreter raise in another thread at its next bytecode, or take back what was not raised yet."""
    import ctypes

    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread_id), ctypes.py_object(exception) if exception else None
    )


class Guard:
    """The flag "this thread is in a script now", and the watch that ends a step after ``limit_s`` of real time.

    Parameters
    ----------
    limit_s : float
        Seconds of real time that one step of a script may take, up to the next ``await`` that waits.
    """

    def __init__(self, limit_s: float = STEP_LIMIT_S) -> None:
        self.limit_s = limit_s
        self.thread_id: int | None = None
        self._lock = threading.Lock()
        self._depth = 0
        self._step = 0
        self._fired = False
        self._closing = threading.Event()
        self._watch: threading.Thread | None = None

    @property
    def in_user_code(self) -> bool:
        """Whether a step of a script is running now."""
        return self._depth > 0

    def _enter(self) -> None:
        """Raise the flag: a step of a script begins; a step within a step is part of it."""
        if self._depth == 0:
            self.thread_id = threading.get_ident()
            self._step += 1
            if self._watch is None:
                self._start_watch()
        self._depth += 1

    def _leave(self, depth: int) -> None:
        """Lower the flag to what it was: from here on nothing is raised, and what was not raised yet is taken back."""
        with self._lock:
            self._depth = depth
            if self._fired and depth == 0:
                self._fired = False
                _raise_in(threading.get_ident(), None)

    @property
    def step(self) -> int:
        """The number of the step that is running, 0 for none."""
        return self._step if self._depth else 0

    def end_step(self, step: int | None = None) -> bool:
        """Raise in the step that is running, if it is still the given one; return whether it was. Thread-safe."""
        with self._lock:
            if self._depth == 0 or self.thread_id is None or step not in {None, self._step}:
                return False
            self._fired = True
            _raise_in(self.thread_id, _Ended)
            return True

    def call(self, what: str, function: Callable[..., T], *args: Any) -> T:
        """Return ``function(*args)``, a callback of the user's, run under the flag.

        The exception from outside can come at any bytecode; here every one of them lies within the ``try``.

        Raises
        ------
        RunawayScript
            When it was ended; ``what`` says whose it was.
        """
        depth = self._depth
        try:
            self._enter()
            try:
                return function(*args)
            finally:
                self._leave(depth)
        except _Ended as ended:
            self._leave(depth)  # it may have come before the first line of the call above
            raise self._runaway(what, ended) from None

    def user_code(self, what: str = "a script") -> UserCode:
        """Return a context manager that runs its body under the flag; where a call will do, ``call`` is the safer."""
        return UserCode(self, what)

    def watched(self, script: Coroutine[Any, Any, T], what: str = "a script") -> Coroutine[Any, Any, T]:
        """Return a coroutine that does what ``script`` does, each of its steps watched over."""
        return _awaited(self._steps(script, what))

    @types.coroutine
    def _steps(self, script: Coroutine[Any, Any, T], what: str) -> Generator[Any, Any, T]:
        """Drive a coroutine as ``yield from`` would (PEP 380), each step under the flag."""
        resume: Callable[[Any], Any] = script.send
        value: Any = None
        try:
            while True:
                try:
                    waited_for = self.call(what, resume, value)
                except StopIteration as stop:
                    return stop.value  # type: ignore[no-any-return]
                try:
                    resume, value = script.send, (yield waited_for)
                except BaseException as error:  # noqa: BLE001 - a cancellation too goes into the script
                    resume, value = script.throw, error
        finally:
            script.close()

    def _runaway(self, what: str, ended: _Ended) -> RunawayScript:
        """Say which line spun: the innermost frame of the script."""
        trace = ended.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        line = f" at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else ""
        spun = f"{what} ran for more than {self.limit_s:g} s{line} without an await that waits"
        return RunawayScript(f"{spun}; it was ended, the lab goes on")

    def _start_watch(self) -> None:
        self._watch = threading.Thread(target=self._look, name="voxlab-watch", daemon=True)
        self._watch.start()

    def _look(self) -> None:
        """End the step that was there at every look for as long as the limit."""
        seen, looks = 0, 0
        while not self._closing.wait(self.limit_s / _LOOKS):
            step = self.step
            looks = looks + 1 if step == seen and step else 0
            seen = step
            if looks >= _LOOKS:
                self.end_step(step)
                looks = 0

    def close(self) -> None:
        """End the watch and wait for it."""
        self._closing.set()
        if self._watch is not None:
            self._watch.join()


class UserCode:
    """A body of code that is the user's."""

    def __init__(self, guard: Guard, what: str) -> None:
        self._guard = guard
        self._what = what
        self._depth = guard._depth

    def __enter__(self) -> None:
        self._guard._enter()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            self._guard._leave(self._depth)
        except _Ended as ended:
            self._guard._leave(self._depth)
            raise self._guard._runaway(self._what, ended) from None
        if isinstance(error, _Ended):
            raise self._guard._runaway(self._what, error) from None


async def _awaited(steps: Any) -> Any:
    """Make a coroutine of an awaitable generator, which is what ``create_task`` takes."""
    return await steps
