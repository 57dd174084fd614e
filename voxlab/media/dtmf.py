"""Keys in the sound: made by two sines, and found again (ITU-T Q.23, Q.24). Must not know packets.

Found is what Q.24 asks for: 40 ms of tone and 30 ms of pause are a key, 20 ms are none; frequencies within 1.5 % are
taken, beyond 3.5 % refused; levels down to -25 dBm0; the upper tone up to 4 dB above and 8 dB below the lower. Speech
is told apart by what else sounds beside the two tones (talk-off).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from voxlab.kernels import tones
from voxlab.kernels.goertzel import Bins, bins
from voxlab.media.sources import SAMPLE_RATE_HZ, Source
from voxlab.media.telephone_event import PAUSE_S, TONE_S, HeardDigit, check_digits

if TYPE_CHECKING:
    from voxlab.media.rtp_session import RtpSession

LOW_HZ: Final = (697, 770, 852, 941)
HIGH_HZ: Final = (1209, 1336, 1477, 1633)
LEVEL_DBFS: Final = -10.0
"""Of each of the two tones."""
DBM0_OF_FULL_SCALE: Final = 3.14
"""A sine of full scale in G.711 mu-law (ITU-T G.711 table 5)."""

_LAYOUT: Final = "123A456B789C*0#D"
_WINDOW, _HOP = 160, 40  # 20 ms, every 5 ms
_FAINTEST: Final = tones.FULL_SCALE * 10 ** ((-30.0 - DBM0_OF_FULL_SCALE) / 20)
_TWIST_DB: Final = (-9.5, 5.5)
_PURITY: Final = 0.75
_DEVIATION: Final = 0.025
_STEADY_DB: Final = 3.0
_LEAST_WINDOWS: Final = 5
_LONGEST_BREAK: Final = 6


def frequencies_of(key: str) -> tuple[int, int]:
    """Return the two frequencies of a key, Hz."""
    row, column = divmod(_LAYOUT.index(key.upper()), 4)
    return LOW_HZ[row], HIGH_HZ[column]


def tones_of(
    digits: str, *, tone_s: float = TONE_S, pause_s: float = PAUSE_S, level_dbfs: float = LEVEL_DBFS
) -> Source:
    """Return keys as sound.

    Parameters
    ----------
    digits : str
        Of ``0123456789*#ABCD``, and the comma, a pause of a second.
    tone_s, pause_s : float
    level_dbfs : float
        Of each tone; 0 is a sine that reaches full scale.

    Raises
    ------
    ValueError
        They cannot be dialled.
    """
    check_digits(digits, tone_s, pause_s)
    length, pause = round(tone_s * SAMPLE_RATE_HZ), np.zeros(round(pause_s * SAMPLE_RATE_HZ), np.int16)
    parts = [pause]
    for key in digits.upper():
        if key == ",":
            parts.append(np.zeros(SAMPLE_RATE_HZ, np.int16))
        else:
            parts += [tones.sines(frequencies_of(key), level_dbfs, length, sample_rate_hz=SAMPLE_RATE_HZ), pause]
    return Source(np.concatenate(parts), name=f"DTMF {digits}")


def detect(samples: npt.NDArray[np.int16]) -> list[HeardDigit]:
    """Return the keys in a signal.

    Parameters
    ----------
    samples : int16 array, shape (n,)
        8 kHz, one channel.

    Returns
    -------
    list of HeardDigit
        With ``time_s`` from the first sample on and method "inband".
    """
    seen = bins(samples, (*LOW_HZ, *HIGH_HZ), _WINDOW, _HOP, sample_rate_hz=SAMPLE_RATE_HZ)
    if not len(seen.power):
        return []
    keys, level = _keys(seen)
    return [each for each in (_digit(run, keys, level) for run in _runs(keys)) if each is not None]


def _keys(seen: Bins) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return the key that each window holds, -1 for none, and the amplitude of its fainter tone."""
    rows = np.arange(len(seen.power))
    low, high = seen.amplitude[:, :4].argmax(axis=1), seen.amplitude[:, 4:].argmax(axis=1) + 4
    (a, near_a), (b, near_b) = (_tone(seen, rows, which) for which in (low, high))
    with np.errstate(divide="ignore", invalid="ignore"):
        twist_db = 20.0 * np.log10(b / a)
        purity = (a**2 + b**2) / 2.0 / seen.power
    good = near_a & near_b & (np.minimum(a, b) >= _FAINTEST) & (purity >= _PURITY)
    good &= (twist_db >= _TWIST_DB[0]) & (twist_db <= _TWIST_DB[1])
    return np.where(good, low * 4 + high - 4, -1), np.minimum(a, b)


