"""Each codec from one participant to the other: the level of a tone, wideband, losses and what hides them."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tests.media.wire import Wire, session
from voxlab.media import codec_libraries, sources
from voxlab.media.codecs import G722, L16, L16_CD, L16_WIDE, OPUS, PCMA, PCMU, Codec, codec
from voxlab.media.resampling import resample
from voxlab.media.rtp import RtpPacket, pack
from voxlab.media.rtp_events import TransmitBatch, TransmitRtp
from voxlab.media.rtp_session import RtpSession
from voxlab.media.sinks import level_dbfs, tone_level_dbfs

ALL = [PCMU, PCMA, L16, L16_WIDE, L16_CD, G722, OPUS]
NAMES = [f"{each.name}-{each.sample_rate_hz}" for each in ALL]


def talk(one: RtpSession, other: RtpSession, source: sources.Source, until: float = 2.0) -> None:
    wire = Wire(one, other)
    one.play(source, 0.0)
    wire.run(until)


@pytest.mark.parametrize("batch_s", [None, 1.0], ids=["packets", "batches"])
@pytest.mark.parametrize("media", ALL, ids=NAMES)
def test_a_tone_keeps_its_level(media: Codec, batch_s: float | None) -> None:
    talker, listener = session(1, codec=media, batch_s=batch_s), session(2, codec=media, record_s=10.0)
    talk(talker, listener, sources.tone(440, level_dbfs=-10))
    (stream,) = listener.statistics()
    assert (stream.lost, stream.max_jitter_ms, stream.codec) == (0, 0.0, media.name)
    heard = listener.heard()[4000:12_000]
    assert tone_level_dbfs(heard, 440) == pytest.approx(-10, abs=0.5)
    assert level_dbfs(heard) == pytest.approx(-10, abs=0.5)


@pytest.mark.parametrize("media", [G722, OPUS, L16_WIDE], ids=lambda each: each.name)
def test_a_wideband_codec_carries_what_telephones_do_not(media: Codec) -> None:
    talker, listener = session(1, codec=media), session(2, codec=media, record_s=10.0)
    talk(talker, listener, sources.from_samples(np.sin(np.arange(32_000) * 2 * np.pi * 5000 / 16_000) * 0.3, 16_000))
    assert listener.best_rate_hz == media.sample_rate_hz
    heard = listener.heard(16_000)[8000:24_000]
    assert tone_level_dbfs(heard, 5000, 16_000) == pytest.approx(-10.5, abs=1.0)
    assert level_dbfs(listener.heard(8000)) < -40


@pytest.mark.parametrize("media", ALL, ids=NAMES)
def test_batches_and_packets_say_the_same(media: Codec) -> None:
    source = sources.speech("hello")
    batched, live = session(1, codec=media, batch_s=1.0), session(1, codec=media)
    for each in (batched, live):
        each.play(source, 0.0)
    batched.handle_timeout(2.0)
    while (due := live.next_timeout()) is not None and due <= 2.0:
        live.handle_timeout(due)
    rows = [row.tobytes() for each in batched.poll() if isinstance(each, TransmitBatch) for row in each.batch.wire()]
    assert rows == [each.data for each in live.poll() if isinstance(each, TransmitRtp)]


def opus_packets(seconds: float) -> list[bytes]:
    talker = session(1, codec=OPUS)
    talker.play(sources.speech("hello"), 0.0)
    for frame in range(round(seconds * 50)):
        talker.handle_timeout(frame * 0.02)
    return [each.data for each in talker.poll() if isinstance(each, TransmitRtp)]


def heard_of(packets: list[bytes], lost: set[int]) -> np.ndarray:
    listener = session(2, codec=OPUS, record_s=10.0)
    for number, data in enumerate(packets):
        if number not in lost:
            listener.receive(data, number * 0.02)
    return listener.heard().astype(float)


def test_opus_hides_what_was_lost() -> None:
    packets = opus_packets(3.0)
    lost = set(range(7, 140, 9))
    clean, repaired = heard_of(packets, set()), heard_of(packets, lost)
    count = min(len(clean), len(repaired))
    gone = np.concatenate([np.arange(n * 160, n * 160 + 160) for n in sorted(lost)])
    gone = gone[gone < count]
    silence_error = np.sum(clean[gone] ** 2)
    assert np.sum((clean[gone] - repaired[gone]) ** 2) < 0.5 * silence_error


def test_opus_frames_are_all_of_one_size() -> None:
    assert {len(each) for each in opus_packets(2.0)} == {12 + 80}


@pytest.mark.parametrize("media", [G722, OPUS, L16], ids=lambda each: each.name)
def test_rubbish_under_a_codecs_payload_type_is_no_error(media: Codec) -> None:
    rng = np.random.default_rng(4)
    listener = session(2, codec=media, record_s=10.0)
    for number in range(100):
        payload = rng.integers(0, 256, int(rng.integers(0, 90)), dtype=np.uint8).tobytes()
        listener.receive(pack(RtpPacket(media.payload_type, number, number * 160, 9, payload)), number * 0.02)
    assert len(listener.heard()) < 10 * 8000 * 6
    assert listener.statistics()[0].packets == 100


def test_a_missing_library_is_named_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "G722", None)
    assert not codec_libraries.available("G722")
    with pytest.raises(codec_libraries.CodecUnavailable, match=r"G\.722 needs the package G722: pip install G722"):
        codec("G722").make_encoder(0.02)


@pytest.mark.parametrize(("from_hz", "to_hz"), [(8000, 48_000), (48_000, 8000), (8000, 44_100), (16_000, 8000)])
def test_a_tone_survives_another_rate(from_hz: int, to_hz: int) -> None:
    tone = np.rint(8000 * np.sin(2 * np.pi * 440 * np.arange(from_hz) / from_hz)).astype(np.int16)
    there = resample(tone, from_hz, to_hz)
    assert len(there) == to_hz
    assert tone_level_dbfs(there[to_hz // 4 :], 440, to_hz) == pytest.approx(
        tone_level_dbfs(tone, 440, from_hz), abs=0.05
    )


def test_a_loop_has_no_seam_at_another_rate() -> None:
    period = np.rint(8000 * np.sin(2 * np.pi * 400 * np.arange(20) / 8000)).astype(np.int16)
    ring = np.tile(resample(period, 8000, 16_000, loop=True), 50)
    straight = 8000 * np.sin(2 * np.pi * 400 * np.arange(len(ring)) / 16_000)
    assert np.abs(ring - straight).max() < 60


def test_rates_too_far_apart_are_refused() -> None:
    with pytest.raises(ValueError, match="8000 Hz cannot become 7999 Hz"):
        resample(np.zeros(8, np.int16), 8000, 7999)
