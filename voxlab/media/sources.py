"""What a session can send: tones, silence, WAV files, arrays and the two speech samples that ship.

Must not know packets or codecs.

A source is samples at 8 kHz and whether they repeat, so what it says at any position is a pure function: no state, no
seam between ticks.
"""

from __future__ import annotations

import math
import wave
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from voxlab.data import sample
from voxlab.kernels import tones
from voxlab.media.resampling import resample

SAMPLE_RATE_HZ: Final = 8000
TONE_LEVEL_DBFS: Final = -13.0
MAX_DURATION_S: Final = 3600.0
MAX_LOOP_SAMPLES: Final = 60 * SAMPLE_RATE_HZ


@dataclass(frozen=True, eq=False)
class Source:
    """Sound to send.

    Attributes
    ----------
    samples : int16 array, shape (n,)
        At 8 kHz; not to be written to.
    loop : bool
        Whether it begins again at its end; silence follows otherwise.
    name : str
        For people.
    finer : callable, optional
        Returns the same sound at the rate asked for, where more of it is known than 8 kHz hold; None for what is not.
    """

    samples: npt.NDArray[np.int16]
    loop: bool = False
    name: str = "samples"
    finer: Callable[[int], npt.NDArray[np.int16] | None] | None = None
    _at: dict[int, npt.NDArray[np.int16]] = field(default_factory=dict, repr=False)

    @property
    def duration_s(self) -> float:
        """How long it sounds; infinite when it loops."""
        return math.inf if self.loop else len(self.samples) / SAMPLE_RATE_HZ

    def looped(self) -> Source:
        """Return the same sound, repeated without end."""
        return replace(self, loop=True, _at={})

    def at(self, sample_rate_hz: int) -> npt.NDArray[np.int16]:
        """Return the samples at another rate, for a codec of more (or fewer) than 8000 a second.

        An int16 array, shape (n * sample_rate_hz / 8000,), worked out once; not to be written to.
        """
        if sample_rate_hz == SAMPLE_RATE_HZ:
            return self.samples
        known = self._at.get(sample_rate_hz)
        if known is None:
            known = self.finer(sample_rate_hz) if self.finer else None
            if known is None:
                whole = np.tile(self.samples, self._rounds(sample_rate_hz))
                known = resample(whole, SAMPLE_RATE_HZ, sample_rate_hz, loop=self.loop)
            self._at[sample_rate_hz] = known
        return known

    def _rounds(self, sample_rate_hz: int) -> int:
        """Return after how many rounds a loop is a whole number of samples at another rate, 1 where that is long."""
        rounds = SAMPLE_RATE_HZ // math.gcd(SAMPLE_RATE_HZ, len(self.samples) * sample_rate_hz)
        return rounds if self.loop and rounds * len(self.samples) <= MAX_LOOP_SAMPLES else 1

    def read(self, start: int, count: int) -> npt.NDArray[np.int16]:
        """Return ``count`` samples from position ``start``.

        An int16 array, shape (count,); silence where there is nothing.
        """
        return window_of(self.samples, start, count, loop=self.loop, silence=0)

    def __repr__(self) -> str:
        return f"Source({self.name}, {'looped' if self.loop else f'{self.duration_s:.2f} s'})"


