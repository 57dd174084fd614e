"""Playout by the estimates of Ramjee, Kurose, Towsley and Schulzrinne (1994), and at a fixed delay.

All buffers that decide packet by packet have one shape of kernel, so that an array of packets and a single packet take
the same path. Must not know losses: they see what arrives, in the order in which it arrives.

Every body here and in the neighbours takes

=============  ======================  ============================================================
``arrival``    float64 array, (n,)     when each packet came, seconds
``media``      float64 array, (n,)     when it was sent, by the sender's clock, seconds
``spurt``      int32 array, (n,)       its talkspurt, as the marker bit tells (RFC 3551 s.4.1)
``parameters`` float64 array           of the algorithm
``state``      float64 array           what it remembers; begins as zeros with ``state[SPURT] = -1``
``memory``     int32 array             its histograms and windows; begins as zeros
``playout``    float64 array, (n,)     output: when each packet is to be played, seconds; ``-inf`` for one thrown away
=============  ======================  ============================================================

and leaves state and memory ready for the next packets. A packet whose playout is before its arrival came too late.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from voxlab.kernels._jit import inner, long_run

_IN: Final = "Array(float64, 1, 'C', True)"
SIGNATURE: Final = f"void({_IN}, {_IN}, Array(int32, 1, 'C', True), {_IN}, float64[::1], int32[::1], float64[::1])"

# Cells that every state has.
SPURT: Final = 0  # the talkspurt under way
OFFSET: Final = 1  # playout minus media time in it
BEFORE: Final = 2  # the same in the talkspurt before, for its stragglers
CELLS: Final = 16


@inner
def whole(number: Any) -> Any:
    """Return a cell of the state as a whole number."""
    return np.int64(number)


@long_run(SIGNATURE)
def fixed(arrival: Any, media: Any, spurt: Any, parameters: Any, state: Any, memory: Any, playout: Any) -> None:
    """Play everything ``parameters[0]`` seconds after the time that the first packet's arrival implies."""
    if state[SPURT] < 0.0 and arrival.size:
        state[SPURT] = 0.0
        state[OFFSET] = arrival[0] - media[0]
    offset = state[OFFSET] + parameters[0]
    for i in range(arrival.size):
        playout[i] = media[i] + offset


@long_run(SIGNATURE)
def ramjee_1(arrival: Any, media: Any, spurt: Any, parameters: Any, state: Any, memory: Any, playout: Any) -> None:
    """Algorithm 1: exponential averages of delay and of its deviation, as TCP once did (RFC 793).

    ``parameters``: alpha, multiple of the deviation. ``state[3], state[4]``: the two averages.
    """
    alpha, multiple = parameters[0], parameters[1]
    current, offset, before, d, v = whole(state[SPURT]), state[OFFSET], state[BEFORE], state[3], state[4]
    for i in range(arrival.size):
        n = arrival[i] - media[i]
        if current < 0:
            d = n
        d = alpha * d + (1.0 - alpha) * n
        v = alpha * v + (1.0 - alpha) * abs(d - n)
        if spurt[i] > current:
            before, offset = offset, d + multiple * v
            current = spurt[i]
        playout[i] = media[i] + (offset if spurt[i] >= current else before)
    state[SPURT], state[OFFSET], state[BEFORE], state[3], state[4] = current, offset, before, d, v


@long_run(SIGNATURE)
def ramjee_2(arrival: Any, media: Any, spurt: Any, parameters: Any, state: Any, memory: Any, playout: Any) -> None:
    """Algorithm 2: as 1, but a delay above the average counts for more, so that it rises fast and falls slowly.

    ``parameters``: alpha, multiple of the deviation, the smaller weight of the past when delays rise.
    """
    alpha, multiple, rising = parameters[0], parameters[1], parameters[2]
    current, offset, before, d, v = whole(state[SPURT]), state[OFFSET], state[BEFORE], state[3], state[4]
    for i in range(arrival.size):
        n = arrival[i] - media[i]
        if current < 0:
            d = n
        weight = rising if n > d else alpha
        d = weight * d + (1.0 - weight) * n
        v = alpha * v + (1.0 - alpha) * abs(d - n)
        if spurt[i] > current:
            before, offset = offset, d + multiple * v
            current = spurt[i]
        playout[i] = media[i] + (offset if spurt[i] >= current else before)
    state[SPURT], state[OFFSET], state[BEFORE], state[3], state[4] = current, offset, before, d, v


@long_run(SIGNATURE)
def ramjee_3(arrival: Any, media: Any, spurt: Any, parameters: Any, state: Any, memory: Any, playout: Any) -> None:
    """Algorithm 3: the least delay of the talkspurt before instead of an average (from the NEVOT audio tool).

    ``parameters``: alpha, multiple of the deviation. ``state[5]``: the least delay so far in this talkspurt.
    """
    alpha, multiple = parameters[0], parameters[1]
    current, offset, before, d, v, least = (
        whole(state[SPURT]), state[OFFSET], state[BEFORE], state[3], state[4], state[5],
    )  # fmt: skip
    for i in range(arrival.size):
        n = arrival[i] - media[i]
        if spurt[i] > current:
            d = n if current < 0 else least
            before, offset = offset, d + multiple * v
            current = spurt[i]
            least = n
        least = min(least, n)
        v = alpha * v + (1.0 - alpha) * abs(d - n)
        playout[i] = media[i] + (offset if spurt[i] >= current else before)
    state[SPURT], state[OFFSET], state[BEFORE] = current, offset, before
    state[3], state[4], state[5] = d, v, least


@long_run(SIGNATURE)
def ramjee_4(arrival: Any, media: Any, spurt: Any, parameters: Any, state: Any, memory: Any, playout: Any) -> None:
    """Algorithm 4: average until a delay jumps, then follow the spike until it has flattened.

    ``parameters``: alpha, multiple of the deviation, jump that begins a spike (the paper: 800 samples, 0.1 s), slope
    that ends it (63 samples). ``state[5]``: 1 in a spike; ``[6]``: its slope; ``[7], [8]``: the last two delays.
    """
    alpha, multiple, jump, flat = parameters[0], parameters[1], parameters[2], parameters[3]
    current, offset, before, d, v = whole(state[SPURT]), state[OFFSET], state[BEFORE], state[3], state[4]
    spike, slope, last, second = state[5] != 0.0, state[6], state[7], state[8]
    for i in range(arrival.size):
        n = arrival[i] - media[i]
        if current < 0:
            d = last = second = n
        if not spike:
            if abs(n - last) > 2.0 * abs(v) + jump:
                spike, slope = True, 0.0
        else:
            slope = slope / 2.0 + abs(2.0 * n - last - second) / 8.0
            spike = slope > flat
        d = d + n - last if spike else alpha * d + (1.0 - alpha) * n
        v = alpha * v + (1.0 - alpha) * abs(n - d)
        second, last = last, n
        if spurt[i] > current:
            before, offset = offset, d + multiple * v
            current = spurt[i]
        playout[i] = media[i] + (offset if spurt[i] >= current else before)
    state[SPURT], state[OFFSET], state[BEFORE], state[3], state[4] = current, offset, before, d, v
    state[5], state[6], state[7], state[8] = 1.0 if spike else 0.0, slope, last, second
