"""What a lab can be asked about: messages, calls, pictures and captures, all read from its journal."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from voxlab.analysis.callflow import lab_flow, registration_flow
from voxlab.analysis.entries import Entry, read_entries
from voxlab.analysis.index import Index
from voxlab.base.errors import VoxlabError
from voxlab.base.journal import Journal
from voxlab.base.records import RtcpRecord, RtpBlock, StreamMeasured, WireRecord
from voxlab.host.ends.end import MediaEnd
from voxlab.lab.call import Call
from voxlab.lab.evidence import Ladder, MessageView
from voxlab.net.world import World

if TYPE_CHECKING:
    import pandas as pd

    from voxlab.host.cloud import CloudMachine
    from voxlab.lab.carrier import Carrier
    from voxlab.lab.explanation import Explanation
    from voxlab.lab.lab import Lab
    from voxlab.lab.phone import Phone

T = TypeVar("T")


class LabEvidence:
    """The evidence of a lab; a base of ``Lab``."""

    def __init__(self, world: World, journal: Journal) -> None:
        self.world = world
        self.journal = journal
        self.index = Index(journal, self._uncounted)
        self.phones: list[Phone] = []
        self.carriers: dict[str, Carrier] = {}

    @property
    def lab(self) -> Lab:
        """Itself: what every handle has."""
        raise NotImplementedError

    @property
    def cloud(self) -> CloudMachine:
        """The platform's machine."""
        raise NotImplementedError

    @property
    def messages(self) -> pd.DataFrame:
        """Every SIP message, numbered as in a saved capture: a fresh snapshot."""
        from voxlab.analysis import frames

        return self.world.submit(frames.messages, self.index)

    def message(self, number: int) -> MessageView:
        """Return a SIP message by its number in ``messages``.

        Raises
        ------
        VoxlabError
            When there is none of that number, or no more.
        """
        try:
            return MessageView(number, self.world.submit(self._entry, number), self.journal)
        except (KeyError, TypeError):
            raise VoxlabError(f"there is no message {number!r}; lab.messages lists those that there are") from None

    def _entry(self, number: int) -> Entry:
        """Read one message beside those of its Call-ID, which say whether it is a repetition."""
        (alone,) = read_entries((self.journal.message(number),))
        return next((each for each in self.index.entries((alone.call_id,)) if each.number == number), alone)

    def faults(self) -> pd.DataFrame:
        """Return every way to misbehave that can be switched on by ``x.fault(name)``, a row each.

        Columns: symptom, where, rfc, cure, nuance (the row of the list of nuances, <NA> for none), finding (what
        ``explain()`` names it), parameters (with their defaults).
        """
        from voxlab.faults import table

        return table.frame()

    def explain_registration(self, aor: str) -> Explanation:
        """Say why an address-of-record is registered or is not: what the handles' ``explain()`` return."""
        from voxlab.analysis.diagnosis import diagnose
        from voxlab.lab.explanation import Explanation

        def read(index: Index) -> Explanation:
            found = diagnose.of_registration(index, aor, self.world.now)
            entries = diagnose.registrations(index, aor)
            return Explanation(found, registration_flow(index, found.title, found.verdict, entries))

        return self.world.submit(lambda: self._settled(read))

    @property
    def calls(self) -> pd.DataFrame:
        """The call history, a row each."""
        from voxlab.analysis import frames

        return self.world.submit(lambda: self._settled(frames.calls))

    @property
    def turned_away(self) -> int:
        """How many new calls got 503 at once because there were too many (``max_calls``, ``max_calls_per_second``), or
        because messages waited too long to be read. The ladder of a live lab does not show them.
        """
        return self.world.submit(lambda: self.cloud.door.turned_away)

    @property
    def history(self) -> pd.DataFrame:
        """Every session that the store knows, a row each: with a file, those of earlier labs too."""
        from voxlab.analysis import history

        lab = self.lab
        (rows,) = lab.world.submit(lab.store.ask, [(history.QUERY, ())]).result()
        return history.history(rows)

    def call(self, number: int) -> Call:
        """Return the call with that number in ``lab.calls``.

        Raises
        ------
        VoxlabError
            When there is none.
        """
        try:
            record = self.world.submit(self.index.call, number)
        except KeyError:
            count = len(self.world.submit(lambda: self.index.calls))
            raise VoxlabError(f"there is no call {number}; there are {count} calls so far") from None
        return Call(self.lab, call_id=record.call_ids[0])

    def ladder(self) -> Ladder:
        """Return the call-flow diagram of everything, registrations too."""
        flow = self.world.submit(lambda: self._settled(lab_flow))
        return Ladder(flow, flow.verdict)

    def save(self, path: str | os.PathLike[str], *, call: Call | None = None) -> Path:
        """Write a pcapng file that Wireshark opens: SIP and RTP with their addresses and lab times.

        Parameters
        ----------
        path : path-like
        call : Call or None
            That call alone; message n of its ladder is the nth SIP packet.
        """
        from voxlab.analysis.pcapng import write_pcapng

        target = Path(path)
        with target.open("wb") as file:
            self.world.submit(
                lambda: write_pcapng(
                    file,
                    *self._captured(call),
                    epoch_s=self.journal.epoch_s,
                    names=self.journal.names,
                    behind=self.journal.behind,
                    from_one=call is not None,
                )
            )
        return target

    def _captured(self, call: Call | None) -> tuple[list[WireRecord], list[RtpBlock], list[RtcpRecord]]:
        """Return the messages, the RTP and the RTCP of a call, of everything if None."""
        self.settle_evidence()
        journal = self.journal
        record = self.index.call_of(call.call_id) if call is not None else None
        rtcp = [note for note in journal.notes if isinstance(note, RtcpRecord)]
        if record is None:
            return list(journal.messages()), list(journal.rtp_blocks), rtcp
        ids = record.call_ids
        messages = [journal.message(entry.number) for entry in self.index.entries(ids)]
        return (
            messages,
            [block for block in journal.rtp_blocks if block.call_id in ids],
            [each for each in rtcp if each.call_id in ids],
        )

    def _settled(self, read: Callable[[Index], T]) -> T:
        """Read the journal when all that is due has been counted; in the lab's thread."""
        self.settle_evidence()
        return read(self.index)

    def settle_evidence(self) -> None:
        """Bring media counts and taps up to now; in the lab's thread."""
        for end in self._ends():
            end.catch_up()
            end.flush()
        self.cloud.keep_records()
        self.cloud.tell_turned_away()

    def _ends(self) -> list[MediaEnd]:
        ends: list[MediaEnd] = [end for end in self.cloud.ports if not end.released]
        for carrier in self.carriers.values():
            ends += carrier.ends
        for phone in self.phones:
            if phone.machine is not None:
                ends += [end for end in phone.machine.terminals.values() if not end.released]
        return ends

    def _uncounted(self) -> list[StreamMeasured]:
        """Return the counts of streams that are not over, as records."""
        return [record for end in self._ends() for record in end.measured()]
