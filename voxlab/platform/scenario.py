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
    """

    name: str
    function: object = field(repr=False)
    order: int
