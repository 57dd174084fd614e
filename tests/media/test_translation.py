"""Between two legs of a bridge: other payload types, other clocks, other codecs, and what nobody takes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.media.wire import session
from voxlab.media import sources
from voxlab.media.codecs import COMFORT_NOISE, G722, OPUS, PCMA, PCMU, TELEPHONE_EVENT, Codec, find_format
from voxlab.media.resampling import StreamResampler, resample
from voxlab.media.rtp import RtpPacket, pack, parse
from voxlab.media.rtp_events import TransmitBatch, TransmitRtp
from voxlab.media.sinks import level_dbfs, tone_level_dbfs
from voxlab.media.telephone_event import TelephoneEvent, pack_event, parse_event
from voxlab.media.translation import Renumber, Transcode, Translation, routes

WIDE_EVENT = find_format("telephone-event", 48_000)
assert WIDE_EVENT is not None


def test_what_both_call_alike_passes_as_it_is() -> None:
    assert routes([PCMU, PCMA, TELEPHONE_EVENT], [PCMU, TELEPHONE_EVENT, PCMA]) == {}


def test_each_format_gets_its_route() -> None:
    table = routes([OPUS.at(96), PCMU, WIDE_EVENT, COMFORT_NOISE], [PCMU, TELEPHONE_EVENT.at(100)])
    assert isinstance(table[96], Transcode)
    assert 0 not in table
    assert table[110] == Renumber(100, 8000 / 48_000)
    assert table[13] is None


def test_a_payload_type_is_changed_and_nothing_else() -> None:
    translation = Translation(routes([OPUS.at(96)], [OPUS.at(111)]))
    packet = RtpPacket(96, 7, 8, 9, b"whatever it holds", True)
    assert translation.packet(pack(packet)) == pack(packet._replace(payload_type=111))
    other = pack(RtpPacket(34, 1, 2, 3, b"not agreed on"))
    assert translation.packet(other) == other


def test_an_event_keeps_its_length_on_another_clock() -> None:
    translation = Translation(routes([WIDE_EVENT], [TELEPHONE_EVENT]))
    packet = RtpPacket(110, 1, 480_000, 9, pack_event(TelephoneEvent(5, True, 10, 7680)), True)
    made = translation.packet(pack(packet))
    assert made is not None
    assert parse_event(parse(made).payload) == TelephoneEvent(5, True, 10, 1280)
    assert parse(made).payload_type == 101


def spoken(media: Codec, *, batch_s: float | None, source: sources.Source) -> list[object]:
    talker = session(1, codec=media, batch_s=batch_s)
    talker.play(source, 0.0)
    while (due := talker.next_timeout()) is not None and due <= 2.0:
        talker.handle_timeout(due)
    return talker.poll()


@pytest.mark.parametrize(
    ("source", "target"),
    [(OPUS, PCMU), (PCMU, OPUS), (G722, PCMA), (OPUS, G722), (PCMA, PCMU)],
    ids=lambda each: each.name,
)
@pytest.mark.parametrize("batch_s", [None, 1.0], ids=["packets", "batches"])
def test_a_tone_keeps_its_level_numbers_and_losses(source: Codec, target: Codec, batch_s: float | None) -> None:
    translation = Translation(routes([source], [target]))
    listener = session(2, codec=target, formats=[], record_s=10.0)
    for number, output in enumerate(spoken(source, batch_s=batch_s, source=sources.tone(440, level_dbfs=-10))):
        if isinstance(output, TransmitBatch):
            for batch in translation.batch(output.batch.take(output.batch.sequence != 20)):
                listener.receive_batch(batch)
        elif isinstance(output, TransmitRtp) and parse(output.data).sequence != 20:
            made = translation.packet(output.data)
            assert made is not None
            listener.receive(made, number * 0.02)
    (stream,) = listener.statistics()
    assert (stream.lost, stream.reordered, stream.codec) == (1, 0, target.name)
    assert stream.max_jitter_ms < 0.001
    assert tone_level_dbfs(listener.heard()[8000:], 440) == pytest.approx(-10, abs=1.0)
    assert translation.dropped == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0, 9, 13, 110, 111]), st.binary(max_size=60)), max_size=20))
def test_rubbish_is_dropped_or_translated_and_no_error(packets: list[tuple[int, bytes]]) -> None:
    translation = Translation(routes([OPUS, G722, PCMU, WIDE_EVENT, COMFORT_NOISE], [PCMA, TELEPHONE_EVENT]))
    assert translation.packet(b"\x00") is None
    for number, (kind, payload) in enumerate(packets):
        translation.packet(pack(RtpPacket(kind, number, number * 160, 3, payload)))


def test_frames_at_another_rate_have_no_seams() -> None:
    tone = np.rint(8000 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 8000)).astype(np.int16)
    for to_hz in (16_000, 48_000):
        stream = StreamResampler(8000, to_hz)
        made = np.concatenate([stream.frame(each) for each in tone.reshape(-1, 160)])
        assert len(made) == len(tone) * to_hz // 8000
        rest = made[2000:] - 0.0
        steady = resample(tone, 8000, to_hz)
        assert level_dbfs(made[2000:]) == pytest.approx(level_dbfs(steady[2000:]), abs=0.01)
        assert tone_level_dbfs(rest.astype(np.int16), 440, to_hz) == pytest.approx(
            tone_level_dbfs(steady[2000:], 440, to_hz), abs=0.05
        )
