"""A conference's mix: everybody hears the sum of all others. Must not know who they are."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from voxlab.kernels._jit import kernel

Voices = npt.NDArray[np.int16]

_IN: Final = "Array(int16, 2, 'C', True)"


def _mix_by_numpy(voices: Voices, mixed: Voices) -> None:
    total = voices.sum(axis=0, dtype=np.int64)
    np.clip(total[None, :] - voices, -32768, 32767, out=mixed, casting="unsafe")


@kernel(f"void({_IN}, int16[:, ::1])", twin=_mix_by_numpy)
def _mix(voices: Any, mixed: Any) -> None:
    for i in range(voices.shape[1]):
        total = np.int64(0)
        for k in range(voices.shape[0]):
            total += np.int64(voices[k, i])
        for k in range(voices.shape[0]):
            mixed[k, i] = min(max(total - np.int64(voices[k, i]), -32768), 32767)


def mix_for_each(voices: Voices) -> Voices:
    """Return what each of n hears: the sum of the n - 1 others, cut off at full scale.

    Parameters
    ----------
    voices : int16 array, shape (n, samples)
        What each says, at one rate, from one instant on.

    Returns
    -------
    int16 array, shape (n, samples)
    """
    if voices.ndim != 2 or voices.dtype != np.int16:
        raise ValueError(f"a mix takes int16 samples, a row for each voice, not {voices.dtype} of shape {voices.shape}")
    mixed = np.empty(voices.shape, np.int16)
    if voices.size:
        _mix(np.ascontiguousarray(voices), mixed)
    return mixed
