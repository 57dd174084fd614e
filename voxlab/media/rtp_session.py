"""An RTP session of one participant: a source sent on time, streams received, RTCP both ways (RFC 3550 s.5 and s.6).

Must not know addresses, sockets, SDP or the world it runs in: time and bytes come in, packets and events come out of
``poll``. With ``batch_s`` it hands over columns instead of packets, a tick at a time; the packets are the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from voxlab.base.records import SIMULATED_EPOCH_S
from voxlab.kernels.stream_cells import PLAYOUT_NS
from voxlab.media.batch import PacketBatch
from voxlab.media.codecs import FORMATS, PCMU, Codec, Format
from voxlab.media.errors import MediaError
from voxlab.media.quality import judged
from voxlab.media.receiver import Receiver, Refused
from voxlab.media.rtcp import (
    MAX_COUNT,
    Application,
    ExtendedReport,
    Goodbye,
    ReceiverReport,
    ReportBlock,
    RtcpPacket,
    SenderReport,
    SourceDescription,
    pack_compound,
    parse_compound,
)
from voxlab.media.rtcp_xr import VoipMetrics, metrics_of
from voxlab.media.rtp import is_rtcp, parse
from voxlab.media.rtp_events import (
    ApplicationArrived,
    MetricsArrived,
    Output,
    ReportArrived,
    SourceFinished,
    SsrcChanged,
    StreamEnded,
    StreamStarted,
    TransmitBatch,
    TransmitRtcp,
    TransmitRtp,
)
from voxlab.media.sender import Sender
from voxlab.media.silence import Suppression
from voxlab.media.sources import Source
from voxlab.media.stream import ReceivedStream, StreamStatistics
from voxlab.media.telephone_event import HeardDigit, frames_of_digits

NS: Final = 1_000_000_000
NTP_EPOCH_S: Final = 2_208_988_800
"""Seconds from 1900 to 1970."""
SETTLE: Final = 0.75
"""Batches and reports leave so much of a frame after their last packet: by then it has gone all of a short path.

