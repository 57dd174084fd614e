"""The media thread and time: deadlines, stamps, and a program that keeps the GIL to itself."""

from __future__ import annotations

import errno
import os
import re
import socket
import struct
import subprocess
import sys
import threading
import time
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np
import pytest

from tests.contract.planes import site
from tests.net.rig import Rig
from voxlab.media.rtp import parse
from voxlab.media.sources import tone
from voxlab.net.plane import cells as c
from voxlab.net.plane import layout
from voxlab.net.plane import state as memory
from voxlab.net.plane.lane import Speech
from voxlab.net.plane.thread import ask_for_promptness

FRAME_NS = 20_000_000


def speech(due_ns: int, **changes: Any) -> Speech:
    """Return something to say."""
    given = Speech(np.zeros(160, np.uint8), True, False, 255, 160, 160, FRAME_NS, due_ns, 0, 0, 0, 99, 65_530, 0, True)
    return given._replace(**changes)


@pytest.mark.skipif(sys.platform != "linux", reason="threads have a niceness of their own on Linux alone")
@pytest.mark.parametrize("told", [0, 5])
def test_a_thread_asks_for_the_niceness_of_sound_servers_unless_it_was_told_to_be_nice(told: int) -> None:
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    seen: list[tuple[int, int]] = []

    def ask() -> None:
        os.setpriority(os.PRIO_PROCESS, 0, max(ours, told))
        before = os.getpriority(os.PRIO_PROCESS, 0)
        ask_for_promptness()
        seen.append((before, os.getpriority(os.PRIO_PROCESS, 0)))

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    [(before, after)] = seen
    assert after == before if before > 0 else after in {before, -11}  # the second where the system grants it
    assert os.getpriority(os.PRIO_PROCESS, 0) == ours


def test_packets_leave_on_a_grid_of_absolute_deadlines(rig: Rig) -> None:
    """By the kernel's stamps: whatever each one was late, none was early, and the lateness does not add up."""
    ear, mouth = rig.peer(), rig.peer()
    lane = rig.lane(mouth)
    start_ns = round(rig.world.now * 1e9) + FRAME_NS
    rig.world.submit(lane.speak, speech(start_ns), ear.address)
    heard = ear.hear(40)
    ahead_ns = time.time_ns() - round(rig.world.now * 1e9)
    numbers = [(parse(data).sequence - 65_530) & 0xFFFF for data, _, _ in heard]
    late = [
        at_ns - ahead_ns - start_ns - FRAME_NS * number for number, (_, _, at_ns) in zip(numbers, heard, strict=True)
    ]
    assert numbers == list(range(40))
    assert min(late) > -FRAME_NS // 4  # the two clocks were read one after the other
    assert median(late) < 2 * FRAME_NS
    assert [parse(data).timestamp for data, _, _ in heard] == [160 * k for k in range(40)]


def test_what_is_long_overdue_is_skipped_and_the_timestamps_tell(rig: Rig) -> None:
    ear, mouth = rig.peer(), rig.peer()
    lane = rig.lane(mouth)
    rig.world.submit(lane.speak, speech(round(rig.world.now * 1e9) - 1000 * FRAME_NS), ear.address)
    first, second = (parse(data) for data in ear.bytes_heard(2))
    assert first.timestamp >= (1000 - c.MAX_OVERDUE_FRAMES) * 160
    assert first.marker
    assert (second.sequence - first.sequence, second.timestamp - first.timestamp) == (1, 160)


NOW_NS, AHEAD_NS = 50_000_000_000, 1_700_000_000_000_000_000


@pytest.mark.parametrize(
    ("age_ns", "believed"),
    [(0, True), (1_500_000, True), (9_000_000_000, True), (11_000_000_000, False), (-1_000_000, False)],
)
def test_a_stamp_of_a_clock_that_was_set_is_not_believed(native: Any, age_ns: int, believed: bool) -> None:
    """The kernel stamps by CLOCK_REALTIME; only the stamp's age is used, and an impossible one means now."""
    from voxlab.net.plane import relay

    assert native is not None
    state = memory.make(1, 1, 1)
    state.control[c.NOW_NS], state.control[c.REAL_AHEAD_NS] = NOW_NS, AHEAD_NS
    stamp_ns = NOW_NS + AHEAD_NS - age_ns
    note = (layout.STAMP_HEADER, layout.STAMP_KIND, *divmod(stamp_ns, 1_000_000_000))
    state.notes[0, memory.CONTROL : memory.CONTROL + 4] = note
    assert relay.arrival_ns(state, 0) == (NOW_NS - age_ns if believed else NOW_NS)
    state.inbox[0, layout.H_CONTROL_BYTES] = 0
    assert relay.arrival_ns(state, 0) == NOW_NS


