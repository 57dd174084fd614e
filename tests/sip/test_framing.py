"""Cutting a stream into messages, however it arrives (RFC 3261 s.18.3, RFC 5626 s.3.5.1)."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxlab.base.errors import SipSyntaxError
from voxlab.sip.framing import KeepAlive, StreamFramer
from voxlab.sip.limits import Limits
from voxlab.sip.parser import parse, refusal

from .corpora import CORPORA, NEEDS_CORPORA, invite, refusal_of

OPTIONS = b"OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nl: 0\r\n\r\n"


def test_messages_in_one_segment_are_cut_apart() -> None:
    assert StreamFramer().feed(invite() + OPTIONS + invite()) == [invite(), OPTIONS, invite()]


def test_a_message_may_come_byte_by_byte() -> None:
    framer = StreamFramer()
    found = [item for at in range(len(invite())) for item in framer.feed(invite()[at : at + 1])]
    assert found == [invite()]
    assert framer.pending == 0


@given(st.lists(st.integers(1, 200), max_size=30))
def test_the_cuts_of_the_stream_do_not_matter(sizes: list[int]) -> None:
    stream, framer, found = invite() + OPTIONS + invite(body=b""), StreamFramer(), []
    for size in sizes:
        found += framer.feed(stream[:size])
        stream = stream[size:]
    found += framer.feed(stream)
    assert found == [invite(), OPTIONS, invite(body=b"")]


def test_two_line_ends_are_a_ping_and_one_is_a_pong() -> None:
    framer = StreamFramer()
    assert framer.feed(b"\r\n\r\n") == [KeepAlive.PING]
    assert framer.feed(b"\r\n") == [KeepAlive.PONG]
    assert framer.feed(b"\r\n") == [KeepAlive.PING]  # it was half a ping after all
    assert framer.feed(b"\r\n" + OPTIONS + b"\r\n\r\n" + OPTIONS) == [KeepAlive.PONG, OPTIONS, KeepAlive.PING, OPTIONS]
    assert framer.feed(b"\r") == []
    assert framer.feed(b"\n\r\n") == [KeepAlive.PING]


def test_half_a_request_waits_and_is_told() -> None:
    framer = StreamFramer()
    assert framer.feed(invite()[:-5]) == []
    assert framer.pending == len(invite()) - 5
    assert framer.feed(invite()[-5:]) == [invite()]


def test_a_folded_content_length_a_bare_line_feed_and_none_at_all() -> None:
    folded = b"OPTIONS sip:x SIP/2.0\r\nCONTENT-LENGTH :\r\n  3\r\n\r\nabc"
    bare = b"OPTIONS sip:x SIP/2.0\nl:3\n\nabc"
    absent = b"OPTIONS sip:x SIP/2.0\r\nVia: a\r\n\r\n"
    assert StreamFramer().feed(folded + bare + absent + OPTIONS) == [folded, bare, absent, OPTIONS]


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01",
        b"\0\0\0",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\rX",
        b"hello world\r\n\r\n",
        b"{}",
    ],
)
def test_garbage_before_a_request_ends_the_stream(garbage: bytes) -> None:
    framer = StreamFramer()
    with pytest.raises(SipSyntaxError) as caught:
        framer.feed(garbage)
    assert caught.value.status == 400
    assert framer.error is caught.value
    assert framer.feed(OPTIONS) == []


def test_a_fault_behind_whole_messages_does_not_hold_them_back() -> None:
    framer = StreamFramer()
    assert framer.feed(OPTIONS + b"\0") == [OPTIONS]
    assert framer.error is not None
    assert framer.feed(OPTIONS) == []


@pytest.mark.parametrize("length", [b"-1", b"x", b"", b"1, 2", b"5\r\nContent-Length: 6", b"9" * 40])
def test_a_length_that_is_no_number_cannot_be_framed_but_answered(length: bytes) -> None:
    framer = StreamFramer()
    data = invite().replace(b"Content-Length: 2", b"Content-Length: " + length + b"\r\nX: ")
    with pytest.raises(SipSyntaxError) as caught:
        framer.feed(data)
    assert (caught.value.status, caught.value.header) == (400, "Content-Length")
    answer = refusal(framer.refused, caught.value, to_tag="t")
    assert answer is not None
    assert parse(answer.raw).call_id == "a84b4c76e66710@192.0.2.1"


def test_what_is_too_large_is_refused_when_that_is_known() -> None:
    with pytest.raises(SipSyntaxError) as caught:
        StreamFramer(Limits(body_bytes=10)).feed(invite())
    assert caught.value.status == 413
    with pytest.raises(SipSyntaxError) as caught:
        StreamFramer(Limits(head_bytes=100)).feed(invite())
    assert caught.value.status == 513


def first_error(framer: StreamFramer, piece: bytes, times: int) -> SipSyntaxError | None:
    errors = (refusal_of(framer.feed, piece) for _ in range(times))
    return next((error for error in errors if error), None)


def test_a_header_of_a_megabyte_in_small_pieces_keeps_memory_flat() -> None:
    framer = StreamFramer(Limits(head_bytes=1_000_000))
    framer.feed(b"OPTIONS sip:x SIP/2.0\r\nSubject: ")
    tracemalloc.start()
    assert first_error(framer, b"x" * 100, 10_001) is not None
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4_000_000
    assert framer.pending == 0


def test_a_long_header_byte_by_byte_is_not_searched_again_and_again() -> None:
    """A quadratic search would read 180 GB here and hit the test's time limit."""
    framer = StreamFramer(Limits(head_bytes=600_000))
    framer.feed(b"OPTIONS sip:x SIP/2.0\r\nSubject: ")
    assert first_error(framer, b"\r", 600_000) is not None
    assert framer.refused.startswith(b"OPTIONS")


def test_a_thousand_messages_leave_no_memory_behind() -> None:
    framer = StreamFramer()
    tracemalloc.start()
    for _ in range(1_000):
        assert len(framer.feed(invite())) == 1
    now, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert now < 50_000


@NEEDS_CORPORA
def test_a_torture_message_with_too_long_a_length_waits_on_a_stream() -> None:
    framer = StreamFramer()
    assert framer.feed((CORPORA / "torture/rfc4475/clerr.dat").read_bytes()) == []
    assert framer.pending > 0
