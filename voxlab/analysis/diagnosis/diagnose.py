"""From a case to a diagnosis: all rules are asked, the surest findings come first, consequences of others are left out.

Must not know how a diagnosis is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from voxlab.analysis.diagnosis import (
    attempts,
    authentication,
    cancelled,
    described,
    extensions,
    fragments,
    identity,
    lost_messages,
    media_description,
    names,
    nats,
    numbers,
    pressed,
    progress,
    refusals,
    registration,
    routing,
    session_refresh,
    talk,
    transferred,
    ways_out,
    written,
)
from voxlab.analysis.diagnosis.case import Case
from voxlab.analysis.diagnosis.finding import Diagnosis, Finding
from voxlab.analysis.verdict import verdict

if TYPE_CHECKING:
    from voxlab.analysis.entries import Entry
    from voxlab.analysis.index import CallRecord, Index

Rule = Callable[[Case], Iterator[Finding]]
_FAMILIES = (
    lost_messages,
    nats,
    fragments,
    names,
    routing,
    session_refresh,
    extensions,
    progress,
    media_description,
    numbers,
    identity,
    registration,
    authentication,
    cancelled,
    transferred,
    ways_out,
    described,
    written,
    pressed,
    talk,
    refusals,
)
RULES: tuple[Rule, ...] = tuple(rule for family in _FAMILIES for rule in family.RULES)


def of_call(index: Index, call: CallRecord, now: float) -> Diagnosis:
    """Return what is wrong with a call, or explains how it went."""
    case = Case(index, index.entries(call.call_ids), call, now)
    return Diagnosis(f"call {call.number}", verdict(index, call, now).text, findings(case))


def of_registration(index: Index, aor: str, now: float) -> Diagnosis:
    """Return what is wrong with the registrations of an address-of-record such as ``alice@example.com``."""
    case = Case(index, registrations(index, aor), None, now)
    line = _registration_line(case, aor)
    case.steps = attempts.that_matter(case.steps)
    return Diagnosis(f"registration of {aor}", line, findings(case))


def registrations(index: Index, aor: str) -> list[Entry]:
    """Return the messages that register an address-of-record, in order."""
    entries = (entry for entry in index.entries() if entry.method == "REGISTER")
    return [entry for entry in entries if _bare(entry.to_uri) == aor]


def _bare(uri: str) -> str:
    return uri.partition(":")[2].partition(";")[0]


def _registration_line(case: Case, aor: str) -> str:
    """Return how a registration stands by its last answer."""
    answer = next((step for step in reversed(case.steps) if step.status >= 200), None)
    if not case.steps:
        return f"… {aor} has not registered yet"
    if answer is None:
        return f"✗ {aor} registers and gets no answer from {case.steps[-1].receiver}"
    said = f"{answer.status} {answer.entry.reason}, said by {answer.sender} (message {answer.number})"
    return f"{'✓' if answer.status < 300 else '✗'} {aor}: {said}"


def findings(case: Case) -> tuple[Finding, ...]:
    """Return what the rules find, the surest first; what another finding covers is left out."""
    found = [finding for rule in RULES for finding in rule(case)]
    covered = {name for finding in found for name in finding.covers}
    kept = {finding.id: finding for finding in reversed(found) if finding.id not in covered}
    order = [finding for finding in found if kept.get(finding.id) is finding]
    return tuple(sorted(order, key=lambda finding: finding.certainty))
