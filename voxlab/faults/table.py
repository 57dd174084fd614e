"""The catalogue of faults as a table for people: a DataFrame, and the rows of a document.

Must not know who shows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxlab.faults.catalogue import CATALOGUE

if TYPE_CHECKING:
    import pandas as pd

    from voxlab.faults.fault import Fault

COLUMNS = ("symptom", "where", "rfc", "cure", "nuance", "finding", "parameters")
"""Columns of ``lab.faults()``, in order; the index is ``fault``."""


def frame() -> pd.DataFrame:
    """Return the catalogue, a row for each fault."""
    import pandas as pd

    index = pd.Index([fault.name for fault in CATALOGUE], name="fault", dtype="string")
    rows = [_row(fault) for fault in CATALOGUE]
    found = pd.DataFrame(rows, columns=list(COLUMNS), index=index)
    nuances = pd.array([fault.nuance or None for fault in CATALOGUE], dtype="Int64")
    return found.astype(dict.fromkeys(COLUMNS, "string")).assign(nuance=nuances)


def markdown() -> str:
    """Return the faults that are nuances as a table of a README, in the order of the list of nuances."""
    lines = ["| # | fault | at | symptom | where it is written | cure |", "|---|---|---|---|---|---|"]
    for fault in sorted((each for each in CATALOGUE if each.nuance), key=lambda each: each.nuance):
        cells = (f"`{fault.name}`", ", ".join(fault.where), fault.symptom, fault.rfc, fault.cure)
        lines.append(f"| {fault.nuance} | " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def _row(fault: Fault) -> tuple[str | None, ...]:
    parameters = ", ".join(f"{each.name}={each.default!r}" for each in fault.parameters)
    return (fault.symptom, ", ".join(fault.where), fault.rfc, fault.cure, None, fault.finding or None, parameters)
