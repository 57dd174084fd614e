"""A diagnosis as text and as HTML: what became of it first, then each finding with its evidence, its section, its cure.

Must not know how anything was found.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from voxlab.analysis.diagnosis.finding import Certainty, Diagnosis, Evidence, Finding
from voxlab.display.characters import clean, to_ascii
from voxlab.display.svg import Markup, element

NOTHING_FOUND = "nothing explains it that is known here: look at the ladder"
NOTHING_WRONG = "nothing is wrong here"
_MARKS = {Certainty.CERTAIN: "✗", Certainty.LIKELY: "✗", Certainty.POSSIBLE: "?"}


def diagnosis_text(diagnosis: Diagnosis, width: int = 80, *, ascii: bool = False) -> str:  # noqa: A002 - the switch's name
    """Return a diagnosis as text of at most ``width`` cells a line."""
    lines = _wrapped(diagnosis.verdict, width, "  ")
    for finding in diagnosis.findings:
        lines += ["", *_finding(finding, width)]
    if not diagnosis.findings:
        lines += [f"  {_nothing(diagnosis)}"]
    if diagnosis.unseen:
        lines += ["", *_wrapped(f"not seen from here: {', '.join(diagnosis.unseen)}", width, "  ")]
    text = "\n".join(lines)
    return to_ascii(text) if ascii else text


def diagnosis_html(diagnosis: Diagnosis) -> str:
    """Return a diagnosis as HTML without scripts; colours are those of the page."""
    parts: list[Markup] = [_block(clean(diagnosis.verdict), "font-weight:600;padding-bottom:4px")]
    parts += [_card(finding) for finding in diagnosis.findings]
    if not diagnosis.findings:
        parts.append(_block(_nothing(diagnosis), "opacity:.75"))
    if diagnosis.unseen:
        parts.append(_block(f"not seen from here: {', '.join(diagnosis.unseen)}", "opacity:.75"))
    return element("div", *parts, class_="vx-diagnosis")


def _nothing(diagnosis: Diagnosis) -> str:
    return NOTHING_FOUND if diagnosis.verdict.startswith("✗") else NOTHING_WRONG


def _finding(finding: Finding, width: int) -> Iterator[str]:
    yield from _wrapped(f"{_MARKS[finding.certainty]} {finding.id}  {finding.certainty.word}", width, "  ")
    yield from _wrapped(f"  {finding.text}", width, "  ")
    for evidence in finding.evidence:
        yield from _wrapped(f"  message {evidence.message}  {_said(evidence)}", width, "    ")
    for fact in finding.facts:
        yield from _wrapped(f"  seen  {fact}", width, "    ")
    if finding.rfc:
        yield from _wrapped(f"  rule  {finding.rfc}", width, "    ")
    yield from _wrapped(f"  cure  {finding.cure}", width, "    ")


def _said(evidence: Evidence) -> str:
    return clean(evidence.line) + (f"  ← {clean(evidence.remark)}" if evidence.remark else "")


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    lead = text[: len(text) - len(text.lstrip())]
    lines = textwrap.wrap(
        text.strip(), width - len(lead), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return [lead + line for line in lines]


_CARD = "border-left:3px solid #c44e00;padding:2px 0 2px 12px;margin:8px 0"
_MONO = "font-family:monospace;white-space:pre-wrap;overflow-wrap:anywhere"


def _block(text: str, style: str) -> Markup:
    return element("div", text, style=style)


def _card(finding: Finding) -> Markup:
    head = element("div", element("b", finding.id), f" {finding.certainty.word}", style="padding-bottom:2px")
    rows: list[Markup] = [head, _block(clean(finding.text), "padding-bottom:4px")]
    rows += [_block(f"message {each.message}  {_said(each)}", _MONO) for each in finding.evidence]
    rows += [_block(f"seen  {clean(fact)}", _MONO) for fact in finding.facts]
    if finding.rfc:
        rows.append(_block(f"rule: {finding.rfc}", "padding-top:4px"))
    rows.append(element("div", "cure: ", element("b", clean(finding.cure))))
    return element("div", *rows, style=_CARD)
