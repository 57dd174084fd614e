"""Each lesson both ways: its solutions to the letter, its untouched exercises to the end; and every cell twice."""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from voxlab import Lab
from voxlab.notebook import course
from voxlab.notebook.exercises import EXERCISE, SOLUTION, Notebook, solved, tags, untouched

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
lessons = pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
on_a_lab = pytest.mark.parametrize("lesson", [LESSONS[0]], ids=lambda path: path.stem)
Cell = dict[str, Any]


def read(lesson: Path) -> Notebook:
    notebook: Notebook = json.loads(lesson.read_text(encoding="utf-8"))
    return notebook


def numbers(lesson: Path) -> set[str]:
    """Return the exercises that a lesson's file has to hold."""
    return {number for number in course.exercises() if number.partition(".")[0] == lesson.stem[:2]}


def code(notebook: Notebook) -> list[Cell]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def source(cell: Cell) -> str:
    return "".join(cell["source"])


def evaluate(cell: Cell, names: dict[str, Any]) -> object:
    """Run a cell as a notebook does and return what it would show."""
    tree = ast.parse(source(cell))
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    _run(compile(tree, cell["id"], "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
    end = ast.Expression(last.value) if last else ast.parse("None", mode="eval")
    shown = _run(compile(end, cell["id"], "eval", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
    repr(shown)
    for picture in ("_repr_html_", "_repr_svg_"):
        getattr(shown, picture, lambda: None)()
    return shown


def _run(code: CodeType, names: dict[str, Any]) -> object:
    """Run code that may await at its top, as cells may."""
    found = eval(code, names)
    return asyncio.run(found) if inspect.iscoroutine(found) else found


@contextmanager
def all_labs_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close every lab that is made inside, as a kernel does when it ends."""
    made: list[Lab] = []
    build: Callable[..., None] = Lab.__init__

    def remember(lab: Lab, *args: Any, **options: Any) -> None:
        build(lab, *args, **options)
        made.append(lab)

    monkeypatch.setattr(Lab, "__init__", remember)
    monkeypatch.setattr(course, "_predictions", {})
    try:
        yield
    finally:
        for lab in made:
            lab.close()


def test_there_is_a_lesson() -> None:
    assert LESSONS


@lessons
def test_every_exercise_has_one_solution_after_it_and_both_are_checked(lesson: Path) -> None:
    marked = [(set(tags(cell)), source(cell)) for cell in code(read(lesson)) if tags(cell)]
    solutions = [text for kinds, text in marked if SOLUTION in kinds]
    checked = [text for kinds, text in marked if EXERCISE in kinds and "check(" in text]
    assert len(solutions) == len(checked) > 0
    assert all(not {EXERCISE, SOLUTION} <= kinds for kinds, _ in marked)
    assert all(text.startswith("# a solution, folded") for text in solutions)  # JupyterLab shows the first line
    for text in (*solutions, *checked):
        assert any(f'check("{number}"' in text for number in numbers(lesson))


@lessons
def test_untouched_exercises_run_to_the_end_and_none_passes(lesson: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names: dict[str, Any] = {}
    with all_labs_closed(monkeypatch):
        shown = [evaluate(cell, names) for cell in code(untouched(read(lesson)))]
    reports = [each for each in shown if isinstance(each, course.Report)]
    assert {report.id for report in reports} == numbers(lesson)
    assert [report.id for report in reports if report.passed] == []


@lessons
def test_solutions_pass_with_every_cell_run_twice_and_leave_one_binding_and_one_rule_each(
    lesson: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: dict[str, Any] = {}
    with all_labs_closed(monkeypatch):
        shown = [evaluate(cell, names) for cell in code(solved(read(lesson))) for _ in range(2)]
        if "lab" in names:
            assert_one_of_each(names["lab"], names["shop"])
    reports = [each for each in shown if isinstance(each, course.Report)]
    assert len(reports) == 2 * len(numbers(lesson))
    assert [report for report in reports if not report.passed] == []


def assert_one_of_each(lab: Lab, shop: Any) -> None:
    """No phone is registered twice, no rule is there twice."""
    for user in shop.users:
        registered = [phone for phone in user.phones if phone.registration == "registered"]
        assert registered
        assert len(lab.cloud.location.lookup(f"{user.name}@{shop.domain}", lab.now)) == len(registered)
    assert shop.rules
    assert sorted(rule.name for rule in shop.rules) == sorted({rule.name for rule in shop.rules})


@on_a_lab
def test_defining_everything_again_in_the_same_lab_changes_nothing(
    lesson: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: dict[str, Any] = {}
    again = [cell for cell in code(solved(read(lesson))) if cell["id"] in {"lab", "scenario"}]
    with all_labs_closed(monkeypatch):
        for cell in code(solved(read(lesson))):
            evaluate(cell, names)
        lab, rules = names["lab"], [rule.name for rule in names["shop"].rules]
        for cell in again:
            lines = [line for line in source(cell).splitlines() if not line.startswith("lab =")]
            evaluate({"id": cell["id"], "source": lines and [f"{line}\n" for line in lines]}, names)
        assert names["lab"] is lab
        assert [rule.name for rule in names["shop"].rules] == rules
        assert len(lab.cloud.location) == len(names["shop"].users)


@lessons
def test_the_file_is_clean_small_and_runs_in_order(lesson: Path) -> None:
    notebook = read(lesson)
    assert lesson.stat().st_size < 400_000
    assert [cell["execution_count"] for cell in code(notebook)] == list(range(1, len(code(notebook)) + 1))
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    assert not any(output["output_type"] == "error" for cell in code(notebook) for output in cell["outputs"])
    for cell in code(notebook):
        folded = cell["metadata"].get("jupyter", {}).get("source_hidden", False)
        assert folded is (SOLUTION in tags(cell))


@pytest.mark.slow
@lessons
def test_solutions_give_the_stored_outputs_to_the_letter(lesson: Path, tmp_path: Path) -> None:
    pytest.importorskip("nbval", reason="nbval is not installed: make install ARGS=full")
    copy = tmp_path / lesson.name
    copy.write_text(json.dumps(solved(read(lesson))), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "--nbval", "--nbval-current-env", "--nbval-cell-timeout=100"]
    options = ["--rootdir", str(tmp_path), "-p", "no:cacheprovider", "-p", "no:xdist", str(copy)]
    calm = {**os.environ, "VOXLAB_PROGRESS": "0"}  # a bar in a cell's output would be a difference
    run = subprocess.run([*command, *options], cwd=tmp_path, env=calm, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-4000:]
    assert f"{len(code(solved(read(lesson))))} passed" in run.stdout
