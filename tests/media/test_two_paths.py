"""Packet by packet or in batches, ticks of any length: the same packets, the same statistics, the same sound."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.media.wire import session
from voxlab.base.datagram import Address
from voxlab.media import sources
from voxlab.media.batch import PacketBatch
from voxlab.media.errors import MediaError
from voxlab.media.rtp import pack, parse
from voxlab.media.rtp_session import RtpSession, TransmitBatch, TransmitRtp

SOURCES = [sources.tone(440), sources.dual_tone(350, 440), sources.speech("hello"), sources.silence()]


def batches_of(talker: RtpSession, ticks: list[float]) -> list[PacketBatch]:
    for tick in ticks:
        talker.handle_timeout(tick)
    return [each.batch for each in talker.poll() if isinstance(each, TransmitBatch)]


def joined(batches: list[PacketBatch]) -> PacketBatch:
    first = batches[0]
    return PacketBatch(
        first.ssrc, first.payload_type, *(np.concatenate(column) for column in list(zip(*batches, strict=True))[2:])
    )


def talking(source: sources.Source, **options: object) -> RtpSession:
    talker = session(1, **options)
    talker.play(source, 0.0)
    return talker


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(SOURCES), st.lists(st.integers(0, 1300), min_size=1, max_size=8))
def test_ticks_of_any_length_give_the_packets_of_a_live_session(source: sources.Source, steps_ms: list[int]) -> None:
    ticks = [int(at_ms) / 1000 for at_ms in np.cumsum(steps_ms)]  # a sum of floats would miss a deadline by a hair
    batch = joined(batches_of(talking(source, batch_s=1.0), ticks))
    live = talking(source)
    while (due := live.next_timeout()) is not None and due <= ticks[-1]:
        live.handle_timeout(due)
    packets = [each.data for each in live.poll() if isinstance(each, TransmitRtp)]
    assert [row.tobytes() for row in batch.wire()] == packets
    assert [pack(batch.packet(row)) for row in range(batch.packets)] == packets


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_receiving_in_batches_gives_the_same_as_one_by_one(data: st.DataObject) -> None:
    sent = joined(batches_of(talking(sources.speech("hello"), batch_s=1.0), [data.draw(st.floats(0.0, 3.0))]))
    rows = np.array(data.draw(st.lists(st.integers(0, sent.packets - 1), max_size=120)) or [0])
    if data.draw(st.booleans()):
        rows = np.sort(rows)
    delays = data.draw(st.lists(st.integers(0, 3_000_000_000), min_size=len(rows), max_size=len(rows)))
    arrived = sent.take(rows, sent.time_ns[rows] + np.array(delays))
    one_by_one, whole, parts = (session(2, record_s=5.0) for _ in range(3))
    for row in range(arrived.packets):
        one_by_one.receive(pack(arrived.packet(row)), int(arrived.time_ns[row]) / 1e9)
    whole.receive_batch(arrived)
    cut = int(arrived.time_ns[data.draw(st.integers(0, arrived.packets - 1))])
    for part in arrived.split(cut):
        parts.receive_batch(part)
    for other in (whole, parts):
        assert other.statistics() == one_by_one.statistics()
        np.testing.assert_array_equal(other.heard(), one_by_one.heard())


def test_a_batch_becomes_a_journal_block_with_its_columns() -> None:
    (batch,) = batches_of(talking(sources.tone(440), batch_s=1.0), [0.5])
    src, dst = Address("192.0.2.1", 4000), Address("192.0.2.2", 4002)
    block = batch.block(src, dst, call_id="x", payload=True)
    assert (block.src, block.dst, block.ssrc, block.call_id, len(block)) == (src, dst, 1, "x", 26)
    assert block.time_s.tolist() == [round(i * 0.02, 9) for i in range(26)]
    assert block.payload_type.tolist() == [0x80] + [0] * 25
    assert block.size_bytes.tolist() == [160] * 26
    assert block.payload == batch.payload.tobytes()
    assert [each.dtype.name for each in (block.sequence, block.timestamp, block.outcome)] == [
        "uint16",
        "uint32",
        "uint8",
    ]
    assert batch.block(src, dst).payload is None


def test_rows_can_be_lost_delayed_swapped_and_doubled() -> None:
    (batch,) = batches_of(talking(sources.tone(440), batch_s=1.0), [0.2])
    kept = batch.take(np.arange(11) != 3)
    assert kept.packets == 10
    doubled = batch.take(np.array([0, 1, 1, 2]), np.array([0, 50, 10, 20]))
    assert doubled.sequence.tolist() == [65530, 65531, 65532, 65531]
    assert doubled.time_ns.tolist() == [0, 10, 20, 50]
    assert parse(batch.wire()[0].tobytes()).marker
    assert batch.delayed(0.05).time_ns[0] == 50_000_000


def test_a_batch_is_read_back_from_its_wire_form() -> None:
    (batch,) = batches_of(talking(sources.speech("hello"), batch_s=1.0), [0.5])
    again = PacketBatch.from_wire(batch.time_ns, batch.wire())
    assert again[:2] == batch[:2]
    for ours, theirs in zip(again[2:7], batch[2:7], strict=True):
        assert ours.dtype == theirs.dtype  # type: ignore[union-attr]
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(("row", "column", "octet"), [(1, 0, 0x90), (2, 1, 8), (3, 11, 99)])
def test_packets_of_two_kinds_are_no_batch(row: int, column: int, octet: int) -> None:
    (batch,) = batches_of(talking(sources.tone(440), batch_s=1.0), [0.5])
    wire = batch.wire()
    wire[row, column] = octet
    with pytest.raises(MediaError, match="one SSRC and payload type"):
        PacketBatch.from_wire(batch.time_ns, wire)
    with pytest.raises(MediaError, match="no RTP packets"):
        PacketBatch.from_wire(batch.time_ns, wire[:, :8])
