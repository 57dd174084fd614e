"""G.711 one sample at a time, by walking through the segments as the ITU's reference code does (G.191)."""

from __future__ import annotations


def ulaw(sample: int) -> int:
    magnitude = (~sample if sample < 0 else sample) >> 2
    magnitude = min(magnitude + 33, 0x1FFF)
    segment = 0
    while magnitude >> (segment + 6):
        segment += 1
    code = (segment << 4) | (magnitude >> (segment + 1) & 0x0F)
    return ~(code | (0x80 if sample < 0 else 0)) & 0xFF


def alaw(sample: int) -> int:
    magnitude = (~sample if sample < 0 else sample) >> 4
    if magnitude > 15:
        exponent = 1
        while magnitude > 31:
            magnitude >>= 1
            exponent += 1
        magnitude = magnitude - 16 + (exponent << 4)
    return (magnitude | (0 if sample < 0 else 0x80)) ^ 0x55
