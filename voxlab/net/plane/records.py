"""Compiled: what the media thread leaves for the lab's thread, a row a datagram, and when it rings for it.

Two halves: the media thread writes one, the lab's thread reads the other. Must not know sockets' business.
"""

from __future__ import annotations

from typing import Any, Final

from voxlab.net.plane import cells as c
from voxlab.net.plane.compiling import uncounted
from voxlab.net.plane.syscalls import memcpy, write

HALF: Final = 32
PROMPT_NS: Final = 20_000_000
"""What the lab's thread acts on is told at once, and under load every so often."""
PLAIN: Final = 0x80
"""The first octet of an RTP packet of 12 bytes of header; what has more is kept whole, to be looked into."""
URGENT_SHARE: Final = 8
LATE_NS: Final = 10_000_000_000
"""What it only counts can wait: the longer, the more packets share the work."""


@uncounted
def record(
    state: Any, side: int, came_to: int, control: bool, fate: int, source: int, target: int, from_at: int, size: int
) -> int:
    """Write a row, and keep the datagram at address ``from_at`` if that is wanted.

    Returns
    -------
    int
        Where the row is: the half, and below `HALF` the row in it; -1 if the book is full.
    """
    number = c.URGENT if fate == c.FOR_LAB else c.COUNTED
    book = state.books[number]
    half, row = 2 * number + book[c.ACTIVE], book[c.COUNT]
    room = state.rows.shape[1]
    if number == c.URGENT:
        room = max(1, room // URGENT_SHARE)  # what waits longer than that is of no use to whoever acts on it
    elif fate == c.STRANGER:
        room //= 2  # a flood of strangers must not crowd out the peer
    if row >= room:
        state.sides[side, c.UNOBSERVED] += 1
        return -1
    now_ns = state.control[c.NOW_NS]
    cells = state.rows[half, row]
    cells[c.ROW_SIDE] = state.sides[side, c.SERIAL]
    cells[c.CAME_TO] = came_to
    cells[c.IS_CONTROL] = control
    cells[c.FATE] = fate
    cells[c.SOURCE] = source
    cells[c.DESTINATION] = target
    cells[c.SIZE] = size
    cells[c.LEFT_NS] = now_ns
    cells[c.AT_NS] = now_ns
    row_at = state.control[c.ROWS_AT] + 8 * (half * state.rows.shape[1] + row) * c.ROW_CELLS
    memcpy(row_at + 8 * c.HEAD, from_at, c.HEAD_BYTES)
    cells[c.OCTETS_FROM] = -1
    simple = cells[c.HEAD] & 0xFF == PLAIN
    if fate == c.FOR_LAB or control or state.sides[side, c.KEEP_PAYLOAD] or not simple:
        cells[c.OCTETS_FROM] = _keep(state, book, half, from_at, size)
    book[c.COUNT] = row + 1
    crowded = 2 * row > room or 2 * book[c.USED] > state.octets.shape[1]
    _note_bell(state, book, fate == c.FOR_LAB, crowded)
    return half << HALF | row


@uncounted
def _keep(state: Any, book: Any, half: int, from_at: int, size: int) -> int:
    at = book[c.USED]
    if at + size > state.octets.shape[1]:
        return -1
    memcpy(state.control[c.OCTETS_AT] + half * state.octets.shape[1] + at, from_at, size)
    book[c.USED] = at + size
    return at


@uncounted
def mark(state: Any, where: int, cell: int, value: int) -> None:
    """Write a cell of a row that `record` has written."""
    if where >= 0:
        state.rows[where >> HALF, where & ((1 << HALF) - 1), cell] = value


@uncounted
def _note_bell(state: Any, book: Any, prompt: bool, crowded: bool) -> None:
    now_ns = state.control[c.NOW_NS]
    due_ns = max(now_ns, state.control[c.RUNG_NS] + PROMPT_NS) if prompt else now_ns + LATE_NS
    if crowded:
        due_ns = now_ns
    book[c.BELL_NS] = min(book[c.BELL_NS], due_ns) if book[c.BELL_NS] else due_ns


@uncounted
def ring(state: Any) -> int:
    """Tell the lab's thread if it is time; return how many milliseconds may pass until it is, -1 for ever."""
    control = state.control
    due_ns = 0
    for number in range(c.BOOKS):
        bell_ns = state.books[number, c.BELL_NS]
        if bell_ns and (due_ns == 0 or bell_ns < due_ns):
            due_ns = bell_ns
    if control[c.RUNG] or not due_ns:
        return -1
    if due_ns > control[c.NOW_NS]:
        return (due_ns - control[c.NOW_NS]) // 1_000_000 + 1
    control[c.RUNG] = 1
    control[c.RUNG_NS] = control[c.NOW_NS]
    write(control[c.BELL_FD], control[c.SPEC_AT] + 64, 8)
    return -1
