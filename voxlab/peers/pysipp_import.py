"""Imports pysipp, which was written for a Python and a pluggy of ten years ago.

pysipp 0.1.0 (GPL-2, hence optional) wants the modules ``imp`` and ``distutils``, gone since Python 3.12, and a pluggy
whose plugin manager takes ``implprefix``. They are lent to it while it is imported; nobody else sees them.
"""

from __future__ import annotations

import importlib
import importlib.util
import shutil
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from voxlab.base.errors import VoxlabError

_lock = threading.Lock()


def pysipp() -> Any:
    """Return the package pysipp.

    Raises
    ------
    VoxlabError
        When it is not installed; the text holds the command that installs it.
    """
    with _lock:
        if "pysipp" in sys.modules:
            return sys.modules["pysipp"]
        if importlib.util.find_spec("pysipp") is None:
            raise VoxlabError("pysipp is not installed; cure: pip install 'voxlab[sipp]' (it is GPL-2, so optional)")
        with _what_it_misses(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # `is not "_"`: a SyntaxWarning of its own
            return importlib.import_module("pysipp")


@contextmanager
def _what_it_misses() -> Iterator[None]:
    import pluggy

    lent = {"imp": _imp(), "distutils": ModuleType("distutils"), "distutils.spawn": _spawn()}
    lent["distutils"].spawn = lent["distutils.spawn"]  # type: ignore[attr-defined]
    before = {name: sys.modules.get(name) for name in lent}
    manager = pluggy.PluginManager
    sys.modules.update(lent)
    pluggy.PluginManager = _prefixed(manager)  # type: ignore[misc]
    try:
        yield
    finally:
        pluggy.PluginManager = manager  # type: ignore[misc]
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def _imp() -> ModuleType:
    """Return the part of ``imp`` that pysipp uses: to load the ``pysipp_conf.py`` beside a scenario."""

    def load_source(name: str, path: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} is no Python file")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    module = ModuleType("imp")
    module.load_source = load_source  # type: ignore[attr-defined]
    return module


def _spawn() -> ModuleType:
    module = ModuleType("distutils.spawn")
    module.find_executable = shutil.which  # type: ignore[attr-defined]
    return module


def _prefixed(manager: Any) -> Any:
    """Return a plugin manager that still takes every function whose name begins with the prefix for a hook."""

    class PrefixedManager(manager):  # type: ignore[misc]
        def __init__(self, project_name: str, implprefix: str | None = None) -> None:
            self._implprefix = implprefix
            super().__init__(project_name)

        def parse_hookimpl_opts(self, plugin: object, name: str) -> Any:
            marked = super().parse_hookimpl_opts(plugin, name)
            if marked is None and self._implprefix and name.startswith(self._implprefix):
                return {} if callable(getattr(plugin, name)) else None
            return marked

    return PrefixedManager
