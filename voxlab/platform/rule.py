"""A rule: which destinations go to which scenario or straight on, and why a given one does not.

A pattern is a regular expression over the WHOLE destination, as on the reference platform: ``123`` is that number
only, ``123.+`` what begins with it.
Must not know SIP: a destination is the text of a number or of a user's name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from voxlab.base.errors import SipSyntaxError, VoxlabError
from voxlab.platform.pattern import MAX_DESTINATION, compiled
from voxlab.platform.scenario import Scenario
from voxlab.sip.uri import Uri

ANYTHING = ".*"
USERS = "users"
"""The route that leads to the registered devices of the user whom the destination names."""


class RuleCheck(NamedTuple):
    """What one rule says to one destination; prints as the sentence."""

    rule: Rule
    destination: str
    matched: bool
    why: str

    def __str__(self) -> str:
        return f"{'✓' if self.matched else '✗'} rule {self.rule.name!r}: {self.why}"

    def __repr__(self) -> str:
        return str(self)


@dataclass(eq=False, slots=True, repr=False)
class Rule:
    """Sends the destinations that match ``pattern``, but not ``exclude``, to ``scenario``, or on along ``route``.

    One of the two is None. A call that follows a route runs no script: the proxy passes it on (RFC 3261 s.16).
    ``route`` is "users" or the SIP URI of a gateway, which gets the destination as its user part if it has none.
    ``is_default`` marks a rule that was given no pattern: it takes what no other rule of its application wants.
    """

    name: str
    scenario: Scenario | None
    pattern: str = ANYTHING
    exclude: str | None = None
    is_default: bool = False
    route: str | None = None
    _match: re.Pattern[str] = field(init=False, repr=False)
    _exclude: re.Pattern[str] | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        self.lead(self.scenario, self.route)
        self.define(self.pattern, self.exclude)

    def __repr__(self) -> str:
        taken = "what no other rule wants" if self.is_default else self.pattern
        but = f" but {self.exclude}" if self.exclude is not None else ""
        return f"<Rule {self.name}: {taken}{but} → {self.goal}>"

    @property
    def goal(self) -> str:
        """Where it leads, in words: "scenario forward", "route users"."""
        return f"scenario {self.scenario.name}" if self.scenario is not None else f"route {self.route}"

    def lead(self, scenario: Scenario | None, route: str | None) -> None:
        """Lead somewhere else: to a scenario or along a route."""
        if (scenario is None) == (route is None):
            raise VoxlabError(f"rule {self.name!r} leads to a scenario or along a route: give one of the two")
        if route is not None:
            _check_route(route, self.name)
        self.scenario, self.route = scenario, route

    def uri_along_route(self, destination: str) -> str:
        """Return the URI that a route to a gateway gives a destination."""
        uri = Uri.parse(self.route or "")
        if uri.user is not None:
            return str(uri)
        params = "".join(f";{name}" if value is None else f";{name}={value}" for name, value in uri.params.items())
        return str(Uri.build(uri.host, destination, uri.port, scheme=uri.scheme, params=params))

    def define(self, pattern: str, exclude: str | None) -> None:
        """Take other patterns, both or, if one of them is wrong, neither."""
        match = compiled(pattern, f"the pattern of rule {self.name!r}")
        exception = None if exclude is None else compiled(exclude, f"the exclude pattern of rule {self.name!r}")
        self.pattern, self.exclude, self._match, self._exclude = pattern, exclude, match, exception

    @property
    def takes_everything(self) -> bool:
        """Whether no destination gets past this rule."""
        return self.pattern == ANYTHING and self.exclude is None

    def matches(self, destination: str) -> bool:
        """Whether the whole of ``destination`` matches the pattern and is not excluded."""
        if len(destination) > MAX_DESTINATION or self._match.fullmatch(destination) is None:
            return False
        return self._exclude is None or self._exclude.fullmatch(destination) is None

    def explain(self, destination: str) -> RuleCheck:
        """Say whether this rule takes ``destination``, and why or why not."""
        if not isinstance(destination, str):
            raise VoxlabError(f"a destination is a string such as '+4930999100', not {destination!r}")
        matched = self.matches(destination)
        return RuleCheck(
            self, destination, matched, self._why(destination) if not matched else self._because(destination)
        )

    def _because(self, destination: str) -> str:
        rest = "" if self.exclude is None else f" and is not excluded by {self.exclude}"
        if self.scenario is not None and not self.scenario.is_defined:
            return f"{destination!r} matches {self.pattern}{rest}, but {self.scenario.absence}: callers get 480"
        goal = f"scenario {self.scenario.name!r} runs" if self.scenario is not None else f"it goes on to {self.route}"
        return f"{destination!r} matches {self.pattern}{rest}: {goal}"

    def _why(self, destination: str) -> str:
        if len(destination) > MAX_DESTINATION:
            return f"the destination has {len(destination)} characters; past {MAX_DESTINATION} no rule is tried"
        if self._match.fullmatch(destination) is not None:
            return f"{destination!r} matches {self.pattern} but is excluded by {self.exclude}"
        part = self._match.search(destination)
        if part is not None and part.group():
            found = f"{self.pattern} matches only a part of {destination!r}, namely {part.group()!r}"
            return f"{found}; a pattern has to match the whole"
        return f"{destination!r} does not match {self.pattern}"


class Explanation(NamedTuple):
    """Which rule takes a destination and what each rule before it said; prints as text, one line per rule."""

    application: str
    destination: str
    rule: Rule | None
    checks: tuple[RuleCheck, ...]
    untried: tuple[Rule, ...]

    @property
    def verdict(self) -> str:
        """The first line: which rule, or that there is none."""
        if self.rule is not None:
            scenario, route = self.rule.scenario, self.rule.route
            rest = f"rule {self.rule.name!r} → " + (f"scenario {scenario.name!r}" if scenario else f"route {route!r}")
        else:
            rest = f"{'no rule matches' if self.checks else 'there is no rule yet'}, so callers get 404"
        return f"{'✗' if self.rule is None else '✓'} {self.destination!r} in {self.application}: {rest}"

    def __str__(self) -> str:
        lines = [self.verdict, *(f"  {number} {check}" for number, check in enumerate(self.checks, 1))]
        lines += [
            f"  {number} · rule {rule.name!r}: not tried, the first match wins"
            for number, rule in enumerate(self.untried, len(lines))
        ]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)

    def __bool__(self) -> bool:
        return self.rule is not None


def _check_route(route: object, name: str) -> None:
    what = f"the route of rule {name!r}"
    allowed = f"write {USERS!r} for the registered devices of the user who is called, or a URI such as 'sip:gw.example'"
    if route == USERS:
        return
    if not isinstance(route, str) or not route.startswith(("sip:", "sips:")):
        raise VoxlabError(f"{what} is {route!r}: {allowed}")
    try:
        Uri.parse(route)
    except SipSyntaxError as error:
        raise VoxlabError(f"{what} is {route!r}, which is no URI ({error.reason}): {allowed}") from None
