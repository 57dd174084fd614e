"""One direction of a link with the temper of a `media.path.Path`: the same draws as a trace has, packet by packet.

Must not know what the packets carry, nor which network they are on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from voxlab.base.errors import VoxlabError
from voxlab.base.ids import Ids
from voxlab.media.impaired import Journey
from voxlab.media.path import Path
from voxlab.net.impairment import RETRANSMISSION_S, TRIES, Passage

if TYPE_CHECKING:
    from numpy.typing import NDArray


class PathChannel:
    """What `impairment.Channel` is, for a path.

    Making one compiles what it needs, so that no packet waits for that later.

    Parameters
    ----------
    ids : Ids
        The link's own source of numbers.
    path : Path
    """

    def __init__(self, ids: Ids, path: Path) -> None:
        if not isinstance(path, Path):
            raise VoxlabError(f"a link takes an Impairment or a traces.Path, not a {type(path).__name__}")
        self._path = path
        self._now_s = 0.0
        seed = ids.uint32()
        Journey(path, seed).send(np.zeros(2))
        self._journey = Journey(path, seed)

    @property
    def impairment(self) -> Path:
        """The temper."""
        return self._path

    @property
    def even_delay_s(self) -> float | None:
        """None: a path draws for each packet, even where all of them fare alike."""
        return None

    def pass_through(self, now: float) -> tuple[float, ...]:
        """Return the times at which a packet sent now arrives: none if it is lost, two if it is doubled."""
        self._now_s = max(self._now_s, now)
        transit_s, lost, doubled = self._journey.send(np.array([now]))
        if lost[0]:
            return ()
        arrival = now + float(transit_s[0])
        return (arrival, arrival) if doubled[0] else (arrival,)

    def stream_delay_s(self) -> float | None:
        """Return how long a segment of a stream takes, its repetitions included; None when the sender gives up."""
        waited, wait = 0.0, RETRANSMISSION_S
        for _ in range(TRIES):
            arrivals = self.pass_through(self._now_s)
            if arrivals:
                return waited + arrivals[0] - self._now_s
            waited += wait
            wait *= 2
        return None

    def pass_batch(self, time_ns: NDArray[np.int64]) -> Passage:
        """Return what becomes of packets that leave at ``time_ns``, int64 array of shape (n,), ascending."""
        transit_s, lost, doubled = self._journey.send(time_ns / 1e9)
        arrival_ns = time_ns + np.rint(transit_s * 1e9).astype(np.int64)
        rows = np.concatenate((np.flatnonzero(~lost), np.flatnonzero(doubled)))
        rows = rows[np.argsort(arrival_ns[rows], kind="stable")]
        return Passage(rows, arrival_ns[rows], lost)
