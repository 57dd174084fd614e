"""One received RTP stream.

Its statistics, its share of RTCP reports, and its sound if recorded (RFC 3550 s.6.4.1, A.1, A.3, A.8).

Must not know addresses or the session that it belongs to.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from voxlab.kernels import stream_cells as cell
from voxlab.kernels.bursts import NO_BURSTS, Bursts, bursts
from voxlab.kernels.stream_statistics import StreamState
from voxlab.media.batch import PacketBatch
from voxlab.media.codecs import Codec, Format
from voxlab.media.errors import MediaError
from voxlab.media.history import History
from voxlab.media.rtcp import LOST_MAX, LOST_MIN, ReportBlock
from voxlab.media.rtp import RtpPacket
from voxlab.media.sinks import AudioSink
from voxlab.media.telephone_event import EventReceiver

NS: Final = 1_000_000_000


@dataclass(frozen=True)
class StreamStatistics:
    """What became of one stream, seen where it was received.

    Attributes
    ----------
    ssrc : int
    payload_type : int
        Of the last packet that carried sound.
    codec : str
    clock_rate_hz : int
    packets : int
        Valid packets that came, duplicates among them.
    octets : int
        Of all payloads that came, discarded ones too.
    expected : int
        Numbers between the lowest and the highest that came, over all segments.
    lost : int
        Expected numbers that never came; duplicates do not hide them.
    duplicates, reordered : int
        Packets that came again; packets that came after a higher number.
    discarded : int
        Packets whose number jumped and was not confirmed by a successor (A.1).
    restarts : int
        Jumps that were confirmed; each began a new segment.
    gaps : int
        Times that numbers were skipped in order of arrival.
    rfc3550_lost : int
        A.3's ``expected - received`` since the last restart: duplicates count against losses, so it may be negative.
    first_s, last_s : float
        Arrival of the first and the last packet.
    max_delta_ms : float
        Longest time between two packets.
    jitter_ms, mean_jitter_ms, max_jitter_ms : float
        A.8's estimate: the latest, the mean and the maximum over the packets after the first.
    late : int
        Packets that came too late to be played: more than 60 ms behind the place that the first packet of their
        talkspurt set. After five in a row that buffer has run dry and fills anew. They are not among the lost.
    bursts : Bursts
        How what was lost or late lies.
    mean_delay_s : float or None
        One way, from the sender's clock to the receiver's; None where the two cannot be compared.
    history : bytes
        How it went, second by second, as `media.history` packs it.
    step_s : float
        The least that the timestamp moved from one packet of sound to the next; 0 where that is not known.
    """

    ssrc: int
    payload_type: int
    codec: str
    clock_rate_hz: int
    packets: int
    octets: int
    expected: int
    lost: int
    duplicates: int
    reordered: int
    discarded: int
    restarts: int
    gaps: int
    rfc3550_lost: int
    first_s: float
    last_s: float
    max_delta_ms: float
    jitter_ms: float
    mean_jitter_ms: float
    max_jitter_ms: float
    late: int = 0
    bursts: Bursts = NO_BURSTS
    mean_delay_s: float | None = field(default=None, compare=False)
    history: bytes = field(default=b"", compare=False, repr=False)
    step_s: float = 0.0

    @property
    def packet_s(self) -> float:
        """Sound in a packet: what timestamps advance by, which a pause does not stretch; else the mean time between
        packets, 0 before the second one.
        """
        return self.step_s or (self.duration_s / (self.expected - 1) if self.expected > 1 else 0.0)

    @property
    def unheard(self) -> float:
        """Lost or late as a fraction of expected, 0 to 1: what a listener missed."""
        return (self.lost + self.late) / self.expected if self.expected else 0.0

    @property
    def loss(self) -> float:
        """Lost as a fraction of expected, 0 to 1."""
        return self.lost / self.expected if self.expected else 0.0

    @property
    def burst_ratio(self) -> float:
        """BurstR of the E-model: mean burst of losses over the mean under random loss, at least 1.

        Exact where nothing was reordered.
        """
        return max(1.0, self.lost / self.gaps * (1.0 - self.loss)) if self.gaps else 1.0

    @property
    def duration_s(self) -> float:
        """From the first packet to the last."""
        return self.last_s - self.first_s


class ReceivedStream:
    """State of one stream while it comes.

    Parameters
    ----------
    ssrc : int
    media : Format
        Of its first packet.
    sink : AudioSink, optional
        Where its sound goes.
    """

    def __init__(self, ssrc: int, media: Format, sink: AudioSink | None = None) -> None:
        self.ssrc = ssrc
        self.media = media
        self.sink = sink
        self.events = EventReceiver()
        self.ended_s: float | None = None
        self._state = StreamState()
        self._octets = 0
        self._reported_expected = 0
        self._reported_received = 0
        self._sender_ntp = 0
        self._sender_ns = 0
        self._delay_ns = 0
        self._delayed = 0
        self._history = History()
        self._step: int | None = None
        self._numbers = (-1, 0)

    def receive(self, packet: RtpPacket, media: Format, now_ns: int) -> None:
        """Take one packet whose payload type stands for ``media``."""
        self._note(media, len(packet.payload))
        numbers = now_ns, packet.sequence, packet.timestamp
        begins = packet.marker and media.marks_talkspurts
        fresh = self._state.add(*numbers, media.clock_rate_hz, media.tells_time, begins)
        if fresh and media.name == "telephone-event":
            self._press(packet.payload, packet.timestamp, media, now_ns)
        if isinstance(media, Codec):
            self._step_to(packet.sequence, packet.timestamp)
        self._remember(now_ns)
        if fresh and self.sink and _sounds(media):
            self.sink.write(now_ns, packet.timestamp, packet.payload, media)

    def receive_batch(self, batch: PacketBatch, media: Format) -> None:
        """Take packets in order of arrival; the same as `receive` for each.

        What is not a clean run goes by the second, so that its history has points.
        """
        while not _is_even(batch):
            first, batch = batch.split(int(batch.time_ns[0]) + NS)
            if not batch.packets:
                batch = first
                break
            self._take_batch(first, media)
        self._take_batch(batch, media)

    def _take_batch(self, batch: PacketBatch, media: Format) -> None:
        self._note(media, batch.payload.size)
        columns = batch.time_ns, batch.sequence, batch.timestamp
        begins = batch.marker if media.marks_talkspurts else None
        fresh = self._state.add_columns(*columns, media.clock_rate_hz, media.tells_time, begins)
        if batch.sent_ns is not None:
            self._delay_ns += int((batch.time_ns - batch.sent_ns)[fresh].sum())
            self._delayed += int(fresh.sum())
        if media.name == "telephone-event":
            for row in np.flatnonzero(fresh).tolist():
                self._press(batch.payload[row].tobytes(), int(batch.timestamp[row]), media, int(batch.time_ns[row]))
        if isinstance(media, Codec):
            self._step_through(batch)
        self._remember(int(batch.time_ns[-1]))
        if self.sink and _sounds(media):
            kept = batch if fresh.all() else batch.take(fresh)
            self.sink.write_rows(kept.time_ns, kept.timestamp, kept.payload, media)

    def _step_to(self, sequence: int, timestamp: int) -> None:
        """Note by how much a packet moves the media clock, if it follows the one before."""
        before, stamp = self._numbers
        self._numbers = sequence, timestamp
        moved = (timestamp - stamp) & 0xFFFFFFFF
        if sequence == (before + 1) & 0xFFFF and before >= 0 and 0 < moved < (self._step or 1 << 31):
            self._step = moved

    def _step_through(self, batch: PacketBatch) -> None:
        self._step_to(int(batch.sequence[0]), int(batch.timestamp[0]))
        follows = np.diff(batch.sequence) == 1
        moved = np.diff(batch.timestamp)[follows]  # unsigned: it wraps as the wire does
        least = int(moved[moved > 0].min(initial=(1 << 31) - 1))
        if least < (self._step or (1 << 31) - 1):
            self._step = least
        self._numbers = int(batch.sequence[-1]), int(batch.timestamp[-1])

    def _press(self, payload: bytes, timestamp: int, media: Format, now_ns: int) -> None:
        with suppress(MediaError):  # too short to be an event: it counts as a packet and presses no key
            self.events.receive(payload, timestamp, media.clock_rate_hz, now_ns / NS)

    def _remember(self, now_ns: int) -> None:
        state = self._state
        if state.counters[cell.STARTED]:
            self._history.note(now_ns, state.counters, state.estimates[cell.JITTER], (self._delay_ns, self._delayed))

    def _note(self, media: Format, octets: int) -> None:
        self._octets += octets
        if media.is_voice or (media.is_noise and not self.media.is_voice):
            self.media = media

    def sender_report(self, ntp: int, now_ns: int) -> None:
        """Note when the sender's SR came, for the next report block and the sender's round-trip time."""
        self._sender_ntp = ntp >> 16 & 0xFFFFFFFF
        self._sender_ns = now_ns

    def report(self, now_ns: int) -> ReportBlock:
        """Return the report block since the last one; A.3's arithmetic, which counts duplicates as received."""
        counters = self._state.counters
        expected = int(counters[cell.HIGHEST] - counters[cell.BASE] + 1)
        received = int(counters[cell.SEGMENT_RECEIVED])
        if expected < self._reported_expected or received < self._reported_received:  # restarted since
            self._reported_expected = self._reported_received = 0
        due, came = expected - self._reported_expected, received - self._reported_received
        self._reported_expected, self._reported_received = expected, received
        return ReportBlock(
            ssrc=self.ssrc,
            fraction_lost=min(255, max(0, due - came) * 256 // due) if due else 0,
            cumulative_lost=min(LOST_MAX, max(LOST_MIN, expected - received)),
            highest_sequence=int(counters[cell.HIGHEST]) & 0xFFFFFFFF,
            jitter=min(int(self._state.estimates[cell.JITTER]), 0xFFFFFFFF),
            last_sr=self._sender_ntp,
            delay_since_last_sr=min(max(0, now_ns - self._sender_ns) * 65536 // NS, 0xFFFFFFFF)
            if self._sender_ntp
            else 0,
        )

    def statistics(self) -> StreamStatistics:
        """Return a snapshot."""
        counters = [int(each) for each in self._state.counters]
        rate_hz = counters[cell.CLOCK_RATE] or self.media.clock_rate_hz
        jitter, total, highest = (float(each) * 1000.0 / rate_hz for each in self._state.estimates)
        expected = counters[cell.EXPECTED_BEFORE] + counters[cell.HIGHEST] - counters[cell.LOWEST] + 1
        return StreamStatistics(
            ssrc=self.ssrc,
            payload_type=self.media.payload_type,
            codec=self.media.name,
            clock_rate_hz=self.media.clock_rate_hz,
            packets=counters[cell.RECEIVED],
            octets=self._octets,
            expected=expected,
            lost=expected - (counters[cell.RECEIVED] - counters[cell.DUPLICATES]),
            duplicates=counters[cell.DUPLICATES],
            reordered=counters[cell.REORDERED],
            discarded=counters[cell.DISCARDED],
            restarts=counters[cell.RESTARTS],
            gaps=counters[cell.GAPS],
            rfc3550_lost=counters[cell.HIGHEST] - counters[cell.BASE] + 1 - counters[cell.SEGMENT_RECEIVED],
            first_s=counters[cell.FIRST_NS] / NS,
            last_s=counters[cell.LAST_NS] / NS,
            max_delta_ms=counters[cell.MAX_DELTA_NS] / 1e6,
            jitter_ms=jitter,
            mean_jitter_ms=total / counters[cell.JITTER_SAMPLES] if counters[cell.JITTER_SAMPLES] else 0.0,
            max_jitter_ms=highest,
            late=counters[cell.LATE],
            bursts=bursts(counters, self._state.window),
            mean_delay_s=self._delay_ns / self._delayed / NS if self._delayed else None,
            history=self._history.packed(),
            step_s=(self._step or 0) / self.media.clock_rate_hz,
        )


def _sounds(media: Format) -> bool:
    """Whether a sink has use for it."""
    return isinstance(media, Codec) or media.is_noise


def _is_even(batch: PacketBatch) -> bool:
    """Tell by its ends whether nothing of a batch seems to be missing or held up; a short one counts as even."""
    last = batch.packets - 1
    spans_ns = int(batch.time_ns[last] - batch.time_ns[0])
    if spans_ns <= NS:
        return True
    numbers = (int(batch.sequence[last]) - int(batch.sequence[0])) & 0xFFFF
    sent = batch.sent_ns
    return numbers == last and sent is not None and int(sent[last] - sent[0]) == spans_ns
