"""The words of the project: each makes the environment it needs and starts the programs that do the work."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Callable, Sequence

import environment
import system_packages
from environment import LOCKS, ROOT, lock_file, program
from report import SetUpFailed, say, start

EXTRAS_OF_LOCK = {
    "demo": (),
    "lab": ("lab", "analysis"),
    "full": ("lab", "analysis", "sipp", "dns", "webrtc", "cluster", "dev"),
    "bench": ("lab", "analysis", "sipp", "dns", "webrtc", "cluster", "dev", "bench"),
}
WITH_PEERS = {**os.environ, "PATH": system_packages.SEARCH_PATH}  # Debian keeps Kamailio where users do not look
PYTEST = ("-m", "pytest", "-q")
WITHOUT_NOTEBOOKS = ("-p", "no:nbval", "-p", "no:nbmake")  # importing Jupyter costs each worker four seconds


def prepare(lock: str) -> str:
    """Provide an environment with compiled kernels and return its interpreter."""
    python = environment.provide(lock)
    warm = ROOT / "voxlab" / "net" / "plane" / "warm.py"
    if warm.exists() and start([python, "-m", "voxlab.net.plane.warm"], cwd=ROOT):
        raise SetUpFailed("the kernels did not compile; what they said stands above.")
    return python


def worst(codes: Sequence[int]) -> int:
    """Return the exit code of several programs run one after the other: 0 only when each was 0."""
    return next((code for code in codes if code), 0)


def demo(arguments: list[str]) -> int:
    """The article's story in a terminal: simulated, plus one live call. Needs no system package."""
    prepare("demo")
    return start([program("voxlab"), "demo", *arguments], cwd=ROOT)


def course(arguments: list[str]) -> int:
    """JupyterLab, opened on the course."""
    prepare("lab")
    return start([program("voxlab"), "course", *arguments], cwd=ROOT)


def test(arguments: list[str]) -> int:
    """All tests; as root it first installs the peers they talk to. With arguments: pytest with these."""
    python = prepare("full")
    system_packages.provide(system_packages.PEERS)
    if arguments:
        return start([python, *PYTEST, *arguments], cwd=ROOT, environment=WITH_PEERS)
    pytest = [python, *PYTEST, *WITHOUT_NOTEBOOKS]
    ordinary = start([*pytest, "-n", "2", "-m", "not peers and not notebooks"], cwd=ROOT, environment=WITH_PEERS)
    # Each of these owns ports, a namespace or both cores: one after the other.
    peers = start([*pytest, "-m", "peers"], cwd=ROOT, environment=WITH_PEERS)
    # What live media does where there is no thread outside the GIL, such as on macOS and Windows.
    portable = {**WITH_PEERS, "VOXLAB_PLANE": "portable"}
    elsewhere = start([*pytest, "tests/contract", "tests/host", "tests/lab"], cwd=ROOT, environment=portable)
    return worst([ordinary, peers, elsewhere])


def check(arguments: list[str]) -> int:
    """ruff, mypy --strict and the floors of ARCHITECTURE.md."""
    python = environment.provide("full")
    ruff = start([python, "-m", "ruff", "check", *arguments], cwd=ROOT)
    mypy = start([python, "-m", "mypy"], cwd=ROOT)
    floors = start([program("lint-imports"), "--no-cache"], cwd=ROOT)
    return worst([ruff, mypy, floors])


def bench(arguments: list[str]) -> int:
    """The benchmarks: ratios against sippy, sipmessage and Kamailio, measured in the same run."""
    python = prepare("bench")
    system_packages.provide(system_packages.YARDSTICKS)
    return start([python, "-m", "benchmarks", *arguments], cwd=ROOT, environment=WITH_PEERS)


def notebooks(arguments: list[str]) -> int:
    """Every notebook twice: outputs compared strictly by nbval, then run to the end by nbmake."""
    python = prepare("full")
    chosen = arguments or ["notebooks"]
    nbval = ["--nbval", "--nbval-current-env", "--nbval-cell-timeout=60", "--timeout=600"]
    sanitize = ROOT / "notebooks" / "sanitize.cfg"
    nbval += [f"--nbval-sanitize-with={sanitize}"] if sanitize.exists() else []
    calm = {**os.environ, "VOXLAB_PROGRESS": "0"}  # a bar in a cell's output would be a difference
    compared = start([python, *PYTEST, *nbval, *chosen], cwd=ROOT, environment=calm)
    nbmake = ["--nbmake", "--nbmake-timeout=120", "--timeout=600"]
    executed = start([python, *PYTEST, *nbmake, *chosen], cwd=ROOT, environment=calm)
    return worst([compared, executed])


def lock(arguments: list[str]) -> int:
    """Write requirements/*.txt anew from pyproject.toml; with --upgrade, to the newest versions."""
    environment.provide("full")
    newest_first = list(reversed(LOCKS))
    return worst([compile_lock(name, newest_first[:index], arguments) for index, name in enumerate(newest_first)])


def compile_lock(name: str, larger: Sequence[str], arguments: Sequence[str]) -> int:
    """Pin one lock and the build backend for every Python and system, at the versions of the next larger lock."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    backend = ROOT / ".venv" / "build-backend.in"
    backend.write_text("\n".join(project["build-system"]["requires"]) + "\n", encoding="utf-8")
    options = ["--quiet", "--universal", "--python-version", "3.11", "--generate-hashes", "--no-config"]
    options += ["--no-emit-index-url", "--no-header", "--no-annotate"]
    options += [f"--extra={extra}" for extra in EXTRAS_OF_LOCK[name]]
    options += [f"--constraint={lock_file(other)}" for other in larger[-1:]]
    options += ["--output-file", str(lock_file(name)), *arguments]
    return start([program("uv"), "pip", "compile", *options, "pyproject.toml", str(backend)], cwd=ROOT)


def install(arguments: list[str]) -> int:
    """Only make .venv: `install demo` (the default), `install lab`, `install full` or `install bench`."""
    name = arguments[0] if arguments else "demo"
    if name not in LOCKS:
        raise SetUpFailed(f"there is no lock named {name!r}; there are {', '.join(LOCKS)}.")
    say(f"ready: {prepare(name)}")
    return 0


WORDS: dict[str, Callable[[list[str]], int]] = {
    word.__name__: word for word in (demo, course, test, check, bench, notebooks, lock, install)
}


def usage() -> str:
    """Return the list of words, each with the first sentence of its docstring."""
    rows = (f"  {name:<10} {(word.__doc__ or '').splitlines()[0]}" for name, word in WORDS.items())
    return "usage: make WORD, or python3 tools/setup.py WORD [arguments handed on]\n\n" + "\n".join(rows)


def run(arguments: list[str]) -> int:
    """Do what the first argument says and return its exit code."""
    if not arguments or arguments[0] in {"help", "-h", "--help"}:
        print(usage())
        return 0
    word = WORDS.get(arguments[0])
    if word is None:
        print(f"setup: there is no word {arguments[0]!r}.\n{usage()}", file=sys.stderr)
        return 2
    try:
        return word(arguments[1:])
    except SetUpFailed as failure:
        print(f"setup: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
