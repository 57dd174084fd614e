"""What can be told of a sound without understanding it: where somebody speaks, and where a machine beeps.

Must not know packets or calls.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from voxlab.kernels.tones import FULL_SCALE
from voxlab.media.silence import QUIETEST_DBFS, frame_levels_dbfs, threshold_dbfs

Samples = npt.NDArray[np.int16]

_FRAME_S: Final = 0.02
_BEEP_WINDOW: Final = 256
_BEEP_HOP: Final = 80
_BEEP_PURITY: Final = 0.8
_BEEP_HZ: Final = (350.0, 2500.0)


class Stretch(NamedTuple):
    """Part of a sound: from and to, in seconds from its first sample on; ``talk`` or not."""

    start_s: float
    end_s: float
    talk: bool

    @property
    def duration_s(self) -> float:
        """How long it is."""
        return self.end_s - self.start_s


class Beep(NamedTuple):
    """A steady tone of one frequency, such as an answering machine's."""

    start_s: float
    duration_s: float
    frequency_hz: float
    level_dbfs: float


def talk_and_silence(
    samples: Samples, sample_rate_hz: int = 8000, *, hangover_s: float = 0.3, shortest_talk_s: float = 0.1
) -> list[Stretch]:
    """Return where somebody speaks and where not, without a hole from the first sample to the last.

    Frames of 20 ms are loud that stand 12 dB above the quietest tenth of all, and above -50 dBFS in any case.

    Parameters
    ----------
    samples : int16 array, shape (n,)
    sample_rate_hz : int
    hangover_s : float
        A pause shorter than that is part of what is said.
    shortest_talk_s : float
        What is shorter is a click.
    """
    size = round(_FRAME_S * sample_rate_hz)
    frames = len(samples) // size
    if not frames:
        return []
    level_db = frame_levels_dbfs(samples, size)
    loud = level_db > threshold_dbfs(level_db)
    return _stretches(
        loud, round(hangover_s / _FRAME_S), round(shortest_talk_s / _FRAME_S), len(samples) / sample_rate_hz
    )


def _stretches(loud: npt.NDArray[np.bool_], hangover: int, shortest: int, end_s: float) -> list[Stretch]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], loud, [False])).astype(np.int8)))
    runs: list[list[int]] = []
    for start, end in edges.reshape(-1, 2).tolist():
        if runs and start - runs[-1][1] < hangover:
            runs[-1][1] = end
        else:
            runs.append([start, end])
    found: list[Stretch] = []
    at_s = 0.0
    for start, end in runs:
        if end - start < shortest:
            continue
        start_s, stop_s = start * _FRAME_S, min(end * _FRAME_S, end_s)
        if start_s > at_s:
            found.append(Stretch(at_s, start_s, False))
        found.append(Stretch(start_s, stop_s, True))
        at_s = stop_s
    if at_s < end_s:
        found.append(Stretch(at_s, end_s, False))
    return found


def beeps(samples: Samples, sample_rate_hz: int = 8000, *, shortest_s: float = 0.12) -> list[Beep]:
    """Return the steady tones in a sound: nearly all power in one frequency that does not move.

    Parameters
    ----------
    samples : int16 array, shape (n,)
    sample_rate_hz : int
    shortest_s : float
        Vowels are steady for less.
    """
    size, hop = _BEEP_WINDOW * sample_rate_hz // 8000, _BEEP_HOP * sample_rate_hz // 8000
    if len(samples) < size:
        return []
    windows = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64), size)[::hop] * np.hanning(size)
    spectrum = np.abs(np.fft.rfft(windows, axis=1)) ** 2
    peak = spectrum[:, 2:-2].argmax(axis=1) + 2
    rows = np.arange(len(peak))
    around = sum(spectrum[rows, peak + step] for step in range(-2, 3))
    total = np.maximum(spectrum.sum(axis=1), 1e-9)
    hertz = peak * sample_rate_hz / size
    level_db = 10.0 * np.log10(np.maximum(around, 1e-9) * (8.0 / 3.0) / size**2 * 2.0 / (FULL_SCALE**2 / 2.0))
    pure = (
        (around / total > _BEEP_PURITY) & (hertz >= _BEEP_HZ[0]) & (hertz <= _BEEP_HZ[1]) & (level_db > QUIETEST_DBFS)
    )
    steady = np.concatenate(([False], pure[1:] & pure[:-1] & (np.abs(np.diff(peak)) <= 1)))
    edges = np.flatnonzero(np.diff(np.concatenate(([False], steady, [False])).astype(np.int8))).reshape(-1, 2)
    return [
        each
        for start, end in edges.tolist()
        if (each := _beep(start - 1, end, hertz, level_db, hop, size, sample_rate_hz)).duration_s >= shortest_s
    ]


def _beep(
    start: int,
    end: int,
    hertz: npt.NDArray[np.float64],
    level_db: npt.NDArray[np.float64],
    hop: int,
    size: int,
    sample_rate_hz: int,
) -> Beep:
    """Return the beep in windows ``start`` to ``end``: it fills half of the first and half of the last of them."""
    begin_s = (start * hop + size / 2) / sample_rate_hz
    stop_s = ((end - 1) * hop + size / 2) / sample_rate_hz
    middle = slice(start, end)
    return Beep(begin_s, stop_s - begin_s, float(np.median(hertz[middle])), float(np.median(level_db[middle])))
