"""The journal's rows: packed, in spans that are sealed when full; knows nothing of SIP.

A row of a message is 25 bytes: number, time, flow (index into the journal's flows), end of the message in the arena,
outcome.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voxlab.base.records import Note, RtpBlock

SPAN_ROWS = 65_536
"""Rows after which a span is sealed: a view into a buffer that still grows would stop its growth."""

Row = tuple[int, float, int, int, int]
_ROW = Struct("=IdIQB")
_STEP_ROW = Struct("=dQI")
_TRANSACTION_ROW = Struct("=dQQ")
ROW_BYTES = _ROW.size
pack_row = _ROW.pack
pack_step = _STEP_ROW.pack
pack_transaction = _TRANSACTION_ROW.pack


class Span:
    """What the journal recorded from one message to another: consecutive rows, and all else of that time.

    Attributes
    ----------
    start, ledger_start : int
        Where the first row's message begins in the arena of messages, and the first transaction's line in the ledger.
    rows, transactions, steps : bytearray or bytes
        Packed rows; they grow until the span is sealed.
    notes, rtp : list
    """

    __slots__ = ("ledger_start", "notes", "rows", "rtp", "start", "steps", "transactions")

    def __init__(self, start: int, ledger_start: int) -> None:
        self.start = start
        self.ledger_start = ledger_start
        self.rows: bytearray | bytes = bytearray()
        self.transactions: bytearray | bytes = bytearray()
        self.steps: bytearray | bytes = bytearray()
        self.notes: list[Note] = []
        self.rtp: list[RtpBlock] = []

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
        self.rows, self.transactions, self.steps = bytes(self.rows), bytes(self.transactions), bytes(self.steps)

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

    def transaction_rows(self) -> Iterator[tuple[float, int, int, int]]:
        """Yield time, number, and where the line in the ledger begins and ends."""
        start = self.ledger_start
        for time_s, number, end in _TRANSACTION_ROW.iter_unpack(bytes(self.transactions)):
            yield time_s, number, start, end
            start = end

    def step_rows(self) -> Iterator[tuple[float, int, int]]:
        """Yield time, number of the transaction, and the index of the step among the journal's steps."""
        yield from _STEP_ROW.iter_unpack(bytes(self.steps))
