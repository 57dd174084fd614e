"""A scenario as the platform knows it: a name and something to run; must not know what running it means."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(eq=False, slots=True)
class Scenario:
    """A script that rules refer to.

    Attributes
    ----------
    name : str
        Unique in its application, at most 29 characters.
    function : object
        What runs, opaque here; a redefinition puts another one in its place, and running calls keep the one they
        started with.
    order : int
        Its place among the scenarios of the application, from 1.
    source : str or None
        Its text, where it came as text over the management API.
    """

    name: str
    function: object = field(repr=False)
    order: int
    source: str | None = field(default=None, repr=False)

    @property
    def is_defined(self) -> bool:
        """Whether there is something to run: a store brings back names, not the owner's code."""
        return self.function is not None

    @property
    def absence(self) -> str:
        """Why it cannot run, for the journal."""
        if not self.name:
            return "no scenario is bound to it"
        return f"its scenario {self.name!r} is known by name only: it was not defined since this lab started"


def nowhere() -> Scenario:
    """Return what a rule leads to that is bound to no scenario."""
    return Scenario("", None, 0)
