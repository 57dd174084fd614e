"""An application: a domain with users, and rules that send its callers to scenarios; definitions are get-or-create by
name.

Must not know SIP messages, nor what running a scenario means.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from voxlab.base.errors import VoxlabError, did_you_mean
from voxlab.base.ids import Ids
from voxlab.platform.names import MAX_RULE_NAME, MAX_SCENARIO_NAME, USER, checked, checked_title
from voxlab.platform.pattern import MAX_DESTINATION
from voxlab.platform.rule import ANYTHING, Explanation, Rule
from voxlab.platform.scenario import Scenario, nowhere
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
        self.ids = ids
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
            secret = secret or generated_password(self.ids.fork(f"password of {name}@{self.domain}"))
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
        scenario = self._scenario(name, function)
        self._define(name, scenario, pattern, exclude)
        return self._keep_scenario(scenario, function, None)

    def script(self, name: str, function: object, source: str | None = None) -> Scenario:
        """Define a scenario alone, which no rule leads to yet; a namesake is replaced, the rules of it lead on to this.

        Parameters
        ----------
        name : str
            1 to 29 characters.
        function : object
            What runs; None for a scenario of which only the name is known.
        source : str or None
            Its text, where it came as text.
        """
        return self._keep_scenario(self._scenario(name, function), function, source)

    def _scenario(self, name: str, function: object) -> Scenario:
        checked_title(name, "a scenario", MAX_SCENARIO_NAME)
        order = max((known.order for known in self.scenarios.values()), default=0) + 1
        return self.scenarios.get(name) or Scenario(name, function, order)

    def _keep_scenario(self, scenario: Scenario, function: object, source: str | None) -> Scenario:
        scenario.function, scenario.source = function, source
        self.scenarios[scenario.name] = scenario
        return scenario

    def remove_scenario(self, name: str) -> None:
        """Forget a scenario; rules that led to it lead nowhere until they are given another."""
        if name not in self.scenarios:
            raise VoxlabError(f"unknown scenario {name!r} in {self.domain}{did_you_mean(name, self.scenarios)}")
        gone = self.scenarios.pop(name)
        for rule in self._rules.values():
            if rule.scenario is gone:
                rule.scenario = nowhere()

    def rename_scenario(self, old: str, new: str) -> None:
        """Call a scenario otherwise; rules that lead to it go on doing so."""
        checked_title(new, "a scenario", MAX_SCENARIO_NAME)
        if new in self.scenarios:
            raise VoxlabError(f"there is a scenario {new!r} in {self.domain} already")
        scenario = self.scenarios.pop(old)
        scenario.name = new
        self.scenarios[new] = scenario

    def remove_user(self, name: str) -> None:
        """Forget a user; devices that are registered stay so until their bindings lapse."""
        del self.users[self.find_user(name).name]

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

    def unbound_rule(self, name: str, *, pattern: str, exclude: str | None = None) -> Rule:
        """Define a rule that leads to no scenario yet: whom it takes hears 480 until it does."""
        return self._define(checked_title(name, "a rule", MAX_RULE_NAME), nowhere(), pattern, exclude)

    def rename_rule(self, old: str, new: str) -> Rule:
        """Call a rule otherwise; it keeps its place."""
        if old not in self._rules:
            raise VoxlabError(f"unknown rule {old!r} in {self.domain}{did_you_mean(old, self._rules)}")
        if checked_title(new, "a rule", MAX_RULE_NAME) in self._rules and new != old:
            raise VoxlabError(f"there is a rule {new!r} in {self.domain} already")
        self._rules = {new if name == old else name: rule for name, rule in self._rules.items()}
        self._rules[new].name = new
        self._sort()
        return self._rules[new]

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
