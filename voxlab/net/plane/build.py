"""Where the compiled media plane comes from: the disk cache, or the compiler in a process of its own.

No call waits for either: the portable plane serves until `ready`. Must not know what is compiled.
"""

from __future__ import annotations

import atexit
import hashlib
import importlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Final

from voxlab import kernels
from voxlab.kernels import _jit
from voxlab.net.plane import layout

_MODULE: Final = "voxlab.net.plane.loop"
_NICE: Final = 15  # the compiler gives way to calls


def source_digest() -> str:
    """Return 16 hexadecimal digits that change with any source file of this folder, and with the folder.

    Numba looks for what it has compiled by the path and the time of the file that it compiled.
    """
    compiled = Path(__file__).with_name("loop.py")
    digest = hashlib.sha256(f"{compiled} {compiled.stat().st_mtime_ns}".encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def cache_directory() -> Path:
    """Return the folder of the compiled plane, beside that of the kernels; it may not exist yet."""
    return _jit.cache_directory().parent / f"plane-{source_digest()}"


def _marker(folder: Path) -> Path:
    return folder / f"warm-{sys.implementation.cache_tag}.json"


def why_not() -> str | None:
    """Return why there can be no compiled plane here, None when there can."""
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"}:
        return "NUMBA_DISABLE_JIT is set"
    return layout.UNAVAILABLE or next(iter(_trouble), None)


_loaded: list[bool] = []
_preparing: list[threading.Thread] = []
_birth = threading.Lock()
_trouble: list[str] = []


def ready() -> ModuleType | None:
    """Return the compiled plane if it has been loaded."""
    return sys.modules.get(_MODULE) if _loaded else None


def prepare() -> None:
    """See to it, in the background and once, that the plane gets `ready`: loaded, or compiled first."""
    with _birth:
        if _preparing or why_not() is not None:
            return
        _preparing.append(threading.Thread(target=_prepare, name="voxlab-warming", daemon=True))
        _preparing[0].start()


def _prepare() -> None:
    try:
        if not load() and _compiled_elsewhere():
            load()
    except Exception as error:  # noqa: BLE001 - whatever it is, calls go on without; `why_not` tells whoever asks
        _trouble.append(f"its code could not be loaded: {error}")


def _compiled_elsewhere() -> bool:
    """Compile in a process of its own, which takes no GIL from anybody; it ends with this one."""
    nice = ["nice", "-n", str(_NICE)] if Path("/usr/bin/nice").exists() else []
    nobody = subprocess.DEVNULL
    compiler = subprocess.Popen(
        [*nice, sys.executable, "-m", "voxlab.net.plane.warm"], stdin=nobody, stdout=nobody, stderr=nobody
    )
    atexit.register(compiler.kill)
    try:
        return compiler.wait() == 0
    finally:
        atexit.unregister(compiler.kill)


def is_compiled() -> bool:
    """Tell whether the disk cache holds the compiled plane for this Python, this Numba and this processor."""
    try:
        found = json.loads(_marker(cache_directory()).read_text())
    except (OSError, ValueError):  # not there, or not whole
        return False
    return bool(found == _jit.fingerprint())


def load() -> bool:
    """Load the compiled plane, and the kernels that count its packets, if the disk cache holds them; never compile."""
    if ready() is not None:
        return True
    if why_not() is not None:
        return False
    if not is_compiled():
        return False
    kernels.load()
    _import(cache_directory())
    return True


def _import(folder: Path) -> None:
    """Import what is compiled by being imported, its cache in ``folder``."""
    with _jit.caching_below(folder):
        importlib.import_module(_MODULE)
    _loaded.append(True)


def warm() -> bool:
    """Compile the plane into the disk cache and load it; False where there can be none."""
    if why_not() is not None:
        return False
    kernels.warm()
    if not load():
        folder = cache_directory()
        folder.mkdir(parents=True, exist_ok=True)
        _import(folder)
        partial = _marker(folder).with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(_jit.fingerprint()))
        partial.replace(_marker(folder))
    return True
