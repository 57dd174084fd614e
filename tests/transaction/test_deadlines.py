from __future__ import annotations

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from voxlab.transaction.deadlines import Deadlines


def test_the_earliest_deadline_is_known_through_starts_and_stops():
    deadlines: Deadlines[str] = Deadlines()
    assert deadlines.next_s() == inf
    deadlines.start("a", 4.0, 1, now=0.0)
    deadlines.start("b", 0.5, 2, now=1.0)
    assert deadlines.next_s() == 1.5
    deadlines.stop("b")
    assert deadlines.next_s() == 4.0
    deadlines.stop("a")
    assert deadlines.next_s() == inf


def test_starting_again_replaces_what_was_running():
    deadlines: Deadlines[str] = Deadlines()
    deadlines.start("a", 0.5, 1, now=0.0)
    deadlines.start("a", 1.0, 2, now=0.0)
    assert list(deadlines.due(0.5)) == []
    assert list(deadlines.due(1.0)) == [("a", 2)]


def test_a_deadline_that_a_clock_of_nanoseconds_rounded_down_is_due():
    deadlines: Deadlines[str] = Deadlines()
    deadlines.start("a", 0.2, 1, now=0.1)
    assert deadlines.next_s() > 0.3
    assert list(deadlines.due(round(deadlines.next_s(), 9))) == [("a", 1)]


def test_ten_thousand_stopped_deadlines_leave_nothing_behind():
    deadlines: Deadlines[int] = Deadlines()
    for owner in range(10_000):
        deadlines.start(owner, 32.0, 1, now=float(owner))
        deadlines.stop(owner)
    assert len(deadlines) == 0
    assert deadlines.next_s() == inf


def test_a_deadline_far_off_keeps_no_crowd_of_stopped_ones_behind_it():
    deadlines: Deadlines[int] = Deadlines()
    deadlines.start(-1, 14_400.0, 1, now=0.0)
    for owner in range(50_000):
        deadlines.start(owner, 14_400.0, 1, now=float(owner) / 1000)
        deadlines.stop(owner)
    assert sum(map(len, deadlines._order)) < 5_000
    assert list(deadlines.due(14_400.0)) == [(-1, 1)]


def test_empty_seats_are_taken_out_while_deadlines_fire():
    deadlines: Deadlines[int] = Deadlines()
    for owner in range(20_000):
        deadlines.start(owner, 1.0, owner, now=0.0)
    fired = []
    for owner, event in deadlines.due(1.0):
        fired.append((owner, event))
        deadlines.stop(owner + 1)
    assert fired == [(owner, owner) for owner in range(0, 20_000, 2)]


operations = st.lists(
    st.one_of(
        st.tuples(st.just("start"), st.integers(0, 5), st.sampled_from([0.2, 0.5, 1.0, 4.0])),
        st.tuples(st.just("stop"), st.integers(0, 5), st.just(0.0)),
        st.tuples(st.just("pass"), st.just(0), st.sampled_from([0.1, 0.5, 3.0])),
    ),
    max_size=60,
)


@given(operations)
def test_deadlines_agree_with_a_plain_dictionary(steps):
    deadlines: Deadlines[int] = Deadlines()
    model: dict[int, float] = {}
    now = 0.0
    for verb, owner, seconds in steps:
        if verb == "start":
            deadlines.start(owner, seconds, 1, now)
            model[owner] = now + seconds
        elif verb == "stop":
            deadlines.stop(owner)
            model.pop(owner, None)
        else:
            now += seconds
            fired = {owner for owner, _ in deadlines.due(now)}
            assert fired == {owner for owner, due_s in model.items() if due_s <= now + 1e-9}
            model = {owner: due_s for owner, due_s in model.items() if owner not in fired}
        assert deadlines.next_s() == min(model.values(), default=inf)
        assert len(deadlines) == len(model)
