"""The store of a lab: keeps its platform, its bindings and its call history; answers wait until they are on record.

A 2xx to an INVITE may leave only when the row of its call is committed: live by group commit (what has come in while
one commit was under way goes with the next; rows that nobody waits for, after 10 ms), in the simulated world at once.
Must not know sockets or who asks.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from voxlab.base.datagram import Address
from voxlab.base.errors import SipSyntaxError, VoxlabError
from voxlab.base.records import RegistrationChanged, RoutedCallEnded, SessionEnded
from voxlab.elements.location import Binding, LocationService
from voxlab.platform.platform import Platform
from voxlab.sip.parser import parse
from voxlab.store import bindings, history
from voxlab.store.commits import GroupCommit, Loop
from voxlab.store.history import History
from voxlab.store.image import TABLES, Image, differences, image, restore
from voxlab.store.sealing import Seal
from voxlab.store.writer import Statement, Writer

GROUP_S = 0.010
MEMORY_SESSIONS = 100_000
"""Sessions that a store in memory keeps."""

_WAITING_ROWS = 200_000  # what is kept for a file that cannot be written just now
_MEMORY_ROWS = 5_000  # rows that may wait: memory has nothing to make durable
_ERRORS_KEPT = 100


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
        self._commits = GroupCommit(self._writer, self, live=live)
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
            self._commits.settle()
        self.history.forget_running()
        self.history.epoch_s = epoch_s
        self._loop, self._location = loop, location
        self._commits.loop = loop
        self._timer_is_set = False

    def bindings(self, listens: dict[str, Address]) -> dict[str, tuple[Binding, ...]]:
        """Return the registrations that still hold; of the live world only, whose devices are other people's."""
        if not (self.is_durable and self._live) or self._loop is None:
            return {}
        everything = "SELECT * FROM bindings ORDER BY aor, place"
        rows = self._writer.submit(lambda connection: connection.execute(everything).fetchall()).result()
        return bindings.restored(rows, listens, self.history.epoch_s, self._loop.time())

    def over(self, reason: str) -> None:
        """Close the sessions that are still open: the lab starts over, or ends. A store in memory ends with it."""
        if not self.is_durable:
            self._forget()
        elif self._writer.is_open:
            self._commits.settle()
            now_s = self.history.epoch_s + (self._loop.time() if self._loop is not None else 0.0)
            done = self._writer.submit(lambda connection: history.close_open(connection, reason, now_s))
            error = done.exception()
            if error is not None:
                self._note_failure(error)

    def _forget(self) -> None:
        self.history.drain()
        self._commits.settle()
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
            self._written_soon()

    def take(self, note: object) -> None:
        """Take a note of the journal."""
        if self.history.take(note):
            if self._live or not self.is_durable or isinstance(note, (RoutedCallEnded, SessionEnded)):
                self._written_soon()
        elif isinstance(note, RegistrationChanged) and self.is_durable and self._live:
            self._moved[note.aor] = None
            self._written_soon()

    def _written_soon(self) -> None:
        """See that what waits is written: live in a moment, in the simulated world now, in memory when it is much."""
        if not self.is_durable:
            if len(self.history.pending) > _MEMORY_ROWS and not self._commits.is_busy:
                self._commits.begin()
                self._writer.submit(lambda connection: history.forget_all_but(connection, MEMORY_SESSIONS))
        elif not self._live or self._loop is None:
            self._commits.begin()
        elif not self._timer_is_set:
            self._timer_is_set = True
            self._loop.call_in_background_at(self._loop.time() + GROUP_S, self._due)

    def _due(self) -> None:
        self._timer_is_set = False
        self._commits.begin()

    def written(self) -> Future[None]:
        """Return a future that is done when all that was kept so far is on record.

        Raises
        ------
        VoxlabError
            From the future, when it cannot be written.
        """
        done: Future[None] = Future()
        refusal = VoxlabError(f"the store {self.path} cannot be written just now")
        self._commits.when_written(lambda ok: done.set_result(None) if ok else done.set_exception(refusal))
        return done

    # -- where statements wait

    def drain(self) -> list[Statement]:
        """Return what waits to be written, and let it go."""
        statements = self.history.drain()
        moved, self._moved = self._moved, {}
        if self._location is not None and self._loop is not None:
            now = self._loop.time()
            for aor in moved:
                statements += bindings.statements(aor, self._location.lookup(aor, now), self.history.epoch_s)
        return statements

    def put_back(self, statements: list[Statement], error: BaseException) -> None:
        """Take what could not be written: it goes with the next commit, and the answers behind it wait for that."""
        self._note_failure(error)
        self.history.pending[:0] = statements
        del self.history.pending[:-_WAITING_ROWS]

    def _note_failure(self, error: BaseException) -> None:
        if len(self._errors) < _ERRORS_KEPT:
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
        outcome: list[bool] = []

        def tell(ok: bool) -> None:
            outcome.append(ok)
            if ok and later:
                release()

        later = False
        self._commits.when_written(tell)
        later = True
        return outcome == [True]

    # -- reading

    def ask(self, queries: Sequence[Statement]) -> Future[list[list[tuple[Any, ...]]]]:
        """Ask several things at one instant; in the lab's thread."""
        answer: Future[list[list[tuple[Any, ...]]]] = Future()
        asked = tuple(queries)

        def look(_ok: bool) -> None:
            found = self._writer.submit(lambda connection: [connection.execute(*query).fetchall() for query in asked])
            found.add_done_callback(lambda done: _pass_on(done, answer))

        self._commits.when_written(look)
        return answer

    def __repr__(self) -> str:
        return f"Store({self.path or 'memory'})"


def _answered_call(data: bytes) -> str | None:
    """Return the Call-ID of a 2xx to an INVITE, None for anything else."""
    try:
        message = parse(data)
    except SipSyntaxError:
        return None
    return message.call_id if message.cseq_method == "INVITE" else None


def _pass_on(done: Future[Any], answer: Future[Any]) -> None:
    error = done.exception()
    if error is None:
        answer.set_result(done.result())
    else:
        answer.set_exception(error)
