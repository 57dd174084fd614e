"""Captures that others can read: the format itself, and what tshark makes of it."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path
from struct import unpack_from

import pytest

from tests.analysis.story import Story, answered
from voxlab.analysis.packets import Packets, internet_checksum
from voxlab.analysis.pcapng import write_pcapng
from voxlab.base.datagram import Address
from voxlab.base.records import LOST, RtcpRecord

HOST, PEER = Address("192.0.2.1", 5060), Address("192.0.2.2", 5060)


def capture(story: Story, *, media: bool = True) -> bytes:
    file = io.BytesIO()
    journal = story.journal
    rtcp = [note for note in journal.notes if isinstance(note, RtcpRecord)] if media else []
    write_pcapng(file, journal.messages(), journal.rtp_blocks if media else [], rtcp, names=journal.names)
    return file.getvalue()


def blocks(data: bytes) -> list[tuple[int, bytes]]:
    found, at = [], 0
    while at < len(data):
        kind, length = unpack_from("<II", data, at)
        assert length % 4 == 0
        assert unpack_from("<I", data, at + length - 4) == (length,)
        found.append((kind, data[at + 8 : at + length - 4]))
        at += length
    return found


def tshark(path: Path, *arguments: str) -> list[str]:
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed: apt-get install tshark")
    command = ["tshark", "-r", str(path), *arguments]
    run = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        env={"HOME": str(path.parent), "PATH": "/usr/bin:/bin:/usr/local/bin"},
    )
    return run.stdout.splitlines()


def test_blocks_are_framed_and_stamped_in_nanoseconds_of_2026() -> None:
    found = blocks(capture(answered(), media=False))
    assert [kind for kind, _ in found[:3]] == [0x0A0D0D0A, 1, 4]
    packets = [body for kind, body in found if kind == 6]
    assert len(packets) == 13
    _, high, low = unpack_from("<III", packets[1])
    assert (high << 32) + low == 1_767_225_600_001_000_000


def test_a_capture_is_the_same_every_time() -> None:
    assert capture(answered()) == capture(answered())


@pytest.mark.parametrize("peer", [PEER, Address("2001:db8::2", 5060)], ids=["IPv4", "IPv4-mapped"])
def test_checksums_of_a_datagram_add_up(peer: Address) -> None:
    packet = Packets().udp(HOST, peer, b"odd")
    if packet[0] >> 4 == 4:
        assert internet_checksum(packet[:20]) == 0
        pseudo = packet[12:20] + bytes([0, 17]) + packet[24:26]
        assert internet_checksum(pseudo + packet[20:]) == 0
    else:
        pseudo = packet[8:40] + bytes(2) + packet[44:46] + bytes([0, 0, 0, 17])
        assert internet_checksum(pseudo + packet[40:]) == 0


def test_the_checksum_of_rfc_1071_s_example() -> None:
    assert internet_checksum(bytes.fromhex("0001f203f4f5f6f7")) == ~0xDDF2 & 0xFFFF
    assert internet_checksum(bytes(4)) == 0xFFFF
    assert internet_checksum(b"\xff\xff") == 0


def test_segments_of_a_stream_join_up() -> None:
    packets = Packets()
    first, answer, second = (
        packets.tcp(HOST, PEER, b"12345"),
        packets.tcp(PEER, HOST, b"ab"),
        packets.tcp(HOST, PEER, b"6"),
    )
    assert unpack_from("!II", first, 24) == (1, 1)
    assert unpack_from("!II", answer, 24) == (1, 6)
    assert unpack_from("!II", second, 24) == (6, 3)


def test_a_host_known_by_name_gets_an_address_of_its_own() -> None:
    packets = Packets()
    data = [packets.udp(Address(name, 5060), HOST, b"x")[12:16] for name in ("one.test", "two.test", "one.test")]
    assert data[0] == data[2] == bytes([198, 18, 0, 1])
    assert data[1] == bytes([198, 18, 0, 2])


@pytest.mark.peers
@pytest.mark.parametrize("transport", ["UDP", "TCP", "TLS"])
def test_tshark_finds_every_message_with_its_number_and_no_fault(tmp_path: Path, transport: str) -> None:
    path = tmp_path / "call.pcapng"
    path.write_bytes(capture(answered(transport), media=False))
    checks = [f"-o{protocol}.check_checksum:TRUE" for protocol in ("ip", "udp", "tcp")]
    fields = ["frame.number", "frame.comment", "sip.Method", "sip.Status-Code"]
    lines = tshark(
        path,
        *checks,
        "-Y",
        "sip && !_ws.malformed && !_ws.expert.severity>=error",
        "-Tfields",
        *(f"-e{field}" for field in fields),
    )
    assert len(lines) == 13
    for number, line in enumerate(lines, 1):
        frame, comment, *_ = line.split("\t")
        assert frame == str(number)
        assert comment.split(",")[0] == f"message {number}"
    assert lines[0].split("\t")[2] == "INVITE"
    assert lines[5].split("\t")[3] == "200"


@pytest.mark.peers
def test_tshark_finds_sip_of_the_modelled_tls_on_its_own_port(tmp_path: Path) -> None:
    story = Story("TLS")
    secure = Address("192.0.2.1", 5061)
    story.say(0.0, Address("192.0.2.11", 40000), secure, "OPTIONS sip:192.0.2.1", cseq="1 OPTIONS")
    path = tmp_path / "tls.pcapng"
    path.write_bytes(capture(story))
    assert tshark(path, "-Y", "sip", "-Tfields", "-etcp.dstport", "-eframe.comment") == [
        "5060\tmessage 1, TLS, shown in the clear as TCP"
    ]


@pytest.mark.peers
def test_tshark_finds_the_rtp_by_itself_and_counts_what_we_count(tmp_path: Path) -> None:
    path = tmp_path / "media.pcapng"
    path.write_bytes(capture(answered()))
    streams = [line.split() for line in tshark(path, "-q", "-z", "rtp,streams") if "0x" in line]
    counted = {stream[6]: (stream[7], int(stream[8]), int(stream[9])) for stream in streams}
    assert counted == {
        "0x1A2B3C4D": ("g711U", 500, 0),
        "0x2A2B3C4D": ("g711U", 499, 0),
        "0x3A2B3C4D": ("g711U", 497, 3),
        "0x4A2B3C4D": ("g711U", 499, 0),
    }
    assert len(tshark(path, "-Y", "rtcp")) == 1


@pytest.mark.peers
def test_tshark_is_told_what_was_lost(tmp_path: Path) -> None:
    story = Story()
    story.say(0.0, HOST, PEER, "OPTIONS sip:192.0.2.2", cseq="1 OPTIONS", outcome=LOST)
    path = tmp_path / "lost.pcapng"
    path.write_bytes(capture(story))
    assert tshark(path, "-Tfields", "-eframe.comment") == ["message 1, lost on the way"]
