"""Colours and type of the pictures, light and dark: the Okabe-Ito palette, told apart without colour vision, and the
reader's own fonts.

A picture follows the reader's system, and a notebook's theme where that says otherwise. Every rule is bound to the
class ``vx``, because style sheets inside a page reach the whole page.
"""

from __future__ import annotations

SANS = 'ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","DejaVu Sans",sans-serif'
MONO = 'ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono","DejaVu Sans Mono",monospace'
MONO_WIDTH = 0.602
"""Width of a character of these monospaced fonts, in units of the font size."""

_LIGHT = {
    "paper": "#ffffff", "ink": "#1b1f24", "soft": "#57606a", "faint": "#d0d7de", "card": "#f6f8fa",
    "leg0": "#0072b2", "leg1": "#007a5a", "leg2": "#a3487e", "leg3": "#8a6d00", "bad": "#c44e00", "good": "#007a5a",
}  # fmt: skip
_DARK = {
    "paper": "#0f1419", "ink": "#e6edf3", "soft": "#9aa5b1", "faint": "#343c46", "card": "#1a212a",
    "leg0": "#56b4e9", "leg1": "#2cc295", "leg2": "#e08fc0", "leg3": "#f0c23c", "bad": "#ff8a3d", "good": "#2cc295",
}  # fmt: skip

LEG_DASHES = (None, "7 4", "2 3", "9 3 2 3")
"""Line styles of the legs A, B, C, D, and round again."""


def _variables(colours: dict[str, str]) -> str:
    return "{" + "".join(f"--vx-{name}:{value};" for name, value in colours.items()) + "}"


STYLE = (
    f".vx{_variables(_LIGHT)}"
    f"@media (prefers-color-scheme:dark){{.vx{_variables(_DARK)}}}"
    f'[data-jp-theme-light="true"] .vx{_variables(_LIGHT)}'
    f'[data-jp-theme-light="false"] .vx{_variables(_DARK)}'
    f".vx text{{font-family:{SANS};fill:var(--vx-ink);stroke:none}}"
    f".vx .m{{font-family:{MONO};white-space:pre}}"
    ".vx .s{fill:var(--vx-soft)}.vx .b{font-weight:600}.vx .e{text-anchor:end}.vx .c{text-anchor:middle}"
    ".vx .n{font-variant-numeric:tabular-nums}.vx .x{fill:var(--vx-bad)}.vx .ok{fill:var(--vx-good)}"
    ".vx .paper{fill:var(--vx-paper)}.vx .card{fill:var(--vx-card);stroke:var(--vx-faint)}"
    ".vx .life{stroke:var(--vx-faint);stroke-width:1.5}"
    ".vx .inverse{fill:var(--vx-paper)}.vx .hit{fill:transparent}.vx .row:hover .hit{fill:var(--vx-card)}"
    + "".join(
        f".vx .l{n}{{stroke:var(--vx-leg{n});color:var(--vx-leg{n})}}"
        f".vx .l{n} text.leg{{fill:var(--vx-leg{n})}}.vx .l{n} .f{{fill:var(--vx-leg{n})}}"
        for n in range(len(LEG_DASHES))
    )
    + ".vx .l{stroke:var(--vx-soft);color:var(--vx-soft)}.vx .l .f{fill:var(--vx-soft)}"
    + ".vx .bad{stroke:var(--vx-bad);color:var(--vx-bad)}.vx .bad .f{fill:var(--vx-bad)}"
)


def leg_number(leg: str) -> int | None:
    """Return which of the styles a leg has, None for what belongs to no leg."""
    return (ord(leg[0]) - ord("A")) % len(LEG_DASHES) if leg else None


def leg_class(leg: str) -> str:
    """Return the class of a leg's lines."""
    which = leg_number(leg)
    return "l" if which is None else f"l{which}"


def leg_dashes(leg: str) -> str | None:
    """Return the dash pattern of a leg's lines, None for a full line."""
    which = leg_number(leg)
    return None if which is None else LEG_DASHES[which]
