"""Frames of telephone speech that are missing, filled in from what came before (ITU-T G.711 Appendix I).

The pitch of the last 48.75 ms is found by correlation, its last period repeated, after 10 and 20 ms two and three
periods; what is made fades by a fifth each 10 ms from the second frame on and is silent after 60 ms. Where speech comes
again the two are blended. All of it leaves 3.75 ms late, so that the end of what came can be blended too. Must not know
why a frame is missing.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from voxlab.kernels._jit import inner, long_run

FRAME: Final = 80
"""10 ms at 8 kHz."""
DELAY: Final = 30
_PITCH_MIN, _PITCH_MAX = 40, 120
_HISTORY: Final = 3 * _PITCH_MAX + DELAY
_CORRELATED: Final = 160
_LEAST_POWER: Final = 250.0
_FADE: Final = 0.2
_BLEND_MORE: Final = 32
_LAST_FRAME: Final = 6
# Cells of the state, int64: frames made so far, lag, a quarter of it, samples that are repeated, where in them we are.
_ERASED, _PITCH, _QUARTER, _LENGTH, _OFFSET, _CELLS = 0, 1, 2, 3, 4, 5


@inner
def _match(past: Any, lag: int, step: int) -> float:
    """Return how alike the last 20 ms and those ``lag`` samples earlier are, over the power of the earlier."""
    energy, alike = 0.0, 0.0
    at = _HISTORY - _CORRELATED
    for i in range(0, _CORRELATED, step):
        earlier = past[at - lag + i]
        energy += earlier * earlier
        alike += earlier * past[at + i]
    return alike / math.sqrt(max(energy, _LEAST_POWER))


@inner
def _pitch(past: Any) -> int:
    """Return the lag of the best match, in steps of two first and then one by one; of equal ones the shortest."""
    best, found = -1e300, _PITCH_MAX
    for lag in range(_PITCH_MAX, _PITCH_MIN - 1, -2):
        value = _match(past, lag, 2)
        if value >= best:
            best, found = value, lag
    coarse = found
    best = -1e300
    for lag in range(min(coarse + 1, _PITCH_MAX), max(coarse - 1, _PITCH_MIN) - 1, -1):
        value = _match(past, lag, 1)
        if value >= best:
            best, found = value, lag
    return found


@inner
def _blend_period(cycle: Any, last: Any, length: int, quarter: int) -> None:
    """Make the end of what is repeated run into its beginning, over a quarter of the pitch."""
    for i in range(quarter):
        rising = (i + 1.0) / quarter
        before = cycle[_HISTORY - length - quarter + i]
        cycle[_HISTORY - quarter + i] = (1.0 - rising) * last[i] + rising * before


@inner
def _keep(past: Any, frame: Any, out: Any, at: int) -> None:
    """Put a frame behind the past, and hand out what is `DELAY` older than its end."""
    for i in range(_HISTORY - FRAME):
        past[i] = past[i + FRAME]
    for i in range(FRAME):
        past[_HISTORY - FRAME + i] = frame[i]
    for i in range(FRAME):
        out[at + i] = np.int16(math.floor(min(max(past[_HISTORY - FRAME - DELAY + i], -32768.0), 32767.0) + 0.5))


@inner
def _repeated(cycle: Any, state: Any, i: int) -> float:
    """Return sample ``i`` of what is repeated, from where it stands on."""
    value: float = cycle[_HISTORY - state[_LENGTH] + (state[_OFFSET] + i) % state[_LENGTH]]
    return value


@inner
def _begin(past: Any, cycle: Any, last: Any, state: Any) -> None:
    """Find what to repeat, and blend the end of the past into it."""
    for i in range(_HISTORY):
        cycle[i] = past[i]
    pitch = _pitch(past)
    quarter = pitch >> 2
    state[_PITCH], state[_QUARTER], state[_LENGTH], state[_OFFSET] = pitch, quarter, pitch, 0
    for i in range(quarter):
        last[i] = cycle[_HISTORY - quarter + i]
    _blend_period(cycle, last, pitch, quarter)
    for i in range(quarter):
        past[_HISTORY - quarter + i] = cycle[_HISTORY - quarter + i]


@inner
def _lengthen(cycle: Any, last: Any, overlap: Any, state: Any) -> None:
    """Repeat one period more from now on; what would have come stays in ``overlap``."""
    for i in range(state[_QUARTER]):
        overlap[i] = _repeated(cycle, state, i)
    while state[_OFFSET] > state[_PITCH]:
        state[_OFFSET] -= state[_PITCH]
    state[_LENGTH] += state[_PITCH]
    _blend_period(cycle, last, state[_LENGTH], state[_QUARTER])


@inner
def _make(frame: Any, cycle: Any, overlap: Any, state: Any) -> None:
    """Make a frame of what is repeated, faded as long as it has been."""
    erased = state[_ERASED]
    for i in range(FRAME):
        frame[i] = _repeated(cycle, state, i) if erased < _LAST_FRAME else 0.0
    state[_OFFSET] = (state[_OFFSET] + FRAME) % state[_LENGTH]
    if erased in (1, 2):
        for i in range(state[_QUARTER]):
            rising = (i + 1.0) / state[_QUARTER]
            frame[i] = (1.0 - rising) * overlap[i] + rising * frame[i]
    if erased > 0:
        for i in range(FRAME):
            frame[i] *= max(0.0, 1.0 - (erased - 1) * _FADE - i * _FADE / FRAME)


@inner
def _come_back(frame: Any, cycle: Any, state: Any) -> None:
    """Blend what would have been made into the first frame that came again."""
    count = min(state[_QUARTER] + (state[_ERASED] - 1) * _BLEND_MORE, FRAME)
    gain = max(0.0, 1.0 - (state[_ERASED] - 1) * _FADE)
    for i in range(count):
        rising = (i + 1.0) / count
        frame[i] = gain * (1.0 - rising) * _repeated(cycle, state, i) + rising * frame[i]
    state[_ERASED] = 0


_SIGNATURE: Final = (
    "void(Array(float64, 1, 'C', True), Array(uint8, 1, 'C', True), float64[:, ::1], int64[::1], int16[::1])"
)


# No phone asks for it yet, and among the kernels of calls it would make everybody's set-up a third longer.
@long_run(_SIGNATURE)
def fill(samples: Any, missing: Any, work: Any, state: Any, out: Any) -> None:
    """Go through frames; rows of ``work``: the past, what is repeated, its last quarter, a frame, an overlap."""
    past, cycle, last, frame, overlap = work[0], work[1], work[2], work[3], work[4]
    for f in range(missing.size):
        if not missing[f]:
            for i in range(FRAME):
                frame[i] = samples[f * FRAME + i]
            if state[_ERASED]:
                _come_back(frame, cycle, state)
        else:
            if state[_ERASED] == 0:
                _begin(past, cycle, last, state)
            elif state[_ERASED] < 3:
                _lengthen(cycle, last, overlap, state)
            _make(frame, cycle, overlap, state)
            state[_ERASED] += 1
        _keep(past, frame, out, f * FRAME)


def conceal(samples: npt.NDArray[np.int16], missing: npt.NDArray[np.bool_]) -> npt.NDArray[np.int16]:
    """Fill in missing frames.

    Parameters
    ----------
    samples : int16 array, shape (80 * n,)
        8 kHz; what stands in missing frames does not matter.
    missing : bool array, shape (n,)
        Which frames of 10 ms did not come.

    Returns
    -------
    int16 array, shape (80 * n,)
        30 samples late: a stream without losses comes out as it went in, behind 30 zeros.
    """
    if samples.dtype != np.int16 or len(samples) != FRAME * len(missing):
        raise ValueError(f"{len(missing)} frames take {FRAME * len(missing)} int16 samples, not {len(samples)}")
    out = np.zeros(len(samples), np.int16)
    if len(missing):
        flags = np.ascontiguousarray(missing).astype(np.uint8)
        work, state = np.zeros((5, _HISTORY)), np.zeros(_CELLS, np.int64)
        fill(np.ascontiguousarray(samples, dtype=np.float64), flags, work, state, out)
    return out