SENDER = """
import socket, sys, time
to = (sys.argv[1], int(sys.argv[2]))
own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
own.bind((sys.argv[3], int(sys.argv[4])))
sys.stdin.readline()
for k in range(int(sys.argv[5])):
    head = b"\\x80\\x00" + k.to_bytes(2, "big") + (160 * k).to_bytes(4, "big") + (7).to_bytes(4, "big")
    own.sendto(head + time.time_ns().to_bytes(8, "little") + bytes(152), to)
    time.sleep(0.005)
"""


def hold_the_gil(at_least_s: float) -> int:
    """Keep the GIL in one call of C, longer and longer until it was long enough; return when that call ended."""
    for size in range(20, 40):
        begun = time.monotonic()
        re.match("(a+)+b", "a" * size)
        ended_ns = time.time_ns()
        if time.monotonic() - begun >= at_least_s:
            return ended_ns
    raise AssertionError("unreachable")


def test_while_the_gil_is_held_packets_are_relayed_stamped_and_spoken(native: Any) -> None:
    """By counts and by the kernel's stamps at the far end: what was sent while one call of C kept the GIL had arrived
    before it ended.
    """
    assert native is not None
    with site() as here:
        alice, a, b, bob = here.bridge()
        listener = here.peer()
        voice = here.port(listener)
        alice.rtp.close()  # its place is taken by a process of its own
        argv = [*a.port.rtp_address, *alice.address, 400]
        child = subprocess.Popen([sys.executable, "-c", SENDER, *map(str, argv)], stdin=subprocess.PIPE, text=True)
        here.world.submit(voice.play, tone(440.0))
        listener.hear(1)
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
        bob.hear(1)  # it has begun
        held_until_ns = hold_the_gil(0.5)
        heard, spoken = bob.hear(399), listener.hear(20)
        child.stdin.close()
        assert child.wait(30) == 0
        sent_ns = [int.from_bytes(data[12:20], "little") for data, _, _ in heard]
        sent_meanwhile = sum(at_ns < held_until_ns for at_ns in sent_ns)
        came_meanwhile = sum(at_ns < held_until_ns for _, _, at_ns in heard)
        assert sent_meanwhile > 20
        assert came_meanwhile >= sent_meanwhile // 2  # on the portable plane: none
        assert sum(at_ns < held_until_ns for _, _, at_ns in spoken) >= 5
        [seen] = here.streams(a)
        assert (seen.packets, seen.lost) == (400, 0)
        arrived_ns = [at_ns for _, _, at_ns in heard]
        gaps_ms = [(after - before) / 1e6 for times in (sent_ns, arrived_ns) for before, after in pairwise(times)]
        # What the statistics say is what was on the wire, not when somebody had time to look.
        assert seen.max_delta_ms <= max(gaps_ms) + 50.0
        assert b.port.stamped_by == "kernel"


def test_a_stamped_socket_tells_when_not_who_reads() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.bind(("127.0.0.1", 0))
        own.setsockopt(socket.SOL_SOCKET, layout.SO_TIMESTAMPNS, 1)
        own.sendto(b"x", own.getsockname())
        _, notes, _, _ = own.recvmsg(10, 64)
    assert notes[0][:2] == (socket.SOL_SOCKET, layout.SO_TIMESTAMPNS)
    assert abs(struct.unpack("@ll", notes[0][2])[0] - time.time()) < 3600


def test_compiled_code_sleeps_and_fails_as_the_system_says(native: Any) -> None:
    """clock_nanosleep returns its error, the others set errno: both come through."""
    import numba

    from voxlab.net.plane import syscalls

    assert native is not None
    sleep, wait, why = syscalls.clock_nanosleep, syscalls.epoll_wait, syscalls.errno

    @numba.njit
    def nap(clock: int, spec_at: int) -> int:
        return sleep(clock, 1, spec_at, 0)  # type: ignore[no-any-return]

    @numba.njit
    def wait_on(descriptor: int, events_at: int) -> int:
        return why() if wait(descriptor, events_at, 1, 0) < 0 else 0

    long_past = np.zeros(2, np.int64)
    assert nap(layout.CLOCK_MONOTONIC, long_past.ctypes.data) == 0
    assert nap(-1, long_past.ctypes.data) == errno.EINVAL
    assert wait_on(-1, long_past.ctypes.data) == errno.EBADF
