"""The handle of an application: its users, its scenarios, its rules."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from voxlab.base.errors import VoxlabError, did_you_mean
from voxlab.lab.sip_registration import SipRegistration, Wishes, define
from voxlab.lab.user import User
from voxlab.platform.application import UNCHANGED, Unchanged
from voxlab.platform.application import Application as Record
from voxlab.platform.number import Number
from voxlab.platform.rule import Explanation, Rule
from voxlab.platform.scenario import Scenario
from voxlab.platform.user import User as UserRecord

if TYPE_CHECKING:
    from voxlab.lab.lab import Lab

F = TypeVar("F", bound=Callable[..., Any])


class Application:
    """A domain with users, and rules that lead callers to scenarios; get one with ``account.application("shop")``."""

    def __init__(self, lab: Lab, record: Record) -> None:
        self.lab = lab
        self.record = record
        self._users: dict[str, User] = {}

    @property
    def name(self) -> str:
        """The application's name."""
        return self.record.name

    @property
    def domain(self) -> str:
        """Where its users live: ``shop.acme.voxlab.test``."""
        return self.record.domain

    def user(self, name: str, *, password: str | None = None, display_name: str | None = None) -> User:
        """Return the user called ``name``, made if need be; what is given is updated.

        Parameters
        ----------
        name : str
            ``[a-z0-9][a-z0-9_-]{2,49}``.
        password : str or None
            Generated if not given.
        display_name : str or None
        """
        record = self.lab.define(lambda: self.record.user(name, password=password, display_name=display_name))
        return self._handle(record)

    def _handle(self, record: UserRecord) -> User:
        known = self._users.get(record.name)
        if known is None or known.record is not record:
            known = self._users[record.name] = User(self.lab, record)
        return known

    def scenario(
        self, name: str | None = None, *, pattern: str | None = None, exclude: str | None = None
    ) -> Callable[[F], F]:
        """Define the script that calls run through, and the rule that leads to it; a namesake is replaced, running
        calls keep the old.

        Parameters
        ----------
        name : str or None
            The function's name if not given.
        pattern, exclude : str or None
            Regular expressions over the whole destination; without a pattern the rule takes what no other rule wants.

        Examples
        --------
        >>> @shop.scenario()
        ... async def forward(call):
        ...     await call.forward_to_user()
        """
        if callable(name):
            raise VoxlabError("write @application.scenario() with parentheses")

        def define(function: F) -> F:
            if not inspect.iscoroutinefunction(function):
                called = getattr(function, "__name__", "scenario")
                raise VoxlabError(f"a scenario is an async function: write `async def {called}(call):`")
            title = name or function.__name__
            self.lab.define(lambda: self.record.scenario(title, function, pattern=pattern, exclude=exclude))
            return function

        return define

    def rule(
        self,
        name: str,
        *,
        scenario: Callable[..., Any] | str | None = None,
        pattern: str | Unchanged | None = UNCHANGED,
        exclude: str | Unchanged | None = UNCHANGED,
        route: str | None = None,
    ) -> Rule:
        """Return the rule called ``name``, made if need be; what is given is updated.

        Parameters
        ----------
        name : str
        scenario : coroutine function or str
            The script that calls run through.
        pattern, exclude : str or None
            Regular expressions over the whole destination.
        route : str
            Instead of a scenario: where calls go on to without a script. "users" are the registered devices of
            whoever is called, rung together or, by their q, one after the other; a URI such as ``sip:192.0.2.7`` is a
            gateway. The cloud is a proxy then (RFC 3261 s.16): signalling passes through it, media does not.

        Examples
        --------
        >>> shop.rule("direct", pattern="[a-z]+", route="users")
        """
        target: Scenario | str | None = None
        if callable(scenario):
            target = next((known for known in self.record.scenarios.values() if known.function is scenario), None)
            if target is None:
                raise VoxlabError(
                    f"{getattr(scenario, '__name__', scenario)!r} is no scenario of {self.domain}: "
                    "decorate it with @application.scenario()"
                )
        elif scenario is not None:
            target = scenario
        return self.lab.define(
            lambda: self.record.rule(name, scenario=target, pattern=pattern, exclude=exclude, route=route)
        )

    def number(self, number: str, *, rule: Rule | str | None = None) -> Number:
        """Let calls to a telephone number come here, as operators send them to ``sip:+4930999100@`` our address.

        Parameters
        ----------
        number : str
            In E.164 form, such as "+4930999100"; nobody else's yet.
        rule : Rule, str or None
            The rule that takes its calls, its pattern not consulted; None tries the patterns on the number.
        """
        record = self.record

        def define() -> Number:
            return self.lab.platform.number(number, record, self._rule_named(rule) if isinstance(rule, str) else rule)

        return self.lab.define(define)

    def sip_registration(
        self,
        username: str,
        *,
        proxy: str | None = None,
        password: str | None = None,
        auth_user: str | None = None,
        outbound_proxy: str | None = None,
        rule: Rule | str | Unchanged | None = UNCHANGED,
        user: User | str | Unchanged | None = UNCHANGED,
        persistent: bool | None = None,
    ) -> SipRegistration:
        """Return the SIP registration called ``username``, made if need be: the platform as a telephone elsewhere.

        The crutch where no trunk can be had. What is given is updated; a changed one registers anew.

        Parameters
        ----------
        username : str
            The user name there.
        proxy : str
            The other telephony: a domain or an address, perhaps with a port.
        password : str
        auth_user : str or None
            The name for digest, if it is another one.
        outbound_proxy : str or None
            The next hop, if it is not ``proxy``.
        rule : Rule, str or None
            Takes every call that comes over it, its pattern not consulted; None tries the patterns on ``username``.
        user : User, str or None
            Whose telephone it is: with ``persistent=False`` it stands while that user has a device registered. A user
            has one at most, an older one is unbound.
        persistent : bool
            Registered until ``remove()`` (the default).

        Raises
        ------
        VoxlabError
            For a new one without proxy or password, and for what can be no user name or proxy.

        Examples
        --------
        >>> line = giga.line("acme-office")
        >>> reg = shop.sip_registration(line.username, proxy=line.proxy, password=line.password)
        """
        chosen = self._rule_named(rule) if isinstance(rule, str) else rule
        bound = (
            self.record.find_user(user) if isinstance(user, str) else user.record if isinstance(user, User) else user
        )
        wishes = Wishes(proxy, password, auth_user, outbound_proxy, chosen, bound, persistent)
        record = self.lab.define(lambda: define(self.lab, self.record, username, wishes))
        return SipRegistration(self.lab, record)

    @property
    def sip_registrations(self) -> tuple[SipRegistration, ...]:
        """The SIP registrations whose calls come here."""
        known = self.lab.platform.registrations.values()
        return tuple(SipRegistration(self.lab, each) for each in known if each.application is self.record)

    def _rule_named(self, name: str) -> Rule:
        known = {rule.name: rule for rule in self.record.rules}
        if name not in known:
            raise VoxlabError(f"unknown rule {name!r} in {self.domain}{did_you_mean(name, known)}")
        return known[name]

    @property
    def numbers(self) -> tuple[Number, ...]:
        """The telephone numbers whose calls come here."""
        return tuple(number for number in self.lab.platform.numbers.values() if number.application is self.record)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules in the order in which they are tried."""
        return self.record.rules

    def explain(self, destination: str) -> Explanation:
        """Say which rule takes a destination, and for each rule before it why not."""
        return self.record.explain(destination)

    @property
    def users(self) -> tuple[User, ...]:
        """The users there are, in the order in which they were made."""
        return tuple([self._handle(record) for record in self.record.users.values()])

    def __repr__(self) -> str:
        lines = [f"<Application {self.domain}: {len(self.record.users)} users>"]
        lines += [f"  rule {number}: {rule!r}" for number, rule in enumerate(self.rules, 1)]
        return "\n".join(lines)
