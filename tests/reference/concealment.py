"""Concealment as ITU-T G.711 Appendix I describes it, in plain lists: speech grows, and a gap reads from its end.

Pitch by correlation of the last 20 ms, one period repeated, then two and three, a fifth less loud each 10 ms from the
second frame on, silence after 60 ms, and overlap-add wherever two sounds meet.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

FRAME = 80  # 10 ms at 8 kHz
HISTORY = 390  # 48.75 ms
DELAY = 30  # 3.75 ms: the longest quarter of a period
SHORTEST, LONGEST = 40, 120  # periods of 5 to 15 ms
COMPARED = 160
LEAST_ENERGY = 250.0


def likeness(speech: Sequence[float], lag: int, step: int) -> float:
    """Normalised correlation of the last 20 ms with those ``lag`` samples before, every ``step``-th sample."""
    now, before = speech[-COMPARED:], speech[-COMPARED - lag : -lag]
    pairs = [(now[i], before[i]) for i in range(0, COMPARED, step)]
    alike, energy = 0.0, 0.0
    for a, b in pairs:
        alike += b * a
        energy += b * b
    return alike / math.sqrt(max(energy, LEAST_ENERGY))


def pitch_period(speech: Sequence[float]) -> int:
    """The most alike period: first every second one at half the rate, then its neighbours at the full rate."""
    coarse = max(range(SHORTEST, LONGEST + 1, 2), key=lambda lag: (likeness(speech, lag, 2), -lag))
    near = range(max(coarse - 1, SHORTEST), min(coarse + 1, LONGEST) + 1)
    return max(near, key=lambda lag: (likeness(speech, lag, 1), -lag))


def overlapped(falling: Sequence[float], rising: Sequence[float]) -> list[float]:
    count = len(rising)
    return [(1.0 - (i + 1.0) / count) * falling[i] + (i + 1.0) / count * rising[i] for i in range(count)]


class Gap:
    """One erasure: what is repeated, where it stands, and for how many frames it has lasted."""

    def __init__(self, speech: list[float]) -> None:
        self.recent = speech[-HISTORY:]
        self.pitch = pitch_period(self.recent)
        self.quarter = self.pitch // 4
        self.periods = 1
        self.position = 0
        self.frames = 0
        speech[-self.quarter :] = self.cycle()[-self.quarter :]

    def cycle(self) -> list[float]:
        """The last periods, the end of them overlapped with what came before their beginning."""
        length = self.periods * self.pitch
        before = self.recent[-length - self.quarter : -length]
        return self.recent[-length : -self.quarter] + overlapped(self.recent[-self.quarter :], before)

    def ahead(self, count: int) -> list[float]:
        cycle = self.cycle()
        return [cycle[(self.position + i) % len(cycle)] for i in range(count)]

    def one_period_more(self) -> list[float]:
        """Return a frame in which two repetitions run into three, or one into two."""
        before = self.ahead(self.quarter)
        while self.position > self.pitch:
            self.position -= self.pitch
        self.periods += 1
        after = self.ahead(FRAME)
        return overlapped(before, after[: self.quarter]) + after[self.quarter :]

    def loudness(self, i: int) -> float:
        return max(0.0, 1.0 - (self.frames - 1) * 0.2 - i * 0.2 / FRAME) if self.frames else 1.0

    def frame(self) -> list[float]:
        made = self.one_period_more() if self.frames in (1, 2) else self.ahead(FRAME)
        faded = [made[i] * self.loudness(i) if self.frames < 6 else 0.0 for i in range(FRAME)]
        self.position = (self.position + FRAME) % (self.periods * self.pitch)
        self.frames += 1
        return faded

    def into(self, good: list[float]) -> list[float]:
        """Overlap the first good frame: a quarter of a period, and 4 ms more for each further frame that was lost."""
        count = min(self.quarter + (self.frames - 1) * 32, FRAME)
        gain = max(0.0, 1.0 - (self.frames - 1) * 0.2)
        ahead = self.ahead(count)
        blended = [gain * (1.0 - (i + 1.0) / count) * ahead[i] + (i + 1.0) / count * good[i] for i in range(count)]
        return blended + good[count:]


def conceal(samples: Sequence[int], missing: Sequence[bool]) -> list[int]:
    """Frames of 10 ms in, as many out, 30 samples late."""
    speech, gap = [0.0] * HISTORY, None
    for number, lost in enumerate(missing):
        good = [float(each) for each in samples[number * FRAME : (number + 1) * FRAME]]
        if lost:
            gap = gap or Gap(speech)
            speech += gap.frame()
        else:
            speech += gap.into(good) if gap else good
            gap = None
    late = speech[HISTORY - DELAY : len(speech) - DELAY]
    return [math.floor(min(max(each, -32768.0), 32767.0) + 0.5) for each in late]
