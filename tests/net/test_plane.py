"""The media thread by itself: its code, its latches, its sides."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.contract.planes import Peer, packet, report, site
from tests.net.rig import Rig
from voxlab.base.datagram import Address
from voxlab.base.errors import VoxlabError
from voxlab.media.errors import MediaError
from voxlab.media.rtcp import parse_compound
from voxlab.media.rtp import is_rtcp, parse
from voxlab.net.plane import build, choice, layout
from voxlab.net.plane import cells as c
from voxlab.net.plane.lane import Expected, Speech, address_of, key_of
from voxlab.net.plane.thread import Full, MediaThread
from voxlab.net.world import World

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
def test_compiled_code_takes_for_media_what_the_parsers_take(compiled: Any, data: bytes) -> None:
    from voxlab.net.plane import packets

    assert compiled is not None
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


def test_a_port_that_the_system_cannot_watch_stays_with_the_portable_plane(
    live: World, native: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native, "watch", lambda *_: -1)
    thread = live.submit(lambda: MediaThread(live.loop, native))  # type: ignore[arg-type]
    before = len(list(Path("/proc/self/fd").iterdir()))
    peer = Peer("127.0.0.1")
    with pytest.raises(OSError, match="epoll"):
        live.submit(thread.enter, peer.rtp.fileno(), peer.rtcp.fileno(), lambda _: None)
    peer.close()
    assert not thread.running
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize("changes", [{"frame_octets": 0}, {"frame_octets": 3000}, {"frame_ns": 0}])
def test_a_frame_that_is_none_or_fits_no_datagram_is_refused(rig: Rig, changes: Any) -> None:
    lane = rig.lane(rig.peer())
    given = Speech(np.zeros(160, np.uint8), True, False, 255, 160, 160, 20_000_000, 0, 0, 0, 0, 1, 0, 0, True)
    with pytest.raises(ValueError, match="1 to 2036 octets"):
        rig.world.submit(lane.speak, given._replace(**changes), None)


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


def _compilers() -> set[str]:
    """Return the compilers that are children of this process; a lab of another test may have begun one."""
    children = [pid for each in Path("/proc/self/task").glob("*/children") for pid in each.read_text().split()]
    return {pid for pid in children if b"plane.warm" in Path(f"/proc/{pid}/cmdline").read_bytes()}


def test_the_compiler_runs_in_a_process_of_its_own_and_leaves_none(native: Any) -> None:
    """With everything compiled already it is quick; what counts is how it is asked."""
    assert native is not None
    before = _compilers()
    assert build._compiled_elsewhere()
    assert _compilers() <= before


def test_code_that_cannot_be_loaded_is_told_and_calls_go_on_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> bool:
        raise OSError("disk full")

    monkeypatch.delenv("NUMBA_DISABLE_JIT", raising=False)
    monkeypatch.setattr(build, "load", broken)
    monkeypatch.setattr(build, "_trouble", [])
    build._prepare()
    assert "disk full" in str(build.why_not())


def test_a_marker_that_is_not_whole_counts_as_none(
    native: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert native is not None
    monkeypatch.setattr(build, "cache_directory", lambda: tmp_path)
    build._marker(tmp_path).write_text("{")
    assert not build.is_compiled()


def test_a_plane_compiled_for_other_sources_is_not_taken(native: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert native is not None
    assert build.is_compiled()
    monkeypatch.setattr(build, "source_digest", lambda: "another")
    assert not build.is_compiled()