def window_of(values: npt.NDArray[Any], start: int, count: int, *, loop: bool, silence: int) -> npt.NDArray[Any]:
    """Return ``count`` values from ``start`` on, repeated or followed by ``silence``; a view where possible.

    Parameters
    ----------
    values : array, shape (n,)
    start, count : int
        Not negative.
    """
    end = start + count
    if loop and len(values):
        start %= len(values)
        end = start + count
        if end > len(values):
            return np.tile(values, -(-end // len(values)))[start:end]
    if end <= len(values):
        return values[start:end]
    padded = np.full(count, silence, dtype=values.dtype)
    rest = values[start:]
    padded[: len(rest)] = rest
    return padded


def tone(frequency_hz: float, *, level_dbfs: float = TONE_LEVEL_DBFS) -> Source:
    """Return an endless sine.

    Parameters
    ----------
    frequency_hz : float
        Above 0, below 4000, in steps of 0.1.
    level_dbfs : float
        0 is a sine that reaches full scale.
    """
    return dual_tone(frequency_hz, level_dbfs=level_dbfs)


def dual_tone(*frequencies_hz: float, level_dbfs: float = TONE_LEVEL_DBFS) -> Source:
    """Return an endless sum of sines, each of ``level_dbfs``; frequencies as in `tone`."""
    period = tones.period_samples(frequencies_hz, SAMPLE_RATE_HZ)
    samples = tones.sines(frequencies_hz, level_dbfs, period, sample_rate_hz=SAMPLE_RATE_HZ)

    def finer(rate_hz: int) -> npt.NDArray[np.int16] | None:
        count, rest = divmod(period * rate_hz, SAMPLE_RATE_HZ)
        return None if rest else tones.sines(frequencies_hz, level_dbfs, count, sample_rate_hz=rate_hz)

    return Source(samples, True, " + ".join(f"{each:g} Hz" for each in frequencies_hz), finer)


def silence() -> Source:
    """Return endless digital silence."""
    return Source(np.zeros(1, dtype=np.int16), loop=True, name="silence")


def from_samples(
    samples: npt.ArrayLike, sample_rate_hz: int = SAMPLE_RATE_HZ, *, loop: bool = False, name: str = "samples"
) -> Source:
    """Return a source of given samples.

    Parameters
    ----------
    samples : array_like, shape (n,)
        Integers of 16 bits, or floats from -1 to 1, which are scaled to full scale and clipped.
    sample_rate_hz : int
        8000 or a multiple of it (see `resampled`).
    loop : bool
    name : str

    Raises
    ------
    ValueError
        Not one channel, longer than an hour, another rate, or values that are no samples.
    """
    values = np.asarray(samples)
    if values.ndim != 1 or not values.size:
        raise ValueError(f"a source takes one channel with at least one sample, not shape {values.shape}")
    if values.size > MAX_DURATION_S * sample_rate_hz:
        raise ValueError(
            f"a source lasts at most {MAX_DURATION_S:.0f} s, this one {values.size / sample_rate_hz:.0f} s"
        )
    original = _as_int16(values)

    def finer(rate_hz: int) -> npt.NDArray[np.int16] | None:
        return resample(original, sample_rate_hz, rate_hz, loop=loop) if sample_rate_hz > SAMPLE_RATE_HZ else None

    return Source(resampled(original, sample_rate_hz), loop, name, finer)


def _as_int16(values: npt.NDArray[Any]) -> npt.NDArray[np.int16]:
    if np.issubdtype(values.dtype, np.floating) and np.isfinite(values).all():
        return np.clip(np.rint(values * 32767.0), -32768, 32767).astype(np.int16)
    if np.issubdtype(values.dtype, np.integer) and int(values.min()) >= -32768 and int(values.max()) <= 32767:
        return values.astype(np.int16)
    raise ValueError("samples are integers from -32768 to 32767 or finite floats from -1 to 1")


def resampled(samples: npt.NDArray[np.int16], sample_rate_hz: int) -> npt.NDArray[np.int16]:
    """Return the samples at 8 kHz (see ``media.resampling``).

    Parameters
    ----------
    samples : int16 array, shape (n,)
    sample_rate_hz : int
        8000, 16000, 24000, 32000, 40000 or 48000.

    Returns
    -------
    int16 array, shape (ceil(n / factor),)
    """
    factor, rest = divmod(sample_rate_hz, SAMPLE_RATE_HZ)
    if rest or not 1 <= factor <= 6:
        raise ValueError(
            f"a source has 8000 samples a second or a multiple up to 48000, not {sample_rate_hz}; resample it first"
        )
    return resample(samples, sample_rate_hz, SAMPLE_RATE_HZ)


def from_wav(path: str | Path, *, loop: bool = False) -> Source:
    """Return the sound of a WAV file: one channel, 16-bit PCM, 8 kHz or a multiple of it (see `resampled`).

    Raises
    ------
    ValueError
        The file is of another kind; the text says which and what is allowed.
    OSError
        The file cannot be read.
    """
    try:
        with wave.open(str(path), "rb") as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            frames = file.readframes(min(file.getnframes(), int(MAX_DURATION_S * rate) + 1))
    except (wave.Error, EOFError) as error:
        raise ValueError(f"{path} is no WAV file of linear PCM: {error}") from error
    if channels != 1 or width != 2:
        raise ValueError(f"{path} has {channels} channels of {8 * width} bits; a source takes one channel of 16 bits")
    return from_samples(np.frombuffer(frames, dtype="<i2").astype(np.int16), rate, loop=loop, name=Path(path).name)


@cache
def speech(name: str = "hello") -> Source:
    """Return one of the speech samples that ship ("hello", "answer"), once; ``.looped()`` repeats it.

    Raises
    ------
    VoxlabError
        There is no sample of that name; the text lists those that are.
    """
    return replace(from_wav(sample(f"{name}.wav")), name=name)
