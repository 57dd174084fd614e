"""The files that voxlab ships: speech samples, and the notebooks of the course.

They lie beside the package in a checkout (``data/``, ``notebooks/``) and inside it once installed from a wheel
(``voxlab/_data``, ``voxlab/_notebooks``); who asks need not know which. Must not know what the files mean.
"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from voxlab.base.errors import VoxlabError

_PACKAGE = Path(__file__).resolve().parent


def data_folder() -> Path:
    """Return the folder of the shipped samples."""
    return _shipped("data")


def notebooks_folder() -> Path:
    """Return the folder of the course's notebooks; it may be read-only: copy a notebook before changing it."""
    return _shipped("notebooks")


def sample(name: str) -> Path:
    """Return the path of a shipped sound.

    Parameters
    ----------
    name : str
        One of `samples`, such as ``"hello.wav"``.

    Raises
    ------
    VoxlabError
        When there is no such file; the text lists those there are.
    """
    there = samples()
    if name in there:
        return data_folder() / name
    near = get_close_matches(name, there, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(there) or 'none'}"
    raise VoxlabError(f"no shipped sound is called {name!r}{hint}")


def samples() -> list[str]:
    """Return the file names of the shipped sounds, sorted."""
    return sorted(path.name for path in data_folder().glob("*.wav"))


def _shipped(name: str) -> Path:
    """Return where a shipped folder lies: in the package when installed, beside it in a checkout."""
    installed = _PACKAGE / f"_{name}"
    return installed if installed.is_dir() else _PACKAGE.parent / name
