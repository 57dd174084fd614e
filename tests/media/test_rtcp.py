from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reference.capture import datagrams
from voxlab.kernels import stream_cells as cell
from voxlab.media.codecs import PCMU
from voxlab.media.errors import MediaError
from voxlab.media.rtcp import (
    LOST_MAX,
    LOST_MIN,
    Application,
    ExtendedReport,
    Goodbye,
    OtherRtcp,
    ReceiverReport,
    ReportBlock,
    SenderReport,
    SourceDescription,
    pack_compound,
    parse_compound,
)
from voxlab.media.rtcp_xr import OtherBlock, VoipMetrics
from voxlab.media.rtp import RtpPacket
from voxlab.media.stream import ReceivedStream

word = st.integers(0, 0xFFFFFFFF)
blocks = st.builds(ReportBlock, word, st.integers(0, 255), st.integers(-0x800000, 0x7FFFFF), word, word, word, word)
reports = st.lists(blocks, max_size=31).map(tuple)
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
chunks = st.tuples(word, st.lists(st.tuples(st.integers(1, 255), texts), max_size=3).map(tuple))
firsts = st.builds(SenderReport, word, st.integers(0, 2**64 - 1), word, word, word, reports) | st.builds(
    ReceiverReport, word, reports
)
octet, half = st.integers(0, 255), st.integers(0, 0xFFFF)
metrics = st.builds(
    VoipMetrics,
    *([word] + [octet] * 4 + [half] * 4 + [st.integers(-128, 127)] * 2 + [octet] * 7 + [half] * 3),
)
other_blocks = st.builds(
    OtherBlock, st.sampled_from([1, 4, 5, 6, 9]), octet, st.binary(max_size=4).map(lambda b: b * 4)
)
others = st.one_of(
    firsts,
    st.builds(SourceDescription, st.lists(chunks, max_size=4).map(tuple)),
    st.builds(Goodbye, st.lists(word, max_size=31).map(tuple), texts),
    st.builds(Application, st.integers(0, 31), word, st.text("abcz09", min_size=4, max_size=4), st.just(b"word" * 2)),
    st.builds(ExtendedReport, word, st.lists(metrics | other_blocks, max_size=3).map(tuple)),
    st.builds(
        OtherRtcp, st.sampled_from([205, 206, 208, 223]), st.integers(0, 31), st.binary(max_size=8).map(lambda b: b * 4)
    ),
)


@given(firsts, st.lists(others, max_size=3))
def test_what_is_packed_is_read_back(first: SenderReport | ReceiverReport, rest: list[object]) -> None:
    compound = (first, *rest)
    assert parse_compound(pack_compound(compound)) == compound  # type: ignore[arg-type]


def test_a_sender_report_stands_as_rfc_3550_draws_it() -> None:
    block = ReportBlock(2, 64, -1, 0x00010005, 7, 8, 9)
    wire = pack_compound([SenderReport(1, 0x0000000A0000000B, 12, 13, 14, (block,))])
    sender = "81c8000c" + "00000001" + "0000000a0000000b" + "0000000c" + "0000000d" + "0000000e"
    assert wire.hex() == sender + "00000002" + "40ffffff" + "00010005" + "00000007" + "00000008" + "00000009"


def test_a_canonical_name_ends_with_a_null_on_a_word_boundary() -> None:
    wire = pack_compound([ReceiverReport(1), SourceDescription.of(1, "a@b.cd")])
    assert wire[8:].hex() == "81ca0004" + "00000001" + "0106" + b"a@b.cd".hex() + "00000000"
    assert parse_compound(wire)[1].cname(1) == "a@b.cd"  # type: ignore[union-attr]


@given(st.binary(max_size=120))
def test_any_bytes_are_read_or_refused_and_nothing_else(data: bytes) -> None:
    try:
        read = parse_compound(data)
    except MediaError:
        return
    assert isinstance(read[0], SenderReport | ReceiverReport)


@given(firsts, st.lists(others, max_size=3), st.data())
def test_a_compound_with_a_changed_octet_is_read_or_refused_and_nothing_else(
    first: SenderReport | ReceiverReport, rest: list[object], data: st.DataObject
) -> None:
    wire = bytearray(pack_compound((first, *rest)))  # type: ignore[arg-type]
    wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    try:
        read = parse_compound(bytes(wire[: data.draw(st.integers(0, len(wire)))]))
    except MediaError:
        return
    assert isinstance(read[0], SenderReport | ReceiverReport)


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        ("", "begins with"),
        ("80ca000100000001", "begins with an SR or RR"),
        ("80c9000200000001", "runs past the end"),
        ("40c9000100000001", "version 1"),
        ("81c9000100000001", "should have 28"),
        ("80c900010000000180", "left over"),
        ("a0c900020000000100000004" + "80cb0000", "only the last"),
        ("80c9000100000001" + "81ca0001" + "00000001", "source description"),
    ],
)
def test_a_refusal_names_what_is_wrong(wire: str, reason: str) -> None:
    with pytest.raises(MediaError, match=reason):
        parse_compound(bytes.fromhex(wire))


