"""NetEQ's decisions, frame by frame, with sets and lists: what becomes of each packet of a trace."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import ceil, inf


def neteq(  # noqa: C901, PLR0915 - told in one piece, as the decisions fall
    arrivals: Sequence[float],
    media: Sequence[float],
    spurt: Sequence[int],
    quantile: float,
    forget: float,
    frame: float,
) -> list[tuple[float, str]]:
    """What becomes of each packet, by number: (playout, what was done)."""
    fate = [(-inf, "not played")] * len(media)
    coming = deque(sorted((n for n in range(len(media)) if arrivals[n] < inf), key=lambda n: arrivals[n]))
    seen: list[int] = []
    histogram, target, worst, resampled, updates = [0.0] * 100, 0.08, 0.0, -inf, 0
    t, hold, level, made, conceals, k, current = -inf, -inf, 0.0, 0.0, False, 0, -1
    here: set[int] = set()

    def learn(number: int) -> None:
        nonlocal target, worst, resampled, updates
        seen.append(number)
        now = arrivals[number]
        least = min(arrivals[n] - media[n] for n in seen if arrivals[n] >= now - 2)
        worst = max(worst, now - media[number] - least)
        if now - resampled >= 0.5:
            keep = min(forget, 1 - 2 / (updates + 2))
            histogram[:] = [each * keep for each in histogram]
            histogram[min(int(worst / 0.02), 99)] += 1 - keep
            bucket, above = 99, 0.0
            while bucket and above + histogram[bucket] <= (1 - quantile) * sum(histogram):
                above += histogram[bucket]
                bucket -= 1
            target = (bucket + 1) * 0.02
            updates, resampled, worst = updates + 1, now, 0.0

    while k < len(media):
        begins = spurt[k] != current
        if begins:
            k = next((n for n in range(k, len(media)) if arrivals[n] < inf), len(media))
            if k == len(media):
                break
            t = max(t, arrivals[k])
        while coming and arrivals[coming[0]] <= t:
            learn(coming[0])
            here.add(coming.popleft())
        waiting = sorted(n for n in here if n >= k)
        if begins:
            current, level, conceals, made = spurt[k], target, False, 0.0
            t += max(target - frame, 0)
        elif k in here:
            kept = 251 if target <= frame else 252 if target <= 3 * frame else 253 if target <= 7 * frame else 254
            weight = (kept / 256) ** 2
            level = weight * level + (1 - weight) * len(waiting) * frame
            low = max(0.75 * target, target - 0.085)
            what, length = ("merged" if conceals else "normal"), frame
            if not conceals and t >= hold:
                if level >= max(target, low + 0.02) and len(waiting) * frame >= 0.03:
                    what, length = "accelerated", frame - 0.01
                elif level < low:
                    what, length = "expanded", frame + 0.01
                if length != frame:
                    level, hold = level + length - frame, t + 0.05
            fate[k] = (t, what)
            t, k, conceals, made = t + length, k + 1, False, 0.0
        elif waiting:
            enough = made >= media[waiting[0]] - media[k] or level >= target
            if spurt[waiting[0]] != current or (conceals and enough):
                k = waiting[0]
            else:
                conceals, made, t = True, made + 0.01, t + 0.01
        elif coming:
            if coming[0] > k and spurt[coming[0]] != current:
                k = spurt.index(spurt[coming[0]])
            else:
                chunks = ceil((arrivals[coming[0]] - t) / 0.01)
                conceals, made, t = True, made + chunks * 0.01, t + chunks * 0.01
        else:
            break
    return fate
