"""Incoming RTP, sorted into streams by SSRC (RFC 3550 s.5.1, s.8.2, A.1). Must not know RTCP timing or addresses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voxlab.media.batch import PacketBatch
from voxlab.media.codecs import UNKNOWN, Format, by_payload_type
from voxlab.media.rtp import RtpPacket
from voxlab.media.sinks import AudioSink
from voxlab.media.stream import ReceivedStream, StreamStatistics

NS = 1_000_000_000


@dataclass
class Refused:
    """Packets that were counted and dropped, by the reason.

    Attributes
    ----------
    malformed : int
        Neither RTP nor RTCP by their form.
    unknown_format : int
        Of a payload type that was not agreed on; counted in the stream if that is known, and not heard.
    surplus_stream : int
        Of one more SSRC than a session takes.
    own_ssrc : int
        With our own SSRC: a loop or a collision (s.8.2).
    """

    malformed: int = 0
    unknown_format: int = 0
    surplus_stream: int = 0
    own_ssrc: int = 0


class Receiver:
    """Keeps the streams that come.

    Parameters
    ----------
    formats : iterable of Format
        What SDP agreed to receive, under its payload types.
    record_s : float
        How much of each stream's sound is kept; 0 for none.
    max_streams : int
        SSRCs that are taken; packets of others are counted and dropped.
    own_ssrc : int, optional
        What nobody else should use.
    """

    def __init__(
        self, formats: Iterable[Format], *, record_s: float = 0.0, max_streams: int = 8, own_ssrc: int | None = None
    ) -> None:
        self.streams: dict[int, ReceivedStream] = {}
        self.refused = Refused()
        self._formats = by_payload_type(formats)
        self._record_s = record_s
        self._max_streams = max_streams
        self._own_ssrc = own_ssrc

    def receive(self, packet: RtpPacket, now_ns: int) -> ReceivedStream | None:
        """Take one packet; return its stream if this is the first one of it."""
        known = self.streams.get(packet.ssrc)
        media = self._format_of(packet.payload_type, known, 1)
        if media is None or (known is None and not self._accepts(packet.ssrc, 1)):
            return None
        stream = known or self._open(packet.ssrc, media)
        stream.receive(packet, media, now_ns)
        return None if known else stream

    def receive_batch(self, batch: PacketBatch) -> ReceivedStream | None:
        """Take packets in order of arrival; return their stream if these are the first ones of it."""
        known = self.streams.get(batch.ssrc)
        media = self._format_of(batch.payload_type, known, batch.packets)
        if media is None or not batch.packets or (known is None and not self._accepts(batch.ssrc, batch.packets)):
            return None
        stream = known or self._open(batch.ssrc, media)
        stream.receive_batch(batch, media)
        return None if known else stream

    def _format_of(self, payload_type: int, known: ReceivedStream | None, packets: int) -> Format | None:
        """Return what a payload type stands for.

        In a stream that we know, one that was not agreed on (a telephone event, comfort noise) uses sequence numbers
        all the same: leaving it out would look like loss, so it counts and is not heard.
        """
        media = self._formats.get(payload_type)
        if media is None:
            self.refused.unknown_format += packets
            media = Format(UNKNOWN, payload_type, known.media.clock_rate_hz) if known else None
        return media

    def _accepts(self, ssrc: int, packets: int) -> bool:
        if ssrc == self._own_ssrc:
            self.refused.own_ssrc += packets
        elif len(self.streams) >= self._max_streams:
            self.refused.surplus_stream += packets
        else:
            return True
        return False

    def take_formats(self, formats: Iterable[Format]) -> None:
        """Take other payload types from now on: SDP agreed anew."""
        self._formats = by_payload_type(formats)

    def change_own_ssrc(self, ssrc: int) -> None:
        """Keep another SSRC for ourselves."""
        self._own_ssrc = ssrc

    def _open(self, ssrc: int, media: Format) -> ReceivedStream:
        stream = ReceivedStream(ssrc, media, AudioSink(self._record_s) if self._record_s > 0 else None)
        self.streams[ssrc] = stream
        return stream

    def statistics(self) -> list[StreamStatistics]:
        """Return a snapshot of each stream, in the order in which they began."""
        return [stream.statistics() for stream in self.streams.values()]

    @property
    def best_rate_hz(self) -> int:
        """The highest sample rate of what came, 8000 at least."""
        return max((stream.sink.best_rate_hz for stream in self.streams.values() if stream.sink), default=8000)

    @property
    def heard_from_ns(self) -> int:
        """Arrival of the first packet of the sound kept; 0 without any."""
        sinks = (stream.sink for stream in self.streams.values() if stream.sink)
        return min((sink.first_ns for sink in sinks if sink.first_ns is not None), default=0)

    def heard(self, rate_hz: int = 8000) -> npt.NDArray[np.int16]:
        """Return all sound kept: int16 array, shape (n,), at ``rate_hz``, from the first packet of the first stream on.

        Each stream where it arrived.
        """
        sinks = [stream.sink for stream in self.streams.values() if stream.sink and stream.sink.first_ns is not None]
        if not sinks:
            return np.zeros(0, dtype=np.int16)
        begin = min(sink.first_ns or 0 for sink in sinks)
        laid_out = [((sink.first_ns or 0) - begin, *sink.samples(rate_hz)) for sink in sinks]
        parts = [(after_ns * rate_hz // NS + start, samples) for after_ns, start, samples in laid_out]
        origin = min(at for at, _ in parts)
        heard = np.zeros(max(at - origin + len(samples) for at, samples in parts), dtype=np.int16)
        for at, samples in parts:
            heard[at - origin : at - origin + len(samples)] = samples
        return heard
