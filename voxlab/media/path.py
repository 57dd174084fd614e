"""The temper of a network path in words: what it loses, how long it takes, what it does to the order.

Names are tc-netem's where it has one. Values only; `media.impaired` lets packets go through them. Times are
milliseconds here, as people say them, and seconds in arrays. Must not know networks, links or who sends.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from voxlab.base.errors import VoxlabError
from voxlab.kernels import chance
from voxlab.kernels.chance import Column


def within(name: str, value: float, low: float = 0.0, high: float = float("inf")) -> None:
    """Refuse a number outside its bounds, by its name."""
    if not low <= value <= high:
        raise VoxlabError(f"{name}={value!r} must lie between {low:g} and {high:g}")


def _shares(thing: object, *names: str) -> None:
    for name in names:
        within(name, getattr(thing, name), 0.0, 1.0)


@dataclass(frozen=True)
class GilbertElliott:
    """Losses by two states, good and bad; tc-netem's ``loss gemodel p r 1-h 1-k``.

    Attributes
    ----------
    p, r : float
        Probability of going from good to bad, and back, at each packet.
    h, k : float
        Share of packets that get through in the bad and in the good state: netem takes 1-h and 1-k.
    """

    p: float
    r: float
    h: float = 0.0
    k: float = 1.0

    def __post_init__(self) -> None:
        _shares(self, "p", "r", "h", "k")
        if self.p + self.r <= 0.0:
            raise VoxlabError("p and r are both 0: the path would stay for ever where it begins; give r above 0")

    @classmethod
    def of(cls, loss: float, burst: float = 1.0) -> GilbertElliott:
        """Return Gilbert's model that loses a share ``loss`` of all packets, ``burst`` in a row on average.

        A burst of 1 means losses that do not know of each other.
        """
        within("loss", loss, 0.0, 1.0)
        within("burst", burst, 1.0)
        if loss >= 1.0 or burst <= 1.0:
            return cls(p=loss, r=1.0 - loss)
        into = loss / (burst * (1.0 - loss))
        if into > 1.0:
            raise VoxlabError(
                f"a loss of {loss:g} needs bursts of {loss / (1 - loss):.3g} packets or more, not {burst:g}"
            )
        return cls(p=into, r=1.0 / burst)

    @property
    def bad(self) -> float:
        """Share of packets that meet the bad state."""
        return self.p / (self.p + self.r)

    @property
    def loss(self) -> float:
        """Share of packets lost."""
        return self.bad * (1.0 - self.h) + (1.0 - self.bad) * (1.0 - self.k)


@dataclass(frozen=True)
class FourState:
    """Losses by four states; tc-netem's ``loss state p13 p31 p32 p23 p14``.

    State 1 is good, 2 received and 3 lost within a burst, 4 a single loss outside of bursts.
    """

    p13: float
    p31: float
    p32: float = 0.0
    p23: float = 1.0
    p14: float = 0.0

    def __post_init__(self) -> None:
        _shares(self, "p13", "p31", "p32", "p23", "p14")
        within("p13 + p14", self.p13 + self.p14, 0.0, 1.0)
        within("p31 + p32", self.p31 + self.p32, 0.0, 1.0)


Loss = GilbertElliott | FourState


@dataclass(frozen=True)
class Delay(ABC):
    """A delay of its own for each packet; use one of the named ones.

    Attributes
    ----------
    correlation : float
        Of neighbours, 0 to below 1: what they have in common, while the distribution stays what it is.
    """

    correlation: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        within("correlation", self.correlation, 0.0, 0.999999)
        for name, value in vars(self).items():
            if isinstance(value, float | int):
                within(name, value)

    @abstractmethod
    def table(self) -> Column:
        """Return the quantiles, seconds, at `chance.probabilities`."""


@dataclass(frozen=True)
class Constant(Delay):
    """The same for all."""

    delay_ms: float = 0.0

    def table(self) -> Column:
        """Return the quantiles."""
        return np.full(chance.probabilities().shape, self.delay_ms / 1e3)


@dataclass(frozen=True)
class Uniform(Delay):
    """Evenly between two bounds."""

    low_ms: float = 0.0
    high_ms: float = 40.0

    def table(self) -> Column:
        """Return the quantiles."""
        return chance.uniform_table(self.low_ms / 1e3, self.high_ms / 1e3)


@dataclass(frozen=True)
class Normal(Delay):
    """Around a mean; never below 0."""

    mean_ms: float = 20.0
    deviation_ms: float = 5.0

    def table(self) -> Column:
        """Return the quantiles."""
        return np.maximum(chance.normal_table(self.mean_ms / 1e3, self.deviation_ms / 1e3), 0.0)


@dataclass(frozen=True)
class Gamma(Delay):
    """A gamma distribution: what some queues in a row make of it; a shape of 1 is exponential."""

    mean_ms: float = 20.0
    shape: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        within("shape", self.shape, 0.1, 1000.0)

    def table(self) -> Column:
        """Return the quantiles."""
        return chance.gamma_table(self.shape, self.mean_ms / 1e3 / self.shape)


@dataclass(frozen=True)
class Pareto(Delay):
    """A heavy tail (Lomax): ``scale_ms * ((1 - u) ** (-1 / shape) - 1)``; the rarest 2**-20 are cut off."""

    scale_ms: float = 20.0
    shape: float = 3.0

    def __post_init__(self) -> None:
        super().__post_init__()
        within("shape", self.shape, 0.1)

    def table(self) -> Column:
        """Return the quantiles."""
        return chance.pareto_table(self.scale_ms / 1e3, self.shape)


@dataclass(frozen=True)
class Table(Delay):
    """The distribution of delays that were measured, as netem's ``distribution`` files are."""

    values_ms: Sequence[float] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not len(self.values_ms):
            raise VoxlabError("a table of delays needs one value or more, in milliseconds")
        within("the least of values_ms", float(np.min(np.asarray(self.values_ms))))

    def table(self) -> Column:
        """Return the quantiles."""
        return chance.measured_table(np.asarray(self.values_ms, dtype=np.float64) / 1e3)


