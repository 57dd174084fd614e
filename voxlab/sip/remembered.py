"""What was read from a text that peers repeat: each of them says the same in every message of a dialog.

Must not know what is read. It covers no RFC.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

_Read = TypeVar("_Read")


class Remembered(dict[str, _Read]):
    """A function of a text that is called once for each text, as long as the text is short and there are not too many.

    Ask with ``remembered[text]``; what ``read`` raises is raised each time.

    Parameters
    ----------
    read : callable
    entries_max : int
        With so many all are forgotten: what strangers send must not fill the memory.
    characters_max : int
        Longer texts are not remembered.
    """

    __slots__ = ("_characters_max", "_entries_max", "_read")

    def __init__(self, read: Callable[[str], _Read], *, entries_max: int = 4_096, characters_max: int = 160) -> None:
        super().__init__()
        self._read = read
        self._entries_max = entries_max
        self._characters_max = characters_max

    def __missing__(self, text: str) -> _Read:
        found = self._read(text)
        if len(text) <= self._characters_max:
            if len(self) >= self._entries_max:
                self.clear()
            self[text] = found
        return found
