"""What set-up says to a person, and how it starts a program."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path


class SetUpFailed(Exception):
    """Set-up cannot go on; the text says what failed and what cures it."""


def say(sentence: str) -> None:
    """Print one line about what set-up does."""
    print(f"setup: {sentence}", file=sys.stderr, flush=True)


def start(command: Sequence[str], *, cwd: Path | None = None, environment: Mapping[str, str] | None = None) -> int:
    """Run a program with our own input and output and return its exit code."""
    sys.stdout.flush()
    return subprocess.run(list(command), cwd=cwd, env=environment, check=False).returncode


def answers(command: Sequence[str]) -> str | None:
    """Return what a short program prints, None when it cannot be run or fails."""
    try:
        run = subprocess.run(list(command), capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    except OSError:
        return None
    return run.stdout.strip() if run.returncode == 0 else None


def require(command: Sequence[str], *, cure: str, environment: Mapping[str, str] | None = None) -> None:
    """Run a program quietly.

    Raises
    ------
    SetUpFailed
        When it fails: the last lines it printed, and the cure.
    """
    try:
        run = subprocess.run(
            list(command),
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
        )
    except OSError as error:
        raise SetUpFailed(f"{shlex.join(command)}: {error}\n  {cure}") from error
    if run.returncode:
        tail = "\n".join(f"  | {line}" for line in run.stdout.splitlines()[-15:])
        raise SetUpFailed(f"{shlex.join(command)} ended with {run.returncode}:\n{tail}\n  {cure}")
