"""G.711: linear samples to companded octets and back, both laws, exact as the ITU's reference code has it (G.191).

RFC 3551 s.4.5.14 is how RTP carries them. Must not know packets.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from voxlab.kernels._jit import Kernel, kernel

Samples = npt.NDArray[np.int16]
Octets = npt.NDArray[np.uint8]
Linear = npt.NDArray[np.int32]

ULAW_SILENCE: Final = 0xFF
ALAW_SILENCE: Final = 0xD5

_ENCODE: Final = "void(Array(int16, 1, 'C', True), uint8[::1])"
_DECODE: Final = "void(Array(uint8, 1, 'C', True), int16[::1])"


def _ulaw_of(linear: Linear) -> Linear:
    """Return the mu-law codes of 16-bit values, by whole-array arithmetic.

    A negative value is made positive by its ones' complement: with an arithmetic shift alone, as some libraries do, 508
    inputs land on the wrong side of a decision value.
    """
    sign = linear >> 31
    magnitude = np.minimum(((linear ^ sign) >> 2) + 33, 0x1FFF)
    segment = np.searchsorted(0x40 << np.arange(7), magnitude, side="right").astype(np.int32)
    code: Linear = ((segment << 4) | ((magnitude >> (segment + 1)) & 0x0F) | (sign & 0x80)) ^ 0xFF
    return code


def _alaw_of(linear: Linear) -> Linear:
    """Return the A-law codes of 16-bit values, by whole-array arithmetic."""
    sign = linear >> 31
    magnitude = (linear ^ sign) >> 4
    segment = np.searchsorted(0x10 << np.arange(7), magnitude, side="right").astype(np.int32)
    mantissa = (magnitude >> np.maximum(segment - 1, 0)) & 0x0F
    return ((segment << 4) | mantissa | (~sign & 0x80)) ^ 0x55


def _linear_of_ulaw(code: Linear) -> Linear:
    inverted = code ^ 0xFF
    magnitude = ((((inverted & 0x0F) << 1) + 33) << ((inverted >> 4) & 7)) - 33
    return np.where(inverted & 0x80, -magnitude, magnitude) * 4


def _linear_of_alaw(code: Linear) -> Linear:
    inverted = code ^ 0x55
    segment = (inverted >> 4) & 7
    step = ((inverted & 0x0F) << 1) + 1
    magnitude = np.where(segment == 0, step, (step + 32) << np.maximum(segment - 1, 0))
    return np.where(inverted & 0x80, magnitude, -magnitude) * 8


@cache
def _encode_table(law: str) -> Octets:
    """Return the codes of all 65,536 inputs, shape (65536,), indexed by the sample's bits read as unsigned."""
    linear = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    return (_ulaw_of(linear) if law == "u" else _alaw_of(linear)).astype(np.uint8)


@cache
def _decode_table(law: str) -> Samples:
    """Return the values of all 256 codes, shape (256,)."""
    code = np.arange(256, dtype=np.int32)
    return (_linear_of_ulaw(code) if law == "u" else _linear_of_alaw(code)).astype(np.int16)


def _ulaw_by_table(samples: Samples, codes: Octets) -> None:
    np.take(_encode_table("u"), samples.view(np.uint16), out=codes)


def _alaw_by_table(samples: Samples, codes: Octets) -> None:
    np.take(_encode_table("A"), samples.view(np.uint16), out=codes)


def _from_ulaw_by_table(codes: Octets, samples: Samples) -> None:
    np.take(_decode_table("u"), codes, out=samples)


def _from_alaw_by_table(codes: Octets, samples: Samples) -> None:
    np.take(_decode_table("A"), codes, out=samples)


# The bodies below have no branch and no table, so that the compiler turns each into vector instructions, and stay in
# 16 bits where they can, so that a vector holds more: hence the casts, without which numba widens to 64. Segment and
# mantissa of a code are what a float32 has as exponent and first bits of its fraction: one shift brings both.

_FRACTION_BITS: Final = np.int32(19)  # of 23 those that fall away behind the four of the mantissa
_ULAW_BIAS: Final = np.int32((127 + 5) << 4)  # segment 0 begins at 2**5, since 33 is added
_ALAW_BIAS: Final = np.int32((127 + 3) << 4)  # segment 1 begins at 2**4
_CLIP: Final = np.int16(0x1FFF)
_LINEAR: Final = np.int16(0x0F)  # up to here A-law's segment 0, where a code is the magnitude itself
_ONE: Final = np.int16(1)


