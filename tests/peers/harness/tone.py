"""The level of one frequency in a recording, by Goertzel's recurrence. Knows no program."""

from __future__ import annotations

import array
import math
import sys
import wave
from collections.abc import Sequence
from pathlib import Path

FULL_SCALE = 32768.0


def level_dbfs(samples: Sequence[int], rate_hz: int, frequency_hz: float) -> float:
    """Return the sine's amplitude at `frequency_hz` in 16-bit `samples`, in dB of a full-scale sine (-inf: silence)."""
    step = 2.0 * math.pi * frequency_hz / rate_hz
    twice_cos = 2.0 * math.cos(step)
    last, before = 0.0, 0.0
    for sample in samples:
        last, before = sample + twice_cos * last - before, last
    power = last * last + before * before - twice_cos * last * before
    amplitude = 2.0 * math.sqrt(max(power, 0.0)) / max(len(samples), 1)
    return 20.0 * math.log10(amplitude / FULL_SCALE) if amplitude > 0 else -math.inf


def recorded_level_dbfs(recording: Path, frequency_hz: float, window_s: float = 0.5) -> float:
    """Return the median over windows of `level_dbfs` in a mono 16-bit WAV file: one late start decides nothing."""
    samples, rate_hz = read_wav(recording)
    size = int(rate_hz * window_s)
    levels = sorted(
        level_dbfs(samples[start : start + size], rate_hz, frequency_hz)
        for start in range(0, len(samples) - size + 1, size)
    )
    return levels[len(levels) // 2] if levels else -math.inf


def read_wav(path: Path) -> tuple[array.array[int], int]:
    """Return samples and sampling rate (Hz) of a 16-bit WAV file; of two channels (Opus), the first."""
    with wave.open(str(path)) as file:
        if file.getnchannels() > 2 or file.getsampwidth() != 2:
            raise ValueError(
                f"{path.name}: one or two channels of 16 bit expected; has {file.getnchannels()} of "
                f"{file.getsampwidth()} bytes"
            )
        samples = array.array("h", file.readframes(file.getnframes()))
        if sys.byteorder == "big":
            samples.byteswap()
        return samples[:: file.getnchannels()], file.getframerate()
