"""Floor 1: numbers over arrays; each kernel has a compiled body and a numpy twin of equal results.

Must not know packets on a wire, clocks or calls. A call never waits for a compiler: it runs the twin until `load` has
taken the compiled bodies from the disk cache, which ``python -m voxlab.kernels.warm`` fills. Importing this package
loads neither numba nor numpy.
"""

from __future__ import annotations

from voxlab.kernels._jit import cache_directory, load, ready, warm

__all__ = ["cache_directory", "load", "ready", "warm"]
