"""``python -m voxlab.net.plane.warm``: compile kernels and media plane into the user's cache, so that no call waits."""

from __future__ import annotations

import sys

from voxlab.kernels import cache_directory
from voxlab.net.plane import build


def main() -> int:
    """Compile, say where, and return the exit code."""
    if build.warm():
        print(f"kernels and media plane are compiled in {cache_directory().parent}")
    else:
        print(f"the portable media plane serves: {build.why_not()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
