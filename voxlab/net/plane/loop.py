"""Compiled: the media thread's loop, and the commands that the lab's thread gives it.

A command locks, writes and unlocks in compiled code alone: were the mutex held across Python, whoever has the GIL could
make the media thread wait for a notebook. Nothing here knows what it carries.
"""

from __future__ import annotations

from typing import Any

from numba import typeof, types

from voxlab.net.plane import cells as c
from voxlab.net.plane import layout as at
from voxlab.net.plane import state as s
from voxlab.net.plane.compiling import entry, uncounted
from voxlab.net.plane.crypt import crypt as crypted
from voxlab.net.plane.pacing import pace
from voxlab.net.plane.records import ring
from voxlab.net.plane.relay import read_clocks, serve, take_translated
from voxlab.net.plane.syscalls import (
    epoll_ctl,
    epoll_wait,
    pthread_mutex_lock,
    pthread_mutex_unlock,
    read,
    write,
)

WAKE = 0xFFFFFFFF
TIMER = 0xFFFFFFFE
TRANSLATOR = 0xFFFFFFFD

_state = typeof(s.make(1, 1, 1))  # type: ignore[no-untyped-call]
_int = types.int64
_row = types.int64[::1]
_table = types.int64[:, ::1]


@uncounted
def lock(control: Any) -> None:
    """Take the mutex."""
    pthread_mutex_lock(control[c.MUTEX_AT])


@uncounted
def unlock(control: Any) -> None:
    """Give it back."""
    pthread_mutex_unlock(control[c.MUTEX_AT])


@uncounted
def _serve_all(state: Any, ready: int) -> None:
    """Serve the sockets that are readable."""
    for k in range(ready):
        word = state.events[k * at.EVENT_WORDS + at.EVENT_DATA]
        if word == WAKE:
            read(state.control[c.WAKE_FD], state.control[c.SPEC_AT] + 72, 8)
        elif word == TRANSLATOR:
            take_translated(state)
        elif word != TIMER:
            serve(state, word >> 1, word & 1)


@entry(types.void(_state), nogil=True)
def run(state: Any) -> None:
    """Receive, relay and speak until told to stop."""
    control = state.control
    wait_ms = 0
    while True:
        ready = epoll_wait(control[c.EPOLL_FD], control[c.EVENTS_AT], s.EVENTS, wait_ms)
        lock(control)
        if control[c.STOP]:
            unlock(control)
            return
        control[c.WAKES] += 1
        read_clocks(state)
        if control[c.PLAYING] or control[c.ARMED_NS]:
            pace(state)
        _serve_all(state, ready)
        wait_ms = ring(state)
        unlock(control)


@entry(types.void(_row))
def wake(control: Any) -> None:
    """Let the media thread look at what was written."""
    spec_at = control[c.SPEC_AT] + 80
    write(control[c.WAKE_FD], spec_at, 8)


@entry(types.void(_row, _table, _table))
def poke(control: Any, table: Any, changes: Any) -> None:
    """Write cells, all at once: each row of ``changes`` is (row, column, value)."""
    lock(control)
    for k in range(len(changes)):
        table[changes[k, 0], changes[k, 1]] = changes[k, 2]
    unlock(control)


@entry(types.void(_row, _table))
def poke_control(control: Any, changes: Any) -> None:
    """Write control cells: each row of ``changes`` is (cell, value)."""
    lock(control)
    for k in range(len(changes)):
        control[changes[k, 0]] = changes[k, 1]
    unlock(control)


@entry(types.void(_row, _table, _int, _row))
def peek(control: Any, table: Any, row: int, out: Any) -> None:
    """Copy a row as it is between two batches."""
    lock(control)
    for k in range(len(out)):
        out[k] = table[row, k]
    unlock(control)


@entry(types.int32(_row, _row, _int, _int, _int))
def watch(control: Any, spec: Any, operation: int, fd: int, word: int) -> int:
    """Add a socket to what the media thread waits for, or take it out; return 0 if that went well."""
    lock(control)
    if at.EVENT_WORDS == 3:
        spec[12] = at.EPOLLIN | word << 32
        spec[13] = 0
    else:
        spec[12] = at.EPOLLIN
        spec[13] = word
    result = epoll_ctl(control[c.EPOLL_FD], operation, fd, control[c.SPEC_AT] + 96)
    unlock(control)
    return result


@entry(types.int64(_row, _table, _row, _int, _row))
def start_player(control: Any, players: Any, playing: Any, side: int, cells: Any) -> int:
    """Let a side speak; return how many do now."""
    lock(control)
    for k in range(len(cells)):
        players[side, k] = cells[k]
    known = False
    for k in range(control[c.PLAYING]):
        known = known or playing[k] == side
    if not known:
        playing[control[c.PLAYING]] = side
        control[c.PLAYING] += 1
    unlock(control)
    return control[c.PLAYING]


@entry(types.int64(_row, _table, _row, _int, _row))
def stop_player(control: Any, players: Any, playing: Any, side: int, out: Any) -> int:
    """Let a side fall silent; return whether it spoke, and copy where it stood."""
    lock(control)
    spoke = 0
    for k in range(control[c.PLAYING]):
        if playing[k] == side:
            control[c.PLAYING] -= 1
            playing[k] = playing[control[c.PLAYING]]
            spoke = 1
            break
    for k in range(len(out)):
        out[k] = players[side, k]
    unlock(control)
    return spoke


@entry(types.int64(_state, _int, _int, _int, _int))
def crypt(state: Any, which: int, context: int, data_at: int, size: int) -> int:
    """Open or protect a packet for the lab's thread; return its size, or less than 0 for the status of a refusal."""
    lock(state.control)
    size = crypted(state, which, context, data_at, size)
    unlock(state.control)
    return size


@entry(types.int64(_row, _table, _int))
def swap(control: Any, books: Any, number: int) -> int:
    """Give the lab's thread the half of a book that was written, and the media thread the other.

    Returns
    -------
    int
        The rows in it.
    """
    lock(control)
    book = books[number]
    rows = book[c.COUNT]
    book[c.ACTIVE] = 1 - book[c.ACTIVE]
    book[c.COUNT] = book[c.USED] = book[c.BELL_NS] = 0
    control[c.RUNG] = 0
    unlock(control)
    return rows


@entry(types.boolean(_row, _table, _int))
def due(control: Any, books: Any, number: int) -> bool:
    """Tell whether a book is to be read now."""
    lock(control)
    bell_ns = books[number, c.BELL_NS]
    is_due = bell_ns != 0 and bell_ns <= control[c.NOW_NS]
    unlock(control)
    return is_due


_rows = types.Array(types.int64, 2, "C")
_octets = types.Array(types.uint8, 1, "C")


@entry(types.void(_rows, _row, _octets, types.uint8[:, ::1]))
def gather(rows: Any, picked: Any, octets: Any, out: Any) -> None:
    """Copy datagrams of one size into a matrix, only their first bytes where they are not kept whole."""
    width = out.shape[1]
    for k in range(len(picked)):
        cells = rows[picked[k]]
        start = cells[c.OCTETS_FROM]
        if start >= 0:
            for b in range(width):
                out[k, b] = octets[start + b]
        else:
            for b in range(min(width, 8)):
                out[k, b] = (cells[c.HEAD] >> (8 * b)) & 0xFF
            for b in range(8, min(width, c.HEAD_BYTES)):
                out[k, b] = (cells[c.HEAD_MORE] >> (8 * (b - 8))) & 0xFF
