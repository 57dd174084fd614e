"""What a method is given: the account that asks, the parameters, and the platform with its numbers.

Things are found by number or by name, of this account alone: another account's are as if they were not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from voxlab.lab.lab import Lab
from voxlab.management.errors import REQUIRED_PARAMETER, ApiError, wrong
from voxlab.management.parameters import ALL, Parameters
from voxlab.platform.account import Account
from voxlab.platform.application import Application
from voxlab.platform.ledger import Entry
from voxlab.platform.platform import Platform
from voxlab.platform.rule import Rule
from voxlab.platform.scenario import Scenario
from voxlab.platform.user import User

Answer = dict[str, Any]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Later:
    """An answer that waits for the store: ``finish`` makes it of what the future brings, in the lab's thread."""

    rows: Future[Any]
    finish: Callable[[Any], Answer]


@dataclass(frozen=True, slots=True)
class Question:
    """One request, understood as far as who asks and what for.

    Attributes
    ----------
    allow_scripts : bool
        Whether scenarios may come as text.
    """

    lab: Lab
    account: Account
    given: Parameters
    allow_scripts: bool = False

    @property
    def platform(self) -> Platform:
        """Where everything is."""
        return self.lab.platform

    @property
    def now_s(self) -> float:
        """Unix time, by the lab's clock."""
        return self.lab.store.history.epoch_s + self.lab.world.now

    # -- numbers

    def entry(self, kind: str, *key: str) -> Entry:
        """Return what the ledger has about a thing."""
        return self.platform.ledger.entry(kind, *key, now_s=self.now_s)

    def touched(self, entry: Entry) -> Entry:
        """Return an entry, changed now."""
        entry.modified_s = self.now_s
        return entry

    def of_account(self) -> Entry:
        """Return the account's entry."""
        return self.entry("account", self.account.name)

    def of_application(self, application: Application) -> Entry:
        """Return an application's entry."""
        return self.entry("application", application.domain)

    def of_user(self, user: User) -> Entry:
        """Return a user's entry."""
        return self.entry("user", user.domain, user.name)

    def of_rule(self, application: Application, rule: Rule) -> Entry:
        """Return a rule's entry."""
        return self.entry("rule", application.domain, rule.name)

    def of_scenario(self, application: Application, scenario: Scenario) -> Entry:
        """Return a scenario's entry."""
        return self.entry("scenario", application.domain, scenario.name)

    # -- applications

    @property
    def applications(self) -> list[Application]:
        """The account's applications."""
        return list(self.account.applications.values())

    def named_application(self, name: str) -> Application | None:
        """Return the application of that name, long (``shop.acme.voxlab.test``) or short."""
        return next((each for each in self.applications if name in {each.name, each.domain}), None)

    def numbered_application(self, number: int) -> Application | None:
        """Return the application of that number."""
        return next((each for each in self.applications if self.of_application(each).number == number), None)

    def application(self, number: str = "application_id", name: str = "application_name") -> Application | None:
        """Return the application that a request names, None if it names none."""
        given = self.given
        identifier, called = given.integer(number), given.text(name)
        if identifier is not None:
            return _found(self.numbered_application(identifier), number, identifier)
        return None if called is None else _found(self.named_application(called), name, called)

    def needed_application(self) -> Application:
        """Return the application that a request names; the only one of the account need not be named."""
        application = self.application()
        if application is None and len(self.applications) == 1:
            return self.applications[0]
        if application is None:
            raise ApiError(REQUIRED_PARAMETER, "application_id or application_name")
        return application

    def scope(self) -> list[Application]:
        """Return the application that a request names, or else all of the account."""
        application = self.application()
        return self.applications if application is None else [application]

    # -- what lives in applications, found by number or by name

    def users(self, *, several: bool = True) -> list[tuple[Application, User]]:
        """Return the users whom a request names by ``user_id`` or ``user_name``."""
        known = [(each, user) for each in self.scope() for user in each.users.values()]
        return self.chosen("user", known, lambda pair: self.of_user(pair[1]).number, lambda pair: pair[1].name, several)

    def rules(self, *, several: bool = True) -> list[tuple[Application, Rule]]:
        """Return the rules that a request names by ``rule_id`` or ``rule_name``."""
        known = [(each, rule) for each in self.scope() for rule in each.rules]
        return self.chosen("rule", known, lambda pair: self.of_rule(*pair).number, lambda pair: pair[1].name, several)

    def scenarios(self, *, several: bool = True, name: str = "scenario_name") -> list[tuple[Application, Scenario]]:
        """Return the scenarios that a request names by ``scenario_id`` or ``scenario_name``."""
        known = [(each, scenario) for each in self.scope() for scenario in each.scenarios.values()]
        number_of: Callable[[tuple[Application, Scenario]], int] = lambda pair: self.of_scenario(*pair).number
        return self.chosen("scenario", known, number_of, lambda pair: pair[1].name, several, name=name)

    def chosen(
        self,
        kind: str,
        known: Iterable[T],
        number_of: Callable[[T], int],
        name_of: Callable[[T], str],
        several: bool = True,
        *,
        name: str = "",
    ) -> list[T]:
        """Return the things that a request names by ``<kind>_id`` or ``<kind>_name``, lists or ``all``.

        Raises
        ------
        ApiError
            When it names none, one that is not there, one that is ambiguous, or several where one is wanted.
        """
        by_number, by_name = f"{kind}_id", name or f"{kind}_name"
        numbers, names, things = self.given.integers(by_number), self.given.words(by_name), list(known)
        if numbers == ALL or names == [ALL]:
            return things
        if isinstance(numbers, list):
            found = [_only(things, number_of, number, by_number) for number in numbers]
        elif names:
            found = [_only(things, name_of, each, by_name) for each in names]
        else:
            raise ApiError(REQUIRED_PARAMETER, f"{by_number} or {by_name}")
        if len(found) > 1 and not several:
            raise wrong(by_number, "one at a time")
        return found

    def filtered(
        self, kind: str, known: Iterable[T], number_of: Callable[[T], int], name_of: Callable[[T], str]
    ) -> list[T]:
        """Return the things that fit the filters ``<kind>_id`` and ``<kind>_name``; without any, all."""
        numbers, names = self.given.integers(f"{kind}_id"), self.given.words(f"{kind}_name")
        return [
            thing
            for thing in known
            if (not isinstance(numbers, list) or number_of(thing) in numbers)
            and (names is None or name_of(thing) in names)
        ]


def _found(thing: T | None, parameter: str, given: object) -> T:
    if thing is None:
        raise wrong(parameter, f"there is none {given!r} in this account")
    return thing


def _only(things: Iterable[T], key_of: Callable[[T], object], wanted: object, parameter: str) -> T:
    found = [thing for thing in things if key_of(thing) == wanted]
    if len(found) > 1:
        raise wrong(parameter, f"{wanted!r} is in several applications: say which, with application_id")
    return _found(found[0] if found else None, parameter, wanted)
