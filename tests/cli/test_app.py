"""The command line as a whole: quick to start, and never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import voxlab
from voxlab.cli import main
from voxlab.cli.terminal import Terminal


def test_help_loads_nothing_heavy() -> None:
    loaded = "print(*{name.split('.')[0] for name in sys.modules}, file=sys.stderr)"
    program = f"import sys; from voxlab.cli import main; main([]); {loaded}"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert {"demo", "course", "serve", "message", "doctor"} <= set(run.stdout.split())
    assert not {"numba", "numpy", "pandas", "matplotlib", "cryptography", "IPython"} & set(run.stderr.split())


def test_the_version_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"voxlab {voxlab.__version__}\n"


def test_a_fault_of_our_own_is_a_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(*_: object) -> int:
        raise RuntimeError("the roof is off")

    monkeypatch.setattr("voxlab.cli.doctor.run", broken)
    assert main(["doctor"]) == 1
    said = capsys.readouterr().err
    assert "RuntimeError: the roof is off" in said
    assert "Traceback" not in said


class Screen:
    """A stream that is a terminal."""

    def __init__(self, encoding: str) -> None:
        self.encoding, self.written = encoding, ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.written += text
        return len(text)

    def flush(self) -> None:
        """Keep nothing back."""


def test_marks_are_coloured_on_a_terminal_unless_no_color_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    screen = Screen("utf-8")
    Terminal(screen).say("  ✓ well")  # type: ignore[arg-type]
    monkeypatch.setenv("NO_COLOR", "1")
    Terminal(screen).say("  ✓ well")  # type: ignore[arg-type]
    assert screen.written == "  \x1b[32m✓\x1b[0m well\n  ✓ well\n"


def test_a_terminal_without_unicode_gets_ascii() -> None:
    screen = Screen("latin-1")
    Terminal(screen).say("✓ alice → bob")  # type: ignore[arg-type]
    assert screen.written == "ok alice -> bob\n"


def test_python_m_voxlab_is_the_same_command() -> None:
    variables = {**os.environ, "COLUMNS": "80"}
    run = subprocess.run(
        [sys.executable, "-m", "voxlab", "--help"], capture_output=True, text=True, check=True, env=variables
    )
    assert run.stdout.startswith("Usage: voxlab")
