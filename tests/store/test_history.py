"""What becomes of a call whose row still waits is written into that row; afterwards it is an UPDATE."""

from __future__ import annotations

import sqlite3

from voxlab.base.records import (
    CallRouted,
    LegAnswered,
    LegEnded,
    LegOpened,
    RoutedCallAnswered,
    RoutedCallEnded,
    SessionEnded,
    SessionOpened,
)
from voxlab.store import schema
from voxlab.store.history import History


def routed(call_id: str, now: float) -> list[object]:
    return [
        CallRouted(now, call_id, "shop.acme.test", "direct", "users", "alice", "bob"),
        RoutedCallAnswered(now + 1.0, call_id),
        RoutedCallEnded(now + 5.0, call_id, 200, "Normal termination", "caller"),
    ]


def scripted() -> list[object]:
    return [
        SessionOpened(1.0, 7, "shop.acme.test", "main", "forward", "sip:alice@shop.acme.test", "bob"),
        LegOpened(1.0, 7, "A", "in", "cloud", "alice", True),
        LegOpened(1.1, 7, "B", "out", "cloud", "bob"),
        LegAnswered(2.0, 7, "B", "out"),
        LegAnswered(2.1, 7, "A", "in"),
        LegEnded(4.0, 7, "A", "in", 200, "Normal termination", "caller"),
        LegEnded(4.1, 7, "B", "out", 200, "Normal termination", "cloud"),
        SessionEnded(4.2, 7, "Normal termination"),
    ]


def rows(notes: list[object], drained_after: int | None = None) -> tuple[int, list[object]]:
    """Return how many statements the notes made, and what the database holds once all are executed."""
    history = History(lambda domain: "acme")
    statements = []
    for number, note in enumerate(notes):
        assert history.take(note)
        if drained_after == number:
            statements += history.drain()
    statements += history.drain()
    connection = sqlite3.connect(":memory:")
    schema.migrate(connection, "memory")
    for sql, values in statements:
        connection.execute(sql, values)
    found = [*connection.execute("SELECT * FROM sessions"), *connection.execute("SELECT * FROM calls ORDER BY call")]
    connection.close()
    return len(statements), found


def test_a_call_that_is_over_before_it_is_written_is_one_row_of_each_table() -> None:
    count, found = rows(routed("c", 10.0))
    assert count == 2
    assert found[0][-3:] == (10.0, 15.0, "Normal termination")
    assert found[1][-6:] == (10.0, 11.0, 15.0, 200, "Normal termination", "caller")


def test_it_makes_no_difference_when_the_rows_are_written() -> None:
    for notes in (routed("c", 10.0), scripted()):
        _, at_the_end = rows(notes)
        for moment in range(len(notes)):
            assert rows(notes, drained_after=moment)[1] == at_the_end


def test_two_legs_of_one_call_id_end_together_as_they_do_in_the_database() -> None:
    opened = SessionOpened(1.0, 7, "shop.acme.test", "main", "forward", "sip:alice@shop.acme.test", "bob")
    notes = [
        opened,
        LegOpened(1.0, 7, "A", "same", "cloud", "alice", True),
        LegOpened(1.1, 7, "B", "same", "cloud", "bob"),
        LegEnded(4.0, 7, "A", "same", 200, "Normal termination", "caller"),
    ]
    _, at_the_end = rows(notes)
    for moment in range(len(notes)):
        assert rows(notes, drained_after=moment)[1] == at_the_end
