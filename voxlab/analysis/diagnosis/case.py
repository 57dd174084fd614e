"""A case: the messages, notes and streams of one call or registration, as rules ask for them.

Faults that were switched on are no evidence, and cannot be seen from here. Must not know any rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from voxlab.analysis.diagnosis.finding import Evidence
from voxlab.base.errors import SipSyntaxError
from voxlab.base.records import (
    DELIVERED,
    FaultSwitched,
    Note,
    RtpBlock,
    StreamMeasured,
    TransactionRecord,
    TransitionRecord,
)
from voxlab.sip.message import Request, Response

if TYPE_CHECKING:
    from voxlab.analysis.entries import Entry
    from voxlab.analysis.index import CallRecord, Index
    from voxlab.base.datagram import Address
    from voxlab.sip.sdp import SessionDescription

N = TypeVar("N", bound=Note)


class Step(NamedTuple):
    """A message of the case.

    Attributes
    ----------
    number : int
        In the ladder, from 1.
    leg : str
        The leg's letter, "" for a registration.
    sender, receiver : str
        Names of hosts, or their addresses.
    """

    number: int
    leg: str
    sender: str
    receiver: str
    entry: Entry

    @property
    def time_s(self) -> float:
        """When it was sent, in lab seconds."""
        return self.entry.time_s

    @property
    def request(self) -> Request | None:
        """The request that it is, None for anything else."""
        return self.entry.message if isinstance(self.entry.message, Request) else None

    @property
    def response(self) -> Response | None:
        """The response that it is, None for anything else."""
        return self.entry.message if isinstance(self.entry.message, Response) else None

    @property
    def status(self) -> int:
        """Its status code, 0 for a request."""
        return self.entry.status or 0

    @property
    def sdp(self) -> SessionDescription | None:
        """Its session description, None without one or with one that cannot be read."""
        message = self.entry.message
        try:
            return None if message is None else message.sdp
        except SipSyntaxError:
            return None

    def has(self, name: str) -> bool:
        """Whether it has a header field of that name."""
        return self.entry.message is not None and name in self.entry.message.headers

    def value(self, name: str) -> str:
        """Return the first value of a header field, "" without one."""
        message = self.entry.message
        return "" if message is None else message.headers.get(name) or ""

    def shows(self, part: str = "", remark: str = "") -> Evidence:
        """Return it as evidence: the line of a header field, the body (``"m="``, ``"m=image"``), or the start line."""
        return Evidence(self.number, self._line(part) or self.entry.label, remark)

    def _line(self, part: str) -> str:
        message = self.entry.message
        if message is None or not part:
            return ""
        text = message.raw.decode("utf-8", "replace")
        if part[1:2] == "=":
            found = re.search(rf"(?m)^{re.escape(part)}[^\r\n]*", text.partition("\r\n\r\n")[2])
            return found.group() if found else ""
        found = re.search(rf"(?mi)^{re.escape(part)}[ \t]*:[^\r\n]*", text)
        if found:
            return found.group()
        value = message.headers.get(part)  # under its compact name
        return "" if value is None else f"{part}: {value}"


class Case:
    """What rules read.

    Parameters
    ----------
    index : Index
    entries : iterable of Entry
        The messages of the case, in the order of its ladder.
    call : CallRecord or None
        None for a registration.
    now : float
        Until when was looked, in lab seconds.
    """

    def __init__(self, index: Index, entries: Iterable[Entry], call: CallRecord | None, now: float) -> None:
        self._index = index
        self.call = call
        self.now = now
        letters = {} if call is None else {leg.call_id: leg.letter for leg in call.legs}
        name = self.name_of
        self.steps: tuple[Step, ...] = tuple(
            Step(number, letters.get(entry.call_id, ""), name(entry.src), name(entry.dst), entry)
            for number, entry in enumerate(entries, 1)
        )

    def name_of(self, address: Address) -> str:
        """Return what a host is called, or its address."""
        return self._index.journal.name_of(address) or str(address)

    # -- messages

    def wire(self, step: Step) -> str:
        """Return the NAT inside which a message was seen, "" for the open network."""
        entry = step.entry
        return self._index.journal.wire_of(entry.src, entry.dst, entry.outcome)

    def raw(self, step: Step) -> bytes:
        """Return a message as it was on its wire, readable or not."""
        return self._index.journal.message(step.entry.number).data

    @property
    def has_nats(self) -> bool:
        """Whether some addresses are valid behind a NAT alone."""
        return self._index.journal.has_nats

    def requests(self, *methods: str, leg: str | None = None) -> Iterator[Step]:
        """Yield the requests of these methods, retransmissions too."""
        for step in self.steps:
            if step.request is not None and step.request.method in methods and leg in (None, step.leg):
                yield step

    def responses(
        self, method: str = "", least: int = 100, most: int = 699, *, leg: str | None = None
    ) -> Iterator[Step]:
        """Yield the responses with a status in these bounds, to requests of that method if one is given."""
        for step in self.steps:
            if least <= step.status <= most and method in ("", step.entry.method) and leg in (None, step.leg):
                yield step

    def answers(self, asked: Step) -> Iterator[Step]:
        """Yield the responses to a request: those of its transaction, on its way back."""
        for step in self.steps:
            entry = step.entry
            same = entry.branch == asked.entry.branch and entry.cseq == asked.entry.cseq
            if entry.kind == "response" and same and entry.method == asked.entry.method and step.leg == asked.leg:
                yield step

    def final_answer(self, asked: Step) -> Step | None:
        """Return the first final response to a request, None if none came."""
        return next((step for step in self.answers(asked) if step.status >= 200), None)

    def asked(self, answer: Step) -> Step | None:
        """Return the request that a response answers, as first sent."""
        for step in self.steps:
            entry = step.entry
            same = entry.branch == answer.entry.branch and entry.cseq == answer.entry.cseq
            if entry.kind == "request" and same and entry.method == answer.entry.method:
                return step
        return None

    def origin_of(self, asked: Step) -> str:
        """Return who sent a request first: proxies only pass it on."""
        return next((step.sender for step in self._copies(asked)), asked.sender)

    def target_of(self, asked: Step) -> str:
        """Return who got a request last, where proxies passed it on."""
        *_, last = (asked, *self._copies(asked))
        return last.receiver

    def _copies(self, asked: Step) -> Iterator[Step]:
        entry = asked.entry
        for step in self.requests(entry.method, leg=asked.leg):
            if step.entry.cseq == entry.cseq and step.entry.from_uri == entry.from_uri:
                yield step

    def arrived(self, step: Step) -> bool:
        """Whether a message got where it was sent, as far as was seen; at a NAT it is on its way."""
        entry = step.entry
        _, at_nat = self._index.journal.crosses(entry.src, entry.dst, entry.outcome)
        return entry.outcome == DELIVERED and not at_nat

    # -- what else is on record

    @cached_property
    def _notes(self) -> list[Note]:
        return [note for note in self._index.notes(self.call) if not isinstance(note, FaultSwitched)]

    def notes(self, kind: type[N]) -> Iterator[N]:
        """Yield the notes of a kind: about the call, or all of them for a registration."""
        return (note for note in self._notes if isinstance(note, kind))

    def all_notes(self, kind: type[N]) -> Iterator[N]:
        """Yield the notes of a kind about anything: refusals and registrations belong to no call."""
        if kind is FaultSwitched:
            return iter(())
        return (note for note in self._index.notes() if isinstance(note, kind))

    @cached_property
    def rtp_blocks(self) -> list[RtpBlock]:
        """Its RTP packets on the wires, as far as they were kept."""
        ids = {step.entry.call_id for step in self.steps}
        return [block for block in self._index.journal.rtp_blocks if block.call_id in ids]

    @property
    def streams(self) -> list[StreamMeasured]:
        """What was counted on its RTP streams."""
        return list(self.notes(StreamMeasured))

    def other_messages(self, method: str, until_s: float | None = None) -> Iterator[Step]:
        """Yield messages outside the case with that method in their CSeq: registrations, keep-alives; number 0."""
        last_s = self.now if until_s is None else until_s
        for step in self._others:
            if step.entry.method == method and step.entry.time_s <= last_s:
                yield step

    @cached_property
    def _others(self) -> list[Step]:
        """Return what is outside the case; read once, and only where a rule asks."""
        own = {step.entry.number for step in self.steps}
        name = self.name_of
        return [
            Step(0, "", name(entry.src), name(entry.dst), entry)
            for entry in self._index.entries()
            if entry.number not in own
        ]

    @cached_property
    def transactions(self) -> dict[tuple[str, int], TransactionRecord]:
        """Its transactions at hosts of ours, by host and number."""
        ids = {step.entry.call_id for step in self.steps}
        found = (each for each in self._index.journal.transactions() if each.call_id in ids)
        return {(each.host, each.number): each for each in found}

    def transitions(self) -> Iterator[TransitionRecord]:
        """Yield the steps of its transactions."""
        ours = self.transactions
        return (step for step in self._index.journal.transitions() if (step.host, step.number) in ours)
