"""The one thread that has the database: it takes work in order, and commits all that has come in the meantime at once.

Must not know what the statements say.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple

from voxlab.base.errors import LabClosed
from voxlab.store.schema import connect

Statement = tuple[str, Sequence[Any]]


class _Job(NamedTuple):
    """Something to do inside the next transaction; ``done`` hears of it when that is committed."""

    work: Callable[[sqlite3.Connection], Any]
    done: Future[Any]


class Writer:
    """Owns the connection; started by the first use.

    Parameters
    ----------
    path : Path or None
        The file; None for memory.

    Attributes
    ----------
    commits : int
        Transactions so far: fewer than jobs where many came at once.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.commits = 0
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._connection: sqlite3.Connection | None = None
        self._closed = False

    @property
    def is_open(self) -> bool:
        """Whether there is a database yet, and still."""
        return self._connection is not None and not self._closed

    def open(self) -> None:
        """Open the database.

        Raises
        ------
        VoxlabError
            When that is not possible; the text says why.
        """
        if self._connection is None:
            self._connection = connect(self.path)
            self._thread = threading.Thread(target=self._run, name="voxlab-store", daemon=True)
            self._thread.start()

    def submit(self, work: Callable[[sqlite3.Connection], Any]) -> Future[Any]:
        """Do ``work`` inside a transaction, after all submitted before; the future is done once that is durable."""
        if self._closed:
            raise LabClosed("this store is closed with its lab")
        self.open()
        done: Future[Any] = Future()
        done.set_running_or_notify_cancel()
        self._jobs.put(_Job(work, done))
        return done

    def write(self, statements: Sequence[Statement]) -> Future[Any]:
        """Execute statements."""
        return self.submit(lambda connection: _execute(connection, statements))

    def close(self) -> None:
        """Finish what was submitted and close the database; may be called twice."""
        if self._closed:
            return
        self._closed = True
        if self._thread is not None and self._connection is not None:
            self._jobs.put(None)
            self._thread.join()
            self._connection.close()

    # -- in its thread

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            batch, ends = self._all_that_waits(job)
            self._commit(batch)
            if ends:
                return

    def _all_that_waits(self, first: _Job) -> tuple[list[_Job], bool]:
        batch = [first]
        while not self._jobs.empty():
            job = self._jobs.get()
            if job is None:
                return batch, True
            batch.append(job)
        return batch, False

    def _commit(self, batch: Sequence[_Job]) -> None:
        """Commit a batch; where one of its jobs fails, each by itself, so that it fails alone."""
        try:
            results = self._transaction(batch)
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait for it have to hear
            if len(batch) == 1:
                batch[0].done.set_exception(error)
            else:
                for job in batch:
                    self._commit([job])
            return
        for job, result in zip(batch, results, strict=True):
            job.done.set_result(result)

    def _transaction(self, batch: Sequence[_Job]) -> list[Any]:
        connection = self._connection
        assert connection is not None
        connection.execute("BEGIN")
        try:
            results = [job.work(connection) for job in batch]
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        self.commits += 1
        return results


def _execute(connection: sqlite3.Connection, statements: Sequence[Statement]) -> None:
    for sql, values in statements:
        try:
            connection.execute(sql, values)
        except UnicodeEncodeError:  # a peer's bytes that are no UTF-8 travel as surrogates, which no database takes
            connection.execute(sql, [_clean(value) for value in values])


def _clean(value: Any) -> Any:
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace") if isinstance(value, str) else value
