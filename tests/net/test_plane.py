"""The media thread by itself: its memory, its latches, its timing, its end."""

from __future__ import annotations

import re
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.contract.planes import Peer, packet, report, site
from voxlab.base.datagram import Address
from voxlab.base.errors import VoxlabError
from voxlab.media.errors import MediaError
from voxlab.media.rtcp import parse_compound
from voxlab.media.rtp import is_rtcp, parse
from voxlab.media.sources import tone
from voxlab.net.plane import build, choice, layout
from voxlab.net.plane import cells as c
from voxlab.net.plane.lane import Expected, Lane, Speech, address_of, key_of
from voxlab.net.plane.thread import Full, MediaThread, Rows
from voxlab.net.world import World

FRAME_NS = 20_000_000


@pytest.fixture(scope="module")
def native() -> Any:
    """The compiled plane."""
    if not build.warm():
        pytest.skip(f"there is no compiled plane here: {build.why_not()}; cure: Linux, without NUMBA_DISABLE_JIT")
    return build.ready()


class Rig:
    """A media thread, its world, and peers."""

    def __init__(self, world: World, native: Any, **options: Any) -> None:
        self.world = world
        self.thread: MediaThread = world.submit(lambda: MediaThread(world.loop, native, **options))  # type: ignore[arg-type]
        self.rows: list[Rows] = []
        self.peers: list[Peer] = []

    def peer(self) -> Peer:
        self.peers.append(Peer("127.0.0.1"))
        return self.peers[-1]

    def lane(self, at: Peer) -> Lane:
        """Let the thread have a peer's sockets: here they are ours."""
        return self.world.submit(lambda: Lane(self.thread, at.rtp.fileno(), at.rtcp.fileno(), self._take))

    def _take(self, rows: Rows) -> None:
        self.rows.append(rows._replace(octets=rows.octets[:0]))

    def seen(self) -> np.ndarray[Any, Any]:
        """Return the cells of all that was left so far."""
        self.world.submit(self.thread.drain)
        return np.concatenate([each.cells for each in self.rows]) if self.rows else np.zeros((0, c.ROW_CELLS), int)

    def bridge(self, rtp: Expected, back: Address) -> tuple[Peer, Peer]:
        """Join two of our ports; return them. The first expects ``rtp``, the second's peer is at ``back``."""
        a, b = self.peer(), self.peer()
        lanes = self.lane(a), self.lane(b)

        def join() -> None:
            for lane, expected in zip(lanes, (rtp, Expected(back)), strict=True):
                lane.begin()
                lane.expect(expected, expected)
            lanes[0].join(lanes[1])

        self.world.submit(join)
        self.lanes = lanes
        return a, b

    def close(self) -> None:
        self.world.submit(self.thread.close)
        for peer in self.peers:
            peer.close()


@pytest.fixture
def rig(live: World, native: Any) -> Iterator[Rig]:
    made = Rig(live, native)
    yield made
    made.close()


# -- what is compiled


def test_the_structures_of_the_kernel_are_laid_out_as_compiled_code_reads_them() -> None:
    if sys.platform == "linux":
        assert layout.UNAVAILABLE is None
    else:
        assert sys.platform in str(layout.UNAVAILABLE)


def test_a_machine_that_lays_them_out_otherwise_has_no_such_plane(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "EVENT_WORDS", 5)
    assert "epoll_event" in str(layout.why_not())
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "darwin" in str(layout.why_not())


def test_without_a_compiler_there_is_no_such_plane(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    assert "NUMBA_DISABLE_JIT" in str(build.why_not())


def test_an_unknown_plane_is_refused_with_those_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOXLAB_PLANE", "warp")
    with pytest.raises(VoxlabError, match=r"warp.*auto, portable"):
        choice.wanted()


def test_until_the_plane_is_compiled_the_portable_one_serves(live: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.delenv("VOXLAB_PLANE", raising=False)
    monkeypatch.setattr(build, "ready", lambda: None)
    monkeypatch.setattr(build, "prepare", lambda: asked.append("prepare"))
    plane = choice.Plane(live.loop)  # type: ignore[arg-type]
    assert plane.thread() is None
    assert asked == ["prepare"]
    plane.close()


@given(st.ip_addresses(v=4), st.integers(0, 65535))
def test_a_key_stands_for_one_address_and_port(host: Any, port: int) -> None:
    address = Address(str(host), port)
    assert address_of(key_of(address)) == address
    assert 0 <= key_of(address) <= c.KEY_MASK


def mutated() -> st.SearchStrategy[bytes]:
    """Return packets of either kind, whole, cut, and with octets changed."""
    whole = st.sampled_from([packet(1), packet(2, csrcs=(1, 2)), report(), report() + report()[8:], b""])
    changes = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 255)), max_size=4)
    return st.builds(_changed, whole, st.integers(0, 200), changes)


def _changed(data: bytes, length: int, changes: list[tuple[int, int]]) -> bytes:
    octets = bytearray(data[:length])
    for at, value in changes:
        if at < len(octets):
            octets[at] = value
    return bytes(octets)


@settings(max_examples=400, deadline=None)
@given(mutated())
@example(b"\x90" + packet(1)[1:])
@example(b"\xa1" + report()[1:])
def test_compiled_code_takes_for_media_what_the_parsers_take(native: Any, data: bytes) -> None:
    from voxlab.net.plane import packets

    assert native is not None
    row = np.zeros((1, c.DATAGRAM_BYTES), np.uint8)
    row[0, : len(data)] = np.frombuffer(data, np.uint8)
    control = is_rtcp(data)
    assert packets.is_control(row, 0, len(data)) == control
    try:
        parse_compound(data) if control else parse(data)
        whole = True
    except MediaError:
        whole = False
    judged = packets.is_compound(row, 0, len(data)) if control else packets.is_rtp(row, 0, len(data))
    assert bool(judged) == whole


