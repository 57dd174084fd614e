"""One stream counted in three ways that differ for good reasons: truth, RFC 3550 to the letter, Wireshark.

``truth`` counts what a listener missed: unique packets, a restart as a segment, no jitter from events that stand
still. ``rfc3550`` is A.1 (without its probation: SDP announced the source), A.3 and A.8: duplicates hide losses.
``wireshark`` is what tshark 4.0 says of the same packets. Must not know where the packets were seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from voxlab.kernels import stream_cells as cell
from voxlab.kernels.stream_statistics import StreamState
from voxlab.kernels.wireshark import wireshark_statistics
from voxlab.media.codecs import UNKNOWN, Format

MODES: Final = ("truth", "rfc3550", "wireshark")
_FIRST_DYNAMIC: Final = 96


class StreamColumns(NamedTuple):
    """The packets of one stream in order of arrival.

    Attributes
    ----------
    time_ns : int64 array, shape (n,)
    sequence : uint16 array, shape (n,)
    timestamp : uint32 array, shape (n,)
    payload_type : uint8 array, shape (n,)
        The second octet of the header: marker and payload type.
    """

    time_ns: npt.NDArray[np.int64]
    sequence: npt.NDArray[Any]
    timestamp: npt.NDArray[Any]
    payload_type: npt.NDArray[np.uint8]


class StreamCount(NamedTuple):
    """What one mode makes of a stream; None where a mode does not know the thing.

    Attributes
    ----------
    mode : str
    packets, expected, lost : int
    duplicates, reordered, segments : int or None
        Of ``truth`` alone; segments are 1 and one more for every restart.
    max_delta_ms : float or None
    mean_jitter_ms, max_jitter_ms : float
    """

    mode: str
    packets: int
    expected: int
    lost: int
    duplicates: int | None
    reordered: int | None
    segments: int | None
    max_delta_ms: float | None
    mean_jitter_ms: float
    max_jitter_ms: float

    @property
    def loss(self) -> float:
        """Lost as a fraction of expected; below 0 where duplicates outnumber losses."""
        return self.lost / self.expected if self.expected else 0.0


def count_stream(columns: StreamColumns, formats: Mapping[int, Format], mode: str = "truth") -> StreamCount:
    """Count one stream.

    Parameters
    ----------
    columns : StreamColumns
        At least one packet.
    formats : mapping of int to Format
        What payload types stand for.
    mode : {"truth", "rfc3550", "wireshark"}

    Raises
    ------
    ValueError
        There is no such mode, or no packet.
    """
    if mode not in MODES:
        raise ValueError(f"streams are counted by {', '.join(MODES)}; {mode!r} is none of them")
    if not len(columns.time_ns):
        raise ValueError("a stream has at least one packet")
    return _by_wireshark(columns, formats) if mode == "wireshark" else _by_state(columns, formats, mode)


def _runs(columns: StreamColumns) -> Iterator[tuple[int, slice]]:
    """Yield runs of one payload type."""
    kinds = columns.payload_type & 0x7F
    cuts = [0, *(np.flatnonzero(np.diff(kinds)) + 1).tolist(), len(kinds)]
    for i in range(len(cuts) - 1):
        yield int(kinds[cuts[i]]), slice(cuts[i], cuts[i + 1])


def _by_state(columns: StreamColumns, formats: Mapping[int, Format], mode: str) -> StreamCount:
    state = StreamState()
    main = next((formats[kind] for kind, _ in _runs(columns) if kind in formats and formats[kind].tells_time), None)
    for kind, rows in _runs(columns):
        media = formats.get(kind) or Format(UNKNOWN, kind, main.clock_rate_hz if main else 8000)
        packets = columns.time_ns[rows], columns.sequence[rows], columns.timestamp[rows]
        timed = media.tells_time or mode == "rfc3550"  # A.8 knows no telephone events
        state.add_columns(*packets, media.clock_rate_hz, timed, columns.payload_type[rows] >= 0x80)
    return _counted(state, mode)


def _counted(state: StreamState, mode: str) -> StreamCount:
    counters = [int(each) for each in state.counters]
    milliseconds = 1000.0 / (counters[cell.CLOCK_RATE] or 8000)
    jitter = [float(each) * milliseconds for each in state.estimates]
    mean = jitter[cell.JITTER_SUM] / max(1, counters[cell.JITTER_SAMPLES])
    delta = counters[cell.MAX_DELTA_NS] / 1e6
    received = counters[cell.RECEIVED]
    if mode == "rfc3550":
        expected, came = counters[cell.HIGHEST] - counters[cell.BASE] + 1, counters[cell.SEGMENT_RECEIVED]
        return StreamCount(
            mode, came, expected, expected - came, None, None, None, delta, mean, jitter[cell.JITTER_MAX]
        )
    expected = counters[cell.EXPECTED_BEFORE] + counters[cell.HIGHEST] - counters[cell.LOWEST] + 1
    duplicates, segments = counters[cell.DUPLICATES], counters[cell.RESTARTS] + 1
    lost = expected - received + duplicates
    numbers = received, expected, lost, duplicates, counters[cell.REORDERED], segments
    return StreamCount(mode, *numbers, delta, mean, jitter[cell.JITTER_MAX])


def _by_wireshark(columns: StreamColumns, formats: Mapping[int, Format]) -> StreamCount:
    kinds = columns.payload_type & 0x7F
    rates = np.array([_wireshark_rate(kind, formats) for kind in range(128)], dtype=np.int64)
    noise = (kinds == 13) | (kinds == 19)
    seen = wireshark_statistics(
        *columns[:3], marker=columns.payload_type >= 0x80, clock_rate_hz=rates[kinds], noise=noise
    )
    numbers = seen.packets, seen.packets + seen.lost, seen.lost
    jitter = seen.mean_jitter_ms, seen.max_jitter_ms
    return StreamCount("wireshark", *numbers, None, None, None, seen.max_delta_ms, *jitter)


def _wireshark_rate(kind: int, formats: Mapping[int, Format]) -> int:
    """Return the clock that Wireshark takes: a static number's own, a dynamic one's from SDP, none for events."""
    media = formats.get(kind)
    if kind < _FIRST_DYNAMIC:
        return _STATIC_RATES.get(kind, 0)
    return media.clock_rate_hz if media is not None and media.tells_time else 0


_STATIC_RATES: Final = {
    0: 8000, 1: 8000, 2: 8000, 3: 8000, 4: 8000, 5: 8000, 6: 16000, 7: 8000, 8: 8000, 9: 8000, 10: 44100, 11: 44100,
    12: 8000, 13: 8000, 14: 90000, 15: 8000, 16: 11025, 17: 22050, 18: 8000, 19: 8000, 25: 90000, 26: 90000,
    28: 90000, 31: 90000, 32: 90000, 33: 90000, 34: 90000,
}  # fmt: skip
"""RFC 3551 s.6."""
