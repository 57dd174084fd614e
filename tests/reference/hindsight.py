"""What is known when all is over: the best playout, by trying everything, and how losses clustered."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import inf


def optimum(transits: Sequence[Sequence[float]], played: int) -> float:
    """The least total delay at which ``played`` packets of these talkspurts are heard, by trying all combinations."""
    options = [[(j, j * sorted(spurt)[j - 1] if j else 0.0) for j in range(len(spurt) + 1)] for spurt in transits]
    best = {0: 0.0}
    for option in options:
        step: dict[int, float] = {}
        for count, total in best.items():
            for j, cost in option:
                step[count + j] = min(step.get(count + j, inf), total + cost)
        best = step
    return best[played]


def runs(lost: Sequence[bool], gmin: int = 16) -> tuple[int, int, int, int]:
    """Packets and losses within bursts, packets and losses in gaps (RFC 3611 s.4.7.2), by its definition.

    A burst begins and ends with a loss, holds more than one, and no ``gmin`` packets received in a row.
    """
    inside = [False] * len(lost)
    losses = [n for n, each in enumerate(lost) if each]
    for first, last in combinations(losses, 2):
        if last - first <= gmin:
            inside[first : last + 1] = [True] * (last - first + 1)
    burst = sum(inside), sum(each for each, within in zip(lost, inside, strict=True) if within)
    return (*burst, len(lost) - burst[0], sum(lost) - burst[1])
