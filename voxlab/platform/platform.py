"""The registry of everything on the platform: accounts by name, applications by domain, users by address-of-record,
trunks by source address.

Must not know SIP messages: its questions are asked with names and addresses.
"""

from __future__ import annotations

import re

from voxlab.base.errors import VoxlabError
from voxlab.base.ids import Ids
from voxlab.platform.account import Account
from voxlab.platform.application import Application
from voxlab.platform.names import ACCOUNT, checked
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
        self._domains: dict[str, Application] = {}

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
        return self.user_at(name, domain) if at else self.user_at(username, host)

    def homes(self, user: str, account: str = "") -> list[str]:
        """Return the domains of the applications, of one account or of all, that have a user of this name: whom a
        device means that was given an address of ours for a domain.
        """
        wanted = [self.accounts[account]] if account else self.accounts.values()
        everyone = (application for one in wanted for application in one.applications.values())
        return [application.domain for application in everyone if user in application.users]

    def trunk_from(self, address: str) -> tuple[Account, Trunk] | None:
        """Return the trunk whose whitelist holds the source ``address``, and its account; accounts never share an
        address.
        """
        for account in self.accounts.values():
            trunk = account.trunk_from(address)
            if trunk is not None:
                return account, trunk
        return None

    def open(self, application: Application) -> None:
        """Make an application reachable under its domain."""
        self._domains[application.domain] = application

    def admit(self, trunk: Trunk, wanted: tuple[Network, ...]) -> None:
        """Refuse a whitelist that another account's holds too: nothing would tell whose calls these are."""
        for account in self.accounts.values():
            if account.name == trunk.account:
                continue
            for other in account.trunks.values():
                if pair := overlap(wanted, other.allow):
                    raise VoxlabError(
                        f"{pair[0]} of trunk {trunk.name!r} in account {trunk.account!r} overlaps {pair[1]} "
                        f"of trunk {other.name!r} in account {other.account!r}: "
                        "a call from there could belong to either. Narrow one of them"
                    )

    def __repr__(self) -> str:
        return f"Platform({self.domain}: {len(self.accounts)} accounts)"
