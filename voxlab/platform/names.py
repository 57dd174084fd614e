"""What things may be called, and the sentence for whoever got it wrong; the patterns are the management API's.

Names of accounts and applications become labels of a domain (RFC 3261 s.25.1 ``domainlabel``), names of users become
the user part of an address-of-record. Must not know the things that bear the names.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from voxlab.base.errors import VoxlabError

MAX_LABEL = 63
"""Octets in one label of a domain name (RFC 1035 s.2.3.4)."""

MAX_RULE_NAME = 99
MAX_SCENARIO_NAME = 29


class NamePattern(NamedTuple):
    """How the names of one kind of thing look, for the machine and in words."""

    kind: str
    pattern: re.Pattern[str]
    in_words: str
    example: str


ACCOUNT = NamePattern(
    "an account",
    re.compile(r"[a-z][a-z0-9-]{1,61}[a-z0-9]|[a-z][a-z0-9]"),
    f"2 to {MAX_LABEL} lower-case letters, digits and hyphens, a letter first, no hyphen last",
    "acme",
)
APPLICATION = ACCOUNT._replace(kind="an application", example="shop")
USER = NamePattern(
    "a user",
    re.compile(r"[a-z0-9][a-z0-9_-]{2,49}"),
    "3 to 50 lower-case letters, digits, hyphens and underscores, a letter or digit first",
    "alice",
)


def checked(name: object, rule: NamePattern) -> str:
    """Return ``name`` if ``rule`` allows it.

    Raises
    ------
    VoxlabError
        With what was given, what is allowed and, where one can be guessed, a name that would do.
    """
    if isinstance(name, str) and rule.pattern.fullmatch(name):
        return name
    if not isinstance(name, str):
        raise VoxlabError(f"the name of {rule.kind} is a string such as {rule.example!r}, not {name!r}")
    raise VoxlabError(f"{name!r} cannot name {rule.kind}: {rule.in_words}{_proposal(name, rule)}")


def checked_title(name: object, kind: str, longest: int) -> str:
    """Return ``name`` if it is one printable line of 1 to ``longest`` characters, as rules and scenarios are named."""
    if not isinstance(name, str) or not name.strip():
        raise VoxlabError(f"the name of {kind} is a string of 1 to {longest} characters, not {name!r}")
    if len(name) > longest:
        raise VoxlabError(f"{name!r} cannot name {kind}: {len(name)} characters, at most {longest} are allowed")
    if not name.isprintable():
        raise VoxlabError(f"{name!r} cannot name {kind}: it holds characters that do not print")
    return name


def _proposal(name: str, rule: NamePattern) -> str:
    tidy = re.sub(r"[^a-z0-9_-]+", "-", name.strip().lower()).strip("-_")
    for candidate in (tidy, tidy.replace("_", "-")):
        if rule.pattern.fullmatch(candidate):
            return f"; did you mean {candidate!r}?"
    return f", such as {rule.example!r}"
