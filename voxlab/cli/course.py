"""``voxlab course``: JupyterLab on the notebooks, without the question about news and without looking for updates."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from voxlab import data
from voxlab.base.errors import VoxlabError
from voxlab.cli.installed import cure_for_extra
from voxlab.cli.terminal import Terminal

_COPY = "voxlab-course"
# JupyterLab merges every labconfig/ on this path; ours turns its announcements off (they need a network, too).
_SETTINGS = Path(data.__file__).resolve().parent / "notebook" / "jupyter"


def run(switches: Sequence[str], as_json: bool) -> int:
    """Become JupyterLab, opened on the notebooks.

    Raises
    ------
    VoxlabError
        When JupyterLab is not installed.
    """
    if find_spec("jupyterlab") is None:
        raise VoxlabError(f"the course opens in JupyterLab, which is not installed here; {cure_for_extra('lab')}")
    folder = working_folder()
    trust(folder)
    start = command(folder, switches)
    if as_json:
        Terminal().json({"notebooks": str(folder), "command": start})
    else:
        Terminal().say(f"the course is in {folder}; Ctrl-C ends JupyterLab")
    return _become(start, environment(os.environ))


def working_folder() -> Path:
    """Return the folder to work in: that of a checkout, or a copy here of the one that came with the package."""
    folder = data.notebooks_folder()
    if not folder.is_dir():
        raise VoxlabError(f"the notebooks are not at {folder}: this installation is not complete")
    if not folder.is_relative_to(Path(data.__file__).resolve().parent):
        return folder
    copy = Path.cwd() / _COPY
    for source in sorted(path for path in folder.rglob("*") if path.is_file()):
        target = copy / source.relative_to(folder)
        if not target.exists():  # what somebody has worked on stays theirs
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    return copy


def trust(folder: Path) -> None:
    """Sign the notebooks as the user's own, or JupyterLab hides their pictures until each cell is run again."""
    from jupyter_core.paths import jupyter_data_dir

    sign = import_module("nbformat.sign")
    Path(jupyter_data_dir()).mkdir(parents=True, exist_ok=True)  # a fresh home has none, and the notary makes none
    notary = sign.NotebookNotary()
    for path in sorted(folder.glob("*.ipynb")):
        notary.sign(import_module("nbformat").read(path, as_version=4))
    notary.store.close()


def command(folder: Path, switches: Sequence[str]) -> list[str]:
    """Return the command that starts JupyterLab on a folder; whatever would ask the network is off."""
    offline = ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate", "--LabApp.extension_manager=readonly"]
    return [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder}", *offline, *_for_root(), *switches]


def _for_root() -> list[str]:
    """Return what JupyterLab wants to hear from root, who is the only user of many a container."""
    return ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []


def environment(old: os._Environ[str] | dict[str, str]) -> dict[str, str]:
    """Return the environment for JupyterLab: our settings lie under the user's own."""
    paths = [path for path in (old.get("JUPYTER_CONFIG_PATH"), str(_SETTINGS)) if path]
    return {**old, "JUPYTER_CONFIG_PATH": os.pathsep.join(paths)}


def _become(start: list[str], variables: dict[str, str]) -> int:
    """Put JupyterLab in the place of this process, so that signals reach it and nobody else."""
    if os.name == "posix":
        sys.stdout.flush()
        os.execve(start[0], start, variables)
    return subprocess.run(start, env=variables, check=False).returncode
