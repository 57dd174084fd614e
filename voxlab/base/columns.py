"""The journal's rows of messages: packed, in chunks that are sealed when full; knows nothing of SIP.

A row is 25 bytes: number, time, flow (index into the journal's flows), end of the message in the arena, outcome.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

CHUNK_ROWS = 65_536
"""Rows after which a chunk is sealed: a view into a buffer that still grows would stop its growth."""

Row = tuple[int, float, int, int, int]
_ROW = Struct("=IdIQB")
ROW_BYTES = _ROW.size
pack_row = _ROW.pack


class Chunk:
    """Consecutive rows; ``start`` is where the first row's message begins in the arena, ``rows`` grows until it is
    sealed.
    """

    __slots__ = ("rows", "start")

    def __init__(self, start: int) -> None:
        self.start = start
        self.rows: bytearray | bytes = bytearray()

    def __len__(self) -> int:
        return len(self.rows) // ROW_BYTES

    def since(self, index: int) -> Iterator[Row]:
        """Yield the rows from ``index`` on, as many as there are now."""
        yield from _ROW.iter_unpack(bytes(self.rows[index * ROW_BYTES :]))

    def __getitem__(self, index: int) -> Row:
        row: tuple[int, float, int, int, int] = _ROW.unpack_from(self.rows, index * ROW_BYTES)
        return row

    def seal(self) -> None:
        """Give spare room back: no row comes any more."""
        self.rows = bytes(self.rows)

    def first_above(self, number: int) -> int:
        """Return the index of the first row with a number above this one, ``len`` if there is none."""
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self[middle][0] <= number else (low, middle)
        return low

    def start_of(self, index: int) -> int:
        """Return where the message of the row at ``index`` begins in the arena."""
        return self[index - 1][3] if index else self.start
