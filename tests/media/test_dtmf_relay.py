"""Keys told by INFO: what the bodies that are in use say, and whatever else a peer may send."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxlab.media.dtmf_relay import PLAIN, RELAY, relay_body, told_digit
from voxlab.media.telephone_event import KEYS, TONE_S


@given(st.sampled_from(KEYS), st.integers(0, 60_000))
def test_what_is_told_is_read_back(key: str, duration_ms: int) -> None:
    digit = told_digit(RELAY, relay_body(key, duration_ms).decode(), 3.0)
    assert digit is not None
    assert (digit.time_s, digit.key, digit.method, digit.ended) == (3.0, key, "info", True)
    assert digit.duration_s == duration_ms / 1000
    assert math.isnan(digit.volume_dbm0)


@pytest.mark.parametrize(
    ("content_type", "body", "key", "duration_s"),
    [
        (RELAY, "Signal=5\r\nDuration=160", "5", 0.16),
        (RELAY, "Signal= 5\r\nDuration= 160\r\n", "5", 0.16),
        (RELAY, "signal=d\nduration=250\n", "D", 0.25),
        (RELAY, "Signal=11\r\n", "#", TONE_S),
        (RELAY, "Duration=90\r\nSignal=*", "*", 0.09),
        ("Application/DTMF-Relay; charset=utf-8", "Signal=0", "0", TONE_S),
        (PLAIN, "7", "7", TONE_S),
        (PLAIN, " 10\r\n", "*", TONE_S),
        (PLAIN, "Signal=3", "3", TONE_S),
        (RELAY, "Signal=5\r\nDuration=-3", "5", TONE_S),
        (RELAY, "Signal=5\r\nDuration=999999", "5", 60.0),
        (RELAY, "Signal=5\r\nDuration=9999999999999999999999", "5", TONE_S),
    ],
)
def test_bodies_of_the_field_are_understood(content_type: str, body: str, key: str, duration_s: float) -> None:
    digit = told_digit(content_type, body, 0.0)
    assert digit is not None
    assert (digit.key, digit.duration_s) == (key, duration_s)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [(RELAY, ""), (RELAY, "5"), (RELAY, "Signal="), (RELAY, "Signal=16"), (RELAY, "Signal=12#"), (PLAIN, "hello"),
     ("text/plain", "5"), ("", "Signal=5"), ("application/dtmf-relayed", "Signal=5")],
)  # fmt: skip
def test_what_tells_no_key_is_none(content_type: str, body: str) -> None:
    assert told_digit(content_type, body, 0.0) is None


@given(st.sampled_from((RELAY, PLAIN)), st.text(max_size=60))
def test_whatever_comes_raises_nothing(content_type: str, body: str) -> None:
    digit = told_digit(content_type, body, 0.0)
    assert digit is None or digit.key in KEYS
