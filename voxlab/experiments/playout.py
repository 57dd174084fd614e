"""What a jitter buffer did to a trace, packet by packet, and the figures that follow. Must not know algorithms."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from voxlab.experiments.trace import Column, Trace
from voxlab.kernels import playout_figures as figures
from voxlab.kernels.quality import G711_WITH_CONCEALMENT, Equipment, mean_opinion_score, rating

if TYPE_CHECKING:
    from voxlab.experiments.charts import Chart

Flags = npt.NDArray[np.bool_]

GMIN = 16
"""Packets received in a row that end a burst (RFC 3611 s.4.7.2)."""


class Runs(NamedTuple):
    """How losses cluster.

    Attributes
    ----------
    burst_ratio : float
        BurstR of G.107: mean length of a run of losses over the mean of as many losses at random, 1 or more.
    burst_density, gap_density : float
        Share lost within bursts, and outside of them (RFC 3611 s.4.7.2).
    burst_packets : float
        Mean length of a burst.
    """

    burst_ratio: float
    burst_density: float
    gap_density: float
    burst_packets: float


def runs(lost: Flags) -> Runs:
    """Return how the losses of a stream cluster; ``lost`` is a bool array of shape (n,), by packet number."""
    where = np.flatnonzero(lost)
    if not where.size:
        return Runs(1.0, 0.0, 0.0, 0.0)
    times = 1 + np.count_nonzero(np.diff(where) > 1)
    ratio = max(1.0, where.size / times * (1.0 - where.size / lost.size))
    cuts = np.flatnonzero(np.diff(where) > GMIN)
    first, last = np.r_[where[0], where[cuts + 1]], np.r_[where[cuts], where[-1]]
    losses = np.diff(np.r_[0, cuts + 1, where.size])
    long = losses > 1  # a single loss with enough received on both sides belongs to the gap
    packets = int((last - first + 1)[long].sum())
    inside, outside = int(losses[long].sum()), int(losses[~long].sum())
    return Runs(
        ratio,
        inside / packets if packets else 0.0,
        outside / (lost.size - packets) if lost.size > packets else 0.0,
        packets / int(long.sum()) if packets else 0.0,
    )


def _quantile(values: Column, share: float) -> float:
    """Return numpy's quantile with one copy of the values instead of three."""
    place = share * (values.size - 1)
    at = int(place)
    low, high = np.partition(values, (at, min(at + 1, values.size - 1)))[[at, min(at + 1, values.size - 1)]]
    return float(low + (place - at) * (high - low))


