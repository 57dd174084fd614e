"""Playout by the histogram of recent delays: Moon, Kurose and Towsley (1998), Asterisk's way, and voxlab's own.

Kernels of the shape that `playout_classic` describes. A histogram here has bins of a millisecond; a window remembers
which bins its packets fell into, and a finger rests on the bin of the wanted quantile, so that a packet costs a few
additions however long the window. The playout delay changes with a talkspurt only, so the packets of one go through in
one sweep as long as nothing is out of the ordinary. Must not know losses.
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
    return np.int32(min(max(excess_s * 1000.0 + BELOW, 0.0), BINS - 1.0))


@inner
def forget(memory: Any, first: Any, last: Any, finger: Any) -> Any:
    """Take the packets in places of the window out of the histogram; return how many lay up to the finger."""
    upto = np.int64(0)
    for place in range(first, last):
        gone = memory[np.uint64(BINS + place)]
        memory[np.uint64(gone)] -= 1
        upto += gone <= finger
    return upto


@inner
def learn(memory: Any, first: Any, last: Any, finger: Any) -> Any:
    """Put the packets in places of the window into the histogram; return how many lie up to the finger."""
    upto = np.int64(0)
    for place in range(first, last):
        at = memory[np.uint64(BINS + place)]
        memory[np.uint64(at)] += 1
        upto += at <= finger
    return upto


@inner
def remember(memory: Any, place: Any, at: Any, full: Any, finger: Any) -> Any:
    """Put one packet into a place of the window, which is full or not; return how many more lie up to the finger."""
    gone = forget(memory, place, place + 1, finger) if full else np.int64(0)
    memory[np.uint64(BINS + place)] = at
    return learn(memory, place, place + 1, finger) - gone


@inner
def move_finger(memory: Any, wanted: Any, finger: Any, upto: Any) -> Any:
    """Return the lowest bin up to which there are as many packets as wanted, and how many these are."""
    while upto < wanted:
        finger += 1
        upto += memory[np.uint64(finger)]
    while upto - memory[np.uint64(finger)] >= wanted and finger > 0:
        upto -= memory[np.uint64(finger)]
        finger -= 1
    return finger, upto


@inner
def calm(arrival: Any, media: Any, spurt: Any, first: Any, last: Any, current: Any, limit_s: Any) -> Any:
    """Return up to which packet all are of the talkspurt under way and none is out of the ordinary."""
    i = np.uint64(first)
    while i < np.uint64(last) and spurt[i] == current and arrival[i] - media[i] <= limit_s:
        i += np.uint64(1)
    return np.int64(i)


@inner
def sweep(arrival: Any, media: Any, origin: Any, offset: Any, bins: Any, playout: Any) -> None:
    """Play packets at one delay and note the bin of each; vector instructions, since none waits for another."""
    for i in range(bins.size):
        bins[i] = place_in_bins(arrival[i] - media[i] - origin)
        playout[i] = media[i] + offset


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
    length, i = memory.size - BINS, 0
    while i < arrival.size:
        if current >= 0 and not spike:
            first, last, limit = i, min(arrival.size, i + length - place), head * offset
            i = calm(arrival, media, spurt, first, last, current, limit)
            end = place + i - first
            if seen >= length:
                upto -= forget(memory, place, end, finger)
            bins = memory[BINS + place : BINS + end]
            sweep(arrival[first:i], media[first:i], origin, offset, bins, playout[first:i])
            upto += learn(memory, place, end, finger)
            seen += end - place
            place = end if end < length else 0
            if i == last:
                continue
        n = arrival[i] - media[i]
        if current < 0:
            origin, finger = n, BELOW
        if spike:
            if n <= tail * old:
                spike = False
        elif current >= 0 and n > head * offset:
            spike, old = True, offset
        else:
            upto += remember(memory, place, place_in_bins(n - origin), seen >= length, finger)
            place = place + 1 if place + 1 < length else 0
            seen += 1
        if spurt[i] > current:
            finger, upto = move_finger(memory, whole(np.ceil(quantile * min(seen, length))), finger, upto)
            before, offset = offset, (n if spike else origin + (finger - BELOW + 1) * BIN_S)
            current = spurt[i]
        playout[i] = media[i] + (offset if spurt[i] >= current else before)
        i += 1
    state[SPURT], state[OFFSET], state[BEFORE] = current, offset, before
    state[3], state[4], state[5], state[6], state[7] = origin, seen, place, finger, upto
    state[8], state[9] = 1.0 if spike else 0.0, old


@inner
def approach(base: Any, n: Any, weight: Any) -> Any:
    """Return an average with one delay more; written so that what waits for the average is short."""
    return (1.0 - weight) * base + weight * n


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
    length, settled, i = memory.size - BINS, np.int64(1.0 / weight), whole(0)
    while i < arrival.size:
        if current >= 0 and astray == 0 and seen >= settled and seen >= length:
            last, limit = np.uint64(min(arrival.size, i + length - place)), offset + beyond
            k, slot = np.uint64(i), np.uint64(BINS + place)
            while k < last and spurt[k] == current:
                n = arrival[k] - media[k]
                if n > limit:
                    break
                gone, at = memory[slot], place_in_bins(n - base)
                memory[slot] = at
                memory[np.uint64(gone)] -= 1
                memory[np.uint64(at)] += 1
                upto += np.int64(at <= finger) - np.int64(gone <= finger)
                base = approach(base, n, weight)
                playout[k] = media[k] + offset
                k, slot = k + np.uint64(1), slot + np.uint64(1)
            end = np.int64(slot) - BINS
            seen, place, i = seen + end - place, end if end < length else 0, np.int64(k)
            if k == last:
                continue
        n = arrival[i] - media[i]
        if current < 0:
            base, finger, offset = n, BELOW, n + parameters[4]
        if n > offset + beyond and astray < patience:
            astray += 1
        else:
            if astray >= patience:
                base = n
            astray = 0
            upto += remember(memory, place, place_in_bins(n - base), seen >= length, finger)
            place = place + 1 if place + 1 < length else 0
            seen += 1
            base = approach(base, n, weight if seen >= settled else 1.0 / (seen + 1))
        if spurt[i] > current:
            finger, upto = move_finger(memory, whole(np.ceil(quantile * min(seen, length))), finger, upto)
            before = offset
            offset = offset if current < 0 else base + (finger - BELOW + 1) * BIN_S
            current = spurt[i]
        playout[i] = media[i] + (offset if spurt[i] >= current else before)
        i += 1
    state[SPURT], state[OFFSET], state[BEFORE] = current, offset, before
    state[3], state[4], state[5], state[6], state[7] = base, seen, place, finger, upto
    state[8] = astray
