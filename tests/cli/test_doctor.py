"""``voxlab doctor``: honest about what is there, exact about what adds the rest."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from voxlab.base.errors import VoxlabError
from voxlab.cli import doctor, installed, main, wheelhouse


def findings(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    said = json.loads(capsys.readouterr().out)
    return {each["name"]: each for each in said["findings"]}


def test_a_complete_environment_is_healthy(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    found = findings(capsys)
    assert found["Python"]["ok"]
    assert found["numpy"]["found"]
    assert found["127.0.0.1"]["found"] == "usable: UDP and TCP"
    assert {"lab", "sipp", "dns", "speech", "webrtc", "cluster", "analysis"} <= set(found)


def test_a_missing_program_costs_nothing_but_names_its_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(installed, "SEARCH_PATH", "")
    monkeypatch.setattr(
        installed.shutil, "which", lambda name, path=None: "/usr/bin/apt-get" if name == "apt-get" else None
    )
    assert main(["doctor", "--json"]) == 0
    sipp = findings(capsys)["SIPp"]
    assert not sipp["ok"]
    assert sipp["cure"].endswith("apt-get install sip-tester")


def test_a_missing_package_that_is_needed_is_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lacking = installed.Requirement("numpy", None, ">=2.0", fits=False)
    monkeypatch.setattr(installed, "requirements", lambda extra="": [] if extra else [lacking])
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "✗ numpy" in said
    assert shlex.join(["numpy>=2.0"]) in said


def test_an_address_that_cannot_be_bound_is_found() -> None:
    assert doctor._binding_trouble("192.0.2.1")
    assert doctor._binding_trouble("127.0.0.1") == ""


def test_outside_a_checkout_an_extra_is_added_by_range(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(installed, "checkout", lambda: tmp_path)
    cure = installed.cure_for_extra("lab")
    assert "'jupyterlab>=" in cure
    assert sys.executable in cure


def test_the_wheelhouse_collects_exactly_the_pinned_lock(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    called: list[list[str]] = []

    def download(command: list[str], **_: object) -> object:
        called.append(command)
        (tmp_path / "wheels" / "one-1.0-py3-none-any.whl").write_bytes(b"12345")
        return type("Done", (), {"returncode": 0})

    monkeypatch.setattr(wheelhouse.subprocess, "run", download)
    assert main(["doctor", "--wheelhouse", str(tmp_path / "wheels"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["wheels"] == 1
    assert "--require-hashes" in called[0]
    assert called[0][-1].endswith("requirements/lab.txt")


def test_a_wheelhouse_needs_the_locks_of_a_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(wheelhouse, "checkout", lambda: tmp_path)
    with pytest.raises(VoxlabError, match="needs a checkout"):
        wheelhouse.lock_file()
