"""The arithmetic of the benchmarks: a wrong ratio there would be believed."""

from __future__ import annotations

import math

import pytest

from benchmarks.forwarding import highest_rate
from benchmarks.parsing import EXPECTED, INVITE
from benchmarks.plane.busy import p99_late_ms
from benchmarks.plane.programs import bdecoded, bencoded, port_of, sdp
from benchmarks.report import Bound, Figure, Skipped, Target, all_met, line, of_rounds

AT_MOST_A_FIFTH = Target(Bound.AT_MOST, 0.2)


def test_a_figure_is_the_ratio_of_medians_not_the_median_of_luck() -> None:
    figure = of_rounds("cpu", "ms", [1.0, 1.0, 90.0], [10.0, 0.1, 10.0], "sippy", AT_MOST_A_FIFTH)
    assert figure.compared == pytest.approx(0.1)
    assert figure.met


def test_a_target_bounds_the_figure_itself_where_nobody_stands_beside_it() -> None:
    assert Figure("calls", "1/s", 900.0, math.nan, "", Target(Bound.AT_LEAST, 800)).met
    assert not Figure("calls", "1/s", 700.0, math.nan, "", Target(Bound.AT_LEAST, 800)).met


def test_what_was_not_measured_meets_no_target() -> None:
    assert not Figure("cpu", "ms", math.nan, 5.0, "sippy", AT_MOST_A_FIFTH).met
    assert not all_met([Skipped("cpu", "sippy is not installed")])


def test_a_missed_target_says_so_in_its_line() -> None:
    assert line(Figure("cpu", "ms", 2.0, 5.0, "sippy", AT_MOST_A_FIFTH)).endswith("MISS")
    assert line(Figure("cpu", "ms", 0.5, 5.0, "sippy", AT_MOST_A_FIFTH)).endswith("ok")


@pytest.mark.parametrize("limit", [60.0, 143.0, 200.0, 777.0])
def test_the_search_for_a_rate_ends_just_below_the_limit(limit: float) -> None:
    tried: list[float] = []

    def sustains(rate: float) -> bool:
        tried.append(rate)
        return rate <= limit

    found = highest_rate(sustains, 50.0, steps=5)
    assert found <= limit < found * 1.07
    assert len(tried) <= 11


def test_the_invite_of_the_benchmark_is_what_it_says() -> None:
    head, _, body = INVITE.partition(b"\r\n\r\n")
    assert b"Content-Length: %d" % len(body) in head
    assert 850 <= len(INVITE) <= 950
    assert str(EXPECTED[-1]).encode() in body


def test_lateness_is_measured_from_the_most_punctual_packet_of_the_grid() -> None:
    late_ms = [5.0 if number % 10 == 0 else 1.0 for number in range(200)]
    stamps = [
        ((65_500 + number) & 0xFFFF, number * 20_000_000 + round(late * 1e6)) for number, late in enumerate(late_ms)
    ]
    assert p99_late_ms(stamps) == pytest.approx(4.0)
    assert p99_late_ms([each for number, each in enumerate(stamps) if number % 10]) == pytest.approx(0.0)


def test_what_rtpengine_is_asked_and_answers_is_bencode() -> None:
    question = {"command": "offer", "sdp": sdp("127.0.0.2", "4000")}
    assert bdecoded(bencoded(question)) == (question, len(bencoded(question)))
    assert bdecoded(b"d4:listli1e2:abe6:result2:oke")[0] == {"list": [1, "ab"], "result": "ok"}
    assert port_of(question["sdp"]) == "4000"
