"""Media: G.711 beside audioop and a numpy table; a hundred bridged calls in the simulated world against the clock.

Seconds are those that this process had a core for, so that a busy machine does not decide.
"""

from __future__ import annotations

import importlib
import math
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from time import process_time

from .report import Bound, Figure, Skipped, Target, of_rounds
from .targets import LOAD_CORE

CALLS, TALK_S = 100, 60.0
_SAMPLES, _TIMES = 160_000, 20
"""20 s of sound, over and over: what stays near the processor, for long enough to be timed."""


def measure(quick: bool) -> Iterator[Figure | Skipped]:
    """Yield G.711's rates beside others', and how much faster than the clock calls with sound both ways run."""
    yield from _g711(3 if quick else 9)
    rounds, calls = (1, 20) if quick else (3, CALLS)
    speeds = [_in_own_process(calls) for _ in range(rounds)]
    what = f"{calls} calls with sound, times real time"
    yield of_rounds(what, "x", speeds, [math.nan], "", Target(Bound.AT_LEAST, 50))


def _g711(rounds: int) -> Iterator[Figure | Skipped]:
    import numpy as np

    from voxlab.kernels import g711, warm

    warm()
    samples = np.random.default_rng(1).integers(-32768, 32768, _SAMPLES).astype(np.int16)
    pcm = samples.tobytes()
    table = g711.encode_ulaw(np.arange(65536, dtype=np.uint16).view(np.int16))
    ours = _rates(lambda: g711.encode_ulaw(samples), rounds)
    other = _audioop()
    if other is not None:
        theirs = _rates(lambda: other(pcm, 2), rounds)
        yield of_rounds("G.711 encode, mu-law", "M/s", ours, theirs, "audioop", Target(Bound.AT_LEAST, 60))
    by_table = _rates(lambda: table[samples.view(np.uint16)], rounds)
    yield of_rounds("G.711 encode, mu-law", "M/s", ours, by_table, "numpy table", Target(Bound.AT_LEAST, 6))


def _audioop() -> Callable[[bytes, int], bytes] | None:
    """Return audioop's lin2ulaw: of the standard library up to 3.12, of audioop-lts from then on, if it is there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            found: Callable[[bytes, int], bytes] = importlib.import_module("audioop").lin2ulaw
        except ImportError:
            return None
    return found


def _rates(work: Callable[[], object], rounds: int) -> list[float]:
    """Return millions of samples a second of each round; the first, which warms caches, does not count."""
    found = []
    for _ in range(rounds + 1):
        start = process_time()
        for _ in range(_TIMES):
            work()
        found.append(_SAMPLES * _TIMES / (process_time() - start) / 1e6)
    return found[1:]


def _in_own_process(calls: int) -> float:
    root = Path(__file__).resolve().parents[1]
    argv = [*LOAD_CORE, sys.executable, "-m", "benchmarks.media", str(calls)]
    environment = {**os.environ, "VOXLAB_PROGRESS": "0"}
    return float(subprocess.run(argv, cwd=root, env=environment, check=True, capture_output=True, text=True).stdout)


def times_real_time(calls: int) -> float:
    """Run calls of `TALK_S` lab seconds, both speaking, through a forwarding scenario; return lab over real seconds.

    Raises
    ------
    AssertionError
        When a stream is not counted in full.
    """
    from voxlab import Lab
    from voxlab.kernels import load

    load()
    lab = Lab(seed=1)
    shop = lab.account("acme").application("shop")

    @shop.scenario()
    async def forward(call):  # type: ignore[no-untyped-def]
        await call.forward_to_user()

    callers = [shop.user(f"caller{n}").phone() for n in range(calls)]
    for n in range(calls):
        shop.user(f"callee{n}").phone(answer_after=0.05)
    placed = [caller.dial(f"callee{n}") for n, caller in enumerate(callers)]
    for call in placed:
        call.wait("connected")
    start = process_time()
    lab.run(TALK_S)
    elapsed_s = process_time() - start
    media = placed[-1].media
    least = TALK_S * 50 - 1
    assert len(media) == 4, media
    assert media.packets.min() >= least, media
    assert media.mos.min() > 4.4, media
    lab.close()
    return TALK_S / elapsed_s


if __name__ == "__main__":
    print(times_real_time(int(sys.argv[1])))
