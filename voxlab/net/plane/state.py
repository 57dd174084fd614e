"""The arrays of one media plane, made by the lab's thread and written by both under one mutex.

Must not know what the cells mean: ``cells`` says that.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from voxlab.net.plane import cells as c
from voxlab.net.plane import layout as at

Words = npt.NDArray[np.int64]
Octets = npt.NDArray[np.uint8]


class State(NamedTuple):
    """What compiled code takes as one argument.

    Attributes
    ----------
    control : int64 array, shape (CONTROL,)
    mutex, spec : int64 arrays
        A pthread_mutex_t; room for timespecs and an eventfd's count.
    sides : int64 array, shape (sides, SIDE_CELLS)
    players : int64 array, shape (sides, PLAYER_CELLS)
        A row for the side of the same number.
    playing : int64 array, shape (sides,)
        The first ``control[PLAYING]`` are the numbers of the sides that speak.
    books : int64 array, shape (BOOKS, BOOK_CELLS)
    rows : int64 array, shape (2 * BOOKS, rows, ROW_CELLS)
        Records, each book in two halves: one is written while the other is read.
    octets : uint8 array, shape (2 * BOOKS, octets)
        The datagrams that are kept whole, in halves likewise.
    inbox, outbox : int64 array, shape (BATCH, HEADER_WORDS)
        The mmsghdrs of recvmmsg and sendmmsg.
    notes : int64 array, shape (BATCH, 20)
        For each, what they point to: source, iovec, control, destination, iovec, and the row that records it.
    data, speech : uint8 array, shape (BATCH, DATAGRAM_BYTES)
        What came; what is said.
    events : uint32 array
        The epoll_events.
    """

    control: Words
    mutex: Words
    spec: Words
    sides: Words
    players: Words
    playing: Words
    books: Words
    rows: npt.NDArray[np.int64]
    octets: Octets
    inbox: Words
    outbox: Words
    notes: Words
    data: Octets
    speech: Octets
    events: npt.NDArray[np.uint32]


# Words of a row of the notes.
NAME, VECTOR, CONTROL, TO, TO_VECTOR, RECORD = 0, 2, 4, 12, 14, 16
NOTE_WORDS = 20
EVENTS = 64


def make(sides: int, rows: int, octets: int) -> State:
    """Return fresh arrays, every pointer in its place; memory is touched only as far as it gets used."""
    state = State(
        control=np.zeros(c.CONTROL, np.int64),
        mutex=np.zeros(at.MUTEX_WORDS, np.int64),
        spec=np.zeros(20, np.int64),
        sides=np.zeros((sides, c.SIDE_CELLS), np.int64),
        players=np.zeros((sides, c.PLAYER_CELLS), np.int64),
        playing=np.zeros(sides, np.int64),
        books=np.zeros((c.BOOKS, c.BOOK_CELLS), np.int64),
        rows=np.empty((2 * c.BOOKS, rows, c.ROW_CELLS), np.int64),
        octets=np.empty((2 * c.BOOKS, octets), np.uint8),
        inbox=np.zeros((c.BATCH, at.HEADER_WORDS), np.int64),
        outbox=np.zeros((c.BATCH, at.HEADER_WORDS), np.int64),
        notes=np.zeros((c.BATCH, NOTE_WORDS), np.int64),
        data=np.zeros((c.BATCH, c.DATAGRAM_BYTES), np.uint8),
        speech=np.zeros((c.BATCH, c.DATAGRAM_BYTES), np.uint8),
        events=np.zeros(EVENTS * at.EVENT_WORDS, np.uint32),
    )
    _point(state)
    return state


def _point(state: State) -> None:
    """Fill in the addresses: they stay true as long as the arrays live."""
    places: dict[int, npt.NDArray[Any]] = {
        c.MUTEX_AT: state.mutex,
        c.INBOX_AT: state.inbox,
        c.OUTBOX_AT: state.outbox,
        c.EVENTS_AT: state.events,
        c.SPEC_AT: state.spec,
        c.DATA_AT: state.data,
        c.SPEECH_AT: state.speech,
        c.OCTETS_AT: state.octets,
        c.ROWS_AT: state.rows,
    }
    for cell, array in places.items():
        state.control[cell] = array.ctypes.data
    slots = np.arange(c.BATCH, dtype=np.int64)
    notes = state.notes.ctypes.data + slots * 8 * NOTE_WORDS
    state.notes[:, VECTOR] = state.data.ctypes.data + slots * c.DATAGRAM_BYTES
    state.notes[:, VECTOR + 1] = c.DATAGRAM_BYTES
    state.inbox[:, at.H_CONTROL] = notes + 8 * CONTROL
    state.inbox[:, at.H_CONTROL_BYTES] = at.CONTROL_BYTES
    for box, name, vector in ((state.inbox, NAME, VECTOR), (state.outbox, TO, TO_VECTOR)):
        box[:, at.H_NAME] = notes + 8 * name
        box[:, at.H_NAME_BYTES] = at.NAME_BYTES
        box[:, at.H_VECTOR] = notes + 8 * vector
        box[:, at.H_VECTORS] = 1
