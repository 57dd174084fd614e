"""A call passed on by the proxy, live over UDP: CPU beside Kamailio's, sustained rate, and cost as the tables grow."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from peers.harness.process import NotReady, missing

from .forwarding import Start, highest_rate, offer_calls, sustains
from .proxied_call import Proxied
from .report import Bound, Figure, Skipped, Target, of_rounds
from .targets import kamailio, proxying

RATE = 1000.0
FEW, MANY = 1_000, 100_000


def measure(quick: bool) -> Iterator[Figure | Skipped]:
    """Yield CPU per proxied call at 1000 calls/s beside Kamailio, and the highest rate that loses no call."""
    yield from measure_growth(quick)
    name = "proxied call, UDP, 1000 calls/s: CPU"
    if reason := missing("sipp", "kamailio"):
        yield Skipped(name, reason)
        return
    rounds, calls = (2, 2000) if quick else (5, 5000)
    try:
        yield _cpu(name, rounds, calls)
    except NotReady as error:  # the rate is more than this machine gives: then only the next figure says something
        yield Skipped(name, f"not every call succeeded: {str(error).splitlines()[0]}")
    seconds, steps = (2.0, 2) if quick else (4.0, 4)
    with tempfile.TemporaryDirectory() as scratch:
        most = highest_rate(lambda rate: sustains(proxying, Path(scratch), rate, seconds), 100.0, steps)
    target = Target(Bound.AT_LEAST, RATE)
    yield of_rounds("proxied calls, UDP: one core sustains", "calls/s", [most], [], "", target)


def measure_growth(quick: bool) -> Iterator[Figure]:
    """Yield what a call costs the node with 100,000 bindings and ringing calls, beside 1,000 of each."""
    few, many = _costs_us((FEW, MANY), 200 if quick else 1_000)
    name = "proxied call: 100,000 bindings and open calls"
    yield of_rounds(name, "us", [many], [few], "1,000", Target(Bound.AT_MOST, 1.5))


def _cpu(name: str, rounds: int, calls: int) -> Figure:
    costs: dict[Start, list[float]] = {proxying: [], kamailio: []}
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        folder = Path(scratch)
        servers = {start: stack.enter_context(start(folder / start.__name__)) for start in costs}
        for number in range(rounds):
            for start, server in servers.items():
                before_s = server.cpu_s()
                caller, callee = offer_calls(server, folder / f"{start.__name__}-{number}", calls, RATE)
                if (caller.successful, callee.successful) != (calls, calls):
                    raise NotReady(f"{start.__name__}: {caller}, {callee}\n{server.tail()}")
                costs[start].append((server.cpu_s() - before_s) / calls * 1e6)
    return of_rounds(name, "us/call", costs[proxying], costs[kamailio], "Kamailio", Target(Bound.AT_MOST, 2.5))


def _costs_us(sizes: tuple[int, int], rounds: int) -> list[float]:
    """Return the median CPU time of one call in each of two nodes, with so many bindings and so many calls that ring.

    In turn: the machine's speed may change meanwhile.
    """
    nodes = [Proxied(users) for users in sizes]
    for users, proxied in zip(sizes, nodes, strict=True):
        for _ in range(users):
            proxied.call(to_the_end=False)
    gc.collect()
    gc.freeze()
    costs = [[proxied.call() for proxied in nodes] for _ in range(rounds)]
    gc.unfreeze()
    return [median(each) * 1e6 for each in zip(*costs, strict=True)]
