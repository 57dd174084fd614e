"""Statistics of other people's captures, against what TShark printed for them (``rtp,streams``)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.reference.capture import datagrams
from voxlab.media.codecs import FORMATS, Format
from voxlab.media.errors import MediaError
from voxlab.media.receiver import Receiver
from voxlab.media.rtp import is_rtcp, parse

G729 = Format("G729", 18, 8000)


@pytest.mark.parametrize("name", ["sip-rtp-g711.pcap", "ndpi-sip.pcap", "sip-rtp-g729a.pcap"])
def test_statistics_agree_with_tshark(shared: Path, name: str) -> None:
    expected = json.loads((shared / "corpora/pcap" / f"{name}.expected.json").read_text())["rtp_streams"]
    ports = {each["dport"] for each in expected}
    receiver = Receiver([*FORMATS, G729])
    for datagram in datagrams(shared / "corpora/pcap" / name):
        if datagram.dst_port in ports and not is_rtcp(datagram.data):
            try:
                receiver.receive(parse(datagram.data), datagram.time_ns)
            except MediaError:
                continue
    for stream in expected:
        ours = receiver.streams[int(stream["ssrc"], 16)].statistics()
        assert (ours.packets, ours.lost) == (stream["packets"], stream["lost"])
        assert ours.max_delta_ms == pytest.approx(stream["delta_ms"]["max"], abs=0.0011)
        assert ours.mean_jitter_ms == pytest.approx(stream["jitter_ms"]["mean"], abs=0.0011)
        assert ours.max_jitter_ms == pytest.approx(stream["jitter_ms"]["max"], abs=0.0011)
