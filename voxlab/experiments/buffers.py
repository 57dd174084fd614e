"""Jitter buffers, the classics and our own, and the race between them.

``from voxlab import buffers``; then ``buffers.race([buffers.Fixed(delay_ms=60), buffers.Ramjee(4)], trace)``. Each
names its source; what decides is in ``voxlab.kernels.playout_*``. Must not know how traces are made.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from voxlab.base.errors import VoxlabError
from voxlab.experiments.buffer import Buffer, PacketBuffer
from voxlab.experiments.playout import Playout
from voxlab.experiments.race import Race, race
from voxlab.experiments.regret import RegretTable, regret_table
from voxlab.experiments.trace import Trace
from voxlab.kernels import playout_classic, playout_histogram, playout_neteq, playout_stacks
from voxlab.kernels._jit import LongRun

__all__ = [
    "Asterisk", "Baresip", "Buffer", "Fixed", "Moon", "NetEq", "PacketBuffer", "Pjmedia", "Playout", "Race", "Ramjee",
    "RegretTable", "Speex", "Tide", "every", "race", "regret_table",
]  # fmt: skip

_SHARE = {"bounds": (0.0, 1.0)}
_ANY = {"bounds": (float("-inf"), float("inf"))}


@dataclass(repr=False)
class Fixed(PacketBuffer):
    """The first packet waits ``delay_ms``, and so do all that take as long as it did."""

    delay_ms: float = 60.0

    def _kernel(self) -> LongRun[..., None]:
        return playout_classic.fixed

    def _numbers(self, frame_s: float) -> tuple[float, ...]:
        return (self.delay_ms / 1e3,)


@dataclass(repr=False)
class Ramjee(PacketBuffer):
    """The four algorithms of Ramjee, Kurose, Towsley and Schulzrinne (INFOCOM 1994).

    Attributes
    ----------
    algorithm : int
        1: averages of delay and deviation; 2: rising faster than falling; 3: the least delay of the spurt before; 4:
        with a mode for delay spikes.
    multiple : float
        Deviations added to the average.
    """

    algorithm: int = field(default=1, metadata={"bounds": (1, 4)})
    multiple: float = field(default=4.0, metadata=_ANY)

    def __post_init__(self) -> None:
        if self.algorithm not in {1, 2, 3, 4}:
            raise VoxlabError(f"Ramjee({self.algorithm!r}): there are the algorithms 1, 2, 3 and 4")
        super().__post_init__()

    def _kernel(self) -> LongRun[..., None]:
        found: LongRun[..., None] = getattr(playout_classic, f"ramjee_{self.algorithm}")
        return found

    def _numbers(self, frame_s: float) -> tuple[float, ...]:
        rest = {1: (), 2: (0.75,), 3: (), 4: (0.1, 63 / 8000)}[self.algorithm]
        return (0.875 if self.algorithm == 4 else 0.998002, self.multiple, *rest)


@dataclass(repr=False)
class Moon(PacketBuffer):
    """The quantile of the last delays that lets a share of packets be late (Moon, Kurose, Towsley 1998).

    Attributes
    ----------
    late : float
        The share.
    window : int
        Packets that are remembered.
    head, tail : float
        A delay above head times the playout delay begins a spike, one under tail times it ends it.
    """

    late: float = field(default=0.01, metadata=_SHARE)
    window: int = field(default=10_000, metadata={"bounds": (10, 10_000_000)})
    head: float = 4.0
    tail: float = 2.0

    def _kernel(self) -> LongRun[..., None]:
        return playout_histogram.moon

    def _numbers(self, frame_s: float) -> tuple[float, ...]:
        return 1.0 - self.late, self.head, self.tail

    def _memory(self) -> int:
        return playout_histogram.BINS + int(self.window)


@dataclass(repr=False)
class Tide(PacketBuffer):
    """Voxlab's own: a slow level, a long histogram of what exceeds it, and spikes let pass like waves.

    It plays at a quantile of the excess above the level, set anew at each talkspurt; see
    `voxlab.kernels.playout_histogram.tide` for why.

    Attributes
    ----------
    late : float
        Share of packets that may be late, spikes left out.
    window : int
        Packets in the histogram.
    level_packets : float
        Over how many packets the level is an average.
    spike_ms : float
        A packet so much later than its playout is out of the ordinary.
    patience : int
        So many of them in a row are the new level.
    start_ms : float
        Above the first packet's delay, until the first talkspurt is over.
    """

    late: float = field(default=0.01, metadata=_SHARE)
    window: int = field(default=10_000, metadata={"bounds": (10, 10_000_000)})
    level_packets: float = field(default=60.0, metadata={"bounds": (1.0, 1e9)})
    spike_ms: float = 50.0
    patience: int = 50
    start_ms: float = 60.0

    def _kernel(self) -> LongRun[..., None]:
        return playout_histogram.tide

    def _numbers(self, frame_s: float) -> tuple[float, ...]:
        return 1.0 - self.late, 1.0 / self.level_packets, self.spike_ms / 1e3, self.patience, self.start_ms / 1e3

    def _memory(self) -> int:
        return playout_histogram.BINS + int(self.window)


@dataclass(repr=False)
class Asterisk(PacketBuffer):
    """After Asterisk's main/jitterbuf.c; ``extra_ms`` is its JB_TARGET_EXTRA."""

    extra_ms: float = field(default=40.0, metadata=_ANY)

    def _kernel(self) -> LongRun[..., None]:
        return playout_stacks.asterisk

    def _numbers(self, frame_s: float) -> tuple[float, ...]:
        return self.extra_ms / 1e3, frame_s

    def _memory(self) -> int:
        return playout_histogram.BINS + playout_stacks.HISTORY


