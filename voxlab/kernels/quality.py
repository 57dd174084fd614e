"""The E-model, ITU-T G.107 and its wideband form G.107.1: delay and loss to a rating R, R to a mean opinion score.

Must not know streams or codecs. Every parameter that is not an argument has G.107's default (table 2), which gives R =
93.2. The popular short form ``93.2 - 0.024 d - ...`` is 9 R off at 500 ms; this is the whole algorithm, with Ta = T and
Tr = 2T.
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from voxlab.kernels._jit import Kernel, inner, kernel

Column = npt.NDArray[np.float64]

_SLR, _RLR, _STMR, _LSTR = 8.0, 2.0, 15.0, 18.0
_DS, _TELR, _WEPL, _QDU = 3.0, 65.0, 110.0, 1.0
_NC, _NFOR, _PS, _PR = -70.0, -64.0, 35.0, 35.0
_OLR: Final = _SLR + _RLR
_PER_DECADE: Final = 1.0 / math.log(10.0)  # the natural logarithm is the fastest of the three
_PER_OCTAVE: Final = 1.0 / math.log(2.0)


def _noise_dbm0p() -> float:
    """Return No: circuit noise, room noise on both sides and the noise floor, added as powers (G.107 s.7.2)."""
    sender = _PS - _SLR - _DS - 100.0 + 0.004 * (_PS - _OLR - _DS - 14.0) ** 2
    heard = _PR + 10.0 * math.log10(1.0 + 10.0 ** ((10.0 - _LSTR) / 10.0))
    receiver = _RLR - 121.0 + heard + 0.008 * (heard - 35.0) ** 2
    powers = (math.pow(10.0, each / 10.0) for each in (_NC, sender, receiver, _NFOR + _RLR))
    return 10.0 * math.log10(sum(powers))


def _quantizing() -> float:
    """Return Iq, the impairment of ``qdu`` quantizing distortion units (G.107 s.7.3.3)."""
    q = 37.0 - 15.0 * math.log10(_QDU)
    g = 1.07 + 0.258 * q + 0.0602 * q * q
    y = (_RO - 100.0) / 15.0 + 46.0 / 8.4 - g / 9.0
    z = 46.0 / 30.0 - g / 40.0
    return 15.0 * math.log10(1.0 + math.pow(10.0, y) + math.pow(10.0, z))


def _loud() -> float:
    """Return Iolr, the impairment of too low an overall loudness rating (G.107 s.7.3.1)."""
    x = (_OLR + 0.2 * (64.0 + _NO - _RLR)) / 8.0
    return 20.0 * (math.pow(1.0 + x**8, 1.0 / 8.0) - x)


_NO: Final = _noise_dbm0p()
_RO: Final = 15.0 - 1.5 * (_SLR + _NO)
_IOLR_IQ: Final = _loud() + _quantizing()
_ROE: Final = -1.5 * (_NO - _RLR)
_RLE_WEPL: Final = 10.5 * (_WEPL + 7.0)


# Each impairment is written once: on arrays it is numpy's, on single numbers it compiles into the loop.


@inner
def _eighth_root(x: Any) -> Any:
    """Return ``x ** (1 / 8)``; roots cost a tenth of a power."""
    return np.sqrt(np.sqrt(np.sqrt(x)))


@inner
def _sixth_root(x: Any) -> Any:
    return np.exp(np.log(x) / 6.0)


@inner
def _simultaneous(delay_ms: Any) -> Any:
    """Return Is; its sidetone part depends on the delay (G.107 s.7.3)."""
    sidetone = -10.0 * np.log10(10.0 ** (-_STMR / 10.0) + np.exp(-delay_ms / 4.0) * 10.0 ** (-_TELR / 10.0))
    low = 12.0 * _eighth_root(1.0 + ((sidetone - 13.0) / 6.0) ** 8)
    middle = 28.0 * (1.0 + ((sidetone + 1.0) / 19.4) ** 35) ** (1.0 / 35.0)
    high = 13.0 * (1.0 + ((sidetone - 3.0) / 33.0) ** 13) ** (1.0 / 13.0)
    return _IOLR_IQ + low - middle - high + 29.0


@inner
def _talker_echo(delay_ms: Any, near: Any, onset: Any) -> Any:
    """Return Idte (G.107 s.7.4); ``near`` and ``onset`` are its two exponentials, gone and 1 at long delays."""
    masked = 40.0 * _PER_DECADE * np.log((1.0 + delay_ms / 10.0) / (1.0 + delay_ms / 150.0))
    terv = _TELR - masked + near
    half = (_ROE - (80.0 + 2.5 * (terv - 14.0))) / 2.0
    return (half + np.sqrt(half * half + 100.0) - 1.0) * onset


@inner
def _listener_echo(delay_ms: Any) -> Any:
    """Return Idle, with a round trip of twice the delay (G.107 s.7.4)."""
    half = (_RO - _RLE_WEPL / np.sqrt(np.sqrt(2.0 * delay_ms + 1.0))) / 2.0
    return half + np.sqrt(half * half + 169.0)


@inner
def _long_delay(delay_ms: Any) -> Any:
    """Return Idd: conversation suffers from more than 100 ms even without echo (G.107 s.7.4)."""
    x = np.log(np.maximum(delay_ms, 100.0) / 100.0) * _PER_OCTAVE
    return 25.0 * (_sixth_root(1.0 + x**6) - 3.0 * _sixth_root(1.0 + (x / 3.0) ** 6) + 2.0)


SETTLED_MS: Final = 100.0
"""From here on the sidetone's echo is below the last bit of Is, and up to here there is no Idd: a loop need not ask."""
_SETTLED: Final = float(_simultaneous(1e6))


