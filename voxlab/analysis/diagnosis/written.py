"""What is wrong with the way messages are written (RFC 3261 s.7.3, s.20; RFC 4475)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from voxlab.analysis.diagnosis.case import Case, Step
from voxlab.analysis.diagnosis.finding import Certainty, Evidence, Finding

_URI_PARAMETERS = ("transport", "user", "maddr", "ttl", "method", "lr", "ob", "gr")
_RARE = (
    ("compact names", re.compile(rb"(?m)^[a-z][ \t]*:")),
    ("folded lines", re.compile(rb"\r\n[ \t]+[^ \t\r\n]")),
    ("names in odd case", re.compile(rb"(?m)^(?!CSeq|Call-ID)(?:cSEQ|cALL-id|mAX-fORWARDS|[a-z]{2,}[-A-Z]*)[ \t]*:")),
)


def unreadable(case: Case) -> Iterator[Finding]:
    """Find a message that cannot be read at all."""
    for step in case.steps:
        if step.entry.kind == "malformed":
            answered = next((each for each in case.steps if each.number > step.number and each.status == 400), None)
            evidence = (Evidence(step.number, step.entry.label),)
            yield Finding(
                "VX-SYNTAX-REFUSED",
                Certainty.CERTAIN,
                f"what {step.sender} sent cannot be read: {step.entry.reason}",
                "RFC 3261 s.7, s.21.4.1; RFC 4475 s.3.1.2",
                "escape quotes and backslashes in display names; check the message: voxlab message FILE",
                evidence if answered is None else (*evidence, answered.shows()),
            )


def rare(case: Case) -> Iterator[Finding]:
    """Find a request in a form that is right and rare, which somebody answered with 400."""
    for answer in case.responses(least=400, most=400):  # the first in time is nearest to who said it
        step = case.asked(answer)
        request = None if step is None else step.request
        if step is None or request is None:
            continue
        head = request.raw.partition(b"\r\n\r\n")[0]
        forms = [name for name, pattern in _RARE if pattern.search(head)]
        if forms:
            yield Finding(
                "VX-SYNTAX-RARE",
                Certainty.LIKELY,
                f"{answer.sender} refuses what is right: the {step.entry.method} has {' and '.join(forms)}",
                "RFC 3261 s.7.3.1, s.7.3.3",
                "a scenario in between writes messages anew (route=None); have the device's parser mended",
                (Evidence(step.number, _line(head, forms[0])), answer.shows()),
            )


def _line(head: bytes, form: str) -> str:
    pattern = dict(_RARE)[form]
    found = pattern.search(head)
    at = found.start() + 2 if found is not None and form == "folded lines" else found.start() if found else 0
    begin = head.rfind(b"\r\n", 0, max(0, at - 2)) + 2 if form == "folded lines" else at
    end = head.find(b"\r\n", at)
    return " ".join(head[begin : end if end >= 0 else None].decode("utf-8", "replace").split())


def brackets(case: Case) -> Iterator[Finding]:
    """Find a Contact whose URI has parameters and no <> around it: they belong to the header field then."""
    for step in case.steps:
        value = step.value("contact")
        lost = [each.partition("=")[0].strip().lower() for each in value.split(";")[1:]]
        wrong = [each for each in lost if each in _URI_PARAMETERS]
        if value and "<" not in value and wrong:
            yield Finding(
                "VX-SYNTAX-BRACKETS",
                Certainty.LIKELY,
                f"{step.sender} writes no <> around its Contact: {', '.join(wrong)} belongs to the header field, not "
                "to the URI, and is lost",
                "RFC 3261 s.20, s.20.10; RFC 4475 s.3.1.2.13",
                "write <> around a URI that has parameters",
                (step.shows("Contact"),),
            )


def encoding(case: Case) -> Iterator[Finding]:
    """Find a head that is not UTF-8."""
    for step in case.steps:
        line = _not_utf8(step)
        if line:
            yield Finding(
                "VX-SYNTAX-ENCODING",
                Certainty.CERTAIN,
                f"{step.sender} sends text that is not UTF-8: names are shown wrongly, some devices refuse them",
                "RFC 3261 s.7, s.25.1",
                "write display names in UTF-8",
                (Evidence(step.number, line),),
            )


def _not_utf8(step: Step) -> str:
    message = step.entry.message
    for line in () if message is None else message.raw.partition(b"\r\n\r\n")[0].split(b"\r\n"):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            return line.decode("utf-8", "replace")
    return ""


RULES = (unreadable, rare, brackets, encoding)
