"""Media formats by name and payload type, and the codecs among them (RFC 3551 s.4.5 and s.6, RFC 4733, RFC 7587).

A codec makes an `Encoder` and a `Decoder`, a frame at a time; what has no memory (G.711, L16) turns whole arrays too.
G.722 and Opus come from libraries, loaded when first needed. Must not know packets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Protocol, Self

import numpy as np
import numpy.typing as npt

from voxlab.kernels import g711
from voxlab.kernels.quality import G711, Equipment

Samples = npt.NDArray[np.int16]
Octets = npt.NDArray[np.uint8]

VIDEO_CLOCK_HZ: Final = 90_000
UNKNOWN: Final = "unknown"
"""Name of the format of a payload type that was not agreed on."""


class Encoder(Protocol):
    """One stream's way out."""

    def frame(self, samples: Samples) -> bytes:
        """Return the payload of one frame: int16 samples, shape (n,), at the codec's sample rate."""


class Decoder(Protocol):
    """One stream's way in."""

    def frame(self, payload: bytes) -> Samples:
        """Return the samples of one payload: int16, shape (n,); none for a payload that is not of this codec."""

    def conceal(self, count: int, following: bytes | None = None) -> Samples:
        """Return ``count`` samples in the place of a frame that is missing; ``following`` is the one after it.

        Its forward error correction is used where the codec has that.
        """


@dataclass(frozen=True, eq=False)
class Format:
    """A format that a payload type stands for.

    Attributes
    ----------
    name : str
        Encoding name as in a=rtpmap, such as "PCMU".
    payload_type : int
        0 to 127; static for PCMU and PCMA, agreed by SDP for others.
    clock_rate_hz : int
        Of the RTP timestamp.
    """

    name: str
    payload_type: int
    clock_rate_hz: int

    @property
    def rtpmap(self) -> str:
        """The format as SDP writes it, such as ``PCMU/8000``."""
        return f"{self.name}/{self.clock_rate_hz}"

    @property
    def tells_time(self) -> bool:
        """Whether timestamps move with the packets; a telephone event keeps its first one (RFC 4733 s.2.2.1)."""
        return self.name not in ("telephone-event", UNKNOWN)

    @property
    def is_noise(self) -> bool:
        """Whether it is comfort noise (RFC 3389)."""
        return self.name.upper() == "CN"

    @property
    def is_voice(self) -> bool:
        """Whether it is what a stream is there for, rather than what goes with it: no event, no comfort noise."""
        return self.tells_time and not self.is_noise

    @property
    def has_memory(self) -> bool:
        """Whether what a payload means depends on those before it; so it may be with all that we cannot decode."""
        return True

    @property
    def marks_talkspurts(self) -> bool:
        """Whether the marker begins something new; in video, whose clock is 90 kHz (RFC 3551 s.5), it ends a frame."""
        return self.clock_rate_hz != VIDEO_CLOCK_HZ

    def at(self, payload_type: int) -> Self:
        """Return the same format under the payload type that SDP agreed on."""
        return replace(self, payload_type=payload_type)


@dataclass(frozen=True, eq=False)
class Codec(Format):
    """A format that turns samples into octets and back.

    Attributes
    ----------
    sample_rate_hz : int
        Of the samples; the clock's for all but G.722, whose clock says half of it (RFC 3551 s.4.5.2).
    equipment : Equipment or None
        What the E-model needs to know of it (ITU-T G.113); None where that gives no narrowband values.
    make_encoder, make_decoder : callable
        ``make_encoder(ptime_s)`` and ``make_decoder()``; they raise `CodecUnavailable` where the library is missing.
    """

    sample_rate_hz: int
    equipment: Equipment | None
    make_encoder: Callable[[float], Encoder]
    make_decoder: Callable[[], Decoder]


@dataclass(frozen=True, eq=False)
class SampleCodec(Codec):
    """A codec without memory: each sample is so many octets, whatever came before.

    Attributes
    ----------
    encode : callable
        int16 samples, shape (..., n) -> uint8 octets, shape (..., n * width).
    decode : callable
        The way back.
    silence : int
        The octet of silence.
    width : int
        Octets a sample.
    """

    encode: Callable[[Samples], Octets]
    decode: Callable[[Octets], Samples]
    silence: int
    width: int = 1

    @property
    def has_memory(self) -> bool:
        """False: each octet, or each sample, stands for itself."""
        return False


