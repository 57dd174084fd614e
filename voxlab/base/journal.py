"""The only source of evidence: what was on which wire, which transaction took which step, and the notes that hosts
and scenarios made.

Covers no RFC. It must not know who reads it, and of SIP it knows one thing, where a Call-ID stands, to forget whole
calls at a time.
It belongs to one thread, the world's: readers of other threads ask the world.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Literal

from voxlab.base.arena import SPILL_BYTES, Arena
from voxlab.base.columns import SPAN_ROWS, Row, Span, pack_row, pack_step, pack_transaction
from voxlab.base.datagram import Address
from voxlab.base.records import (
    DELIVERED,
    REFUSED,
    SIMULATED_EPOCH_S,
    Note,
    RtpBlock,
    TransactionRecord,
    TransitionRecord,
    WireRecord,
)
from voxlab.base.redaction import MARK, without_keys
from voxlab.base.retention import CallKey, Speakers, call_id_of

Payloads = Literal["none", "headers", "all"]
"""What is kept of RTP: nothing, the header columns, or the payloads too."""

FlowKey = tuple[str, Address, Address]
Step = tuple[str, str, str, str]
"""Host, machine, input and state entered."""
_SPANS_KEPT = 8  # a journal with a limit forgets an eighth of it at a time,
_SPAN_ROWS_FORGOTTEN = 1_024  # and never more than this at once: live calls wait meanwhile


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
        self._span_rows = (
            SPAN_ROWS if limit_messages is None else max(1, min(limit_messages // _SPANS_KEPT, _SPAN_ROWS_FORGOTTEN))
        )
        self.payloads = payloads
        self._keep_keys = keep_keys
        self.epoch_s = epoch_s
        self.hear: Callable[[Note], None] | None = None
        self._names: dict[str, str] = {}
        self._behind: dict[str, str] = {}
        self._arena = Arena(0)
        self._ledger = Arena(0)
        self._empty()

    def _empty(self) -> None:
        self._arena.close()
        self._ledger.close()
        self._arena = Arena(self._spill_bytes)
        self._ledger = Arena(self._spill_bytes)
        self._spans: list[Span] = []
        self._spans_forgotten = 0
        self._speakers = Speakers()
        self._flow_of: dict[FlowKey, int] = {}
        self._flows: list[FlowKey] = []
        self._step_of: dict[Step | tuple[str, int, int, int], int] = {}
        self._steps: list[Step] = []
        self._count = 0
        self._evict_at = float("inf") if self._limit is None else self._limit
        self.evicted_calls = 0
        self.evicted_messages = 0
        self.generation = getattr(self, "generation", 0) + 1
        self._open_span()

    def _open_span(self) -> None:
        self._span = span = Span(len(self._arena), len(self._ledger))
        self._spans.append(span)
        self._rows = span.rows
        self._seal_at = self._count + self._span_rows

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
        self._span.transactions += pack_transaction(time_s, number, ledger.tail_start + len(tail))
        if len(tail) >= ledger.segment_bytes:
            ledger.turn()

    def transition(self, time_s: float, host: str, number: int, machine: str, input: str, state: str) -> None:  # noqa: A002 - the table's word
        """Record a step of a transaction."""
        self._span.steps += pack_step(time_s, number, self._intern_step((host, machine, input, state)))

    def stepper(self, host: str, named: Callable[[int, int, int], Step]) -> Callable[[float, int, int, int, int], None]:
        """Return what records the steps of a host whose machines, inputs and states are numbers: ``note(time_s, number,
        machine, input, state)``; ``named`` says once what each step is called.
        """

        def note(time_s: float, number: int, machine: int, given: int, state: int) -> None:
            known = self._step_of.get((host, machine, given, state))
            if known is None:
                known = self._intern_step(named(machine, given, state))
                self._step_of[host, machine, given, state] = known
            self._span.steps += pack_step(time_s, number, known)

        return note

    def rtp(self, block: RtpBlock) -> None:
        """Record packets of one stream, as far as the payload policy keeps them."""
        if self.payloads == "none" or not len(block):
            return
        kept = block if self.payloads == "all" or block.payload is None else replace(block, payload=None)
        self._span.rtp.append(kept)

    def note(self, record: Note) -> None:
        """Record something that is no message: see ``voxlab.base.records``."""
        self._span.notes.append(record)
        if self._limit is not None:
            self._speakers.note(record, self._spans_forgotten + len(self._spans) - 1)
        if self.hear is not None:
            self.hear(record)

    def name(self, host: str, name: str) -> None:
        """Say what the host at an address, or at ``address:port``, is called; names outlive ``clear``."""
        self._names[host] = name

    def put_behind(self, host: str, nat: str) -> None:
        """Say that an address is valid behind a NAT alone: what bears it was seen on a wire there."""
        self._behind[host] = nat

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
        blocks, notes = (sum(map(len, lists)) for lists in zip(*((s.rtp, s.notes) for s in self._spans), strict=True))
        return f"<Journal: {len(self):,} messages, {blocks:,} RTP blocks, {notes:,} notes{evicted}>"

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
        return tuple(note for span in self._spans for note in span.notes)

    @property
    def rtp_blocks(self) -> Sequence[RtpBlock]:
        """The blocks of RTP packets in order of recording: a snapshot."""
        return tuple(block for span in self._spans for block in span.rtp)

    def name_of(self, address: Address) -> str:
        """Return what an address is called: by host and port, else by host, else "" for nobody known."""
        return self._names.get(str(address)) or self._names.get(address.host, "")

    @property
    def has_nats(self) -> bool:
        """Whether some addresses are valid behind a NAT alone."""
        return bool(self._behind)

    @property
    def behind(self) -> dict[str, str]:
        """Which addresses are valid behind a NAT alone, and behind which: a copy."""
        return dict(self._behind)

    def wire_of(self, src: Address, dst: Address, outcome: int = DELIVERED) -> str:
        """Return the NAT inside which a packet between two addresses was seen, "" for the open network."""
        if outcome == REFUSED:  # no wire leads there: it was sent to an address that is valid elsewhere
            return self._behind.get(src.host, "")
        return self._behind.get(src.host) or self._behind.get(dst.host, "")

    def crosses(self, src: Address, dst: Address, outcome: int = DELIVERED) -> tuple[str, str]:
        """Return the NATs at which such a packet begins and ends its wire, "" where a host itself does.

        Behind a NAT a packet to the world is given to the NAT, whatever its destination says, and one from the world
        comes from there.
        """
        if not self._behind:
            return "", ""
        here, there = self._behind.get(src.host, ""), self._behind.get(dst.host, "")
        if here == there:
            return "", ""
        return (there if there and outcome != REFUSED else "", here)

    def messages(self, after: int = 0) -> Iterator[WireRecord]:
        """Yield the messages with numbers above ``after``, as many as there are now."""
        for span in self._spans[self._place_of(after) :]:
            yield from self._records(span, span.first_above(after))

    def message(self, number: int) -> WireRecord:
        """Return one message; raises ``KeyError`` for a number that was never given or whose call was evicted."""
        span = self._spans[self._place_of(number)]
        index = span.first_above(number - 1)
        if index < len(span) and span[index][0] == number:
            return self._record(span[index], span.start_of(index))
        raise KeyError(number)

    def _place_of(self, number: int) -> int:
        """Return the place of the last span that begins at or before a number."""

        def first(span: Span) -> int:
            return span[0][0] if len(span) else self._count + 1

        return max(bisect_right(self._spans, number, key=first) - 1, 0)

    def _records(self, span: Span, index: int = 0) -> Iterator[WireRecord]:
        start = span.start_of(index)
        for row in span.since(index):
            yield self._record(row, start)
            start = row[3]

    def _record(self, row: Row, start: int) -> WireRecord:
        number, time_s, flow, end, outcome = row
        return WireRecord(number, time_s, *self._flows[flow], self._arena.read(start, end), outcome)

    def transactions(self) -> Iterator[TransactionRecord]:
        """Yield the transactions in the order in which they were made."""
        for span in list(self._spans):
            yield from self._made_in(span)

    def _made_in(self, span: Span) -> Iterator[TransactionRecord]:
        for time_s, number, start, end in span.transaction_rows():
            host, machine, method, call_id, branch = (
                self._ledger.read(start, end).decode("utf-8", "surrogateescape").split("\n")
            )
            yield TransactionRecord(time_s, host, number, machine, method, call_id, branch)

    def transitions(self) -> Iterator[TransitionRecord]:
        """Yield the steps of all transactions in the order in which they were taken."""
        for span in list(self._spans):
            for time_s, number, step in span.step_rows():
                host, machine, input_, state = self._steps[step]
                yield TransitionRecord(time_s, host, number, machine, input_, state)

    def digest(self) -> str:
        """Return the SHA-256 of all that is here, independent of chunks and spilling: equal journals, equal digests."""
        canon = hashlib.sha256()
        for message in self.messages():
            canon.update(repr(message).encode())
        for record in (
            *self.transactions(),
            *self.transitions(),
            *self.notes,
            *sorted(self._names.items()),
            *sorted(self._behind.items()),
        ):
            canon.update(repr(record).encode())
        for block in self.rtp_blocks:
            _digest_block(canon, block)
        return canon.hexdigest()

    # -- keeping it small -----------------------------------------------------------------------------------------

    def _intern_flow(self, key: FlowKey) -> int:
        self._flow_of[key] = len(self._flows)
        self._flows.append(key)
        return len(self._flows) - 1

    def _intern_step(self, step: Step) -> int:
        known = self._step_of.get(step)
        if known is None:
            known = self._step_of[step] = len(self._steps)
            self._steps.append(step)
        return known

    def _seal(self) -> None:
        span = self._span
        span.seal()
        if self._limit is not None:
            start, ends = span.start, [row[3] for row in span.since(0)]
            said = self._arena.read(start, ends[-1])
            self._speakers.heard(said, [end - start for end in ends], self._spans_forgotten + len(self._spans) - 1)
            if len(self) > self._evict_at:
                self._evict()
        self._open_span()

    def _evict(self) -> None:
        """Forget old spans until few enough messages are left; what belongs to calls that go on is carried over."""
        before = self.evicted_messages
        while len(self) > (self._limit or 0) and len(self._spans) > 1:
            self._forget_oldest()
        if self.evicted_messages > before:
            self.generation += 1
        limit = self._limit or 0
        # Where all are calls that go on, there is no use in trying again at each span.
        self._evict_at = limit if len(self) <= limit else len(self) + limit // _SPANS_KEPT

    def _forget_oldest(self) -> None:
        oldest, following = self._spans[0], self._spans[1]
        speakers, number = self._speakers, self._spans_forgotten
        fate: dict[CallKey, bool] = {}

        def goes_on(session: int, call_id: str) -> bool:
            key = speakers.key_of(session, call_id)
            if key not in fate:
                fate[key] = not speakers.is_over(key, number)
            return fate[key]

        carried = self._carried(oldest, goes_on)
        self._put_before(carried, following)
        self._spans[:2] = [carried]
        self._spans_forgotten += 1
        gone = [key for key, alive in fate.items() if not alive and key != ""]
        self.evicted_calls += sum(map(speakers.is_call, gone))
        speakers.forget(gone, number)
        self._arena.forget(min(span.start for span in self._spans))
        self._ledger.forget(min(span.ledger_start for span in self._spans))

    def _carried(self, span: Span, goes_on: Callable[[int, str], bool]) -> Span:
        """Return a copy of what in a span belongs to calls that go on."""
        kept = Span(len(self._arena), len(self._ledger))
        for record in self._records(span):
            if goes_on(0, call_id_of(record.data)):
                flow = self._flow_of[record.transport, record.src, record.dst]
                end = self._arena.append(record.data)
                kept.rows += pack_row(record.number, record.time_s, flow, end, record.outcome)
        alive = set()
        for transaction in self._made_in(span):
            if goes_on(0, transaction.call_id):
                alive.add((transaction.host, transaction.number))
                line = "\n".join(str(part) for part in (transaction.host, *transaction[3:]))
                end = self._ledger.append(line.encode("utf-8", "surrogateescape"))
                kept.transactions += pack_transaction(transaction.time_s, transaction.number, end)
        for time_s, number, step in span.step_rows():
            if (self._steps[step][0], number) in alive:
                kept.steps += pack_step(time_s, number, step)
        kept.notes = [n for n in span.notes if goes_on(getattr(n, "session", 0), getattr(n, "call_id", ""))]
        kept.rtp = [block for block in span.rtp if goes_on(0, block.call_id)]
        self.evicted_messages += len(span) - len(kept)
        return kept

    def _put_before(self, carried: Span, following: Span) -> None:
        """Append a span to what was carried into it."""
        for record in self._records(following):
            flow = self._flow_of[record.transport, record.src, record.dst]
            end = self._arena.append(record.data)
            carried.rows += pack_row(record.number, record.time_s, flow, end, record.outcome)
        for transaction in self._made_in(following):
            line = "\n".join(str(part) for part in (transaction.host, *transaction[3:]))
            end = self._ledger.append(line.encode("utf-8", "surrogateescape"))
            carried.transactions += pack_transaction(transaction.time_s, transaction.number, end)
        carried.steps += following.steps
        carried.notes += following.notes
        carried.rtp += following.rtp
        carried.seal()


def _digest_block(canon: hashlib._Hash, block: RtpBlock) -> None:
    canon.update(repr((block.src, block.dst, block.ssrc, block.call_id)).encode())
    for column in (block.time_s, block.sequence, block.timestamp, block.payload_type, block.size_bytes, block.outcome):
        canon.update(column.tobytes())
    canon.update(block.payload or b"")
