"""What Wireshark's RTP analysis makes of one stream, arithmetic and quirks alike, so that people can compare.

It prints what tshark 4.0 does under ``-z rtp,streams``: expected numbers run from the packet that came first to the one
that came last, so that duplicates hide losses and a swapped end loses one; a clock is divided by a whole thousand, so
that 44.1 kHz jitters by itself; packets from before the first one's timestamp tell no time. Must not know truth.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from voxlab.kernels._jit import kernel

Cells: TypeAlias = Any

EXPECTED: Final = 0
MIN_DELTA: Final = 1  # milliseconds, as all below
MEAN_DELTA: Final = 2
MAX_DELTA: Final = 3
MIN_JITTER: Final = 4
MEAN_JITTER: Final = 5
MAX_JITTER: Final = 6
CELLS: Final = 7


class WiresharkStatistics(NamedTuple):
    """A row of ``tshark -q -z rtp,streams``.

    Attributes
    ----------
    packets, lost : int
        All that came; expected less those, so below zero where duplicates outnumber losses.
    min_delta_ms, mean_delta_ms, max_delta_ms : float
        Between packets, without those that have the marker, are or follow comfort noise, or come from the past.
    min_jitter_ms, mean_jitter_ms, max_jitter_ms : float
        Of the same packets, where the clock is known. A minimum of which there was none is -1.
    """

    packets: int
    lost: int
    min_delta_ms: float
    mean_delta_ms: float
    max_delta_ms: float
    min_jitter_ms: float
    mean_jitter_ms: float
    max_jitter_ms: float


def _over_lists(
    time_ns: Cells, sequence: Cells, timestamp: Cells, marker: Cells, clock_rate_hz: Cells, noise: Cells, out: Cells
) -> None:
    cells = out.tolist()
    numbers = time_ns.tolist(), sequence.tolist(), timestamp.tolist()
    analyse.body(*numbers, marker.tolist(), clock_rate_hz.tolist(), noise.tolist(), cells)
    out[:] = cells


_I: Final = "Array(int64, 1, 'C', True)"
_B: Final = "Array(uint8, 1, 'C', True)"


@kernel(f"void({_I}, {_I}, {_I}, {_B}, {_I}, {_B}, float64[::1])", twin=_over_lists)
def analyse(
    time_ns: Cells, sequence: Cells, timestamp: Cells, marker: Cells, clock_rate_hz: Cells, noise: Cells, out: Cells
) -> None:
    """Take the packets of one stream, in order of arrival; leave the results in ``out``."""
    start, last_stop = sequence[0], sequence[0]
    first_media = timestamp[0]
    cycles = 0
    under = False
    time_ms, last_nominal, jitter, delta = 0.0, 0.0, 0.0, 0.0
    min_delta, mean_delta, max_delta = -1.0, 0.0, 0.0
    min_jitter, mean_jitter, max_jitter = -1.0, 0.0, 0.0
    after_noise = noise[0] != 0
    for i in range(1, len(time_ns)):
        number = sequence[i]
        ahead = (timestamp[i] - first_media) & 0xFFFFFFFF
        in_time = ahead < 0x80000000
        if in_time and not under and (number < start or (number == 0 and last_stop == 65535)):
            cycles += 1
            under = True
        elif in_time and under and number > start:
            under = False
        if in_time:
            now_ms = (time_ns[i] - time_ns[0]) / 1e6
            delta = now_ms - time_ms
            rate = clock_rate_hz[i] // 1000
            if rate:
                nominal = ahead / rate
                jitter = (15.0 * jitter + abs(delta - (nominal - last_nominal))) / 16.0
                last_nominal = nominal
            time_ms = now_ms
        regular = in_time and not marker[i] and not noise[i] and not after_noise
        after_noise = noise[i] != 0
        if regular:
            max_delta = max(max_delta, delta)
            min_delta = delta if min_delta < 0.0 else min(min_delta, delta)
            mean_delta = (mean_delta * (i - 1) + delta) / i
            if clock_rate_hz[i] // 1000:
                max_jitter = max(max_jitter, jitter)
                min_jitter = jitter if min_jitter < 0.0 else min(min_jitter, jitter)
                mean_jitter = (mean_jitter * (i - 1) + jitter) / i
        last_stop = number
    out[EXPECTED] = last_stop + cycles * 65536 - start + 1
    out[MIN_DELTA], out[MEAN_DELTA], out[MAX_DELTA] = min_delta, mean_delta, max_delta
    out[MIN_JITTER], out[MEAN_JITTER], out[MAX_JITTER] = min_jitter, mean_jitter, max_jitter


def wireshark_statistics(
    time_ns: npt.NDArray[Any],
    sequence: npt.NDArray[Any],
    timestamp: npt.NDArray[Any],
    *,
    marker: npt.NDArray[Any] | None = None,
    clock_rate_hz: npt.NDArray[Any] | int = 8000,
    noise: npt.NDArray[Any] | None = None,
) -> WiresharkStatistics:
    """Return what Wireshark says of one stream.

    Parameters
    ----------
    time_ns : int64 array, shape (n,)
        Arrival, nanoseconds, at least one packet.
    sequence : uint16 array, shape (n,)
    timestamp : uint32 array, shape (n,)
    marker : bool array, shape (n,), optional
    clock_rate_hz : int, or int64 array, shape (n,)
        Of each packet's payload type; 0 for telephone events and for what has no known clock.
    noise : bool array, shape (n,), optional
        Which packets are comfort noise.
    """
    count = len(time_ns)
    if not count or not len(sequence) == len(timestamp) == count:
        raise ValueError(f"columns of {count}, {len(sequence)} and {len(timestamp)} packets, at least one each")
    flags = [
        np.zeros(count, np.uint8) if each is None else np.asarray(each).astype(np.uint8) for each in (marker, noise)
    ]
    rates = np.ascontiguousarray(np.broadcast_to(np.asarray(clock_rate_hz, np.int64), count))
    times, numbers, media = (np.ascontiguousarray(each, dtype=np.int64) for each in (time_ns, sequence, timestamp))
    out = np.zeros(CELLS)
    analyse(times, numbers, media, flags[0], rates, flags[1], out)
    return WiresharkStatistics(count, int(out[EXPECTED]) - count, *out[1:].tolist())
