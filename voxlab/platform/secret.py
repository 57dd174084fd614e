"""A password that does not print itself, and the rules for passwords; must not know who owns it."""

from __future__ import annotations

from voxlab.base.errors import VoxlabError
from voxlab.base.ids import Ids

MAX_PASSWORD = 128

_ELSE = "leave it out and one is generated"


class Secret:
    """A word that must be asked for by name: neither ``repr`` nor ``str`` nor an f-string shows it."""

    __slots__ = ("_word",)

    def __init__(self, word: str) -> None:
        self._word = word

    def reveal(self) -> str:
        """Return the word itself."""
        return self._word

    def __repr__(self) -> str:
        return "Secret(hidden)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._word == self._word

    def __hash__(self) -> int:
        return hash(self._word)

    def __reduce__(self) -> tuple[object, ...]:
        raise VoxlabError("a secret is not pickled: hand over what reveal() returns, knowingly")


def chosen_password(word: object) -> Secret:
    """Return the password somebody chose, if a phone can be told it: 1 to 128 characters that print."""
    if not isinstance(word, str):
        raise VoxlabError(f"a password is a string, not {type(word).__name__}; {_ELSE}")
    if not 1 <= len(word) <= MAX_PASSWORD:
        raise VoxlabError(f"a password has 1 to {MAX_PASSWORD} characters, this one has {len(word)}; {_ELSE}")
    if not word.isprintable():
        raise VoxlabError("a password holds only characters that print: it has to be typed into a phone")
    return Secret(word)


def generated_password(ids: Ids) -> Secret:
    """Return a password nobody chose: 72 bits, with the upper and lower case, digit and special character that the
    management API asks for.
    """
    return Secret(f"Vx7-{ids.token(9)}")
