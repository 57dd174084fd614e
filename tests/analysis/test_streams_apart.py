"""One SSRC in several places is several streams: the cloud passes it on, strangers may draw the same (RFC 3550 s.8)."""

from __future__ import annotations

import numpy as np
import pytest

from voxlab.analysis.index import Index
from voxlab.analysis.stream_modes import streams_by
from voxlab.base.datagram import Address
from voxlab.base.journal import Journal
from voxlab.base.records import RtpBlock
from voxlab.media.stream_modes import MODES

SSRC = 0x0BADCAFE


def block(src: Address, dst: Address, numbers: list[int], *, ssrc: int = SSRC, start_s: float = 0.0) -> RtpBlock:
    count = len(numbers)
    number = np.asarray(numbers)
    return RtpBlock(
        src, dst, ssrc, start_s + np.arange(count) * 0.02, number.astype(np.uint16), (number * 160).astype(np.uint32),
        np.zeros(count, np.uint8), np.full(count, 160, np.uint16), np.zeros(count, np.uint8),
    )  # fmt: skip


def tables(*blocks: RtpBlock, mode: str) -> list[tuple[int, int, str, int, int]]:
    index = Index(Journal())
    found = streams_by(mode, index, blocks)
    return [(row.src_port, row.dst_port, row.ssrc, row.packets, row.lost) for row in found.itertuples()]


@pytest.mark.parametrize("mode", MODES)
def test_the_same_ssrc_on_two_ports_gives_two_streams(mode: str) -> None:
    alice, cloud = Address("192.0.2.1", 4000), "192.0.2.2"
    first = block(alice, Address(cloud, 6000), [1, 2, 3, 4])
    second = block(alice, Address(cloud, 6002), [900, 901, 903], start_s=0.001)
    assert tables(first, second, mode=mode) == [
        (4000, 6000, "0x0BADCAFE", 4, 0),
        (4000, 6002, "0x0BADCAFE", 3, 1),
    ]


@pytest.mark.parametrize("mode", MODES)
def test_the_same_ssrc_from_two_ports_gives_two_streams_though_packets_alternate(mode: str) -> None:
    cloud = Address("192.0.2.2", 6000)
    parts = []
    for at in range(4):
        for port, base in ((4000, 10), (4002, 50_000)):
            parts.append(block(Address("192.0.2.1", port), cloud, [base + at], start_s=at * 0.02))
    assert tables(*parts, mode=mode) == [
        (4000, 6000, "0x0BADCAFE", 4, 0),
        (4002, 6000, "0x0BADCAFE", 4, 0),
    ]


@pytest.mark.parametrize("mode", MODES)
def test_two_ssrcs_on_one_port_are_two_streams(mode: str) -> None:
    ends = Address("192.0.2.1", 4000), Address("192.0.2.2", 6000)
    assert tables(block(*ends, [1, 2]), block(*ends, [8, 9], ssrc=5, start_s=0.01), mode=mode) == [
        (4000, 6000, "0x0BADCAFE", 2, 0),
        (4000, 6000, "0x00000005", 2, 0),
    ]
