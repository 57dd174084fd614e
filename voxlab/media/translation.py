"""From what one leg of a bridge sends to what the other takes: other payload types, another codec (RFC 3550 s.7.1).

A translator leaves SSRC and sequence numbers alone, so that losses of one leg stay visible on the other; it moves the
timestamps to the other clock. Must not know addresses, or who the legs are.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from voxlab.media.batch import PacketBatch
from voxlab.media.codecs import Codec, Decoder, Encoder, Format
from voxlab.media.errors import MediaError
from voxlab.media.resampling import StreamResampler
from voxlab.media.rtp import RtpPacket, pack, parse

_DURATION = struct.Struct("!H")
_OPUS_FRAMES_MS = (10.0, 20.0, 40.0, 60.0)


class Renumber(NamedTuple):
    """The same format under another payload type; ``ratio`` is the other clock over this one."""

    payload_type: int
    ratio: float = 1.0


class Transcode(NamedTuple):
    """Another codec."""

    source: Codec
    target: Codec


Route: TypeAlias = Renumber | Transcode | None
"""None: the other leg has nothing for it, so it is dropped and counted."""


def routes(receives: Iterable[Format], sends: Sequence[Format]) -> Mapping[int, Route]:
    """Return what is to become of each payload type that differs; empty where all may pass as it is.

    Parameters
    ----------
    receives : iterable of Format
        What comes, under the numbers that we told the one leg.
    sends : sequence of Format
        What the other leg takes, the preferred first.
    """
    found = {each.payload_type: _route(each, sends) for each in receives}
    return {kind: route for kind, route in found.items() if route != Renumber(kind)}


def _route(media: Format, sends: Sequence[Format]) -> Route:
    alike = [each for each in sends if each.name.lower() == media.name.lower()]
    same = next((each for each in alike if each.clock_rate_hz == media.clock_rate_hz), None)
    if same is not None:
        return Renumber(same.payload_type)
    if media.name == "telephone-event" and alike:
        return Renumber(alike[0].payload_type, alike[0].clock_rate_hz / media.clock_rate_hz)
    target = next((each for each in sends if isinstance(each, Codec)), None)
    return Transcode(media, target) if isinstance(media, Codec) and target is not None else None


def between(
    receives: Sequence[Format], sends: Sequence[Format], before: Translation | None = None
) -> Translation | None:
    """Return what makes packets of the one formats packets of the others, None where all may pass as it is."""
    table = routes(receives, sends)
    return Translation(table, before, (tuple(receives), tuple(sends))) if table else None


class Translation:
    """One direction of a bridge whose legs agreed on different things.

    Parameters
    ----------
    table : mapping of int to Route
        Of `routes`.
    before : Translation or None
        The one that this one takes the place of: after a re-INVITE the clocks of streams go on (RFC 3550 s.5.1).
    formats : pair of tuples of Format
        What comes and what leaves, for whoever makes the same translation elsewhere.

    Attributes
    ----------
    dropped : int
        Packets that the other leg has nothing for, and such as could not be decoded.
    clocks : dict
        By SSRC a timestamp that came, and the one that left in its place: from there on both clocks run.
    """

    def __init__(
        self,
        table: Mapping[int, Route],
        before: Translation | None = None,
        formats: tuple[tuple[Format, ...], tuple[Format, ...]] = ((), ()),
    ) -> None:
        self.dropped = 0
        self.formats = formats
        self._table = table
        self._voices: dict[tuple[int, int], _Voice] = {}
        self.clocks: dict[int, tuple[int, int]] = {} if before is None else dict(before.clocks)

    @property
    def touches(self) -> frozenset[int]:
        """The payload types that do not pass as they are."""
        return frozenset(self._table)

    def packet(self, data: bytes) -> bytes | None:
        """Return one RTP packet as the other leg takes it; None if it is dropped."""
        try:
            packet = parse(data)
        except MediaError:
            return None
        if packet.payload_type not in self._table:
            return data
        made = self._translate(packet)
        if made is None:
            self.dropped += 1
            return None
        return pack(made)

    def batch(self, batch: PacketBatch) -> list[PacketBatch]:
        """Return packets of one stream as the other leg takes them: batches of one payload size each."""
        if batch.payload_type not in self._table:
            return [batch]
        made = [self._translate(batch.packet(row)) for row in range(batch.packets)]
        self.dropped += sum(each is None for each in made)
        found = []
        for size in dict.fromkeys(len(each.payload) for each in made if each is not None):
            rows = np.array([i for i, each in enumerate(made) if each is not None and len(each.payload) == size])
            packets = [each for each in made if each is not None and len(each.payload) == size]
            found.append(_rows(batch, rows, packets))
        return found

    def _translate(self, packet: RtpPacket) -> RtpPacket | None:
        route = self._table[packet.payload_type]
        if route is None:
            return None
        if isinstance(route, Renumber):
            moved = packet._replace(payload_type=route.payload_type)
            return moved if route.ratio == 1.0 else self._on_clock(_scaled_event(moved, route.ratio), route.ratio)
        return self._transcoded(packet, route)

    def _transcoded(self, packet: RtpPacket, route: Transcode) -> RtpPacket | None:
        key = packet.ssrc, packet.payload_type
        voice = self._voices.get(key)
        if voice is None:
            voice = self._voices[key] = _Voice(route)
        payload = voice.frame(packet.payload)
        if payload is None:
            return None
        moved = packet._replace(payload_type=route.target.payload_type, payload=payload)
        return self._on_clock(moved, route.target.clock_rate_hz / route.source.clock_rate_hz)

    def _on_clock(self, packet: RtpPacket, ratio: float) -> RtpPacket:
        came, left = self.clocks.get(packet.ssrc, (packet.timestamp, packet.timestamp))
        elapsed = ((packet.timestamp - came + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
        ticks = round(elapsed * ratio)
        if ticks == elapsed * ratio:  # from here on, unless that would round
            came, left = packet.timestamp, (left + ticks) & 0xFFFFFFFF
            self.clocks[packet.ssrc] = came, left
            return packet._replace(timestamp=left)
        self.clocks.setdefault(packet.ssrc, (came, left))
        return packet._replace(timestamp=(left + ticks) & 0xFFFFFFFF)


class _Voice:
    """The decoder of one stream, the encoder of what is made of it, and the rates between them."""

    def __init__(self, route: Transcode) -> None:
        self._source, self._target = route.source, route.target
        self._decoder: Decoder = route.source.make_decoder()
        self._encoder: Encoder | None = None
        self._resampler = StreamResampler(route.source.sample_rate_hz, route.target.sample_rate_hz)

    def frame(self, payload: bytes) -> bytes | None:
        """Return the other codec's payload; None for what is no frame of this one, or none that the other can hold."""
        samples = self._resampler.frame(self._decoder.frame(payload))
        length_s = len(samples) / self._target.sample_rate_hz
        if not len(samples) or (self._target.name == "opus" and length_s * 1000.0 not in _OPUS_FRAMES_MS):
            return None
        if self._encoder is None:
            self._encoder = self._target.make_encoder(length_s)
        return self._encoder.frame(samples)


def _scaled_event(packet: RtpPacket, ratio: float) -> RtpPacket:
    """Return a telephone event whose duration counts ticks of the other clock (RFC 4733 s.2.3.5)."""
    if len(packet.payload) < 4:
        return packet
    duration = min(0xFFFF, round(_DURATION.unpack_from(packet.payload, 2)[0] * ratio))
    return packet._replace(payload=packet.payload[:2] + _DURATION.pack(duration) + packet.payload[4:])


def _rows(batch: PacketBatch, rows: npt.NDArray[np.intp], packets: list[RtpPacket]) -> PacketBatch:
    payload = np.frombuffer(b"".join(each.payload for each in packets), np.uint8)
    return batch.take(rows)._replace(
        payload_type=packets[0].payload_type,
        timestamp=np.array([each.timestamp for each in packets], np.uint32),
        payload=payload.reshape(len(packets), -1),
    )
