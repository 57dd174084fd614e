"""tshark reads our RTCP: extended reports with VoIP metrics field by field (RFC 3611), and counts that are negative."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from voxlab import Lab
from voxlab.analysis.pcapng import write_pcapng
from voxlab.base.datagram import Address
from voxlab.base.records import RtcpRecord
from voxlab.media import rtcp
from voxlab.media.rtcp_xr import OtherBlock, VoipMetrics
from voxlab.net.impairment import Impairment

from .harness.process import missing

pytestmark = [pytest.mark.peers, pytest.mark.skipif(missing("tshark") is not None, reason=str(missing("tshark")))]
FIELDS = {
    "burst_density": "burstdensity", "gap_density": "gapdensity", "burst_ms": "burstduration", "gap_ms": "gapduration",
    "round_trip_ms": "rtdelay", "end_system_delay_ms": "esdelay", "rerl_db": "rerl", "gmin": "gmin", "r": "rfactor",
    "jb_nominal_ms": "jbnominal", "jb_maximum_ms": "jbmax", "jb_absolute_ms": "jbabsmax", "signal_dbm0": "signallevel",
    "noise_dbm0": "noiselevel", "mos_lq": "moslq", "mos_cq": "moscq",
}  # fmt: skip
"""Ours, and what tshark calls them behind rtcp.xr.voipmetrics; it shows a MOS divided by ten."""


def read(capture: Path, names: Sequence[str], only: str) -> list[list[str]]:
    """Return fields of each packet that a filter lets through."""
    command = ["tshark", "-n", "-r", str(capture), "-d", "udp.port==5001,rtcp", "-Y", only, "-T", "fields"]
    wanted = [word for name in names for word in ("-e", name)]
    run = subprocess.run([*command, *wanted], capture_output=True, text=True, check=True, timeout=60)
    return [line.split("\t") for line in run.stdout.splitlines()]


def written(path: Path, *compounds: Sequence[rtcp.RtcpPacket]) -> Path:
    ends = Address("192.0.2.1", 5001), Address("192.0.2.2", 5001)
    records = [RtcpRecord(float(at), *ends, rtcp.pack_compound(each)) for at, each in enumerate(compounds)]
    with path.open("wb") as file:
        write_pcapng(file, [], [], records)
    return path


def assert_read_alike(row: list[str], ours: VoipMetrics) -> None:
    for (name, theirs), said in zip(FIELDS.items(), row, strict=True):
        value = getattr(ours, name)
        assert float(said) == pytest.approx(value / 10 if name.startswith("mos") else value), theirs


def test_every_field_of_our_metrics_block_is_where_tshark_looks_for_it(tmp_path: Path) -> None:
    distinct = VoipMetrics(
        0xCAFE, 11, 12, 13, 14, 1500, 1600, 170, 180, -19, -20, 21, 22, 23, 24, 25, 26, 0b10_10_0111, 280, 290, 300
    )
    blocks = (OtherBlock(4, 0, bytes(8)), distinct)
    capture = written(tmp_path / "xr.pcapng", [rtcp.ReceiverReport(1), rtcp.ExtendedReport(1, blocks)])
    (row,) = read(capture, [f"rtcp.xr.voipmetrics.{each}" for each in FIELDS.values()], "rtcp.pt==207")
    assert_read_alike(row, distinct)
    ((kinds, *config),) = read(
        capture, ["rtcp.xr.bt", *(f"rtcp.xr.voipmetrics.{each}" for each in ("plc", "jba", "jbrate"))], "rtcp.pt==207"
    )
    assert kinds == "4,7"
    assert config == ["2", "2", "7"]
    assert not read(capture, ["frame.number"], "_ws.malformed")


@pytest.mark.parametrize("lost", [rtcp.LOST_MIN, -3, 0, 5, rtcp.LOST_MAX])
def test_a_signed_count_of_losses_is_read_as_it_was_meant(tmp_path: Path, lost: int) -> None:
    block = rtcp.ReportBlock(7, 64, lost, 0x1FFFF, 80, 0, 0)
    capture = written(tmp_path / "rr.pcapng", [rtcp.ReceiverReport(1, (block,))])
    assert read(capture, ["rtcp.ssrc.cum_nr", "rtcp.ssrc.fraction"], "rtcp.pt==201") == [[str(lost), "64"]]


def test_reports_of_a_saved_call_are_read_alike(tmp_path: Path) -> None:
    with Lab(seed=3) as lab:
        shop = lab.account("acme").application("shop")
        alice = shop.user("alice").phone(rtcp_xr=True)
        shop.user("bob").phone(answer_after=0.1, rtcp_xr=True)

        @shop.scenario()
        async def forward(call: object) -> None:
            await call.forward_to_user()  # type: ignore[attr-defined]

        call = alice.dial("bob").wait("connected")
        lab.link(alice).impair(Impairment(loss=0.1, burst=3.0))
        lab.run(21)
        lab.link(alice).heal()
        call.hang_up()
        capture = lab.save(tmp_path / "call.pcapng", call=call)
        sent = [note for note in lab.journal.notes if isinstance(note, RtcpRecord) and note.outcome == 0]
    ours = [
        block
        for note in sorted(sent, key=lambda note: note.time_s)
        for packet in rtcp.parse_compound(note.data)
        if isinstance(packet, rtcp.ExtendedReport)
        for block in packet.blocks
        if isinstance(block, VoipMetrics)
    ]
    rows = read(capture, [f"rtcp.xr.voipmetrics.{each}" for each in FIELDS.values()], "rtcp.xr.bt==7")
    assert len(rows) == len(ours) > 8
    for row, block in zip(rows, ours, strict=True):
        assert_read_alike(row, block)
    assert any(block.burst_density for block in ours)
