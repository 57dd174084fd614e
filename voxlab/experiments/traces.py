"""Traces to race jitter buffers on: drawn from the temper of a path, or from what was measured.

``from voxlab import traces``. Each drawn trace is told by its parameters and its seed; equal ones are equal to the bit.
The sender talks in spurts as ITU-T P.59 measured conversations: 1.004 s of talk and 1.587 s of silence on average, both
exponential; ``talk=None`` keeps it talking. Must not know buffers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from voxlab.base.errors import VoxlabError
from voxlab.experiments.trace import Column, Trace, spurts_of
from voxlab.media.impaired import Journey, seconds_between
from voxlab.media.path import (
    Bottleneck,
    Constant,
    Delay,
    Drift,
    FourState,
    Gamma,
    GilbertElliott,
    Normal,
    Pareto,
    Path,
    Spikes,
    Table,
    Uniform,
    within,
)

__all__ = [
    "FAMILIES", "Bottleneck", "Constant", "Delay", "Drift", "FourState", "Gamma", "GilbertElliott", "Normal", "Pareto",
    "Path", "Spikes", "Table", "Trace", "Uniform", "bottleneck", "drift_with_spikes", "families", "four_state",
    "from_arrays", "from_capture", "gamma_with_spikes", "gilbert_elliott", "iid_gamma", "replay", "slow_drift",
    "through",
]  # fmt: skip

TALK = (1.004, 1.587)
"""Mean seconds of a talkspurt and of a pause (ITU-T P.59, table 1)."""

_SHORTEST_PAUSE_S = 0.2
_TALKS, _PAUSES = 100, 101  # purposes of a seed, beside those of the path


def through(
    path: Path,
    packets: int = 100_000,
    *,
    seed: int = 0,
    name: str = "path",
    frame_ms: float = 20.0,
    talk: tuple[float, float] | None = TALK,
) -> Trace:
    """Send packets through a path.

    Parameters
    ----------
    path : Path
        Its temper: ``Path(propagation_ms=40, delay=Gamma(20), loss=GilbertElliott.of(.03, burst=3))``.
    packets : int
        How many are sent.
    seed : int
        Of everything drawn.
    name : str
        For tables.
    frame_ms : float
        Sound in a packet.
    talk : (float, float) or None
        Mean seconds of talk and of silence; None for a sender that never stops.
    """
    if packets < 1:
        raise VoxlabError(f"packets={packets!r} must be 1 or more")
    within("frame_ms", frame_ms, 1.0, 1000.0)
    send_s, spurt = _spoken(packets, frame_ms / 1e3, talk, seed)
    passage = Journey(path, seed).send(send_s)
    transit_s = np.where(passage.lost, np.inf, passage.transit_s)
    doubled = int(np.count_nonzero(passage.duplicated))
    told = path.words() | {"frame_ms": frame_ms, "talk": list(talk) if talk else None, "packets": packets}
    return Trace(name, send_s, transit_s, spurt, seed, frame_ms / 1e3, doubled, told)


def _spoken(
    packets: int, frame_s: float, talk: tuple[float, float] | None, seed: int
) -> tuple[Column, npt.NDArray[np.int32]]:
    """Return when each packet is sent, and its talkspurt."""
    steady: Column = np.arange(packets, dtype=np.float64) * frame_s
    if talk is None:
        return steady, np.zeros(packets, dtype=np.int32)
    within("talk", talk[0], frame_s)
    within("silence", talk[1])
    count = packets
    talks = seconds_between(Gamma(mean_ms=talk[0] * 1e3, shape=1.0), count, seed, _TALKS)
    lengths = np.maximum(1, np.rint(talks / frame_s)).astype(np.int64)
    count = int(np.searchsorted(np.cumsum(lengths), packets)) + 1
    spurt = np.repeat(np.arange(count, dtype=np.int32), lengths[:count])[:packets]
    pauses = np.maximum(
        _SHORTEST_PAUSE_S, seconds_between(Gamma(mean_ms=talk[1] * 1e3, shape=1.0), count, seed, _PAUSES)
    )
    pauses[0] = 0.0
    before: Column = np.cumsum(pauses)[spurt]
    return steady + before, spurt


def gilbert_elliott(
    packets: int = 100_000,
    loss: float | None = None,
    seed: int = 0,
    *,
    burst: float = 3.0,
    p: float | None = None,
    r: float | None = None,
    h: float = 0.0,
    k: float = 1.0,
    delay: Delay | None = None,
    propagation_ms: float = 40.0,
    **options: Any,
) -> Trace:
    """Lose packets in bursts, by the two states of Gilbert and Elliott.

    Parameters
    ----------
    packets, seed
        As of `through`.
    loss : float
        Share of packets lost, 0 to 1, in bursts of ``burst`` packets on average.
    p, r, h, k : float
        Instead of ``loss``: tc-netem's transition probabilities, and the shares that get through in the bad (h) and the
        good (k) state.
    delay : Delay
        Of each packet; default ``Gamma(mean_ms=20)``.
    propagation_ms : float
    **options
        Of `through`: ``name``, ``frame_ms``, ``talk``.
    """
    if (loss is None) == (p is None and r is None):
        raise VoxlabError("say either loss=0.03 (with burst=3) or tc-netem's p= and r= (with h=, k=), and not both")
    model = GilbertElliott.of(loss, burst) if loss is not None else GilbertElliott(p or 0.0, _or(r, 1.0), h, k)
    path = Path(propagation_ms, delay=delay or Gamma(), loss=model)
    return through(path, packets, seed=seed, **({"name": "gilbert_elliott"} | options))


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def four_state(
    packets: int = 100_000,
    seed: int = 0,
    *,
    p13: float,
    p31: float,
    p32: float = 0.0,
    p23: float = 1.0,
    p14: float = 0.0,
    delay: Delay | None = None,
    propagation_ms: float = 40.0,
    **options: Any,
) -> Trace:
    """Lose packets by tc-netem's four states: see `FourState` and `through`."""
    path = Path(propagation_ms, delay=delay or Gamma(), loss=FourState(p13, p31, p32, p23, p14))
    return through(path, packets, seed=seed, **({"name": "four_state"} | options))


