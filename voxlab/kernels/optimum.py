"""The best that any playout can do who may look into the future (Moon, Kurose, Towsley 1998, s.4).

A buffer that keeps its delay within a talkspurt chooses one delay for each. Their dynamic programme finds the least
mean delay for each number of packets played, in time of the square of the packets. Here the same question is answered
at the price of sorting: playing the j packets of a spurt that came soonest costs j times the j-th delay; the lower
convex hull of these costs, over all spurts, gives the least total for a number played, exact at the hull's corners and
a lower bound between them. Must not know buffers.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from voxlab.kernels._jit import long_run
from voxlab.kernels.chance import Column

_IN: Final = "Array(float64, 1, 'C', True)"


@long_run(f"int64({_IN}, Array(int64, 1, 'C', True), float64[::1], int64[::1], int64[::1])")
def _hulls(
    delay: Column,
    ends: npt.NDArray[np.int64],
    slope: Column,
    width: npt.NDArray[np.int64],
    stack: npt.NDArray[np.int64],
) -> Any:
    """Write each spurt's hull as edges: seconds for each packet more, and packets; return how many edges."""
    edges = 0
    start = 0
    for s in range(ends.size):
        count = ends[s] - start
        top = 0
        stack[0] = 0
        for j in range(1, count + 1):
            cost = j * delay[start + j - 1]
            while top > 0:
                a, b = stack[top - 1], stack[top]
                cost_a = a * delay[start + a - 1] if a else 0.0
                cost_b = b * delay[start + b - 1]
                if (cost_b - cost_a) * (j - b) < (cost - cost_b) * (b - a):
                    break
                top -= 1
            top += 1
            stack[top] = j
        for e in range(top):
            a, b = stack[e], stack[e + 1]
            cost_a = a * delay[start + a - 1] if a else 0.0
            slope[edges] = (b * delay[start + b - 1] - cost_a) / (b - a)
            width[edges] = b - a
            edges += 1
        start = ends[s]
    return edges


def offline_optimum(transit_s: npt.ArrayLike, spurt: npt.ArrayLike) -> tuple[Column, Column]:
    """Return the least mean delay for each share of late packets.

    Parameters
    ----------
    transit_s : float64 array, shape (n,)
        From sending to arrival, of the packets that arrived.
    spurt : int array, shape (n,)
        The talkspurt of each; equal numbers need not stand together.

    Returns
    -------
    late : float64 array, shape (m,)
        Shares of the n packets that come too late, ascending from 0; at m - 1 corners and at the last packet.
    delay_s : float64 array, shape (m,)
        Mean of the delay from sending to playout over the packets played.
    """
    transit = np.asarray(transit_s, dtype=np.float64)
    number = np.asarray(spurt, dtype=np.int64)
    if transit.shape != number.shape or not transit.size:
        raise ValueError(
            f"{transit.size} transit times for {number.size} spurt numbers; there must be as many, and one"
        )
    order = np.lexsort((transit, number))
    delay = np.ascontiguousarray(transit[order])
    ends = np.append(np.flatnonzero(np.diff(number[order])) + 1, transit.size)
    slope, width = np.empty(transit.size), np.empty(transit.size, dtype=np.int64)
    edges = _hulls(delay, ends, slope, width, np.empty(transit.size + 1, dtype=np.int64))
    cheapest = np.argsort(slope[:edges], kind="stable")
    played = np.cumsum(width[cheapest])
    total = np.cumsum(slope[cheapest] * width[cheapest])
    return 1.0 - played[::-1] / transit.size, (total / played)[::-1]
