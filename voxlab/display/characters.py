"""Text that strangers wrote, made safe to show and measured in the cells of a terminal (Unicode TR 11).

Must not know what it says.
"""

from __future__ import annotations

import unicodedata

ELLIPSIS = "…"


def clean(text: str) -> str:
    """Return text without anything that moves a cursor, turns the direction of writing or is no character: U+FFFD
    stands for each.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def cells(text: str) -> int:
    """Return how many cells of a terminal the text takes."""
    return len(text) if text.isascii() else sum(map(_cells_of, text))


def fit(text: str, width: int, ellipsis: str = ELLIPSIS) -> str:
    """Return the text if it fits into ``width`` cells, else its beginning and an ellipsis."""
    if cells(text) <= width:
        return text
    room = width - cells(ellipsis)
    if room < 0:
        return ""
    kept = ""
    for char in text:
        room -= _cells_of(char)
        if room < 0:
            break
        kept += char
    return kept + ellipsis


def to_ascii(text: str) -> str:
    """Return the text for a terminal that knows ASCII alone: marks and arrows spelt, everything else as ``?``."""
    return text.translate(_SPELT).encode("ascii", "replace").decode()


_SPELT = str.maketrans(
    dict(zip("✓✗→←·…●⇄–↩»⋮", ("ok", "x", "->", "<-", "-", "..", "*", "<>", "-", "<-", ">", ":"), strict=True))
    | {"↻": "(again)", "☛": "=>"}
)


def _cells_of(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
