"""The shape of the house that no linter sees: what a sans-IO floor may not touch and an import may not cost."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import voxlab

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "voxlab"
SANS_IO = ("base", "kernels", "sip", "media", "transaction", "dialog", "elements", "analysis", "display")
CLOCKS_AND_WIRES = {"socket", "asyncio", "threading", "select", "selectors", "time", "ctypes"}
CHANCE = {"random", "secrets"}
WHERE_CHANCE_LIVES = PACKAGE / "base" / "ids.py"
HEAVY = ("numba", "numpy", "pandas", "matplotlib", "IPython", "aiortc", "cryptography")
# Written in halves, so that this file does not name what it forbids.
REGISTRIES = [
    first + "." + last
    for first, last in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("deb.debian", "org"),
        ("anaconda", "org"),
        ("yarnpkg", "com"),
        ("jsdelivr", "net"),
        ("unpkg", "com"),
        ("crates", "io"),
    )
]
MACHINE_PATH = re.compile(r"(?<![\w.$}~-])/(?:root|work|home/\w+|Users/\w+)/|[A-Z]:\\\\?Users\\")


def sources(*folders: str) -> list[Path]:
    """Return the Python files of some rooms, of the whole package without arguments."""
    tops = [PACKAGE / folder for folder in folders] if folders else [PACKAGE]
    return sorted(path for top in tops for path in top.rglob("*.py"))


def tree_of(path: Path) -> ast.Module:
    """Parse a source file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported_modules(tree: ast.Module) -> Iterator[str]:
    """Yield the top-level name of everything that a file imports, wherever in the file, by statement or by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in {"import_module", "__import__"}:
                yield str(node.args[0].value).split(".")[0]


def names_used(tree: ast.Module) -> set[str]:
    """Return every identifier, attribute and imported name of a file."""
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return names | {a.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for a in node.names}


def relative(path: Path) -> str:
    """Return a path as a reader of the failure wants it."""
    return path.relative_to(ROOT).as_posix()


def tracked_files() -> list[Path]:
    """Return the files that are, or would be, under version control."""
    git = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(git, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    paths = (ROOT / name for name in listing.split("\0") if name)
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def texts() -> Iterator[tuple[Path, str]]:
    """Yield every file that is text, with the text."""
    for path in tracked_files():
        content = path.read_bytes()
        if b"\0" not in content[:8192]:
            yield path, content.decode(errors="replace")


def test_the_sans_io_floors_touch_no_clock_and_no_wire() -> None:
    files = sources(*SANS_IO)
    found = {relative(path): bad for path in files if (bad := CLOCKS_AND_WIRES & set(imported_modules(tree_of(path))))}
    assert len(files) > len(SANS_IO)
    assert found == {}


def test_chance_lives_in_base_ids_alone() -> None:
    others = (path for path in sources(*SANS_IO) if path != WHERE_CHANCE_LIVES)
    found = {relative(path): bad for path in others if (bad := CHANCE & set(imported_modules(tree_of(path))))}
    assert set(imported_modules(tree_of(WHERE_CHANCE_LIVES))) & CHANCE
    assert found == {}


def test_numpy_random_is_not_used_on_the_sans_io_floors() -> None:
    found = [
        f"{relative(path)}:{node.lineno}"
        for path in sources(*SANS_IO)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"np.random", "numpy.random"}
    ]
    assert found == []


def test_no_kernel_calls_out_of_numba() -> None:
    assert [relative(path) for path in sources(*SANS_IO) if "ExternalFunction" in names_used(tree_of(path))] == []


def test_kernels_import_nothing_of_ours_but_kernels() -> None:
    found = [
        f"{relative(path)}: {node.module}"
        for path in sources("kernels")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith("voxlab")
        and not (node.module or "").startswith("voxlab.kernels")
    ]
    assert found == []


def test_the_floors_hold() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "2 kept, 0 broken" in run.stdout


def test_every_room_names_itself_in_a_docstring() -> None:
    found = [relative(path) for path in sources() if path.stat().st_size and not ast.get_docstring(tree_of(path))]
    assert found == []


@pytest.mark.parametrize("module", ["voxlab", "voxlab.cli", "voxlab.sip.parser", "voxlab.transaction.layer"])
def test_importing_is_light(module: str) -> None:
    program = f"import sys, {module}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    loaded = set(run.stdout.split())
    assert "voxlab" in loaded
    assert loaded & set(HEAVY) == set()


@pytest.mark.parametrize("name", voxlab.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(voxlab, name).__name__.rpartition(".")[2] == name
    assert name in dir(voxlab)


def test_an_unknown_public_name_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(AttributeError, match=r"it has .*Lab"):
        _ = voxlab.Laboratory  # type: ignore[attr-defined]


def test_no_file_names_a_package_registry() -> None:
    found = [f"{relative(path)}: {host}" for path, text in texts() for host in REGISTRIES if host in text]
    assert found == []


def test_no_file_holds_a_path_of_somebodys_machine() -> None:
    found = [f"{relative(path)}: {match.group()}" for path, text in texts() if (match := MACHINE_PATH.search(text))]
    assert found == []


def test_the_floor_plan_names_every_module() -> None:
    plan = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    floors = plan[plan.index("## The floors") : plan.index("## A call walks through")]
    named = set(re.findall(r"\w+", floors))
    modules = {path.stem for path in PACKAGE.rglob("*.py") if not path.stem.startswith("__")}
    assert {name for name in modules if not name.startswith("lesson_")} <= named
