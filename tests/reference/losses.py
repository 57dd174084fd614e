"""Bursts and gaps of RFC 3611 s.4.7.2 by looking at the whole stream at once."""

from __future__ import annotations

from collections.abc import Sequence

GMIN = 16


def clusters(missing: Sequence[bool]) -> list[list[int]]:
    """Return the losses, together where fewer than GMIN packets came between them."""
    found: list[list[int]] = []
    for at, gone in enumerate(missing):
        if not gone:
            continue
        if found and at - found[-1][-1] - 1 < GMIN:
            found[-1].append(at)
        else:
            found.append([at])
    return found


def bursts(missing: Sequence[bool]) -> tuple[int, int, int, int, int]:
    """Return packets, lost, bursts, packets within bursts, lost within bursts."""
    many = [each for each in clusters(missing) if len(each) > 1]
    spans = sum(each[-1] - each[0] + 1 for each in many)
    return len(missing), sum(missing), len(many), spans, sum(map(len, many))
