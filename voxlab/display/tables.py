"""Tables of facts as text and as HTML: headed sections with rows of words, light and dark, readable without colour.

A cell that begins with ✓, ✗, … or ○ is a state; its mark says so before its colour does. What strangers wrote is made
safe here. Must not know what the tables are about.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from voxlab.display.characters import cells, clean, fit
from voxlab.display.theme import MONO, SANS, STYLE

_WIDEST = 48
_STATES = {"✓": "good", "✗": "bad", "…": "soft", "○": "soft"}


class Section(NamedTuple):
    """One table: its title, the heads of its columns, its rows, and what is said where there are none."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    empty: str = "none"


# Colours are variables of the theme, so that a page's own style sheet cannot make ink and paper alike.
TABLE_STYLE = (
    STYLE
    + f".vx.facts{{font-family:{SANS};font-size:13px;line-height:1.45;color:var(--vx-ink);"
    + "background:var(--vx-paper);padding:10px 14px;border:1px solid var(--vx-faint);border-radius:8px;overflow-x:auto}"
    + ".vx.facts h3{font-size:15px;margin:0 0 2px;font-weight:600;color:inherit}"
    + ".vx.facts p{margin:2px 0;color:var(--vx-soft)}.vx.facts p.bad{color:var(--vx-bad)}"
    + ".vx.facts .good{color:var(--vx-good)}.vx.facts .bad{color:var(--vx-bad);font-weight:600}"
    + ".vx.facts .soft{color:var(--vx-soft)}"
    + ".vx.facts table{border-collapse:collapse;margin:8px 0 0;width:100%;border:0;font-size:13px;color:inherit;"
    + "table-layout:auto}"
    + ".vx.facts caption{caption-side:top;text-align:left;font-weight:600;padding:4px 0 3px;color:var(--vx-ink)}"
    + ".vx.facts th,.vx.facts td{text-align:left;vertical-align:top;padding:3px 14px 3px 0;border:0;"
    + "background:none;color:inherit;white-space:normal;max-width:none;overflow-wrap:anywhere}"
    + ".vx.facts thead th{font-weight:400;color:var(--vx-soft);border-bottom:1px solid var(--vx-faint);"
    + "white-space:nowrap}"
    + ".vx.facts tbody tr{background:none}.vx.facts tbody tr+tr>*{border-top:1px solid var(--vx-card)}"
    + ".vx.facts tbody th{font-weight:600;white-space:nowrap}.vx.facts td.n{font-variant-numeric:tabular-nums}"
    + f".vx.facts code{{font-family:{MONO};font-size:12px;color:inherit;background:var(--vx-card);padding:1px 4px;"
    + "border-radius:4px;overflow-wrap:anywhere}"
)
"""Rules for whatever stands inside ``<div class="vx facts">``."""


def sections_text(title: str, remarks: Sequence[str], sections: Sequence[Section]) -> str:
    """Return a title, remarks and tables as text, columns aligned."""
    lines = [clean(title), *(f"  {clean(each)}" for each in remarks)]
    for section in sections:
        lines += ["", *_section_lines(section)]
    return "\n".join(line.rstrip() for line in lines)


def _section_lines(section: Section) -> list[str]:
    if not section.rows:
        return [f"{section.title}: {section.empty}"]
    rows = [section.columns, *([fit(clean(cell), _WIDEST) for cell in row] for row in section.rows)]
    widths = [max(cells(row[column]) for row in rows) for column in range(len(section.columns))]
    return [section.title, *("  " + "  ".join(map(_padded, row, widths)) for row in rows)]


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cells(text))


def sections_html(title: str, remarks: Sequence[str], sections: Sequence[Section]) -> str:
    """Return the same as one HTML element that brings its own style."""
    head = f"<h3>{_safe(title)}</h3>" + "".join(remark_html(each) for each in remarks)
    return framed(head + "".join(map(section_html, sections)))


def framed(body: str, *, bare: bool = False) -> str:
    """Return HTML in the frame that the style is bound to; a ``bare`` one leaves the style to another on the page."""
    style = "" if bare else f"<style>{TABLE_STYLE}</style>"
    return f'<div class="vx facts">{style}{body}</div>'


def remark_html(text: str) -> str:
    """Return a sentence as a paragraph, in the colour of its mark."""
    kind = _STATES.get(text[:1], "soft")
    return f'<p class="{kind}">{_safe(text)}</p>'


def section_html(section: Section) -> str:
    """Return one table; a caption names it, and the first cell of a row is its head."""
    if not section.rows:
        return f"<p><strong>{_safe(section.title)}</strong>: {_safe(section.empty)}</p>"
    heads = "".join(f'<th scope="col">{_safe(head)}</th>' for head in section.columns)
    body = "".join(f"<tr>{_row_html(row)}</tr>" for row in section.rows)
    caption = f"<caption>{_safe(section.title)}</caption>"
    return f"<table>{caption}<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def _row_html(row: Sequence[str]) -> str:
    first, *others = row
    return f'<th scope="row">{_safe(first)}</th>' + "".join(map(_cell_html, others))


def _cell_html(text: str) -> str:
    kind = _STATES.get(text[:1])
    return f"<td>{_safe(text)}</td>" if kind is None else f'<td class="{kind}">{_safe(text)}</td>'


def _safe(text: str) -> str:
    return escape(clean(text))
