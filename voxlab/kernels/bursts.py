"""Whether losses come alone or in bursts (RFC 3611 s.4.7.2), judged number by number behind the horizon of reordering.

A burst begins and ends with a packet that was lost or came too late to be played, and within it fewer than Gmin come
one after the other; a loss that stands alone belongs to the gap around it. Must not know why a packet is missing.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

from voxlab.kernels._jit import inner
from voxlab.kernels.stream_cells import (
    BURST_LOST,
    BURST_SPAN,
    BURSTS,
    CLUSTER_LOST,
    CLUSTER_SPAN,
    GMIN,
    HIGHEST,
    JUDGED,
    JUDGED_LOST,
    NEXT_JUDGED,
    RUN,
    WINDOW,
)

Cells: TypeAlias = Any
"""A list, or an array of the same numbers: the body indexes either."""


@inner
def judge(missing: bool, counters: Cells) -> None:
    """Take the fate of the next number."""
    counters[JUDGED] += 1
    if not missing:
        counters[RUN] += 1
        return
    counters[JUDGED_LOST] += 1
    if counters[CLUSTER_LOST] and counters[RUN] < GMIN:
        counters[CLUSTER_SPAN] += counters[RUN] + 1
        counters[CLUSTER_LOST] += 1
    else:
        close_cluster(counters)
        counters[CLUSTER_SPAN] = 1
        counters[CLUSTER_LOST] = 1
    counters[RUN] = 0


@inner
def close_cluster(counters: Cells) -> None:
    """Count the losses since the last long run of packets: one alone is none, more are a burst."""
    if counters[CLUSTER_LOST] > 1:
        counters[BURSTS] += 1
        counters[BURST_SPAN] += counters[CLUSTER_SPAN]
        counters[BURST_LOST] += counters[CLUSTER_LOST]


@inner
def judge_up_to(number: int, counters: Cells, window: Cells) -> None:
    """Judge every number up to and with this one that has not been judged yet."""
    while counters[NEXT_JUDGED] <= number:
        came = window[counters[NEXT_JUDGED] & (WINDOW - 1)] == 2 * counters[NEXT_JUDGED]
        judge(not came, counters)
        counters[NEXT_JUDGED] += 1


class Bursts(NamedTuple):
    """How the losses of one stream lie.

    Attributes
    ----------
    packets, lost : int
        Of the whole stream; lost are those that never came and those that came too late.
    bursts : int
        How many bursts there were.
    burst_packets, burst_lost : int
        Packets that the bursts span, and those missing among them.
    """

    packets: int
    lost: int
    bursts: int
    burst_packets: int
    burst_lost: int

    @property
    def burst_loss(self) -> float:
        """Fraction missing within bursts, 0 without any: the RFC's burst density over 256."""
        return self.burst_lost / self.burst_packets if self.burst_packets else 0.0

    @property
    def gap_loss(self) -> float:
        """Fraction missing outside of bursts: the RFC's gap density over 256."""
        within = self.packets - self.burst_packets
        return (self.lost - self.burst_lost) / within if within else 0.0

    @property
    def burst_length(self) -> float:
        """Mean packets in a burst, 0 without any."""
        return self.burst_packets / self.bursts if self.bursts else 0.0

    @property
    def gap_length(self) -> float:
        """Mean packets in a gap; bursts lie between gaps, so there is one gap more than there are bursts."""
        return (self.packets - self.burst_packets) / (self.bursts + 1)


NO_BURSTS = Bursts(0, 0, 0, 0, 0)


def bursts(counters: Cells, window: Cells) -> Bursts:
    """Return how the losses lie so far; what is open still is judged on a copy.

    Parameters
    ----------
    counters : sequence of int, `COUNTERS` cells
    window : sequence of int, `WINDOW` cells
    """
    cells = [int(each) for each in counters]
    judge_up_to(cells[HIGHEST], cells, window)
    close_cluster(cells)
    return Bursts(cells[JUDGED], cells[JUDGED_LOST], cells[BURSTS], cells[BURST_SPAN], cells[BURST_LOST])
