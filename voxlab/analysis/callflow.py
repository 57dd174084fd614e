"""A call as a flow: who took part, what went between them and when; the value that ladders are drawn from.

Must not know how it is drawn. Columns stand in the order in which they first speak, which puts the caller left, the
cloud in the
middle and the callee right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from voxlab.analysis.bands import Band, bands
from voxlab.analysis.offers import media_owners, offer_note
from voxlab.analysis.participants import Columns, Participant
from voxlab.analysis.verdict import lab_verdict, verdict
from voxlab.base.datagram import Address
from voxlab.base.records import (
    DELIVERED,
    LOST,
    Fragmented,
    LegOpened,
    MediaBlocked,
    NameLookup,
    NatDropped,
    Note,
    RegistrationChanged,
    ScenarioFailed,
    ScenarioLog,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from voxlab.analysis.entries import Entry
    from voxlab.analysis.index import CallRecord, Index

EVERYTHING = "everything"
"""The title of a lab's ladder."""

__all__ = [
    "Arrow",
    "Band",
    "CallFlow",
    "Participant",
    "Remark",
    "call_flow",
    "lab_flow",
    "registration_flow",
    "with_marks",
]


@dataclass(frozen=True, slots=True)
class Arrow:
    """A message between two participants.

    Attributes
    ----------
    number : int
        Of the ladder, from 1; of a lab's ladder the journal's own number.
    time_s : float
        Seconds since the start of the lab.
    src, dst : int
        Columns.
    label : str
        The start line, such as ``INVITE sip:bob@example.com`` or ``180 Ringing``.
    note : str
        What the session description says, in short; "" without one.
    leg : str
        The leg's letter, "" for what belongs to no call.
    outcome : int
        DELIVERED, LOST or REFUSED.
    mark : str
        What a diagnosis says of it, "" for nothing.
    """

    number: int
    time_s: float
    src: int
    dst: int
    label: str
    note: str
    leg: str
    transport: str
    is_request: bool
    retransmission: bool
    failure: bool
    outcome: int = DELIVERED
    mark: str = ""

    @property
    def lost(self) -> bool:
        """Whether the network lost it."""
        return self.outcome == LOST

    @property
    def arrived(self) -> bool:
        """Whether somebody got it."""
        return self.outcome == DELIVERED


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that happened at a moment, at one participant or (``at`` None) to the call as a whole."""

    time_s: float
    text: str
    at: int | None = None
    failure: bool = False


Event = Arrow | Band | Remark


@dataclass(frozen=True, slots=True)
class CallFlow:
    """A ladder as a value.

    Attributes
    ----------
    title : str
        What it is a picture of, such as "call 1".
    verdict : str
        The line that comes first.
    participants : tuple of Participant
        The columns, from left to right.
    events : tuple of Arrow, Band or Remark
        In order of time.
    evicted_calls : int
        Calls that the journal had to forget.
    """

    title: str
    verdict: str
    participants: tuple[Participant, ...]
    events: tuple[Event, ...]
    evicted_calls: int = 0

    @property
    def arrows(self) -> tuple[Arrow, ...]:
        """The messages alone."""
        return tuple(event for event in self.events if isinstance(event, Arrow))

    @property
    def legs(self) -> tuple[str, ...]:
        """The letters of the legs, in order of the alphabet."""
        return tuple(sorted({arrow.leg for arrow in self.arrows if arrow.leg}))


def call_flow(index: Index, call: CallRecord, now: float | None = None) -> CallFlow:
    """Return the flow of one call, all its legs side by side; messages are numbered from 1."""
    entries = index.entries(call.call_ids)
    letters = {leg.call_id: leg.letter for leg in call.legs}
    line = verdict(index, call, now).text
    return _flow(index, f"call {call.number}", line, entries, letters, range(1, len(entries) + 1), index.notes(call))


def registration_flow(index: Index, title: str, line: str, entries: list[Entry]) -> CallFlow:
    """Return the flow of the messages of a registration, numbered from 1."""
    return _flow(index, title, line, entries, {}, range(1, len(entries) + 1), [])


def with_marks(flow: CallFlow, marks: Mapping[int, str]) -> CallFlow:
    """Return a flow in which messages are marked, by their numbers, with what a diagnosis says of them."""
    events: list[Event] = []
    for event in flow.events:
        if not isinstance(event, Arrow) or event.number not in marks:
            events.append(event)
            continue
        events.append(replace(event, mark=marks[event.number]))
        said = f"message {event.number}: {marks[event.number]}"
        events.append(Remark(event.time_s, said, failure=True))
    return replace(flow, events=tuple(events))


def lab_flow(index: Index) -> CallFlow:
    """Return the flow of everything in the journal; messages have the journal's numbers."""
    entries = index.entries()
    letters = {leg.call_id: leg.letter for call in index.calls for leg in call.legs}
    numbers = [entry.number for entry in entries]
    return _flow(index, EVERYTHING, lab_verdict(index), entries, letters, numbers, index.notes())


