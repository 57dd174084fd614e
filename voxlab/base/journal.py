"""The only source of evidence: what was on which wire, which transaction took which step, and the notes that hosts
and scenarios made.

Covers no RFC. It must not know who reads it, and of SIP it knows one thing, where a Call-ID stands, to forget whole
calls at a time.
It belongs to one thread, the world's: readers of other threads ask the world.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from struct import Struct
from typing import Literal

from voxlab.base.arena import SPILL_BYTES, Arena
from voxlab.base.columns import CHUNK_ROWS, Chunk, Row, pack_row
from voxlab.base.datagram import Address
from voxlab.base.records import (
    DELIVERED,
    SIMULATED_EPOCH_S,
    Note,
    RtpBlock,
    TransactionRecord,
    TransitionRecord,
    WireRecord,
)
from voxlab.base.redaction import MARK, without_keys
from voxlab.base.retention import CallKey, is_kept, longest_silent, sessions_by_call_id

Payloads = Literal["none", "headers", "all"]
"""What is kept of RTP: nothing, the header columns, or the payloads too."""

FlowKey = tuple[str, Address, Address]
Step = tuple[str, str, str, str]
"""Host, machine, input and state entered."""
_STEP_ROW = Struct("=dQI")
_TRANSACTION_ROW = Struct("=dQQ")
_pack_step, _pack_transaction = _STEP_ROW.pack, _TRANSACTION_ROW.pack


class Journal:
    """Columns of everything that happened; 25 bytes a message beside the message's own, and those spill to a
    file.

    Parameters
    ----------
    spill_bytes : int
        Bytes of messages kept in memory before they move to an unlinked file.
    limit_messages : int or None
        Past this many, whole calls are forgotten, those first that have been silent for longest; ``evicted_calls``
        counts them.
    payloads : {"none", "headers", "all"}
        What is kept of RTP packets.
    keep_keys : bool
        Whether ``a=crypto`` keys are kept; by default they are blotted out.
    epoch_s : float
        Unix time of second 0.

    Attributes
    ----------
    hear : callable or None
        Told of every note as it is made: a history that outlives the journal is written from it.
    """

    def __init__(
        self,
        spill_bytes: int = SPILL_BYTES,
        *,
        limit_messages: int | None = None,
        payloads: Payloads = "all",
        keep_keys: bool = False,
        epoch_s: float = SIMULATED_EPOCH_S,
    ) -> None:
        self._spill_bytes = spill_bytes
        self._limit = limit_messages
        self.payloads = payloads
        self._keep_keys = keep_keys
        self.epoch_s = epoch_s
        self.hear: Callable[[Note], None] | None = None
        self._names: dict[str, str] = {}
        self._arena = Arena(0)
        self._ledger = Arena(0)
        self._empty()

    def _empty(self) -> None:
        self._arena.close()
        self._ledger.close()
        self._arena = Arena(self._spill_bytes)
        self._chunks: list[Chunk] = []
        self._flow_of: dict[FlowKey, int] = {}
        self._flows: list[FlowKey] = []
        self._count = 0
        self._evict_at = float("inf") if self._limit is None else self._limit
        self.evicted_calls = 0
        self.evicted_messages = 0
        self.generation = getattr(self, "generation", 0) + 1
        self._notes: list[Note] = []
        self._rtp: list[RtpBlock] = []
        self._no_transactions()
        self._open_chunk(1)

    def _no_transactions(self) -> None:
        self._ledger = Arena(self._spill_bytes)
        self._ledger_rows = bytearray()
        self._step_of: dict[Step, int] = {}
        self._steps: list[Step] = []
        self._step_rows = bytearray()

    def _open_chunk(self, first: int) -> None:
        chunk = Chunk(len(self._arena))
        self._chunks.append(chunk)
        self._rows = bytearray()
        chunk.rows = self._rows
        self._seal_at = first + CHUNK_ROWS - 1

    # -- writing --------------------------------------------------------------------------------------------------

    def wire(
        self, time_s: float, transport: str, src: Address, dst: Address, data: bytes, outcome: int = DELIVERED
    ) -> int:
        """Record a SIP message on a wire, once; return its number, which counts from 1.

        It is called where the message is sent, or where it arrives if the sender is not ours.
        """
        flow = self._flow_of.get((transport, src, dst))
        if flow is None:
            flow = self._intern_flow((transport, src, dst))
        if data.rfind(MARK) >= 0 and not self._keep_keys:
            data = without_keys(data)
        arena = self._arena
        tail = arena.tail
        tail += data
        self._count = number = self._count + 1
        self._rows += pack_row(number, time_s, flow, arena.tail_start + len(tail), outcome)
        if len(tail) >= arena.segment_bytes:
            arena.turn()
        if number >= self._seal_at:
            self._seal()
        if number - self.evicted_messages > self._evict_at:
            self._evict()
        return number

    def transaction(
        self, time_s: float, host: str, number: int, machine: str, method: str, call_id: str, branch: str
    ) -> None:
        """Record that a host made a transaction, by the host's own number for it."""
        # A line end parts them: the only character that no header field of any peer has in it, NUL not excepted.
        line = f"{host}\n{machine}\n{method}\n{call_id}\n{branch}"
        ledger = self._ledger
        tail = ledger.tail
        tail += line.encode("utf-8", "surrogateescape")
        self._ledger_rows += _pack_transaction(time_s, number, ledger.tail_start + len(tail))
        if len(tail) >= ledger.segment_bytes:
            ledger.turn()

    def transition(self, time_s: float, host: str, number: int, machine: str, input: str, state: str) -> None:  # noqa: A002 - the table's word
        """Record a step of a transaction."""
        self.step(time_s, number, (host, machine, input, state))

    def step(self, time_s: float, number: int, step: Step) -> None:
        """Record a step of a transaction whose host, machine, input and state the caller keeps together."""
        known = self._step_of.get(step)
        if known is None:
            known = self._step_of[step] = len(self._steps)
            self._steps.append(step)
        self._step_rows += _pack_step(time_s, number, known)

    def rtp(self, block: RtpBlock) -> None:
        """Record packets of one stream, as far as the payload policy keeps them."""
        if self.payloads == "none" or not len(block):
            return
        self._rtp.append(block if self.payloads == "all" or block.payload is None else replace(block, payload=None))

    def note(self, record: Note) -> None:
        """Record something that is no message: see ``voxlab.base.records``."""
        self._notes.append(record)
        if self.hear is not None:
            self.hear(record)

    def name(self, host: str, name: str) -> None:
        """Say what the host at an address, or at ``address:port``, is called; names outlive ``clear``."""
        self._names[host] = name

    def clear(self) -> None:
        """Forget everything but the names."""
        self._empty()

    def close(self) -> None:
        """Give the temporary files back; the journal is empty afterwards."""
        self._empty()

    # -- reading --------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return self._count - self.evicted_messages

    def __repr__(self) -> str:
        evicted = f", {self.evicted_calls} call(s) evicted" if self.evicted_calls else ""
        return f"<Journal: {len(self):,} messages, {len(self._rtp):,} RTP blocks, {len(self._notes):,} notes{evicted}>"

    @property
    def last_number(self) -> int:
        """The number of the newest message, 0 if there is none."""
        return self._count

    @property
    def names(self) -> dict[str, str]:
        """What addresses are called: a copy."""
        return dict(self._names)

    @property
    def notes(self) -> Sequence[Note]:
        """The notes in order of recording: a snapshot."""
        return tuple(self._notes)

    @property
    def rtp_blocks(self) -> Sequence[RtpBlock]:
        """The blocks of RTP packets in order of recording: a snapshot."""
        return tuple(self._rtp)

    def name_of(self, address: Address) -> str:
        """Return what an address is called: by host and port, else by host, else "" for nobody known."""
        return self._names.get(str(address)) or self._names.get(address.host, "")

    def messages(self, after: int = 0) -> Iterator[WireRecord]:
        """Yield the messages with numbers above ``after``, as many as there are now."""
        for chunk in list(self._chunks):
            index = chunk.first_above(after)
            start = chunk.start_of(index)
            for row in chunk.since(index):
                yield self._record(row, start)
                start = row[3]

    def message(self, number: int) -> WireRecord:
        """Return one message; raises ``KeyError`` for a number that was never given or whose call was evicted."""
        for chunk in self._chunks:
            index = chunk.first_above(number - 1)
            if index < len(chunk) and chunk[index][0] == number:
                return self._record(chunk[index], chunk.start_of(index))
        raise KeyError(number)

    def _record(self, row: Row, start: int) -> WireRecord:
        number, time_s, flow, end, outcome = row
        return WireRecord(number, time_s, *self._flows[flow], self._arena.read(start, end), outcome)

    def transactions(self) -> Iterator[TransactionRecord]:
        """Yield the transactions in the order in which they were made."""
        start = 0
        for time_s, number, end in _TRANSACTION_ROW.iter_unpack(bytes(self._ledger_rows)):
            host, machine, method, call_id, branch = (
                self._ledger.read(start, end).decode("utf-8", "surrogateescape").split("\n")
            )
            yield TransactionRecord(time_s, host, number, machine, method, call_id, branch)
            start = end

    def transitions(self) -> Iterator[TransitionRecord]:
        """Yield the steps of all transactions in the order in which they were taken."""
        for time_s, number, step in _STEP_ROW.iter_unpack(bytes(self._step_rows)):
            host, machine, input_, state = self._steps[step]
            yield TransitionRecord(time_s, host, number, machine, input_, state)

    def digest(self) -> str:
        """Return the SHA-256 of all that is here, independent of chunks and spilling: equal journals, equal digests."""
        canon = hashlib.sha256()
        for message in self.messages():
            canon.update(repr(message).encode())
        for record in (*self.transactions(), *self.transitions(), *self._notes, *sorted(self._names.items())):
            canon.update(repr(record).encode())
        for block in self._rtp:
            _digest_block(canon, block)
        return canon.hexdigest()

    # -- keeping it small -----------------------------------------------------------------------------------------

    def _intern_flow(self, key: FlowKey) -> int:
        self._flow_of[key] = len(self._flows)
        self._flows.append(key)
        return len(self._flows) - 1

    def _seal(self) -> None:
        self._chunks[-1].seal()
        self._open_chunk(self._count + 1)

    def _evict(self) -> None:
        limit = self._limit or 0
        sessions = sessions_by_call_id(self._notes)
        gone = longest_silent(self.messages(), sessions, limit - limit // 8)
        call_ids = {call_id for call_id, session in sessions.items() if session in gone.keys}
        keys = gone.keys | call_ids
        self._forget_messages(gone.numbers)
        self._forget_transactions(keys)
        self._notes = [n for n in self._notes if is_kept(getattr(n, "session", 0), getattr(n, "call_id", ""), keys)]
        self._rtp = [block for block in self._rtp if is_kept(0, block.call_id, keys)]
        self.evicted_calls += gone.calls
        self.evicted_messages += len(gone.numbers)
        self._evict_at = max(limit, len(self) + limit // 8)
        self.generation += 1

    def _forget_messages(self, gone: frozenset[int]) -> None:
        kept, chunk = Arena(self._spill_bytes), Chunk(0)
        rows = bytearray()
        for record in self.messages():
            if record.number not in gone:
                flow = self._flow_of[record.transport, record.src, record.dst]
                rows += pack_row(record.number, record.time_s, flow, kept.append(record.data), record.outcome)
        chunk.rows = bytes(rows)
        self._arena.close()
        self._arena, self._chunks = kept, [chunk]
        self._open_chunk(self._count + 1)

    def _forget_transactions(self, gone: frozenset[CallKey]) -> None:
        kept = [record for record in self.transactions() if is_kept(0, record.call_id, gone)]
        alive = {(record.host, record.number) for record in kept}
        steps = [record for record in self.transitions() if (record.host, record.number) in alive]
        self._ledger.close()
        self._no_transactions()
        for transaction in kept:
            self.transaction(*transaction)
        for step in steps:
            self.transition(*step)


def _digest_block(canon: hashlib._Hash, block: RtpBlock) -> None:
    canon.update(repr((block.src, block.dst, block.ssrc, block.call_id)).encode())
    for column in (block.time_s, block.sequence, block.timestamp, block.payload_type, block.size_bytes, block.outcome):
        canon.update(column.tobytes())
    canon.update(block.payload or b"")
