from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.media.wire import Wire, session
from voxlab.media import sources
from voxlab.media.codecs import PCMA, PCMU
from voxlab.media.quality import of_stream
from voxlab.media.rtcp import Goodbye, ReceiverReport, SenderReport, SourceDescription, parse_compound
from voxlab.media.rtp import RtpPacket, pack, parse
from voxlab.media.rtp_session import (
    ReportArrived,
    RtpSession,
    SourceFinished,
    StreamEnded,
    StreamStarted,
    TransmitBatch,
    TransmitRtcp,
    TransmitRtp,
)
from voxlab.media.sinks import tone_level_dbfs

Pair = Callable[..., tuple[RtpSession, RtpSession]]


def play_both(a: RtpSession, b: RtpSession, *, until: float, delay_s: float = 0.03) -> Wire:
    """Let both speak and hang up at ``until``, then let the wire run empty."""
    wire = Wire(a, b, delay_s)
    a.play(sources.tone(440), 0.0)
    b.play(sources.tone(1000, level_dbfs=-20), 0.0)
    wire.run(until - 0.001)
    a.stop(until, "hung up")
    b.stop(until)
    wire.drain(until)
    wire.run(until + 1)
    return wire


@pytest.mark.parametrize("batch_s", [None, 1.0, 0.3])
def test_each_side_hears_the_other_clean_and_on_time(pair: Pair, batch_s: float | None) -> None:
    a, b = pair(batch_s=batch_s)
    play_both(a, b, until=10.0)
    for one, hertz, level in ((a, 1000, -20), (b, 440, -13)):
        (stream,) = one.statistics()
        assert (stream.packets, stream.expected, stream.lost) == (500, 500, 0)
        assert (stream.first_s, stream.last_s) == (0.03, 10.01)
        assert (stream.max_delta_ms, stream.mean_jitter_ms, stream.max_jitter_ms) == (20.0, 0.0, 0.0)
        assert len(one.heard()) == 80_000
        assert tone_level_dbfs(one.heard(), hertz) == pytest.approx(level, abs=0.1)
        assert round(of_stream(stream).mos, 2) == 4.41


def test_packets_are_twenty_milliseconds_apart_with_the_marker_on_the_first(pair: Pair) -> None:
    a, b = pair()
    wire = play_both(a, b, until=0.1)
    packets = [parse(each.data) for each in wire.sent[a] if isinstance(each, TransmitRtp)]
    assert [each.marker for each in packets] == [True, False, False, False, False]
    assert [each.sequence for each in packets] == [65530 + i for i in range(5)]
    assert [each.timestamp for each in packets] == [(2**32 - 500 + 160 * i) % 2**32 for i in range(5)]
    assert {(each.payload_type, each.ssrc, len(each.payload)) for each in packets} == {(0, 0xA11CE, 160)}


def test_reports_go_out_every_five_seconds_and_a_goodbye_at_the_end(pair: Pair) -> None:
    a, b = pair()
    wire = play_both(a, b, until=11.0)
    compounds = [parse_compound(each.data) for each in wire.sent[a] if isinstance(each, TransmitRtcp)]
    kinds = [[type(part) for part in each] for each in compounds]
    assert kinds == [[SenderReport, SourceDescription]] * 2 + [[SenderReport, SourceDescription, Goodbye]]
    first = compounds[0][0]
    assert isinstance(first, SenderReport)
    assert (first.packets, first.octets) == (251, 251 * 160)
    assert first.ntp >> 32 == 1_767_225_600 + 2_208_988_800 + 5
    assert first.rtp_timestamp == (2**32 - 500 + 5 * 8000) % 2**32
    assert compounds[0][1].cname(0xA11CE) == "a11ce@192.0.2.1"  # type: ignore[union-attr]
    assert first.reports[0].ssrc == 0xB0B
    assert first.reports[0].cumulative_lost == first.reports[0].fraction_lost == first.reports[0].jitter == 0
    assert StreamEnded(11.03, 0xA11CE, "hung up") in wire.events[b]


def test_the_round_trip_is_measured_from_reports(pair: Pair) -> None:
    a, b = pair(rtcp_interval_s=1.0)
    wire = play_both(a, b, until=5.0, delay_s=0.08)
    assert a.round_trip_s == pytest.approx(0.16, abs=1e-4)
    reports = [each for each in wire.events[a] if isinstance(each, ReportArrived)]
    assert reports[0].round_trip_s is None, "nobody has answered a report of ours yet"
    assert {each.reporter for each in reports} == {0xB0B}


@pytest.mark.parametrize("batch_s", [None, 1.0])
def test_a_source_says_when_it_is_finished_and_silence_follows(pair: Pair, batch_s: float | None) -> None:
    a, b = pair(batch_s=batch_s)
    wire = Wire(a, b)
    a.play(sources.from_samples(np.full(5000, 1000)), 0.0)
    wire.run(2.0)
    assert [each for each in wire.events[a] if isinstance(each, SourceFinished)] == [SourceFinished(0.64)]
    heard = b.heard()
    assert abs(int(heard[4999]) - 1000) < 32
    assert not heard[5000:].any()
    assert len(heard) > 10_000


