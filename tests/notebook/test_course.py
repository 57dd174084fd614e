"""``predict`` and ``check``: they read evidence, hint, and never raise in class."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from voxlab import Lab
from voxlab.course import check, predict
from voxlab.lab.call import Call
from voxlab.notebook import course


@pytest.fixture(autouse=True)
def no_predictions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(course, "_predictions", {})


@pytest.fixture
def connected() -> Iterator[Call]:
    """A call that was connected for three seconds."""
    with Lab(seed=1) as lab:
        shop = lab.account("acme").application("shop")
        alice = shop.user("alice").phone()
        shop.user("bob").phone(answer_after=2.0)

        @shop.scenario()
        async def forward(call: Any) -> None:
            await call.forward_to_user()

        call = alice.dial("bob").wait("connected")
        lab.run(3)
        call.hang_up()
        yield call


def test_a_right_prediction_and_the_right_call_pass(connected: Call) -> None:
    assert "you predict '180'" in repr(predict("01.1", 180))
    report = check("01.1", connected)
    assert report.passed
    assert repr(report).startswith("✓ 01.1 · 4 of 4\n  ✓ your prediction '180' came true")
    assert "hint" not in repr(report)


def test_a_wrong_prediction_is_answered_by_the_evidence(connected: Call) -> None:
    predict("01.1", "100")
    report = check("01.1", connected)
    assert not report.passed
    assert "the evidence says '180'" in repr(report)


def test_a_later_prediction_replaces_the_earlier(connected: Call) -> None:
    predict("01.1", "100")
    predict("01.1", "180")
    assert check("01.1", connected).passed


def test_without_a_prediction_it_asks_for_one(connected: Call) -> None:
    predict("01.1", ...)
    report = check("01.1", connected)
    assert not report.passed
    assert "you made a prediction" in repr(report)


def test_a_call_that_shows_something_else_gets_a_hint_for_each_criterion(connected: Call) -> None:
    predict("01.2", "486")
    assert repr(check("01.2", connected)).count("hint: ") == 4


@pytest.mark.parametrize("number", ["01.1", "01.2", "01.3"])
@pytest.mark.parametrize("call", [..., None, 3, "call", object(), Call])
def test_what_is_no_call_fails_every_criterion_and_raises_nothing(number: str, call: object) -> None:
    report = check(number, call)
    assert not report.passed
    assert "✓" not in repr(report)
    assert "check() takes what dial() returned" in repr(report)


@pytest.mark.parametrize("number", sorted(course.exercises()))
@pytest.mark.parametrize("thing", [..., None, 3, "call", object(), Call, Lab])
def test_no_exercise_of_any_lesson_takes_what_is_no_evidence_and_none_raises(number: str, thing: object) -> None:
    report = check(number, thing)
    assert not report.passed
    assert "✓" not in repr(report)
    assert f"there is {course.exercises()[number].evidence} to look at" in repr(report)


def test_a_lesson_is_found_by_its_name() -> None:
    lessons = [path.stem for path in Path(course.__file__).parent.glob("lesson_*.py")]
    assert sorted(lessons) == list(course.LESSONS)
    assert {number[:2] for number in course.exercises()} == {name[-2:] for name in lessons}


@pytest.mark.parametrize(
    "number", sorted(number for number, each in course.exercises().items() if each.evidence == "a call")
)
def test_a_call_that_was_only_dialled_fails_and_every_hint_is_one(number: str) -> None:
    with Lab(seed=1) as lab:
        alice = lab.account("acme").application("shop").user("alice").phone()
        report = check(number, alice.dial("bob"))
        assert not report.passed
        assert "could not be read" not in repr(report)


class Unreadable:
    """Something with the evidence of a call that cannot be read."""

    state = "ended"

    @property
    def messages(self) -> object:
        raise RuntimeError("the journal was eaten")

    def ladder(self) -> None:
        """Show nothing."""


def test_evidence_that_cannot_be_read_is_a_hint() -> None:
    predict("01.1", "180")
    assert "could not be read: the journal was eaten" in repr(check("01.1", Unreadable()))


@pytest.mark.parametrize(("number", "near"), [("01.9", "01."), (1, "01.1"), ("nonsense", "there are 01.1, 01.2, 01.3")])
def test_an_unknown_exercise_is_a_sentence(number: Any, near: str) -> None:
    for answer in (predict(number, "x"), check(number, None)):
        assert "there is no exercise" in repr(answer)
        assert near in repr(answer)
        assert not answer.passed  # type: ignore[union-attr]


def test_the_same_call_gives_the_same_page_and_nothing_in_it_is_markup(connected: Call) -> None:
    predict("01.1", "<b>bold</b>")
    page = check("01.1", connected)._repr_html_()
    assert page == check("01.1", connected)._repr_html_()
    assert "<b>" not in page
    assert "&lt;b&gt;bold" in page


def test_exercises_are_numbered_by_lesson_and_ask_something() -> None:
    for number, exercise in course.exercises().items():
        assert number == exercise.id
        assert exercise.question.endswith("?")
        assert all(criterion.text and criterion.hint for criterion in exercise.criteria)
