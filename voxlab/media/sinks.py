"""What was heard: the packets of one stream laid out by their RTP timestamps, and how loud they are (RFC 3550 s.5.1).

A codec that remembers is decoded in the order of its timestamps, its own concealment in short gaps. Must not know
sequence numbers.

Nothing is laid out or decoded until somebody listens. A gap is filled with the comfort noise that was last described
(RFC 3389), else it is silence. The latest packet for an instant wins.
"""

from __future__ import annotations

import math
import wave
from collections.abc import Iterable, Iterator
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from voxlab.kernels.sequence import TIMESTAMP_BITS, unwrap
from voxlab.kernels.tones import FULL_SCALE, tone_amplitude
from voxlab.media.codecs import Codec, Format, SampleCodec
from voxlab.media.comfort_noise import noise
from voxlab.media.resampling import resample

NS: Final = 1_000_000_000
ANCHOR_TOLERANCE_S: Final = 2.0
"""How far media time may part from arrival time before it counts as a new clock (a restart, one that stood on hold)."""

LONGEST_CONCEALED_S: Final = 0.1
"""What a codec's own concealment fills; a longer gap is silence."""

LONGEST_SUPPRESSED_S: Final = 0.5
"""The same for Opus, whose silence suppression lets 400 ms pass and has its decoder fill them (RFC 6716 s.2.1.9)."""


Piece: TypeAlias = tuple[int, npt.NDArray[np.int16], int]
"""Where it begins, in samples at its own rate; the samples; that rate."""


_Placed: TypeAlias = tuple[int, npt.NDArray[np.uint8], Format]
"""Where octets begin, in ticks since the first packet; a row a packet; what they are."""

_Sound: TypeAlias = tuple[int, npt.NDArray[np.int16]]
"""Where it begins, in samples at the rate asked for; the samples."""


class _Written(NamedTuple):
    """Packets as they came: columns of equal length, payloads of equal size one after the other."""

    time_ns: npt.NDArray[np.int64] | int
    timestamp: npt.NDArray[np.uint32] | int
    payload: npt.NDArray[np.uint8] | bytes
    codec: Format


