"""Silence suppression and comfort noise (RFC 3389, RFC 3551 s.4.1, RFC 7587 s.3.1.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.media.wire import Wire
from voxlab.media import comfort_noise, sources
from voxlab.media.batch import PacketBatch
from voxlab.media.codecs import COMFORT_NOISE, G722, OPUS, PCMU, TELEPHONE_EVENT, Codec
from voxlab.media.rtp import RtpPacket, pack, parse
from voxlab.media.rtp_events import TransmitBatch, TransmitRtp
from voxlab.media.rtp_session import RtpSession
from voxlab.media.silence import Activity, Suppression
from voxlab.media.sinks import level_dbfs

Pair = Callable[..., tuple[RtpSession, RtpSession]]
NOISE_DBOV = -60.0


def hiss(seconds: float, deviation: float = 32.8) -> np.ndarray:
    return np.random.default_rng(1).normal(0.0, deviation, round(seconds * 8000))


def talk() -> sources.Source:
    """Return a second of tone, two of hiss at -60 dBov, without end."""
    tone = sources.tone(440).read(0, 8000)
    return sources.from_samples(np.concatenate((tone, hiss(2.0))).astype(np.int16), loop=True)


def spoken(pair: Pair, codec: Codec = PCMU, seconds: float = 5.9, **options: Any) -> tuple[list[RtpPacket], RtpSession]:
    noise = None if codec is OPUS else COMFORT_NOISE
    formats = {"codec": codec, "formats": [codec, COMFORT_NOISE]}
    a, b = pair(suppression=Suppression(noise), **formats, **options)
    wire = Wire(a, b)
    a.play(talk(), 0.0)
    wire.run(seconds - 0.001)
    return [packet for sent in wire.sent[a] for packet in packets_of(sent)], b


def packets_of(sent: Any) -> list[RtpPacket]:
    match sent:
        case TransmitRtp(data):
            return [parse(data)]
        case TransmitBatch(PacketBatch() as batch):
            return [batch.packet(row) for row in range(batch.packets)]
    return []


def test_a_description_says_level_and_colour_of_a_noise() -> None:
    payload = comfort_noise.describe(hiss(1.0).astype(np.int16))
    assert len(payload) == 1 + comfort_noise.ORDER
    assert payload[0] == -NOISE_DBOV
    dark = np.convolve(hiss(1.0, 300.0), [0.5, 0.5], "same").astype(np.int16)
    made = comfort_noise.noise(comfort_noise.describe(dark), 8000, seed=1)
    assert level_dbfs(made) == pytest.approx(level_dbfs(dark), abs=0.6)
    power = [np.abs(np.fft.rfft(each.astype(float))) ** 2 for each in (dark, made)]
    low, high = ([each[part].mean() for each in power] for part in (slice(100, 1000), slice(3000, 3900)))
    assert low[1] == pytest.approx(low[0], rel=0.2)
    assert high[1] < low[1] / 2


@pytest.mark.parametrize("payload", [b"", b"\x7f", b"\xff", bytes([60] + 40 * [255]), bytes([0] + 20 * [254])])
def test_noise_is_made_of_any_payload_a_peer_may_send(payload: bytes) -> None:
    made = comfort_noise.noise(payload, 800, seed=5)
    assert made.shape == (800,)
    assert (made == comfort_noise.noise(payload, 800, seed=5)).all()


def test_a_level_is_in_dbov_where_full_scale_is_a_square_wave() -> None:
    square = np.tile([32767, -32767], 400).astype(np.int16)
    assert comfort_noise.describe(square, 0) == b"\x00"
    assert comfort_noise.describe(np.zeros(80, np.int16), 2) == bytes([127, 127, 127])


def test_silence_is_told_once_and_from_time_to_time_and_speech_bears_the_marker(pair: Pair) -> None:
    packets, _ = spoken(pair)
    kinds = [each.payload_type for each in packets]
    noise = [each for each in packets if each.payload_type == 13]
    assert kinds[:60] == [0] * 60, "speech, and 200 ms behind it"
    assert not any(each.marker for each in noise), "RFC 3389 s.4"
    marked = [i for i, each in enumerate(packets) if each.marker]
    assert [kinds[i] for i in marked] == [0, 0]
    assert kinds[marked[1] - 1] == 13
    assert 1 + 4 <= len(noise[: len(noise) // 2]) <= 1 + 5, "its beginning, then every 400 ms"
    numbers = np.array([each.sequence for each in packets])
    assert (np.diff(numbers) % 65536 == 1).all(), "what is not sent leaves no gap in the numbers"
    stamps = np.array([each.timestamp for each in packets], np.uint32)
    assert (np.diff(stamps) % 160 == 0).all()
    assert int(np.diff(stamps).max()) == 20 * 160


@pytest.mark.parametrize("codec", [PCMU, G722, OPUS], ids=lambda codec: codec.name)
def test_packets_are_the_same_one_by_one_and_as_columns(pair: Pair, codec: Codec) -> None:
    one_by_one, heard = spoken(pair, codec)
    columns, heard_too = spoken(pair, codec, batch_s=1.0)
    assert columns == one_by_one[: len(columns)]
    assert len(columns) > len(one_by_one) - 55
    assert len(one_by_one) - heard.statistics()[0].packets in (0, 1), "on the wire for 30 ms"
    assert heard_too.statistics()[0].codec == codec.name


@pytest.mark.parametrize("codec", [PCMU, G722, OPUS], ids=lambda codec: codec.name)
def test_a_listener_hears_speech_and_noise_and_counts_no_loss(pair: Pair, codec: Codec) -> None:
    _, listener = spoken(pair, codec)
    (seen,) = listener.statistics()
    assert (seen.lost, seen.late, seen.duplicates, seen.max_jitter_ms) == (0, 0, 0, 0.0)
    assert seen.packet_s == 0.02, "a pause does not stretch it"
    heard = listener.heard(8000)
    assert level_dbfs(heard[2000:6000]) == pytest.approx(-13.0, abs=1.5)
    assert level_dbfs(heard[14000:22000]) == pytest.approx(NOISE_DBOV + 3.0, abs=5.0), "dBov is 3 dB above dBFS"


def test_a_talker_who_begins_silent_is_a_stream_of_its_codec(pair: Pair) -> None:
    a, b = pair(suppression=Suppression(COMFORT_NOISE), formats=[PCMU, COMFORT_NOISE])
    wire = Wire(a, b)
    samples = np.concatenate((hiss(1.0), sources.tone(440).read(0, 8000))).astype(np.int16)
    a.play(sources.from_samples(samples), 0.0)
    wire.run(0.9)
    assert [each.codec for each in b.statistics()] == ["CN"]
    wire.run(1.9)
    (seen,) = b.statistics()
    assert (seen.codec, seen.lost) == ("PCMU", 0)


def test_a_loss_within_a_pause_is_still_one(pair: Pair) -> None:
    packets, _ = spoken(pair)
    _, b = pair(formats=[PCMU, COMFORT_NOISE])
    at = next(i for i, each in enumerate(packets) if each.payload_type == 13) + 2
    origin = packets[0].timestamp
    for each in [*packets[:at], *packets[at + 1 :]]:
        b.receive(pack(each), ((each.timestamp - origin) & 0xFFFFFFFF) / 8000)
    assert b.statistics()[0].lost == 1


def test_keys_are_sent_in_the_middle_of_a_silence(pair: Pair) -> None:
    a, b = pair(
        suppression=Suppression(COMFORT_NOISE), formats=[PCMU, COMFORT_NOISE, TELEPHONE_EVENT], events=TELEPHONE_EVENT
    )
    wire = Wire(a, b)
    a.play(sources.from_samples(np.zeros(80_000, np.int16)), 0.0)
    wire.run(1.0)
    a.send_digits("42", 1.0)
    wire.run(3.0)
    assert [each.key for each in b.digits()] == ["4", "2"]
    assert b.statistics()[0].lost == 0


def test_a_steady_tone_is_speech_and_what_is_hardly_there_is_not() -> None:
    assert not Activity(sources.tone(440), 8000, 160).silent(0, 100).any()
    assert Activity(sources.from_samples(hiss(2.0).astype(np.int16)), 8000, 160).silent(0, 90).all()
    assert Activity(sources.silence(), 8000, 160).silent(0, 90).all()


def test_what_is_silent_does_not_depend_on_how_it_is_asked() -> None:
    activity = Activity(talk(), 8000, 160)
    whole = activity.silent(0, 450)
    assert 200 < whole.sum() < 300
    assert (np.array([activity.silent(k, 1)[0] for k in range(450)]) == whole).all()
    assert not whole[149], "the frame before speech is sent with it"
