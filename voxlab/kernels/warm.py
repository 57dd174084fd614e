"""``python -m voxlab.kernels.warm``: compile every kernel into the user's cache, so that nothing waits for it later."""

from __future__ import annotations

import sys

from voxlab.kernels._jit import cache_directory, warm


def main() -> int:
    """Compile, say where, and return the exit code."""
    if warm():
        print(f"kernels are compiled in {cache_directory()}")
    else:
        print("NUMBA_DISABLE_JIT is set: the numpy twins serve")
    return 0


if __name__ == "__main__":
    sys.exit(main())