class _Plain:
    """Encoder and decoder of a codec without memory."""

    def __init__(self, encode: Callable[[Samples], Octets], decode: Callable[[Octets], Samples], width: int) -> None:
        self._encode, self._decode, self._width = encode, decode, width

    def frame(self, data: Samples | bytes) -> bytes | Samples:
        if isinstance(data, bytes):
            return self._decode(np.frombuffer(data, np.uint8)[: len(data) // self._width * self._width])
        return self._encode(data).tobytes()

    def conceal(self, count: int, following: bytes | None = None) -> Samples:
        return np.zeros(count, np.int16)


def _sample_codec(
    name: str,
    payload_type: int,
    rate_hz: int,
    encode: Callable[[Samples], Octets],
    decode: Callable[[Octets], Samples],
    silence: int,
    width: int = 1,
) -> SampleCodec:
    def make(_ptime_s: float = 0.0) -> Encoder:
        return _Plain(encode, decode, width)  # type: ignore[return-value]

    def unmake() -> Decoder:
        return _Plain(encode, decode, width)  # type: ignore[return-value]

    functions = make, unmake, encode, decode
    return SampleCodec(name, payload_type, rate_hz, rate_hz, G711, *functions, silence, width)


def _encode_l16(samples: Samples) -> Octets:
    """Return samples as octets in network order (RFC 3551 s.4.5.11)."""
    return np.ascontiguousarray(samples.astype(">i2")).view(np.uint8)


def _decode_l16(octets: Octets) -> Samples:
    whole = octets[: len(octets) // 2 * 2]
    return np.ascontiguousarray(whole).view(">i2").astype(np.int16)


PCMU: Final = _sample_codec("PCMU", 0, 8000, g711.encode_ulaw, g711.decode_ulaw, g711.ULAW_SILENCE)
PCMA: Final = _sample_codec("PCMA", 8, 8000, g711.encode_alaw, g711.decode_alaw, g711.ALAW_SILENCE)
L16: Final = _sample_codec("L16", 96, 8000, _encode_l16, _decode_l16, 0, 2)
L16_WIDE: Final = _sample_codec("L16", 98, 16_000, _encode_l16, _decode_l16, 0, 2)
L16_CD: Final = _sample_codec("L16", 11, 44_100, _encode_l16, _decode_l16, 0, 2)


def _g722_encoder(_ptime_s: float) -> Encoder:
    from voxlab.media.codec_libraries import G722Encoder

    return G722Encoder()


def _g722_decoder() -> Decoder:
    from voxlab.media.codec_libraries import G722Decoder

    return G722Decoder()


def _opus_encoder(ptime_s: float) -> Encoder:
    from voxlab.media.codec_libraries import OpusEncoder

    return OpusEncoder(ptime_s)


def _opus_decoder() -> Decoder:
    from voxlab.media.codec_libraries import OpusDecoder

    return OpusDecoder()


G722: Final = Codec("G722", 9, 8000, 16_000, None, _g722_encoder, _g722_decoder)
OPUS: Final = Codec("opus", 111, 48_000, 48_000, None, _opus_encoder, _opus_decoder)
TELEPHONE_EVENT: Final = Format("telephone-event", 101, 8000)
COMFORT_NOISE: Final = Format("CN", 13, 8000)
FORMATS: Final[tuple[Format, ...]] = (PCMU, PCMA, TELEPHONE_EVENT)
"""What is taken where SDP said nothing."""
KNOWN: Final[tuple[Format, ...]] = (
    PCMU, PCMA, G722, OPUS, L16, L16_WIDE, L16_CD, COMFORT_NOISE, TELEPHONE_EVENT,
    replace(TELEPHONE_EVENT, clock_rate_hz=48_000, payload_type=110),
    replace(TELEPHONE_EVENT, clock_rate_hz=16_000, payload_type=102),
)  # fmt: skip


def find_format(name: str, clock_rate_hz: int = 8000, formats: Iterable[Format] = KNOWN) -> Format | None:
    """Return the format that SDP names, in any case (RFC 4855 s.3), or None if it is not known."""
    return next(
        (each for each in formats if each.name.lower() == name.lower() and each.clock_rate_hz == clock_rate_hz), None
    )


def codec(name: str, payload_type: int | None = None, clock_rate_hz: int | None = None) -> Codec:
    """Return a codec by name, under ``payload_type`` if given; of several clocks, the one given or the lowest.

    Raises
    ------
    ValueError
        The name is of no codec here; the text lists those that are.
    """
    rates = sorted(each.clock_rate_hz for each in KNOWN if each.name.lower() == name.lower())
    found = find_format(name, clock_rate_hz or next(iter(rates), 8000))
    if not isinstance(found, Codec):
        known = ", ".join(dict.fromkeys(each.name for each in KNOWN if isinstance(each, Codec)))
        raise ValueError(f"unknown codec {name!r}; there are {known}")
    return found if payload_type is None else found.at(payload_type)


def by_payload_type(formats: Iterable[Format]) -> Mapping[int, Format]:
    """Index formats by their payload types."""
    return {each.payload_type: each for each in formats}
