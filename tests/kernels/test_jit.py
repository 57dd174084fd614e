from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from voxlab.kernels import _jit, g711

ROOT = Path(__file__).resolve().parents[2]


def run_python(code: str, **environment: str) -> str:
    """Run code in a fresh interpreter; return what it prints."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | environment,
    ).stdout.strip()


def test_importing_the_kernels_loads_neither_numba_nor_numpy() -> None:
    loaded = run_python("import sys, voxlab.kernels; print([m for m in ('numba', 'numpy') if m in sys.modules])")
    assert loaded == "[]"


def test_a_call_before_warming_neither_compiles_nor_imports_numba(tmp_path: Path) -> None:
    code = (
        "import sys, numpy as np\nfrom voxlab.kernels import g711, load, ready\n"
        "assert not load()\ng711.encode_ulaw(np.zeros(9, dtype=np.int16))\nprint('numba' in sys.modules, ready())"
    )
    assert run_python(code, NUMBA_CACHE_DIR=str(tmp_path)) == "False False"
    assert not list(tmp_path.rglob("*")), "nothing is written before somebody warms"


@pytest.mark.slow
@pytest.mark.timeout(600)  # a cold compilation on two slow cores
def test_warming_fills_a_cache_that_a_later_process_loads(tmp_path: Path) -> None:
    where = {"NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_DISABLE_JIT": "0"}
    said = run_python("from voxlab.kernels.warm import main; main([])", **where)
    folder = tmp_path / "voxlab" / f"kernels-{_jit.source_digest()}"
    assert str(folder) in said
    compiled = sorted(folder.rglob("*.nbc"))
    assert len(compiled) == len(_jit.kernels())
    stamps = [each.stat().st_mtime_ns for each in compiled]
    code = (
        "import numba\nbefore = numba.config.CACHE_DIR\nfrom voxlab.kernels import load, ready\n"
        "print(load(), ready(), numba.config.CACHE_DIR == before)"
    )
    assert run_python(code, **where) == "True True True"
    assert [each.stat().st_mtime_ns for each in sorted(folder.rglob("*.nbc"))] == stamps, "compiled again"


@pytest.mark.slow
@pytest.mark.timeout(600)  # a cold compilation on two slow cores
def test_warming_all_fills_the_cache_of_experiments_too(tmp_path: Path) -> None:
    where = {"NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_DISABLE_JIT": "0"}
    said = run_python("from voxlab.kernels.warm import main; main(['--all'])", **where)
    assert said.endswith("those of experiments included")
    names = {each.name.partition("-")[0] for each in tmp_path.rglob("*.nbc")}
    assert {f"{each.body.__module__.rpartition('.')[2]}.{each.body.__qualname__}" for each in _jit.long_runs()} <= names


def test_every_module_with_kernels_is_listed_once() -> None:
    listed = {"@kernel(": set(_jit.MODULES), "@long_run(": set(_jit.LONG_MODULES)}
    for path in Path(_jit.__file__).parent.glob("*.py"):
        for mark, names in listed.items():
            assert (f"\n{mark}" in path.read_text(encoding="utf-8")) == (path.stem in names), path.stem
    assert not set(_jit.MODULES) & set(_jit.LONG_MODULES)


def test_long_runs_are_not_compiled_with_the_kernels_of_calls() -> None:
    assert not {id(each) for each in _jit.kernels()} & {id(each) for each in _jit.long_runs()}


def test_a_cache_of_another_processor_or_version_is_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "0")
    folder = _jit.cache_directory()
    folder.mkdir(parents=True)
    (folder / f"warm-{sys.implementation.cache_tag}.json").write_text(json.dumps({"numba": "0.0"}))
    _jit.unload()
    assert not _jit.load()


def test_the_twins_serve_where_compilation_is_disabled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    _jit.unload()
    assert not _jit.warm()
    assert not _jit.ready()
    assert g711.encode_ulaw(np.zeros(1, dtype=np.int16))[0] == 0xFF


def test_the_cache_folder_changes_with_any_source() -> None:
    digests = set()
    before = _jit.source_digest()
    digests.add(before)
    assert _jit.source_digest() == before
    assert _jit.cache_directory().name == f"kernels-{before}"


def test_a_cache_that_cannot_be_written_falls_back_to_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(blocked / "below"))
    assert blocked not in _jit.cache_directory().parents
    assert not _jit.cache_directory().exists() or _jit.cache_directory().is_dir()
