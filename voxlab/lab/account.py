"""The handle of an account."""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from voxlab.base.errors import VoxlabError
from voxlab.lab.application import Application
from voxlab.lab.sip_registration import SipRegistration
from voxlab.lab.trunk import Trunk, outward
from voxlab.platform.access import ApiKey
from voxlab.platform.account import Account as Record
from voxlab.platform.application import UNCHANGED, Unchanged
from voxlab.platform.application import Application as ApplicationRecord
from voxlab.platform.registration import SipRegistration as RegistrationRecord
from voxlab.platform.trunk import Trunk as TrunkRecord
from voxlab.platform.trunk import WhitelistItem

if TYPE_CHECKING:
    from voxlab.lab.lab import Lab
    from voxlab.lab.overview import Overview


class Panel(Protocol):
    """A live overview with buttons; see ``Account.panel``."""

    def refresh(self) -> None:
        """Show what there is now."""

    def close(self) -> None:
        """End it; may be called twice."""


class Account:
    """Whoever rents a corner of the platform; get one with ``lab.account("acme")``."""

    def __init__(self, lab: Lab, record: Record) -> None:
        self.lab = lab
        self._record = record
        self._applications: dict[str, Application] = {}
        self._trunks: dict[str, Trunk] = {}

    @property
    def name(self) -> str:
        """The account's name."""
        return self._record.name

    @property
    def record(self) -> Record:
        """What the platform keeps of it."""
        return self._record

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

    def trunk(
        self,
        name: str,
        *,
        allow: Iterable[str] | str | None = None,
        number_format: str | None = None,
        country: str | None = None,
        prefix: str | None = None,
        channels: int | Unchanged | None = UNCHANGED,
        calls_per_second: int | Unchanged | None = UNCHANGED,
        trusts_from: bool | None = None,
        transit: bool | None = None,
        gateway: Any = None,
        reaches: str | Iterable[str] | Unchanged | None = UNCHANGED,
        identity: str | None = None,
        forwarding: str | None = None,
        from_domain: str | None = None,
        caller_id: str | None = None,
        username: str | None = None,
        password: str | None = None,
        options_every: float | Unchanged | None = UNCHANGED,
    ) -> Trunk:
        """Return the trunk called ``name``, made if need be: another operator, whose calls come in and who takes ours.

        What is given is updated, at once for the next call.

        Parameters
        ----------
        name : str
        allow : iterable of str
            Whose calls need no password: addresses and networks, ``A.B.C.D``, ``A.B.C.D/L`` or ``A.B.C.D/a.b.c.d``,
            IPv6 too.
        gateway : str, tuple or list of them
            Where it takes our calls: ``host``, ``host:port`` or a SIP URI. Of a list the first is tried first;
            a tuple adds priority and weight: ``("sbc1.example", 1, 60)``.
        reaches : str or iterable of str
            The numbers that may go this way, such as "+49*"; None for all.
        identity : {"from", "pai", "ppi", "rpid"}
            What tells it who calls: From alone, or with P-Asserted-Identity, P-Preferred-Identity, Remote-Party-ID.
        forwarding : {"diversion", "history-info", "both", "none"}
            What tells it on whose behalf a forwarded call comes.
        from_domain : str
            The host part of our URIs there; the application's domain if not given.
        caller_id : str
            The number that stands for callers who have none; the application's first number if not given.
        username, password : str
            For digest towards it.
        options_every : float or None
            Lab seconds after which its gateways are asked again whether they are there (OPTIONS); None for never.
        number_format : {"e164", "plain", "00", "national"}
            How the operator writes numbers: +4930555001, 4930555001, 004930555001 or 030555001.
        country : str
            The country code that national numbers leave out, such as "49".
        prefix : str
            Digits that the operator wants before every number.
        channels, calls_per_second : int or None
            Limits, of both directions together; past them come 503 and Retry-After. None for none.
        trusts_from : bool
            Believe a From that names one of our users: the operator forwards our calls back to us.
        transit : bool
            Let its calls go on to other operators as they were dialled.

        Raises
        ------
        VoxlabError
            For what is no network, and where another account lists one of the addresses and nothing would tell whose
            calls come from there.
        """
        networks = None if allow is None else [allow] if isinstance(allow, str) else list(allow)
        changes = {"style": number_format, "country": country, "prefix": prefix}

        def define() -> TrunkRecord:
            record = self._record.trunk(name, allow=networks)
            record.speak(**changes)
            record.limit(channels, calls_per_second)
            record.trusts_from = record.trusts_from if trusts_from is None else trusts_from
            record.transit = record.transit if transit is None else transit
            record.present(style=identity, forwarding=forwarding, domain=from_domain)
            outward(record, gateway, reaches, caller_id, username, password, options_every)
            self.lab.cloud.keep_definitions()
            return record

        record = self.lab.define(define)
        if name not in self._trunks:
            self._trunks[name] = Trunk(self.lab, record)
        return self._trunks[name]

    @property
    def trunks(self) -> tuple[Trunk, ...]:
        """The trunks that were asked for, in that order."""
        return tuple(self._trunks.values())

    # -- the whitelist, network by network

    @property
    def whitelist(self) -> tuple[WhitelistItem, ...]:
        """The networks that calls are taken from without a password, of all trunks, each with its number."""
        return self.lab.world.submit(lambda: self._record.whitelist)

    def allow(self, network: str, description: str = "") -> WhitelistItem:
        """Add a network to the whitelist without saying whose it is."""
        return self.lab.define(self._record.allow, network, description)

    def disallow(self, number: int) -> None:
        """Take the network with that number off the whitelist; calls that stand go on."""
        self.lab.define(self._record.disallow, number)

    # -- how it looks

    def overview(self) -> Overview:
        """Return what the account looks like now: users and their registrations, trunks with their health, the
        whitelist, SIP registrations elsewhere, calls that scenarios run, the last calls; as text and as tables.
        """
        from voxlab.lab.overview import take

        self.lab.refuse_closed()
        return self.lab.world.submit(take, self.lab, self._record)

    def panel(self) -> Panel:
        """Return a control panel for the notebook: the overview, live, with buttons that act.

        It shows what is new after every blocking call, and in a live lab every second; where widgets do not show, it
        is the overview. There is one for each account: another call closes the one before.

        Returns
        -------
        Panel
            ``.close()`` ends it, and so does ``lab.close()``.

        Examples
        --------
        >>> account.panel()  # doctest: +SKIP
        """
        self.lab.refuse_closed()
        # Widgets live a floor above and are found by name: whoever never asks for a panel never loads them.
        made: Panel = import_module("voxlab.notebook.panel").panel(self)
        return made

    def sip_registration(self, number: int) -> SipRegistration:
        """Return the handle of one of its registrations elsewhere, by its number."""
        found = self._registrations().get(number)
        if found is None:
            raise VoxlabError(f"account {self.name!r} has no SIP registration {number}; it may have been removed")
        return SipRegistration(self.lab, found)

    def _registrations(self) -> dict[int, RegistrationRecord]:
        known = self.lab.platform.registrations.values()
        return {each.number: each for each in known if each.account == self.name}

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
