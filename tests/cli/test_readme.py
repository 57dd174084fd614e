"""README.md says nothing that does not run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from voxlab import Lab
from voxlab.cli import serve
from voxlab.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks() -> Iterator[str]:
    return iter(re.findall(r"```python\n(.*?)```", README, re.DOTALL))


def test_the_five_lines_make_a_call_and_what_follows_goes_on_from_there(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    first, *more = [block for block in blocks() if "def setup" not in block]
    exec(first, names)
    with names["lab"] as lab:
        assert capsys.readouterr().out.startswith("✓ connected 10.0 s · alice → shop.forward → bob")
        for block in more:
            exec(block, names)
        assert names["oma"].state == "ringback"
        assert lab.account("acme").application("shop").explain("+4930123").rule.name == "out"
        assert len(names["race"].details)


def test_the_file_for_real_phones_can_be_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "shop.py"
    file.write_text(next(block for block in blocks() if "def setup" in block))
    monkeypatch.chdir(tmp_path)
    with Lab(live=True) as lab:
        serve.load(file)(lab)
        assert lab.account("acme").application("shop").explain("bob").rule is not None
        assert (tmp_path / "ca.pem").is_file()


def test_every_command_is_listed() -> None:
    for command in app.registered_commands:
        assert command.callback is not None
        assert f"`voxlab {command.callback.__name__}" in README


def test_every_file_that_it_points_to_is_there() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
    assert "<svg" in (ROOT / "docs" / "first_call.svg").read_text(encoding="utf-8")
