"""Playout in the manner of telephony programs: Asterisk, Speex, pjmedia and baresip, read in their sources.

Each keeps what decides about delay and loss; each of them really acts when a frame is fetched, here it acts when a
packet comes, which is up to a frame earlier. Kernels of the shape that `playout_classic` describes. A talkspurt begins
where the sender was silent, so there a delay changes at no cost; inside one, time is inserted or packets are thrown
away. Must not know losses.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from voxlab.kernels._jit import long_run
from voxlab.kernels.playout_classic import BEFORE, OFFSET, SIGNATURE, SPURT, whole
from voxlab.kernels.playout_histogram import BELOW, BIN_S, BINS, place_in_bins

HISTORY: Final = 500
"""Asterisk's JB_HISTORY_SZ; 3 % of them (JB_HISTORY_DROPPCT) are left out at the top."""
TOP_DELAY: Final = 40
SUBWINDOWS: Final = 3
SPEEX_WINDOW: Final = 1000
"""Speex's window of 100 * TOP_DELAY / max_late_rate packets, with its max_late_rate of 4 percent."""
SPEEX_STATE: Final = 16 + SUBWINDOWS * TOP_DELAY

THROWN_AWAY: Final = -np.inf


@long_run(SIGNATURE)
def asterisk(arrival: Any, media: Any, spurt: Any, parameters: Any, state: Any, memory: Any, playout: Any) -> None:
    """Aim at the longest of the last 500 delays, 3 % left out, plus an extra; a frame up at 40 ms, down at 500 ms.

    After main/jitterbuf.c of Asterisk. ``parameters``: extra, frame, both seconds. ``memory``: histogram and window.
    ``state``: [3] first delay, [4] packets seen, [5] place in the window, [6] bin of the longest delay that counts, [7]
    packets above it, [8] time of the last adjustment. Its ceiling and its resynchronisation are left out.
    """
    extra, frame = parameters[0], parameters[1]
    current, offset, before = whole(state[SPURT]), state[OFFSET], state[BEFORE]
    origin, adjusted = state[3], state[8]
    seen, place, finger, above = whole(state[4]), whole(state[5]), whole(state[6]), whole(state[7])
    if current < 0 and arrival.size:
        origin, finger = arrival[0] - media[0], BELOW
    for i in range(arrival.size):
        at = place_in_bins(arrival[i] - media[i] - origin)
        if seen >= HISTORY:
            gone = memory[np.uint64(BINS + place)]
            memory[np.uint64(gone)] -= 1
            above -= gone > finger
        memory[np.uint64(BINS + place)] = at
        memory[np.uint64(at)] += 1
        above += at > finger
        place = place + 1 if place + 1 < HISTORY else 0
        seen += 1
        index = min(min(seen, HISTORY) * 3 // 100, HISTORY * 3 // 100 - 1)
        while above > index:
            finger += 1
            above -= memory[np.uint64(finger)]
        while above + memory[np.uint64(finger)] <= index and finger > 0:
            above += memory[np.uint64(finger)]
            finger -= 1
        target = origin + (finger - BELOW + 1) * BIN_S + extra
        thrown_away = False
        if spurt[i] > current:
            before, offset = offset, target
            current, adjusted = spurt[i], arrival[i]
        elif target > offset and adjusted + 0.040 < arrival[i]:
            offset += frame
            adjusted = arrival[i]
        elif target < offset - extra - frame and adjusted + 0.500 < arrival[i]:
            offset -= frame
            adjusted = arrival[i]
            thrown_away = True
        playout[i] = media[i] + (offset if spurt[i] >= current else before)
        if thrown_away:
            playout[i] = THROWN_AWAY
    state[SPURT], state[OFFSET], state[BEFORE] = current, offset, before
    state[3], state[4], state[5], state[6], state[7], state[8] = origin, seen, place, finger, above, adjusted


@long_run(SIGNATURE)
def speex(arrival: Any, media: Any, spurt: Any, parameters: Any, state: Any, memory: Any, playout: Any) -> None:  # noqa: C901, PLR0915
    """Weigh each of the longest delays of a window against the packets that would be late without it.

    After compute_opt_delay of libspeexdsp/jitter.c. ``parameters``: seconds that losing one percent is worth (0: a
    fortieth of the spread of the 40 longest delays), step, both seconds. ``state``: [3] automatic trade-off, [4] the
    subwindow being filled, [5] to [7] packets in each, [8] to [10] delays kept of each, [11] packets still to be thrown
    away, from [16] on the 40 longest delays of each of three subwindows, longest first.
    """
    tradeoff, frame = parameters[0], parameters[1]
    current, offset, before = whole(state[SPURT]), state[OFFSET], state[BEFORE]
    automatic, filling, skip = state[3], whole(state[4]), whole(state[11])
    taken = np.zeros(SUBWINDOWS, dtype=np.int64)
    for i in range(arrival.size):
        n = arrival[i] - media[i]
        if current < 0:
            offset, automatic = n, 4.0
        if state[5 + filling] >= SPEEX_WINDOW // SUBWINDOWS:
            filling = filling + 1 if filling + 1 < SUBWINDOWS else 0
            state[5 + filling] = state[8 + filling] = 0.0
        state[5 + filling] += 1.0
        start = 16 + filling * TOP_DELAY
        kept = whole(state[8 + filling])
        if kept < TOP_DELAY or n > state[start + TOP_DELAY - 1]:
            at = min(kept, TOP_DELAY - 1)
            while at > 0 and state[start + at - 1] < n:
                state[start + at] = state[start + at - 1]
                at -= 1
            state[start + at] = n
            state[8 + filling] = min(kept + 1, TOP_DELAY)
        total = state[5] + state[6] + state[7]
        factor = (tradeoff * 100.0 if tradeoff > 0.0 else automatic * SPEEX_WINDOW) / total
        taken[:] = 0
        best_cost, step, late, penalty = np.inf, 0.0, 0, False
        first = last = 0.0
        for k in range(min(TOP_DELAY, whole(state[8] + state[9] + state[10]))):
            which, longest = 0, -np.inf
            for w in range(SUBWINDOWS):
                if taken[w] < state[8 + w] and state[16 + w * TOP_DELAY + taken[w]] > longest:
                    which, longest = w, state[16 + w * TOP_DELAY + taken[w]]
            taken[which] += 1
            last = longest
            if k == 0:
                first = longest
            margin = np.floor((offset - longest) / frame) * frame
            cost = -margin + factor * late
            if cost < best_cost:
                best_cost, step = cost, margin
            late += 1
            if margin >= 0.0 and not penalty:
                penalty = True
                late += 4
        automatic = 0.000125 + (first - last) / TOP_DELAY
        if total < TOP_DELAY and step > 0.0:
            step = 0.0
        if spurt[i] > current:
            before, current, skip = offset, spurt[i], 0
        elif step > 0.0:
            skip += np.int64(np.round(step / frame))
        offset -= step
        playout[i] = media[i] + (offset if spurt[i] >= current else before)
        if skip > 0:
            skip -= 1
            playout[i] = THROWN_AWAY
    state[SPURT], state[OFFSET], state[BEFORE] = current, offset, before
    state[3], state[4], state[11] = automatic, filling, skip


@long_run(SIGNATURE)
def pjmedia(arrival: Any, media: Any, spurt: Any, parameters: Any, state: Any, memory: Any, playout: Any) -> None:  # noqa: C901
    """Count how many packets come between two fetches; buffer as many, throw some away when far more lie there.

    After pjmedia/src/pjmedia/jbuf.c with its progressive discard. It has no playout time: an empty buffer stops the
    sound until enough packets lie there again, so only what others have overtaken comes too late.
    ``parameters``: frame, seconds; least packets to begin with. ``state``: [3] effective burst level, [4] highest level
    lately, [5] times the level was lower, [6] packets since the last fetch, [7] that fetch, [8] media time of the last
    packet thrown away, [9] fetches seen, [10] highest media time.
    """
    frame, least = parameters[0], parameters[1]
    current, offset, before = whole(state[SPURT]), state[OFFSET], state[BEFORE]
    level, highest, stable, burst, fetch = state[3], state[4], state[5], state[6], state[7]
    discarded, fetches, newest = state[8], state[9], state[10]
    if current < 0 and arrival.size:
        fetch, discarded, newest = np.floor(arrival[0] / frame), media[0] - 1.0, media[0]
    for i in range(arrival.size):
        now = np.floor(arrival[i] / frame)
        if now > fetch:
            fetches += 1.0
            if fetches > 10.0:
                highest = max(highest, burst)
                if burst < level:
                    stable += 1.0
                    if stable > 20.0:
                        level -= max(np.floor((level - highest) / 3.0), 1.0)
                        highest = stable = 0.0
                else:
                    if burst > level:
                        level = highest
                    stable = 0.0
            fetch, burst = now, 0.0
        burst += 1.0
        wait = max(max(level, least) - 1.0, 0.0) * frame
        thrown_away = False
        if spurt[i] > current:
            before, offset = offset, arrival[i] - media[i] + wait
            current = spurt[i]
        elif media[i] + offset < arrival[i]:
            if media[i] >= newest and spurt[i] >= current:
                offset = arrival[i] - media[i] + wait
        else:
            size = np.floor((media[i] + offset - arrival[i]) / frame)
            deepest = max(level, burst, 1.0)
            factor = np.floor(size / deepest)
            if deepest <= 5.0 and factor < 3.0:
                factor = 0.0
            interval = 0.0 if factor < 1.0 else (7.0 if factor < 2.0 else (5.0 if factor < 3.0 else 4.0))
            if interval > 0.0 and media[i] - discarded >= (interval - 0.5) * frame:
                thrown_away = True
                discarded = media[i]
                offset -= frame
        newest = max(newest, media[i])
        playout[i] = media[i] + (offset if spurt[i] >= current else before)
        if thrown_away:
            playout[i] = THROWN_AWAY
    state[SPURT], state[OFFSET], state[BEFORE] = current, offset, before
    state[3], state[4], state[5], state[6], state[7] = level, highest, stable, burst, fetch
    state[8], state[9], state[10] = discarded, fetches, newest


@long_run(SIGNATURE)
def baresip(arrival: Any, media: Any, spurt: Any, parameters: Any, state: Any, memory: Any, playout: Any) -> None:
    """Play at the least delay seen plus a multiple of RFC 3550's jitter, which is adopted after some late packets.

    After src/jbuf.c of baresip (its adaptive mode). A packet is late only where a newer one takes its turn; one that
    comes after its time is played at once, and those behind it wait for its end. ``parameters``: multiple of the
    jitter, late packets that make it adapt, jump that begins a spike, slope that ends it, drift that is corrected at
    once, frame; the last four in seconds.
    ``state``: [3] least delay, [4] jitter, [5] the offset made of it, [6] late packets, [7] 1 in a spike, [8] its
    slope, [9], [10] the last two delays, [11] mean delay, [12] the mean that is in use, [13], [14] media time
    and playout of the newest packet.
    """
    multiple, patience, jump, flat, drift = parameters[0], parameters[1], parameters[2], parameters[3], parameters[4]
    current = whole(state[SPURT])
    least, jitter, margin, late, spike = state[3], state[4], state[5], state[6], state[7] != 0.0
    slope, last, second, mean, used = state[8], state[9], state[10], state[11], state[12]
    newest, due, frame = state[13], state[14], parameters[5]
    if current < 0 and arrival.size:
        least = last = second = mean = used = arrival[0] - media[0]
        newest, due = media[0], -np.inf
    for i in range(arrival.size):
        n = arrival[i] - media[i]
        slot = due - (newest - media[i])
        if media[i] < newest and arrival[i] > slot:
            late += 1.0
            playout[i] = THROWN_AWAY
            continue
        least = min(least, n)
        mean += (n - mean) / 32.0
        skew = 0.0
        if abs(used - mean) > drift:
            skew = drift if used > mean else -drift
            used = mean
        step = abs(n - last)
        jitter += (step - jitter) / 16.0
        if step > jump:
            spike, slope = True, 0.0
        elif spike:
            slope = slope / 2.0 + (step + abs(n - second)) / 8.0
            spike = slope >= flat
        elif late > patience:
            late = 0.0
            margin = multiple * jitter
        second, last = last, n
        playout[i] = slot
        if media[i] >= newest:
            playout[i] = max(media[i] + least + margin + skew, arrival[i], due + frame)
            newest, due = media[i], playout[i]
        if skew != 0.0:
            least = n
    state[SPURT] = spurt[-1] if arrival.size else current
    state[3], state[4], state[5], state[6], state[7] = least, jitter, margin, late, 1.0 if spike else 0.0
    state[8], state[9], state[10], state[11], state[12] = slope, last, second, mean, used
    state[13], state[14] = newest, due
