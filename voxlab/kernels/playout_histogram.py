"""Playout by the histogram of recent delays: Moon, Kurose and Towsley (1998), Asterisk's way, and voxlab's own.

Kernels of the shape that `playout_classic` describes. A histogram here has bins of a millisecond; a window remembers
which bins its packets fell into, and a finger rests on the bin of the wanted quantile, so that a packet costs a few
additions however long the window. Must not know losses.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from voxlab.kernels._jit import inner, long_run
from voxlab.kernels.playout_classic import BEFORE, OFFSET, SIGNATURE, SPURT, whole

BINS: Final = 4096
BELOW: Final = 1024
"""Bins under the first packet's delay: delays from 1.024 s less to 3.071 s more are told apart."""
BIN_S: Final = 0.001


@inner
def place_in_bins(excess_s: Any) -> Any:
    """Return the bin of a delay, counted from the first packet's."""
    return min(max(np.int64(excess_s * 1000.0 + BELOW), 0), BINS - 1)


@long_run(SIGNATURE)
def moon(arrival: Any, media: Any, spurt: Any, parameters: Any, state: Any, memory: Any, playout: Any) -> None:
    """Play at a quantile of the last delays; follow a spike by its first delay (Moon et al. 1998, s.3).

    ``parameters``: quantile, head (a delay above head times the playout delay begins a spike), tail (one under tail
    times the delay before it ends it). ``memory``: the histogram, then the window, whose length is what remains.
    ``state``: [3] first delay, [4] packets seen outside spikes, [5] place in the window, [6] the finger's bin, [7]
    packets up to it, [8] 1 in a spike, [9] the delay before the spike.
    """
    quantile, head, tail = parameters[0], parameters[1], parameters[2]
    current, offset, before = whole(state[SPURT]), state[OFFSET], state[BEFORE]
    origin, old, spike = state[3], state[9], state[8] != 0.0
    seen, place, finger, upto = whole(state[4]), whole(state[5]), whole(state[6]), whole(state[7])
    length = memory.size - BINS
    for i in range(arrival.size):
        n = arrival[i] - media[i]
        if current < 0:
            origin, finger = n, BELOW
        if spike:
            if n <= tail * old:
                spike = False
        elif current >= 0 and n > head * offset:
            spike, old = True, offset
        else:
            at = place_in_bins(n - origin)
            if seen >= length:
                gone = np.uint64(memory[np.uint64(BINS + place)])
                memory[gone] -= 1
                upto -= np.int64(gone) <= finger
            memory[np.uint64(BINS + place)] = at
            memory[np.uint64(at)] += 1
            upto += at <= finger
            place = place + 1 if place + 1 < length else 0
            seen += 1
        if spurt[i] > current:
            wanted = np.int64(np.ceil(quantile * min(seen, length)))
            while upto < wanted:
                finger += 1
                upto += memory[finger]
            while upto - memory[finger] >= wanted and finger > 0:
                upto -= memory[finger]
                finger -= 1
            before, offset = offset, (n if spike else origin + (finger - BELOW + 1) * BIN_S)
            current = spurt[i]
        playout[i] = media[i] + (offset if spurt[i] >= current else before)
    state[SPURT], state[OFFSET], state[BEFORE] = current, offset, before
    state[3], state[4], state[5], state[6], state[7] = origin, seen, place, finger, upto
    state[8], state[9] = 1.0 if spike else 0.0, old


@long_run(SIGNATURE)
def tide(arrival: Any, media: Any, spurt: Any, parameters: Any, state: Any, memory: Any, playout: Any) -> None:
    """Voxlab's own: a slow level follows the drift, a histogram holds what exceeds it, spikes are let pass.

    A playout at a quantile of the last delays is hard to beat on steady jitter, and fails twice: it lags behind a drift
    that is slower than its window, and a spike fills it with delays that are over by the time they count. So the level
    is a short average and the histogram is long and relative to it; and a delay far above the one that is played goes
    into neither, unless such delays go on: then they are the new level.

    ``parameters``: quantile, weight of a packet in the level, seconds above the playout delay that are out of the
    ordinary, packets in a row that make them ordinary, seconds above the first packet to begin with. ``memory``: as of
    `moon`. ``state``: [3] level, [4] packets seen, [5] place in the window, [6] the finger's bin, [7] packets up to it,
    [8] packets in a row out of the ordinary.
    """
    quantile, weight, beyond, patience = parameters[0], parameters[1], parameters[2], parameters[3]
    current, offset, before = whole(state[SPURT]), state[OFFSET], state[BEFORE]
    base, astray = state[3], whole(state[8])
    seen, place, finger, upto = whole(state[4]), whole(state[5]), whole(state[6]), whole(state[7])
    length, settled = memory.size - BINS, np.int64(1.0 / weight)
    for i in range(arrival.size):
        n = arrival[i] - media[i]
        if current < 0:
            base, finger, offset = n, BELOW, n + parameters[4]
        if n > offset + beyond and astray < patience:
            astray += 1
        else:
            if astray >= patience:
                base = n
            astray = 0
            excess = n - base
            at = place_in_bins(excess)
            if seen >= length:
                gone = np.uint64(memory[np.uint64(BINS + place)])
                memory[gone] -= 1
                upto -= np.int64(gone) <= finger
            memory[np.uint64(BINS + place)] = at
            memory[np.uint64(at)] += 1
            upto += at <= finger
            place = place + 1 if place + 1 < length else 0
            seen += 1
            base += (weight if seen >= settled else 1.0 / (seen + 1)) * excess
        if spurt[i] > current:
            wanted = np.int64(np.ceil(quantile * min(seen, length)))
            while upto < wanted:
                finger += 1
                upto += memory[finger]
            while upto - memory[finger] >= wanted and finger > 0:
                upto -= memory[finger]
                finger -= 1
            before = offset
            offset = offset if current < 0 else base + (finger - BELOW + 1) * BIN_S
            current = spurt[i]
        playout[i] = media[i] + (offset if spurt[i] >= current else before)
    state[SPURT], state[OFFSET], state[BEFORE] = current, offset, before
    state[3], state[4], state[5], state[6], state[7] = base, seen, place, finger, upto
    state[8] = astray