@pytest.mark.parametrize("batch_s", [None, 1.0])
def test_a_new_source_replaces_the_old_without_a_seam(pair: Pair, batch_s: float | None) -> None:
    a, b = pair(batch_s=batch_s)
    wire = Wire(a, b)
    a.play(sources.tone(440), 0.0)
    wire.run(1.005)
    a.play(sources.tone(1000), 1.005)
    wire.run(3.0)
    (stream,) = b.statistics()
    assert (stream.lost, stream.max_jitter_ms, stream.max_delta_ms) == (0, 0.0, 20.0)
    heard = b.heard()
    assert tone_level_dbfs(heard[:8160], 440) == pytest.approx(-13, abs=0.1)
    assert tone_level_dbfs(heard[8160:16000], 1000) == pytest.approx(-13, abs=0.1)


@pytest.mark.parametrize("batch_s", [None, 1.0])
def test_a_pause_moves_the_timestamp_and_not_the_sequence(pair: Pair, batch_s: float | None) -> None:
    a, b = pair(batch_s=batch_s)
    wire = Wire(a, b)
    a.play(sources.tone(440), 0.0)
    wire.run(0.999)
    a.pause(1.0)
    wire.run(4.0)
    a.play(sources.tone(440), 4.0)
    wire.run(4.99)
    a.stop(5.0)
    wire.drain(5.0)
    wire.run(6.0)
    (stream,) = b.statistics()
    assert (stream.packets, stream.lost, stream.max_jitter_ms, stream.max_delta_ms) == (100, 0, 0.0, 3020.0)
    assert not b.heard()[8160:32_000].any()


def test_a_talker_held_up_skips_what_nobody_would_play(pair: Pair) -> None:
    a, _ = pair()
    a.play(sources.tone(440), 0.0)
    a.handle_timeout(0.0)
    a.poll()
    a.handle_timeout(2.0)
    late = [parse(each.data) for each in a.poll() if isinstance(each, TransmitRtp)]
    assert len(late) == 25
    assert late[0].marker
    assert late[0].sequence == 65531
    assert late[-1].timestamp == (2**32 - 500 + 100 * 160) % 2**32, "the clock goes on"


