"""The store of a lab: keeps its platform, its bindings and its call history; answers wait until they are on record.

A 2xx to an INVITE may leave only when the row of its call is committed: live by group commit (what has come in while
one commit was under way goes with the next; rows that nobody waits for, after 10 ms), in the simulated world at once.
Must not know sockets or who asks.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Protocol

from voxlab.base.datagram import Address
from voxlab.base.errors import SipSyntaxError, VoxlabError
from voxlab.base.records import RegistrationChanged, SessionEnded
from voxlab.elements.location import Binding, LocationService
from voxlab.platform.platform import Platform
from voxlab.sip.parser import parse
from voxlab.store import bindings, history
from voxlab.store.history import History
from voxlab.store.image import TABLES, Image, differences, image, restore
from voxlab.store.sealing import Seal
from voxlab.store.writer import Statement, Writer

GROUP_S = 0.010
MEMORY_SESSIONS = 100_000
"""Sessions that a store in memory keeps."""

_WAITING_ROWS = 200_000  # what is kept for a file that cannot be written just now
_MEMORY_ROWS = 20_000  # rows that may wait: memory has nothing to make durable
_ERRORS_KEPT = 100


class Loop(Protocol):
    """What is needed of a lab's loop."""

    def time(self) -> float: ...  # noqa: D102
    def command(self, command: Callable[[], None]) -> None: ...  # noqa: D102
    def call_in_background_at(self, when: float, callback: Callable[..., object], *args: Any) -> Any: ...  # noqa: D102