def bottleneck(
    packets: int = 100_000,
    seed: int = 0,
    *,
    rate_kbps: float = 1000.0,
    cross_kbps: float = 1500.0,
    limit_ms: float = 200.0,
    propagation_ms: float = 40.0,
    **options: Any,
) -> Trace:
    """Share a queue with others who send in bursts: see `Bottleneck` and `through`."""
    link = Bottleneck(rate_kbps, cross_kbps=cross_kbps, limit_ms=limit_ms)
    return through(Path(propagation_ms, bottleneck=link), packets, seed=seed, **({"name": "bottleneck"} | options))


def iid_gamma(packets: int = 100_000, seed: int = 0, **options: Any) -> Trace:
    """Draw 40 ms and a gamma delay of mean 20 ms and shape 2 for each packet on its own: nothing to foresee."""
    return through(Path(delay=Gamma()), packets, seed=seed, **({"name": "iid_gamma"} | options))


def gamma_with_spikes(packets: int = 100_000, seed: int = 0, **options: Any) -> Trace:
    """Draw `iid_gamma`, and a spike of 100 to 300 ms every half minute of talk or so."""
    path = Path(delay=Gamma(), spikes=Spikes())
    return through(path, packets, seed=seed, **({"name": "gamma_with_spikes"} | options))


def slow_drift(packets: int = 100_000, seed: int = 0, **options: Any) -> Trace:
    """Draw `iid_gamma` on a path that wanders within 40 ms, in minutes."""
    path = Path(delay=Gamma(), drift=Drift())
    return through(path, packets, seed=seed, **({"name": "slow_drift"} | options))


def drift_with_spikes(packets: int = 100_000, seed: int = 0, **options: Any) -> Trace:
    """Draw `slow_drift` with the spikes of `gamma_with_spikes`."""
    path = Path(delay=Gamma(), drift=Drift(), spikes=Spikes())
    return through(path, packets, seed=seed, **({"name": "drift_with_spikes"} | options))


FAMILIES: dict[str, Callable[..., Trace]] = {
    "iid_gamma": iid_gamma,
    "gamma_with_spikes": gamma_with_spikes,
    "slow_drift": slow_drift,
    "drift_with_spikes": drift_with_spikes,
}
"""The four families on which buffers are compared."""


def families(packets: int = 50_000, seeds: range | list[int] = range(3), **options: Any) -> list[Trace]:
    """Return a trace of each family for each seed."""
    return [draw(packets, seed, **options) for draw in FAMILIES.values() for seed in seeds]


