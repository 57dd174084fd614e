"""What a path does to packets, a column at a time: losses, delays, spikes, a bottleneck, overtaking.

Names are tc-netem's where it has one. Must not know what a packet carries. Times are seconds, generators are states of
`chance`, which go on where the last call ended.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from voxlab.kernels._jit import long_run
from voxlab.kernels.chance import Column, Words, high, look_up, low, step

Flags = npt.NDArray[np.uint8]

_TABLE: Final = "Array(float64, 1, 'C', True)"

GAP, BURST_RECEIVED, BURST_LOST, GAP_LOST = range(4)
"""States of the 4-state model: tc-netem's 1, 2, 3 and 4."""


@long_run("int64(uint64, uint64, uint64, uint64, int64, uint64[::1], uint8[::1])")
def gilbert_elliott(
    p: Any, r: Any, lost_when_bad: Any, lost_when_good: Any, bad: int, state: Words, lost: Flags
) -> Any:
    """Mark lost packets by the two states of Gilbert and Elliott.

    Parameters
    ----------
    p, r : uint64
        Of going bad, of recovering; all four are `chance.threshold`s.
    lost_when_bad, lost_when_good : uint64
        tc-netem's 1-h and 1-k.
    bad : int
        1 to begin in the bad state.
    state : uint64 array, shape (4,)
    lost : uint8 array, shape (n,)
        Set to 1 where a packet is lost, else to 0. As in netem, a packet is judged in the state before the transition.

    Returns
    -------
    int
        The state after the last packet.
    """
    s0, s1, s2, s3 = state[0], state[1], state[2], state[3]
    for i in range(lost.size):
        bits, s0, s1, s2, s3 = step(s0, s1, s2, s3)
        if bad:
            lost[i] = low(bits) < lost_when_bad
            bad = 0 if high(bits) < r else 1
        else:
            lost[i] = low(bits) < lost_when_good
            bad = 1 if high(bits) < p else 0
    state[0], state[1], state[2], state[3] = s0, s1, s2, s3
    return bad


@long_run("int64(uint64, uint64, uint64, uint64, uint64, int64, uint64[::1], uint8[::1])")
def four_state(p13: Any, p31: Any, p32: Any, p23: Any, p14: Any, at: int, state: Words, lost: Flags) -> Any:
    """Mark lost packets by netem's 4-state Markov chain (Salsano, Ludovici, Ordine, Giannuzzi 2012).

    Parameters
    ----------
    p13, p31, p32, p23, p14 : uint64
        `chance.threshold`s of the transitions, numbered as in ``tc-netem loss state``: 1 received in a gap, 2 received
        in a burst, 3 lost in a burst, 4 lost alone in a gap.
    at : int
        One of `GAP`, `BURST_RECEIVED`, `BURST_LOST`, `GAP_LOST` to begin in.
    state, lost
        As of `gilbert_elliott`; a packet is judged in the state after the transition.

    Returns
    -------
    int
        The state after the last packet.
    """
    s0, s1, s2, s3 = state[0], state[1], state[2], state[3]
    for i in range(lost.size):
        bits, s0, s1, s2, s3 = step(s0, s1, s2, s3)
        drawn = high(bits)
        if at == GAP:
            if drawn < p14:
                at = GAP_LOST
            elif drawn < p14 + p13:
                at = BURST_LOST
        elif at == BURST_RECEIVED:
            if drawn < p23:
                at = BURST_LOST
        elif at == BURST_LOST:
            if drawn < p32:
                at = BURST_RECEIVED
            elif drawn < p32 + p31:
                at = GAP
        else:
            at = GAP
        lost[i] = at >= BURST_LOST
    state[0], state[1], state[2], state[3] = s0, s1, s2, s3
    return at


@long_run(f"void({_TABLE}, uint64[::1], float64[::1])")
def add_delays(table: Column, state: Words, transit: Column) -> None:
    """Add to each packet's transit time a delay of its own from a quantile table, seconds."""
    s0, s1, s2, s3 = state[0], state[1], state[2], state[3]
    for i in range(transit.size):
        bits, s0, s1, s2, s3 = step(s0, s1, s2, s3)
        transit[i] += look_up(table, bits)
    state[0], state[1], state[2], state[3] = s0, s1, s2, s3


