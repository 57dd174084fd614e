from __future__ import annotations

import pytest

from voxlab.base.errors import VoxlabError
from voxlab.transaction.timers import Timers

# RFC 3261 Table 4 with the default estimates, and RFC 6026 s.8.11: on UDP, on TCP.
TABLE_4 = {
    "A": (0.5, None), "B": (32, 32), "C": (181, 181), "D": (32, 0), "E": (0.5, None), "F": (32, 32), "G": (0.5, None),
    "H": (32, 32), "I": (5, 0), "J": (32, 0), "K": (5, 0), "L": (32, 32), "M": (32, 32),
}  # fmt: skip


def test_the_defaults_are_those_of_table_4():
    assert {row.letter: (row.unreliable_s, row.reliable_s) for row in Timers().rows} == TABLE_4


def test_timer_d_is_never_below_32_seconds_because_the_servers_t1_is_unknown():
    assert Timers(t1_s=0.1).value_s("D", reliable=False) == 32
    assert Timers(t1_s=1.0).value_s("D", reliable=False) == 64


def test_all_else_scales_with_t1():
    timers = Timers(t1_s=0.1)
    assert [timers.value_s(letter, reliable=False) for letter in "BFHJLM"] == [pytest.approx(6.4)] * 6


@pytest.mark.parametrize(
    ("t1_s", "t2_s", "expected_s"), [(0.5, 4.0, 3.5), (1.0, 1.0, 1.0), (0.5, 1.0, 0.5), (0.1, 0.5, 0.7)]
)
def test_a_non_invite_request_gets_its_100_when_timer_e_reaches_t2(t1_s, t2_s, expected_s):
    assert Timers(t1_s=t1_s, t2_s=t2_s).non_invite_trying_s == pytest.approx(expected_s)


@pytest.mark.parametrize(
    "wrong", [{"t1_s": 0}, {"t1_s": float("nan")}, {"t2_s": 0.1}, {"t4_s": -1}, {"trying_s": 0}, {"c_s": 180}]
)
def test_an_estimate_that_cannot_be_is_refused_by_name(wrong):
    with pytest.raises(VoxlabError, match=next(iter(wrong))):
        Timers(**wrong)


def test_an_unknown_timer_is_refused():
    with pytest.raises(VoxlabError, match="'Z'"):
        Timers().value_s("Z", reliable=True)