class Store:
    """What outlives a lab, in one file, or in memory where there is nothing to outlive.

    Everything but ``open`` and ``close`` runs in the lab's thread.

    Parameters
    ----------
    path : Path or None
        None for memory.
    platform : Platform
        Filled from the file by ``open``; what differs later is written by ``keep``.
    live : bool
        Group commit; else every commit is waited for.
    errors : list of BaseException
        Where it is said that something could not be written: the answers that waited for it did not leave.

    Attributes
    ----------
    closed_at_start : int
        Sessions that a killed process had left open.
    """

    def __init__(self, path: Path | None, platform: Platform, *, live: bool, errors: list[BaseException]) -> None:
        self.path = path
        self.history = History(self._account_of)
        self._errors = errors
        self.closed_at_start = 0
        self._platform = platform
        self._live = live
        self._seal = Seal(path.with_name(f"{path.name}-key") if path is not None else None)
        self._writer = Writer(path)
        self._image: Image = {}
        self._loop: Loop | None = None
        self._location: LocationService | None = None
        self._moved: dict[str, None] = {}
        self._in_flight = 0
        self._timer_is_set = False

    @property
    def is_durable(self) -> bool:
        """Whether there is a file."""
        return self.path is not None

    def _account_of(self, domain: str) -> str:
        application = self._platform.application_at(domain)
        return "" if application is None else application.account

    # -- the beginning and the end

    def open(self) -> None:
        """Open the file and put what it holds on the platform.

        Raises
        ------
        VoxlabError
            When that is not possible; the text says why.
        """
        if not self.is_durable:
            return
        rows = self._writer.submit(self._first_look).result()
        restore(self._platform, rows, self._seal)
        self._image = image(self._platform, self._seal)

    def _first_look(self, connection: sqlite3.Connection) -> dict[str, list[tuple[Any, ...]]]:
        self.closed_at_start = history.close_open(connection, history.KILLED)
        self.history.begin(connection)
        orders = {name: "number" if name == "ledger" else "place" for name in TABLES}
        return {
            name: connection.execute(f"SELECT * FROM {name} ORDER BY {order}").fetchall()
            for name, order in orders.items()
        }

    def attach(self, loop: Loop, location: LocationService, epoch_s: float) -> None:
        """Serve an installation of the lab that was just built."""
        if self.is_durable:
            self.flush()
        self.history.forget_running()
        self.history.epoch_s = epoch_s
        self._loop, self._location = loop, location
        self._timer_is_set = False

    def bindings(self, listens: dict[str, Address]) -> dict[str, tuple[Binding, ...]]:
        """Return the registrations that still hold; of the live world only, whose devices are other people's."""
        if not (self.is_durable and self._live) or self._loop is None:
            return {}
        rows = self.read("SELECT * FROM bindings ORDER BY aor, place")
        return bindings.restored(rows, listens, self.history.epoch_s, self._loop.time())

    def over(self, reason: str) -> None:
        """Close the sessions that are still open: the lab starts over, or ends. A store in memory ends with it."""
        if not self.is_durable:
            self._forget()
        elif self._writer.is_open:
            self.flush()
            now_s = self.history.epoch_s + (self._loop.time() if self._loop is not None else 0.0)
            done = self._writer.submit(lambda connection: history.close_open(connection, reason, now_s))
            done.exception()
            self._note_failure(done)

    def _forget(self) -> None:
        self.history.pending.clear()
        self.history.begin_anew()
        if self._writer.is_open:
            self._writer.submit(lambda connection: history.forget_all_but(connection, 0)).result()

    def close(self) -> None:
        """Write what is left and close the file; may be called twice."""
        self._writer.close()

    # -- what is to be kept

    def keep(self) -> None:
        """Write what has changed on the platform since the last time."""
        if self.is_durable:
            now = image(self._platform, self._seal)
            self.history.pending += differences(self._image, now)
            self._image = now
            if self._live and self._loop is not None:
                self._written_soon()
            else:
                self.flush()

    def take(self, note: object) -> None:
        """Take a note of the journal."""
        if self.history.take(note):
            if self._live or not self.is_durable:
                self._written_soon()
            elif isinstance(note, SessionEnded):
                self.flush()
        elif isinstance(note, RegistrationChanged) and self.is_durable and self._live:
            self._moved[note.aor] = None
            self._written_soon()

    def _written_soon(self) -> None:
        if not self.is_durable:
            if len(self.history.pending) > _MEMORY_ROWS:
                self.flush()
        elif not self._timer_is_set and self._loop is not None:
            self._timer_is_set = True
            self._loop.call_in_background_at(self._loop.time() + GROUP_S, self._due)

    def _due(self) -> None:
        self._timer_is_set = False
        self.flush()

    def flush(self) -> Future[Any] | None:
        """Hand what waits to the database; where time is simulated, wait until it is there."""
        statements = self._drain()
        if not statements:
            return None
        done = self._writer.write(statements)
        if not self.is_durable:
            self._writer.submit(lambda connection: history.forget_all_but(connection, MEMORY_SESSIONS))
        elif self._live and self._loop is not None:
            self._in_flight += 1
            done.add_done_callback(lambda future: self._tell_loop(future, statements))
        elif done.exception() is not None:
            self._try_again(done, statements)
        return done

    def _drain(self) -> list[Statement]:
        statements, self.history.pending = self.history.pending, []
        moved, self._moved = self._moved, {}
        if self._location is not None and self._loop is not None:
            now = self._loop.time()
            for aor in moved:
                statements += bindings.statements(aor, self._location.lookup(aor, now), self.history.epoch_s)
        return statements

    def _tell_loop(self, done: Future[Any], statements: list[Statement]) -> None:
        """Hear of a commit, in the writer's thread."""
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.command(lambda: self._landed(done, statements))

    def _landed(self, done: Future[Any], statements: list[Statement]) -> None:
        self._in_flight -= 1
        if done.exception() is not None:
            self._try_again(done, statements)

    def _try_again(self, done: Future[Any], statements: list[Statement]) -> None:
        """Let what could not be written go with the next commit; the answers behind it wait for that."""
        self._note_failure(done)
        self.history.pending[:0] = statements
        del self.history.pending[:-_WAITING_ROWS]

    def _note_failure(self, done: Future[Any]) -> None:
        error = done.exception()
        if isinstance(error, Exception) and len(self._errors) < _ERRORS_KEPT:
            where = self.path or "memory"
            self._errors.append(VoxlabError(f"the store {where} could not be written, no call is answered: {error}"))

    # -- the gate of answers

    def admits(self, data: bytes, now: float, release: Callable[[], None]) -> bool:
        """Whether a 2xx may leave now; if not, ``release`` is called, in the lab's thread, once its call is on record.

        If it cannot be put on record it never leaves: its retransmission (RFC 3261 s.13.3.1.4) tries again.
        """
        call_id = _answered_call(data)
        if call_id is None:
            return True
        self.history.answered(call_id, now)
        if not self.history.pending and not self._in_flight:
            return True
        done = self.flush() or self._writer.write(())
        if not self._live:
            return done.exception() is None
        loop = self._loop
        assert loop is not None
        done.add_done_callback(lambda future: _release(loop, future, release))
        return False

    # -- reading

    def read(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Return the rows that a query finds, everything heard so far included."""
        return self.ask(query, values).result()

    def ask(self, query: str, values: tuple[Any, ...] = ()) -> Future[list[tuple[Any, ...]]]:
        """Ask what ``read`` does, and do not wait for the answer."""
        self.flush()
        return self._writer.submit(lambda connection: connection.execute(query, values).fetchall())

    def ask_all(self, queries: Sequence[Statement]) -> Future[list[list[tuple[Any, ...]]]]:
        """Ask several things at one instant."""
        self.flush()
        asked = tuple(queries)
        return self._writer.submit(lambda connection: [connection.execute(*query).fetchall() for query in asked])

    def __repr__(self) -> str:
        return f"Store({self.path or 'memory'})"


def _answered_call(data: bytes) -> str | None:
    """Return the Call-ID of a 2xx to an INVITE, None for anything else."""
    try:
        message = parse(data)
    except SipSyntaxError:
        return None
    return message.call_id if message.cseq_method == "INVITE" else None


def _release(loop: Loop, done: Future[Any], release: Callable[[], None]) -> None:
    if done.exception() is None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.command(release)