def test_frames_of_the_caller_ride_on_the_same_clock() -> None:
    a = session(1)
    for at in (0.0, 0.0213, 0.0391, 0.5):
        a.send_frame(bytes(160), at)
    a.send_frame(b"\x0b\x8a\x03\x20", 0.52, payload_type=101)
    sent = [parse(each.data) for each in a.poll() if isinstance(each, TransmitRtp)]
    assert [(each.timestamp + 500) % 2**32 // 160 for each in sent] == [0, 1, 2, 25, 26]
    assert [each.payload_type for each in sent] == [0, 0, 0, 0, 101]
    assert a.sent_packets == 5
    assert a.sent_octets == 644


def test_nothing_is_due_before_a_session_starts_nor_after_it_stopped() -> None:
    a = session(1)
    assert a.next_timeout() is None
    a.start(2.0)
    assert a.next_timeout() == 7.0
    a.handle_timeout(7.0)
    (report,) = a.poll()
    assert isinstance(report, TransmitRtcp)
    assert isinstance(parse_compound(report.data)[0], ReceiverReport), "nothing was sent: no sender report"
    assert a.next_timeout() == 12.0
    a.stop(8.0)
    assert a.next_timeout() is None


def test_timers_missed_by_a_stalled_host_are_not_made_up_for() -> None:
    a = session(1)
    a.start(0.0)
    a.handle_timeout(23.0)
    assert len(a.poll()) == 1
    assert a.next_timeout() == 25.0


def test_loss_reaches_the_sender_in_reports(pair: Pair) -> None:
    a, b = pair()
    b.start(0.0)
    for i in range(200):
        if i % 4:
            b.receive(pack(RtpPacket(0, i, i * 160, 0xA11CE, bytes(160))), i * 0.02)
    b.handle_timeout(5.0)
    (report,) = (each for each in b.poll() if isinstance(each, TransmitRtcp))
    a.receive(report.data, 5.0)
    assert a.remote_report is not None
    assert a.remote_report.cumulative_lost == 49, "the first packet lost cannot be known"
    assert a.remote_report.fraction_lost == 49 * 256 // 199


def test_a_second_stream_is_heard_where_it_arrived() -> None:
    b = session(2, record_s=60.0)
    loud = PCMU.encode(np.full(160, 8000, dtype=np.int16)).tobytes()
    b.receive(pack(RtpPacket(0, 1, 1000, 0xA, loud)), 1.0)
    b.receive(pack(RtpPacket(8, 9, 77, 0xB, PCMA.encode(np.full(160, -8000, dtype=np.int16)).tobytes())), 2.0)
    assert [type(each) for each in b.poll()] == [StreamStarted, StreamStarted]
    heard = b.heard()
    assert len(heard) == 8160
    assert heard[0] > 7000
    assert heard[8000] < -7000
    assert not heard[160:8000].any()
    assert [each.codec for each in b.statistics()] == ["PCMU", "PCMA"]


def test_telephone_events_count_but_are_neither_heard_nor_jitter() -> None:
    b = session(2, record_s=60.0)
    for i in range(10):
        b.receive(pack(RtpPacket(0, i, i * 160, 0xA, bytes(160))), i * 0.02)
    for i in range(10, 20):
        b.receive(pack(RtpPacket(101, i, 1600, 0xA, b"\x05\x0a\x00\xa0")), i * 0.02)
    (stream,) = b.statistics()
    assert (stream.packets, stream.lost, stream.codec, stream.max_jitter_ms) == (20, 0, "PCMU", 0.0)
    assert len(b.heard()) == 1600


def test_a_payload_type_not_agreed_on_is_no_loss_of_its_stream_and_not_heard() -> None:
    b = session(2, record_s=60.0)
    for i in range(20):
        b.receive(pack(RtpPacket(96 if i % 5 == 4 else 0, i, i * 160, 0xA, bytes(160))), i * 0.02)
    (stream,) = b.statistics()
    assert (stream.packets, stream.lost, stream.codec, stream.max_jitter_ms) == (20, 0, "PCMU", 0.0)
    assert b.refused.unknown_format == 4
    assert not b.heard()[4 * 160 : 5 * 160].any()


def test_a_round_trip_shorter_than_its_rounding_is_zero(pair: Pair) -> None:
    a, b = pair(rtcp_interval_s=0.0371)
    play_both(a, b, until=1.0, delay_s=0.0)
    assert a.round_trip_s == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize(
    ("packet", "counted"),
    [
        (b"", "malformed"),
        (b"\x80\xc8\x00", "malformed"),
        (pack(RtpPacket(96, 0, 0, 5, b"x")), "unknown_format"),
        (pack(RtpPacket(0, 0, 0, 2, b"x")), "own_ssrc"),
    ],
)
def test_what_cannot_be_used_is_counted_and_dropped(packet: bytes, counted: str) -> None:
    b = session(2, record_s=1.0)
    b.receive(packet, 0.0)
    assert getattr(b.refused, counted) == 1
    assert b.statistics() == []
    assert b.poll() == []


def test_one_more_source_than_a_session_takes_is_counted_and_dropped() -> None:
    b = session(2)
    for ssrc in range(100, 110):
        b.receive(pack(RtpPacket(0, 0, 0, ssrc, b"x")), 0.0)
    assert len(b.statistics()) == 8
    assert b.refused.surplus_stream == 2


@settings(max_examples=200)
@given(st.lists(st.one_of(st.binary(max_size=80), st.binary(max_size=80).map(lambda d: b"\x80\xc8" + d)), max_size=20))
def test_random_bytes_never_raise_and_the_next_good_packet_is_taken(datagrams: list[bytes]) -> None:
    b = session(2, record_s=1.0)
    b.play(sources.silence(), 0.0)
    for i, data in enumerate(datagrams):
        b.receive(data, i * 0.01)
        b.handle_timeout(i * 0.01)
    b.receive(pack(RtpPacket(0, 1, 2, 0xC0FFEE, bytes(160))), 1.0)
    b.handle_timeout(6.0)
    b.stop(6.1)
    assert any(each.ssrc == 0xC0FFEE for each in b.statistics()) or b.refused.surplus_stream
    for output in b.poll():
        if isinstance(output, TransmitRtcp):
            assert parse_compound(output.data)
    assert len(b.heard()) < 30_000


@settings(max_examples=60)
@given(st.data())
def test_mutated_good_packets_never_raise(data: st.DataObject) -> None:
    a, b = session(1), session(2)
    a.play(sources.tone(440), 0.0)
    a.handle_timeout(5.0)
    for output in a.poll():
        assert isinstance(output, TransmitRtp | TransmitRtcp)
        wire = bytearray(output.data)
        for _ in range(data.draw(st.integers(0, 3))):
            wire[data.draw(st.integers(0, min(40, len(wire) - 1)))] = data.draw(st.integers(0, 255))
        b.receive(bytes(wire), 5.0)
    b.start(5.0)
    b.stop(6.0)
    assert isinstance(parse_compound(next(e.data for e in b.poll() if isinstance(e, TransmitRtcp)))[0], ReceiverReport)


def test_batches_come_with_the_first_packet_at_once_and_then_by_the_tick() -> None:
    a = session(1, batch_s=1.0)
    a.play(sources.tone(440), 0.0)
    ticks = []
    while (due := a.next_timeout()) is not None and due < 3.5:
        a.handle_timeout(due)
        ticks += [(due, each.batch.packets) for each in a.poll() if isinstance(each, TransmitBatch)]
    assert ticks == [(0.0, 1), (1.015, 50), (2.015, 50), (3.015, 50)]
