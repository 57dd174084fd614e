"""What a jitter buffer is: ``reset()`` and ``step(arrival_s, media_s) -> playout_s``; and those that kernels compute.

Anybody's class with these two methods can be raced. The ones here pass whole arrays through a kernel, and `step` a
single packet through the same one. Must not know traces' origins or how results are shown.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np

from voxlab.base.errors import VoxlabError
from voxlab.experiments.playout import Playout
from voxlab.experiments.trace import Column, Trace
from voxlab.kernels import playout_classic
from voxlab.kernels._jit import LongRun
from voxlab.media.path import within

_CELLS = 16
PAUSE_S = 0.1
"""A packet sent so much later than any before begins a talkspurt, for `step`, which sees no marker bit."""


@runtime_checkable
class Steps(Protocol):
    """What anybody's buffer offers."""

    def reset(self) -> object:
        """Forget everything: a new stream begins."""

    def step(self, arrival_s: float, media_s: float) -> float | None:
        """Return when to play a packet that came at ``arrival_s``, sent at ``media_s``, seconds; None drops it."""


def played_by(buffer: Any, trace: Trace) -> Playout:
    """Return what a buffer, one of ours or anybody's, does to a trace."""
    if isinstance(buffer, Buffer):
        return buffer.play(trace)
    if isinstance(buffer, type):
        raise VoxlabError(f"{buffer.__name__} is a class; race takes buffers: {buffer.__name__}()")
    if not isinstance(buffer, Steps):
        raise VoxlabError(f"a {type(buffer).__name__} is no buffer: it needs reset() and step(arrival_s, media_s)")
    return _stepwise(buffer, trace)


def name_of(buffer: Any) -> str:
    """Return what a buffer is called in tables: its own name, else its class's."""
    given = getattr(buffer, "name", None)
    return given if isinstance(given, str) else type(buffer).__name__


def _stepwise(buffer: Steps, trace: Trace) -> Playout:
    order, arrival_s, media_s, _ = trace.arrivals
    buffer.reset()
    decided = [buffer.step(came, sent) for came, sent in zip(arrival_s.tolist(), media_s.tolist(), strict=True)]
    playout = np.full(trace.packets, -np.inf)
    try:
        times = np.array([-math.inf if each is None else float(each) for each in decided])
    except (TypeError, ValueError) as error:
        raise VoxlabError(f"{name_of(buffer)}.step must return a playout time in seconds, or None ({error})") from error
    if np.isnan(times).any():
        raise VoxlabError(f"{name_of(buffer)}.step returned NaN; it must return a playout time in seconds, or None")
    playout[order] = times
    return Playout(name_of(buffer), trace, playout)


@dataclass
class Buffer(ABC):
    """A buffer of ours: parameters are fields, times in milliseconds."""

    def __post_init__(self) -> None:
        for each in fields(self):
            low, high = each.metadata.get("bounds", (0.0, math.inf))
            within(each.name, getattr(self, each.name), low, high)

    @property
    def name(self) -> str:
        """What it is called in tables."""
        return repr(self)

    def parameters(self) -> dict[str, float]:
        """Return its parameters by name."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @abstractmethod
    def play(self, trace: Trace) -> Playout:
        """Return what it does to a trace."""

    def __repr__(self) -> str:
        shown = (each for n, each in enumerate(fields(self)) if not n or getattr(self, each.name) != each.default)
        return f"{type(self).__name__}({', '.join(f'{each.name}={getattr(self, each.name):g}' for each in shown)})"


class PacketBuffer(Buffer):
    """A buffer that decides when a packet comes; its kernel has the shape that `kernels.playout_classic` describes."""

    _cells: ClassVar[int] = _CELLS
    frame_s: ClassVar[float] = 0.02

    @abstractmethod
    def _kernel(self) -> LongRun[..., None]:
        """Return what decides."""

    @abstractmethod
    def _numbers(self, frame_s: float) -> tuple[float, ...]:
        """Return the kernel's parameters."""

    def _memory(self) -> int:
        """Return how many whole numbers it remembers."""
        return 1

    def _fresh(self) -> tuple[Column, Any]:
        state = np.zeros(self._cells)
        state[playout_classic.SPURT] = -1.0
        return state, np.zeros(self._memory(), dtype=np.int32)

    def play(self, trace: Trace) -> Playout:
        """Return what it does to a trace."""
        order, arrival_s, media_s, spurt = trace.arrivals
        state, memory = self._fresh()
        decided = np.empty(order.size)
        numbers = np.array(self._numbers(trace.frame_s), dtype=np.float64)
        self._kernel()(arrival_s, media_s, spurt, numbers, state, memory, decided)
        playout = np.full(trace.packets, -np.inf)
        playout[order] = decided
        return Playout(self.name, trace, playout)

    def reset(self) -> None:
        """Forget everything: a new stream begins."""
        self._state, self._remembered = self._fresh()
        self._newest, self._spurt = -math.inf, 0

    def step(self, arrival_s: float, media_s: float) -> float:
        """Return when to play a packet; ``-inf`` to throw it away.

        A talkspurt begins after `PAUSE_S` without a packet; in `play`, the trace tells.
        """
        if not hasattr(self, "_state"):
            self.reset()
        if media_s - self._newest > PAUSE_S and math.isfinite(self._newest):
            self._spurt += 1
        self._newest = max(self._newest, media_s)
        out = np.empty(1)
        self._kernel()(
            np.array([arrival_s]),
            np.array([media_s]),
            np.array([self._spurt], dtype=np.int32),
            np.array(self._numbers(self.frame_s), dtype=np.float64),
            self._state,
            self._remembered,
            out,
        )
        return float(out[0])
