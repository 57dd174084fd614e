"""A polyphase filter in plain Python, one multiplication after the other, in the order that the kernel promises."""

from __future__ import annotations

from collections.abc import Sequence


def filtered(
    padded: Sequence[float], phases: Sequence[Sequence[float]], down: int, offset: int, count: int
) -> list[int]:
    """Return every ``down``-th sample of what the filter lets through, rounded to even, cut off at full scale."""
    up, out = len(phases), []
    for i in range(count):
        row, start = phases[i * down % up], i * down // up + offset
        sums = [0.0, 0.0, 0.0, 0.0]
        for k, tap in enumerate(row):
            sums[k % 4] += padded[start + k] * tap
        total = (sums[0] + sums[1]) + (sums[2] + sums[3])
        out.append(min(max(round(total), -32768), 32767))
    return out
