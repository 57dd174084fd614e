"""Set-up: the locks are whole and agree, its words are the Makefile's, and it leaves the system as it found it."""

from __future__ import annotations

import importlib
import re
import stat
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("demo", "lab", "full", "bench")
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", re.MULTILINE)


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch):
    """Import a module of tools/ as the script sees it, and forget it again."""
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    names = [path.stem for path in (ROOT / "tools").glob("*.py")]

    def load(name: str) -> ModuleType:
        return importlib.import_module(name)

    yield load
    for name in names:
        sys.modules.pop(name, None)


def lock_text(name: str) -> str:
    return (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")


def pins(name: str) -> set[tuple[str, str]]:
    return set(PIN.findall(lock_text(name)))


def test_each_lock_contains_the_smaller_one() -> None:
    assert pins("demo")
    for smaller, larger in pairwise(LOCKS):
        assert pins(smaller) < pins(larger)


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_every_package_with_hashes_and_names_no_address(name: str) -> None:
    entries = [entry for entry in re.split(r"\n(?=\S)", lock_text(name)) if entry.strip()]
    assert all(PIN.match(entry) and "--hash=sha256:" in entry for entry in entries)
    assert "://" not in lock_text(name)


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_the_build_backend_that_pyproject_pins(name: str) -> None:
    requires = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    assert {tuple(entry.split("==")) for entry in requires} <= pins(name)


def test_every_dependency_of_the_project_is_in_the_smallest_lock() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {re.split(r"[^a-zA-Z0-9._-]", entry, maxsplit=1)[0].lower() for entry in project["dependencies"]}
    assert wanted <= {package for package, _ in pins("demo")}


def test_the_makefile_has_the_words_of_the_script_and_no_other(tool) -> None:
    words = re.search(r"^WORDS := (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert words is not None
    assert words.group(1).split() == list(tool("words").WORDS)


def test_an_unknown_word_is_refused_with_the_list() -> None:
    run = subprocess.run(
        [sys.executable, "tools/setup.py", "tset"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 2
    assert "there is no word 'tset'" in run.stderr
    assert "notebooks" in run.stderr


def test_an_environment_is_up_to_date_until_its_lock_changes(tool, tmp_path: Path, monkeypatch) -> None:
    environment = tool("environment")
    lock = tmp_path / "demo.txt"
    lock.write_text("numpy==1\n")
    monkeypatch.setattr(environment, "lock_file", lambda _: lock)
    environment.Stamp.wanted("demo").write(tmp_path)
    assert environment.Stamp.read(tmp_path) == environment.Stamp.wanted("demo")
    lock.write_text("numpy==2\n")
    assert environment.Stamp.read(tmp_path) != environment.Stamp.wanted("demo")


@pytest.mark.parametrize("text", ["", "{}", '{"lock": 1}', "[]", "not json"])
def test_a_stamp_that_cannot_be_read_counts_as_none(tool, tmp_path: Path, text: str) -> None:
    environment = tool("environment")
    environment.stamp_file(tmp_path).write_text(text)
    assert environment.Stamp.read(tmp_path) is None


def test_an_environment_made_for_more_serves_less(tool) -> None:
    environment = tool("environment")
    assert environment.larger("demo", "full") == "full"
    assert environment.larger("full", "lab") == "full"
    assert environment.larger("lab", None) == "lab"


def test_a_python_without_ensurepip_makes_a_bare_environment(tool, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = tool("environment")
    monkeypatch.setattr(environment.importlib.util, "find_spec", lambda name: None if name == "ensurepip" else name)
    assert "--without-pip" in environment.venv_command()


def test_a_python_without_venv_says_what_to_install(tool, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = tool("environment")
    monkeypatch.setattr(environment.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(environment.shutil, "which", lambda name: None)
    with pytest.raises(tool("report").SetUpFailed, match="python3-venv"):
        environment.venv_command()


def test_a_program_that_fails_is_reported_with_its_last_words_and_the_cure(tool) -> None:
    report = tool("report")
    with pytest.raises(report.SetUpFailed, match=r"(?s)ended with 3.*no route.*plug the cable in"):
        report.require([sys.executable, "-c", "print('no route'); exit(3)"], cure="plug the cable in")


@pytest.mark.parametrize("before", [None, b"#!/bin/sh\nexit 0\n"])
def test_the_policy_on_services_is_put_back_whatever_happens(tool, tmp_path: Path, before: bytes | None) -> None:
    policy = tmp_path / "policy-rc.d"
    if before is not None:
        policy.write_bytes(before)
        policy.chmod(0o700)
    forbidden = tool("system_packages").services_forbidden(policy)
    forbidden.__enter__()
    assert b"exit 101" in policy.read_bytes()
    assert stat.S_IMODE(policy.stat().st_mode) == 0o755
    failure = RuntimeError("disk full")
    assert not forbidden.__exit__(RuntimeError, failure, None)
    if before is None:
        assert not policy.exists()
    else:
        assert (policy.read_bytes(), stat.S_IMODE(policy.stat().st_mode)) == (before, 0o700)


def test_only_missing_programs_are_asked_for(tool) -> None:
    system_packages = tool("system_packages")
    assert system_packages.missing(["sh", "no-such-program"]) == ["no-such-program"]


def test_binder_installs_the_lock_of_the_course() -> None:
    requirements = (ROOT / "binder" / "requirements.txt").read_text(encoding="utf-8")
    named = re.findall(r"^-r (\S+)$", requirements, re.MULTILINE)
    assert [(ROOT / "binder" / name).resolve() for name in named] == [ROOT / "requirements" / "lab.txt"]


@pytest.mark.parametrize("script", [".ci/run", "binder/postBuild", "tools/setup.py"])
def test_a_script_is_executable(script: str) -> None:
    assert (ROOT / script).stat().st_mode & stat.S_IXUSR


def test_tests_go_on_where_the_package_system_fails(tool, monkeypatch: pytest.MonkeyPatch) -> None:
    system_packages = tool("system_packages")

    def fail(packages: list[str]) -> bool:
        raise tool("report").SetUpFailed(f"no route to {packages}")

    monkeypatch.setattr(system_packages, "may_install", lambda: True)
    monkeypatch.setattr(system_packages, "install", fail)
    assert system_packages.provide({"no-such-program": "no-such-package"}) == ["no-such-program"]
