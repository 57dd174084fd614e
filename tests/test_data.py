"""The shipped files are found, in a checkout and in a wheel."""

from __future__ import annotations

import subprocess
import sys
import wave
import zipfile
from pathlib import Path

import pytest

import voxlab
from voxlab import data

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    backend = f"import hatchling.build; print(hatchling.build.build_wheel({str(folder)!r}))"
    subprocess.run([sys.executable, "-c", backend], cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.mark.parametrize("name", data.samples())
def test_a_sample_is_a_sound(name: str) -> None:
    with wave.open(str(data.sample(name))) as sound:
        assert sound.getnframes() > sound.getframerate() // 2


def test_a_wrong_sample_name_gets_a_hint() -> None:
    with pytest.raises(voxlab.VoxlabError, match=r"did you mean 'hello\.wav'"):
        data.sample("helo.wav")


@pytest.mark.parametrize("name", ["../pyproject.toml", "", ".", "README.md"])
def test_only_sounds_are_samples(name: str) -> None:
    with pytest.raises(voxlab.VoxlabError, match="no shipped sound"):
        data.sample(name)


def test_a_wheel_holds_the_package_its_types_its_sounds_and_the_course(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"voxlab/__init__.py", "voxlab/py.typed"} <= names
    assert {f"voxlab/_data/{name}" for name in data.samples()} <= names
    assert {f"voxlab/_notebooks/{path.name}" for path in data.notebooks_folder().glob("*.ipynb")} <= names


def test_what_is_installed_from_a_wheel_finds_its_samples(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    ask = "from voxlab import data; print(*data.samples(), data.data_folder())"
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {ask}"
    run = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.split() == [*data.samples(), str(tmp_path / "voxlab" / "_data")]
