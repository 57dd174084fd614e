"""The simulated world: complete two-leg calls per second of real time on one core, journal included."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from .report import Bound, Figure, Skipped, Target, of_rounds
from .targets import LOAD_CORE

PAIRS = 50
# INVITE with its digest round, 180, 200, ACK, BYE, 200 on leg A; the same without the round on leg B.
LEAST_MESSAGES_PER_CALL = 12


def measure(quick: bool) -> Iterator[Figure | Skipped]:
    """Yield the calls per second; nobody else simulates the same thing, so the target bounds the figure itself."""
    rounds, calls = (3, 500) if quick else (5, 2000)
    rates = [_in_own_process(calls) for _ in range(rounds)]
    target = Target(Bound.AT_LEAST, 800)
    yield of_rounds("simulated two-leg calls, one core", "calls/s", rates, [math.nan], "", target)


def _in_own_process(calls: int) -> float:
    root = Path(__file__).resolve().parents[1]
    argv = [*LOAD_CORE, sys.executable, "-m", "benchmarks.simulated", str(calls)]
    environment = {**os.environ, "VOXLAB_PROGRESS": "0"}
    return float(subprocess.run(argv, cwd=root, env=environment, check=True, capture_output=True, text=True).stdout)


def calls_per_second(calls: int) -> float:
    """Run `calls` calls from phones through a forwarding scenario to phones, `PAIRS` at a time, and return their rate.

    Raises
    ------
    AssertionError
        When the journal does not hold every call.
    """
    from voxlab import Lab

    with_journal = Lab(seed=7)
    shop = with_journal.account("acme").application("shop")

    @shop.scenario()
    async def forward(call):  # type: ignore[no-untyped-def]
        await call.forward_to_user()

    callers = [shop.user(f"caller{n}").phone() for n in range(PAIRS)]
    for n in range(PAIRS):
        shop.user(f"callee{n}").phone(answer_after=1.0)
    with_journal.run(5)
    before, start = len(with_journal.messages), perf_counter()
    for _ in range(0, calls, PAIRS):
        placed = [caller.dial(f"callee{n}") for n, caller in enumerate(callers)]
        for call in placed:
            call.wait("connected")
        for call in placed:
            call.hang_up()
    elapsed_s = perf_counter() - start
    messages = len(with_journal.messages) - before
    assert messages >= calls * LEAST_MESSAGES_PER_CALL, f"{messages} messages for {calls} calls"
    with_journal.close()
    return calls / elapsed_s


if __name__ == "__main__":
    print(calls_per_second(int(sys.argv[1])))