def _flow(
    index: Index,
    title: str,
    line: str,
    entries: list[Entry],
    letters: dict[str, str],
    numbers: Iterable[int],
    notes: list[Note],
) -> CallFlow:
    columns = Columns(index.journal, entries)
    arrows = [_arrow(entry, number, columns, letters) for entry, number in zip(entries, numbers, strict=True)]
    owners = media_owners(entries, columns)
    media = bands(index.journal, notes, columns, owners, letters, whole_lab=title == EVERYTHING)
    events: list[Event] = [*arrows, *media, *_remarks(notes, columns)]
    events.sort(key=_in_time)
    return CallFlow(title, line, columns.participants, tuple(events), index.journal.evicted_calls)


def _arrow(entry: Entry, number: int, columns: Columns, letters: dict[str, str]) -> Arrow:
    src, dst = columns.ends(entry)
    return Arrow(
        number=number,
        time_s=entry.time_s,
        src=src,
        dst=dst,
        label=entry.label,
        note=offer_note(entry),
        leg=letters.get(entry.call_id, ""),
        transport=entry.transport,
        is_request=entry.kind == "request",
        retransmission=entry.retransmission,
        failure=entry.is_failure or entry.outcome != DELIVERED,
        outcome=entry.outcome,
    )


def _remarks(notes: Sequence[Note], columns: Columns) -> Iterator[Remark]:
    """Yield what scenarios and the location service had to say; a scenario speaks where its session's legs meet."""
    network: set[tuple[object, ...]] = set()
    hosts = {note.session: columns.find(Address(note.host, 0)) for note in notes if isinstance(note, LegOpened)}
    for note in notes:
        if isinstance(note, ScenarioLog):
            yield Remark(note.time_s, note.text, hosts.get(note.session))
        elif isinstance(note, ScenarioFailed):
            yield Remark(note.time_s, f"scenario: {note.error}", hosts.get(note.session), failure=True)
        elif isinstance(note, MediaBlocked):
            text = f"the border keeps RTP from {note.src.host} out: {note.host} hears nothing"
            yield Remark(note.time_s, text, None, failure=True)
        elif isinstance(note, (NatDropped, Fragmented, NameLookup)):
            if (said := _said_once(note)) not in network:
                network.add(said)
                yield from _of_network(note)
        elif isinstance(note, RegistrationChanged):
            until = f" for {note.expires_s:g} s" if note.expires_s else ""
            yield Remark(note.time_s, f"{note.aor} {note.state}{until}")


def _said_once(note: NatDropped | Fragmented | NameLookup) -> tuple[object, ...]:
    """Return what two such notes have in common that need be told once: each repetition of a message brings one."""
    if isinstance(note, NatDropped):
        return note.nat, note.src, note.dst, note.reason
    if isinstance(note, Fragmented):
        return note.src, note.dst, note.size_bytes, note.arrived
    return note.kind, note.name, note.answer


def _of_network(note: NatDropped | Fragmented | NameLookup) -> Iterator[Remark]:
    """Yield what NATs, links and DNS had to say."""
    if isinstance(note, NatDropped):
        yield Remark(note.time_s, f"{note.nat} drops it: {note.why}", None, failure=True)
    elif isinstance(note, Fragmented):
        lost = "" if note.arrived else ", and not all of them arrive"
        text = f"{note.size_bytes} bytes travel in {note.fragments} fragments{lost}"
        yield Remark(note.time_s, text, None, failure=not note.arrived)
    elif note.failed:
        yield Remark(note.time_s, f"DNS: {note.kind} {note.name}: {note.answer}", None, failure=True)


def _in_time(event: Event) -> tuple[float, int, int]:
    if isinstance(event, Arrow):
        return event.time_s, 0, event.number
    if isinstance(event, Band):
        return event.start_s, 2, event.left
    return event.time_s, 1, 0