@dataclass(repr=False)
class Speex(PacketBuffer):
    """After jitter.c of libspeexdsp; ``tradeoff_ms`` is the delay that losing one percent is worth, 0 for automatic."""

    tradeoff_ms: float = 0.0
    _cells: ClassVar[int] = playout_stacks.SPEEX_STATE

    def _kernel(self) -> LongRun[..., None]:
        return playout_stacks.speex

    def _numbers(self, frame_s: float) -> tuple[float, ...]:
        return self.tradeoff_ms / 1e3, frame_s


@dataclass(repr=False)
class Pjmedia(PacketBuffer):
    """After jbuf.c of pjmedia; ``prefetch`` packets lie in the buffer before it begins to play."""

    prefetch: float = 1.0

    def _kernel(self) -> LongRun[..., None]:
        return playout_stacks.pjmedia

    def _numbers(self, frame_s: float) -> tuple[float, ...]:
        return frame_s, self.prefetch


@dataclass(repr=False)
class Baresip(PacketBuffer):
    """After src/jbuf.c of baresip in its adaptive mode; ``multiple`` of the jitter is added."""

    multiple: float = 3.0

    def _kernel(self) -> LongRun[..., None]:
        return playout_stacks.baresip

    def _numbers(self, frame_s: float) -> tuple[float, ...]:
        return self.multiple, 3.0, 0.100, 0.020, 0.020, frame_s


@dataclass(repr=False)
class NetEq(Buffer):
    """After WebRTC's NetEQ: a target from a histogram, reached by accelerating and expanding sound.

    Attributes
    ----------
    quantile : float
        Of the delays above the least of the last two seconds.
    forget : float
        What of the histogram stays at each update, twice a second.
    stretch_ms : float
        Sound left out or repeated at a time.
    """

    quantile: float = field(default=0.95, metadata=_SHARE)
    forget: float = field(default=0.983, metadata=_SHARE)
    stretch_ms: float = field(default=10.0, metadata={"bounds": (0.0, 20.0)})

    def play(self, trace: Trace) -> Playout:
        """Return what it does to a trace; it needs all of it, for it acts when sound is due, not when packets come."""
        n, order = trace.packets, trace.arrivals.order
        playout, concealed, action = np.empty(n), np.empty(n), np.empty(n, dtype=np.uint8)
        numbers = np.array([self.quantile, self.forget, trace.frame_s, self.stretch_ms / 1e3])
        histogram, recent = np.zeros(playout_neteq.BUCKETS), np.zeros(order.size, dtype=np.int64)
        playout_neteq.neteq(
            trace.send_s, trace.recv_s, order, trace.spurt, numbers, histogram, recent, playout, action, concealed
        )
        step_s = self.stretch_ms / 1e3
        stretch = step_s * ((action == playout_neteq.EXPANDED) * 1.0 - (action == playout_neteq.ACCELERATED))
        return Playout(self.name, trace, playout, concealed, np.asarray(stretch))


def every() -> list[Buffer]:
    """Return one of each, with its own defaults."""
    return [
        Fixed(), *(Ramjee(n) for n in (1, 2, 3, 4)), Moon(), Asterisk(), Speex(), Pjmedia(), Baresip(), NetEq(), Tide(),
    ]  # fmt: skip
