"""What a diagnosis says: findings, each with how certain it is, what shows it, where it is written, and the cure.

Must not know how anything is found, nor how it is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple


class Certainty(IntEnum):
    """How sure a finding is; the surest comes first."""

    CERTAIN = 0
    LIKELY = 1
    POSSIBLE = 2

    @property
    def word(self) -> str:
        """The word for people and scripts."""
        return self.name.lower()


class Evidence(NamedTuple):
    """A message that shows something, and the line of it that does.

    Attributes
    ----------
    message : int
        Its number in the ladder, from 1.
    line : str
        The start line or header field as on the wire, shortened by nothing.
    remark : str
        What is to be seen there, "" if the line says it.
    """

    message: int
    line: str
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or that explains what happened.

    Attributes
    ----------
    id : str
        Stable, such as "VX-ACK-LOST".
    certainty : Certainty
    text : str
        A sentence for people.
    rfc : str
        Where it is written, "" where no RFC says it.
    cure : str
        What to do.
    evidence : tuple of Evidence
        In the order of the ladder; empty where only media or notes show it.
    facts : tuple of str
        What else shows it: figures of a stream, a decision in the journal.
    covers : tuple of str
        Findings that are only consequences of this one, and need not be said beside it.
    """

    id: str
    certainty: Certainty
    text: str
    rfc: str
    cure: str
    evidence: tuple[Evidence, ...] = ()
    facts: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found about one call or registration.

    Attributes
    ----------
    title : str
        What it is about, such as "call 1".
    verdict : str
        The line that says what became of it.
    findings : tuple of Finding
        The surest first.
    unseen : tuple of str
        What could not be seen from here, and so may hide a cause.
    """

    title: str
    verdict: str
    findings: tuple[Finding, ...]
    unseen: tuple[str, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """The findings by their ids."""
        return tuple(finding.id for finding in self.findings)
