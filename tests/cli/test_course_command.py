"""``voxlab course``: JupyterLab on the right folder, asking the network nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from voxlab import data
from voxlab.cli import course, main

ROOT = Path(__file__).resolve().parents[2]


def test_switches_go_on_to_jupyterlab(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    started: list[tuple[list[str], dict[str, str]]] = []
    monkeypatch.setattr(course, "trust", lambda folder: None)
    monkeypatch.setattr(course, "_become", lambda command, variables: started.append((command, variables)) or 0)
    assert main(["course", "--no-browser", "--port=8899", "--json"]) == 0
    command, variables = started[0]
    assert command[1:3] == ["-m", "jupyterlab"]
    assert command[-2:] == ["--no-browser", "--port=8899"]
    assert f"--ServerApp.root_dir={ROOT / 'notebooks'}" in command
    assert json.loads(capsys.readouterr().out)["command"] == command
    assert variables["JUPYTER_CONFIG_PATH"]


def test_the_question_about_news_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    config = pytest.importorskip(
        "jupyterlab_server.config", reason="the extra `lab` is not installed: make install ARGS=lab"
    )
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", course.environment({})["JUPYTER_CONFIG_PATH"])
    assert "@jupyterlab/apputils-extension:announcements" in config.get_page_config([])["disabledExtensions"]


def test_settings_of_the_user_stay_on_the_path() -> None:
    variables = course.environment({"JUPYTER_CONFIG_PATH": "mine", "HOME": "home"})
    assert variables["JUPYTER_CONFIG_PATH"].split(os.pathsep)[0] == "mine"
    assert variables["HOME"] == "home"


def test_without_jupyterlab_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(course, "find_spec", lambda name: None)
    assert main(["course"]) == 1
    assert "install lab" in capsys.readouterr().err


def test_an_installed_package_is_worked_on_in_a_copy_that_keeps_ones_work(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shipped = tmp_path / "package" / "_notebooks"
    shipped.mkdir(parents=True)
    (shipped / "01.ipynb").write_text("shipped")
    monkeypatch.setattr(data, "__file__", str(tmp_path / "package" / "data.py"))
    monkeypatch.setattr(data, "notebooks_folder", lambda: shipped)
    monkeypatch.chdir(tmp_path)
    copy = course.working_folder()
    assert (copy / "01.ipynb").read_text() == "shipped"
    (copy / "01.ipynb").write_text("worked on")
    assert (course.working_folder() / "01.ipynb").read_text() == "worked on"


def test_pictures_of_the_course_are_trusted_from_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat", reason="the extra `lab` is not installed: make install ARGS=lab")
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    from nbformat.sign import NotebookNotary

    lesson = nbformat.read(ROOT / "notebooks" / "01_first_call.ipynb", as_version=4)
    course.trust(ROOT / "notebooks")
    notary = NotebookNotary(data_dir=str(tmp_path / "jupyter"))
    assert notary.check_signature(lesson)
    lesson.cells[1].source += "# by somebody else"
    assert not notary.check_signature(lesson)
    notary.store.close()
