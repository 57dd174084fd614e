"""Playout in the manner of NetEQ, WebRTC's buffer: a target from a histogram, reached by stretching sound.

It accelerates (leaves a pitch period out), expands beforehand (repeats one), conceals what has not come, and merges
concealment and sound when it comes late. After modules/audio_coding/neteq of WebRTC: delay_manager,
underrun_optimizer, histogram, buffer_level_filter, decision_logic. Left out: the optimizer for reordering, comfort
noise (a talkspurt begins at the target), and the signal: each time-stretch succeeds and takes the same length.

Must not know losses beyond what a receiver knows: a packet that did not come.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from voxlab.kernels._jit import inner, long_run

NOT_PLAYED, NORMAL, ACCELERATED, EXPANDED, MERGED = range(5)
"""What was done to a packet's sound."""

BUCKETS: Final = 100
BUCKET_S: Final = 0.020
_HISTORY_S: Final = 2.0
_RESAMPLE_S: Final = 0.500
_CHUNK_S: Final = 0.010
_HOLD_S: Final = 0.050
_START_S: Final = 0.080
_WINDOW_S: Final = 0.085

_IN: Final = "Array(float64, 1, 'C', True)"


@inner
def _update(histogram: Any, worst: Any, keep: Any, quantile: Any) -> Any:
    """Take the longest delay of an interval into the histogram; return the target level, seconds."""
    total, above, bucket = 0.0, 0.0, BUCKETS - 1
    for b in range(BUCKETS):
        histogram[b] *= keep
        total += histogram[b]
    histogram[min(np.int64(worst / BUCKET_S), BUCKETS - 1)] += 1.0 - keep
    total += 1.0 - keep
    while bucket > 0 and above + histogram[bucket] <= (1.0 - quantile) * total:
        above += histogram[bucket]
        bucket -= 1
    return (bucket + 1) * BUCKET_S


@inner
def _slowness(target: Any, frame: Any) -> Any:
    """Return what the level filter keeps of its past for each packet, two fetches of 10 ms."""
    if target <= frame:
        kept = 251.0
    elif target <= 3 * frame:
        kept = 252.0
    elif target <= 7 * frame:
        kept = 253.0
    else:
        kept = 254.0
    return (kept / 256.0) * (kept / 256.0)


@long_run(
    f"void({_IN}, {_IN}, Array(int64, 1, 'C', True), Array(int32, 1, 'C', True), {_IN}, "
    "float64[::1], int64[::1], float64[::1], uint8[::1], float64[::1])"
)
def neteq(  # noqa: C901, PLR0915 - one loop over the sound that is due
    media: Any,
    arrival: Any,
    order: Any,
    spurt: Any,
    parameters: Any,
    histogram: Any,
    recent: Any,
    playout: Any,
    action: Any,
    concealed: Any,
) -> None:
    """Play a whole trace.

    Parameters
    ----------
    media, arrival : float64 array, shape (n,)
        When each packet was sent and when it came, seconds, by number; infinite for one that never came.
    order : int64 array, shape (m,)
        Numbers of those that came, by their arrival.
    spurt : int32 array, shape (n,)
        Talkspurts, ascending.
    parameters : float64 array, shape (4,)
        Quantile of the histogram, its forgetting factor, frame and length of a time-stretch in seconds.
    histogram : float64 array, shape (BUCKETS,)
        Work; zeros.
    recent : int64 array, shape (m,)
        Work.
    playout : float64 array, shape (n,)
        Output, seconds; ``-inf`` for what is not played.
    action : uint8 array, shape (n,)
        Output: `NOT_PLAYED` to `MERGED`.
    concealed : float64 array, shape (n,)
        Output: seconds of concealment before each packet.
    """
    quantile, forget, frame, stretch = parameters[0], parameters[1], parameters[2], parameters[3]
    packets, arrived = media.size, order.size
    taken, waiting, k = 0, 0, 0
    head, tail = 0, 0  # of the recent packets, least delay first
    target, worst, resampled, added = _START_S, 0.0, -np.inf, 0.0
    weight = _slowness(target, frame)
    t, hold, level, made, conceals = -np.inf, -np.inf, 0.0, 0.0, False
    current = -1
    for i in range(packets):
        playout[i] = -np.inf
        action[i] = NOT_PLAYED
        concealed[i] = 0.0
    while k < packets:
        fresh = spurt[k] != current
        if fresh:
            while k < packets and arrival[k] == np.inf:
                k += 1
            if k == packets:
                break
            t = max(t, arrival[k])
        while taken < arrived and arrival[order[taken]] <= t:
            number = order[taken]
            came, n = arrival[number], arrival[number] - media[number]
            while tail > head and arrival[recent[tail - 1]] - media[recent[tail - 1]] >= n:
                tail -= 1
            recent[tail] = number
            tail += 1
            while arrival[recent[head]] < came - _HISTORY_S:
                head += 1
            worst = max(worst, n - (arrival[recent[head]] - media[recent[head]]))
            if came - resampled >= _RESAMPLE_S:
                keep = min(forget, 1.0 - 2.0 / (added + 2.0))
                target = _update(histogram, worst, keep, quantile)
                weight = _slowness(target, frame)
                added += 1.0
                resampled, worst = came, 0.0
            if number >= k:
                waiting += 1
            taken += 1
        if fresh:
            current = spurt[k]
            level, conceals, made = target, False, 0.0
            t += max(target - frame, 0.0)
            continue
        if arrival[k] <= t:
            level = weight * level + (1.0 - weight) * waiting * frame
            low = max(0.75 * target, target - _WINDOW_S)
            high_level = max(target, low + 0.020)
            length = frame
            action[k] = MERGED if conceals else NORMAL
            if not conceals and t >= hold:
                if level >= high_level and waiting * frame >= 0.030:
                    length, action[k] = frame - stretch, ACCELERATED
                elif level < low:
                    length, action[k] = frame + stretch, EXPANDED
                if length != frame:
                    level += length - frame
                    hold = t + _HOLD_S
            playout[k], concealed[k] = t, made
            t += length
            waiting -= 1
            k += 1
            conceals, made = False, 0.0
        elif waiting > 0:
            j = k + 1
            while arrival[j] > t:
                j += 1
            if spurt[j] != current or (conceals and (made >= media[j] - media[k] or level >= target)):
                k = j
            else:
                conceals = True
                made += _CHUNK_S
                t += _CHUNK_S
        elif taken < arrived:
            number = order[taken]
            if number > k and spurt[number] != current:
                k = number
                while spurt[k - 1] == spurt[k]:
                    k -= 1
            else:
                chunks = np.ceil((arrival[number] - t) / _CHUNK_S)
                conceals = True
                made += chunks * _CHUNK_S
                t += chunks * _CHUNK_S
        else:
            break
