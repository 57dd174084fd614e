"""Memory of the journal: bytes of resident memory per SIP message, with a million messages, in a process of its own."""

from __future__ import annotations

import ctypes
import gc
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from .parsing import INVITE
from .report import Bound, Figure, Skipped, Target

MESSAGES = 1_000_000
AS_OBJECTS = 100_000


def measure(quick: bool) -> Iterator[Figure | Skipped]:
    """Yield the journal's bytes per message; what the same records cost as objects stands beside it for the picture."""
    ours = _in_own_process("journal", MESSAGES)
    objects = _in_own_process("objects", AS_OBJECTS)
    yield Figure(f"journal, {MESSAGES:,} messages: memory", "B/msg", ours, math.nan, "", Target(Bound.AT_MOST, 30))
    yield Figure(
        "  the same beside records kept as objects", "B/msg", ours, objects, "objects", Target(Bound.AT_MOST, 0.05)
    )


def _in_own_process(what: str, messages: int) -> float:
    """Return the growth of the resident set of a fresh interpreter, in bytes per message."""
    root = Path(__file__).resolve().parents[1]
    argv = [sys.executable, "-m", "benchmarks.journal", what, str(messages)]
    return float(subprocess.run(argv, cwd=root, check=True, capture_output=True, text=True).stdout)


def _fill_journal(messages: int) -> object:
    from voxlab.base.datagram import Address
    from voxlab.base.journal import Journal

    journal = Journal()
    hosts = [Address(f"10.0.{n // 250}.{1 + n % 250}", 5060) for n in range(100)]
    for n in range(messages):
        journal.wire(n * 0.001, "UDP", hosts[n % 100], hosts[(n + 1) % 100], INVITE)
    return journal


def _fill_list(messages: int) -> object:
    from voxlab.base.datagram import Address
    from voxlab.base.records import DELIVERED, WireRecord

    hosts = [Address(f"10.0.{n // 250}.{1 + n % 250}", 5060) for n in range(100)]
    copy = bytearray(INVITE)
    return [
        WireRecord(n, n * 0.001, "UDP", hosts[n % 100], hosts[(n + 1) % 100], bytes(copy), DELIVERED)
        for n in range(messages)
    ]


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _return_free_memory() -> None:
    """Let glibc give back what it holds free: holes left by the spilled bytes are no part of the journal."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _growth(fill: Callable[[int], object], messages: int) -> float:
    fill(1)
    gc.collect()
    before = _resident_bytes()
    kept = fill(messages)
    gc.collect()
    _return_free_memory()
    grown = _resident_bytes() - before
    del kept
    return grown / messages


if __name__ == "__main__":
    print(_growth({"journal": _fill_journal, "objects": _fill_list}[sys.argv[1]], int(sys.argv[2])))
