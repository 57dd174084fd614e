#!/usr/bin/env python3
"""One word per duty: makes .venv as the word needs it, then does it. Needs Python 3.11 to 3.14 and nothing else.

    python3 tools/setup.py WORD [arguments handed on]

Must not know what voxlab is made of: it starts programs. This file keeps to a syntax that an old Python reads too,
so that the answer to an old Python is a sentence and not a SyntaxError.
"""

import shutil
import subprocess
import sys

OLDEST, NEWEST = (3, 11), (3, 14)


def interpreter_that_fits():
    # type: () -> str | None
    """Return the newest python3.X on PATH that voxlab runs on, None when there is none."""
    names = ("python3.%d" % minor for minor in range(NEWEST[1], OLDEST[1] - 1, -1))
    return next((path for path in map(shutil.which, names) if path), None)


def main(arguments):
    # type: (list[str]) -> int
    """Hand the word over to a Python that fits: this one, or the newest on PATH."""
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        from words import run  # noqa: I001, RUF100 - only now: its syntax is that of Python 3.11

        return run(arguments)
    other = interpreter_that_fits()
    if other is None:
        have = "%d.%d" % sys.version_info[:2]
        sys.stderr.write("setup: voxlab needs Python 3.11 to 3.14; this is %s and PATH holds no other.\n" % have)
        return 1
    return subprocess.call([other, __file__] + arguments)  # noqa: RUF005 - an old Python reads this


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