def from_arrays(
    send_s: npt.ArrayLike,
    recv_s: npt.ArrayLike,
    *,
    base_ms: float | None = None,
    frame_ms: float | None = None,
    name: str = "measured",
) -> Trace:
    """Make a trace of what was measured.

    Parameters
    ----------
    send_s, recv_s : array_like of float, shape (n,)
        When each packet was sent and when it arrived, seconds; NaN or infinite for one that was lost. They may come in
        any order.
    base_ms : float, optional
        What the fastest packet took. Clocks of two machines do not agree on it, so without it they are believed only
        where every packet takes 0 s or more.
    frame_ms : float, optional
        Sound in a packet; the least time between two sent ones if not given.
    name : str
    """
    sent = np.asarray(send_s, dtype=np.float64).reshape(-1)
    came = np.asarray(recv_s, dtype=np.float64).reshape(-1)
    if sent.shape != came.shape or not sent.size:
        raise VoxlabError(f"{sent.size} times of sending and {came.size} of arrival: there must be as many, and some")
    if not np.isfinite(sent).all():
        raise VoxlabError("a time of sending is not a number; only times of arrival may be, for packets that were lost")
    order = np.argsort(sent, kind="stable")
    sent, came = sent[order], came[order]
    transit = np.where(np.isfinite(came), came - sent, np.inf)
    least = float(transit.min())
    if base_ms is not None:
        within("base_ms", base_ms)
        transit += base_ms / 1e3 - least
    elif least < 0:
        raise VoxlabError(f"a packet arrives {-least:.3g} s before it was sent: the clocks differ; say base_ms=40")
    frame_s = _frame_s(sent) if frame_ms is None else frame_ms / 1e3
    told = {"base_ms": base_ms, "frame_ms": frame_s * 1e3}
    return Trace(name, sent, transit, spurts_of(sent, frame_s), None, frame_s, 0, told)


def _frame_s(sent: Column) -> float:
    steps = np.diff(sent)
    steps = steps[steps > 0]
    return float(np.quantile(steps, 0.05)) if steps.size else 0.02


def from_capture(stream: Any, *, base_ms: float = 40.0, name: str | None = None) -> Trace:
    """Make a trace of a received RTP stream.

    A capture knows when packets came, and by their timestamps when they were sent, but not how long the fastest took:
    ``base_ms`` says so.

    Parameters
    ----------
    stream : object
        With columns ``time_s`` (or ``time_ns``), ``sequence`` and ``timestamp``, a packet each in order of arrival, and
        ``clock_rate_hz``; such as a stream of a capture, or a batch of packets with a rate.
    base_ms : float
    name : str
    """
    missing = [each for each in ("sequence", "timestamp", "clock_rate_hz") if not hasattr(stream, each)]
    if missing or not (hasattr(stream, "time_s") or hasattr(stream, "time_ns")):
        raise VoxlabError(
            f"a {type(stream).__name__} has no {', '.join(missing or ['time_s'])}; from_capture takes a stream with "
            "time_s (or time_ns), sequence, timestamp, clock_rate_hz"
        )
    from voxlab.kernels.sequence import SEQUENCE_BITS, TIMESTAMP_BITS, unwrap

    came_s = np.asarray(stream.time_s if hasattr(stream, "time_s") else np.asarray(stream.time_ns) / 1e9)
    number = unwrap(np.asarray(stream.sequence, dtype=np.uint16), SEQUENCE_BITS)
    media = unwrap(np.asarray(stream.timestamp, dtype=np.uint32), TIMESTAMP_BITS) / float(stream.clock_rate_hz)
    seen, first = np.unique(number, return_index=True)  # of a doubled packet the one that came first
    every = np.arange(seen[0], seen[-1] + 1)
    sent = np.interp(every, seen, media[first])
    arrived = np.full(every.shape, np.nan)
    arrived[seen - seen[0]] = came_s[first]
    told = name or f"SSRC {getattr(stream, 'ssrc', 0):#010x}"
    return from_arrays(sent, arrived, base_ms=base_ms, name=told)


def replay(trace: Trace, packets: int, *, name: str | None = None) -> Trace:
    """Let other packets, a steady stream of them, fare as those of a trace did, over and over.

    Parameters
    ----------
    trace : Trace
        Whose losses and transit times are taken, packet by packet.
    packets : int
        How many are sent.
    """
    if packets < 1:
        raise VoxlabError(f"packets={packets!r} must be 1 or more")
    send_s, _ = _spoken(packets, trace.frame_s, None, 0)
    again = np.arange(packets) % trace.packets
    told = {"replay": trace.name, "packets": packets} | dict(trace.parameters)
    spurt = trace.spurt[again] + (np.arange(packets) // trace.packets).astype(np.int32) * (int(trace.spurt[-1]) + 1)
    return Trace(
        name or f"replay of {trace.name}", send_s, trace.transit_s[again], spurt, trace.seed, trace.frame_s, 0, told
    )
