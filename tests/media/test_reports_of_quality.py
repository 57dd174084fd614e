"""What two participants tell one another beyond SR and RR: VoIP metrics, APP, another SSRC after a collision."""

from __future__ import annotations

import pytest

from tests.media.wire import Wire, session
from voxlab.media import sources
from voxlab.media.rtcp import Goodbye, parse_compound
from voxlab.media.rtcp_xr import UNKNOWN, VoipMetrics
from voxlab.media.rtp import RtpPacket, pack, parse
from voxlab.media.rtp_events import ApplicationArrived, MetricsArrived, SsrcChanged, TransmitRtcp, TransmitRtp


def test_both_ends_tell_how_they_hear_the_other() -> None:
    a, b = session(1, xr=True), session(2, xr=True)
    wire = Wire(a, b, delay_s=0.05)
    for each in (a, b):
        each.play(sources.tone(440), 0.0)
    wire.run(16.0)  # the third report is the first that knows the round trip
    for one, other in ((a, b), (b, a)):
        told = [each.metrics for each in wire.events[one] if isinstance(each, MetricsArrived)]
        assert told[-1] == one.remote_metrics
        assert told[-1].ssrc == one.ssrc
        assert (told[-1].loss_rate, told[-1].discard_rate, told[-1].burst_ms, told[-1].gmin) == (0, 0, 0, 16)
        assert told[-1].round_trip_ms == pytest.approx(round((other.round_trip_s or 0) * 1000), abs=1)
        assert told[-1].round_trip_ms == pytest.approx(100, abs=1)
        assert (told[-1].mos_lq, told[-1].signal_dbm0) == (44, UNKNOWN)
        assert told[-1].r < 93, "the delay of the path counts in conversation"


def test_losses_in_bursts_are_told_apart_from_lone_ones() -> None:
    b = session(2, xr=True)
    b.start(0.0)
    for number in range(200):
        if number % 50 == 30 or 100 <= number < 104:
            continue
        b.receive(pack(RtpPacket(0, number, number * 160, 1, bytes(160))), number * 0.02)
    b.handle_timeout(5.0)
    (data,) = [each.data for each in b.poll() if isinstance(each, TransmitRtcp)]
    (block,) = parse_compound(data)[2].blocks  # type: ignore[union-attr]
    assert isinstance(block, VoipMetrics)
    assert (block.burst_density, block.burst_ms) == (255, 80)
    assert block.gap_density == int(4 / 196 * 256)
    assert block.loss_rate == int(8 / 200 * 256)


def test_nobody_is_told_who_did_not_ask() -> None:
    b = session(2)
    b.start(0.0)
    b.receive(pack(RtpPacket(0, 1, 1, 1, bytes(160))), 0.0)
    b.handle_timeout(5.0)
    (data,) = [each.data for each in b.poll() if isinstance(each, TransmitRtcp)]
    assert len(parse_compound(data)) == 2


def test_an_application_packet_arrives_as_it_was_sent() -> None:
    a, b = session(1), session(2)
    a.send_application("vxlb", b"datadata", 1.0, subtype=3)
    (sent,) = a.poll()
    assert isinstance(sent, TransmitRtcp)
    b.receive(sent.data, 1.1)
    (event,) = b.poll()
    assert isinstance(event, ApplicationArrived)
    assert event.packet == (3, 1, "vxlb", b"datadata")


def test_a_participant_whose_ssrc_is_taken_says_goodbye_and_goes_on_under_another() -> None:
    a = session(7, spare_ssrc=8)
    a.play(sources.tone(440), 0.0)
    a.handle_timeout(0.1)
    before = [each.data for each in a.poll() if isinstance(each, TransmitRtp)]
    a.receive(pack(RtpPacket(0, 1, 1, 7, bytes(160))), 0.11)
    a.handle_timeout(0.2)
    outputs = a.poll()
    (goodbye,) = [each.data for each in outputs if isinstance(each, TransmitRtcp)]
    assert Goodbye((7,), "SSRC collision") in parse_compound(goodbye)
    (changed,) = [each for each in outputs if isinstance(each, SsrcChanged)]
    assert (changed.before, changed.after, a.ssrc) == (7, 8, 8)
    after = [parse(each.data) for each in outputs if isinstance(each, TransmitRtp)]
    assert {each.ssrc for each in after} == {8}
    assert after[0].marker
    assert after[0].sequence == (parse(before[-1]).sequence + 1) & 0xFFFF
    assert {each.ssrc for each in a.statistics()} == {7}, "the other one is heard"
    a.receive(pack(RtpPacket(0, 1, 1, 8, bytes(160))), 0.3)
    assert (a.ssrc, a.refused.own_ssrc) == (8, 1), "a second time it is a loop"