@inner
def _equipment(loss_percent: Any, burst_ratio: Any, ie: Any, bpl: Any) -> Any:
    """Return Ie-eff: the codec under packet loss (G.107 s.7.5)."""
    return ie + (95.0 - ie) * loss_percent / (loss_percent / burst_ratio + bpl)


@inner
def _short(delay_ms: Any, long_delay: Any) -> Any:
    """Return R without the codec, every term of it."""
    echo = _talker_echo(delay_ms, 6.0 * np.exp(-0.3 * delay_ms * delay_ms), 1.0 - np.exp(-delay_ms))
    return _RO - _simultaneous(delay_ms) - (echo + _listener_echo(delay_ms) + long_delay)


@inner
def _long(delay_ms: Any) -> Any:
    """Return the same beyond `SETTLED_MS`."""
    echo = _talker_echo(delay_ms, 0.0, 1.0)
    return _RO - _SETTLED - (echo + _listener_echo(delay_ms) + _long_delay(delay_ms))


def _rating_by_numpy(delay_ms: Column, loss: Column, burst: Column, ie: Column, bpl: Column, rating: Column) -> None:
    rating[:] = _short(delay_ms, _long_delay(delay_ms)) - _equipment(loss, burst, ie, bpl)


_IN: Final = "Array(float64, 1, 'C', True)"


@kernel(f"void({_IN}, {_IN}, {_IN}, {_IN}, {_IN}, float64[::1])", twin=_rating_by_numpy)
def _rating(delay_ms: Column, loss: Column, burst: Column, ie: Column, bpl: Column, rating: Column) -> None:
    for i in range(delay_ms.size):
        undamaged = _long(delay_ms[i]) if delay_ms[i] > SETTLED_MS else _short(delay_ms[i], 0.0)
        rating[i] = undamaged - _equipment(loss[i], burst[i], ie[i], bpl[i])


class Equipment(NamedTuple):
    """A codec in G.113 Appendix I: ``ie``, impairment without loss; ``bpl``, robustness against random loss."""

    ie: float
    bpl: float


G711 = Equipment(0.0, 4.3)
G711_WITH_CONCEALMENT = Equipment(0.0, 25.1)
G729A = Equipment(11.0, 19.0)


def rating(
    delay_ms: npt.ArrayLike = 0.0,
    loss_percent: npt.ArrayLike = 0.0,
    *,
    burst_ratio: npt.ArrayLike = 1.0,
    equipment: Equipment = G711,
) -> Column:
    """Return the transmission rating factor R.

    Parameters
    ----------
    delay_ms : array_like of float
        One-way delay from mouth to ear, 0 or more.
    loss_percent : array_like of float
        Packets lost in PERCENT, 0 to 100: not a count, not a fraction.
    burst_ratio : array_like of float
        BurstR, 1 for random loss: mean length of observed bursts over the mean under random loss.
    equipment : Equipment
        Of the codec, from G.113.

    Returns
    -------
    float64 array, the broadcast shape of the arguments
        93.2 for a clean call; below 0 for a very bad one. Both bodies agree within 1e-9: logarithms may differ in their
        last bit.
    """
    return _rated(_rating, delay_ms, loss_percent, burst_ratio, equipment)


