"""The registry of everything on the platform: accounts by name, applications by domain, users by address-of-record,
trunks by source address, telephone numbers by themselves.

Must not know SIP messages: its questions are asked with names and addresses.
"""

from __future__ import annotations

import re

from voxlab.base.errors import VoxlabError, did_you_mean
from voxlab.base.ids import Ids
from voxlab.platform.access import AccessList, ApiKey
from voxlab.platform.account import Account
from voxlab.platform.application import Application
from voxlab.platform.ledger import Ledger
from voxlab.platform.names import ACCOUNT, checked
from voxlab.platform.number import Number
from voxlab.platform.numbering import checked_number
from voxlab.platform.registration import SipRegistration
from voxlab.platform.rule import Rule
from voxlab.platform.trunk import Network, Trunk, overlap
from voxlab.platform.user import User

_DOMAIN = re.compile(r"(?=.{1,189}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")


class Platform:
    """All accounts under one domain, which is also the realm of every password (RFC 3261 s.22.1: globally unique,
    readable).

    Parameters
    ----------
    ids : Ids
        Where generated passwords come from.
    domain : str
        The platform's own domain; applications live two labels below it.
    """

    def __init__(self, ids: Ids, domain: str = "voxlab.test") -> None:
        if _DOMAIN.fullmatch(domain) is None:
            raise VoxlabError(
                f"{domain!r} is no domain for a platform: lower-case labels with dots between, such as 'voxlab.test'"
            )
        self.domain = domain
        self._ids = ids
        self.accounts: dict[str, Account] = {}
        self.numbers: dict[str, Number] = {}
        self.registrations: dict[str, SipRegistration] = {}
        self._domains: dict[str, Application] = {}
        self.ledger = Ledger()
        self.api_keys: dict[str, ApiKey] = {}
        self.access_lists: dict[str, AccessList] = {}

    @property
    def realm(self) -> str:
        """The protection domain in every challenge of the platform."""
        return self.domain

    def account(self, name: str) -> Account:
        """Return the account called ``name``, made if need be."""
        known = self.accounts.get(name)
        if known is None:
            checked(name, ACCOUNT)
            known = self.accounts[name] = Account(name, f"{name}.{self.domain}", self.realm, self._ids, self)
        return known

    def application_at(self, host: str) -> Application | None:
        """Return the application whose domain ``host`` is, whatever its case; None if there is none."""
        return self._domains.get(host) or self._domains.get(host.lower().removesuffix("."))

    def serves(self, host: str) -> bool:
        """Whether ``host`` is the domain of an application."""
        return self.application_at(host) is not None

    def user_at(self, user: str, host: str) -> User | None:
        """Return the user with the address-of-record ``user@host``."""
        application = self.application_at(host)
        return None if application is None else application.users.get(user)

    def user_named(self, username: str, host: str) -> User | None:
        """Return whom a device means that calls itself ``username``: the full name ``alice@shop.acme.voxlab.test``,
        or the name alone, which is looked up at ``host``.
        """
        name, at, domain = username.rpartition("@")
        return self.active_user_at(name, domain) if at else self.active_user_at(username, host)

    def active_user_at(self, user: str, host: str) -> User | None:
        """Return the user with the address-of-record ``user@host``, unless his owner has switched him off."""
        known = self.user_at(user, host)
        return known if known is not None and known.active else None

    def homes(self, user: str, account: str = "") -> list[str]:
        """Return the domains of the applications, of one account or of all, that have a user of this name: whom a
        device means that was given an address of ours for a domain.
        """
        wanted = [self.accounts[account]] if account else self.accounts.values()
        everyone = (application for one in wanted for application in one.applications.values())
        return [application.domain for application in everyone if user in application.users]

    def trunk_from(self, address: str) -> tuple[Account, Trunk] | None:
        """Return the first trunk whose whitelist holds the source ``address``, and its account."""
        return next(iter(self.trunks_from(address)), None)

    def trunks_from(self, address: str) -> list[tuple[Account, Trunk]]:
        """Return the trunks whose whitelists hold the source ``address``, one of each account at most."""
        found: list[tuple[Account, Trunk]] = []
        for account in self.accounts.values():
            trunk = account.trunk_from(address) if account.trunks else None
            if trunk is not None:
                found.append((account, trunk))
        return found

    # -- registrations of ours elsewhere

    def contact_user(self, name: str) -> str:
        """Return the user part for the Contact of a new registration; nobody can guess it in the live world."""
        return self._ids.fork(f"contact of {name}").token(8)

    def registration(self, account: str, which: str | int) -> SipRegistration:
        """Return a registration of an account by its user name or number.

        Raises
        ------
        VoxlabError
            If there is none.
        """
        known = [each for each in self.registrations.values() if each.account == account]
        found = next((each for each in known if which in (each.username, each.number)), None)
        if found is None:
            hint = did_you_mean(which, [each.username for each in known])
            raise VoxlabError(f"unknown SIP registration {which!r} in account {account!r}{hint}")
        return found

    # -- telephone numbers

    def number(self, number: str, application: Application, rule: Rule | None = None) -> Number:
        """Let calls to a telephone number go to an application, and there to a rule if one is given.

        Raises
        ------
        VoxlabError
            For what is no number, and for a number of another account.
        """
        text = checked_number(number, f"a number of {application.domain}")
        known = self.numbers.get(text)
        if known is not None and known.application.account != application.account:
            raise VoxlabError(f"{text} is a number of another account: nobody else can have it")
        if rule is not None and rule not in application.rules:
            raise VoxlabError(f"{rule!r} is no rule of {application.domain}, which {text} is to lead to")
        self.numbers[text] = Number(text, application, rule)
        return self.numbers[text]

    def remove_number(self, number: str) -> None:
        """Give a telephone number back; refused where only numbers tell two accounts' callers apart."""
        text = checked_number(number, "a number")
        record = self.numbers.pop(text, None)
        if record is None:
            raise VoxlabError(f"{text} is no number of this platform")
        account = self.accounts[record.application.account]
        try:
            for trunk in account.trunks.values():
                self.admit(trunk, trunk.allow)
        except VoxlabError:
            self.numbers[text] = record
            raise

    def has_numbers(self, account: str) -> bool:
        """Whether an account has telephone numbers."""
        return any(number.application.account == account for number in self.numbers.values())

    def open(self, application: Application) -> None:
        """Make an application reachable under its domain."""
        self._domains[application.domain] = application

    def shut(self, application: Application) -> None:
        """Let nobody reach an application any more: its domain, its numbers and its registrations lead nowhere."""
        self._domains.pop(application.domain, None)
        for number in [each.number for each in self.numbers.values() if each.application is application]:
            del self.numbers[number]
        for registration in self.registrations.values():
            if registration.application is application:
                registration.application = registration.rule = registration.user = None

    def access_list(self, account: str) -> AccessList:
        """Return the addresses that may use the management API of an account."""
        return self.access_lists.setdefault(account, AccessList())

    def admit(self, trunk: Trunk, wanted: tuple[Network, ...]) -> None:
        """Refuse a whitelist that another account's holds too, unless both have numbers that tell whose calls come."""
        for account in self.accounts.values():
            if account.name == trunk.account or (self.has_numbers(trunk.account) and self.has_numbers(account.name)):
                continue
            for other in account.trunks.values():
                if pair := overlap(wanted, other.allow):
                    raise VoxlabError(
                        f"{pair[0]} of trunk {trunk.name!r} in account {trunk.account!r} overlaps {pair[1]} "
                        f"of trunk {other.name!r} in account {other.account!r}: "
                        "a call from there could belong to either. Narrow one of them, or give both accounts "
                        "telephone numbers, by which their calls are told apart"
                    )

    def __repr__(self) -> str:
        return f"Platform({self.domain}: {len(self.accounts)} accounts)"
