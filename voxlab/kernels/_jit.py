"""Where compiled kernels live on disk, and the choice between a kernel's compiled body and its numpy twin.

Must not know what any kernel computes.

The cache folder's name holds a digest of every source in this folder, because numba notices an edit only in the file of
the function that it caches: a cached caller would go stale when a callee elsewhere changes.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Generic, ParamSpec, TypeVar, cast

P = ParamSpec("P")
R = TypeVar("R")

MODULES: Final = (
    "g711",
    "goertzel",
    "jitter",
    "mixing",
    "quality",
    "resampling",
    "sequence",
    "stream_statistics",
    "tones",
    "wireshark",
)
LONG_MODULES: Final = (
    "concealment",
    "impairments",
    "optimum",
    "playout_classic",
    "playout_figures",
    "playout_histogram",
    "playout_neteq",
    "playout_stacks",
)
"""Those of long runs, which are compiled beforehand only when asked for."""
_registry: list[Kernel[Any, Any]] = []
_long: list[LongRun[Any, Any]] = []
_inner: list[Callable[..., Any]] = []


class Kernel(Generic[P, R]):
    """One computation with two bodies.

    Attributes
    ----------
    body : callable
        Plain Python in numba's subset; what gets compiled.
    twin : callable
        The same result by numpy, or by the body over lists; serves until the compiled body is there.
    signature : str
        Numba types, so that one body means one compilation; inputs are read-only arrays, which accept writable ones
        too.
    run : callable
        What a call executes now: the twin, or the compiled body once `load` or `warm` has been called.
    """

    __slots__ = ("body", "run", "signature", "twin")

    def __init__(self, body: Callable[P, R], twin: Callable[P, R], signature: str) -> None:
        self.body = body
        self.twin = twin
        self.signature = signature
        self.run = twin

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the body of the moment."""
        return self.run(*args, **kwargs)


def kernel(signature: str, *, twin: Callable[P, R]) -> Callable[[Callable[P, R]], Kernel[P, R]]:
    """Make a `Kernel` of the decorated body; it compiles later, to run without the GIL and to be cached on disk."""

    def register(body: Callable[P, R]) -> Kernel[P, R]:
        made = Kernel(body, twin, signature)
        _registry.append(made)
        return made

    return register


class LongRun(Kernel[P, R]):
    """A kernel of long work (traces, jitter buffers): it compiles when it is first called, not with the others.

    No call of a phone waits for it, so it has no numpy twin: where ``NUMBA_DISABLE_JIT`` forbids compiling, the plain
    body runs.
    """

    __slots__ = ()

    def __init__(self, body: Callable[P, R], signature: str) -> None:
        super().__init__(body, body, signature)
        self.run = self._first

    def _first(self, *args: P.args, **kwargs: P.kwargs) -> R:
        self.compile()
        return self.run(*args, **kwargs)

    def compile(self) -> None:
        """Take the compiled body, from the disk cache where that holds it."""
        if _jit_disabled():
            self.run = self.body
            return
        folder = cache_directory()
        folder.mkdir(parents=True, exist_ok=True)
        self.run = _compiled(self, folder)


def long_run(signature: str) -> Callable[[Callable[P, R]], LongRun[P, R]]:
    """Make a `LongRun` of the decorated body."""

    def register(body: Callable[P, R]) -> LongRun[P, R]:
        made = LongRun(body, signature)
        _long.append(made)
        return made

    return register


def inner(function: Callable[P, R]) -> Callable[P, R]:
    """Mark a plain function that kernel bodies call: it stays Python for Python, and compiles into its callers."""
    _inner.append(function)
    return function


def kernels() -> tuple[Kernel[Any, Any], ...]:
    """Return every kernel of this folder, importing its modules (and numpy) first."""
    for name in MODULES:
        importlib.import_module(f"voxlab.kernels.{name}")
    return tuple(_registry)


def long_runs() -> tuple[LongRun[Any, Any], ...]:
    """Return every long run of this folder, importing its modules (and numpy) first."""
    for name in LONG_MODULES:
        importlib.import_module(f"voxlab.kernels.{name}")
    return tuple(_long)


