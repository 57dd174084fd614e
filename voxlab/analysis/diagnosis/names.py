"""Names that lead nowhere, or to the wrong place (RFC 3263 s.4.1 to s.4.3)."""

from __future__ import annotations

from collections.abc import Iterator

from voxlab.analysis.diagnosis.case import Case, Step
from voxlab.analysis.diagnosis.finding import Certainty, Finding
from voxlab.base.records import REFUSED, NameLookup

_FAILURES = {"NXDOMAIN": "VX-DNS-NXDOMAIN", "SERVFAIL": "VX-DNS-SERVFAIL", "no answer": "VX-DNS-TIMEOUT"}
_MEANINGS = {
    "NXDOMAIN": ("does not exist in DNS", "publish the name, or spell it right where it is configured"),
    "SERVFAIL": ("is not answered: its name server fails", "mend the name server; it is no matter of SIP"),
    "no answer": ("is not answered: the name server is silent", "mend the way to the name server, or ask another"),
}
_MARGIN_S = 0.001


def failing_name(case: Case) -> Iterator[Finding]:
    """Find a call that failed because a name had no answer."""
    answer = _failure(case)
    if answer is None:
        return
    for note in _asked(case):
        if note.failed and note.kind == "A" and note.answer in _FAILURES and note.time_s >= case.steps[0].time_s:
            what, cure = _MEANINGS[note.answer]
            yield Finding(
                _FAILURES[note.answer],
                Certainty.CERTAIN,
                f"{note.name} {what}, so there is nowhere to send the call",
                "RFC 3263 s.4.2",
                cure,
                (answer.shows(),),
                (f"DNS said {note.answer} to {note.kind} {note.name} at {note.time_s:.3f} s",),
                ("VX-GATEWAY-503",),
            )
            return


def _failure(case: Case) -> Step | None:
    """Return the final answer that said the call has failed."""
    return next((step for step in case.responses("INVITE", 400) if step.status not in (401, 407)), None)


def _asked(case: Case) -> list[NameLookup]:
    """Return what DNS had said by the end of the case."""
    if not case.steps:
        return []
    until_s = case.steps[-1].time_s + _MARGIN_S
    return [note for note in case.all_notes(NameLookup) if note.time_s <= until_s]


def wrong_place(case: Case) -> Iterator[Finding]:
    """Find requests that got no answer where a name led to, and say what was wrong with the name."""
    notes = _asked(case)
    for step in _unanswered(case):
        host = step.entry.dst.host
        leading = [note for note in notes if note.kind == "A" and host in note.answer.split(", ")]
        if not leading:
            continue
        name = leading[-1].name
        found = (
            _stale(step, name, leading[-1], notes)
            or _misled(step, name, notes)
            or _skipped(case, step, name, leading[-1])
            or _without_srv(step, name, notes)
        )
        if found is not None:
            yield found
            return


def _unanswered(case: Case) -> Iterator[Step]:
    """Yield the first request to each place that nobody answered."""
    seen = set()
    for step in case.requests("INVITE"):
        place = step.entry.dst
        if place not in seen and not any(answer.entry.src == place for answer in case.answers(step)):
            seen.add(place)
            yield step


def _stale(step: Step, name: str, lookup: NameLookup, notes: list[NameLookup]) -> Finding | None:
    """Say that a name has moved, and requests go to where it was."""
    published = [note for note in notes if note.kind == "published A" and note.name == name]
    if not published or published[-1].time_s > step.time_s:
        return None
    if set(published[-1].answer.split(", ")) & set(lookup.answer.split(", ")):
        return None
    return Finding(
        "VX-DNS-STALE",
        Certainty.CERTAIN,
        f"{name} has moved to {published[-1].answer}, and {step.sender} still calls {step.entry.dst.host}",
        "RFC 3263 s.4",
        "ask DNS again when the record's time to live is over",
        (step.shows("", f"sent to {step.entry.dst}, where nobody answers"),),
        (f"{name} was published as {published[-1].answer} at {published[-1].time_s:.3f} s",),
    )


def _misled(step: Step, name: str, notes: list[NameLookup]) -> Finding | None:
    """Say that NAPTR named a transport that is not served."""
    services = [note for note in notes if note.kind == "NAPTR" and note.name == name]
    if not services or services[-1].answer == "none" or step.entry.transport == "UDP":
        return None
    if step.entry.outcome != REFUSED:
        return None
    return Finding(
        "VX-DNS-TRANSPORT",
        Certainty.CERTAIN,
        f"NAPTR of {name} prefers {step.entry.transport}, and nobody serves it at {step.entry.dst}",
        "RFC 3263 s.4.1",
        "publish NAPTR records only for transports that are served",
        (step.shows("", f"{step.entry.transport} to {step.entry.dst} was refused"),),
        (f"NAPTR {name}: {services[-1].answer}",),
        ("VX-GATEWAY-503",),
    )


def _skipped(case: Case, step: Step, name: str, lookup: NameLookup) -> Finding | None:
    """Say that the first address was dead, and the next was tried."""
    others = set(lookup.answer.split(", ")) - {step.entry.dst.host}
    later = (each for each in case.requests("INVITE") if each.time_s > step.time_s and each.entry.dst.host in others)
    following = next(later, None)
    if following is None:
        return None
    return Finding(
        "VX-DNS-FAILOVER",
        Certainty.CERTAIN,
        f"nobody answers at {step.entry.dst}, the first address of {name}: the next was tried "
        f"{following.time_s - step.time_s:.1f} s later",
        "RFC 3263 s.4.3",
        "take the dead address out of DNS, or let health checks (OPTIONS) pass it over",
        (step.shows("", "no answer"), following.shows("", f"sent to {following.entry.dst}")),
        (f"A {name}: {lookup.answer}",),
    )


def _without_srv(step: Step, name: str, notes: list[NameLookup]) -> Finding | None:
    """Say that there is no SRV record, so that the port was a guess."""
    srv = [note for note in notes if note.kind == "SRV" and note.name.endswith(f".{name}")]
    if not srv or any(note.answer != "none" for note in {each.name: each for each in srv}.values()):
        return None
    known = any(note.answer != "none" for note in srv)
    return Finding(
        "VX-DNS-SRV-MISSING",
        Certainty.CERTAIN if known else Certainty.LIKELY,
        f"{name} has no SRV record{' any more' if known else ''}, so the call went to its A record and the default "
        "port, where nobody answers",
        "RFC 3263 s.4.2",
        f"publish SRV records such as _sip._udp.{name}",
        (step.shows("", f"sent to {step.entry.dst}, where nobody answers"),),
        (f"SRV {srv[-1].name}: {srv[-1].answer}",),
    )


RULES = (failing_name, wrong_place)
