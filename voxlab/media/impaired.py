"""Packets on their way through a `Path`: which are lost, and when the others arrive.

One seed, one fate; each part of a path draws from a generator of its own, so that one more part changes nobody else's
numbers, and what comes in several batches fares as it would in one. Must not know networks or what packets carry.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from voxlab.kernels import chance, impairments
from voxlab.kernels.chance import Column, threshold
from voxlab.media.path import Bottleneck, Delay, FourState, GilbertElliott, Loss, Path

Flags = npt.NDArray[np.bool_]

_LOSS, _DELAY, _SPIKES, _DRIFT, _BOTTLENECK, _REORDER, _DUPLICATE, _CORRUPT = range(8)
_GRID = 4097


class Passage(NamedTuple):
    """What became of n packets.

    Attributes
    ----------
    transit_s : float64 array, shape (n,)
        From leaving to arriving; what a lost packet would have taken stands there too.
    lost : bool array, shape (n,)
    duplicated : bool array, shape (n,)
    """

    transit_s: Column
    lost: Flags
    duplicated: Flags


class Journey:
    """A path with a memory: packets go through it batch by batch.

    Parameters
    ----------
    path : Path
    seed : int
    """

    def __init__(self, path: Path, seed: int) -> None:
        self.path = path
        self._chance = [chance.seeded(seed, purpose) for purpose in range(_CORRUPT + 1)]
        self._delay_table = path.delay.table()
        self._normal = chance.normal_table(0.0, 1.0)
        self._z = self._drift_z = 0.0
        self._spike_left = 0.0
        self._queue = np.zeros(2)
        self._loss_state = self._first_loss_state(path.loss)
        self._last_s = self._last_arrival_s = -math.inf
        self._passed = 0

    def _first_loss_state(self, loss: Loss | None) -> int:
        if not isinstance(loss, GilbertElliott):
            return impairments.GAP
        drawn = int(self._chance[_LOSS][0]) / 2**64
        return int(drawn < loss.bad)

    def send(self, send_s: npt.ArrayLike) -> Passage:
        """Return what becomes of packets that leave at ``send_s``, seconds, ascending, after all that left before."""
        media = np.ascontiguousarray(send_s, dtype=np.float64)
        transit = np.full(media.shape, self.path.propagation_ms / 1e3)
        lost = np.zeros(media.shape, dtype=np.uint8)
        if media.size:
            with np.errstate(over="ignore"):  # without numba, whole numbers wrap with a warning
                self._lose(lost)
                self._delay(media, transit, lost)
                self._repeat(transit, lost)
                duplicated = self._disturb(media, transit, lost)
            self._last_s = float(media[-1])
        else:
            duplicated = lost.astype(np.bool_)
        return Passage(transit, lost.astype(np.bool_), duplicated)

    def _lose(self, lost: npt.NDArray[np.uint8]) -> None:
        loss, state = self.path.loss, self._chance[_LOSS]
        if isinstance(loss, GilbertElliott):
            p, r, bad, good = (threshold(each) for each in (loss.p, loss.r, 1.0 - loss.h, 1.0 - loss.k))
            self._loss_state = int(impairments.gilbert_elliott(p, r, bad, good, self._loss_state, state, lost))
        elif isinstance(loss, FourState):
            p13, p31, p32, p23, p14 = (threshold(each) for each in (loss.p13, loss.p31, loss.p32, loss.p23, loss.p14))
            self._loss_state = int(impairments.four_state(p13, p31, p32, p23, p14, self._loss_state, state, lost))

    def _delay(self, media: Column, transit: Column, lost: npt.NDArray[np.uint8]) -> None:
        path = self.path
        if path.delay.correlation:
            curve = _over_z(self._delay_table)
            rho, state = path.delay.correlation, self._chance[_DELAY]
            self._z = float(impairments.add_correlated(curve, self._normal, rho, self._z, state, transit))
        else:
            impairments.add_delays(self._delay_table, self._chance[_DELAY], transit)
        if path.drift:
            step_s = _typical_step_s(media)
            curve = path.drift.span_ms / 1e3 * _share_below(_grid())
            rho, state = math.exp(-step_s / path.drift.memory_s), self._chance[_DRIFT]
            self._drift_z = float(impairments.add_correlated(curve, self._normal, rho, self._drift_z, state, transit))
        if path.spikes:
            rise = chance.uniform_table(path.spikes.low_ms / 1e3, path.spikes.high_ms / 1e3)
            fall, begin = path.spikes.fall, threshold(path.spikes.share)
            left, last_s = self._spike_left, self._before(media)
            self._spike_left = float(
                impairments.add_spikes(begin, rise, fall, media, last_s, left, self._chance[_SPIKES], transit)
            )
        if path.bottleneck:
            self._squeeze(path.bottleneck, media, transit, lost)

    def _repeat(self, transit: Column, lost: npt.NDArray[np.uint8]) -> None:
        """Let packets fare as those of a recording did."""
        if self.path.recorded is None:
            return
        column = self.path.recorded.transit_s
        took = column[(self._passed + np.arange(transit.size)) % column.size]
        self._passed += transit.size
        arrived = np.isfinite(took)
        lost |= ~arrived
        transit += np.where(arrived, took, 0.0)

    def _before(self, media: Column) -> float:
        """Return when the packet before these left; no time has passed before the first one of all."""
        return min(self._last_s, float(media[0])) if math.isfinite(self._last_s) else float(media[0])

    def _squeeze(self, link: Bottleneck, media: Column, transit: Column, lost: npt.NDArray[np.uint8]) -> None:
        per_byte_s = 8.0 / (link.rate_kbps * 1e3)
        bucket_s = link.bucket_bytes * per_byte_s
        impairments.add_bottleneck(
            media,
            link.packet_bytes * per_byte_s,
            bucket_s,
            link.limit_ms / 1e3,
            threshold(link.busy),
            threshold(link.quiet),
            link.cross_kbps / link.rate_kbps,
            self._before(media),
            self._queue,
            self._chance[_BOTTLENECK],
            transit,
            lost,
        )

    def _disturb(self, media: Column, transit: Column, lost: npt.NDArray[np.uint8]) -> Flags:
        """Keep or break the order, damage, double; return which are doubled."""
        path = self.path
        if path.in_order:
            arrival = np.maximum.accumulate(media + transit)
            transit[:] = np.maximum(arrival, self._last_arrival_s) - media
            self._last_arrival_s = float(media[-1] + transit[-1])
        if path.reorder:
            transit += self._marked(path.reorder, _REORDER, media.size) * (path.held_back_ms / 1e3)
        if path.corrupt:
            lost |= self._marked(path.corrupt, _CORRUPT, media.size)
        if path.skew_ppm:
            transit -= media * (path.skew_ppm * 1e-6)  # the faster clock has counted more than has passed
        twice = self._marked(path.duplicate, _DUPLICATE, media.size)
        return np.asarray((twice != 0) & (lost == 0))

    def _marked(self, share: float, purpose: int, count: int) -> npt.NDArray[np.uint8]:
        flags = np.zeros(count, dtype=np.uint8)
        if share:
            impairments.mark(threshold(share), self._chance[purpose], flags)
        return flags


def _grid() -> Column:
    return np.linspace(-6.0, 6.0, _GRID)


def _share_below(z: Column) -> Column:
    """Return the normal distribution function."""
    return np.array([0.5 * math.erfc(-each / math.sqrt(2.0)) for each in z.tolist()])


def _over_z(table: Column) -> Column:
    """Return the quantiles of a table at an even grid of normal deviates."""
    places, first = np.unique(chance.probabilities(), return_index=True)
    return np.interp(_share_below(_grid()), places, table[first])


def _typical_step_s(media: Column) -> float:
    return float(np.median(np.diff(media[:1000]))) if media.size > 1 else 0.02


def seconds_between(delay: Delay, count: int, seed: int, purpose: int) -> Column:
    """Draw ``count`` times from a distribution, seconds."""
    drawn = np.zeros(count)
    with np.errstate(over="ignore"):
        impairments.add_delays(delay.table(), chance.seeded(seed, purpose), drawn)
    return drawn
