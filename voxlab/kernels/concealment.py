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

from voxlab.kernels._jit import inner, kernel

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


def _by_body(samples: Any, missing: Any, work: Any, out: Any) -> None:
    fill.body(samples, missing, work, out)


@kernel("void(Array(float64, 1, 'C', True), Array(uint8, 1, 'C', True), float64[:, ::1], int16[::1])", twin=_by_body)
def fill(samples: Any, missing: Any, work: Any, out: Any) -> None:
    """Go through frames; rows of ``work``: the past, what is repeated, its last quarter, a frame, an overlap."""
    past, cycle, last, frame, overlap = work[0], work[1], work[2], work[3], work[4]
    erased, pitch, quarter, length, offset = 0, 0, 0, 0, 0
    for f in range(missing.size):
        at = f * FRAME
        if not missing[f]:
            for i in range(FRAME):
                frame[i] = samples[at + i]
            if erased:
                count = min(quarter + (erased - 1) * _BLEND_MORE, FRAME)
                gain = max(0.0, 1.0 - (erased - 1) * _FADE)
                for i in range(count):
                    rising = (i + 1.0) / count
                    made = cycle[_HISTORY - length + (offset + i) % length]
                    frame[i] = gain * (1.0 - rising) * made + rising * frame[i]
                erased = 0
            _keep(past, frame, out, at)
            continue
        if erased == 0:
            for i in range(_HISTORY):
                cycle[i] = past[i]
            pitch = _pitch(past)
            quarter, length, offset = pitch >> 2, pitch, 0
            for i in range(quarter):
                last[i] = cycle[_HISTORY - quarter + i]
            _blend_period(cycle, last, length, quarter)
            for i in range(quarter):
                past[_HISTORY - quarter + i] = cycle[_HISTORY - quarter + i]
        joined = 0
        if erased in (1, 2):
            joined = quarter
            for i in range(quarter):
                overlap[i] = cycle[_HISTORY - length + (offset + i) % length]
            while offset > pitch:
                offset -= pitch
            length += pitch
            _blend_period(cycle, last, length, quarter)
        for i in range(FRAME):
            frame[i] = cycle[_HISTORY - length + (offset + i) % length] if erased < _LAST_FRAME else 0.0
        offset = (offset + FRAME) % length
        for i in range(joined):
            rising = (i + 1.0) / joined
            frame[i] = (1.0 - rising) * overlap[i] + rising * frame[i]
        if 0 < erased < _LAST_FRAME:
            for i in range(FRAME):
                frame[i] *= max(0.0, 1.0 - (erased - 1) * _FADE - i * _FADE / FRAME)
        erased += 1
        _keep(past, frame, out, at)


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
        fill(np.ascontiguousarray(samples, dtype=np.float64), flags, np.zeros((5, _HISTORY)), out)
    return out