class AudioSink:
    """Keeps what one stream said, up to a bound.

    Parameters
    ----------
    max_duration_s : float
        How much sound is kept, and how far from the first packet it may lie; packets that came when the sink was full
        are counted in ``beyond_bound``.
    """

    def __init__(self, max_duration_s: float = 600.0) -> None:
        self.max_duration_s = max_duration_s
        self.beyond_bound = 0
        self.first_ns: int | None = None
        self._kept_s = 0.0
        self._written: list[_Written] = []

    def write(self, time_ns: int, timestamp: int, payload: bytes, codec: Format) -> None:
        """Keep one packet.

        Parameters
        ----------
        time_ns : int
            Arrival.
        timestamp : int
            RTP timestamp, 32 bits.
        payload : bytes
        codec : Format
            A codec, or comfort noise.
        """
        if self._has_room(time_ns, 1, len(payload), codec):
            self._written.append(_Written(time_ns, timestamp, payload, codec))

    def write_rows(
        self,
        time_ns: npt.NDArray[np.int64],
        timestamp: npt.NDArray[np.uint32],
        payload: npt.NDArray[np.uint8],
        codec: Format,
    ) -> None:
        """Keep packets; the same as `write` for each, but for where exactly the bound cuts.

        Parameters
        ----------
        time_ns : int64 array, shape (n,)
        timestamp : uint32 array, shape (n,)
        payload : uint8 array, shape (n, octets)
        codec : Format
            A codec, or comfort noise.
        """
        if len(time_ns) and self._has_room(int(time_ns[0]), len(time_ns), payload.size, codec):
            self._written.append(_Written(time_ns, timestamp, payload, codec))

    def _has_room(self, time_ns: int, packets: int, octets: int, codec: Format) -> bool:
        if self.first_ns is None:
            self.first_ns = time_ns
        if self._kept_s >= self.max_duration_s:
            self.beyond_bound += packets
            return False
        ticks = octets // codec.width if isinstance(codec, SampleCodec) else octets
        self._kept_s += ticks / codec.clock_rate_hz if codec.name != "opus" else packets * 0.02
        return True

    @property
    def best_rate_hz(self) -> int:
        """The highest sample rate among the codecs that came, 8000 at least."""
        return max((each.codec.sample_rate_hz for each in self._written if isinstance(each.codec, Codec)), default=8000)

    def samples(self, rate_hz: int = 8000) -> tuple[int, npt.NDArray[np.int16]]:
        """Return what was heard, and where it begins.

        Parameters
        ----------
        rate_hz : int
            Samples a second of the result.

        Returns
        -------
        start : int
            Samples from the first packet's arrival to the first sample; below 0 where that packet was overtaken.
        heard : int16 array, shape (n,)
            Gaps are 0.
        """
        placed = list(self._pieces())
        pieces = [
            (at * rate_hz // of_hz, resample(piece, of_hz, rate_hz))
            for at, piece, of_hz in _joined_up(_decoded(placed))
        ]
        pieces = _with_noise(pieces, placed, rate_hz)
        start = min((at for at, _ in pieces), default=0)
        heard = np.zeros(max((at + len(piece) for at, piece in pieces), default=start) - start, dtype=np.int16)
        for at, piece in pieces:
            heard[at - start : at - start + len(piece)] = piece
        return start, heard

    def _pieces(self) -> Iterator[_Placed]:
        """Yield the runs of octets without a gap, each with its position: ticks since the first packet."""
        anchor: int | None = None
        reference: int | None = None
        for time_ns, timestamp, payload, codec in self._joined():
            bound = int(self.max_duration_s * codec.clock_rate_hz)
            extended = unwrap(timestamp, TIMESTAMP_BITS, reference)
            anchor = int(extended[0]) if anchor is None else anchor
            reference = int(extended[-1])
            elapsed = (time_ns - (self.first_ns or 0)) * codec.clock_rate_hz // NS
            position, anchor = _anchored(extended, elapsed, anchor, ANCHOR_TOLERANCE_S * codec.clock_rate_hz)
            step = payload.shape[1] // codec.width if isinstance(codec, SampleCodec) else 0
            breaks = np.flatnonzero(np.diff(position) != step) + 1
            for first, last in pairwise([0, *breaks.tolist(), len(position)]):
                if abs(int(position[first])) < bound:
                    room = bound - int(position[first])
                    rows = payload[first : last if not step else min(last, first + -(-room // step))]
                    yield int(position[first]), rows, codec

    def _joined(self) -> Iterator[tuple[Any, Any, Any, Format]]:
        """Yield columns: batches as they are, single packets of one codec and size together."""
        for (batch, codec, octets), group in groupby(self._written, _shape):
            if batch:
                yield from group
                continue
            written = list(group)
            rows = np.frombuffer(b"".join(bytes(each.payload) for each in written), dtype=np.uint8)
            time_ns = np.array([each.time_ns for each in written], dtype=np.int64)
            timestamp = np.array([each.timestamp for each in written], dtype=np.uint32)
            yield time_ns, timestamp, rows.reshape(len(written), octets), codec


def _decoded(placed: Iterable[_Placed]) -> Iterator[Piece]:
    """Yield what was said without a gap: where it begins in samples at its own rate, the samples, that rate."""
    voices = ((at, rows, media) for at, rows, media in placed if isinstance(media, Codec))
    for codec, group in groupby(voices, lambda piece: piece[2]):
        if isinstance(codec, SampleCodec):
            for at, rows, _ in group:
                yield at, codec.decode(rows.reshape(-1)), codec.sample_rate_hz
        else:
            frames = [(at, row.tobytes()) for at, rows, _ in group for at, row in _single(at, rows, codec)]
            yield from _decode_in_order(frames, codec)


def _with_noise(pieces: list[_Sound], placed: Iterable[_Placed], rate_hz: int) -> list[_Sound]:
    """Return the pieces, and before each that follows a silence the noise that was described for it.

    Noise lies below: it is put in first, from where its description stands to whatever comes next.
    """
    told = [
        (at * rate_hz // media.clock_rate_hz, row.tobytes())
        for at, rows, media in placed
        if not isinstance(media, Codec)
        for row in rows
    ]
    if not told:
        return pieces
    marks = sorted({at for at, _ in pieces} | {at for at, _ in told})
    made: list[_Sound] = []
    for at, payload in told:
        following = next((mark for mark in marks if mark > at), at)
        made.append((at, noise(payload, following - at, seed=abs(at))))
    return made + pieces


def _single(at: int, rows: npt.NDArray[np.uint8], codec: Codec) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
    """Yield each row of a piece with its place in samples; without a constant step, a piece is one row."""
    for row in rows:
        yield at * codec.sample_rate_hz // codec.clock_rate_hz, row


def _joined_up(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Yield pieces of one rate that follow each other as one, so that a change of rate has no seams between packets."""
    begin, due, rate_hz, parts = 0, 0, 0, list[npt.NDArray[np.int16]]()
    for at, piece, of_hz in pieces:
        if parts and (at, of_hz) != (due, rate_hz):
            yield begin, np.concatenate(parts), rate_hz
            parts = []
        if not parts:
            begin, rate_hz = at, of_hz
        parts.append(piece)
        due = at + len(piece)
    if parts:
        yield begin, np.concatenate(parts), rate_hz


def _decode_in_order(frames: list[tuple[int, bytes]], codec: Codec) -> Iterator[Piece]:
    """Decode one stream of a codec that remembers, from its lowest timestamp on; what comes twice counts once."""
    decoder = codec.make_decoder()
    longest = (LONGEST_SUPPRESSED_S if codec.name == "opus" else LONGEST_CONCEALED_S) * codec.sample_rate_hz
    ordered = sorted(dict(frames).items())
    due, length = ordered[0][0], 0
    for at, payload in ordered:
        missing = at - due
        if length and 0 < missing <= longest:
            for begin in range(due, at, length):
                count = min(length, at - begin)
                last = begin + count == at
                yield begin, decoder.conceal(count, payload if last else None), codec.sample_rate_hz
        piece = decoder.frame(payload)
        yield at, piece, codec.sample_rate_hz
        length = len(piece) or length
        due = at + len(piece)


def _shape(written: _Written) -> tuple[bool, Format, int]:
    payload = written.payload
    return isinstance(payload, np.ndarray), written.codec, 0 if isinstance(payload, np.ndarray) else len(payload)


def _anchored(
    extended: npt.NDArray[np.int64], elapsed: npt.NDArray[np.int64], anchor: int, tolerance: float
) -> tuple[npt.NDArray[np.int64], int]:
    """Return positions by media time; from where that parts from arrival time, the media clock counts as a new one."""
    position = extended - anchor
    at = 0
    while len(parted := np.flatnonzero(np.abs(position[at:] - elapsed[at:]) > tolerance)):
        at += int(parted[0])
        anchor = int(extended[at] - elapsed[at])
        position[at:] = extended[at:] - anchor
    return position, anchor


def level_dbfs(samples: npt.NDArray[np.int16]) -> float:
    """Return how loud a signal is.

    Parameters
    ----------
    samples : int16 array, shape (n,)

    Returns
    -------
    float
        dB against the RMS of a sine that reaches full scale, which is 0 (AES17); minus infinity for digital silence or
        no samples.
    """
    power = float(np.mean(samples.astype(np.float64) ** 2)) if len(samples) else 0.0
    return 10.0 * math.log10(power / (FULL_SCALE**2 / 2.0)) if power else -math.inf


def tone_level_dbfs(samples: npt.NDArray[np.int16], frequency_hz: float, sample_rate_hz: int = 8000) -> float:
    """Return how loud one frequency is in a signal.

    Units as in `level_dbfs`, so a pure tone gives both the same value.
    """
    amplitude = tone_amplitude(samples, frequency_hz, sample_rate_hz)
    return 20.0 * math.log10(amplitude / FULL_SCALE) if amplitude else -math.inf


def write_wav(path: str | Path, samples: npt.NDArray[np.int16], sample_rate_hz: int = 8000) -> None:
    """Write samples (int16 array, shape (n,), or (n, channels) for stereo) to a WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(sample_rate_hz)
        file.writeframes(samples.astype("<i2").tobytes())


def side_by_side(
    left: tuple[float, npt.NDArray[np.int16]], right: tuple[float, npt.NDArray[np.int16]], rate_hz: int = 8000
) -> npt.NDArray[np.int16]:
    """Return two sounds as the channels of one, each where it began.

    Parameters
    ----------
    left, right : (float, int16 array of shape (n,))
        When its first sample sounded, in seconds of one clock, and the samples.
    rate_hz : int

    Returns
    -------
    int16 array, shape (n, 2)
        From the earlier beginning to the later end; silence where one has nothing.
    """
    begin_s = min(start for start, _ in (left, right))
    placed = [(round((start - begin_s) * rate_hz), samples) for start, samples in (left, right)]
    both = np.zeros((max(at + len(samples) for at, samples in placed), 2), np.int16)
    for channel, (at, samples) in enumerate(placed):
        both[at : at + len(samples), channel] = samples
    return both
