from __future__ import annotations

import numpy as np

from tests.media.wire import session
from voxlab.base.datagram import Address
from voxlab.media import sources
from voxlab.media.plane import Arrivals, Latch, Relay, Side
from voxlab.media.rtcp import ReceiverReport, pack_compound
from voxlab.media.rtp import RtpPacket, pack
from voxlab.media.rtp_session import TransmitBatch

ALICE, BOB, MALLORY = Address("192.0.2.1", 4000), Address("192.0.2.2", 5000), Address("203.0.113.9", 666)


def packet(number: int, ssrc: int = 0xA) -> bytes:
    return pack(RtpPacket(0, number, number * 160, ssrc, bytes(160)))


def relay() -> Relay[Address]:
    return Relay(Side(Latch(ALICE)), Side(Latch(BOB)))


def test_packets_pass_unchanged_and_are_counted_both_ways() -> None:
    between = relay()
    for i in range(10):
        forward = between.receive("a", ALICE, packet(i), i * 0.02)
        assert forward is not None
        assert (forward.way, forward.destination, forward.data) == ("b", BOB, packet(i))
    back = between.receive("b", BOB, packet(7, 0xB), 0.3)
    assert back is not None
    assert (back.way, back.destination) == ("a", ALICE)
    (from_alice,) = between.a.receiver.statistics()
    (from_bob,) = between.b.receiver.statistics()
    assert (from_alice.ssrc, from_alice.packets, from_alice.lost) == (0xA, 10, 0)
    assert (from_bob.ssrc, from_bob.packets) == (0xB, 1)


def test_a_stranger_is_counted_and_dropped() -> None:
    between = relay()
    assert between.receive("a", MALLORY, packet(1), 0.0) is None
    assert between.a.strangers == 1
    assert between.a.receiver.statistics() == []
    assert between.receive("a", ALICE, packet(1), 0.0) is not None


def test_a_symmetric_latch_takes_the_first_source_and_keeps_it() -> None:
    latch = Latch(ALICE, symmetric=True)
    mapped = Address("198.51.100.1", 31337)
    assert latch.admits(mapped, 0.5)
    assert latch.source == mapped
    assert not latch.admits(ALICE, 0.6)
    assert not latch.admits(MALLORY, 0.7, packets=50)
    assert latch.strangers == 51


def test_a_latch_is_bounded_in_time_and_address() -> None:
    late = Latch(ALICE, symmetric=True, until_s=5.0)
    assert not late.admits(MALLORY, 5.1)
    assert late.admits(ALICE, 6.0)
    near = Latch(ALICE, symmetric=True, allowed=lambda source: source.host.startswith("192.0.2."))
    assert not near.admits(MALLORY, 0.0)
    assert near.admits(Address("192.0.2.77", 9), 0.1)


def test_a_new_offer_opens_the_latch_again() -> None:
    latch = Latch(ALICE)
    latch.expect(BOB)
    assert latch.admits(BOB, 1.0)
    assert not latch.admits(ALICE, 1.0)


def test_without_a_destination_nothing_leaves() -> None:
    between: Relay[Address] = Relay(Side(Latch(ALICE)), Side(Latch(symmetric=True)))
    assert between.receive("a", ALICE, packet(1), 0.0) is None
    assert between.a.no_destination == 1
    assert between.receive("b", BOB, packet(1), 0.1) is not None
    assert between.receive("a", ALICE, packet(2), 0.2) is not None, "latched: now we know where"


def test_rtcp_passes_between_its_own_ports() -> None:
    control = Address(ALICE.host, ALICE.port + 1), Address(BOB.host, BOB.port + 1)
    between = Relay(Side(Latch(ALICE), Latch(control[0])), Side(Latch(BOB), Latch(control[1])))
    report = pack_compound([ReceiverReport(1)])
    forward = between.receive("a", control[0], report, 0.0)
    assert forward is not None
    assert forward.destination == control[1]
    assert between.a.rtcp_packets == 1
    assert between.receive("a", ALICE, report, 0.0) is None


def test_what_is_no_media_is_dropped_and_a_payload_type_not_agreed_on_passes() -> None:
    between = relay()
    assert between.receive("a", ALICE, b"GET / HTTP/1.0", 0.0) is None
    assert between.receive("a", ALICE, b"", 0.0) is None
    assert between.a.receiver.refused.malformed == 2
    assert between.receive("a", ALICE, pack(RtpPacket(96, 1, 1, 1, b"video")), 0.0) is not None


def test_a_batch_is_relayed_and_counted_as_its_packets_are() -> None:
    talker = session(1, batch_s=1.0)
    talker.play(sources.tone(440), 0.0)
    talker.handle_timeout(2.0)
    (batch,) = (each.batch for each in talker.poll() if isinstance(each, TransmitBatch))
    in_batch, one_by_one = relay(), relay()
    forwarded = in_batch.forward("a", ALICE, batch, 2.0)
    assert forwarded is not None
    assert forwarded[0] is batch
    assert forwarded[1] == BOB
    for row in range(batch.packets):
        one_by_one.receive("a", ALICE, pack(batch.packet(row)), int(batch.time_ns[row]) / 1e9)
    assert in_batch.a.receiver.statistics() == one_by_one.a.receiver.statistics()
    assert in_batch.a.packets == one_by_one.a.packets == 101
    assert in_batch.forward("a", MALLORY, batch, 2.0) is None
    assert in_batch.a.strangers == 101


def test_a_burst_as_arrays_leaves_as_its_datagrams_would() -> None:
    alice, bob, mallory = 1, 2, 3
    rows = [
        (0, alice, packet(1)),
        (1, bob, packet(1, 0xB)),
        (0, mallory, packet(2)),
        (0, alice, b"x"),
        (0, alice, packet(2)),
    ]
    data = np.zeros((len(rows), 200), dtype=np.uint8)
    for row, (_, _, datagram) in enumerate(rows):
        data[row, : len(datagram)] = np.frombuffer(datagram, dtype=np.uint8)
    between: Relay[int] = Relay(Side(Latch(alice)), Side(Latch(bob)))
    departures = between.step(
        Arrivals(
            side=np.array([row[0] for row in rows], dtype=np.uint8),
            source=np.array([row[1] for row in rows]),
            time_ns=np.arange(len(rows)) * 1_000_000,
            size=np.array([len(row[2]) for row in rows]),
            data=data,
        ),
        now=0.01,
    )
    assert departures.row.tolist() == [0, 1, 4]
    assert departures.side.tolist() == [1, 0, 1]
    assert departures.destination.tolist() == [bob, alice, bob]
    assert between.a.receiver.statistics()[0].max_delta_ms == 4.0
