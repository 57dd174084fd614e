from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxlab.media.errors import MediaError
from voxlab.media.rtp import HeaderExtension, RtpPacket, is_rtcp, pack, parse

extensions = st.builds(
    HeaderExtension, st.integers(0, 0xFFFF), st.binary(max_size=40).map(lambda data: data[: len(data) // 4 * 4])
)
packets = st.builds(
    RtpPacket,
    payload_type=st.integers(0, 127),
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFFFFFF),
    ssrc=st.integers(0, 0xFFFFFFFF),
    payload=st.binary(max_size=400),
    marker=st.booleans(),
    csrcs=st.lists(st.integers(0, 0xFFFFFFFF), max_size=15).map(tuple),
    extension=st.none() | extensions,
)


@given(packets)
def test_what_is_packed_is_read_back(packet: RtpPacket) -> None:
    assert parse(pack(packet)) == packet


def test_the_header_stands_as_rfc_3550_draws_it() -> None:
    wire = pack(RtpPacket(8, 0x1234, 0x01020304, 0xAABBCCDD, b"\xd5", marker=True))
    assert wire.hex() == "80" + "88" + "1234" + "01020304" + "aabbccdd" + "d5"


def test_the_header_of_rfc_3711_is_read() -> None:
    packet = parse(bytes.fromhex("806e5cba50681de55c621599") + b"pseudorandomness")
    assert packet == RtpPacket(110, 0x5CBA, 0x50681DE5, 0x5C621599, b"pseudorandomness")


@given(packets, st.integers(1, 255))
def test_padding_is_taken_off(packet: RtpPacket, size: int) -> None:
    wire = bytearray(pack(packet) + bytes(size - 1) + bytes([size]))
    wire[0] |= 0x20
    assert parse(bytes(wire)) == packet


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused_and_nothing_else(data: bytes) -> None:
    try:
        packet = parse(data)
    except MediaError:
        return
    assert data[0] >> 6 == 2
    assert len(packet.payload) <= len(data) - 12


@given(packets, st.data())
def test_a_packet_cut_anywhere_is_read_or_refused_and_nothing_else(packet: RtpPacket, data: st.DataObject) -> None:
    wire = bytearray(pack(packet))
    wire[0] ^= data.draw(st.integers(0, 255))
    cut = bytes(wire[: data.draw(st.integers(0, len(wire)))])
    try:
        read = parse(cut)
    except MediaError:
        return
    assert (read.sequence, read.timestamp, read.ssrc) == packet[1:4]


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        ("80", "at least 12 bytes"),
        ("40000000" + "00" * 8, "version 1"),
        ("82000000" + "00" * 8, "2 contributing sources"),
        ("90000000" + "00" * 8 + "bede", "cut off"),
        ("90000000" + "00" * 8 + "bede0002" + "00" * 4, "2 words"),
        ("a0000000" + "00" * 8, "padding of 0 bytes"),
        ("a0000000" + "00" * 8 + "05", "padding of 5 bytes"),
    ],
)
def test_a_refusal_names_what_is_wrong(wire: str, reason: str) -> None:
    with pytest.raises(MediaError, match=reason):
        parse(bytes.fromhex(wire))


@pytest.mark.parametrize(
    "packet",
    [
        RtpPacket(128, 0, 0, 0, b""),
        RtpPacket(0, 65536, 0, 0, b""),
        RtpPacket(0, 0, -1, 0, b""),
        RtpPacket(0, 0, 0, 0, b"", csrcs=(0,) * 16),
        RtpPacket(0, 0, 0, 0, b"", extension=HeaderExtension(0, b"abc")),
    ],
)
def test_a_field_out_of_range_is_refused_when_packing(packet: RtpPacket) -> None:
    with pytest.raises(ValueError, match="not"):
        pack(packet)


def test_rtcp_is_told_by_its_packet_type() -> None:
    assert is_rtcp(bytes([0x80, 200, 0, 6]))
    assert is_rtcp(bytes([0x81, 207, 0, 6]))
    assert not is_rtcp(bytes([0x80, 0x80 | 8, 0, 6]))
    assert not is_rtcp(b"\x80")
