"""G.722 and Opus, a frame at a time, by the libraries that have them (RFC 3551 s.4.5.2; RFC 6716, RFC 7587).

What a peer sends may be anything: a payload that the library refuses is no sound, not an error. Must not know packets.
"""

from __future__ import annotations

import importlib
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from voxlab.base.errors import VoxlabError

Samples = npt.NDArray[np.int16]

G722_RATE_HZ: Final = 16_000
G722_BIT_RATE: Final = 64_000
OPUS_RATE_HZ: Final = 48_000
OPUS_BIT_RATE: Final = 32_000
OPUS_LOSS_PERCENT: Final = 10
"""What the encoder is told to expect: above 0 it spends bits on forward error correction."""
_LARGEST_FRAME: Final = OPUS_RATE_HZ * 120 // 1000  # RFC 6716 s.2.1.4
_PLC_STEP: Final = OPUS_RATE_HZ * 25 // 10_000  # concealment comes in multiples of 2.5 ms


class CodecUnavailable(VoxlabError):
    """The library of a codec is not installed."""


def _library(module: str, codec: str, package: str) -> Any:
    try:
        return importlib.import_module(module)
    except (ImportError, OSError) as error:
        raise CodecUnavailable(f"{codec} needs the package {package}: pip install {package} ({error})") from error


def available(codec: str) -> bool:
    """Tell whether the library of a codec ("G722", "opus") is there."""
    try:
        _library(*_LIBRARIES[codec.lower()])
    except CodecUnavailable:
        return False
    return True


_LIBRARIES: Final = {
    "g722": ("G722", "G.722", "G722"),
    "opus": ("opuslib_next.classes", "Opus", "opuslib-next-bundled"),
}


class G722Encoder:
    """64 kbit/s: 16,000 samples become 8000 octets a second."""

    def __init__(self) -> None:
        self._state = _library(*_LIBRARIES["g722"]).G722(G722_RATE_HZ, G722_BIT_RATE)

    def frame(self, samples: Samples) -> bytes:
        """Return one frame; an even number of samples."""
        return bytes(self._state.encode(np.ascontiguousarray(samples)))


class G722Decoder:
    """The way back; a gap is silence, after which the predictors need some milliseconds to agree again."""

    def __init__(self) -> None:
        self._state = _library(*_LIBRARIES["g722"]).G722(G722_RATE_HZ, G722_BIT_RATE)

    def frame(self, payload: bytes) -> Samples:
        """Return two samples an octet."""
        return np.array(self._state.decode(payload), dtype=np.int16)

    def conceal(self, count: int, _following: bytes | None = None) -> Samples:
        """Return silence."""
        return np.zeros(count, np.int16)


class OpusEncoder:
    """One channel at a constant bit rate, with forward error correction.

    The rate is constant because the sizes of frames of a variable one tell what is said, encrypted or not (RFC 6562).
    """

    def __init__(self, ptime_s: float, bit_rate: int = OPUS_BIT_RATE) -> None:
        self._state = _library(*_LIBRARIES["opus"]).Encoder(OPUS_RATE_HZ, 1, "voip")
        self._state.bitrate = bit_rate
        self._state.vbr = 0
        self._state.inband_fec = 1
        self._state.packet_loss_perc = OPUS_LOSS_PERCENT
        self.octets = round(bit_rate * ptime_s / 8)

    def frame(self, samples: Samples) -> bytes:
        """Return one frame of 2.5 to 60 ms."""
        return bytes(self._state.encode(np.ascontiguousarray(samples).tobytes(), len(samples)))


class OpusDecoder:
    """The way back, with the codec's own concealment and its forward error correction."""

    def __init__(self) -> None:
        self._library = _library(*_LIBRARIES["opus"])
        self._state = self._library.Decoder(OPUS_RATE_HZ, 1)

    def frame(self, payload: bytes) -> Samples:
        """Return the samples of one payload, none if it is no Opus."""
        return self._decode(payload, _LARGEST_FRAME, fec=False) if payload else np.zeros(0, np.int16)

    def conceal(self, count: int, following: bytes | None = None) -> Samples:
        """Return what the frame after the missing one says of it, else a continuation of what was heard."""
        whole = max(_PLC_STEP, min(count, _LARGEST_FRAME) // _PLC_STEP * _PLC_STEP)
        made = self._decode(following or b"", whole, fec=following is not None)
        return made[:count] if len(made) >= count else np.pad(made, (0, count - len(made)))

    def _decode(self, payload: bytes, frame_size: int, *, fec: bool) -> Samples:
        try:
            pcm = self._state.decode(payload, frame_size, fec)
        except _library("opuslib_next.exceptions", "Opus", "opuslib-next-bundled").OpusError:
            return np.zeros(0, np.int16)
        return np.frombuffer(pcm, np.int16)
