"""The table of faults in the documents is the catalogue."""

from __future__ import annotations

from pathlib import Path

import pytest

from voxlab.faults.catalogue import CATALOGUE
from voxlab.faults.nuances import NUANCES
from voxlab.faults.table import BEGIN, END, markdown, written_into

DOCUMENTS = "docs/NUANCES.md", "README.md"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_table_of_the_document_is_that_of_the_catalogue(document: str) -> None:
    text = (Path(__file__).parents[2] / document).read_text(encoding="utf-8")
    assert text == written_into(text), f"write it again: python -m voxlab.faults.table {' '.join(DOCUMENTS)}"


def test_every_fault_of_a_nuance_stands_in_a_line_of_the_table() -> None:
    lines = markdown().splitlines()
    nuances = [fault for fault in CATALOGUE if fault.nuance]
    assert len(lines) == 2 + len(nuances)
    assert all(any(f"`{fault.name}`" in line for line in lines) for fault in nuances)
    assert {fault.nuance for fault in nuances} <= set(NUANCES) == set(range(1, 39))


def test_a_document_without_a_place_for_it_is_refused() -> None:
    assert written_into(f"a\n{BEGIN}\nold\n{END}\nz").startswith(f"a\n{BEGIN}\n| # |")
    with pytest.raises(ValueError, match="no place for the table"):
        written_into("nothing")


@pytest.mark.parametrize("nuance", [14, 24, 28, *range(30, 39)])
def test_each_of_these_nuances_has_a_fault_that_explain_names(nuance: int) -> None:
    assert [fault.name for fault in CATALOGUE if fault.nuance == nuance and fault.finding.startswith("VX-")]


def test_every_finding_of_the_catalogue_is_one_that_a_rule_can_give() -> None:
    rules = Path(__file__).parents[2] / "voxlab" / "analysis" / "diagnosis"
    text = "".join(path.read_text(encoding="utf-8") for path in rules.glob("*.py"))
    missing = {fault.finding for fault in CATALOGUE if fault.finding and f'"{fault.finding}"' not in text}
    assert missing <= {"VX-PRACK-MISSING"}  # nuance 7 has no rule yet
