"""``voxlab doctor --wheelhouse``: the wheels of the course in a folder, for a room without a network.

They are those of the pinned lock, each checked against its hash, for this system and this Python.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from voxlab.base.errors import VoxlabError
from voxlab.cli.installed import checkout
from voxlab.cli.terminal import Terminal

LOCK = "lab"


def collect(folder: Path, as_json: bool) -> int:
    """Fill ``folder`` with the wheels that `make course` installs, and say how to use them.

    Raises
    ------
    VoxlabError
        Outside a checkout, without pip, or when pip fails.
    """
    lock = lock_file()
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(command(folder, lock), stdout=sys.stderr, check=False)
    if done.returncode:
        raise VoxlabError(f"pip could not collect the wheels of {lock.name}; what it said stands above")
    _report(folder, as_json)
    return 0


def lock_file() -> Path:
    """Return the lock whose wheels are collected."""
    lock = checkout() / "requirements" / f"{LOCK}.txt"
    if not lock.is_file():
        raise VoxlabError("--wheelhouse needs a checkout of voxlab: its requirements/ pin what is collected")
    return lock


def command(folder: Path, lock: Path) -> list[str]:
    """Return the command that downloads the wheels of a lock."""
    switches = ["--require-hashes", "--only-binary=:all:", "--quiet", "--dest", str(folder), "-r", str(lock)]
    return [*_pip(), "download", *switches]


def _pip() -> list[str]:
    if find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    outside = shutil.which("pip3") or shutil.which("pip")
    if outside is None:
        raise VoxlabError(f"collecting wheels takes pip; run: {sys.executable} -m ensurepip")
    return [outside, "--python", sys.executable]


def _report(folder: Path, as_json: bool) -> None:
    wheels = sorted(folder.glob("*.whl"))
    size = sum(wheel.stat().st_size for wheel in wheels)
    terminal = Terminal()
    if as_json:
        terminal.json({"wheelhouse": str(folder.resolve()), "wheels": len(wheels), "size_bytes": size})
        return
    terminal.say(f"✓ {len(wheels)} wheels, {size / 1e6:,.0f} MB, in {folder}")
    terminal.say("take the folder and the checkout to the other machine, then:")
    terminal.say(f"  PIP_NO_INDEX=1 PIP_FIND_LINKS={folder.name} make course")
    terminal.say("they fit machines with this system, this processor and this Python")
