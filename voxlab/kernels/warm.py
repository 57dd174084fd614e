"""``python -m voxlab.kernels.warm``: compile the kernels into the user's cache, so that nothing waits for them later.

With ``--all`` those of experiments, too: traces and jitter buffers, which otherwise compile when they are first called.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from voxlab.kernels._jit import cache_directory, warm, warm_long_runs


def main(arguments: Sequence[str] | None = None) -> int:
    """Compile, say where, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m voxlab.kernels.warm", description="Compile the kernels.")
    parser.add_argument("--all", action="store_true", help="those of traces and jitter buffers, too")
    chosen = parser.parse_args(arguments)
    if not warm():
        print("NUMBA_DISABLE_JIT is set: the numpy twins serve")
    elif chosen.all and warm_long_runs():
        print(f"all kernels are compiled in {cache_directory()}, those of experiments included")
    else:
        print(f"kernels are compiled in {cache_directory()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
