"""What a call can be asked about: verdict, messages, ladder, transactions, media, audio; read from the lab's journal.

Must not know how a call is made or ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from voxlab.analysis.callflow import call_flow
from voxlab.analysis.index import CallRecord
from voxlab.analysis.verdict import Verdict, verdict
from voxlab.base.errors import VoxlabError
from voxlab.lab.evidence import Audio, Ladder, MessageView, TransactionView

if TYPE_CHECKING:
    import pandas as pd

    from voxlab.base.records import RtpBlock
    from voxlab.host.ends.cloud_port import CloudPort
    from voxlab.host.ends.terminal import Terminal
    from voxlab.lab.explanation import Explanation
    from voxlab.lab.lab import Lab
    from voxlab.lab.media_table import MediaTable
    from voxlab.lab.phone import Phone


DIGIT_COLUMNS = {
    "time_s": "float64",
    "who": "string",
    "key": "string",
    "duration_s": "float64",
    "volume_dbm0": "float64",
    "method": "category",
}
"""Columns of ``Call.digits``, in order; the index is ``digit``, from 1."""


class CallEvidence:
    """The evidence of a call; the base of ``Call``."""

    def __init__(self, lab: Lab, *, phone: Phone | None, dialled: str, call_id: str) -> None:
        self.lab = lab
        self.phone = phone
        self.dialled = dialled
        self.call_id = call_id
        self.error: BaseException | None = None

    def _read(self, reader: Callable[[CallRecord], Any], nothing: Callable[[], Any]) -> Any:
        """Read from the journal in the lab's thread; ``nothing`` serves a call that is not on the wire yet."""

        def read() -> Any:
            self.lab.settle_evidence()
            record = self._record()
            return nothing() if record is None else reader(record)

        return self.lab.world.submit(read)

    def _record(self) -> CallRecord | None:
        return self.lab.index.call_of(self.call_id) if self.call_id else None

    def _verdict(self) -> Verdict:
        lab = self.lab
        if not self.call_id and self.error is not None:
            return Verdict(False, f"✗ {self.dialled} could not be dialled: {self.error}")
        if not self.call_id:
            return Verdict(
                None,
                f"○ {self.phone.title if self.phone else '?'} dials {self.dialled}: "
                "nothing is on the wire until time passes, call.wait()",
            )
        return self._read(  # type: ignore[no-any-return]
            lambda record: verdict(lab.index, record, lab.world.now), lambda: Verdict(None, "… nothing on the wire yet")
        )

    @property
    def number(self) -> int | None:
        """The number in ``lab.calls``, None before the call is on the wire."""
        found: int | None = self._read(lambda record: record.number, lambda: None)
        return found

    @property
    def verdict(self) -> str:
        """What became of it, in a line."""
        return self._verdict().text

    @property
    def messages(self) -> pd.DataFrame:
        """Its SIP messages, numbered from 1 as in the ladder: a fresh snapshot."""
        from voxlab.analysis import frames

        index = self.lab.index
        found: pd.DataFrame = self._read(
            lambda record: frames.messages(index, record),
            lambda: frames.table(frames.MESSAGE_COLUMNS, [], [], "message", 0.0),
        )
        return found

    def message(self, number: int) -> MessageView:
        """Return message ``number`` of the ladder, counted from 1.

        Raises
        ------
        VoxlabError
            When there is none of that number.
        """
        entries = self._read(lambda record: self.lab.index.entries(record.call_ids), list)
        if not 1 <= number <= len(entries):
            raise VoxlabError(
                f"this call has messages 1 to {len(entries)}, there is no message {number}"
                if entries
                else "this call has no message yet"
            )
        return MessageView(number, entries[number - 1], self.lab.journal)

    def ladder(self) -> Ladder:
        """Return the call-flow diagram of all its legs."""
        lab = self.lab
        flow = self._read(lambda record: call_flow(lab.index, record, lab.world.now), lambda: None)
        return Ladder(flow, self._verdict().text, self._last_line())

    def explain(self) -> Explanation:
        """Say why it failed or sounded bad: findings with evidence, section and cure; ``.ladder()`` marks them."""
        from voxlab.analysis.diagnosis import diagnose
        from voxlab.analysis.diagnosis.finding import Diagnosis
        from voxlab.lab.explanation import Explanation

        lab = self.lab

        def read(record: CallRecord) -> Explanation:
            now = lab.world.now
            return Explanation(diagnose.of_call(lab.index, record, now), call_flow(lab.index, record, now))

        found: Explanation = self._read(read, lambda: Explanation(Diagnosis("call", self._verdict().text, ()), None))
        return found

    def transaction(self, number: int) -> TransactionView:
        """Return transaction ``number`` of the call, counted from 1 over all its hosts: ``.diagram()`` draws it.

        Raises
        ------
        VoxlabError
            When there is none of that number.
        """
        found = self._read(self._transactions, list)
        if not 1 <= number <= len(found):
            raise VoxlabError(f"this call has transactions 1 to {len(found)}, there is no transaction {number}")
        return found[number - 1]  # type: ignore[no-any-return]

    @property
    def transactions(self) -> list[TransactionView]:
        """Its transactions on all hosts of the lab, in the order in which they were made."""
        return self._read(self._transactions, list)  # type: ignore[no-any-return]

    def _transactions(self, record: CallRecord) -> list[TransactionView]:
        journal = self.lab.journal
        of_call = [each for each in journal.transactions() if each.call_id in record.call_ids]
        wanted = {(each.host, each.number): TransactionView(at, each) for at, each in enumerate(of_call, 1)}
        for step in journal.transitions():
            view = wanted.get((step.host, step.number))
            if view is not None:
                view.steps.append(step)
        return list(wanted.values())

    @property
    def media(self) -> MediaTable:
        """Its RTP streams, a row each: packets, losses, jitter, R and MOS as counted where the stream was received.

        ``call.media.plot()`` draws losses, jitter and delay over time.
        """
        from voxlab.analysis import streams
        from voxlab.lab.media_table import MediaTable

        index = self.lab.index

        def read(record: CallRecord) -> tuple[pd.DataFrame, tuple[bytes, ...]]:
            histories = tuple(each.history for each in streams.in_order(index, record))
            return streams.streams(index, record), histories

        rows, histories = self._read(read, lambda: (streams.streams(index, None).iloc[:0], ()))
        found = MediaTable(rows)
        found.histories = histories
        return found

    def media_by(self, mode: str = "truth") -> pd.DataFrame:
        """Return its RTP streams as counted from the packets on the wires, by one of three modes.

        ``truth`` counts unique packets, ``rfc3550`` A.1, A.3 and A.8 to the letter, ``wireshark`` as tshark 4.0 does of
        the same packets in ``lab.save``. A packet of ours is seen where it left.

        Raises
        ------
        VoxlabError
            There is no such mode.
        """
        from voxlab.analysis.stream_modes import streams_by

        lab = self.lab

        def count(record: CallRecord | None) -> pd.DataFrame:
            return streams_by(mode, lab.index, self._rtp_blocks(record), record)

        found: pd.DataFrame = self._read(count, lambda: count(None))
        return found

    @property
    def packets(self) -> pd.DataFrame:
        """Its RTP packets on the wires, a row each: sequence number, timestamp, marker, size, and whether it got there.

        A packet of ours is seen where it left, what comes from elsewhere where it arrived.
        """
        from voxlab.analysis import rtp_packets

        index = self.lab.index
        found: pd.DataFrame = self._read(
            lambda record: rtp_packets.packets(index, self._rtp_blocks(record), record),
            lambda: rtp_packets.packets(index, (), None),
        )
        return found

    @property
    def reports(self) -> pd.DataFrame:
        """What its ends told each other by RTCP, a row per report block: losses and jitter as they counted them."""
        from voxlab.analysis.reports import reports

        index = self.lab.index
        found: pd.DataFrame = self._read(lambda record: reports(index, record), lambda: reports(index, None))
        return found

    def _rtp_blocks(self, record: CallRecord | None) -> Iterator[RtpBlock]:
        ids = record.call_ids if record is not None else ()
        return (block for block in self.lab.journal.rtp_blocks if block.call_id in ids)

    def audio(self, who: str | None = None) -> Audio | list[str]:
        """Return what ``who`` heard; without an argument, who can be heard.

        Raises
        ------
        VoxlabError
            For somebody who heard nothing.
        """
        heard: Mapping[str, Any] = self._read(self._heard, dict)
        if who is None:
            return sorted(heard)
        if who not in heard:
            raise VoxlabError(
                f"{who!r} heard nothing in this call; there is {', '.join(sorted(heard)) or 'nobody yet'}"
            )
        return Audio(who, *heard[who])

    def recording(self, left: str, right: str) -> Audio:
        """Return what two of its phones heard as the channels of one sound: of a bridge, each side of the talk.

        Raises
        ------
        VoxlabError
            For somebody who heard nothing.
        """
        from voxlab.media.sinks import side_by_side

        heard = self._read(self._heard_when, dict)
        missing = next((who for who in (left, right) if who not in heard), None)
        if missing is not None:
            raise VoxlabError(
                f"{missing!r} heard nothing in this call; there is {', '.join(sorted(heard)) or 'nobody'}"
            )
        rate_hz = max(heard[left][2], heard[right][2])
        channels = [(heard[who][0], heard[who][1].heard(rate_hz)) for who in (left, right)]
        return Audio(f"{left} and {right}", side_by_side(channels[0], channels[1], rate_hz), rate_hz)

    def _heard_when(self, record: CallRecord) -> dict[str, tuple[float, Terminal, int]]:
        ends = self._terminals(record)
        return {who: (end.heard_from_s, end, end.best_rate_hz) for who, end in ends if end.heard() is not None}

    def _heard(self, record: CallRecord) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for who, terminal in self._terminals(record):
            rate_hz = terminal.best_rate_hz
            samples = terminal.heard(rate_hz)
            if samples is not None and len(samples):
                found[who] = samples, rate_hz
        return found

    def _terminals(self, record: CallRecord) -> list[tuple[str, Terminal]]:
        """Return the ends of this call that are phones of the lab, each with the phone's title."""
        return [
            (phone.title, terminal)
            for phone in self.lab.phones
            if phone.machine is not None
            for terminal in phone.machine.terminals.values()
            if terminal.call_id in record.call_ids
        ]

    @property
    def digits(self) -> pd.DataFrame:
        """The keys that were heard, a row each: who, when, how long, how loud, and how they came.

        Methods are "rfc4733" (telephone events), "inband" (in the sound) and "info" (told by INFO, so without a
        volume). The cloud hears events and INFO while no other leg takes part in the call; to sound it does not listen.
        """
        from voxlab.analysis import frames

        def read(record: CallRecord) -> list[tuple[Any, ...]]:
            cloud = self.lab.cloud
            ends: list[tuple[str, Terminal | CloudPort]] = [*self._terminals(record)]
            ends += [(cloud.place.owner, port) for port in cloud.ports if port.call_id in record.call_ids]
            heard = [(who, each) for who, end in ends for each in end.digits()]
            heard.sort(key=lambda pair: (pair[1].time_s, pair[0]))
            return [(d.time_s, who, d.key, d.duration_s, d.volume_dbm0, d.method) for who, d in heard]

        rows = self._read(read, list)
        return frames.table(DIGIT_COLUMNS, rows, range(1, len(rows) + 1), "digit", self.lab.journal.epoch_s)

    def _scenario_error(self) -> BaseException | None:
        if self.error is not None:
            return self.error
        record = self._record()
        return self.lab.scenario_error(record.session) if record is not None else None

    def _last_line(self) -> str:
        error = self._scenario_error()
        return f"scenario error: {type(error).__name__}: {error}" if error is not None else ""

    # -- how it looks

    def __repr__(self) -> str:
        return self._closed() or self.ladder().text()

    def _repr_svg_(self) -> str | None:
        return None if self._closed() else self.ladder()._repr_svg_()

    def _closed(self) -> str:
        """Return what to show once the lab and its journal are gone: a repr had better not raise."""
        return f"○ call to {self.dialled or 'somebody'}: its lab is closed" if self.lab.world.closed else ""
