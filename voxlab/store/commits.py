"""Group commit: one batch is under way at a time, and what comes meanwhile goes with the next.

So nothing overtakes: when a batch is on record, all before it is; one that failed goes again, first. Must not know what
the statements say.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

from voxlab.store.writer import Statement, Writer

Tell = Callable[[bool], None]
"""Told whether what it asked about is on record."""


class Loop(Protocol):
    """What is needed of a lab's loop."""

    def time(self) -> float: ...  # noqa: D102
    def command(self, command: Callable[[], None]) -> None: ...  # noqa: D102
    def call_in_background_at(self, when: float, callback: Callable[..., object], *args: Any) -> Any: ...  # noqa: D102


class Ledge(Protocol):
    """Where statements wait."""

    def drain(self) -> list[Statement]:
        """Return what waits, and let it go."""

    def put_back(self, statements: list[Statement], error: BaseException) -> None:
        """Take statements that could not be written; they come before what waits by now."""


@dataclass(eq=False, slots=True)
class _Batch:
    statements: list[Statement]
    done: Future[Any]
    tell: list[Tell]
    landed: bool = False


class GroupCommit:
    """Commits what waits on a ledge; everything but ``Writer``'s own work runs in the lab's thread.

    Parameters
    ----------
    writer : Writer
    ledge : Ledge
    live : bool
        Whether the lab's thread goes on meanwhile; else it waits for every commit.

    Attributes
    ----------
    loop : Loop or None
        Where news of commits are taken; without one they are waited for.
    """

    def __init__(self, writer: Writer, ledge: Ledge, *, live: bool) -> None:
        self.loop: Loop | None = None
        self._writer = writer
        self._ledge = ledge
        self._live = live
        self._waiting: list[Tell] = []
        self._batch: _Batch | None = None

    def when_written(self, tell: Tell) -> None:
        """Begin to write what waits, and tell when that, and all before, is on record, or could not be."""
        self._waiting.append(tell)
        self.begin()

    @property
    def is_busy(self) -> bool:
        """Whether a batch is under way."""
        return self._batch is not None

    def begin(self) -> None:
        """Begin to write what waits, unless a batch is under way: then that comes first."""
        if self._batch is not None:
            return
        statements, tell = self._ledge.drain(), self._waiting
        self._waiting = []
        if not statements:
            _tell(tell, True)
            return
        batch = self._batch = _Batch(statements, self._writer.write(statements), tell)
        if self._live and self.loop is not None:
            loop = self.loop
            batch.done.add_done_callback(lambda _done: _command(loop, lambda: self._land(batch)))
        else:
            batch.done.exception()
            self._land(batch)

    def settle(self) -> None:
        """Wait until everything is on record, or could not be."""
        self.begin()
        while (batch := self._batch) is not None:
            failed = batch.done.exception() is not None
            self._land(batch)
            if not failed:
                self.begin()

    def _land(self, batch: _Batch) -> None:
        if batch.landed:
            return
        batch.landed, self._batch = True, None
        error = batch.done.exception()
        if error is not None:
            self._ledge.put_back(batch.statements, error)
        _tell(batch.tell, error is None)
        if self._waiting:
            self.begin()


def _tell(waiting: list[Tell], ok: bool) -> None:
    for tell in waiting:
        tell(ok)


def _command(loop: Loop, command: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.command(command)