It arrives with the others, instead of alone a moment later: half as many batches.
"""


class RtpSession:
    """One participant of an RTP session.

    Parameters
    ----------
    ssrc, first_sequence, first_timestamp : int
        32, 16 and 32 bits, drawn at random by the caller (s.5.1).
    cname : str
        Canonical name in SDES, such as "alice@198.51.100.7".
    codec : Codec
        What is sent, under the payload type that was agreed on.
    formats : iterable of Format, optional
        What is taken, ``codec`` always; PCMU, PCMA and telephone-event when absent.
    ptime_s : float
        Sound in a packet.
    batch_s : float, optional
        Hand over `TransmitBatch` every so often (the first packet at once) instead of a `TransmitRtp` each ``ptime_s``.
    record_s : float
        How much of the sound received is kept for `heard`.
    rtcp_interval_s : float
        Fixed, not drawn around s.6.3.1's minimum of 5 s: a session here has two members, who need no protection from
        synchrony.
    epoch_s : float
        Unix time of the instant 0 of ``now``, for the NTP timestamps.
    events : Format, optional
        Under which payload type the peer takes telephone events, on the codec's clock.
    xr : bool
        Whether each report says how the peer is heard, in a VoIP metrics block: what the peer asked for in SDP.
    spare_ssrc : int, optional
        Drawn by the caller for the case that somebody else has our SSRC; without one there is no change of it.
    suppression : Suppression, optional
        How to fall silent while a source is silent.
    """

    def __init__(
        self,
        *,
        ssrc: int,
        first_sequence: int,
        first_timestamp: int,
        cname: str,
        codec: Codec = PCMU,
        formats: Iterable[Format] = FORMATS,
        ptime_s: float = 0.02,
        batch_s: float | None = None,
        record_s: float = 0.0,
        rtcp_interval_s: float = 5.0,
        epoch_s: float = SIMULATED_EPOCH_S,
        events: Format | None = None,
        xr: bool = False,
        spare_ssrc: int | None = None,
        suppression: Suppression | None = None,
    ) -> None:
        self.ssrc = ssrc
        self.cname = cname
        self.round_trip_s: float | None = None
        self.remote_report: ReportBlock | None = None
        self.remote_metrics: VoipMetrics | None = None
        self._xr = xr
        self._spare_ssrc = spare_ssrc
        self._sender = Sender(
            ssrc=ssrc,
            first_sequence=first_sequence,
            first_timestamp=first_timestamp,
            codec=codec,
            ptime_s=ptime_s,
            events=events,
            suppression=suppression,
        )
        self._receiver = Receiver([*formats, codec], record_s=record_s, own_ssrc=ssrc)
        self._batch_s = batch_s
        self._frames_per_batch = None if batch_s is None else max(1, round(batch_s / ptime_s))
        self._interval_ns = round(rtcp_interval_s * NS)
        self._epoch_ns = round(epoch_s * NS)
        self._rtcp_ns: int | None = None
        self._tick_ns = 0
        self._settle_ns = 0 if batch_s is None else round(ptime_s * NS * SETTLE)
        self._finish_ns: int | None = None
        self._sent_before = [0, 0]
        self._outputs: list[Output] = []

    # commands

    @property
    def sender(self) -> Sender:
        """What makes the packets."""
        return self._sender

    def send_by(self, sender: Sender) -> None:
        """Send by another sender of the same numbers from now on; nothing may have been sent yet."""
        self._sender = sender

    def start(self, now: float) -> None:
        """Begin to report; `play` and `send_frame` do so too."""
        if self._rtcp_ns is None:
            self._rtcp_ns = round(now * NS) + self._interval_ns + self._settle_ns

    def speak(
        self,
        codec: Codec,
        formats: Iterable[Format],
        now: float,
        *,
        ptime_s: float = 0.02,
        events: Format | None = None,
        suppression: Suppression | None = None,
    ) -> None:
        """Go on with what was agreed anew; what was playing has to be played again. Arguments as in the constructor."""
        self._receiver.take_formats([*formats, codec])
        sender = self._sender
        before = sender.codec, sender.ptime_s, sender.events, _noise(sender.suppression)
        after = codec, ptime_s, events, _noise(suppression)
        if [_essence(each) for each in before] != [_essence(each) for each in after]:
            self.pause(now)
            sender.change_codec(codec, ptime_s, events, suppression)
            self._frames_per_batch = None if self._batch_s is None else max(1, round(self._batch_s / ptime_s))

    def play(self, source: Source, now: float) -> None:
        """Send a source from its beginning, in place of the one before; the first packet is due now."""
        self.start(now)
        now_ns = round(now * NS)
        self._flush(now_ns - 1)
        self._sender.play(source, now_ns)
        self._finish_ns = self._sender.finish_ns
        self._tick_ns = self._sender.next_ns or 0

    def pause(self, now: float) -> None:
        """Send nothing until the next `play`; what was due before is sent."""
        self._flush(round(now * NS) - 1)
        self._sender.pause()
        self._finish_ns = None

    def send_digits(self, digits: str, now: float, **options: Any) -> None:
        """Press keys one after the other as telephone events, sound waiting meanwhile (RFC 4733).

        Parameters
        ----------
        digits : str
            Of ``0123456789*#ABCD`` and the comma, a pause of a second.
        now : float
        options
            ``tone_s``, ``pause_s`` and ``volume_dbm0`` of `frames_of_digits`.

        Raises
        ------
        ValueError
            They cannot be dialled, or no payload type was agreed on for events.
        """
        sender = self._sender
        if sender.events is None:
            raise ValueError("the other side takes no telephone events in this call (no telephone-event in its SDP)")
        self.start(now)
        now_ns = round(now * NS)
        self._flush(now_ns - 1)
        first = sender.next_free_frame(now_ns)
        sender.press(dict(frames_of_digits(digits, first, sender.frame_samples, sender.ptime_s, **options)))
        self._tick_ns = min(self._tick_ns or now_ns, sender.next_ns or now_ns)

    def send_frame(self, payload: bytes, now: float, *, payload_type: int | None = None) -> None:
        """Send one packet with a payload of the caller's, such as a mixer's."""
        self.start(now)
        self._outputs.append(TransmitRtp(self._sender.frame(payload, round(now * NS), payload_type=payload_type)))

    def send_application(self, name: str, data: bytes, now: float, subtype: int = 0) -> None:
        """Send an APP packet in a compound of its own; ``name`` has four ASCII characters, ``data`` whole words."""
        self._send_rtcp(round(now * NS), Application(subtype, self.ssrc, name, data))

    def stop(self, now: float, reason: str = "") -> None:
        """Say goodbye (s.6.6) and stop sending; packets that still come are counted."""
        self.pause(now)
        if self._rtcp_ns is not None:
            self._send_rtcp(round(now * NS), Goodbye((self.ssrc,), reason))
            self._rtcp_ns = None

    # the four verbs

    def receive(self, data: bytes, now: float) -> None:
        """Take a datagram, RTP or RTCP; what is neither is counted in ``refused`` and never raises."""
        try:
            if is_rtcp(data):
                self._receive_rtcp(parse_compound(data), now)
            else:
                packet = parse(data)
                if packet.ssrc == self.ssrc:
                    self._collide(round(now * NS))
                self._began(self._receiver.receive(packet, round(now * NS)))
        except MediaError:
            self._receiver.refused.malformed += 1

    def receive_batch(self, batch: PacketBatch) -> None:
        """Take packets as columns, in order of arrival (``batch.time_ns``); the same as `receive` for each."""
        if batch.ssrc == self.ssrc:
            self._collide(int(batch.time_ns[0]))
        self._began(self._receiver.receive_batch(batch))

    def next_timeout(self) -> float | None:
        """Return when to call `handle_timeout`; None if nothing is due ever."""
        due = [each for each in (self._media_ns(), self._finish_ns, self._rtcp_ns) if each is not None]
        return min(due) / NS if due else None

    def handle_timeout(self, now: float) -> None:
        """Send what is due now or before: media first, so that a report counts it."""
        now_ns = round(now * NS)
        self._flush(now_ns)
        if self._rtcp_ns is not None and now_ns >= self._rtcp_ns:
            self._send_rtcp(now_ns)
            missed = (now_ns - self._rtcp_ns) // self._interval_ns
            self._rtcp_ns += (missed + 1) * self._interval_ns

    def poll(self) -> list[Output]:
        """Return what came up since the last call, in order."""
        outputs, self._outputs = self._outputs, []
        return outputs

    # what is known

    @property
    def sent_packets(self) -> int:
        """RTP packets sent."""
        return self._sender.packets

    @property
    def sent_octets(self) -> int:
        """Their payload octets."""
        return self._sender.octets

    @property
    def refused(self) -> Refused:
        """Packets counted and dropped."""
        return self._receiver.refused

    def statistics(self) -> list[StreamStatistics]:
        """Return a snapshot of each received stream, in the order in which they began."""
        return self._receiver.statistics()

    @property
    def best_rate_hz(self) -> int:
        """The highest sample rate of what was received, 8000 at least."""
        return self._receiver.best_rate_hz

    def heard(self, rate_hz: int = 8000) -> npt.NDArray[np.int16]:
        """Return the sound received: int16 array, shape (n,); empty unless ``record_s`` was given."""
        return self._receiver.heard(rate_hz)

    @property
    def heard_from_s(self) -> float:
        """When the first packet of the sound in `heard` came."""
        return self._receiver.heard_from_ns / NS

    def digits(self) -> list[HeardDigit]:
        """Return the keys that came as telephone events, in order (RFC 4733)."""
        return sorted(
            (each for stream in self._receiver.streams.values() for each in stream.events.heard),
            key=lambda digit: digit.time_s,
        )

    # within

    def _media_ns(self) -> int | None:
        due = self._sender.next_ns
        return due if due is None or self._frames_per_batch is None else max(due, self._tick_ns)

    def _flush(self, now_ns: int) -> None:
        """Hand over the media that is due."""
        if self._frames_per_batch is None:
            self._outputs += map(TransmitRtp, self._sender.take_packets(now_ns))
        elif self._sender.frames_due(now_ns):
            self._outputs += map(TransmitBatch, self._sender.take_batches(now_ns))
            later_ns = (self._frames_per_batch - 1) * self._sender.frame_ns + self._settle_ns
            self._tick_ns = (self._sender.next_ns or 0) + later_ns
        if self._finish_ns is not None and now_ns >= self._finish_ns:
            self._outputs.append(SourceFinished(self._finish_ns / NS))
            self._finish_ns = None

    def _began(self, stream: ReceivedStream | None) -> None:
        if stream:
            self._outputs.append(StreamStarted(stream.statistics().first_s, stream.ssrc, stream.media.name))

    def _ntp(self, now_ns: int) -> int:
        """Return 64 bits: seconds since 1900 and their fraction (s.4)."""
        return (((self._epoch_ns + now_ns + NTP_EPOCH_S * NS) << 32) // NS) & 0xFFFFFFFFFFFFFFFF

    def _collide(self, now_ns: int) -> None:
        """Leave our SSRC to whoever else uses it, once: a second time it is rather a loop of our own (s.8.2)."""
        if self._spare_ssrc is None or self._spare_ssrc == self.ssrc:
            return
        before, after, self._spare_ssrc = self.ssrc, self._spare_ssrc, None
        self._send_rtcp(now_ns, Goodbye((before,), "SSRC collision"))
        self.ssrc = after
        self._sender.change_ssrc(after)
        self._receiver.change_own_ssrc(after)
        self._sent_before = [0, 0]
        self.remote_report = None
        self._outputs.append(SsrcChanged(now_ns / NS, before, after))

    def _send_rtcp(self, now_ns: int, last: Goodbye | Application | None = None) -> None:
        """Send an SR if RTP went out since the report before the last one (s.6.4), else an RR, and SDES.

        BYE at the end.
        """
        reports = tuple(
            stream.report(now_ns)
            for stream in list(self._receiver.streams.values())[:MAX_COUNT]
            if stream.ended_s is None
        )
        sent = self._sender.packets
        report: RtcpPacket = ReceiverReport(self.ssrc, reports)
        if sent > self._sent_before[0]:
            rtp_timestamp = self._sender.timestamp_at(now_ns)
            report = SenderReport(
                self.ssrc,
                self._ntp(now_ns),
                rtp_timestamp,
                sent & 0xFFFFFFFF,
                self._sender.octets & 0xFFFFFFFF,
                reports,
            )
        self._sent_before = [self._sent_before[1], sent]
        packets = [report, SourceDescription.of(self.ssrc, self.cname), *self._metrics(), *([last] if last else [])]
        self._outputs.append(TransmitRtcp(pack_compound(packets)))

    def _metrics(self) -> list[ExtendedReport]:
        """Return how the streams that come are heard, if the peer asked for it."""
        heard = [] if not self._xr else [each for each in self._receiver.streams.values() if each.ended_s is None]
        blocks = []
        for statistics in (each.statistics() for each in heard[:MAX_COUNT]):
            delay_s = (self.round_trip_s or 0.0) / 2.0 + PLAYOUT_NS / NS + statistics.packet_s
            rated = judged(statistics), judged(statistics, delay_s=delay_s)
            blocks.append(metrics_of(statistics, rated[0], self.round_trip_s, rated[1]))
        return [ExtendedReport(self.ssrc, tuple(blocks))] if blocks else []

    def _receive_rtcp(self, packets: tuple[RtcpPacket, ...], now: float) -> None:
        for packet in packets:
            match packet:
                case SenderReport():
                    if stream := self._receiver.streams.get(packet.ssrc):
                        stream.sender_report(packet.ntp, round(now * NS))
                    self._take_reports(packet.ssrc, packet.reports, now)
                case ReceiverReport():
                    self._take_reports(packet.ssrc, packet.reports, now)
                case Goodbye():
                    self._take_goodbye(packet, now)
                case ExtendedReport():
                    self._take_metrics(packet, now)
                case Application():
                    self._outputs.append(ApplicationArrived(now, packet))

    def _take_reports(self, reporter: int, reports: tuple[ReportBlock, ...], now: float) -> None:
        for report in reports:
            if report.ssrc == self.ssrc:
                self.remote_report = report
                if report.last_sr:
                    middle = self._ntp(round(now * NS)) >> 16
                    passed = (middle - report.last_sr - report.delay_since_last_sr) & 0xFFFFFFFF
                    self.round_trip_s = passed / 65536 if passed < 1 << 31 else 0.0  # rounding can make it negative
                self._outputs.append(ReportArrived(now, reporter, report, self.round_trip_s))

    def _take_metrics(self, packet: ExtendedReport, now: float) -> None:
        for block in packet.blocks:
            if isinstance(block, VoipMetrics) and block.ssrc == self.ssrc:
                self.remote_metrics = block
                self._outputs.append(MetricsArrived(now, packet.ssrc, block))

    def _take_goodbye(self, packet: Goodbye, now: float) -> None:
        for ssrc in packet.ssrcs:
            stream = self._receiver.streams.get(ssrc)
            if stream and stream.ended_s is None:
                stream.ended_s = now
                self._outputs.append(StreamEnded(now, ssrc, packet.reason))


def _noise(suppression: Suppression | None) -> Format | float | None:
    """Return what tells two ways of falling silent apart."""
    return None if suppression is None else suppression.noise or suppression.update_s


def _essence(thing: Format | float | None) -> object:
    """Return what tells two formats apart; they are made anew for each negotiation."""
    return (thing.name, thing.payload_type, thing.clock_rate_hz) if isinstance(thing, Format) else thing
