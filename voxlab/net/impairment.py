"""What a link does to packets: delay, jitter, loss in bursts, reordering and duplicates, drawn from a seed.

Names are tc-netem's where it has one; bursts are Gilbert's two-state model. A `media.path.Path` says more of the same
(`path_channel`); what both have, both call by one name. Must not know what the packets carry, nor on which network.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, NamedTuple

from voxlab.base.errors import VoxlabError
from voxlab.base.ids import Ids

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from voxlab.media.path import Path
    from voxlab.net.path_channel import PathChannel

DEFAULT_DELAY_S = 0.0005
RETRANSMISSION_S = 0.2
"""How long a sender on a stream waits before it repeats a lost segment; doubled at each loss (RFC 6298 s.5, with the
200 ms of common kernels).
"""
TRIES = 7  # then the stream is given up (RFC 9293 s.3.8.3, R2)


@dataclass(frozen=True, slots=True)
class Impairment:
    """The temper of one direction of a link.

    Parameters
    ----------
    delay_s : float
        Every packet's delay in seconds.
    jitter_s : float
        Up to so much more, uniformly drawn; packets keep their order, as in a queue.
    loss, reorder, duplicate : float
        Fractions of packets that are lost, held back, doubled.
    burst : float
        Mean number of packets lost in a row, 1 or more.
    held_back_s : float
        How much later a packet comes that others overtake.
    """

    delay_s: float = DEFAULT_DELAY_S
    jitter_s: float = 0.0
    loss: float = 0.0
    burst: float = 1.0
    reorder: float = 0.0
    held_back_s: float = 0.03
    duplicate: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            top = 1.0 if field.name in {"loss", "reorder", "duplicate"} else float("inf")
            bottom = 1.0 if field.name == "burst" else 0.0
            if not bottom <= value <= top:
                raise VoxlabError(f"{field.name}={value!r} of a link must lie between {bottom:g} and {top:g}")

    @property
    def only_delays(self) -> bool:
        """Whether packets arrive all, once, in order and at an even pace."""
        return not (self.jitter_s or self.loss or self.reorder or self.duplicate)


class Passage(NamedTuple):
    """What became of a batch of n packets.

    Attributes
    ----------
    rows : intp array, shape (m,)
        Which packets arrived, a doubled one twice.
    arrival_ns : int64 array, shape (m,)
        When.
    lost : bool array, shape (n,)
    """

    rows: NDArray[np.intp]
    arrival_ns: NDArray[np.int64]
    lost: NDArray[np.bool_]


class Channel:
    """One direction of a link: decides packet by packet, or for many at once.

    Parameters
    ----------
    ids : Ids
        The link's own source of numbers, so that one more link shifts nobody's fate.
    """

    def __init__(self, ids: Ids, impairment: Impairment | None = None) -> None:
        self._ids = ids
        self._losing = False
        self._last_s = 0.0
        self.impairment = impairment or Impairment()

    @property
    def impairment(self) -> Impairment:
        """The temper; may be replaced at any time, packets under way keep theirs."""
        return self._impairment

    @impairment.setter
    def impairment(self, impairment: Impairment) -> None:
        self._impairment = impairment
        self._even_delay_s = impairment.delay_s if impairment.only_delays else None

    def pass_through(self, now: float) -> tuple[float, ...]:
        """Return the times at which a packet sent now arrives: none if it is lost, two if it is doubled."""
        if self._even_delay_s is not None:
            self._last_s = max(self._last_s, now + self._even_delay_s)
            return (self._last_s,)
        temper, draw = self._impairment, self._ids.random
        if temper.loss and self._loses():
            return ()
        arrival = max(self._last_s, now + temper.delay_s + (draw() * temper.jitter_s if temper.jitter_s else 0.0))
        if temper.reorder and draw() < temper.reorder:
            arrival += temper.held_back_s  # those that follow do not wait for it
        else:
            self._last_s = arrival
        if temper.duplicate and draw() < temper.duplicate:
            return (arrival, arrival)
        return (arrival,)

    def _loses(self) -> bool:
        """Draw the next state of Gilbert's model: bursts last ``burst`` packets on average, ``loss`` of all packets are
        lost.
        """
        loss, burst = self.impairment.loss, self.impairment.burst
        if loss >= 1.0:
            return True
        if self._losing:
            stay = 1.0 - 1.0 / burst if burst > 1.0 else loss
        else:
            stay = min(1.0, loss / (burst * (1.0 - loss))) if burst > 1.0 else loss
        self._losing = self._ids.random() < stay
        return self._losing

    def stream_delay_s(self) -> float | None:
        """Return how long a segment of a stream takes, its repetitions included; None when the sender gives up."""
        temper = self.impairment
        delay, wait = temper.delay_s, RETRANSMISSION_S
        for _ in range(TRIES):
            if not (temper.loss and self._loses()):
                return delay + (self._ids.random() * temper.jitter_s if temper.jitter_s else 0.0)
            delay += wait
            wait *= 2
        return None

    @property
    def even_delay_s(self) -> float | None:
        """The delay of every packet where all arrive, once, in order and at an even pace; else None."""
        return self._even_delay_s

    def pass_batch(self, time_ns: NDArray[np.int64]) -> Passage:
        """Return what becomes of packets that leave at ``time_ns``, int64 array of shape (n,), ascending."""
        import numpy as np

        temper, count = self.impairment, len(time_ns)
        rng = np.random.default_rng(self._ids.uint32())
        lost = _lost(rng, count, temper)
        arrival_ns = time_ns + round(temper.delay_s * 1e9)
        if temper.jitter_s:
            arrival_ns = np.maximum.accumulate(arrival_ns + rng.integers(0, round(temper.jitter_s * 1e9) + 1, count))
        if temper.reorder:
            arrival_ns = arrival_ns + (rng.random(count) < temper.reorder) * round(temper.held_back_s * 1e9)
        rows = np.flatnonzero(~lost)
        if temper.duplicate:
            rows = np.concatenate((rows, rows[rng.random(len(rows)) < temper.duplicate]))
        return Passage(rows, arrival_ns[rows], lost)


def channel_for(ids: Ids, temper: Impairment | Path) -> Channel | PathChannel:
    """Return a direction of a link with this temper; numpy is loaded only for a path."""
    if isinstance(temper, Impairment):
        return Channel(ids, temper)
    from voxlab.net.path_channel import PathChannel

    return PathChannel(ids, temper)


def _lost(rng: np.random.Generator, count: int, temper: Impairment) -> NDArray[np.bool_]:
    """Draw which of ``count`` packets are lost: one by one, or as runs of Gilbert's two states."""
    import numpy as np

    if not temper.loss or temper.loss >= 1.0:
        return np.full(count, temper.loss >= 1.0)
    if temper.burst <= 1.0:
        lost: NDArray[np.bool_] = rng.random(count) < temper.loss
        return lost
    into = min(1.0, temper.loss / (temper.burst * (1.0 - temper.loss)))
    pairs = count // 2 + 1  # every run has a packet or more
    runs = np.empty(2 * pairs, np.int64)
    runs[0::2] = rng.geometric(into, pairs)
    runs[1::2] = rng.geometric(1.0 / temper.burst, pairs)
    states = np.tile(np.array([False, True]), pairs)
    if rng.random() < temper.loss:
        runs, states = runs[1:], states[1:]
    ends = np.minimum(np.cumsum(runs), count)
    return np.repeat(states, np.diff(ends, prepend=0))
