"""Where a command writes: 80 cells wide, marks before colours, ASCII where that is asked for or all there is.

Must not know what is written.
"""

from __future__ import annotations

import json
import os
import sys
import textwrap
from collections.abc import Iterable
from typing import TextIO

from voxlab.display.characters import clean, to_ascii

WIDTH = 80
_COLOURS = {"✓": "\x1b[32m✓\x1b[0m", "✗": "\x1b[31m✗\x1b[0m"}


class Terminal:
    """A text stream for people, and for scripts that read JSON from it.

    Attributes
    ----------
    ascii : bool
        Draw with ASCII alone: asked for, or the stream knows nothing else.
    width : int
        Cells of a line.
    """

    def __init__(self, stream: TextIO | None = None, *, ascii: bool = False) -> None:  # noqa: A002 - the switch's name
        self._stream = sys.stdout if stream is None else stream
        self.ascii = ascii or not _draws(self._stream)
        self.width = WIDTH
        self._coloured = not self.ascii and self._stream.isatty() and _wants_colour()

    def say(self, text: str = "") -> None:
        """Write a line or several; their marks become coloured where a terminal shows colour."""
        if self.ascii:
            text = to_ascii(text)
        if self._coloured:
            text = "\n".join(_with_colour(line) for line in text.split("\n"))
        print(text, file=self._stream, flush=True)

    def wrap(self, text: str, *, first: str = "", rest: str = "") -> None:
        """Write a paragraph, its lines indented as said."""
        text = to_ascii(clean(text)) if self.ascii else clean(text)
        for line in textwrap.wrap(
            text,
            self.width,
            initial_indent=first,
            subsequent_indent=rest,
            break_long_words=False,
            break_on_hyphens=False,
        ):
            self.say(line)

    def table(self, rows: Iterable[tuple[str, str, str]], name_cells: int) -> None:
        """Write rows of a mark, a name and what is to be said about it."""
        for mark, name, text in rows:
            head = f"{mark} {name:<{name_cells}} "
            self.wrap(text, first=head, rest=" " * len(head))

    def json(self, value: object) -> None:
        """Write one line of JSON; bytes that are no UTF-8 become U+FFFD."""
        line = json.dumps(value, ensure_ascii=False, default=str)
        readable = line.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        print(json.dumps(json.loads(readable)), file=self._stream, flush=True)


def _draws(stream: TextIO) -> bool:
    """Whether a stream can carry the characters of a ladder."""
    try:
        "✓│→".encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _wants_colour() -> bool:
    """Whether colour is welcome (NO_COLOR, whatever its value unless empty, forbids it)."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _with_colour(line: str) -> str:
    lead = line[: len(line) - len(line.lstrip())]
    mark = line[len(lead) : len(lead) + 1]
    return f"{lead}{_COLOURS[mark]}{line[len(lead) + 1 :]}" if mark in _COLOURS else line
