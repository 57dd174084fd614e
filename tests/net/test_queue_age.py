"""A queue that stands is told from a stall that passes."""

from __future__ import annotations

from voxlab.net.queue_age import LATE_S, STANDS_AFTER_S, QueueAge


def test_a_stall_that_drains_is_not_late() -> None:
    queue = QueueAge()
    queue.sampled(2.0, 10.0)
    queue.sampled(1.9, 10.1)
    queue.sampled(0.001, 10.2)
    assert not queue.is_late(10.2)
    assert not queue.is_late(10.2 + STANDS_AFTER_S)


def test_a_queue_in_which_nothing_is_read_in_time_is_late_until_something_is() -> None:
    queue = QueueAge()
    for step in range(13):
        queue.sampled(LATE_S, 10.0 + step / 20)
    assert queue.is_late(10.6)
    queue.sampled(0.0, 10.65)
    assert not queue.is_late(10.65)


def test_two_stalls_far_apart_are_two_stalls() -> None:
    queue = QueueAge()
    queue.sampled(1.0, 10.0)
    queue.sampled(1.0, 20.0)
    assert not queue.is_late(20.0)
    assert not queue.is_late(25.0)
