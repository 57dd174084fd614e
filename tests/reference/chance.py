"""xoshiro256++ and what is drawn with it, in Python's whole numbers, step by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

MASK = (1 << 64) - 1
CELLS = 1024


def rotl(x: int, k: int) -> int:
    return (x << k | x >> (64 - k)) & MASK


def splitmix(seed: int, purpose: int = 0) -> list[int]:
    at = (seed * 0x9E3779B97F4A7C15 + purpose * 0xD1342543DE82EF95) & MASK
    words = []
    for _ in range(4):
        at = (at + 0x9E3779B97F4A7C15) & MASK
        z = (at ^ at >> 30) * 0xBF58476D1CE4E5B9 & MASK
        z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
        words.append(z ^ z >> 31)
    return words


def xoshiro(state: Sequence[int]) -> Iterator[int]:
    s = list(state)
    while True:
        yield (rotl((s[0] + s[3]) & MASK, 23) + s[0]) & MASK
        t = s[1] << 17 & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotl(s[3], 45)


def look_up(table: Sequence[float], bits: int) -> float:
    """One of 1024 cells by the top bits; in the outermost ones, one of 1024 again."""
    cell, share = bits >> 54, (bits >> 10 & (1 << 44) - 1) / 2**44
    if cell in {0, CELLS - 1}:
        start = CELLS + 1 if cell == 0 else 2 * (CELLS + 1)
        cell, share = start + (bits >> 44 & 1023), (bits >> 10 & (1 << 34) - 1) / 2**34
    return table[cell] + share * (table[cell + 1] - table[cell])


def gilbert_elliott(draws: Iterator[int], n: int, p: float, r: float, h: float, k: float) -> list[bool]:
    lost, bad = [], False
    for bits in (next(draws) for _ in range(n)):
        transit, fate = bits >> 32, bits & 0xFFFFFFFF
        lost.append(fate < round((1 - h if bad else 1 - k) * 2**32))
        bad = transit >= round(r * 2**32) if bad else transit < round(p * 2**32)
    return lost


def four_state(draws: Iterator[int], n: int, p13: float, p31: float, p32: float, p23: float, p14: float) -> list[bool]:
    lost, state = [], 1
    for bits in (next(draws) for _ in range(n)):
        u = (bits >> 32) / 2**32
        if state == 1:
            state = 4 if u < p14 else 3 if u < p14 + p13 else 1
        elif state == 2:
            state = 3 if u < p23 else 2
        elif state == 3:
            state = 2 if u < p32 else 1 if u < p32 + p31 else 3
        else:
            state = 1
        lost.append(state in {3, 4})
    return lost
