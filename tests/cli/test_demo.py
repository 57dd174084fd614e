"""``voxlab demo``: every step shows what it should, and one that does not is exit code 1."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import pytest

from voxlab.base.errors import VoxlabError
from voxlab.cli import demo, main, story
from voxlab.cli.story import Stage, Step


def test_the_story_plays_to_the_end_in_both_worlds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--json", "--out", str(tmp_path / "out")]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["ok"]
    assert [step["number"] for step in said["steps"]] == [1, 2, 3, 4, 5, 6, 7]
    assert all(step["ok"] and step["figures"] for step in said["steps"])
    assert "fails as intended: 486" in said["steps"][4]["figures"]
    assert "4 RTP streams" in said["steps"][6]["figures"]
    assert [Path(name).name for name in said["files"]] == ["ladder.svg", "run.pcapng", "bob-heard.wav"]
    assert "<svg" in (tmp_path / "out" / "ladder.svg").read_text(encoding="utf-8")
    assert (tmp_path / "out" / "run.pcapng").read_bytes()[:4] == b"\x0a\x0d\x0d\x0a"
    with wave.open(str(tmp_path / "out" / "bob-heard.wav")) as heard:
        assert heard.getframerate() == 8000
        assert heard.getnframes() > 8000 * (story.TALK_S - 1)


def test_people_see_one_ladder_and_what_to_try_next_within_80_cells(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(story, "LIVE", ())
    assert main(["demo", "--ascii"]) == 0
    said = capsys.readouterr().out
    assert said.isascii()
    assert said.count("A INVITE") == 2  # without and with credentials: one ladder
    assert "ok 6 of 6 steps" in said
    assert "voxlab course" in said
    assert max(map(len, said.splitlines())) <= 80


def test_a_step_that_fails_is_said_and_the_rest_is_not_played(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(stage: Stage) -> str:
        raise VoxlabError("bob's phone fell into the water")

    monkeypatch.setattr(story, "SIMULATED", (*story.SIMULATED[:1], Step("bob answers", broken), *story.SIMULATED[2:]))
    monkeypatch.setattr(story, "LIVE", ())
    assert main(["demo"]) == 1
    said = capsys.readouterr().out
    assert "✗ 2 bob answers" in said
    assert "fell into the water" in said
    assert said.count("not played, for step 2 failed") == 4
    assert "✗ 1 of 6 steps" in said


def test_a_folder_that_cannot_be_written_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(story, "LIVE", ())
    (tmp_path / "file").write_text("in the way")
    assert main(["demo", "--out", str(tmp_path / "file")]) == 1
    assert "cannot write to" in capsys.readouterr().err


def test_the_evidence_is_looked_at_not_taken_for_granted() -> None:
    stage = demo._simulated()
    with stage.lab:
        stage.bob.unregister()
        with pytest.raises(VoxlabError):
            story.register(stage)
