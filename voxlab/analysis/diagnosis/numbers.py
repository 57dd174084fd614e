"""Telephone numbers that are not understood, because of how they are written (RFC 3966 s.5.1, RFC 3261 s.19.1.6)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from voxlab.analysis.diagnosis.case import Case, Step
from voxlab.analysis.diagnosis.finding import Certainty, Finding
from voxlab.analysis.diagnosis.refusals import Refusal, refusals, said

_STATUSES = (403, 404, 484, 488, 500, 503, 604)
_COVERED = ("VX-REFUSED", "VX-403", "VX-TRANSIT", "VX-NUMBER-FORMAT")
_NUMBER = re.compile(r"\+*[0-9*#]{5,}")


def number_of(step: Step) -> str:
    """Return the telephone number that a request calls, "" where it calls a name."""
    user = _user(step.entry.target)
    return user if _NUMBER.fullmatch(user) else ""


def _user(uri: str) -> str:
    return uri.partition(":")[2].partition("@")[0].partition(";")[0] if "@" in uri else ""


def plus(case: Case) -> Iterator[Finding]:
    """Find a number that lost its +, or got a second one: To still has it as it was dialled."""
    for refusal in refusals(case, *_STATUSES):
        called, dialled = number_of(refusal.asked), _user(refusal.asked.entry.to_uri)
        if called.startswith("++"):
            text, cure = f"{called} has a + too many", "put + before numbers that have none only"
        elif called and dialled.startswith("+") and called == dialled[1:]:
            text = f"the + of {dialled} was lost before {refusal.answer.sender} was asked for {called}"
            cure = (
                'read numbers as this peer writes them: account.trunk(..., number_format="plain"); or let it keep the +'
            )
        else:
            continue
        shown = (refusal.asked.shows(), refusal.asked.shows("To"), refusal.answer.shows())
        yield Finding("VX-NUMBER-PLUS", Certainty.CERTAIN, text, "RFC 3966 s.5.1.4", cure, shown, covers=_COVERED)


def dialect(case: Case) -> Iterator[Finding]:
    """Find a number that is refused and written otherwise than the refuser writes numbers."""
    for refusal in refusals(case, *_STATUSES):
        called = number_of(refusal.asked)
        if not called:
            continue
        certainty, why = _judged(case, refusal, called)
        if why:
            yield Finding(
                "VX-NUMBER-FORMAT",
                certainty,
                f"{refusal.answer.sender} does not take {called} as a number: {why}",
                "RFC 3966 s.5.1.4",
                'write numbers as it wants them: account.trunk(..., number_format="national", country="49")',
                (refusal.asked.shows(), refusal.answer.shows("Reason")),
                covers=("VX-REFUSED", "VX-403"),
            )


def _judged(case: Case, refusal: Refusal, called: str) -> tuple[Certainty, str]:
    if "is not how" in refusal.why:
        return Certainty.CERTAIN, refusal.why
    if refusal.why:
        return Certainty.POSSIBLE, ""
    habits = {_style(each) for each in _numbers_of(case, refusal.answer.sender)}
    if habits and _style(called) not in habits:
        return Certainty.LIKELY, f"it writes its own as {' or '.join(sorted(habits))}"
    if refusal.answer.status in {404, 484, 604} and "user=phone" in refusal.asked.entry.target + ";":
        said_so = said(refusal.answer)
        return Certainty.POSSIBLE, f"nobody has it, or it wants it written otherwise{said_so and f' ({said_so})'}"
    return Certainty.POSSIBLE, ""


def _numbers_of(case: Case, sender: str) -> list[str]:
    """Return the numbers that a peer calls from."""
    asked = [step for step in case.other_messages("INVITE") if step.request is not None and step.sender == sender]
    return [user for user in (_user(step.entry.from_uri) for step in asked) if _NUMBER.fullmatch(user)]


def _style(number: str) -> str:
    if number.startswith("+"):
        return "+49..."
    if number.startswith("00"):
        return "0049..."
    return "0..." if number.startswith("0") else "49..."


def user_phone(case: Case) -> Iterator[Finding]:
    """Find digits that are refused as no number: the URI does not say that they are one."""
    for refusal in refusals(case, 484, 404, 416):
        called = number_of(refusal.asked)
        if (
            called
            and not refusal.why
            and "user=phone" not in refusal.asked.entry.target
            and not called.startswith("++")
        ):
            yield Finding(
                "VX-NUMBER-USER-PHONE",
                Certainty.LIKELY if refusal.answer.status == 484 else Certainty.POSSIBLE,
                f"{refusal.answer.sender} takes {called} for a name: nothing in the URI says that it is a number",
                "RFC 3261 s.19.1.6",
                'say user=phone, as trunks do for + numbers: account.trunk(..., number_format="e164")',
                (refusal.asked.shows(), refusal.answer.shows()),
            )


RULES = (plus, dialect, user_phone)
