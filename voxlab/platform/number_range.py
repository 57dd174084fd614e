"""A set of telephone numbers: some single ones, and all that begin in a certain way.

Must not know whose numbers they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from voxlab.base.errors import VoxlabError

_RANGE = re.compile(r"(\+[1-9][0-9]{0,13})\*|\+[1-9][0-9]{1,14}")


class NumberRange:
    """Numbers: ``+4930555*`` for all that begin so, or single ones."""

    def __init__(self, patterns: str | Iterable[str]) -> None:
        self.patterns = (patterns,) if isinstance(patterns, str) else tuple(patterns)
        for pattern in self.patterns:
            given: object = pattern
            if not (isinstance(given, str) and _RANGE.fullmatch(given)):
                raise VoxlabError(f"a range of numbers is written '+4930555*', or as one number, not {pattern!r}")

    def __contains__(self, number: object) -> bool:
        return isinstance(number, str) and any(
            number.startswith(pattern[:-1]) if pattern.endswith("*") else number == pattern for pattern in self.patterns
        )

    def __str__(self) -> str:
        return ", ".join(self.patterns) or "none"
