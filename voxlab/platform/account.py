"""An account: whoever rents a corner of the platform, with applications and trunks; definitions are get-or-create by
name.

Must not know SIP messages, nor other accounts but for the one question of whether their whitelists overlap.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from voxlab.base.errors import VoxlabError, did_you_mean
from voxlab.base.ids import Ids
from voxlab.platform.application import Application
from voxlab.platform.names import APPLICATION, checked, checked_title
from voxlab.platform.trunk import Network, Trunk, WhitelistItem, networks

MAX_TRUNK_NAME = 99
WHITELIST = "whitelist"
"""The trunk of addresses that were allowed without saying whose they are."""


class Registry(Protocol):
    """What spans the accounts."""

    def open(self, application: Application) -> None:
        """Make an application reachable under its domain."""

    def shut(self, application: Application) -> None:
        """Let nobody reach an application any more."""

    def admit(self, trunk: Trunk, wanted: tuple[Network, ...]) -> None:
        """Refuse a whitelist that another account's holds too, where nothing would tell whose calls come."""


class Account:
    """A tenant of the platform; its applications get the domains ``<application>.<account>.<platform>``."""

    def __init__(self, name: str, domain: str, realm: str, ids: Ids, registry: Registry) -> None:
        self.name = name
        self.domain = domain
        self._realm = realm
        self._ids = ids
        self._registry = registry
        self.applications: dict[str, Application] = {}
        self.trunks: dict[str, Trunk] = {}
        self._item_numbers: dict[tuple[str, Network], int] = {}

    def application(self, name: str) -> Application:
        """Return the application called ``name``, made if need be.

        Raises
        ------
        VoxlabError
            If the name cannot be one, or the domain would be too long.
        """
        known = self.applications.get(name)
        if known is None:
            domain = f"{checked(name, APPLICATION)}.{self.domain}"
            if len(domain) > 253:  # RFC 1035 s.2.3.4, less the length octets
                raise VoxlabError(f"{domain!r} has {len(domain)} characters, a domain has at most 253")
            known = self.applications[name] = Application(name, self.name, domain, self._realm, self._ids)
            self._registry.open(known)
        return known

    def remove_application(self, name: str) -> None:
        """Forget an application with its users, rules and scenarios; calls that stand go on."""
        if name not in self.applications:
            raise VoxlabError(f"unknown application {name!r} in {self.name}{did_you_mean(name, self.applications)}")
        self._registry.shut(self.applications.pop(name))

    def trunk(self, name: str, *, allow: Iterable[str] | None = None) -> Trunk:
        """Return the trunk called ``name``, made if need be; a whitelist that is given replaces the one there was.

        Raises
        ------
        VoxlabError
            For what is no network, and where another account's whitelist holds one of the addresses and nothing would
            tell the two apart.
        """
        trunk = self.trunks.get(name) or Trunk(checked_title(name, "a trunk", MAX_TRUNK_NAME), self.name)
        if allow is not None:
            wanted = networks(allow, f"trunk {name!r}")
            self._registry.admit(trunk, wanted)
            trunk.allow = wanted
        self.trunks[name] = trunk
        return trunk

    def remove_trunk(self, name: str) -> None:
        """Forget a trunk; calls that stand go on."""
        if name not in self.trunks:
            raise VoxlabError(f"unknown trunk {name!r} in account {self.name!r}{did_you_mean(name, self.trunks)}")
        del self.trunks[name]

    def trunk_from(self, address: str) -> Trunk | None:
        """Return the trunk whose whitelist holds ``address``: that of the narrowest network, of equals the first."""
        found: Trunk | None = None
        longest = -1
        for trunk in self.trunks.values():
            network = trunk.match(address)
            if network is not None and network.prefixlen > longest:
                found, longest = trunk, network.prefixlen
        return found

    # -- the whitelist as the management API sees it: networks of the account, each with a number

    @property
    def whitelist(self) -> tuple[WhitelistItem, ...]:
        """Every network that calls are taken from, with its number, in the order of the numbers."""
        items = [
            WhitelistItem(
                self._item_number(trunk.name, network), network, trunk.descriptions.get(network, ""), trunk.name
            )
            for trunk in self.trunks.values()
            for network in trunk.allow
        ]
        return tuple(sorted(items))

    def allow(self, network: str, description: str = "", *, trunk: str = WHITELIST) -> WhitelistItem:
        """Add a network to the whitelist, at once for the next call; one that is in it already keeps its number."""
        (wanted,) = networks([network], f"account {self.name!r}")
        known = self.trunks.get(trunk)
        kept = [str(each) for each in known.allow] if known is not None else []
        record = self.trunk(trunk, allow=[*kept, str(wanted)])
        record.descriptions[wanted] = description
        return next(item for item in self.whitelist if (item.network, item.trunk) == (wanted, trunk))

    def disallow(self, number: int) -> None:
        """Take the network with this number off the whitelist; calls that stand go on."""
        item = next((item for item in self.whitelist if item.number == number), None)
        if item is None:
            known = ", ".join(f"{each.number} ({each.network})" for each in self.whitelist) or "none"
            raise VoxlabError(f"there is no network with number {number!r} on the whitelist of {self.name!r}: {known}")
        trunk = self.trunks[item.trunk]
        trunk.allow = tuple(network for network in trunk.allow if network != item.network)
        trunk.descriptions.pop(item.network, None)

    def number_item(self, trunk: str, network: Network, number: int) -> None:
        """Give a network of a trunk the number that it had: from a store."""
        self._item_numbers[trunk, network] = number

    def _item_number(self, trunk: str, network: Network) -> int:
        unused = max(self._item_numbers.values(), default=0) + 1
        return self._item_numbers.setdefault((trunk, network), unused)

    def __repr__(self) -> str:
        return f"Account({self.domain}: {len(self.applications)} applications, {len(self.trunks)} trunks)"
