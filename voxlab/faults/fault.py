"""A fault as data: what it is called, where it can be switched on, what it shows, and what makes it go away.

Must not know what it does to messages: the families do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from voxlab.base.errors import VoxlabError, did_you_mean


class Parameter(NamedTuple):
    """What can be chosen about a fault.

    Attributes
    ----------
    name : str
        The keyword of ``x.fault(name, keyword=...)``; a number carries its unit.
    default : object
        Its type is the type of every value: str, bool, int or float.
    meaning : str
    allowed : tuple of str
        The words that there are, empty for any value.
    """

    name: str
    default: Any
    meaning: str
    allowed: tuple[str, ...] = ()


class Fault(NamedTuple):
    """One way to misbehave.

    Attributes
    ----------
    name : str
        What ``x.fault(name)`` takes.
    symptom : str
        What the other side sees.
    where : tuple of str
        The kinds of things it can be switched on at: "phone", "carrier", "trunk", "registrar", "nat", "link", ...
    rfc : str
        The section that is broken, or that says what follows.
    cure : str
        What makes it go away in the field, if possible in one line.
    nuance : int
        Its row in the list of nuances, 1 to 38; 0 for none.
    finding : str
        What ``explain()`` names it, such as "VX-ACK-LOST"; "" where nothing is wrong in the end.
    parameters : tuple of Parameter
    """

    name: str
    symptom: str
    where: tuple[str, ...]
    rfc: str
    cure: str
    nuance: int = 0
    finding: str = ""
    parameters: tuple[Parameter, ...] = ()

    def checked(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return its parameters with what was given, and the defaults for the rest.

        Raises
        ------
        VoxlabError
            For a parameter that it does not have, or a value that cannot be.
        """
        known = {each.name: each for each in self.parameters}
        for name in given:
            if name not in known:
                there = did_you_mean(name, known) if known else "; it has no parameters"
                raise VoxlabError(f"the fault {self.name!r} has no parameter {name!r}{there}")
        return {name: _value(self, each, given.get(name, each.default)) for name, each in known.items()}


def _value(fault: Fault, parameter: Parameter, value: Any) -> Any:
    wanted = type(parameter.default)
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, wanted) or isinstance(value, bool) is not (wanted is bool):
        raise VoxlabError(
            f"{fault.name}: {parameter.name} is {parameter.meaning}, such as {parameter.default!r}, not {value!r}"
        )
    if isinstance(value, (int, float)) and not value >= 0:
        raise VoxlabError(f"{fault.name}: {parameter.name} is {parameter.meaning}, 0 or more, not {value!r}")
    if parameter.allowed and value not in parameter.allowed:
        raise VoxlabError(
            f"{fault.name}: {parameter.name} is one of {', '.join(map(repr, parameter.allowed))}, "
            f"not {value!r}{did_you_mean(value, parameter.allowed)}"
        )
    return value