def source_digest() -> str:
    """Return 16 hexadecimal digits that change with any source file of this folder."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _user_cache() -> Path:
    """Return the user's cache folder by the custom of each system; ``NUMBA_CACHE_DIR`` goes before."""
    if given := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(given)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def cache_directory() -> Path:
    """Return the folder of the compiled kernels, keyed by their sources; it may not exist yet.

    Returns
    -------
    Path
        Below the user's cache folder; below the system's folder for temporary files where the former cannot be written
        or found.
    """
    name = f"kernels-{source_digest()}"
    try:
        folder = _user_cache()
    except RuntimeError:  # a user without a home directory
        folder = Path()
    if folder.is_absolute() and _writable(folder):
        return folder / "voxlab" / name
    owner = str(os.getuid()) if hasattr(os, "getuid") else "user"
    return Path(tempfile.gettempdir()) / f"voxlab-{owner}" / name


def _writable(folder: Path) -> bool:
    """Tell whether the folder, or what would become its parent, takes new files."""
    there = next((each for each in (folder, *folder.parents) if each.exists()), None)
    return there is not None and there.is_dir() and os.access(there, os.W_OK)


def _marker(folder: Path) -> Path:
    return folder / f"warm-{sys.implementation.cache_tag}.json"


def fingerprint() -> dict[str, str]:
    """Return what a compiled kernel depends on besides its source (slow the first time: it imports llvmlite)."""
    numba = importlib.import_module("numba")
    binding = importlib.import_module("llvmlite.binding")
    return {
        "numba": numba.__version__,
        "cpu": binding.get_host_cpu_name(),
        "features": binding.get_host_cpu_features().flatten(),
    }


@contextmanager
def caching_below(folder: Path) -> Iterator[None]:
    """Point numba's cache to ``folder`` for our decorators only; a notebook's own functions stay where they were.

    One thread at a time: the folder is the process's, and whoever is in the wrong one compiles for nothing.
    """
    config = importlib.import_module("numba").config
    with importlib.import_module("numba.core.compiler_lock").global_compiler_lock:
        before = config.CACHE_DIR
        config.CACHE_DIR = str(folder)
        try:
            yield
        finally:
            config.CACHE_DIR = before


def _jit_disabled() -> bool:
    return os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")


def _compile_all(folder: Path) -> None:
    """Give every kernel its compiled body, from the cache in ``folder`` where that holds it."""
    for each in kernels():
        each.run = _compiled(each, folder)


def _compiled(kernel: Kernel[P, R], folder: Path) -> Callable[P, R]:
    """Return a kernel's compiled body, and leave it in the cache."""
    njit = importlib.import_module("numba").njit
    while _inner:
        importlib.import_module("numba.extending").register_jitable(_inner.pop())
    with caching_below(folder):
        return cast("Callable[P, R]", njit(kernel.signature, nogil=True, cache=True)(kernel.body))


def ready() -> bool:
    """Tell whether calls run compiled bodies."""
    return any(each.run is not each.twin for each in _registry)


def load() -> bool:
    """Switch to the compiled bodies if the disk cache holds them all; never compiles.

    Importing numba takes some tenths of a second, so whoever prepares long work (a live lab, a benchmark, a big
    capture) calls this; short simulated calls do without.

    Returns
    -------
    bool
        Whether calls run compiled bodies from now on.
    """
    if ready():
        return True
    marker = _marker(cache_directory())
    if _jit_disabled() or not marker.exists():
        return False
    if json.loads(marker.read_text()) != fingerprint():
        return False
    _compile_all(marker.parent)
    return True


def warm() -> bool:
    """Compile every kernel into the disk cache and switch to the compiled bodies.

    It takes seconds, once for each version of the sources, of Python and of numba.

    Returns
    -------
    bool
        False where ``NUMBA_DISABLE_JIT`` forbids it.
    """
    if _jit_disabled():
        return False
    if not load():
        folder = cache_directory()
        folder.mkdir(parents=True, exist_ok=True)
        _compile_all(folder)
        partial = _marker(folder).with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(fingerprint()))
        partial.replace(_marker(folder))
    return True


def warm_long_runs() -> bool:
    """Compile the long runs, too (traces, jitter buffers), so that no experiment waits for its first kernel.

    They take several times as long as those that serve calls; without this each compiles when it is first called.

    Returns
    -------
    bool
        False where ``NUMBA_DISABLE_JIT`` forbids it.
    """
    if _jit_disabled():
        return False
    for each in long_runs():
        each.compile()
    return True


def unload() -> None:
    """Go back to the numpy twins, as a fresh process would."""
    for each in _registry:
        each.run = each.twin
