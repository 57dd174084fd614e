"""What a telephone network lets a caller hear, by country: dial tone, ringing, busy, congestion (ITU-T E.180 Supp. 2).

Facts of the supplement, as operators use them; a few countries have several variants, of which one stands here. Must
not know calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from voxlab.base.errors import VoxlabError
from voxlab.kernels import tones
from voxlab.media.sources import SAMPLE_RATE_HZ, Source

KINDS: Final = ("dial", "ringing", "busy", "congestion")
LEVEL_DBFS: Final = -13.0


class Step(NamedTuple):
    """A part of a cadence: these frequencies together (none for a pause), so long; 0 s is for ever."""

    frequencies_hz: tuple[float, ...]
    duration_s: float


def _cadence(text: str) -> tuple[Step, ...]:
    """Read ``"440+480/2 0/4"``: frequencies over seconds, 0 for a pause; without seconds, for ever."""
    steps = []
    for part in text.split():
        sound, _, seconds = part.partition("/")
        frequencies = () if sound == "0" else tuple(float(each) for each in sound.split("+"))
        steps.append(Step(frequencies, float(seconds or 0)))
    return tuple(steps)


_TABLE: Final = {
    "AT": ("420", "420/1 0/5", "420/.4 0/.4", "420/.2 0/.2"),
    "AU": ("413+438", "413+438/.4 0/.2 413+438/.4 0/2", "425/.375 0/.375", "425/.375 0/.375"),
    "BR": ("425", "425/1 0/4", "425/.25 0/.25", "425/.25 0/.25 425/.75 0/.25"),
    "CH": ("425", "425/1 0/4", "425/.5 0/.5", "425/.2 0/.2"),
    "CN": ("450", "450/1 0/4", "450/.35 0/.35", "450/.7 0/.7"),
    "CZ": ("425/.33 0/.33 425/.66 0/.66", "425/1 0/4", "425/.33 0/.33", "425/.165 0/.165"),
    "DE": ("425", "425/1 0/4", "425/.48 0/.48", "425/.24 0/.24"),
    "DK": ("425", "425/1 0/4", "425/.5 0/.5", "425/.2 0/.2"),
    "ES": ("425", "425/1.5 0/3", "425/.2 0/.2", "425/.2 0/.2 425/.2 0/.2 425/.2 0/.6"),
    "FI": ("425", "425/1 0/4", "425/.3 0/.3", "425/.2 0/.2"),
    "FR": ("440", "440/1.5 0/3.5", "440/.5 0/.5", "440/.25 0/.25"),
    "GB": ("350+450", "400+450/.4 0/.2 400+450/.4 0/2", "400/.375 0/.375", "400/.4 0/.35 400/.225 0/.525"),
    "IT": ("425/.2 0/.2 425/.6 0/1", "425/1 0/4", "425/.5 0/.5", "425/.2 0/.2"),
    "JP": ("400", "384+416/1 0/2", "400/.5 0/.5", "400/.5 0/.5"),
    "NL": ("425", "425/1 0/4", "425/.5 0/.5", "425/.25 0/.25"),
    "NO": ("425", "425/1 0/4", "425/.5 0/.5", "425/.2 0/.2"),
    "PL": ("425", "425/1 0/4", "425/.5 0/.5", "425/.5 0/.5"),
    "SE": ("425", "425/1 0/5", "425/.25 0/.25", "425/.25 0/.75"),
    "US": ("350+440", "440+480/2 0/4", "480+620/.5 0/.5", "480+620/.25 0/.25"),
}
COUNTRIES: Final = tuple(sorted(_TABLE))
"""Two letters each (ISO 3166-1)."""


def cadence(kind: str, country: str = "DE") -> tuple[Step, ...]:
    """Return how a tone goes.

    Raises
    ------
    VoxlabError
        There is no such kind or country; the text lists those there are.
    """
    if kind not in KINDS:
        raise VoxlabError(f"unknown tone {kind!r}; there are {', '.join(KINDS)}")
    if country.upper() not in _TABLE:
        raise VoxlabError(f"the tones of {country!r} are not known; those of {', '.join(COUNTRIES)} are")
    return _cadence(_TABLE[country.upper()][KINDS.index(kind)])


def progress_tone(kind: str, country: str = "DE", *, level_dbfs: float = LEVEL_DBFS) -> Source:
    """Return a tone as an endless source.

    Parameters
    ----------
    kind : {"dial", "ringing", "busy", "congestion"}
    country : str
        Two letters, such as "DE"; see `COUNTRIES`.
    level_dbfs : float
        Of each of its frequencies.

    Raises
    ------
    VoxlabError
        As `cadence`.
    """
    steps = cadence(kind, country)
    samples = np.concatenate([_sound(each, level_dbfs) for each in steps])
    return Source(samples, loop=True, name=f"{kind} tone of {country.upper()}")


def _sound(step: Step, level_dbfs: float) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    if not step.frequencies_hz:
        return np.zeros(round(step.duration_s * SAMPLE_RATE_HZ), np.int16)
    endless = tones.period_samples(step.frequencies_hz, SAMPLE_RATE_HZ)
    count = round(step.duration_s * SAMPLE_RATE_HZ) if step.duration_s else endless
    return tones.sines(step.frequencies_hz, level_dbfs, count, sample_rate_hz=SAMPLE_RATE_HZ)


def frequencies_of(steps: Sequence[Step]) -> set[float]:
    """Return all frequencies of a cadence."""
    return {hertz for step in steps for hertz in step.frequencies_hz}
