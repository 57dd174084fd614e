"""Brings ``print()`` inside a scenario to the session's log instead of the lab thread's standard output.

``builtins.print`` is wrapped once, when the first lab is made; outside a scenario it is the print that it always was.
"""

from __future__ import annotations

import builtins
import io
from typing import Any

from voxlab.scenario.script import current

_print = builtins.print


def _print_or_log(*values: Any, **options: Any) -> None:
    session = current.get()
    if session is None or options.get("file") is not None:
        _print(*values, **options)
        return
    line = io.StringIO()
    _print(*values, file=line, sep=options.get("sep"), end=options.get("end"))
    session.write(line.getvalue().removesuffix("\n"))


def listen() -> None:
    """Wrap ``print``; more than once is once."""
    if builtins.print is not _print_or_log:
        builtins.print = _print_or_log


def say(line: str) -> None:
    """Print for the caller of a blocking method."""
    _print(line)
