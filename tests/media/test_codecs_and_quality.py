from __future__ import annotations

import numpy as np
import pytest

from tests.reference import emodel as naive
from voxlab.media.codecs import OPUS, PCMA, PCMU, TELEPHONE_EVENT, Codec, by_payload_type, codec, find_format
from voxlab.media.quality import estimate, of_stream
from voxlab.media.rtp import RtpPacket
from voxlab.media.stream import ReceivedStream


def test_formats_are_found_by_the_names_of_sdp_in_any_case() -> None:
    assert find_format("pcmu") is PCMU
    assert find_format("PCMA", 8000) is PCMA
    assert find_format("telephone-event") is TELEPHONE_EVENT
    assert find_format("PCMU", 16000) is None
    assert find_format("OPUS", 48000) is OPUS
    assert find_format("opus", 8000) is None
    assert PCMA.rtpmap == "PCMA/8000"


def test_a_format_moves_to_the_payload_type_that_was_agreed_on() -> None:
    moved = TELEPHONE_EVENT.at(96)
    assert by_payload_type([PCMU, moved]) == {0: PCMU, 96: moved}
    assert codec("PCMA", 97).payload_type == 97
    assert isinstance(codec("PCMA", 97), Codec)


@pytest.mark.parametrize("name", ["G729", "telephone-event"])
def test_what_is_no_codec_here_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(ValueError, match="there are PCMU, PCMA"):
        codec(name)


@pytest.mark.parametrize("law", [PCMU, PCMA])
def test_silence_stays_silent(law: Codec) -> None:
    assert np.abs(law.decode(np.full(160, law.silence, dtype=np.uint8))).max() <= 8


def test_a_clean_call_sounds_like_4_41() -> None:
    clean = estimate()
    assert round(clean.r, 1) == 93.2
    assert round(clean.mos, 2) == 4.41


def test_loss_is_taken_as_a_fraction_and_bursts_make_it_worse() -> None:
    stream = ReceivedStream(1, PCMU)
    for i in range(1000):
        if i % 100:
            stream.receive(RtpPacket(0, i, i * 160, 1, b""), PCMU, i * 20_000_000)
    random = stream.statistics()
    assert random.loss == pytest.approx(9 / 999)
    assert random.burst_ratio == 1.0
    assert of_stream(random).r == pytest.approx(naive.r(ppl=900 / 999), abs=0.01)
    burst = ReceivedStream(1, PCMU)
    for i in range(1000):
        if not 100 <= i < 109:
            burst.receive(RtpPacket(0, i, i * 160, 1, b""), PCMU, i * 20_000_000)
    assert burst.statistics().burst_ratio == pytest.approx(9 * (1 - 0.009))
    assert of_stream(burst.statistics()).r < of_stream(random).r
    assert of_stream(random, delay_s=0.3).r < of_stream(random).r - 15
