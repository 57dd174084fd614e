"""An account: whoever rents a corner of the platform, with applications and trunks; definitions are get-or-create by
name.

Must not know SIP messages, nor other accounts but for the one question of whether their whitelists overlap.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from voxlab.base.errors import VoxlabError
from voxlab.base.ids import Ids
from voxlab.platform.application import Application
from voxlab.platform.names import APPLICATION, checked, checked_title
from voxlab.platform.trunk import Network, Trunk, networks

MAX_TRUNK_NAME = 99


class Registry(Protocol):
    """What spans the accounts."""

    def open(self, application: Application) -> None:
        """Make an application reachable under its domain."""

    def admit(self, trunk: Trunk, wanted: tuple[Network, ...]) -> None:
        """Refuse a whitelist that another account's holds too."""


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

    def trunk(self, name: str, *, allow: Iterable[str] | None = None) -> Trunk:
        """Return the trunk called ``name``, made if need be; a whitelist that is given replaces the one there was.

        Raises
        ------
        VoxlabError
            For what is no network, and where another account's whitelist holds one of the addresses.
        """
        trunk = self.trunks.get(name) or Trunk(checked_title(name, "a trunk", MAX_TRUNK_NAME), self.name)
        if allow is not None:
            wanted = networks(allow, f"trunk {name!r}")
            self._registry.admit(trunk, wanted)
            trunk.allow = wanted
        self.trunks[name] = trunk
        return trunk

    def trunk_from(self, address: str) -> Trunk | None:
        """Return the trunk of this account whose whitelist holds ``address``."""
        return next((trunk for trunk in self.trunks.values() if trunk.match(address) is not None), None)

    def __repr__(self) -> str:
        return f"Account({self.domain}: {len(self.applications)} applications, {len(self.trunks)} trunks)"