@kernel(_ENCODE, twin=_ulaw_by_table)
def _encode_ulaw(samples: Samples, codes: Octets) -> None:
    for i in range(samples.size):
        linear = samples[i]
        sign = np.int16(linear >> 15)
        magnitude = min(np.int16(np.int16(np.int16(linear ^ sign) >> 2) + 33), _CLIP)
        logarithm = np.int16((np.float32(magnitude).view(np.int32) >> _FRACTION_BITS) - _ULAW_BIAS)
        codes[i] = np.uint8((logarithm | np.int16(sign & 0x80)) ^ 0xFF)


@kernel(_ENCODE, twin=_alaw_by_table)
def _encode_alaw(samples: Samples, codes: Octets) -> None:
    for i in range(samples.size):
        linear = samples[i]
        sign = np.int16(linear >> 15)
        magnitude = np.int16(np.int16(linear ^ sign) >> 4)
        logarithm = np.int16((np.float32(magnitude).view(np.int32) >> _FRACTION_BITS) - _ALAW_BIAS)
        code = max(logarithm, min(magnitude, _LINEAR))
        codes[i] = np.uint8((code | np.int16(~sign & 0x80)) ^ 0x55)


@kernel(_DECODE, twin=_from_ulaw_by_table)
def _decode_ulaw(codes: Octets, samples: Samples) -> None:
    for i in range(codes.size):
        inverted = np.int16(np.int16(codes[i]) ^ 0xFF)
        step = np.int16(np.int16(np.int16(inverted & 0x0F) << 1) + 33)
        magnitude = np.int16(np.int16(step << np.int16(np.int16(inverted >> 4) & 7)) - 33)
        sign = np.int16(-np.int16(inverted >> 7))
        samples[i] = np.int16(np.int16(np.int16(magnitude ^ sign) - sign) << 2)


@kernel(_DECODE, twin=_from_alaw_by_table)
def _decode_alaw(codes: Octets, samples: Samples) -> None:
    for i in range(codes.size):
        inverted = np.int16(np.int16(codes[i]) ^ 0x55)
        segment = np.int16(np.int16(inverted >> 4) & 7)
        companded = min(segment, _ONE)
        step = np.int16(np.int16(np.int16(inverted & 0x0F) << 1) + 1)
        magnitude = np.int16(np.int16(step + np.int16(companded << 5)) << np.int16(np.int16(segment - companded) & 7))
        sign = np.int16(np.int16(inverted >> 7) - 1)
        samples[i] = np.int16(np.int16(np.int16(magnitude ^ sign) - sign) << 3)


def _encode(run: Kernel[[Samples, Octets], None], samples: npt.NDArray[Any]) -> Octets:
    if samples.dtype != np.int16:
        raise TypeError(f"G.711 encodes int16 samples, not {samples.dtype}")
    codes = np.empty(samples.shape, dtype=np.uint8)
    run(np.ascontiguousarray(samples).reshape(-1), codes.reshape(-1))
    return codes


def _decode(run: Kernel[[Octets, Samples], None], codes: npt.NDArray[Any]) -> Samples:
    if codes.dtype != np.uint8:
        raise TypeError(f"G.711 decodes uint8 codes, not {codes.dtype}")
    samples = np.empty(codes.shape, dtype=np.int16)
    run(np.ascontiguousarray(codes).reshape(-1), samples.reshape(-1))
    return samples


def encode_ulaw(samples: Samples) -> Octets:
    """Compress to mu-law.

    Parameters
    ----------
    samples : int16 array, any shape
        Linear PCM, full scale +-32768.

    Returns
    -------
    uint8 array, the same shape
        One code a sample; silence is 0xFF.
    """
    return _encode(_encode_ulaw, samples)


def encode_alaw(samples: Samples) -> Octets:
    """Compress to A-law, even bits inverted as transmitted; shapes and types as in `encode_ulaw`, silence is 0xD5."""
    return _encode(_encode_alaw, samples)


def decode_ulaw(codes: Octets) -> Samples:
    """Expand mu-law.

    Parameters
    ----------
    codes : uint8 array, any shape
        One code a sample.

    Returns
    -------
    int16 array, the same shape
        Linear PCM, at most +-32124; both zeros (0x7F, 0xFF) are 0.
    """
    return _decode(_decode_ulaw, codes)


def decode_alaw(codes: Octets) -> Samples:
    """Expand A-law; shapes and types as in `decode_ulaw`, at most +-32256 and never 0 (the law has no zero)."""
    return _decode(_decode_alaw, codes)
