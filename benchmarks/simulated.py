"""The simulated world: complete two-leg calls per second of real time on one core, journal included."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from .report import Bound, Figure, Skipped, Target, of_rounds
from .targets import LOAD_CORE

if TYPE_CHECKING:
    from voxlab.lab.phone import Phone

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

    lab = Lab(seed=1)
    shop = lab.account("acme").application("shop")

    @shop.scenario()
    async def forward(call):  # type: ignore[no-untyped-def]
        await call.forward_to_user()

    callers = [shop.user(f"caller{n}").phone(audio="silence") for n in range(PAIRS)]
    for n in range(PAIRS):
        shop.user(f"callee{n}").phone(audio="silence", answer_after=0.05)
    place(callers)  # the first round pays for imports
    before, start = lab.journal.last_number, perf_counter()
    for _ in range(0, calls, PAIRS):
        place(callers)
    elapsed_s = perf_counter() - start
    messages = lab.journal.last_number - before
    lab.close()
    assert messages >= calls * LEAST_MESSAGES_PER_CALL, f"{messages} messages for {calls} calls"
    return calls / elapsed_s


def place(callers: list[Phone]) -> None:
    """Let all callers dial their callees, so that the calls overlap, and hang up when all talk."""
    placed = [caller.dial(f"callee{n}") for n, caller in enumerate(callers)]
    for call in placed:
        call.wait("connected")
    for call in placed:
        call.hang_up()


if __name__ == "__main__":
    print(calls_per_second(int(sys.argv[1])))