# -- latches


def test_only_the_network_that_is_allowed_may_latch(rig: Rig) -> None:
    near, far, bob = rig.peer(), Peer("127.9.9.9"), rig.peer()
    rig.peers.append(far)
    a, b = rig.bridge(Expected(None, symmetric=True, network="127.0.0.0/16"), bob.address)
    far.rtp.sendto(packet(1), a.address)
    near.rtp.sendto(packet(2), a.address)
    assert bob.bytes_heard() == [packet(2)]
    far.rtp.sendto(packet(3), a.address)
    near.rtp.sendto(packet(4), a.address)
    assert bob.bytes_heard() == [packet(4)]
    counts = rig.world.submit(rig.lanes[0].counts)
    assert (counts.rtp_source, counts.rtp_open, counts.rtp_strangers) == (near.address, False, 2)
    assert b.address


def test_a_flood_of_strangers_leaves_room_for_the_peers_records(live: World, native: Any) -> None:
    rig = Rig(live, native, rows=64)
    alice, mallory, bob = rig.peer(), rig.peer(), rig.peer()
    a, _ = rig.bridge(Expected(alice.address), bob.address)
    held_up = threading.Event()
    live.hand_over(held_up.wait, 30)  # the lab's thread
    for number in range(200):
        mallory.rtp.sendto(packet(number, ssrc=666), a.address)
    for number in range(20):
        alice.rtp.sendto(packet(number), a.address)
    bob.hear(20)
    held_up.set()
    fates = rig.seen()[:, c.FATE].tolist()
    assert fates.count(c.FORWARDED) == 20
    assert fates.count(c.STRANGER) == 32
    counts = live.submit(rig.lanes[0].counts)
    assert (counts.rtp_strangers, counts.unobserved) == (200, 168)
    rig.close()


def test_what_has_nowhere_to_go_is_counted(rig: Rig) -> None:
    alice = rig.peer()
    a, b = rig.bridge(Expected(alice.address), Address("127.0.0.1", 9))
    rig.world.submit(lambda: rig.lanes[1].expect(Expected(None), Expected(None)))
    alice.rtp.sendto(packet(1), a.address)
    rig.world.wait(lambda: rig.lanes[0].counts().packets == 1, timeout_s=30)
    counts = rig.world.submit(rig.lanes[0].counts)
    assert (counts.packets, counts.no_destination) == (1, 1)
    assert rig.seen()[:, c.FATE].tolist() == [c.UNDELIVERABLE]
    assert b.address


# -- sides


def test_past_its_last_side_the_thread_takes_no_more(live: World, native: Any) -> None:
    rig = Rig(live, native, sides=2)
    lanes = [rig.lane(rig.peer()) for _ in range(2)]
    with pytest.raises(Full):
        rig.lane(rig.peer())
    live.submit(lanes[0].leave)
    rig.lane(rig.peer())
    rig.close()


def test_a_thousand_ports_come_and_go_and_leave_no_descriptor(native: Any) -> None:
    assert native is not None

    class Nobody:
        def datagram(self, data: bytes, source: Address, arrival_s: float, *, rtcp: bool) -> None:
            raise AssertionError(data)

        def batch(self, batch: object, source: Address, now: float) -> None:
            raise AssertionError(batch)

    with site() as here:

        def cycle(times: int) -> int:
            for _ in range(times):
                port = here.network.open_media("cloud", here.place.host, Nobody())
                assert port.lane is not None
                port.unbind()
                here.network._media.discard(port)
            return len(list(Path("/proc/self/fd").iterdir()))

        before = here.world.submit(cycle, 1)
        assert here.world.submit(cycle, 1000) == before


def test_ports_that_are_lent_again_begin_with_counts_of_zero(native: Any) -> None:
    assert native is not None
    with site() as here:
        alice, a, b, bob = here.bridge()
        here.peer().send(a, packet(1, ssrc=666))
        alice.send(a, packet(1))
        bob.hear()
        was = a.port.rtp_address
        for port in (a, b):
            here.world.submit(port.release)
        newcomer = here.peer()
        again = here.port(newcomer)
        while again.port.rtp_address != was:
            again = here.port(newcomer)
        lane = again.port.lane  # type: ignore[attr-defined]
        counts = here.world.submit(lane.counts)
        assert (counts.packets, counts.rtp_strangers, counts.rtp_source) == (0, 0, newcomer.address)


# -- time


def speech(due_ns: int, **changes: Any) -> Speech:
    """Return something to say."""
    given = Speech(np.zeros(160, np.uint8), True, 255, 160, 160, FRAME_NS, due_ns, 0, 0, 0, 99, 65_530, 0, True)
    return given._replace(**changes)


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


def test_a_stamp_of_a_clock_that_was_set_is_not_believed(rig: Rig) -> None:
    """The arrival is told by CLOCK_REALTIME; only its age is used, and an impossible one is none (now instead)."""
    ear, sender = rig.peer(), rig.peer()
    lane = rig.lane(ear)
    rig.world.submit(lane.begin)
    before_ns = round(rig.world.now * 1e9)
    sender.rtp.sendto(packet(1), ear.address)
    rig.world.wait(lambda: bool(rig.rows), timeout_s=30)
    [at_ns] = rig.rows[0].time_ns.tolist()
    assert before_ns - 1_000_000 <= at_ns <= round(rig.world.now * 1e9)


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
