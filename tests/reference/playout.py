"""Jitter buffers as their papers and sources tell them: one packet after the other, windows kept as lists and sorted.

Each takes packets as (arrival, media, talkspurt) in order of arrival and returns their playout times.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from math import ceil, floor, inf

Packet = tuple[float, float, int]
BIN = 0.001


class Spurts:
    """The offset of the talkspurt under way, and of the one before for its stragglers."""

    def __init__(self) -> None:
        self.number, self.offset, self.before = -1, 0.0, 0.0

    def begins(self, spurt: int) -> bool:
        return spurt > self.number

    def begin(self, spurt: int, offset: float) -> None:
        self.number, self.before, self.offset = spurt, self.offset, offset

    def playout(self, media: float, spurt: int) -> float:
        return media + (self.offset if spurt >= self.number else self.before)


def fixed(packets: Iterable[Packet], delay: float) -> list[float]:
    packets = list(packets)
    offset = packets[0][0] - packets[0][1] + delay
    return [media + offset for _, media, _ in packets]


def ramjee(packets: Iterable[Packet], algorithm: int, multiple: float) -> list[float]:
    if algorithm == 4:
        return ramjee_4(packets, multiple)
    spurts, d, v, least, out = Spurts(), 0.0, 0.0, inf, []
    a = 0.998002
    for arrival, media, spurt in packets:
        n = arrival - media
        if spurts.number < 0:
            d = n
        if algorithm == 3:
            if spurts.begins(spurt):
                d = n if spurts.number < 0 else least
                spurts.begin(spurt, d + multiple * v)
                least = n
            least = min(least, n)
            v = a * v + (1 - a) * abs(d - n)
        else:
            weight = 0.75 if algorithm == 2 and n > d else a
            d = weight * d + (1 - weight) * n
            v = a * v + (1 - a) * abs(d - n)
            if spurts.begins(spurt):
                spurts.begin(spurt, d + multiple * v)
        out.append(spurts.playout(media, spurt))
    return out


def ramjee_4(packets: Iterable[Packet], multiple: float) -> list[float]:
    spurts, out, d, v, slope, impulse = Spurts(), [], 0.0, 0.0, 0.0, False
    history: deque[float] = deque(maxlen=2)
    for arrival, media, spurt in packets:
        n = arrival - media
        if not history:
            d = n
            history.extend((n, n))
        second, last = history
        if not impulse:
            if abs(n - last) > 2 * abs(v) + 0.1:
                impulse, slope = True, 0.0
        else:
            slope = slope / 2 + abs(2 * n - last - second) / 8
            if slope <= 63 / 8000:
                impulse = False
        d = d + n - last if impulse else 0.125 * n + 0.875 * d
        v = 0.125 * abs(n - d) + 0.875 * v
        history.append(n)
        if spurts.begins(spurt):
            spurts.begin(spurt, d + multiple * v)
        out.append(spurts.playout(media, spurt))
    return out


def bin_of(excess: float) -> int:
    return max(-1024, min(3071, floor(excess * 1000 + 1024) - 1024))


def quantile_bin(window: Sequence[int], quantile: float) -> int:
    return sorted(window)[ceil(quantile * len(window)) - 1] if ceil(quantile * len(window)) else min(window)


def moon(packets: Iterable[Packet], quantile: float, head: float, tail: float, length: int) -> list[float]:
    spurts, out, spike, old, origin = Spurts(), [], False, 0.0, 0.0
    window: deque[int] = deque(maxlen=length)
    for arrival, media, spurt in packets:
        n = arrival - media
        if spurts.number < 0:
            origin = n
        if spike:
            spike = n > tail * old
        elif spurts.number >= 0 and n > head * spurts.offset:
            spike, old = True, spurts.offset
        else:
            window.append(bin_of(n - origin))
        if spurts.begins(spurt):
            spurts.begin(spurt, n if spike else origin + (quantile_bin(window, quantile) + 1) * BIN)
        out.append(spurts.playout(media, spurt))
    return out


def tide(
    packets: Iterable[Packet], quantile: float, weight: float, beyond: float, patience: int, start: float, length: int
) -> list[float]:
    spurts, out, level, astray, seen = Spurts(), [], 0.0, 0, 0
    window: deque[int] = deque(maxlen=length)
    for arrival, media, spurt in packets:
        n = arrival - media
        first = spurts.number < 0
        if first:
            level, spurts.offset = n, n + start
        if n > spurts.offset + beyond and astray < patience:
            astray += 1
        else:
            if astray >= patience:
                level = n
            astray = 0
            window.append(bin_of(n - level))
            seen += 1
            newest = weight if seen >= int(1 / weight) else 1 / (seen + 1)
            level = (1 - newest) * level + newest * n
        if spurts.begins(spurt):
            played = n + start if first else level + (quantile_bin(window, quantile) + 1) * BIN
            spurts.begin(spurt, played)
        out.append(spurts.playout(media, spurt))
    return out


def asterisk(packets: Iterable[Packet], extra: float, frame: float) -> list[float]:
    spurts, out, origin, adjusted = Spurts(), [], 0.0, 0.0
    history: deque[int] = deque(maxlen=500)
    for arrival, media, spurt in packets:
        if spurts.number < 0:
            origin = arrival - media
        history.append(bin_of(arrival - media - origin))
        index = min(len(history) * 3 // 100, 14)
        target = origin + (sorted(history, reverse=True)[index] + 1) * BIN + extra
        thrown_away = False
        if spurts.begins(spurt):
            spurts.begin(spurt, target)
            adjusted = arrival
        elif target > spurts.offset and adjusted + 0.04 < arrival:
            spurts.offset += frame
            adjusted = arrival
        elif target < spurts.offset - extra - frame and adjusted + 0.5 < arrival:
            spurts.offset -= frame
            adjusted = arrival
            thrown_away = True
        out.append(-inf if thrown_away else spurts.playout(media, spurt))
    return out


def speex(packets: Iterable[Packet], tradeoff: float, frame: float) -> list[float]:
    spurts, out, automatic, skip = Spurts(), [], 4.0, 0
    windows: deque[tuple[list[float], list[int]]] = deque([([], [0]) for _ in range(3)], maxlen=3)
    for arrival, media, spurt in packets:
        n = arrival - media
        if spurts.number < 0:
            spurts.offset = n
        if windows[-1][1][0] >= 333:
            windows.append(([], [0]))
        longest, count = windows[-1]
        count[0] += 1
        insort(longest, n)
        del longest[:-40]
        total = sum(each[1][0] for each in windows)
        factor = (tradeoff * 100 if tradeoff else automatic * 1000) / total
        chosen = sorted((x for each in windows for x in each[0]), reverse=True)[:40]
        best, step, late, penalty = inf, 0.0, 0, False
        for delay in chosen:
            margin = floor((spurts.offset - delay) / frame) * frame
            if -margin + factor * late < best:
                best, step = -margin + factor * late, margin
            late += 1
            if margin >= 0 and not penalty:
                penalty, late = True, late + 4
        automatic = 0.000125 + (chosen[0] - chosen[-1]) / 40
        if total < 40 and step > 0:
            step = 0.0
        if spurts.begins(spurt):
            spurts.begin(spurt, spurts.offset)
            skip = 0
        elif step > 0:
            skip += round(step / frame)
        spurts.offset -= step
        out.append(-inf if skip else spurts.playout(media, spurt))
        skip = max(0, skip - 1)
    return out


def pjmedia(packets: Iterable[Packet], least: float, frame: float) -> list[float]:
    spurts, out = Spurts(), []
    level = highest = stable = burst = fetches = 0
    fetch, newest, discarded = 0, -inf, 0.0
    for arrival, media, spurt in packets:
        now = floor(arrival / frame)
        if spurts.number < 0:
            fetch, discarded, newest = now, media - 1, media
        if now > fetch:
            fetches += 1
            if fetches > 10:
                highest = max(highest, burst)
                if burst < level:
                    stable += 1
                    if stable > 20:
                        level -= max((level - highest) // 3, 1)
                        highest = stable = 0
                else:
                    level, stable = (highest if burst > level else level), 0
            fetch, burst = now, 0
        burst += 1
        wait = max(max(level, least) - 1, 0) * frame
        thrown_away = False
        if spurts.begins(spurt):
            spurts.begin(spurt, arrival - media + wait)
        elif media + spurts.offset < arrival:
            if media >= newest and spurt >= spurts.number:
                spurts.offset = arrival - media + wait
        else:
            deepest = max(level, burst, 1)
            factor = floor((media + spurts.offset - arrival) / frame) // deepest
            if deepest <= 5 and factor < 3:
                factor = 0
            interval = {0: 0, 1: 7, 2: 5}.get(factor, 4)
            if interval and media - discarded >= (interval - 0.5) * frame:
                thrown_away, discarded = True, media
                spurts.offset -= frame
        newest = max(newest, media)
        out.append(-inf if thrown_away else spurts.playout(media, spurt))
    return out


def baresip(packets: Iterable[Packet], multiple: float) -> list[float]:
    out: list[float] = []
    transits: list[float] = []
    least, jitter, margin, late, spike, slope, mean, used = inf, 0.0, 0.0, 0, False, 0.0, 0.0, 0.0
    newest, due = -1e9, -inf
    for arrival, media, _ in packets:
        n = arrival - media
        if not transits:
            mean = used = n
        turn = due - (newest - media)  # before the newer ones, which have theirs
        if media < newest and arrival > turn:
            late += 1
            out.append(-inf)
            continue
        last, second = (transits or [n])[-1], (transits[-2:] or [n])[0]
        least = min(least, n)
        mean += (n - mean) / 32
        skew = 0.0
        if abs(used - mean) > 0.02:
            skew, used = (0.02 if used > mean else -0.02), mean
        step = abs(n - last)
        jitter += (step - jitter) / 16
        if step > 0.1:
            spike, slope = True, 0.0
        elif spike:
            slope = slope / 2 + (step + abs(n - second)) / 8
            spike = slope >= 0.02
        elif late > 3:
            late, margin = 0, multiple * jitter
        transits.append(n)
        if media < newest:
            out.append(turn)
        else:
            newest, due = media, max(media + least + margin + skew, arrival, due + 0.02)
            out.append(due)
        if skew:
            least = n
    return out


ALGORITHMS: dict[str, Callable[[list[Packet]], list[float]]] = {
    "Fixed(delay_ms=60)": lambda p: fixed(p, 0.06),
    **{f"Ramjee(algorithm={n})": lambda p, n=n: ramjee(p, n, 4.0) for n in (1, 2, 3, 4)},
    "Moon(late=0.02, window=300)": lambda p: moon(p, 0.98, 4.0, 2.0, 300),
    "Moon(late=0.01)": lambda p: moon(p, 0.99, 4.0, 2.0, 10_000),
    "Tide(late=0.01)": lambda p: tide(p, 0.99, 1 / 60, 0.05, 50, 0.06, 10_000),
    "Tide(late=0.03, window=200)": lambda p: tide(p, 0.97, 1 / 60, 0.05, 50, 0.06, 200),
    "Asterisk(extra_ms=40)": lambda p: asterisk(p, 0.04, 0.02),
    "Asterisk(extra_ms=5)": lambda p: asterisk(p, 0.005, 0.02),
    "Speex(tradeoff_ms=0)": lambda p: speex(p, 0.0, 0.02),
    "Speex(tradeoff_ms=10)": lambda p: speex(p, 0.01, 0.02),
    "Pjmedia(prefetch=1)": lambda p: pjmedia(p, 1, 0.02),
    "Pjmedia(prefetch=3)": lambda p: pjmedia(p, 3, 0.02),
    "Baresip(multiple=3)": lambda p: baresip(p, 3.0),
}
