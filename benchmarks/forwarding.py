"""A call forwarded live over UDP: CPU and sustained rate beside sippy's B2BUA, post-dial delay beside Kamailio."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from statistics import median
from time import monotonic, sleep

from peers.calls import CALLEE, CALLEE_PORT, CALLER, CALLER_PORT, DOMAIN
from peers.harness.ports import own_address
from peers.harness.process import NotReady, missing
from peers.harness.sipp import Sipp, SippResult

from .post_dial import Delay, Pair
from .report import Bound, Figure, Skipped, Target, of_rounds
from .targets import (
    CALLER_DOMAIN,
    CALLER_HOST,
    LOAD_CORE,
    SERVER_PORT,
    Server,
    kamailio,
    missing_sippy,
    pinned_to_load_core,
    sippy,
    voxlab,
)

Start = Callable[[Path], AbstractContextManager[Server]]
RATE = 100.0
# A human takes longer; what matters is that 180 and 200 are two events, and that many calls are up at once.
RINGING_MS, TALK_MS = 30, 300
RATE_CEILING = 3200.0


def measure_cpu(quick: bool) -> Iterator[Figure | Skipped]:
    """Yield the CPU time of one call at 100 calls/s, beside sippy."""
    name = "forwarded call, UDP, 100 calls/s: CPU"
    if reason := missing("sipp") or missing_sippy():
        yield Skipped(name, reason)
        return
    rounds, calls = (2, 200) if quick else (5, 400)
    costs: dict[Start, list[float]] = {voxlab: [], sippy: []}
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        folder = Path(scratch)
        servers = {start: stack.enter_context(start(folder / start.__name__)) for start in costs}
        for number in range(rounds):
            for start, server in servers.items():
                costs[start].append(_cpu_per_call_ms(server, folder / f"{start.__name__}-{number}", calls))
    yield of_rounds(name, "ms/call", costs[voxlab], costs[sippy], "sippy", Target(Bound.AT_MOST, 0.2))


def measure_rate(quick: bool) -> Iterator[Figure | Skipped]:
    """Yield the highest rate that loses no call, beside sippy."""
    name = "forwarded calls, UDP: sustained rate"
    if reason := missing("sipp") or missing_sippy():
        yield Skipped(name, reason)
        return
    seconds, steps = (2.0, 2) if quick else (4.0, 4)
    with tempfile.TemporaryDirectory() as scratch:
        theirs = highest_rate(lambda rate: sustains(sippy, Path(scratch), rate, seconds), 50.0, steps)
        ours = highest_rate(lambda rate: sustains(voxlab, Path(scratch), rate, seconds), 50.0, steps)
    yield of_rounds(name, "calls/s", [ours], [theirs], "sippy", Target(Bound.AT_LEAST, 4.0))


def measure_delay(quick: bool) -> Iterator[Figure | Skipped]:
    """Yield the median of what a server adds between INVITE and 180, beside Kamailio.

    The same pair of user agents calls directly too: what that costs is no server's doing and is taken off both sides.
    """
    name = "forwarded call, UDP: added post-dial delay"
    if reason := missing("sipp", "kamailio"):
        yield Skipped(name, reason)
        return
    rounds, calls = (3, 30) if quick else (7, 60)
    added: dict[str, list[float]] = {"voxlab": [], "kamailio": [], "direct": []}
    with tempfile.TemporaryDirectory() as scratch, pinned_to_load_core(), ExitStack() as stack:
        pairs = {
            start.__name__: _pair(stack.enter_context(start(Path(scratch) / start.__name__)), stack)
            for start in (voxlab, kamailio)
        }
        host = own_address()
        callee = (host, CALLEE_PORT)
        pairs["direct"] = stack.enter_context(Pair((CALLER_HOST, 0), callee, callee, DOMAIN, CALLER_DOMAIN))
        for _ in range(rounds):
            for who, pair in pairs.items():
                added[who].append(median(delay.added_s for delay in _place_calls(pair, calls)) * 1e3)
    wire_ms = median(added["direct"])
    ours, theirs = ([value - wire_ms for value in added[who]] for who in ("voxlab", "kamailio"))
    yield of_rounds(name, "ms", ours, theirs, "Kamailio", Target(Bound.AT_MOST, 1.5))


def highest_rate(sustains: Callable[[float], bool], start: float, steps: int) -> float:
    """Double from `start` until `sustains` says no, then bisect `steps` times; return the highest rate that held."""
    good, bad = 0.0, start
    while bad <= RATE_CEILING and sustains(bad):
        good, bad = bad, bad * 2
    if not good:
        raise NotReady(f"not even {start:g} calls/s are sustained")
    for _ in range(steps):
        middle = (good + bad) / 2
        good, bad = (middle, bad) if sustains(middle) else (good, middle)
    return good


def offer_calls(server: Server, folder: Path, calls: int, rate: float) -> tuple[SippResult, SippResult]:
    """Let alice call bob `calls` times through `server`; return the caller's and the callee's counts."""
    settle_s = 6.0
    with Sipp(
        "uas", folder, host=server.host, port=CALLEE_PORT, calls=calls, load=True, pause_ms=RINGING_MS, prefix=LOAD_CORE
    ) as callee:
        callee.until_listening()
        with Sipp(
            "uac_open",
            folder,
            host=CALLER_HOST,
            port=CALLER_PORT,
            peer=f"{server.host}:{SERVER_PORT}",
            calls=calls,
            rate=rate,
            user=CALLER,
            pause_ms=TALK_MS,
            load=True,
            timeout_s=calls / rate + settle_s,
            keys={"callee": CALLEE, "domain": DOMAIN, "caller_domain": CALLER_DOMAIN},
            prefix=LOAD_CORE,
        ) as caller:
            calling = caller.result()
        return calling, callee.stopped()


def _cpu_per_call_ms(server: Server, folder: Path, calls: int) -> float:
    before_s = server.cpu_s()
    caller, callee = offer_calls(server, folder, calls, RATE)
    spent_s = server.cpu_s() - before_s
    if (caller.successful, callee.successful) != (calls, calls):
        raise NotReady(f"{calls} calls at {RATE:g}/s: {caller}, {callee}\n{server.tail()}")
    return spent_s / calls * 1e3


def sustains(start: Start, scratch: Path, rate: float, seconds: float) -> bool:
    """Offer `rate` to a fresh server: every call must succeed on both ends, with at most 1 % retransmissions."""
    folder = Path(tempfile.mkdtemp(dir=scratch))
    calls = round(rate * seconds)
    with start(folder / "server") as server:
        caller, callee = offer_calls(server, folder, calls, rate)
    repeated = caller.retransmissions + callee.retransmissions
    return caller.successful == callee.successful == calls and repeated <= calls / 100


def _pair(server: Server, stack: ExitStack) -> Pair:
    callee, target = (server.host, CALLEE_PORT), (server.host, SERVER_PORT)
    return stack.enter_context(Pair((CALLER_HOST, 0), callee, target, DOMAIN, CALLER_DOMAIN))


def _place_calls(pair: Pair, calls: int) -> list[Delay]:
    """Place calls one by one, 10 ms apart, so that no server has two at a time."""
    delays = []
    for _ in range(calls):
        started = monotonic()
        delays.append(pair.place_call())
        sleep(max(0.0, started + 0.01 - monotonic()))
    return delays
