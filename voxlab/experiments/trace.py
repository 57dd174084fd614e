"""A trace: when packets of one stream were sent, and when each arrived, if it did. Must not know how it came about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from voxlab.base.errors import VoxlabError
from voxlab.kernels.optimum import offline_optimum
from voxlab.media.path import Path, Recorded

if TYPE_CHECKING:
    from voxlab.experiments.charts import Chart

Column = npt.NDArray[np.float64]

SILENT_FRAMES = 1.5
"""A sender that leaves more than so many frames between two packets was silent: a talkspurt begins (RFC 3551 s.4.1)."""


class Arrivals(NamedTuple):
    """What a receiver sees, in the order in which it sees it; duplicates are dropped.

    Attributes
    ----------
    order : int64 array, shape (m,)
        The packets' numbers.
    arrival_s, media_s : float64 array, shape (m,)
    spurt : int32 array, shape (m,)
    """

    order: npt.NDArray[np.int64]
    arrival_s: Column
    media_s: Column
    spurt: npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False, repr=False)
class Trace:
    """One stream on its way; read-only.

    Attributes
    ----------
    name : str
        What kind of path, for tables.
    send_s : float64 array, shape (n,)
        When each packet was sent, by the sender's clock, seconds, ascending.
    transit_s : float64 array, shape (n,)
        From sending to arrival, seconds; infinite for one that was lost.
    spurt : int32 array, shape (n,)
        Talkspurt of each, from 0.
    seed : int, optional
        That it was drawn from; None for a measured one.
    frame_s : float
        Sound in a packet.
    duplicates : int
        Packets that came twice.
    parameters : mapping
        Of the path.
    """

    name: str
    send_s: Column
    transit_s: Column
    spurt: npt.NDArray[np.int32]
    seed: int | None = None
    frame_s: float = 0.02
    duplicates: int = 0
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, kind in (("send_s", np.float64), ("transit_s", np.float64), ("spurt", np.int32)):
            column = np.array(getattr(self, name), dtype=kind)
            column.flags.writeable = False
            object.__setattr__(self, name, column)
        object.__setattr__(self, "parameters", MappingProxyType(dict(self.parameters)))
        if not self.send_s.shape == self.transit_s.shape == self.spurt.shape or self.send_s.ndim != 1:
            raise VoxlabError(f"columns of {self.send_s.shape}, {self.transit_s.shape} and {self.spurt.shape} packets")
        if not np.isfinite(self.transit_s).any():
            raise VoxlabError("a trace needs at least one packet that arrived")

    def __len__(self) -> int:
        return self.send_s.size

    @property
    def packets(self) -> int:
        """Packets sent."""
        return self.send_s.size

    @cached_property
    def recv_s(self) -> Column:
        """When each packet arrived, seconds; infinite for one that was lost."""
        return self.send_s + self.transit_s

    @property
    def path(self) -> Path:
        """What became of its packets, as a path for others: ``lab.link(alice).impair(trace.path)``."""
        return Path(0.0, recorded=Recorded(self.transit_s))

    @cached_property
    def lost(self) -> npt.NDArray[np.bool_]:
        """Which packets were lost on the way."""
        return ~np.isfinite(self.transit_s)

    @property
    def loss(self) -> float:
        """Share of packets lost on the way, 0 to 1."""
        return float(self.lost.mean())

    @property
    def talkspurts(self) -> int:
        """How many times somebody began to talk."""
        return int(np.count_nonzero(np.diff(self.spurt))) + 1

    @property
    def duration_s(self) -> float:
        """From the first packet sent to the last."""
        return float(self.send_s[-1] - self.send_s[0])

    @cached_property
    def arrivals(self) -> Arrivals:
        """What a receiver sees, in the order of arrival."""
        number = np.flatnonzero(~self.lost)
        arrival = self.recv_s[number]
        if np.any(np.diff(arrival) < 0):
            number = number[np.argsort(arrival, kind="stable")]
        return Arrivals(number, self.recv_s[number], self.send_s[number], self.spurt[number])

    @cached_property
    def optimum(self) -> tuple[Column, Column]:
        """Shares of late packets, and the least mean delay in seconds that each allows: see `kernels.optimum`."""
        came = ~self.lost
        return offline_optimum(self.transit_s[came], self.spurt[came])

    def optimum_s(self, late: float) -> float:
        """Return the least mean delay from sending to playout at a share of late packets, seconds."""
        shares, delays = self.optimum
        return float(np.interp(late, shares, delays)) if late <= shares[-1] else float("nan")

    def __repr__(self) -> str:
        came = self.transit_s[~self.lost] * 1e3
        low, high = np.quantile(came, (0.01, 0.99))
        parts = [f"Trace {self.name}", f"{self.packets:,} packets in {self.talkspurts:,} talkspurts"]
        parts += [f"{self.loss:.1%} lost" if self.loss else "none lost"]
        parts += [f"transit {np.median(came):.0f} ms, {low:.0f} to {high:.0f} (1 % to 99 %)"]
        parts += [f"{self.duplicates:,} doubled"] if self.duplicates else []
        return " · ".join(parts) + (f" · seed {self.seed}" if self.seed is not None else " · measured")

    def plot(self, start_s: float = 0.0, seconds: float = 60.0) -> Chart:
        """Draw each packet's transit time over the time it was sent."""
        from voxlab.experiments.charts import trace_chart

        return trace_chart(self, start_s, seconds)


def spurts_of(send_s: Column, frame_s: float) -> npt.NDArray[np.int32]:
    """Return the talkspurt of each packet: a new one begins after a silence of the sender."""
    silent = np.diff(send_s, prepend=send_s[:1]) > SILENT_FRAMES * frame_s
    return np.cumsum(silent, dtype=np.int32)
