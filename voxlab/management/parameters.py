"""The parameters of a request: text as it came in a form, read as what a method needs (True/False, lists with ``;``,
dates in UTC).

Must not know methods.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from voxlab.management.errors import REQUIRED_PARAMETER, ApiError, wrong

ALL = "all"
DATE = "%Y-%m-%d %H:%M:%S"
DEFAULT_COUNT, MAX_COUNT = 20, 1000

T = TypeVar("T")


class Parameters:
    """What came with a request; an empty parameter counts as not given, as clients send it for None."""

    def __init__(self, form: Mapping[str, str]) -> None:
        self._form = form

    def __contains__(self, name: str) -> bool:
        return bool(self._form.get(name))

    def text(self, name: str, *, longest: int | None = None) -> str | None:
        """Return a text, None if it was not given."""
        given = self._form.get(name)
        if longest is not None and given is not None and len(given) > longest:
            raise wrong(name, f"{len(given)} characters, at most {longest} are allowed")
        return given or None

    def cleared(self, name: str, *, longest: int | None = None) -> str | None:
        """Return a text that may be given empty, to clear what was there; None if it was not given."""
        return self.text(name, longest=longest) or self._form.get(name)

    def required(self, name: str, *, longest: int | None = None) -> str:
        """Return a text that has to be there."""
        given = self.text(name, longest=longest)
        if given is None:
            raise ApiError(REQUIRED_PARAMETER, name)
        return given

    def boolean(self, name: str) -> bool | None:
        """Return True or False, None if it was not given."""
        given = self._form.get(name)
        if not given:
            return None
        words = {"true": True, "1": True, "false": False, "0": False}
        if given.lower() not in words:
            raise wrong(name, f"True or False, not {given!r}")
        return words[given.lower()]

    def integer(self, name: str, *, default: int | None = None, least: int = 0, most: int = 2**53) -> int | None:
        """Return a whole number."""
        given = self._form.get(name)
        return default if not given else _integer(name, given, least, most)

    def integers(self, name: str) -> list[int] | str | None:
        """Return the numbers of a list, ``ALL``, or None if it was not given."""
        words = self.words(name)
        if words is None:
            return None
        if words == [ALL]:
            return ALL
        return [_integer(name, word, 0, 2**53) for word in words]

    def words(self, name: str) -> list[str] | None:
        """Return the members of a list, None if it was not given."""
        given = self._form.get(name)
        return [word.strip() for word in given.split(";") if word.strip()] if given else None

    def instant(self, name: str) -> float | None:
        """Return a date as Unix time."""
        given = self._form.get(name)
        if not given:
            return None
        try:
            return datetime.strptime(given, DATE).replace(tzinfo=UTC).timestamp()
        except ValueError:
            raise wrong(name, f"{given!r} is not written as 2026-01-31 23:59:59") from None

    def page(self, things: Sequence[T], show: Callable[[T], Any]) -> dict[str, Any]:
        """Return the answer that lists things: the page that was asked for, and how many there are."""
        count = self.integer("count", default=DEFAULT_COUNT, most=MAX_COUNT) or 0
        offset = self.integer("offset", default=0) or 0
        shown = [show(thing) for thing in things[offset : offset + count]]
        return {"result": shown, "total_count": len(things), "count": len(shown)}


def _integer(name: str, given: str, least: int, most: int) -> int:
    try:
        number = int(given)
    except ValueError:
        raise wrong(name, f"a whole number, not {given!r}") from None
    if not least <= number <= most:
        raise wrong(name, f"a number from {least} to {most}, not {number}")
    return number


def date(seconds: float) -> str:
    """Return a Unix time as the API writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime(DATE)