@dataclass(frozen=True, eq=False, repr=False)
class Playout:
    """A buffer on a trace.

    Attributes
    ----------
    buffer : str
        Its name.
    trace : Trace
    playout_s : float64 array, shape (n,)
        When each packet of the trace was to be played, by number, seconds; ``-inf`` for one that was thrown away or
        never came.
    concealed_s, stretch_s : float64 array, shape (n,), optional
        Concealment before each packet, and how much longer (or, below 0, shorter) its sound was made, seconds; derived
        from the playout times where a buffer does not tell.
    """

    buffer: str
    trace: Trace
    playout_s: Column
    concealed_s: Column | None = None
    stretch_s: Column | None = None

    @cached_property
    def _tally(self) -> tuple[Flags, Column, int, int, float, float]:
        """Return which packets were heard and after how long; how many, and how many came; time stretched and saved."""
        trace, n = self.trace, self.trace.packets
        played, delay = np.empty(n, dtype=np.uint8), np.empty(n)
        counts, sums = np.empty(2, dtype=np.int64), np.empty(2)
        figures.tally(trace.send_s, trace.transit_s, self.playout_s, trace.spurt, played, delay, counts, sums)
        heard, came = (int(each) for each in counts)
        return played.view(np.bool_), delay[:heard], heard, came, float(sums[0]), float(sums[1])

    @property
    def played(self) -> Flags:
        """Which packets were heard: they came, and in time."""
        return self._tally[0]

    @property
    def missed(self) -> Flags:
        """Which packets came, and were not heard: too late, or thrown away."""
        return ~self.trace.lost & ~self.played

    @property
    def late(self) -> float:
        """Share of the packets that came which were not heard."""
        _, _, heard, came, _, _ = self._tally
        return (came - heard) / came

    @property
    def loss_effective(self) -> float:
        """Share of the packets sent which were not heard."""
        return 1.0 - self._tally[2] / self.trace.packets

    @property
    def delay_s(self) -> Column:
        """From sending to playout, of each packet played, seconds."""
        return self._tally[1]

    @cached_property
    def delay_mean_s(self) -> float:
        """Mean of `delay_s`; NaN if nothing was heard."""
        return float(self.delay_s.mean()) if self.delay_s.size else float("nan")

    @property
    def delay_p95_s(self) -> float:
        """95 % of the packets played took no longer."""
        return _quantile(self.delay_s, 0.95) if self.delay_s.size else float("nan")

    @property
    def regret(self) -> float:
        """Mean delay over that of the offline optimum at the same share of late packets.

        The optimum keeps its delay within a talkspurt; a buffer that stretches sound may come below 1.
        """
        return self.delay_mean_s / self.trace.optimum_s(self.late)

    @cached_property
    def runs(self) -> Runs:
        """How what was not heard clusters."""
        return runs(~self.played)

    @property
    def _tells(self) -> bool:
        """Whether the buffer told itself what it stretched and concealed."""
        return self.concealed_s is not None and self.stretch_s is not None

    @cached_property
    def _changes(self) -> tuple[Column, Column]:
        """Return the concealed and the stretched seconds before or at each packet."""
        if self._tells:
            return np.asarray(self.concealed_s), np.asarray(self.stretch_s)
        heard = np.flatnonzero(self.played)
        spurt, offset = self.trace.spurt[heard], self.playout_s[heard] - self.trace.send_s[heard]
        inside = np.diff(spurt, prepend=spurt[:1] - 1) == 0
        moved = np.where(inside, np.diff(offset, prepend=offset[:1]), 0.0)
        stretch = np.zeros(self.trace.packets)
        stretch[heard] = moved
        return np.where(self.played, 0.0, self.trace.frame_s), stretch

    def _share(self, seconds: float) -> float:
        return seconds / (self.trace.packets * self.trace.frame_s)

    @property
    def concealed(self) -> float:
        """Time concealed, as a share of the sound sent."""
        if self._tells:
            return self._share(float(self._changes[0].sum()))
        return self.loss_effective

    @property
    def expanded(self) -> float:
        """Time won by stretching sound or inserting some inside talkspurts, as a share of the sound sent."""
        return self._share(float(np.maximum(self._changes[1], 0.0).sum()) if self._tells else self._tally[4])

    @property
    def accelerated(self) -> float:
        """Time saved by shortening sound or leaving some out inside talkspurts, as a share of the sound sent."""
        return self._share(float(np.maximum(-self._changes[1], 0.0).sum()) if self._tells else self._tally[5])

    @property
    def stretched(self) -> Column:
        """Seconds by which each packet's sound, or the time before it, was made longer (or shorter, below 0)."""
        return self._changes[1]

    def quality(self, equipment: Equipment = G711_WITH_CONCEALMENT) -> tuple[float, float]:
        """Return R and MOS by the E-model: effective loss, how it clusters, mean delay and a frame to fill a packet."""
        if not self.delay_s.size:
            return 0.0, 1.0
        delay_ms = (self.delay_mean_s + self.trace.frame_s) * 1e3
        ratio = self.runs.burst_ratio
        r = float(rating(max(delay_ms, 0.0), self.loss_effective * 100.0, burst_ratio=ratio, equipment=equipment))
        return r, float(mean_opinion_score(r))

    def __repr__(self) -> str:
        _, mos = self.quality()
        return (
            f"Playout of {self.trace.name} by {self.buffer} · late {self.late:.2%} · not heard "
            f"{self.loss_effective:.2%} · delay {self.delay_mean_s * 1e3:.0f} ms · "
            f"regret {self.regret:.2f} · MOS {mos:.2f}"
        )

    def plot(self, start_s: float = 0.0, seconds: float = 10.0) -> Chart:
        """Draw packet by packet when it came, when it was played, and what was not heard, shortened or stretched."""
        from voxlab.experiments.charts import playout_chart

        return playout_chart(self, start_s, seconds)