@long_run(f"float64({_TABLE}, {_TABLE}, float64, float64, uint64[::1], float64[::1])")
def add_correlated(table: Column, normal: Column, rho: float, z: float, state: Words, transit: Column) -> Any:
    """Add delays of which each resembles the one before; their distribution stays that of the table.

    netem's ``correlation`` mixes even numbers, which narrows the distribution. Here a normal process is mixed
    (``z = rho z + sqrt(1 - rho**2) e``) and then mapped.

    Parameters
    ----------
    table : float64 array, shape (n,)
        The delay, seconds, at 0, 1, ... n - 1 steps of an even grid of z from -6 to 6.
    normal : float64 array
        `chance.normal_table` of mean 0 and deviation 1.
    rho, z : float
        Correlation of neighbours; the process before the first packet.
    state, transit
        As of `add_delays`.

    Returns
    -------
    float
        The process after the last packet.
    """
    s0, s1, s2, s3 = state[0], state[1], state[2], state[3]
    fresh = np.sqrt(1.0 - rho * rho)
    scale = (table.size - 1) / 12.0
    for i in range(transit.size):
        bits, s0, s1, s2, s3 = step(s0, s1, s2, s3)
        z = rho * z + fresh * look_up(normal, bits)
        place = min(max((z + 6.0) * scale, 0.0), table.size - 1.000001)
        at = np.int64(place)
        transit[i] += table[at] + (place - at) * (table[at + 1] - table[at])
    state[0], state[1], state[2], state[3] = s0, s1, s2, s3
    return z


@long_run(f"float64(uint64, {_TABLE}, float64, {_TABLE}, float64, float64, uint64[::1], float64[::1])")
def add_spikes(
    start: Any, height: Column, fall: float, media: Column, last: float, left: float, state: Words, transit: Column
) -> Any:
    """Add delay spikes: a sudden rise, then a line down as a queue drains (Ramjee et al. 1994, figure 1).

    Parameters
    ----------
    start : uint64
        `chance.threshold` of a spike's beginning at a packet that is in none.
    height : float64 array
        Quantile table of the rise, seconds.
    fall : float
        Seconds of delay lost in a second; 1 or less keeps packets in order.
    media : float64 array, shape (n,)
        When each packet left, seconds.
    last, left : float
        When the packet before left, and what was left of a spike then, seconds.
    state, transit
        As of `add_delays`.

    Returns
    -------
    float
        What is left of the spike after the last packet.
    """
    s0, s1, s2, s3 = state[0], state[1], state[2], state[3]
    for i in range(transit.size):
        if left > 0.0:
            left = max(0.0, left - fall * (media[i] - last))
        else:
            bits, s0, s1, s2, s3 = step(s0, s1, s2, s3)
            if high(bits) < start:
                bits, s0, s1, s2, s3 = step(s0, s1, s2, s3)
                left = look_up(height, bits)
        last = media[i]
        transit[i] += left
    state[0], state[1], state[2], state[3] = s0, s1, s2, s3
    return left


@long_run(
    f"void({_TABLE}, float64, float64, float64, uint64, uint64, float64, float64, float64[::1], uint64[::1], "
    "float64[::1], uint8[::1])"
)
def add_bottleneck(
    media: Column,
    service: float,
    bucket: float,
    limit: float,
    busy: Any,
    quiet: Any,
    cross: float,
    last: float,
    queue: Column,
    state: Words,
    transit: Column,
    lost: Flags,
) -> None:
    """Send packets through a link of limited rate with a token bucket and a queue, shared with others' traffic.

    Parameters
    ----------
    media : float64 array, shape (n,)
        When each packet left, seconds.
    service, bucket, limit : float
        Seconds that the link needs for a packet; seconds of sending that may be saved up; seconds of waiting past which
        a packet is dropped.
    busy, quiet : uint64
        `chance.threshold`s that others begin, and cease, to send, judged at each packet.
    cross : float
        Seconds of the link that others ask for in a second while they send.
    last : float
        When the packet before left, seconds.
    queue : float64 array, shape (2,)
        Seconds of work in the queue (below 0 for tokens saved), and 1 while others send.
    state, transit, lost
        As of `gilbert_elliott` and `add_delays`; a lost packet takes no room.
    """
    s0, s1, s2, s3 = state[0], state[1], state[2], state[3]
    work, sending = queue[0], queue[1] != 0.0
    for i in range(transit.size):
        bits, s0, s1, s2, s3 = step(s0, s1, s2, s3)
        sending = high(bits) >= quiet if sending else high(bits) < busy
        passed = media[i] - last
        last = media[i]
        work = max(-bucket, work - passed)
        if sending:
            work = min(limit, work + cross * passed)
        if work > limit - service:
            lost[i] = 1
        elif not lost[i]:
            work += service
            transit[i] += max(work, 0.0)
    queue[0], queue[1] = work, 1.0 if sending else 0.0
    state[0], state[1], state[2], state[3] = s0, s1, s2, s3


@long_run("void(uint64, uint64[::1], uint8[::1])")
def mark(share: Any, state: Words, flags: Flags) -> None:
    """Set flags to 1 with the probability of a `chance.threshold`, else to 0."""
    s0, s1, s2, s3 = state[0], state[1], state[2], state[3]
    for i in range(flags.size):
        bits, s0, s1, s2, s3 = step(s0, s1, s2, s3)
        flags[i] = high(bits) < share
    state[0], state[1], state[2], state[3] = s0, s1, s2, s3
