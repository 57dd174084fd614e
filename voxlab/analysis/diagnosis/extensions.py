"""Extensions that one side insists on and the other has not: 420, 421, and a PRACK that never comes (RFC 3262)."""

from __future__ import annotations

from collections.abc import Iterator

from voxlab.analysis.diagnosis.case import Case, Step
from voxlab.analysis.diagnosis.finding import Certainty, Finding
from voxlab.analysis.diagnosis.refusals import refusals

_PATIENCE_S = 4.0


def refused(case: Case) -> Iterator[Finding]:
    """Find an INVITE that requires what the callee does not have."""
    for refusal in refusals(case, 420):
        missing = refusal.answer.value("Unsupported") or "an extension"
        reliable = "100rel" in missing
        yield Finding(
            "VX-100REL-REFUSED" if reliable else "VX-EXTENSION-REFUSED",
            Certainty.CERTAIN,
            f"the INVITE requires {missing}, and {refusal.answer.sender} does not have it",
            "RFC 3261 s.8.2.2.3, s.21.4.15" + (", RFC 3262 s.3" if reliable else ""),
            'offer it only: phone(prack="support")' if reliable else "name it in Supported, not in Require",
            (refusal.asked.shows("Require"), refusal.answer.shows("Unsupported")),
        )


def required(case: Case) -> Iterator[Finding]:
    """Find an INVITE that does not offer what the callee insists on."""
    for refusal in refusals(case, 421):
        wanted = refusal.answer.value("Require") or "an extension"
        reliable = "100rel" in wanted
        yield Finding(
            "VX-100REL-REQUIRED" if reliable else "VX-EXTENSION-REQUIRED",
            Certainty.CERTAIN,
            f"{refusal.answer.sender} insists on {wanted}, and the INVITE does not offer it",
            "RFC 3261 s.21.4.16" + (", RFC 3262 s.4" if reliable else ""),
            'offer it: phone(prack="support")' if reliable else f"name {wanted} in Supported",
            (refusal.asked.shows("Supported"), refusal.answer.shows("Require")),
        )


def prack_missing(case: Case) -> Iterator[Finding]:
    """Find a reliable provisional response that is repeated because no PRACK comes for it."""
    firsts: dict[tuple[str, str], Step] = {}
    for step in case.responses("INVITE", 101, 199):
        rseq = step.value("RSeq")
        if not rseq or any(_acknowledges(prack, rseq, case) for prack in case.requests("PRACK", leg=step.leg)):
            continue
        first = firsts.setdefault((step.leg, rseq), step)
        if not step.entry.retransmission or step.sender != first.sender:
            continue
        yield _missing(case, first)
        return


def _acknowledges(prack: Step, rseq: str, case: Case) -> bool:
    return prack.value("RAck").split(" ")[0] == rseq and case.arrived(prack)


def _missing(case: Case, first: Step) -> Finding:
    again = [s for s in case.responses("INVITE", first.status, first.status, leg=first.leg) if s.sender == first.sender]
    final = next((step for step in case.responses("INVITE", 200, leg=first.leg) if step.sender == first.sender), None)
    asked = case.asked(first)
    offerer = first.receiver if asked is None else case.origin_of(asked)
    gave_up = final is not None and final.status >= 500
    span_s = again[-1].time_s - first.time_s
    evidence = (first.shows("RSeq"), again[-1].shows("", f"{len(again) - 1} repetitions in {span_s:.1f} s"))
    return Finding(
        "VX-PRACK-MISSING",
        Certainty.CERTAIN if gave_up or span_s >= _PATIENCE_S else Certainty.LIKELY,
        f"{offerer} offered 100rel and never sends PRACK, so {first.sender} repeats its {first.status}"
        + (" and gives the call up after 64*T1" if gave_up else ""),
        "RFC 3262 s.3, s.4",
        'send the PRACK, or do not offer 100rel: phone(prack="off")',
        evidence if final is None or not gave_up else (*evidence, final.shows()),
    )


RULES = (refused, required, prack_missing)
