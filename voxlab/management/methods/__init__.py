"""The methods of the API, a module per object; each takes a ``Question`` and returns the answer's JSON."""

from __future__ import annotations

from collections.abc import Callable

from voxlab.management.methods import (
    accounts,
    addresses,
    applications,
    history,
    numbers,
    registrations,
    rules,
    scenarios,
    users,
    whitelist,
)
from voxlab.management.question import Answer, Later, Question

Method = Callable[[Question], Answer | Later]

METHODS: dict[str, Method] = {
    **accounts.METHODS,
    **applications.METHODS,
    **users.METHODS,
    **rules.METHODS,
    **scenarios.METHODS,
    **whitelist.METHODS,
    **registrations.METHODS,
    **numbers.METHODS,
    **history.METHODS,
    **addresses.METHODS,
}
"""By name, what the API offers."""
