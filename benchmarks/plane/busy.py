"""The plane while the notebook's thread computes: what a packet costs, what arrives, how late a paced one leaves."""

from __future__ import annotations

import socket
import struct
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles

from peers.harness.ports import own_address

from benchmarks.report import Bound, Figure, Skipped, Target, of_rounds

from .programs import Peers, Relay, compiled, cpu_ns, missing_gcc, missing_plane, voxlab_relay
from .relaying import STREAMS

_WORKS = ("python", "sort", "plot", "regex")
_SO_TIMESTAMPNS = getattr(socket, "SO_TIMESTAMPNS", 35)
_PERIOD_NS = 20_000_000


def measure_busy(quick: bool) -> Iterator[Figure | Skipped]:
    """Yield, for each kind of work, what arrived and what a packet cost the media thread beside idle."""
    name = "10,000 packets/s relayed while"
    if reason := missing_plane() or missing_gcc():
        yield Skipped(name, reason)
        return
    rounds, seconds = (1, 3.0) if quick else (3, 6.0)
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        peers = stack.enter_context(Peers(compiled("load", Path(scratch)), STREAMS))
        relay = stack.enter_context(voxlab_relay(peers))
        thread = int(relay.ask("threads")[0])
        costs: dict[str, list[float]] = {name: [] for name in ("idle", *_WORKS)}
        shares: dict[str, list[float]] = {name: [] for name in costs}
        for work in [*costs] * rounds:
            cost, share = _relay_while(relay, peers, thread, work, seconds)
            costs[work].append(cost)
            shares[work].append(share)
        counted, lost, _jitter = relay.ask("counts")
    for work in _WORKS:
        title = f"{name} {work}: CPU"
        yield of_rounds(title, "us/packet", costs[work], costs["idle"], "idle", Target(Bound.AT_MOST, 1.1))
        yield of_rounds(f"{name} {work}: delivered", "%", [min(shares[work])], [], "", Target(Bound.AT_LEAST, 100.0))
    uncounted = 100.0 * int(counted) / (int(counted) + int(lost))
    yield of_rounds("... and counted by the statistics", "%", [uncounted], [], "", Target(Bound.AT_LEAST, 100.0))


def _relay_while(relay: Relay, peers: Peers, thread: int, work: str, seconds: float) -> tuple[float, float]:
    """Return the media thread's CPU time a packet in us, and the share delivered in %."""
    worker = threading.Thread(target=relay.ask, args=(f"work {work} {seconds + 0.5}",))
    before_ns = cpu_ns(relay.process.pid, thread)
    worker.start()
    heard = peers.speak(seconds)
    spent_ns = cpu_ns(relay.process.pid, thread) - before_ns
    worker.join()
    return spent_ns / max(1, heard.received) / 1e3, heard.received / heard.sent * 100


def measure_pacing(quick: bool) -> Iterator[Figure | Skipped]:
    """Yield how late packets of 20 ms leave, p99, beside clock_nanosleep in C at the same time under the same load."""
    name = "20 ms pacing, p99 lateness while"
    if reason := missing_plane() or missing_gcc():
        yield Skipped(name, reason)
        return
    runs, seconds = (2, 4.0) if quick else (5, 8.0)
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        folder = Path(scratch)
        peers = stack.enter_context(Peers(compiled("load", folder), 2))
        relay = stack.enter_context(voxlab_relay(peers))
        pacer = str(compiled("pacer", folder))
        late: dict[str, tuple[list[float], list[float]]] = {work: ([], []) for work in ("idle", *_WORKS)}
        _pace_while(relay, pacer, "idle", 1.0)  # whoever speaks first in a process waits for what it imports
        for work in [*late] * runs:
            ours, theirs = _pace_while(relay, pacer, work, seconds)
            late[work][0].append(ours)
            late[work][1].append(theirs)
    for work, (ours_ms, theirs_ms) in late.items():
        yield Figure(f"{name} {work}", "ms", median(ours_ms), median(theirs_ms), "C", Target(Bound.AT_MOST, 1.5))


def _pace_while(relay: Relay, pacer: str, work: str, seconds: float) -> tuple[float, float]:
    """Return the 99th percentile of the lateness of both senders in ms."""
    with _ear() as ours, _ear() as theirs:
        worker = threading.Thread(target=relay.ask, args=(f"work {work} {seconds}",))
        host, port = ours.getsockname()
        relay.ask(f"speak {host} {port} {seconds}")
        worker.start()
        subprocess.run([pacer, *map(str, theirs.getsockname()), str(int(seconds * 50))], check=True)
        worker.join()
        return p99_late_ms(_stamps(ours)), p99_late_ms(_stamps(theirs))


def _ear() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    made.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    made.bind((own_address(), 0))
    made.setblocking(False)
    return made


def _stamps(ear: socket.socket) -> list[tuple[int, int]]:
    """Return sequence number and the kernel's time of arrival of each packet that waits."""
    found = []
    while True:
        try:
            data, notes, _, _ = ear.recvmsg(2048, 64)
        except BlockingIOError:
            return found
        seconds, nanoseconds = struct.unpack_from("@ll", notes[0][2])
        found.append((int.from_bytes(data[2:4], "big"), seconds * 1_000_000_000 + nanoseconds))


def p99_late_ms(stamps: list[tuple[int, int]]) -> float:
    """Return how much later than the most punctual packet of the grid 99 % are at most."""
    first = stamps[0][0]
    offsets = [at_ns - ((sequence - first) & 0xFFFF) * _PERIOD_NS for sequence, at_ns in stamps]
    return quantiles([(each - min(offsets)) / 1e6 for each in offsets], n=100)[98]
