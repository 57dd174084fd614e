"""Keys as telephone events (RFC 4733) and as tones (ITU-T Q.23, Q.24), sent and heard."""

from __future__ import annotations

from itertools import groupby, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.media.wire import session
from voxlab.media import dtmf, sources
from voxlab.media.codecs import OPUS, TELEPHONE_EVENT, Codec, codec, find_format
from voxlab.media.errors import MediaError
from voxlab.media.rtp import RtpPacket, pack, parse
from voxlab.media.rtp_events import TransmitBatch, TransmitRtp
from voxlab.media.rtp_session import RtpSession
from voxlab.media.telephone_event import (
    KEYS,
    EventReceiver,
    TelephoneEvent,
    frames_of_digits,
    pack_event,
    parse_event,
)

RNG = np.random.default_rng(11)


def pressed(
    digits: str, *, batch_s: float | None = None, media: Codec | None = None, sound: bool = True
) -> list[RtpPacket]:
    """Return what leaves while somebody talks and presses keys half a second later."""
    spoken = media or codec("PCMU")
    events = find_format("telephone-event", spoken.clock_rate_hz)
    assert events is not None
    talker = session(1, codec=spoken, events=events, batch_s=batch_s)
    if sound:
        talker.play(sources.tone(440), 0.0)
    run(talker, 0.0, 0.499)
    talker.send_digits(digits, 0.5)
    run(talker, 0.5, 3.0)
    found: list[RtpPacket] = []
    for output in talker.poll():
        if isinstance(output, TransmitRtp):
            found.append(parse(output.data))
        elif isinstance(output, TransmitBatch):
            found += [output.batch.packet(row) for row in range(output.batch.packets)]
    return found


def run(talker: RtpSession, start: float, until: float) -> None:
    while (due := talker.next_timeout()) is not None and due <= until:
        talker.handle_timeout(max(due, start))


@given(st.integers(0, 255), st.booleans(), st.integers(0, 63), st.integers(0, 65_535))
def test_an_event_is_read_back(event: int, end: bool, volume: int, duration: int) -> None:
    made = TelephoneEvent(event, end, volume, duration)
    assert parse_event(pack_event(made)) == made


def test_the_layout_is_that_of_the_rfc() -> None:
    assert pack_event(TelephoneEvent(11, True, 10, 800)).hex() == "0b8a0320"
    with pytest.raises(MediaError, match="4 octets, this has 3"):
        parse_event(b"\x01\x02\x03")


@pytest.mark.parametrize("batch_s", [None, 1.0], ids=["packets", "batches"])
@pytest.mark.parametrize("media", [codec("PCMU"), OPUS], ids=lambda each: each.name)
def test_a_key_has_one_timestamp_a_marker_growing_durations_and_three_ends(media: Codec, batch_s: float | None) -> None:
    packets = pressed("1#", batch_s=batch_s, media=media)
    assert [each.sequence for each in packets] == [(65_530 + n) & 0xFFFF for n in range(len(packets))]
    keys = [each for each in packets if each.payload_type != media.payload_type]
    tick = media.clock_rate_hz // 50
    for code, group in groupby(keys, key=lambda each: parse_event(each.payload).event):
        made = list(group)
        assert len({each.timestamp for each in made}) == 1
        assert [each.marker for each in made] == [True] + [False] * (len(made) - 1)
        read = [parse_event(each.payload) for each in made]
        assert [each.duration for each in read] == [tick * n for n in range(1, 9)] + [8 * tick] * 3
        assert [each.end for each in read] == [False] * 8 + [True] * 3
        assert code in (1, 11)
        assert {each.volume for each in read} == {10}
    stamps = [each.timestamp for each in packets if each.payload_type == media.payload_type]
    gaps = {(b - a) & 0xFFFFFFFF for a, b in pairwise(stamps)}
    assert gaps == {tick, 12 * tick}, "sound goes on where it would have been"


