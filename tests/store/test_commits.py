"""Nothing overtakes in a group commit: who asks hears yes only when all before it is on record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from voxlab.store.commits import GroupCommit
from voxlab.store.writer import Statement


class Desk:
    """A ledge, a writer and a loop in one, all moved by hand."""

    def __init__(self, *, live: bool = True) -> None:
        self.waits: list[Statement] = []
        self.record: list[str] = []
        self.errors: list[BaseException] = []
        self.writing: list[tuple[Sequence[Statement], Future[Any]]] = []
        self.commands: list[Callable[[], None]] = []
        self.broken = False
        self.commits = GroupCommit(self, self, live=live)  # type: ignore[arg-type]
        self.commits.loop = self  # type: ignore[assignment]
        self.at_once = not live

    def drain(self) -> list[Statement]:
        waits, self.waits = self.waits, []
        return waits

    def put_back(self, statements: list[Statement], error: BaseException) -> None:
        self.errors.append(error)
        self.waits[:0] = statements

    def write(self, statements: Sequence[Statement]) -> Future[Any]:
        done: Future[Any] = Future()
        self.writing.append((statements, done))
        if self.at_once:
            self.commit()
        return done

    def command(self, command: Callable[[], None]) -> None:
        self.commands.append(command)

    def commit(self) -> None:
        """Let the writer finish what it has."""
        while self.writing:
            statements, done = self.writing.pop(0)
            if self.broken:
                done.set_exception(OSError("the disk is full"))
            else:
                self.record += [sql for sql, _ in statements]
                done.set_result(None)

    def hear(self) -> None:
        """Let the lab's thread take the news."""
        while self.commands:
            self.commands.pop(0)()

    def add(self, *names: str) -> None:
        self.waits += [(name, ()) for name in names]


def test_what_comes_during_a_commit_goes_with_the_next_one_together() -> None:
    desk, told = Desk(), []
    desk.add("a")
    desk.commits.when_written(told.append)
    for name in "bcd":
        desk.add(name)
        desk.commits.when_written(told.append)
    assert (len(desk.writing), told) == (1, [])
    desk.commit()
    desk.hear()
    assert told == [True]
    assert [[sql for sql, _ in statements] for statements, _ in desk.writing] == [["b", "c", "d"]]
    desk.commit()
    desk.hear()
    assert told == [True] * 4


def test_who_asks_during_a_commit_that_fails_is_not_told_yes_by_an_empty_one_behind_it() -> None:
    desk, told = Desk(), []
    desk.add("call", "answer")
    desk.commits.when_written(told.append)
    desk.commits.when_written(told.append)  # the retransmission: nothing new to write
    desk.broken = True
    desk.commit()
    desk.hear()
    assert told == [False]
    desk.broken = False
    desk.commit()
    desk.hear()
    assert (told, desk.record) == ([False, True], ["call", "answer"])


def test_without_a_lab_that_goes_on_every_commit_is_waited_for() -> None:
    desk, told = Desk(live=False), []
    desk.add("a")
    desk.commits.when_written(told.append)
    assert told == [True]
    desk.commits.when_written(told.append)
    assert told == [True, True]


def test_settling_waits_for_what_is_under_way_and_for_what_waits() -> None:
    desk, told = Desk(), []
    desk.add("a")
    desk.commits.when_written(told.append)
    desk.commit()
    desk.at_once = True
    desk.add("b")
    desk.commits.settle()
    desk.hear()
    assert (told, desk.record) == ([True], ["a", "b"])


@given(st.lists(st.sampled_from(["add", "ask", "commit", "hear", "break", "mend"]), max_size=40))
def test_whoever_is_told_yes_finds_all_that_was_there_when_he_asked_in_order(steps: list[str]) -> None:
    desk = Desk()
    added: list[str] = []

    def ask() -> None:
        wanted = list(added)

        def tell(ok: bool) -> None:
            assert not ok or desk.record[: len(wanted)] == wanted

        desk.commits.when_written(tell)

    for number, step in enumerate(steps):
        if step == "add":
            added.append(str(number))
            desk.add(str(number))
        elif step == "ask":
            ask()
        elif step in {"commit", "hear"}:
            getattr(desk, step)()
        else:
            desk.broken = step == "break"
    desk.broken = False
    for _ in range(3):
        desk.commits.begin()
        desk.commit()
        desk.hear()
    assert desk.record == added
