"""Predict before, check after: the two words of an exercise. What happened is read from the call's own evidence.

Neither raises in class: a wrong number, a missing call or a call that is something else comes back as a sentence.
What the exercises ask stands in ``lesson_01`` and its like. Must not know Jupyter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from html import escape
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, NamedTuple

LESSONS = tuple(sorted(each.name for each in iter_modules([str(Path(__file__).parent)]) if each.name[:7] == "lesson_"))
"""The modules that hold the exercises: a lesson is found by its name, nothing lists it."""
_NO_CALL = 'check() takes what dial() returned: call = alice.dial("..."), then check("{id}", call)'


def is_call(thing: object) -> bool:
    """Whether this has the evidence of a call; asked of the class, for asking the value may take time."""
    return all(hasattr(type(thing), name) for name in ("messages", "ladder", "state"))


class Criterion(NamedTuple):
    """What a call must show, how to see it in its evidence, and a hint for who does not get there."""

    text: str
    holds: Callable[[Any], bool]
    hint: str


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    Attributes
    ----------
    id : str
        Lesson and number, such as "01.2".
    question : str
        What is to be predicted.
    outcome : callable
        Reads from a call the answer that was to be predicted.
    criteria : tuple of Criterion
        What the call has to show.
    evidence : str
        What `check` looks at, in a word.
    is_evidence : callable
        Whether something is that.
    no_evidence : str
        A hint for who gave something else.
    """

    id: str
    question: str
    outcome: Callable[[Any], str]
    criteria: tuple[Criterion, ...]
    evidence: str = "a call"
    is_evidence: Callable[[object], bool] = is_call
    no_evidence: str = _NO_CALL


class Judged(NamedTuple):
    """A criterion and whether the call shows it."""

    text: str
    passed: bool
    hint: str


@dataclass(frozen=True)
class Prediction:
    """What was predicted; prints as a reminder, not as a judgement."""

    id: str
    question: str
    answer: str | None

    def __repr__(self) -> str:
        if self.answer is None:
            return f"○ {self.id} {self.question}\n  no prediction yet: put your answer in the place of the dots"
        return f"● {self.id} {self.question}\n  you predict {self.answer!r}: now run it"

    def _repr_html_(self) -> str:
        return _paragraphs(repr(self))


@dataclass(frozen=True)
class Report:
    """What `check` found, criterion by criterion.

    Attributes
    ----------
    id : str
    judged : tuple of Judged
    """

    id: str
    judged: tuple[Judged, ...]

    @property
    def passed(self) -> bool:
        """Whether every criterion is met."""
        return bool(self.judged) and all(each.passed for each in self.judged)

    @property
    def _title(self) -> str:
        met = sum(each.passed for each in self.judged)
        return f"{_mark(self.passed)} {self.id} · {met} of {len(self.judged)}"

    def __repr__(self) -> str:
        lines = [self._title]
        for each in self.judged:
            lines.append(f"  {_mark(each.passed)} {each.text}")
            lines += [] if each.passed else [f"    hint: {each.hint}"]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return _paragraphs(repr(self))


@dataclass(frozen=True)
class Unknown:
    """There is no such exercise; falsy like a report that is not passed."""

    text: str
    passed: bool = False

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return _paragraphs(self.text)


_predictions: dict[str, str | None] = {}


def predict(id: str, answer: object = ...) -> Prediction | Unknown:  # noqa: A002 - what the course calls it
    """Say what you expect before you run it; a later word replaces an earlier one.

    Parameters
    ----------
    id : str
        The exercise, such as ``"01.2"``.
    answer : object
        What you expect; ``...`` stands for nothing yet.
    """
    exercise = exercises().get(str(id))
    if exercise is None:
        return _unknown(id)
    _predictions[exercise.id] = None if answer is None or answer is ... else str(answer)
    return Prediction(exercise.id, exercise.question, _predictions[exercise.id])


def check(id: str, call: object = ...) -> Report | Unknown:  # noqa: A002
    """Read a call's evidence and say what it shows and what it does not, with a hint for each that is missing.

    Parameters
    ----------
    id : str
        The exercise, such as ``"01.2"``.
    call : Call
        What ``phone.dial(...)`` returned; in lessons on other things, what the exercise says.
    """
    exercise = exercises().get(str(id))
    if exercise is None:
        return _unknown(id)
    if exercise.is_evidence(call):
        judged = [_came_true(exercise, call), *(_judged(each, call) for each in exercise.criteria)]
    else:
        judged = [_no_call(exercise), *(Judged(each.text, passed=False, hint=each.hint) for each in exercise.criteria)]
    return Report(exercise.id, tuple(judged))


@cache
def exercises() -> Mapping[str, Exercise]:
    """Return every exercise of the course by its number."""
    lessons = (import_module(f"voxlab.notebook.{name}") for name in LESSONS)
    return {exercise.id: exercise for lesson in lessons for exercise in lesson.EXERCISES}


def _judged(criterion: Criterion, call: object) -> Judged:
    try:
        return Judged(criterion.text, bool(criterion.holds(call)), criterion.hint)
    except Exception as error:  # noqa: BLE001 - in class nothing raises: what cannot be read is not shown
        return Judged(criterion.text, passed=False, hint=f"this could not be read: {error}")


def _came_true(exercise: Exercise, call: object) -> Judged:
    predicted = _predictions.get(exercise.id)
    if predicted is None:
        hint = f'say what you expect first: predict("{exercise.id}", ...) with your answer in the place of the dots'
        return Judged("you made a prediction", passed=False, hint=hint)
    text = f"your prediction {predicted!r} came true"
    try:
        outcome = exercise.outcome(call)
    except Exception as error:  # noqa: BLE001 - as above
        return Judged(text, passed=False, hint=f"this could not be read: {error}")
    return Judged(text, _same(predicted, outcome), f"the evidence says {outcome!r}; look where the ladder shows it")


def _no_call(exercise: Exercise) -> Judged:
    hint = exercise.no_evidence.format(id=exercise.id)
    return Judged(f"there is {exercise.evidence} to look at", passed=False, hint=hint)


def _same(predicted: str, outcome: str) -> bool:
    return predicted.strip().casefold() == outcome.strip().casefold()


def _unknown(id: object) -> Unknown:  # noqa: A002
    near = get_close_matches(str(id), exercises(), n=1)
    rest = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(exercises())}"
    return Unknown(f"✗ there is no exercise {id!r}; {rest}")


def _mark(passed: bool) -> str:
    return "✓" if passed else "✗"


def _paragraphs(text: str) -> str:
    """Return lines as HTML that takes its colours from the page; indented by spaces, for styles are lost on the way."""
    rows = (
        "<div>" + "\N{NO-BREAK SPACE}" * 2 * _indent(line) + escape(line.lstrip()) + "</div>"
        for line in text.split("\n")
    )
    return f'<div class="voxlab-course">{"".join(rows)}</div>'


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
