"""tshark counts the streams of saved calls, and of streams that are anything but clean, exactly as mode "wireshark"."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from voxlab import Lab
from voxlab.analysis.pcapng import write_pcapng
from voxlab.base.datagram import Address
from voxlab.base.records import RtpBlock
from voxlab.media.codecs import FORMATS, Format, by_payload_type
from voxlab.media.stream_modes import StreamColumns, StreamCount, count_stream
from voxlab.net.impairment import Impairment
from voxlab.net.sockets import LiveNetwork

from .harness.process import missing

pytestmark = [pytest.mark.peers, pytest.mark.skipif(missing("tshark") is not None, reason=str(missing("tshark")))]
RATES = {0: 8000, 8: 8000, 9: 8000, 11: 44_100}
TOLERANCE_MS = 0.0021  # tshark prints three digits


Said = tuple[int, int, float, float, float]


def printed(capture: Path) -> dict[tuple[int, int, int], Said]:
    """Return packets, lost, largest delta, mean and largest jitter by ports and SSRC, as tshark prints them."""
    command = ["tshark", "-n", "-o", "rtp.heuristic_rtp:TRUE", "-r", str(capture), "-q", "-z", "rtp,streams"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()
    rows = {}
    for words in (line.split() for line in lines if "0x" in line and "%" in line):
        at = next(at for at, word in enumerate(words) if word.startswith("0x"))
        key = int(words[at - 3]), int(words[at - 1]), int(words[at], 16)
        share = next(at for at, word in enumerate(words) if word.endswith("%)"))
        _, _, max_delta, _, mean_jitter, max_jitter = map(float, words[share + 1 : share + 7])
        rows[key] = (int(words[share - 2]), int(words[share - 1]), max_delta, mean_jitter, max_jitter)
    return rows


def assert_agree(said: Said, ours: StreamCount, what: str) -> None:
    assert said[:2] == (ours.packets, ours.lost), what
    assert said[2:] == pytest.approx((ours.max_delta_ms, ours.mean_jitter_ms, ours.max_jitter_ms), abs=TOLERANCE_MS), (
        what
    )


def unruly(rng: np.random.Generator, number: int) -> tuple[str, StreamColumns]:
    """Make a stream with some of: losses, duplicates, swaps, markers, comfort noise, a telephone event."""
    ails = [ail for bit, ail in enumerate(("loss", "dup", "swap", "mark", "noise", "event")) if number >> bit & 1]
    count, kind = int(rng.integers(20, 80)), int(rng.choice([*RATES]))
    first, first_stamp = int(rng.choice([0, 100, 65_500, 65_530])), int(rng.choice([0, 1000, 2**32 - 3000]))
    rows = np.arange(count)
    stamps, kinds = first_stamp + rows * (RATES[kind] // 50), np.full(count, kind)
    if "noise" in ails:
        kinds[rng.random(count) < 0.2] = 13
    if "event" in ails:
        kinds[count // 3 : count // 3 + 10], stamps[count // 3 : count // 3 + 10] = 101, stamps[count // 3]
    if "mark" in ails:
        kinds = kinds | (rng.random(count) < 0.1) * 0x80
    taken = rows
    if "dup" in ails:
        taken = np.sort(np.concatenate((taken, rng.choice(rows, count // 10))))
    if "loss" in ails:
        taken = taken[(rng.random(len(taken)) > 0.15) | (taken < 3)]
    if "swap" in ails:
        for at in rng.integers(0, len(taken) - 1, 4):
            taken[[at, at + 1]] = taken[[at + 1, at]]
    times = np.sort(rows[taken] * 20_000_000 + rng.integers(0, 9_000_000, len(taken)))
    columns = (first + taken) & 0xFFFF, stamps[taken] & 0xFFFFFFFF, kinds[taken]
    return " ".join(ails) or "clean", StreamColumns(
        times, *(each.astype(t) for each, t in zip(columns, ("u2", "u4", "u1"), strict=True))
    )


@pytest.mark.parametrize("seed", range(4))
def test_streams_with_everything_wrong_are_counted_alike(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    streams = [unruly(rng, number) for number in range(64)]
    blocks = [
        RtpBlock(
            Address("192.0.2.1", 4000 + 2 * i), Address("192.0.2.2", 6000 + 2 * i), 0x1000 + i,
            columns.time_ns / 1e9, columns.sequence, columns.timestamp, columns.payload_type,
            np.full(len(columns.time_ns), 160, np.uint16), np.zeros(len(columns.time_ns), np.uint8), None, "",
        )
        for i, (_, columns) in enumerate(streams)
    ]  # fmt: skip
    capture = tmp_path / "unruly.pcapng"
    with capture.open("wb") as file:
        write_pcapng(file, [], blocks)
    rows = printed(capture)
    formats = by_payload_type([*FORMATS, Format("L16", 11, 44_100), Format("CN", 13, 8000), Format("G722", 9, 8000)])
    assert len(rows) >= 56, "tshark guesses what is RTP: it may miss a stream that begins oddly, not many"
    for (_, _, ssrc), said in rows.items():
        what, columns = streams[ssrc - 0x1000]
        assert_agree(said, count_stream(columns, formats, "wireshark"), f"{what}, seed {seed}")


@pytest.mark.parametrize("live", [False, True], ids=["simulated", "live"])
def test_a_saved_call_is_counted_alike(tmp_path: Path, live: bool) -> None:
    lab = Lab(live=live)
    try:
        shop = lab.account("acme").application("shop")
        alice, _ = shop.user("alice").phone(), shop.user("bob").phone(answer_after=0.1)

        @shop.scenario()
        async def forward(call: object) -> None:
            await call.forward_to_user()  # type: ignore[attr-defined]

        if not live:
            lab.link(alice).impair(Impairment(loss=0.05, duplicate=0.02, jitter_s=0.004))
        call = alice.dial("bob")
        call.wait("connected")
        lab.run(2)
        call.hang_up()
        if isinstance(lab.network, LiveNetwork):
            network = lab.network
            lab.run(until=lambda: not network._media)  # the last packets are still under way
        rows, ours = printed(lab.save(tmp_path / "call.pcapng", call=call)), call.media_by("wireshark")
        assert len(ours) == len(rows) == 4, "two ways, each over two hops"
        for row in ours.itertuples():
            said = rows[row.src_port, row.dst_port, int(row.ssrc, 16)]
            assert said[:2] == (row.packets, row.lost)
            assert said[2:] == pytest.approx(
                (row.max_delta_ms, row.mean_jitter_ms, row.max_jitter_ms), abs=TOLERANCE_MS
            )
    finally:
        lab.close()
