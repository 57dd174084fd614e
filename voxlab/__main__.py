"""``python -m voxlab``: the command line where no script of that name is on the path."""

from __future__ import annotations

import sys

from voxlab.cli import main

if __name__ == "__main__":
    sys.exit(main())
