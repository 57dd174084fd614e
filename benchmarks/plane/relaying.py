"""200 streams of 50 packets/s relayed: CPU a packet, beside a C twin of the same system calls and beside rtpengine."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from peers.harness.process import missing

from benchmarks.report import Bound, Figure, Skipped, Target, of_rounds
from benchmarks.targets import LOAD_CORE, SERVER_CORE

from .programs import Heard, Peers, Relay, Rtpengine, compiled, missing_gcc, missing_plane, voxlab_relay

STREAMS = 200


class Measured(Protocol):
    """A relay whose CPU time can be read."""

    def cpu_ns(self) -> int: ...


def measure_relaying(quick: bool) -> Iterator[Figure | Skipped]:
    """Yield the CPU time of a relayed packet, the whole process's, statistics and journal of headers included."""
    name = f"{STREAMS} streams relayed: CPU"
    if reason := missing_plane() or missing_gcc():
        yield Skipped(name, reason)
        return
    rounds, seconds = (7, 1.0) if quick else (15, 2.0)  # many short turns: neighbours come and go for all alike
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        costs, heard = _rounds(Path(scratch), stack, rounds, seconds)
    unit = "us/packet"
    yield of_rounds(name, unit, costs["voxlab"], costs["twin"], "C twin", Target(Bound.AT_MOST, 1.25))
    if "rtpengine" in costs:
        yield of_rounds(name, unit, costs["voxlab"], costs["rtpengine"], "rtpengine", Target(Bound.AT_MOST, 0.8))
    else:
        yield Skipped(f"{name}, rtpengine", missing("rtpengine") or "")
    share = [each.received / each.sent * 100 for each in heard]
    yield of_rounds(f"{STREAMS} streams relayed: delivered", "%", share, [], "", Target(Bound.AT_LEAST, 100.0))


def _rounds(folder: Path, stack: ExitStack, rounds: int, seconds: float) -> tuple[dict[str, list[float]], list[Heard]]:
    """Let each relay have its turn in each round; return what a packet cost and what voxlab's peers heard."""
    load, twin = compiled("load", folder), str(compiled("twin", folder))
    relays: dict[str, tuple[Measured, Peers]] = {}
    for name in ("voxlab", "twin", "rtpengine"):
        if name == "rtpengine" and missing("rtpengine"):
            continue
        peers = stack.enter_context(Peers(load, STREAMS, LOAD_CORE))
        relay: Relay | Rtpengine
        if name == "voxlab":
            relay = voxlab_relay(peers, SERVER_CORE)
        elif name == "twin":
            relay = Relay([twin], peers, SERVER_CORE)
        else:
            relay = Rtpengine(folder, peers, SERVER_CORE)
        relays[name] = (stack.enter_context(relay), peers)
    costs: dict[str, list[float]] = {name: [] for name in relays}
    heard: list[Heard] = []
    for name, (relay_of, peers) in [*relays.items()] * (rounds + 1):
        before_ns = relay_of.cpu_ns()
        answer = peers.speak(seconds)
        costs[name].append((relay_of.cpu_ns() - before_ns) / max(1, answer.received) / 1e3)
        if name == "voxlab":
            heard.append(answer)
    return {name: each[1:] for name, each in costs.items()}, heard[1:]
