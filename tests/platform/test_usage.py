from __future__ import annotations

import pytest

from voxlab.base.errors import VoxlabError
from voxlab.platform.usage import Usage


def test_without_limits_everything_may_begin() -> None:
    usage = Usage()
    for call in range(100):
        assert usage.refusal(0.0) is None
        usage.admitted(0.0)
        usage.began(call)
    assert (usage.calls, str(usage)) == (100, "100 calls")


def test_past_the_channels_a_call_has_to_end_before_another_begins() -> None:
    usage = Usage(channels=2)
    usage.began("a")
    usage.began("b")
    assert usage.refusal(5.0) == "all 2 channels are in use"
    usage.ended("a")
    usage.ended("never began")
    assert usage.refusal(5.0) is None
    assert (usage.peak, str(usage)) == (2, "1 of 2 channels")


def test_any_second_sees_no_more_calls_than_allowed() -> None:
    usage = Usage(calls_per_second=2)
    for now in (0.0, 0.9):
        assert usage.refusal(now) is None
        usage.admitted(now)
    assert usage.refusal(0.95) == "more than 2 calls within a second"
    assert usage.refusal(1.0) is None
    usage.admitted(1.0)
    assert usage.refusal(1.5) == "more than 2 calls within a second"


def test_limits_can_be_changed_while_calls_stand() -> None:
    usage = Usage(channels=1)
    usage.began("a")
    usage.limit(2, None)
    assert usage.refusal(0.0) is None
    with pytest.raises(VoxlabError, match="channels takes a whole number"):
        usage.limit(-1, None)
