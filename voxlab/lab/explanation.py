"""Why something went wrong, for whoever asks: findings as text, as a page, as a table, and on the ladder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from voxlab.analysis.callflow import CallFlow, with_marks
from voxlab.analysis.diagnosis.finding import Diagnosis, Finding
from voxlab.lab.evidence import Ladder

if TYPE_CHECKING:
    import pandas as pd


class Explanation:
    """What ``call.explain()`` returns: a snapshot.

    Attributes
    ----------
    diagnosis : Diagnosis
        The verdict and the findings as values.
    """

    def __init__(self, diagnosis: Diagnosis, flow: CallFlow | None) -> None:
        self.diagnosis = diagnosis
        self._flow = flow

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found, the surest first."""
        return self.diagnosis.findings

    @property
    def ids(self) -> tuple[str, ...]:
        """The findings by their ids, such as "VX-ACK-LOST"."""
        return self.diagnosis.ids

    def ladder(self) -> Ladder:
        """Return the ladder with the messages marked that show it."""
        marks: dict[int, str] = {}
        for finding in self.findings:
            for evidence in finding.evidence:
                marks.setdefault(evidence.message, f"{finding.id} · {evidence.remark or evidence.line}")
        flow = None if self._flow is None else with_marks(self._flow, marks)
        return Ladder(flow, self.diagnosis.verdict)

    def frame(self) -> pd.DataFrame:
        """Return the findings as a table: id, certainty, finding, messages, rfc, cure."""
        import pandas as pd

        rows: list[tuple[Any, ...]] = [
            (each.id, each.certainty.word, each.text, tuple(e.message for e in each.evidence), each.rfc, each.cure)
            for each in self.findings
        ]
        return pd.DataFrame(rows, columns=["id", "certainty", "finding", "messages", "rfc", "cure"])

    def text(self, *, width: int = 80, ascii: bool = False) -> str:  # noqa: A002 - the switch's name
        """Return it as text."""
        from voxlab.display.diagnosis import diagnosis_text

        return diagnosis_text(self.diagnosis, width, ascii=ascii)

    def __contains__(self, finding: object) -> bool:
        return finding in self.ids

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        from voxlab.display.diagnosis import diagnosis_html

        return diagnosis_html(self.diagnosis)
