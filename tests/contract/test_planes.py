"""What a bridge may rely on, on either media plane: the lab's own thread, and the media thread outside the GIL.

RFC 3550 s.6, s.7; RFC 7362 s.5; RFC 3264 s.8.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.contract.planes import Peer, Site, packet, report, site
from voxlab.base.datagram import Address
from voxlab.host.ends.cloud_port import CloudPort
from voxlab.host.ends.plane_ends import PlaneCloudPort
from voxlab.media.sources import tone


def on_thread(port: CloudPort) -> bool:
    """Whether the media thread relays for a port."""
    return isinstance(port, PlaneCloudPort) and port.lane is not None and port._relayed


def test_the_plane_that_was_asked_for_serves(plane: str, here: Site) -> None:
    _, a, b, _ = here.bridge()
    assert (on_thread(a), on_thread(b)) == ((plane == "thread"),) * 2
    assert a.port.stamped_by == "kernel"


def test_a_bridge_passes_packets_on_byte_for_byte_both_ways(here: Site) -> None:
    alice, a, b, bob = here.bridge()
    there, back = [packet(k) for k in range(50)], [packet(k, ssrc=8) for k in range(50)]
    alice.send(a, *there)
    bob.send(b, *back)
    heard = bob.hear(50)
    assert [data for data, _, _ in heard] == there
    assert {source for _, source, _ in heard} == {b.port.rtp_address}
    assert alice.bytes_heard(50) == back


def test_a_bridge_passes_rtcp_on_from_port_to_port(here: Site) -> None:
    alice, a, b, bob = here.bridge()
    alice.send(a, report(), rtcp=True)
    [(data, source, _)] = bob.hear(rtcp=True)
    assert (data, source) == (report(), b.port.rtcp_address)
    assert here.side(a).rtcp_packets == 1


def test_what_passed_is_counted_as_a_listener_would(here: Site) -> None:
    alice, a, _, bob = here.bridge()
    numbers = [0, 1, 2, 2, 3, 6, 5, 7, 9]  # a duplicate, a swap, two lost
    alice.send(a, *(packet(k) for k in numbers))
    bob.hear(len(numbers))
    [seen] = here.streams(a)
    assert (seen.packets, seen.lost, seen.duplicates, seen.reordered) == (9, 2, 1, 1)
    assert (seen.ssrc, seen.codec, seen.octets) == (7, "PCMU", 9 * 160)
    assert here.streams(a) == [seen]


def test_packets_that_differ_in_form_are_counted_in_their_order(here: Site) -> None:
    alice, a, _, bob = here.bridge()
    forms = [packet(0), packet(1, csrcs=(1, 2)), packet(2, payload=b"\xff" * 80), packet(3, kind=101), packet(4)]
    alice.send(a, *forms)
    assert bob.bytes_heard(5) == forms
    [seen] = here.streams(a)
    assert (seen.packets, seen.lost, seen.reordered, seen.octets) == (5, 0, 0, 4 * 160 + 80)


def test_a_stranger_is_counted_and_not_heard(here: Site) -> None:
    _alice, a, _, bob = here.bridge()
    alice, mallory = here.peers[0], here.peer()
    mallory.send(a, packet(1, ssrc=666))
    mallory.send(a, report(666), rtcp=True)
    alice.send(a, packet(2))
    alice.send(a, report(), rtcp=True)
    assert bob.bytes_heard() == [packet(2)]
    assert bob.bytes_heard(rtcp=True) == [report()]
    side = here.side(a)
    assert (side.rtp.strangers, side.rtcp.strangers, side.packets) == (1, 1, 1)
    assert [seen.ssrc for seen in here.streams(a)] == [7]


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"x",
        b"not RTP at all, though long enough",
        packet(1)[:11],
        b"\x40" + packet(1)[1:],
        b"\x8f" + packet(1, payload=b"")[1:],
        b"\x90" + packet(1, payload=b"")[1:],
        b"\xa0" + packet(1, payload=b"\x00")[1:],
        b"\xa0" + packet(1, payload=b"\x07")[1:],
        b"\x80\xc8\x00\x01",
        report()[:-4],
        b"\x41" + report()[1:],
        packet(1, payload=b"\xff" * 4000),
    ],
)
def test_what_is_no_media_goes_no_further(here: Site, junk: bytes) -> None:
    alice, a, _, bob = here.bridge()
    alice.send(a, junk, packet(2))
    assert bob.bytes_heard() == [packet(2)]
    assert here.side(a).packets == 1


def test_malformed_packets_are_counted(here: Site) -> None:
    alice, a, _, bob = here.bridge()
    alice.send(a, b"\x40" + packet(1)[1:], packet(1)[:11], packet(2))
    bob.hear()
    assert here.side(a).receiver.refused.malformed == 2


def test_a_symmetric_latch_takes_the_first_source_and_then_no_other(plane: str) -> None:
    with site(symmetric=True) as here:
        behind_nat, mallory, bob = here.peer(), here.peer(), here.peer()
        a, b = here.port(here.peer()), here.port(bob)
        here.world.submit(a.join, b)
        behind_nat.send(a, packet(1))
        assert bob.bytes_heard() == [packet(1)]
        mallory.send(a, packet(2, ssrc=666))
        behind_nat.send(a, packet(3))
        assert bob.bytes_heard() == [packet(3)]
        bob.send(b, packet(4, ssrc=8))
        assert behind_nat.bytes_heard() == [packet(4, ssrc=8)]
        side = here.side(a)
        assert (side.rtp.source, side.rtp.is_open, side.rtp.strangers) == (behind_nat.address, False, 1)


def test_a_symmetric_latch_closes_in_time_though_nobody_came(plane: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voxlab.host.ends.cloud_port.LATCH_S", -1.0)
    with site(symmetric=True) as here:
        alice, bob, late = here.peer(), here.peer(), here.peer()
        a, b = here.port(alice), here.port(bob)
        here.world.submit(a.join, b)
        late.send(a, packet(1, ssrc=666))
        alice.send(a, packet(2))
        assert bob.bytes_heard() == [packet(2)]
        assert here.side(a).rtp.strangers == 1


def test_after_a_re_invite_packets_go_to_the_new_address_and_come_from_there(here: Site) -> None:
    alice, a, b, bob = here.bridge()
    alice.send(a, packet(1))
    bob.hear()
    moved = here.peer()

    def reinvite() -> None:
        assert b.take_offer(moved.offer())
        b.answer()

    here.world.submit(reinvite)
    alice.send(a, packet(2))
    assert moved.bytes_heard() == [packet(2)]
    bob.send(b, packet(1, ssrc=8))  # its old place: a stranger by now
    moved.send(b, packet(2, ssrc=9))
    assert alice.bytes_heard() == [packet(2, ssrc=9)]
    assert here.side(b).rtp.strangers == 1


def test_a_port_that_is_parted_passes_nothing_on_and_counts_for_itself(here: Site) -> None:
    alice, a, b, bob = here.bridge()
    alice.send(a, packet(1))
    bob.hear()
    here.world.submit(a.part)
    alice.send(a, packet(2), packet(3))
    here.until(lambda: sum(seen.packets for _, seen in a.streams()) == 3)
    here.world.submit(a.join, b)
    alice.send(a, packet(4))
    assert bob.bytes_heard() == [packet(4)]
    [seen] = here.streams(a)
    assert (seen.packets, seen.lost) == (4, 0)


def test_joined_anew_a_port_passes_on_to_its_new_partner(here: Site) -> None:
    alice, a, b, bob = here.bridge()
    carol = here.peer()
    c = here.port(carol)
    here.world.submit(a.join, c)
    alice.send(a, packet(1))
    assert carol.bytes_heard() == [packet(1)]
    bob.send(b, packet(1, ssrc=8))
    carol.send(c, packet(1, ssrc=9))
    assert alice.bytes_heard() == [packet(1, ssrc=9)]


def blocks(here: Site) -> dict[tuple[Address, Address], tuple[list[int], bytes, set[str]]]:
    """Return what the journal has of RTP: numbers and payloads by way, and whose calls."""
    found: dict[Any, Any] = {}
    for block in here.journal.rtp_blocks:
        numbers, payload, calls = found.setdefault((block.src, block.dst), ([], b"", set()))
        numbers += block.sequence.tolist()
        calls.add(block.call_id)
        found[block.src, block.dst] = (numbers, payload + (block.payload or b""), calls)
    return found


def test_the_journal_has_each_packet_where_it_came_and_where_it_left(here: Site) -> None:
    alice, a, b, bob = here.bridge()
    sent = [packet(k, payload=bytes([k]) * 160) for k in range(40)]
    alice.send(a, *sent)
    bob.hear(40)
    here.streams(a)
    for port in (a, b):
        here.world.submit(port.flush)
    payload = b"".join(data[12:] for data in sent)
    assert blocks(here) == {
        (alice.address, a.port.rtp_address): (list(range(40)), payload, {a.call_id}),
        (b.port.rtp_address, bob.address): (list(range(40)), payload, {b.call_id}),
    }


def test_times_in_the_journal_are_the_kernels_and_in_order(here: Site) -> None:
    alice, a, _, bob = here.bridge()
    alice.send(a, *(packet(k) for k in range(40)))
    bob.hear(40)
    here.streams(a)
    here.world.submit(a.flush)
    [arrived] = [block for block in here.journal.rtp_blocks if block.src == alice.address]
    assert (np.diff(arrived.time_s) >= 0).all()
    assert arrived.time_s[0] > 0
    assert arrived.time_s[-1] <= here.world.now


def test_ports_are_closed_while_packets_fly(here: Site) -> None:
    alice, a, b, bob = here.bridge()
    done = threading.Event()

    def flood() -> None:
        number = 0
        while not done.is_set():
            alice.send(a, packet(number))
            bob.send(b, packet(number, ssrc=8))
            number += 1

    talkers = threading.Thread(target=flood)
    talkers.start()
    try:
        bob.hear(50)
        here.world.submit(a.release)
        here.world.submit(b.release)
        [again] = [here.port(here.peer())]  # the ports are lent anew while its old peers still send
        assert here.streams(again) == []
    finally:
        done.set()
        talkers.join()


def test_when_a_network_closes_with_packets_under_way_no_descriptor_and_no_thread_stays(plane: str) -> None:
    with site() as warm_up:
        warm_up.bridge()
    before, threads = len(list(Path("/proc/self/fd").iterdir())), threading.active_count()
    with site() as here:
        alice, a, _, bob = here.bridge()
        here.world.submit(a.play, tone(440.0))
        alice.send(a, *(packet(k) for k in range(100)))
        assert isinstance(bob, Peer)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert threading.active_count() == threads