def test_padding_of_the_last_packet_is_taken_off() -> None:
    wire = bytes.fromhex("80c9000100000001" + "a1cb0002" + "00000001" + "00000004")
    assert parse_compound(wire) == (ReceiverReport(1), Goodbye((1,)))


def test_a_compound_must_begin_with_a_report_and_fit_its_fields() -> None:
    with pytest.raises(ValueError, match="SR or RR"):
        pack_compound([Goodbye((1,))])
    with pytest.raises(ValueError, match="fit"):
        pack_compound([ReceiverReport(2**32)])
    with pytest.raises(ValueError, match="31"):
        pack_compound([ReceiverReport(1), Goodbye((1,) * 32)])


@pytest.mark.parametrize(("capture", "compounds"), [("ndpi-sip.pcap", 1), ("rtp-protocol.pcap", 2)])
def test_real_reports_are_read(shared: Path, capture: str, compounds: int) -> None:
    ports = {each.dst_port: 0 for each in datagrams(shared / "corpora/pcap" / capture)}
    read = [
        parse_compound(each.data)
        for each in datagrams(shared / "corpora/pcap" / capture)
        if each.dst_port - 1 in ports and each.data[1:2] == bytes([200])
    ]
    assert len(read) == compounds
    for first, description, *_ in read:
        assert isinstance(first, SenderReport)
        assert isinstance(description, SourceDescription)
        assert description.cname(first.ssrc)


def test_voip_metrics_stand_as_rfc_3611_draws_them() -> None:
    block = VoipMetrics(2, 3, 4, 5, 6, 7, 8, 9, 10, -15, -60, 55, 16, 93, 127, 41, 42, 0xA5, 60, 61, 62)
    wire = pack_compound([ReceiverReport(1), ExtendedReport(1, (block,))])[8:]
    lines = "07000008", "00000002", "03040506", "00070008", "0009000a", "f1c43710", "5d7f292a", "a500003c", "003d003e"
    assert wire.hex() == "80cf000a" + "00000001" + "".join(lines)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("07000008" + "00" * 28, "runs past the end"),
        ("07000001" + "00" * 4, "has 8 words"),
        ("0700", "whole words|cut off"),
    ],
)
def test_an_extended_report_that_does_not_add_up_is_refused(body: str, reason: str) -> None:
    data = bytes.fromhex("80c90001" + "00000001" + "80cf%04x" % (1 + (len(body) + 7) // 8) + "00000001" + body)
    with pytest.raises(MediaError, match=reason + "|runs past"):
        parse_compound(data)


def test_an_application_packet_needs_a_name_of_four_letters() -> None:
    with pytest.raises(ValueError, match="four ASCII characters, 'lab' has not"):
        pack_compound([ReceiverReport(1), Application(0, 1, "lab", b"")])


def received(*numbers: int) -> ReceivedStream:
    """Return a stream of which packets of these numbers came."""
    stream = ReceivedStream(7, PCMU)
    for at, number in enumerate(numbers):
        packet = RtpPacket(0, number & 0xFFFF, 160 * number & 0xFFFFFFFF, 7, bytes(160))
        stream.receive(packet, PCMU, at * 20_000_000)
    return stream


def test_more_losses_than_24_bits_hold_are_clamped_and_not_wrapped_around() -> None:
    stream = received(*range(0, 2999 * 2900, 2999))  # 2,900 packets, each the last that is no restart (A.1)
    report = stream.report(60_000_000_000)
    assert report.cumulative_lost == LOST_MAX == 0x7FFFFF
    assert report.highest_sequence == 2999 * 2899
    assert parse_compound(pack_compound([ReceiverReport(1, (report,))])) == (ReceiverReport(1, (report,)),)


def test_more_doubles_than_24_bits_hold_are_clamped_too() -> None:
    stream = received(1, 2, 3)
    stream._state.counters[cell.SEGMENT_RECEIVED] = 2**23 + 10  # as after days of doubles
    assert stream.report(60_000_000).cumulative_lost == LOST_MIN == -0x800000


@pytest.mark.parametrize("lost", [LOST_MAX + 1, LOST_MIN - 1])
def test_a_count_of_losses_that_would_wrap_around_is_refused(lost: int) -> None:
    with pytest.raises(ValueError, match="-8,388,608 to 8,388,607, not"):
        pack_compound([ReceiverReport(1, (ReportBlock(7, 0, lost, 0, 0, 0, 0),))])