def test_batches_and_packets_press_the_same_keys() -> None:
    batched, single = pressed("12,3", batch_s=1.0), pressed("12,3")
    assert batched == single[: len(batched)]
    assert sum(each.payload_type == 101 for each in batched) == 3 * 11


def test_keys_can_be_pressed_by_who_says_nothing() -> None:
    packets = pressed("7", sound=False)
    assert len(packets) == 8 + 3
    assert {each.payload_type for each in packets} == {101}


@settings(max_examples=60, deadline=None)
@given(st.text(KEYS, min_size=1, max_size=6), st.integers(0, 2**32 - 1))
def test_every_key_is_heard_once_though_packets_are_lost_and_doubled(digits: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    listener = session(2)
    for number, each in enumerate(pressed(digits)):
        is_last = each.payload_type == 101 and parse_event(each.payload).end
        if each.payload_type != 101 or is_last or rng.random() > 0.6:
            for _ in range(int(rng.integers(1, 3))):
                listener.receive(pack(each), number * 0.02)
    assert "".join(each.key for each in listener.digits()) == digits
    assert [each.duration_s for each in listener.digits()] == pytest.approx([0.16] * len(digits))
    assert all(each.ended for each in listener.digits())


def test_a_long_event_comes_in_segments_and_is_one_key() -> None:
    receiver = EventReceiver()
    assert receiver.receive(pack_event(TelephoneEvent(5, False, 10, 0xFFFF)), 1000, 8000, 0.0) is not None
    assert receiver.receive(pack_event(TelephoneEvent(5, True, 10, 800)), 1000 + 0xFFFF, 8000, 8.0) is None
    (digit,) = receiver.heard
    assert (digit.key, digit.ended) == ("5", True)
    assert digit.duration_s == pytest.approx((0xFFFF + 800) / 8000)


@given(st.lists(st.tuples(st.binary(max_size=6), st.integers(0, 2**32 - 1)), max_size=20))
def test_rubbish_under_the_events_payload_type_is_counted_and_no_error(packets: list[tuple[bytes, int]]) -> None:
    listener = session(2)
    for number, (payload, stamp) in enumerate(packets):
        listener.receive(pack(RtpPacket(TELEPHONE_EVENT.payload_type, number, stamp, 9, payload)), number * 0.02)
    assert len(listener.digits()) <= len(packets)


@pytest.mark.parametrize(
    ("digits", "options", "said"),
    [
        ("12x", {}, "'12x' has X"),
        ("", {}, "has none"),
        ("1", {"tone_s": 9.0}, "up to 5 s"),
        ("1", {"volume_dbm0": 3}, "0 to -63"),
    ],
)
def test_what_cannot_be_dialled_is_refused(digits: str, options: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        list(frames_of_digits(digits, 0, 160, 0.02, **options))  # type: ignore[arg-type]


def test_who_was_told_of_no_events_sends_none() -> None:
    with pytest.raises(ValueError, match="no telephone-event in its SDP"):
        session(1).send_digits("1", 0.0)


# -- tones


def signal(
    key: str,
    ms: float,
    *,
    low_db: float = -13.0,
    high_db: float = -13.0,
    low: float = 1.0,
    high: float = 1.0,
    pad: float = 60.0,
) -> np.ndarray:
    """A key between two silences; ``low`` and ``high`` are factors on its frequencies."""
    at = np.arange(round(ms * 8)) / 8000
    a, b = dtmf.frequencies_of(key)
    tone = 10 ** (low_db / 20) * np.sin(2 * np.pi * a * low * at + 0.3) + 10 ** (high_db / 20) * np.sin(
        2 * np.pi * b * high * at
    )
    silence = np.zeros(round(pad * 8))
    return np.rint(np.concatenate((silence, 32_767 * tone, silence))).astype(np.int16)


def keys_in(samples: np.ndarray) -> str:
    return "".join(each.key for each in dtmf.detect(samples))


def test_all_sixteen_keys_are_found_where_they_are() -> None:
    found = dtmf.detect(dtmf.tones_of(KEYS).samples)
    assert "".join(each.key for each in found) == KEYS
    assert [each.time_s for each in found] == pytest.approx([0.08 + 0.24 * n for n in range(16)], abs=0.012)
    assert [each.duration_s for each in found] == pytest.approx([0.16] * 16, abs=0.02)
    assert [each.volume_dbm0 for each in found] == pytest.approx([-10 + 3.14] * 16, abs=0.5)


@pytest.mark.parametrize("key", KEYS)
def test_forty_milliseconds_are_a_key_and_twenty_three_are_none(key: str) -> None:
    assert keys_in(signal(key, 40)) == key
    assert keys_in(signal(key, 23)) == ""


@pytest.mark.parametrize("key", "1590D")
@pytest.mark.parametrize("side", ["low", "high"])
@pytest.mark.parametrize(("deviation", "found"), [(0.015, True), (-0.015, True), (0.035, False), (-0.035, False)])
def test_frequencies_are_taken_within_1_5_percent_and_refused_beyond_3_5(
    key: str, side: str, deviation: float, found: bool
) -> None:
    assert keys_in(signal(key, 50, **{side: 1 + deviation})) == (key if found else "")


@pytest.mark.parametrize(
    ("low_db", "high_db", "found"),
    [
        (-28, -28, True),
        (-6.1, -6.1, True),
        (-50, -50, False),
        (-14, -10, True),
        (-10, -18, True),
        (-20, -8, False),
        (-8, -22, False),
    ],
)
def test_levels_and_twist_are_those_of_q_24(low_db: float, high_db: float, found: bool) -> None:
    for key in "1590D":
        assert keys_in(signal(key, 50, low_db=low_db, high_db=high_db)) == (key if found else "")


def test_a_break_of_ten_milliseconds_is_bridged_and_a_pause_of_thirty_is_not() -> None:
    for key in "1590D":
        for pause_ms, found in ((10, key), (30, key * 2)):
            one = signal(key, 60)[: (120 * 8)]
            other = signal(key, 60)[(60 * 8) :]
            assert keys_in(np.concatenate((one, np.zeros(pause_ms * 8, np.int16), other))) == found


def test_keys_are_found_in_noise_and_none_in_noise_alone() -> None:
    for key in KEYS:
        tone = signal(key, 50).astype(float)
        noise = RNG.normal(size=len(tone)) * 32_767 * 10 ** (-28 / 20) / np.sqrt(2)
        assert keys_in((tone + noise).astype(np.int16)) == key
    assert keys_in((RNG.normal(size=60 * 8000) * 3000).astype(np.int16)) == ""


@pytest.mark.parametrize("sample", ["hello", "answer"])
@pytest.mark.parametrize("factor", [0.1, 0.3, 1.0, 1.9])
def test_speech_presses_no_keys(sample: str, factor: float) -> None:
    """Talk-off, at four levels and at several speeds, which puts the formants elsewhere."""
    speech = sources.speech(sample).samples.astype(float) * factor
    for speed in (0.8, 0.9, 1.0, 1.1, 1.25):
        at = np.arange(0, len(speech) - 1, speed)
        assert keys_in(np.interp(at, np.arange(len(speech)), speech).astype(np.int16)) == ""


@pytest.mark.parametrize("name", ["PCMU", "PCMA", "G722", "L16"])
def test_tones_survive_a_codec_of_waveforms(name: str) -> None:
    """Opus at speech rates is none: it lets a steady tone die away, which is what telephone events are for."""
    media = codec(name)
    talker, listener = session(1, codec=media), session(2, codec=media, record_s=10.0)
    talker.play(dtmf.tones_of("159D*0#"), 0.0)
    run(talker, 0.0, 2.5)
    for number, output in enumerate(each for each in talker.poll() if isinstance(each, TransmitRtp)):
        listener.receive(output.data, number * 0.02)
    assert "".join(each.key for each in dtmf.all_digits(listener)) == "159D*0#"
