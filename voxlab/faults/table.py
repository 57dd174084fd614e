"""The catalogue of faults as a table for people: a DataFrame, and the rows of a document.

``python -m voxlab.faults.table docs/NUANCES.md README.md`` writes them there, between two markers: the whole table, or
one row a nuance.

Must not know who shows it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from voxlab.faults.catalogue import CATALOGUE
from voxlab.faults.nuances import NUANCES

if TYPE_CHECKING:
    import pandas as pd

    from voxlab.faults.fault import Fault

COLUMNS = ("symptom", "where", "rfc", "cure", "nuance", "finding", "parameters")
"""Columns of ``lab.faults()``, in order; the index is ``fault``."""

BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"
"""Between these two lines of a document the table stands."""

BRIEF_BEGIN, BRIEF_END = "<!-- nuances: begin -->", "<!-- nuances: end -->"
"""Between these two lines of a document its brief form stands."""


def frame() -> pd.DataFrame:
    """Return the catalogue, a row for each fault."""
    import pandas as pd

    index = pd.Index([fault.name for fault in CATALOGUE], name="fault", dtype="string")
    rows = [_row(fault) for fault in CATALOGUE]
    found = pd.DataFrame(rows, columns=list(COLUMNS), index=index)
    nuances = pd.array([fault.nuance or None for fault in CATALOGUE], dtype="Int64")
    return found.astype(dict.fromkeys(COLUMNS, "string")).assign(nuance=nuances)


def markdown() -> str:
    """Return the faults that are nuances as a table of a document, in the order of the list of nuances."""
    lines = [
        "| # | nuance | fault | at | symptom | finding | where it is written | cure |",
        "|---|---|---|---|---|---|---|---|",
    ]
    told = 0
    for fault in sorted((each for each in CATALOGUE if each.nuance), key=lambda each: each.nuance):
        first, told = fault.nuance != told, fault.nuance
        cells = (
            str(fault.nuance) if first else "",
            NUANCES[fault.nuance] if first else "",
            f"`{fault.name}`",
            ", ".join(fault.where),
            fault.symptom,
            fault.finding,
            fault.rfc,
            fault.cure,
        )
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def brief() -> str:
    """Return the nuances, a row for each: which faults they are here, and the findings that explain them."""
    lines = ["| # | nuance | faults | explained by |", "|---|---|---|---|"]
    for number, nuance in sorted(NUANCES.items()):
        faults = [fault for fault in CATALOGUE if fault.nuance == number]
        names = ", ".join(f"`{fault.name}`" for fault in faults)
        findings = ", ".join(dict.fromkeys(fault.finding for fault in faults if fault.finding))
        lines.append(f"| {number} | {nuance} | {names} | {findings} |")
    return "\n".join(lines)


def written_into(document: str) -> str:
    """Return a document with the table between its markers, the whole one or the brief.

    Raises
    ------
    ValueError
        The markers are not there.
    """
    for begin, end, table in ((BEGIN, END, markdown), (BRIEF_BEGIN, BRIEF_END, brief)):
        before, _, rest = document.partition(begin)
        _, found, after = rest.partition(end)
        if found:
            return f"{before}{begin}\n{table()}\n{end}{after}"
    raise ValueError(f"the document has no place for the table: put {BEGIN} and {END} there, a line each")


def _row(fault: Fault) -> tuple[str | None, ...]:
    parameters = ", ".join(f"{each.name}={each.default!r}" for each in fault.parameters)
    return (fault.symptom, ", ".join(fault.where), fault.rfc, fault.cure, None, fault.finding or None, parameters)


def _main(paths: list[str]) -> None:
    for path in map(Path, paths):
        path.write_text(written_into(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    _main(sys.argv[1:])