def _rated(
    model: Kernel[..., None],
    delay_ms: npt.ArrayLike,
    loss_percent: npt.ArrayLike,
    burst_ratio: npt.ArrayLike,
    equipment: Equipment,
) -> Column:
    """Check and broadcast the arguments, and let a model rate them."""
    delay, loss, burst = np.broadcast_arrays(
        *(np.asarray(each, dtype=np.float64) for each in (delay_ms, loss_percent, burst_ratio))
    )
    if not ((delay >= 0).all() and (loss >= 0).all() and (loss <= 100).all() and (burst > 0).all()):
        raise ValueError("the E-model takes a delay of 0 ms or more, a loss of 0 to 100 percent, a burst ratio above 0")
    result = np.empty(delay.shape)
    ie, bpl = (np.full(delay.size, float(value)) for value in equipment)
    model(_flat(delay), _flat(loss), _flat(burst), ie, bpl, result.reshape(-1))
    return result


WIDEBAND_BEST: Final = 129.0
"""Ro of the wideband scale: a clean 7 kHz channel (G.107.1 s.7.2); the narrowband one ends at 93.2."""


def _wideband_by_numpy(delay_ms: Column, loss: Column, burst: Column, ie: Column, bpl: Column, rating: Column) -> None:
    rating[:] = WIDEBAND_BEST - _long_delay(delay_ms) - _equipment(loss, burst, ie, bpl)


@kernel(f"void({_IN}, {_IN}, {_IN}, {_IN}, {_IN}, float64[::1])", twin=_wideband_by_numpy)
def _wideband(delay_ms: Column, loss: Column, burst: Column, ie: Column, bpl: Column, rating: Column) -> None:
    for i in range(delay_ms.size):
        late = _long_delay(delay_ms[i]) if delay_ms[i] > SETTLED_MS else 0.0
        rating[i] = WIDEBAND_BEST - late - _equipment(loss[i], burst[i], ie[i], bpl[i])


def wideband_rating(
    delay_ms: npt.ArrayLike = 0.0,
    loss_percent: npt.ArrayLike = 0.0,
    *,
    burst_ratio: npt.ArrayLike = 1.0,
    equipment: Equipment,
) -> Column:
    """Return the transmission rating factor R of the wideband E-model, ITU-T G.107.1, 0 to 129.

    Covers what the Recommendation calls studied: absolute delay (the same Idd as in G.107), the codec, and its packet
    loss. Talkers' and listeners' echo are taken as perfectly controlled, and there is no loudness, noise or sidetone,
    as in its scope of 2019. Compare ratings of one scale only.

    Parameters
    ----------
    delay_ms, loss_percent, burst_ratio
        As of `rating`.
    equipment : Equipment
        ``ie`` and ``bpl`` of the codec ON THE WIDEBAND SCALE (G.113 Appendix IV): G.722 at 64 kbit/s has an ``ie`` of
        13; narrowband codecs lie some 36 higher than on their own scale.

    Returns
    -------
    float64 array, the broadcast shape of the arguments
    """
    return _rated(_wideband, delay_ms, loss_percent, burst_ratio, equipment)


def wideband_mean_opinion_score(r: npt.ArrayLike) -> Column:
    """Return MOS-CQE of wideband ratings: G.107's curve of ``R / 1.29`` (G.107.1 Annex A)."""
    return mean_opinion_score(np.asarray(r, dtype=np.float64) / (WIDEBAND_BEST / 100.0))


def _flat(column: Column) -> Column:
    return np.ascontiguousarray(column).reshape(-1)


def mean_opinion_score(r: npt.ArrayLike) -> Column:
    """Return MOS-CQE of ratings (G.107 Annex B).

    Parameters
    ----------
    r : array_like of float

    Returns
    -------
    float64 array, the same shape
        1 at R <= 0, 4.5 at R >= 100. The cubic dips below 1 for R under 6.5: it is held at 1.
    """
    x = np.clip(np.asarray(r, dtype=np.float64), 0.0, 100.0)
    return np.asarray(np.maximum(1.0, 1.0 + 0.035 * x + 7e-6 * x * (x - 60.0) * (100.0 - x)))
