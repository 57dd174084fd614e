"""What keeps a notebook's thread busy: pure Python, a sort, a plot, a regular expression that backtracks for ever."""

from __future__ import annotations

import re
import time
from collections.abc import Callable


def nothing(seconds: float) -> int:
    """Wait."""
    time.sleep(seconds)
    return 0


def pure_python(seconds: float) -> int:
    """Count."""
    rounds, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        rounds += sum(k * k % 7 for k in range(20_000)) > 0
    return rounds


def sorting(seconds: float) -> int:
    """Sort three million floats; one call of C that keeps the GIL."""
    values = [float((k * 7_919) % 3_000_017) for k in range(3_000_000)]
    rounds, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        rounds += len(sorted(values)) > 0
    return rounds


def plotting(seconds: float) -> int:
    """Draw a PNG."""
    import io

    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    rounds, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        figure, axes = plt.subplots(figsize=(12, 8), dpi=150)
        axes.plot([k % 97 for k in range(20_000)])
        figure.savefig(io.BytesIO(), format="png")
        plt.close(figure)
        rounds += 1
    return rounds


def regular_expression(seconds: float) -> int:
    """Let an expression backtrack: one call of C that keeps the GIL for a second or more."""
    pattern, text = re.compile(r"(a+)+b"), "a" * 25
    rounds, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        rounds += pattern.match(text) is None
    return rounds


WORKLOADS: dict[str, Callable[[float], int]] = {
    "idle": nothing,
    "python": pure_python,
    "sort": sorting,
    "plot": plotting,
    "regex": regular_expression,
}