def _tone(
    seen: Bins, rows: npt.NDArray[np.intp], which: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Return the amplitude of one tone of each window, and whether its frequency is near enough.

    How far off it is shows in how its phase goes on, from two windows before or to two after; that far off, a window
    of its length sees so much less of it.
    """
    hertz = np.array((*LOW_HZ, *HIGH_HZ), dtype=np.float64)[which]
    span_s = 2 * _HOP / SAMPLE_RATE_HZ
    later = np.minimum(rows + 2, len(rows) - 1)
    turned = seen.phase[later, which] - seen.phase[rows, which] - 2.0 * math.pi * hertz * span_s
    off_hz = np.abs((turned + math.pi) % (2.0 * math.pi) - math.pi) / (2.0 * math.pi * span_s)
    off_hz[later != rows + 2] = np.inf
    off_hz = np.minimum(off_hz, np.concatenate((np.full(2, np.inf), off_hz))[: len(off_hz)])
    seen_share = np.sinc(np.minimum(off_hz, 40.0) * _WINDOW / SAMPLE_RATE_HZ)
    return seen.amplitude[rows, which] / seen_share, off_hz <= _DEVIATION * hertz


def _runs(keys: npt.NDArray[np.int64]) -> list[npt.NDArray[np.intp]]:
    """Return the windows of each key: together where breaks between them are short."""
    found: list[list[int]] = []
    for at in np.flatnonzero(keys >= 0).tolist():
        if found and keys[at] == keys[found[-1][-1]] and at - found[-1][-1] <= _LONGEST_BREAK:
            found[-1].append(at)
        else:
            found.append([at])
    return [np.array(each) for each in found]


def _digit(run: npt.NDArray[np.intp], keys: npt.NDArray[np.int64], level: npt.NDArray[np.float64]) -> HeardDigit | None:
    loudest = float(level[run].max())
    steady = run[level[run] >= loudest * 10 ** (-_STEADY_DB / 20)]
    if len(steady) < _LEAST_WINDOWS:
        return None
    first, last = int(steady[0]), int(steady[-1])
    # a window counts from some 70 % of it on, so the tone begins 30 % of a window after its start
    begin_s = (first * _HOP + 0.3 * _WINDOW) / SAMPLE_RATE_HZ
    end_s = (last * _HOP + 0.7 * _WINDOW) / SAMPLE_RATE_HZ
    volume = 20.0 * math.log10(loudest / tones.FULL_SCALE) + DBM0_OF_FULL_SCALE
    return HeardDigit(begin_s, _LAYOUT[int(keys[run[0]])], end_s - begin_s, volume, "inband")


def all_digits(rtp: RtpSession) -> list[HeardDigit]:
    """Return the keys that a session heard, as events and in its sound, in order of time.

    A key that came as an event and sounded as well, as some gateways send it, counts once.
    """
    events = rtp.digits()
    begin_s = rtp.heard_from_s
    sounded = [each._replace(time_s=each.time_s + begin_s) for each in detect(rtp.heard())]
    spans = [(each.time_s - 0.1, each.time_s + each.duration_s + 0.1, each.key) for each in events]
    alone = [each for each in sounded if not any(a <= each.time_s <= b and key == each.key for a, b, key in spans)]
    return sorted((*events, *alone), key=lambda digit: digit.time_s)
