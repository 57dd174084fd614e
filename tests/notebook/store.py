"""Runs notebooks with their solutions and stores the outputs: ``python -m tests.notebook.store notebooks/*.ipynb``.

To be looked at before it is committed: strict nbval compares with what is stored here.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from voxlab.notebook.exercises import solved


def store(path: Path) -> int:
    """Run a notebook, write its outputs, and return how many cells have others than before."""
    import nbformat
    from nbclient import NotebookClient

    notebook = json.loads(path.read_text(encoding="utf-8"))
    run = nbformat.reads(json.dumps(solved(json.loads(json.dumps(notebook)))), as_version=4)  # type: ignore[no-untyped-call]
    NotebookClient(run, timeout=300, resources={"metadata": {"path": str(path.parent)}}).execute()
    made = {cell["id"]: cell for cell in run.cells}
    changed = 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code" and cell["id"] in made:
            outputs = [_stored(output, cell["execution_count"]) for output in made[cell["id"]]["outputs"]]
            changed += outputs != cell["outputs"]
            cell["outputs"] = outputs
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return changed


def _stored(output: dict[str, Any], count: int) -> dict[str, Any]:
    """Return an output as a file holds it: texts by lines, the cell's own count."""
    kept = {key: value for key, value in output.items() if key != "transient"}
    if kept["output_type"] == "stream":
        kept["text"] = kept["text"].splitlines(keepends=True)
    if "data" in kept:
        kept["data"] = {
            kind: text.splitlines(keepends=True) if isinstance(text, str) else text
            for kind, text in kept["data"].items()
        }
    if kept["output_type"] == "execute_result":
        kept["execution_count"] = count
    return kept


if __name__ == "__main__":
    os.environ["VOXLAB_PROGRESS"] = "0"
    for name in sys.argv[1:]:
        print(f"{name}: {store(Path(name))} cells have other outputs than before")
