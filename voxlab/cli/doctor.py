"""``voxlab doctor``: what is installed, what is missing, and the exact command that adds it.

What voxlab cannot do without decides the exit code; what is optional is only said.
"""

from __future__ import annotations

import json
import platform
import socket
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import voxlab
from voxlab import data
from voxlab.cli import installed
from voxlab.cli.terminal import Terminal

OLDEST, NEWEST = (3, 11), (3, 14)
_NAME_CELLS = 14
_LOOPBACK_CURE = {"darwin": "run: sudo ifconfig lo0 alias {} up"}
_ANY_LOOPBACK_CURE = "give your system's loopback interface the address {}"


class Finding(NamedTuple):
    """Something looked at: what is there, whether that will do, whether voxlab needs it, and what cures it."""

    section: str
    name: str
    ok: bool
    found: str
    needed: bool = False
    cure: str = ""

    @property
    def mark(self) -> str:
        """✓ for there, ✗ for missing and needed, · for missing and optional."""
        return "✓" if self.ok else "✗" if self.needed else "·"


def run(wheelhouse: Path | None, as_json: bool, ascii: bool) -> int:  # noqa: A002 - the switch's name
    """Look, say what was found, and return 0 unless something is missing that voxlab needs."""
    if wheelhouse is not None:
        from voxlab.cli.wheelhouse import collect

        return collect(wheelhouse, as_json)
    found = list(findings())
    healthy = all(finding.ok for finding in found if finding.needed)
    if as_json:
        Terminal().json({"ok": healthy, "version": voxlab.__version__, "findings": [each._asdict() for each in found]})
    else:
        _show(Terminal(ascii=ascii), found, healthy)
    return 0 if healthy else 1


def findings() -> Iterator[Finding]:
    """Yield everything that is looked at, in order of the sections."""
    yield _python()
    yield from _packages()
    yield _kernels()
    yield _plane()
    yield from _loopback()
    yield from _shipped()
    yield from _extras()
    yield from _programs()


def _python() -> Finding:
    fits = OLDEST <= sys.version_info[:2] <= NEWEST
    said = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    wanted = f"voxlab runs on Python {OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}"
    return Finding("voxlab", "Python", fits, said, needed=True, cure="" if fits else wanted)


def _packages() -> Iterator[Finding]:
    for each in installed.requirements():
        said, cure = each.version or "not installed", ""
        if not each.fits:
            said, cure = f"{said}, wanted {each.wanted}", f"run: {installed.install_command(each)}"
        yield Finding("voxlab", each.name, each.fits, said, needed=True, cure=cure)


def _kernels() -> Finding:
    """Whether compiled kernels wait on disk for this Python and this Numba; without them slower twins serve."""
    from voxlab.kernels._jit import cache_directory

    folder = cache_directory()
    marker = folder / f"warm-{sys.implementation.cache_tag}.json"
    try:
        fits = json.loads(marker.read_text(encoding="utf-8"))["numba"] == metadata.version("numba")
    except (OSError, ValueError, KeyError, metadata.PackageNotFoundError):
        fits = False
    if fits:
        return Finding("voxlab", "kernels", True, f"compiled, in {folder}")
    cure = f"run: {sys.executable} -m voxlab.kernels.warm"
    return Finding("voxlab", "kernels", False, "not compiled yet; slower twins in NumPy do their work", cure=cure)


def _plane() -> Finding:
    """Whether live media has the thread outside the GIL; the portable plane moves packets everywhere else."""
    from voxlab.net.plane import build

    reason = build.why_not()
    if reason is not None:
        return Finding("voxlab", "media plane", False, f"portable: {reason}")
    if build.is_compiled():
        return Finding("voxlab", "media plane", True, "a thread outside the GIL")
    cure = f"run: {sys.executable} -m voxlab.net.plane.warm"
    return Finding(
        "voxlab", "media plane", False, "not compiled yet; the first live calls take the portable one", cure=cure
    )


def _loopback() -> Iterator[Finding]:
    """Whether live labs find the addresses that they put their hosts on."""
    for address, needed in (("127.0.0.1", True), ("127.0.0.2", sys.platform != "darwin"), ("::1", False)):
        trouble = _binding_trouble(address)
        cure = _LOOPBACK_CURE.get(sys.platform, _ANY_LOOPBACK_CURE).format(address) if trouble else ""
        yield Finding("network", address, not trouble, trouble or "usable: UDP and TCP", needed=needed, cure=cure)


def _binding_trouble(address: str) -> str:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            with socket.socket(family, kind) as probe:
                probe.bind((address, 0))
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _shipped() -> Iterator[Finding]:
    for name, folder in (("samples", data.data_folder()), ("notebooks", data.notebooks_folder())):
        there = folder.is_dir()
        yield Finding("voxlab", name, there, str(folder) if there else f"missing: {folder}", needed=True)


def _extras() -> Iterator[Finding]:
    for extra in installed.extras():
        wanted = installed.requirements(extra)
        missing = [each.name for each in wanted if not each.fits]
        said = ", ".join(f"{each.name} {each.version}" for each in wanted if each.fits)
        yield Finding(
            "extras", extra, not missing, f"missing: {', '.join(missing)}" if missing else said,
            cure=installed.cure_for_extra(extra) if missing else "",
        )  # fmt: skip


def _programs() -> Iterator[Finding]:
    for program in installed.PROGRAMS:
        path = program.path()
        said, cure = (path, "") if path else (f"not installed: {program.purpose}", f"run: {program.cure()}")
        yield Finding("programs", program.name, path is not None, said, cure=cure)


_SECTIONS = {
    "voxlab": "voxlab {version}",
    "network": "the loopback interface, for live labs",
    "extras": "optional: extras",
    "programs": "optional: programs of others",
}


def _show(terminal: Terminal, found: list[Finding], healthy: bool) -> None:
    for section, title in _SECTIONS.items():
        terminal.say(title.format(version=voxlab.__version__))
        for each in found:
            if each.section == section:
                terminal.table([(f"  {each.mark}", each.name, each.found)], _NAME_CELLS)
                if each.cure:
                    terminal.say(f"{'':{_NAME_CELLS + 5}}{each.cure}")
        terminal.say()
    missing = sum(not each.ok for each in found if not each.needed)
    rest = f"; optional and not here: {missing}" if missing else "; nothing is missing"
    terminal.say(f"✓ ready: voxlab demo{rest}" if healthy else "✗ something that voxlab needs is missing, see above")
