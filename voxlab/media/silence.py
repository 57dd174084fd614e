"""Where a source says nothing, frame by frame, and how its sender is to fall silent (RFC 3389 s.5, RFC 7587 s.3.1.3).

What is decided of a frame follows from the source and the frame's place in it alone: it does not depend on who asks
when. Must not know packets.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from voxlab.kernels.tones import FULL_SCALE
from voxlab.media.codecs import Format
from voxlab.media.sources import Source, window_of

Flags = npt.NDArray[np.bool_]

HANGOVER_S: Final = 0.2
"""Silence shorter than that is said: words have pauses."""
ABOVE_NOISE_DB: Final = 12.0
QUIETEST_DBFS: Final = -50.0
_NOISE_QUANTILE: Final = 0.1


@dataclass(frozen=True, eq=False)
class Suppression:
    """How a sender falls silent.

    Attributes
    ----------
    noise : Format or None
        Comfort noise under the payload type that was agreed on; None for a codec that makes its own (Opus).
    update_s : float
        So often the noise is described anew, or a frame of the codec sent: 400 ms, as RFC 6716 s.2.1.9 has it.
    """

    noise: Format | None
    update_s: float = 0.4


class Activity:
    """Where one source speaks.

    Parameters
    ----------
    source : Source
    sample_rate_hz : int
    frame_samples : int
    """

    def __init__(self, source: Source, sample_rate_hz: int, frame_samples: int) -> None:
        self._samples = source.at(sample_rate_hz)
        self._loop = source.loop
        self._size = frame_samples
        self._hangover = round(HANGOVER_S * sample_rate_hz / frame_samples)
        self._threshold_db = threshold_dbfs(self._levels(0, -(-len(self._samples) // frame_samples)))

    def _levels(self, first: int, count: int) -> npt.NDArray[np.float64]:
        window = window_of(self._samples, first * self._size, count * self._size, loop=self._loop, silence=0)
        return frame_levels_dbfs(window, self._size)

    def samples(self, frame: int) -> npt.NDArray[np.int16]:
        """Return the sound of one frame."""
        return window_of(self._samples, frame * self._size, self._size, loop=self._loop, silence=0)

    def silent(self, first: int, count: int) -> Flags:
        """Tell which of ``count`` frames from ``first`` on need not be sent: bool array, shape (count,).

        Speech is sent from the frame before it on, so that no onset is cut off, and until `HANGOVER_S` behind it.
        """
        begin = max(0, first - self._hangover)
        loud = self._levels(begin, first + count + 1 - begin) > self._threshold_db
        heard = np.concatenate(([0], np.cumsum(loud)))
        at = np.arange(first, first + count) - begin
        return np.asarray(heard[at + 2] == heard[np.maximum(0, at - self._hangover)])


def frame_levels_dbfs(samples: npt.NDArray[np.int16], size: int) -> npt.NDArray[np.float64]:
    """Return how loud each whole frame is, float64 array of shape (n // size,); 0 is a sine that reaches full scale."""
    frames = samples[: len(samples) // size * size].astype(np.float64).reshape(-1, size)
    return np.asarray(10.0 * np.log10(np.maximum(np.mean(frames**2, axis=1), 1e-3) / (FULL_SCALE**2 / 2.0)))


def threshold_dbfs(levels: npt.NDArray[np.float64]) -> float:
    """Return above which level a frame is speech: 12 dB over the quietest tenth, and never below -50 dBFS.

    Where all frames are alike they are speech, or silence if they are quieter than that.
    """
    if not len(levels):
        return QUIETEST_DBFS
    loudest = float(levels.max())
    if loudest <= QUIETEST_DBFS:
        return math.inf
    above_noise = float(np.quantile(levels, _NOISE_QUANTILE)) + ABOVE_NOISE_DB
    return max(QUIETEST_DBFS, min(above_noise, loudest - 3.0))
