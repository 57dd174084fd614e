"""A call passed on by the proxy, live over UDP: CPU beside Kamailio's, sustained rate, and cost as the tables grow."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from peers.harness.process import NotReady, missing

from .forwarding import Start, highest_rate, offer_calls, sustains
from .report import Bound, Figure, Skipped, Target, of_rounds
from .targets import kamailio, proxying

RATE = 1000.0


def measure(quick: bool) -> Iterator[Figure | Skipped]:
    """Yield CPU per proxied call at 1000 calls/s beside Kamailio, and the highest rate that loses no call."""
    name = "proxied call, UDP, 1000 calls/s: CPU"
    if reason := missing("sipp", "kamailio"):
        yield Skipped(name, reason)
        return
    rounds, calls = (2, 2000) if quick else (5, 5000)
    costs: dict[Start, list[float]] = {proxying: [], kamailio: []}
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        folder = Path(scratch)
        servers = {start: stack.enter_context(start(folder / start.__name__)) for start in costs}
        for number in range(rounds):
            for start, server in servers.items():
                before_s = server.cpu_s()
                caller, callee = offer_calls(server, folder / f"{start.__name__}-{number}", calls, RATE)
                if (caller.successful, callee.successful) != (calls, calls):
                    raise NotReady(f"{calls} calls at {RATE:g}/s: {caller}, {callee}\n{server.tail()}")
                costs[start].append((server.cpu_s() - before_s) / calls * 1e6)
    yield of_rounds(name, "us/call", costs[proxying], costs[kamailio], "Kamailio", Target(Bound.AT_MOST, 2.5))
    seconds, steps = (2.0, 2) if quick else (4.0, 4)
    with tempfile.TemporaryDirectory() as scratch:
        most = highest_rate(lambda rate: sustains(proxying, Path(scratch), rate, seconds), 200.0, steps)
    yield of_rounds(
        "proxied calls, UDP: sustained on one core", "calls/s", [most], [], "", Target(Bound.AT_LEAST, RATE)
    )
