"""An application: a domain with users, and rules that send its callers to scenarios; definitions are get-or-create by
name.

Must not know SIP messages, nor what running a scenario means.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from voxlab.base.errors import VoxlabError
from voxlab.base.ids import Ids
from voxlab.platform.names import MAX_RULE_NAME, MAX_SCENARIO_NAME, USER, checked, checked_title, did_you_mean
from voxlab.platform.pattern import MAX_DESTINATION
from voxlab.platform.rule import ANYTHING, Explanation, Rule
from voxlab.platform.scenario import Scenario
from voxlab.platform.secret import chosen_password, generated_password
from voxlab.platform.user import User


class Unchanged:
    """The type of ``UNCHANGED``, which tells "leave it as it is" from None."""

    def __repr__(self) -> str:
        return "UNCHANGED"


UNCHANGED: Final = Unchanged()


class Application:
    """A domain of its own, such as ``shop.acme.voxlab.test``; ``account`` is the name of the account it belongs to."""

    def __init__(self, name: str, account: str, domain: str, realm: str, ids: Ids) -> None:
        self.name = name
        self.account = account
        self.domain = domain
        self.realm = realm
        self._ids = ids
        self.users: dict[str, User] = {}
        self.scenarios: dict[str, Scenario] = {}
        self._rules: dict[str, Rule] = {}
        self._ordered: tuple[Rule, ...] = ()
        self.has_routes = False

    def user(self, name: str, *, password: str | None = None, display_name: str | None = None) -> User:
        """Return the user called ``name``, made if need be; what is given is updated, a password not given is kept
        or generated.
        """
        secret = None if password is None else chosen_password(password)
        user = self.users.get(name)
        if user is None:
            checked(name, USER)
            secret = secret or generated_password(self._ids.fork(f"password of {name}@{self.domain}"))
            user = self.users[name] = User(name, self.domain, self.realm, secret)
        elif secret is not None:
            user.change_password(secret)
        if display_name is not None:
            user.display_name = display_name
        return user

    def find_user(self, name: str) -> User:
        """Return the user called ``name``.

        Raises
        ------
        VoxlabError
            If there is none, with the closest name there is.
        """
        user = self.users.get(name)
        if user is None:
            raise VoxlabError(f"unknown user {name!r} in {self.domain}{did_you_mean(name, self.users)}")
        return user

    def scenario(
        self, name: str, function: object, *, pattern: str | None = None, exclude: str | None = None
    ) -> Scenario:
        """Define a scenario and the rule of the same name that leads to it; a namesake of each is replaced and keeps
        its place.

        Without ``pattern`` the rule is a default one: it takes whatever no rule with a pattern wants.
        """
        checked_title(name, "a scenario", MAX_SCENARIO_NAME)
        scenario = self.scenarios.get(name) or Scenario(name, function, len(self.scenarios) + 1)
        self._define(name, scenario, pattern, exclude)
        scenario.function = function
        self.scenarios[name] = scenario
        return scenario

    def rule(
        self,
        name: str,
        *,
        scenario: Scenario | str | None = None,
        pattern: str | Unchanged | None = UNCHANGED,
        exclude: str | Unchanged | None = UNCHANGED,
        route: str | None = None,
    ) -> Rule:
        """Return the rule called ``name``, made if need be; what is given is updated.

        Parameters
        ----------
        name : str
            1 to 99 characters.
        scenario : Scenario or str
            Where the rule leads; only a rule that exists already may leave both this and ``route`` out.
        route : str
            Where it leads without a script: "users", the registered devices of whoever is called, or a SIP URI.
        pattern, exclude : str or None
            Regular expressions over the whole destination; None for no pattern (then it is a default rule) and for no
            exception.
        """
        known = self._rules.get(checked_title(name, "a rule", MAX_RULE_NAME))
        if isinstance(pattern, Unchanged):
            pattern = None if known is None or known.is_default else known.pattern
        if isinstance(exclude, Unchanged):
            exclude = None if known is None else known.exclude
        if route is not None and scenario is not None:
            raise VoxlabError(f"rule {name!r} leads to a scenario or along a route: give one of the two")
        if route is None and not (scenario is None and known is not None and known.route is not None):
            return self._define(name, self._target(name, scenario, known), pattern, exclude)
        if route is None and known is not None:
            route = known.route
        return self._define(name, None, pattern, exclude, route)

    def reorder(self, names: Iterable[str]) -> None:
        """Put the rules in this order; default rules still come after those with a pattern.

        Raises
        ------
        VoxlabError
            If ``names`` are not the rules there are, each once.
        """
        wanted = list(names)
        if sorted(wanted) != sorted(self._rules):
            known = ", ".join(self._rules) or "there is none"
            raise VoxlabError(f"the order of {self.domain} has to name each of its rules once: {known}")
        self._rules = {name: self._rules[name] for name in wanted}
        self._sort()

    def remove_rule(self, name: str) -> None:
        """Forget the rule called ``name``; its scenario stays."""
        if name not in self._rules:
            raise VoxlabError(f"unknown rule {name!r} in {self.domain}{did_you_mean(name, self._rules)}")
        del self._rules[name]
        self._sort()

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules in the order in which they are tried."""
        return self._ordered

    def match(self, destination: str) -> Rule | None:
        """Return the first rule that takes ``destination``."""
        if len(destination) > MAX_DESTINATION:
            return None
        return next((rule for rule in self._ordered if rule.matches(destination)), None)

    def explain(self, destination: str) -> Explanation:
        """Say which rule takes ``destination``, and for each rule before it why not."""
        checks = []
        for rule in self._ordered:
            checks.append(rule.explain(destination))
            if checks[-1].matched:
                return Explanation(self.domain, destination, rule, tuple(checks), self._ordered[len(checks) :])
        return Explanation(self.domain, destination, None, tuple(checks), ())

    def shadow_of(self, rule: Rule) -> Rule | None:
        """Return the rule that takes everything before ``rule`` is reached, None if ``rule`` has its chance."""
        return next(
            (earlier for earlier in self._ordered[: self._ordered.index(rule)] if earlier.takes_everything), None
        )

    def _target(self, name: str, scenario: Scenario | str | None, known: Rule | None) -> Scenario | None:
        if isinstance(scenario, str):
            if scenario not in self.scenarios:
                raise VoxlabError(
                    f"unknown scenario {scenario!r} in {self.domain}{did_you_mean(scenario, self.scenarios)}"
                )
            return self.scenarios[scenario]
        if scenario is None and known is None:
            raise VoxlabError(
                f"rule {name!r} is new in {self.domain} and leads nowhere yet: say scenario=... or route=..."
            )
        if scenario is None and known is not None:
            return known.scenario
        if not isinstance(scenario, Scenario) or self.scenarios.get(scenario.name) is not scenario:
            raise VoxlabError(f"rule {name!r} needs a scenario of {self.domain}, not {scenario!r}")
        return scenario

    def _define(
        self, name: str, scenario: Scenario | None, pattern: str | None, exclude: str | None, route: str | None = None
    ) -> Rule:
        known, text = self._rules.get(name), ANYTHING if pattern is None else pattern
        rule = Rule(name, scenario, text, exclude, route=route)
        if known is None:
            known = self._rules[name] = rule
        else:
            known.define(text, exclude)
            known.lead(scenario, route)
        known.is_default = pattern is None
        self._sort()
        return known

    def _sort(self) -> None:
        self._ordered = tuple(sorted(self._rules.values(), key=lambda rule: rule.is_default))
        self.has_routes = any(rule.route is not None for rule in self._ordered)

    def __repr__(self) -> str:
        return f"Application({self.domain}: {len(self.users)} users, {len(self._rules)} rules)"
