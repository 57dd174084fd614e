"""The environment: .venv in the checkout, holding one of the locks of requirements/ and voxlab itself, editable.

A second call with nothing changed reads one stamp file and returns. The locks contain one another (demo, lab, full,
bench), so an environment made for a larger one serves the smaller ones too.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import system_packages
from report import SetUpFailed, answers, require, say

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCKS = ("demo", "lab", "full", "bench")
OLDEST, NEWEST = (3, 11), (3, 14)

NETWORK_CURE = (
    "If this machine has no way to a package index, set PIP_NO_INDEX=1 and PIP_FIND_LINKS to a folder of wheels"
    " (`voxlab doctor --wheelhouse DIR` fills one on a machine that has), then say the word again."
)
PIP_CURE = "Install pip for this Python (Debian: apt-get install python3-venv) or uv, then say the word again."


@dataclass(frozen=True)
class Stamp:
    """What an environment was made from; it is up to date while this would come out the same."""

    lock: str
    lock_digest: str
    project_digest: str
    root: str

    @classmethod
    def wanted(cls, lock: str) -> Stamp:
        """Return the stamp that an environment holding ``lock`` would get now."""
        return cls(lock, digest(lock_file(lock)), digest(ROOT / "pyproject.toml"), str(ROOT))

    @classmethod
    def read(cls, venv: Path) -> Stamp | None:
        """Return the stamp of an environment, None when there is none to be read."""
        try:
            return cls(**json.loads(stamp_file(venv).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, venv: Path) -> None:
        """Leave the stamp in an environment: the last thing that set-up does."""
        stamp_file(venv).write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def lock_file(lock: str) -> Path:
    """Return the file of pinned versions with their hashes."""
    return ROOT / "requirements" / f"{lock}.txt"


def stamp_file(venv: Path) -> Path:
    """Return where an environment's stamp lies."""
    return venv / "voxlab-set-up.json"


def program(name: str, venv: Path = VENV) -> str:
    """Return the path of a program of the environment."""
    folder, suffix = ("Scripts", ".exe") if os.name == "nt" else ("bin", "")
    return str(venv / folder / f"{name}{suffix}")


def larger(lock: str, other: str | None) -> str:
    """Return the lock of the two that contains the other."""
    return max(lock, other or lock, key=LOCKS.index)


def provide(lock: str) -> str:
    """Make .venv hold at least ``lock`` and voxlab, and return its interpreter.

    Raises
    ------
    SetUpFailed
        When something is missing that set-up cannot bring.
    """
    there = Stamp.read(VENV)
    lock = larger(lock, there.lock if there and there.lock in LOCKS else None)
    wanted = Stamp.wanted(lock)
    python = program("python")
    if there == wanted and version_of(python):
        return python
    if there and there.root != wanted.root:
        say(f".venv was made for {there.root}, an environment cannot be moved: making it anew")
        shutil.rmtree(VENV)
    make_venv(python)
    fill(python, lock)
    wanted.write(VENV)
    return python


def fill(python: str, lock: str) -> None:
    """Bring the environment to what the lock says, doing no more than what changed since its stamp."""
    there = Stamp.read(VENV)
    install = installer(python)
    if there is None or there.lock != lock or there.lock_digest != digest(lock_file(lock)):
        say(f"installing the pinned packages of requirements/{lock}.txt into .venv; only the first time takes long")
        require([*install, "--require-hashes", "-r", str(lock_file(lock))], cure=NETWORK_CURE)
    say("installing voxlab itself, editable")
    project = [*install, "--no-deps", "--no-build-isolation", "--no-index", "-e", str(ROOT)]
    require(project, cure="This is a fault of the checkout: pyproject.toml or a file that it names.")


def version_of(python: str) -> tuple[int, int] | None:
    """Return (major, minor) of an interpreter that works and that voxlab runs on, else None."""
    said = answers([python, "-c", "import sys; print(*sys.version_info[:2])"])
    if said is None:
        return None
    major, minor = map(int, said.split())
    return (major, minor) if OLDEST <= (major, minor) <= NEWEST else None


def make_venv(python: str) -> None:
    """Create .venv unless it is there and works; pip in it is welcome, not needed."""
    if version_of(python):
        return
    if VENV.exists():
        if not (VENV / "pyvenv.cfg").exists():
            raise SetUpFailed(f"{VENV} exists and is no virtual environment: move it away, then say the word again.")
        say(".venv does not work any more (its Python is gone or of another version): making it anew")
        shutil.rmtree(VENV)
    say(f"making .venv with Python {sys.version.split()[0]}")
    require(venv_command(), cure=PIP_CURE)


def venv_command() -> list[str]:
    """Return the command that makes .venv here, whatever this Python was shipped without."""
    if importlib.util.find_spec("venv"):
        # Debian ships ensurepip in python3-venv only; without it the environment is made bare and filled from outside.
        bare = [] if importlib.util.find_spec("ensurepip") else ["--without-pip"]
        return [sys.executable, "-m", "venv", *bare, str(VENV)]
    if importlib.util.find_spec("virtualenv"):
        return [sys.executable, "-m", "virtualenv", "--quiet", str(VENV)]
    if uv := shutil.which("uv"):
        return [uv, "venv", "--quiet", "--python", sys.executable, str(VENV)]
    raise SetUpFailed(f"This Python has neither venv nor virtualenv, and there is no uv.\n  {PIP_CURE}")


def installer(python: str) -> list[str]:
    """Return the command that installs into the environment: the first of the ways that works on this machine.

    Its own pip; the pip of the Python that runs this; a pip wheel that Debian keeps; uv; where root, python3-pip.
    """
    quiet = ["install", "--quiet", "--disable-pip-version-check"]
    if answers([python, "-m", "pip", "--version"]):
        return [python, "-m", "pip", *quiet]
    if foreign_pip_works(python):
        return [sys.executable, "-m", "pip", "--python", python, *quiet]
    for wheel in sorted(Path("/usr/share/python-wheels").glob("pip-*.whl"), reverse=True):
        if answers([python, f"{wheel}/pip", "--version"]):
            return [python, f"{wheel}/pip", *quiet]
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--quiet", "--python", python]
    if system_packages.may_install() and system_packages.install(["python3-pip"]) and foreign_pip_works(python):
        return [sys.executable, "-m", "pip", "--python", python, *quiet]
    raise SetUpFailed(f"There is no pip for {python} and no uv.\n  {PIP_CURE}")


def foreign_pip_works(python: str) -> bool:
    """Whether the pip of the Python that runs this can install into another environment (it can since 22.3)."""
    return answers([sys.executable, "-m", "pip", "--python", python, "--version"]) is not None
