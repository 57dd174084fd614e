"""The handle of an account."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from voxlab.lab.application import Application
from voxlab.platform.access import ApiKey
from voxlab.platform.account import Account as Record
from voxlab.platform.application import Application as ApplicationRecord
from voxlab.platform.trunk import Trunk

if TYPE_CHECKING:
    from voxlab.lab.lab import Lab


class Account:
    """Whoever rents a corner of the platform; get one with ``lab.account("acme")``."""

    def __init__(self, lab: Lab, record: Record) -> None:
        self.lab = lab
        self._record = record
        self._applications: dict[str, Application] = {}

    @property
    def name(self) -> str:
        """The account's name."""
        return self._record.name

    def application(self, name: str) -> Application:
        """Return the application called ``name``, made if need be.

        Raises
        ------
        VoxlabError
            For a name that cannot be one: ``[a-z][a-z0-9-]{1,64}``.
        """
        record = self._record.applications.get(name) or self.lab.define(self._record.application, name)
        return self._handle(record)

    def _handle(self, record: ApplicationRecord) -> Application:
        known = self._applications.get(record.name)
        if known is None or known.record is not record:
            known = self._applications[record.name] = Application(self.lab, record)
        return known

    @property
    def applications(self) -> tuple[Application, ...]:
        """The applications there are, in the order in which they were made."""
        return tuple([self._handle(record) for record in self._record.applications.values()])

    def trunk(self, name: str, *, allow: Iterable[str] | None = None) -> Trunk:
        """Return the trunk called ``name``, made if need be: calls from the addresses in ``allow`` need no password.

        Parameters
        ----------
        name : str
        allow : iterable of str
            Addresses and networks, ``A.B.C.D``, ``A.B.C.D/L`` or ``A.B.C.D/a.b.c.d``, IPv6 too.
        """
        networks = None if allow is None else [allow] if isinstance(allow, str) else list(allow)
        return self.lab.define(lambda: self._record.trunk(name, allow=networks))

    def api_key(self, path: str | os.PathLike[str], *, description: str = "") -> Path:
        """Make a key of the management API and write its credentials file, which the reference's clients read.

        Parameters
        ----------
        path : path-like
            The file; mode 0600, because whoever reads it has the account.
        description : str
            For the owner.
        """
        from voxlab.lab.api_key import key_pair, write_credentials

        private, public = key_pair()
        platform, store = self.lab.platform, self.lab.store

        def keep() -> tuple[ApiKey, int]:
            now_s = store.history.epoch_s + self.lab.world.now
            key = ApiKey(self.lab.world.ids.token(16), self.name, public, description, now_s)
            platform.api_keys[key.key_id] = key
            return key, platform.ledger.entry("account", self.name, now_s=now_s).number

        key, number = self.lab.define(keep)
        return write_credentials(Path(path), key, private, number, f"{self.name}@{platform.domain}")

    def __repr__(self) -> str:
        return (
            f"<Account {self.name}: {len(self._record.applications)} applications, {len(self._record.trunks)} trunks>"
        )
