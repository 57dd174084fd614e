"""Registrations of ours at other telephonies: keeps a registrant for each that is wanted, and its record true.

RFC 3261 s.10.2, RFC 3263 s.4 for where a registrar is. Must not know the lab's handles, nor who changes the records:
``keep`` makes what runs agree with what is written.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from voxlab.base.datagram import Flow
from voxlab.base.errors import SipSyntaxError, VoxlabError
from voxlab.base.records import OurRegistrationChanged
from voxlab.elements.keyring import Keyring
from voxlab.elements.node import Node
from voxlab.elements.registrant import Place, Registrant, State
from voxlab.elements.registration import REPORTED
from voxlab.host.ends.place import MediaPlace
from voxlab.host.host import Host
from voxlab.host.outlets import next_hop
from voxlab.platform.platform import Platform
from voxlab.platform.registration import FAILED, SipRegistration
from voxlab.sip.uri import Uri

RETRY_S = 30.0
"""After which a proxy whose name led nowhere is looked up again."""


class Server(Protocol):
    """The machine that the registrants run on."""

    node: Node
    host: Host
    place: MediaPlace

    def now(self) -> float: ...  # noqa: D102
    def logged_in(self, aor: str) -> bool: ...  # noqa: D102


class _Wanted(NamedTuple):
    """What a registrant was made of: when it changes, another one takes its place."""

    username: str
    proxy: str
    password: str
    auth_user: str | None
    outbound_proxy: str | None
    here: str


class _Running(NamedTuple):
    record: SipRegistration
    wanted: _Wanted
    registrant: Registrant


class Registrations:
    """The registrants of one cloud."""

    def __init__(self, platform: Platform, server: Server) -> None:
        self._platform = platform
        self._server = server
        self._running: dict[str, _Running] = {}
        self._leaving: list[_Running] = []
        self._retrying = False

    def registrant(self, record: SipRegistration) -> Registrant | None:
        """Return the machine behind a record, None while there is none."""
        running = self._running.get(record.contact_user)
        return running.registrant if running is not None else None

    def refresh(self, record: SipRegistration) -> None:
        """Register again at once, whatever the state."""
        self.keep()
        registrant = self.registrant(record)
        if registrant is not None:
            registrant.register(self._server.now())
            self._server.host.flush()

    def keep(self) -> None:
        """Begin, replace and take away registrants, until they are what the records want."""
        if not self._platform.registrations and not self._running:
            return
        known = self._platform.registrations
        for key in [key for key in self._running if not self._stays(key)]:
            self._take_away(key)
        for key, record in known.items():
            if key not in self._running and self._is_wanted(record):
                self._begin(record)
        self._server.host.flush()

    def leave(self) -> None:
        """Take every registration away, so that none is left at an address that goes; ``keep`` brings them back."""
        for key in list(self._running):
            self._take_away(key)
        self._server.host.flush()

    @property
    def has_left(self) -> bool:
        """Whether no removal is under way."""
        return not self._leaving

    def _stays(self, key: str) -> bool:
        running, record = self._running[key], self._platform.registrations.get(key)
        return record is running.record and self._is_wanted(record) and self._made_of(record) == running.wanted

    def _is_wanted(self, record: SipRegistration) -> bool:
        if record.is_persistent:
            return True
        return record.user is not None and self._server.logged_in(record.user.aor)

    def _made_of(self, record: SipRegistration) -> _Wanted:
        here = str(next(iter(self._server.node.listens.values())))
        secret = record.password.reveal()
        return _Wanted(record.username, record.proxy, secret, record.auth_user, record.outbound_proxy, here)

    def _begin(self, record: SipRegistration) -> None:
        node, now = self._server.node, self._server.now()
        try:
            flows = node.next_hops(next_hop(record.outbound_proxy or record.proxy))
            registrant = None if not flows else self._made(record, flows[0])
        except (VoxlabError, SipSyntaxError) as error:
            self._step(record, FAILED, 400, str(error), "cannot be sent")
            return
        if registrant is None:
            self._step(record, FAILED, 503, f"no address is known of {record.proxy}", "waits for an address")
            self._retry()
            return
        record.addresses = frozenset(flow.remote.host for flow in flows)
        self._running[record.contact_user] = _Running(record, self._made_of(record), registrant)
        node.add_client(registrant)
        registrant.register(now)

    def _made(self, record: SipRegistration, flow: Flow) -> Registrant:
        """Return a registrant whose Contact nobody can guess: calls over it prove by that whence they come."""
        place, node = self._server.place, self._server.node
        here = node.sent_by(flow)
        params = "" if flow.transport == "UDP" else f";transport={flow.transport.lower()}"
        contact = str(Uri.build(here.host, record.contact_user, here.port, params=params))
        keyring = Keyring(record.auth_user or record.username, record.password.reveal(), place.ids)
        return Registrant(Place(record.uri, contact, flow), keyring, place.ids)

    def _take_away(self, key: str) -> None:
        running = self._running.pop(key)
        running.registrant.unregister(self._server.now())
        self._leaving.append(running)

    def _retry(self) -> None:
        if not self._retrying:
            self._retrying = True
            self._server.place.loop.call_in_background_at(self._server.now() + RETRY_S, self._try_again)

    def _try_again(self) -> None:
        self._retrying = False
        self.keep()

    # -- what becomes of them

    def collect(self) -> None:
        """Bring the records up to what the registrants have to say."""
        for running in self._running.values():
            self._told(running)
        for running in list(self._leaving):
            self._told(running)
            if running.registrant.state in (State.UNREGISTERED, State.FAILED):
                self._leaving.remove(running)
                self._server.node.remove_client(running.registrant)

    def _told(self, running: _Running) -> None:
        record, registrant = running.record, running.registrant
        current = self._running.get(record.contact_user)
        for change in registrant.poll():
            if current is not None and current is not running:
                continue  # the one that has taken its place speaks for the record now
            self._step(record, REPORTED[change.state], change.code, change.reason, str(change.state), change.time_s)
        record.refresh_due_s = registrant.next_timeout()

    def _step(
        self, record: SipRegistration, state: str, code: int, reason: str, detail: str, now: float | None = None
    ) -> None:
        time_s = self._server.now() if now is None else now
        record.step(time_s, state, code, reason, detail)
        self._server.place.journal.note(
            OurRegistrationChanged(time_s, record.account, record.uri, state, code, reason, detail)
        )
