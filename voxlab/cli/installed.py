"""What is installed here, and the exact command that adds what is not: packages, extras and programs of others.

Must not know what any of it is used for beyond a word.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import voxlab

# Debian keeps Kamailio where the path of an ordinary user does not lead.
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin", "/usr/local/sbin"])
_LOCK_OF_EXTRA = {
    "lab": "lab",
    "analysis": "lab",
    "sipp": "full",
    "dns": "full",
    "webrtc": "full",
    "cluster": "full",
    "dev": "full",
    "bench": "bench",
}


class Program(NamedTuple):
    """A program of others: ``commands`` it goes by, what it is for, and its package in Debian and in Homebrew."""

    name: str
    commands: tuple[str, ...]
    purpose: str
    debian: str
    homebrew: str | None = None

    def path(self) -> str | None:
        """Return where it is, None if it is not installed."""
        return next((path for name in self.commands if (path := shutil.which(name, path=SEARCH_PATH))), None)

    def cure(self) -> str:
        """Return the command that installs it on this system."""
        if shutil.which("apt-get"):
            return f"{_as_root()}apt-get install {self.debian}"
        if self.homebrew and shutil.which("brew"):
            return f"brew install {self.homebrew}"
        return f"install {self.name} (Debian's package is {self.debian})"


_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
PROGRAMS = (
    Program("SIPp", ("sipp",), "calls by the hundred, against voxlab serve", "sip-tester", "sipp"),
    Program("baresip", ("baresip",), "a SIP phone in a terminal", "baresip-core", "baresip"),
    Program("tshark", ("tshark",), "Wireshark's eyes on a saved capture", "tshark", "wireshark"),
    Program("Kamailio", ("kamailio",), "the yardstick of the benchmarks", "kamailio"),
    Program("Chromium", _CHROMIUM, "pictures of notebooks", "chromium", "--cask chromium"),
    Program("eSpeak NG", ("espeak-ng",), "makes the speech samples anew", "espeak-ng", "espeak-ng"),
)


class Requirement(NamedTuple):
    """A Python package: its ``version`` here, None if it is not installed, and the ``wanted`` range."""

    name: str
    version: str | None
    wanted: str
    fits: bool


def requirements(extra: str = "") -> list[Requirement]:
    """Return what voxlab itself needs, or what an extra needs beyond that, as far as it concerns this Python."""
    return [_requirement(text) for text in _texts(extra)]


def extras() -> list[str]:
    """Return the names of the extras."""
    try:
        return sorted(metadata.metadata("voxlab").get_all("Provides-Extra") or [])
    except metadata.PackageNotFoundError:
        return []


def _texts(extra: str) -> Iterator[str]:
    from packaging.requirements import Requirement as Text

    try:
        lines = metadata.requires("voxlab") or []
    except metadata.PackageNotFoundError:
        return
    for line in lines:
        text = Text(line)
        applies = text.marker is None or text.marker.evaluate({"extra": extra})
        for_all = text.marker is None or text.marker.evaluate({"extra": ""})
        if applies and for_all is not bool(extra):
            yield f"{text.name}{text.specifier}"


def _requirement(text: str) -> Requirement:
    from packaging.requirements import Requirement as Text

    asked = Text(text)
    try:
        version = metadata.version(asked.name)
    except metadata.PackageNotFoundError:
        return Requirement(asked.name, None, str(asked.specifier), fits=False)
    return Requirement(asked.name, version, str(asked.specifier), asked.specifier.contains(version, prereleases=True))


def cure_for_extra(extra: str) -> str:
    """Return the command that adds an extra: from the pinned locks in a checkout, by range elsewhere."""
    lock = _LOCK_OF_EXTRA.get(extra)
    if lock and (checkout() / "tools" / "setup.py").is_file():
        return f"run: {shlex.join(['python3', os.path.relpath(checkout() / 'tools' / 'setup.py'), 'install', lock])}"
    return f"run: {shlex.join([*_installer(), *_texts(extra)])}"


def install_command(requirement: Requirement) -> str:
    """Return the command that installs one package in the wanted range."""
    return shlex.join([*_installer(), f"{requirement.name}{requirement.wanted}"])


def checkout() -> Path:
    """Return the folder that holds the package: the project's own in a checkout."""
    return Path(voxlab.__file__).resolve().parent.parent


def _installer() -> list[str]:
    """Return the beginning of a command that installs packages for this interpreter."""
    if find_spec("pip") is None and shutil.which("uv"):
        return ["uv", "pip", "install", "--python", sys.executable]
    return [sys.executable, "-m", "pip", "install"]


def _as_root() -> str:
    return "" if hasattr(os, "geteuid") and os.geteuid() == 0 else "sudo "
