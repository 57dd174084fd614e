r"""Regular expressions that people type: compiled with errors explained, and kept from running for ever.

Python's matcher backtracks: a repetition of a repetition such as ``(\d+)+`` takes time that doubles with each
character, and the lab has one thread.
Such patterns are refused when they are defined, and destinations are limited in length. That is a guard against
accidents, not against malice.
Must not know what is matched.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from voxlab.base.errors import VoxlabError

MAX_DESTINATION = 256
"""Characters of a destination that rules are tried on: numbers have 15 digits (E.164), names of users 50, and operators
put routing prefixes and more in front.
"""

MAX_PATTERN = 65_535

_TOKEN = re.compile(
    r"""
      (?P<skip>\\.|\[\^?\]?(?:\\.|[^\]\\])*\])
    | (?P<open>\((?P<atomic>\?>)?)
    | (?P<close>\))
    | (?P<repeat>[*+]|\{(?P<least>\d*),(?P<most>\d*)\})(?P<possessive>\+)?
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)

_MANY = 16
"""A group repeated up to so often counts as repeated without bound."""


def compiled(pattern: object, owner: str) -> re.Pattern[str]:
    """Compile ``pattern``.

    Parameters
    ----------
    pattern : str
        A regular expression, below 64 KB.
    owner : str
        How errors call it, such as "the pattern of rule 'out'".

    Raises
    ------
    VoxlabError
        With the place of the mistake and, for the commonest ones, the cure.
    """
    if not isinstance(pattern, str):
        raise VoxlabError(f"{owner} is a string with a regular expression such as r'\\+49.*', not {pattern!r}")
    if len(pattern) > MAX_PATTERN:
        raise VoxlabError(f"{owner} has {len(pattern)} characters, at most {MAX_PATTERN} are allowed")
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise VoxlabError(_explained(pattern, owner, error)) from None
    if _repeats_a_repetition(pattern):
        raise VoxlabError(
            f"{owner} repeats a repetition, {pattern}: a destination that almost matches would keep the lab busy "
            "for ever; write it without the inner or the outer one, or with a possessive inner one such as (?:\\d++,)*"
        )
    return expression


def _explained(pattern: str, owner: str, error: re.error) -> str:
    place = f" at character {error.pos + 1}" if error.pos is not None else ""
    text = f"{owner} is no regular expression, {pattern!r}: {error.msg}{place}"
    if pattern[:1] in {"+", "*", "?"}:
        text += f"; {pattern[0]} repeats what stands before it, and here nothing does"
        text += f": for the character itself write \\{pattern[0]}"
    return text


def _repeats_a_repetition(pattern: str) -> bool:
    """Whether a group that holds a repetition is itself repeated many times; possessive and atomic ones do not
    backtrack.
    """
    groups = [_Group()]
    closed: _Group | None = None
    for token in _TOKEN.finditer(pattern):
        before, closed = closed, None
        if token["open"]:
            groups.append(_Group(atomic=token["atomic"] is not None))
        elif token["close"] and len(groups) > 1:
            closed = groups.pop()
            groups[-1].repeats |= closed.backtracks
        elif token["repeat"] and not token["possessive"]:
            if before is not None and before.backtracks and (not token["most"] or int(token["most"]) >= _MANY):
                return True
            groups[-1].repeats = True
    return False


@dataclass(slots=True)
class _Group:
    """A group of a pattern as far as it has been read."""

    atomic: bool = False
    repeats: bool = False

    @property
    def backtracks(self) -> bool:
        """Whether the matcher may come back into this group to try it another way."""
        return self.repeats and not self.atomic
