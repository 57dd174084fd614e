"""One notebook, two readings: exercise cells as a learner finds them, or the solutions in their place.

A cell tagged ``exercise`` holds dots for the learner, the one tagged ``solution`` after it one way to fill them in.
Works on the JSON of a notebook (format 4); must not know what the cells do.
"""

from __future__ import annotations

import copy
from typing import Any

EXERCISE, SOLUTION = "exercise", "solution"

Notebook = dict[str, Any]


def untouched(notebook: Notebook) -> Notebook:
    """Return the notebook as a learner meets it: every exercise open, no solution."""
    return _without(notebook, SOLUTION)


def solved(notebook: Notebook) -> Notebook:
    """Return the notebook with a solution in the place of every exercise."""
    return _without(notebook, EXERCISE)


def tags(cell: dict[str, Any]) -> list[str]:
    """Return the tags of a cell."""
    return list(cell.get("metadata", {}).get("tags", []))


def _without(notebook: Notebook, tag: str) -> Notebook:
    found = copy.deepcopy(notebook)
    found["cells"] = [cell for cell in found["cells"] if tag not in tags(cell)]
    return found
