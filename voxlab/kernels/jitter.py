"""Interarrival jitter packet by packet (RFC 3550 s.6.4.1 and A.8).

Must not know sequence numbers: every packet counts, as it arrives.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from voxlab.kernels._jit import kernel
from voxlab.kernels.sequence import TIMESTAMP_BITS, unwrap

NS: Final = 1_000_000_000


def _jitter_over_lists(
    time_ns: npt.NDArray[np.int64], media: npt.NDArray[np.int64], clock_rate_hz: int, jitter: npt.NDArray[np.float64]
) -> None:
    deviation = np.abs(np.diff(time_ns) * clock_rate_hz - np.diff(media) * NS) / NS
    estimate = 0.0
    estimates = [0.0]
    for each in deviation.tolist():
        estimate += (each - estimate) / 16.0
        estimates.append(estimate)
    jitter[:] = estimates


@kernel("void(Array(int64, 1, 'C', True), Array(int64, 1, 'C', True), int64, float64[::1])", twin=_jitter_over_lists)
def _jitter(
    time_ns: npt.NDArray[np.int64], media: npt.NDArray[np.int64], clock_rate_hz: int, jitter: npt.NDArray[np.float64]
) -> None:
    estimate = 0.0
    jitter[0] = estimate
    for i in range(1, time_ns.size):
        deviation = abs((time_ns[i] - time_ns[i - 1]) * clock_rate_hz - (media[i] - media[i - 1]) * NS) / 1e9
        estimate += (deviation - estimate) / 16.0
        jitter[i] = estimate


def interarrival_jitter(
    time_ns: npt.NDArray[np.int64], timestamp: npt.NDArray[Any], clock_rate_hz: int
) -> npt.NDArray[np.float64]:
    """Return the running estimate J after each packet.

    Parameters
    ----------
    time_ns : int64 array, shape (n,)
        Arrival, nanoseconds of any clock.
    timestamp : uint32 array, shape (n,)
        RTP timestamps in order of arrival, clock ticks.
    clock_rate_hz : int
        Ticks a second.

    Returns
    -------
    float64 array, shape (n,)
        Ticks; 0 for the first packet. Differences are whole numbers until they are averaged, so a clean stream gives
        exactly 0. Both bodies give the same bits.
    """
    arrivals = np.ascontiguousarray(time_ns, dtype=np.int64)
    media = unwrap(timestamp, TIMESTAMP_BITS)
    if arrivals.shape != media.shape:
        raise ValueError(f"{arrivals.size} arrival times for {media.size} timestamps")
    jitter = np.zeros(arrivals.shape, dtype=np.float64)
    if arrivals.size:
        _jitter(arrivals, media, clock_rate_hz, jitter)
    return jitter