@dataclass(frozen=True)
class Spikes:
    """Sudden rises of the delay that drain on a line, as behind a queue that somebody filled.

    Attributes
    ----------
    share : float
        Probability that a packet outside of spikes begins one.
    low_ms, high_ms : float
        How high they rise, evenly between.
    fall : float
        Seconds of delay lost in a second, 1 or less keeps the order.
    """

    share: float = 0.0007
    low_ms: float = 100.0
    high_ms: float = 300.0
    fall: float = 0.9

    def __post_init__(self) -> None:
        _shares(self, "share")
        within("low_ms", self.low_ms)
        within("high_ms", self.high_ms, self.low_ms)
        within("fall", self.fall, 1e-6)


@dataclass(frozen=True)
class Drift:
    """A delay that wanders slowly between 0 and ``span_ms``, forgetting where it was within ``memory_s``."""

    span_ms: float = 40.0
    memory_s: float = 60.0

    def __post_init__(self) -> None:
        within("span_ms", self.span_ms)
        within("memory_s", self.memory_s, 0.1)


@dataclass(frozen=True)
class Bottleneck:
    """A link of limited rate with a token bucket and a queue (tc-tbf), which others use in bursts.

    Attributes
    ----------
    rate_kbps : float
        Of the link.
    packet_bytes : int
        Of each packet on the wire.
    bucket_bytes : int
        What may be sent at once after a silence.
    limit_ms : float
        Waiting past which a packet is dropped; tc-tbf's ``latency``.
    cross_kbps : float
        What others send while they send.
    busy, quiet : float
        Probabilities, at each packet, that they begin and cease.
    """

    rate_kbps: float = 1000.0
    packet_bytes: int = 200
    bucket_bytes: int = 0
    limit_ms: float = 200.0
    cross_kbps: float = 0.0
    busy: float = 0.01
    quiet: float = 0.1

    def __post_init__(self) -> None:
        within("rate_kbps", self.rate_kbps, 1e-3)
        for name in ("packet_bytes", "bucket_bytes", "limit_ms", "cross_kbps"):
            within(name, getattr(self, name))
        _shares(self, "busy", "quiet")


@dataclass(frozen=True, eq=False, repr=False)
class Recorded:
    """What became of packets once: the k-th packet fares as the k-th of them did, and then from the first again.

    Attributes
    ----------
    transit_s : array_like of float, shape (n,)
        From sending to arrival, seconds; NaN or infinite for one that was lost.
    """

    transit_s: Any

    def __post_init__(self) -> None:
        column = np.array(self.transit_s, dtype=np.float64).reshape(-1)
        arrived = column[np.isfinite(column)]
        if not arrived.size:
            raise VoxlabError("a recording needs at least one packet that arrived")
        within("the least of transit_s", float(arrived.min()))
        column.flags.writeable = False
        object.__setattr__(self, "transit_s", column)

    def __repr__(self) -> str:
        return f"Recorded({len(self.transit_s)} packets, {1.0 - float(np.isfinite(self.transit_s).mean()):.1%} lost)"


@dataclass(frozen=True)
class Path:
    """One direction of a path; everything it does not name it does not do.

    Attributes
    ----------
    propagation_ms : float
        What every packet takes.
    delay : Delay
        What each takes besides, on its own.
    spikes, drift, bottleneck : Spikes, Drift, Bottleneck, optional
    loss : GilbertElliott or FourState, optional
    reorder : float
        Share of packets that are held back by ``held_back_ms``; those after them do not wait.
    duplicate : float
        Share that comes twice: a receiver drops the second.
    corrupt : float
        Share that is damaged: UDP's checksum drops it, so it is lost.
    in_order : bool
        Whether packets wait for those before them, as in one queue.
    skew_ppm : float
        How much faster the sender's clock runs than the receiver's, in millionths.
    recorded : Recorded, optional
        What became of other packets, added to all else.
    """

    propagation_ms: float = 40.0
    delay: Delay = field(default_factory=Constant)
    spikes: Spikes | None = None
    drift: Drift | None = None
    bottleneck: Bottleneck | None = None
    loss: Loss | None = None
    reorder: float = 0.0
    held_back_ms: float = 50.0
    duplicate: float = 0.0
    corrupt: float = 0.0
    in_order: bool = False
    skew_ppm: float = 0.0
    recorded: Recorded | None = None

    def __post_init__(self) -> None:
        within("propagation_ms", self.propagation_ms)
        within("held_back_ms", self.held_back_ms)
        within("skew_ppm", self.skew_ppm, -1e5, 1e5)
        _shares(self, "reorder", "duplicate", "corrupt")

    def words(self) -> dict[str, Any]:
        """Return what it does, without what it does not do, as plain values by name."""
        told: dict[str, Any] = {"propagation_ms": self.propagation_ms}
        for name in ("delay", "spikes", "drift", "bottleneck", "loss"):
            if (part := getattr(self, name)) is not None and part != Constant():
                told[name] = {"kind": type(part).__name__} | {key: _plain(value) for key, value in vars(part).items()}
        for name in ("reorder", "duplicate", "corrupt", "skew_ppm", "in_order"):
            if value := getattr(self, name):
                told[name] = value
        if self.recorded is not None:
            told["recorded"] = repr(self.recorded)
        if self.reorder:
            told["held_back_ms"] = self.held_back_ms
        return told


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float | str) else [float(each) for each in value]
