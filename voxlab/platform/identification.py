"""Who calls: the precedence for a request from outside a dialog (RFC 3261 s.22, s.26.1.1).

(1) Over one of our own registrations elsewhere: its unguessable Contact user and the addresses of that registrar.
(2) From in one of our domains, or credentials: digest; a connection that a user registered over speaks for that user,
an address never does; a trunk may be trusted with our From explicitly. (3) The whitelist of a trunk. (4) 403.
Where several tenants share an address, the domain of the Request-URI tells them apart, then the called number.
Must not know applications' rules: whom the caller wants is the policy's question.
"""

from __future__ import annotations

from collections.abc import Container
from typing import NamedTuple

from voxlab.base.datagram import Flow
from voxlab.base.records import AuthenticationVerdict
from voxlab.elements.authentication import Authenticator
from voxlab.elements.location import LocationService, address_of_record
from voxlab.elements.routing import Challenge, Reject
from voxlab.platform.account import Account
from voxlab.platform.asserted import asserted
from voxlab.platform.numbering import E164
from voxlab.platform.platform import Platform
from voxlab.platform.registration import SipRegistration
from voxlab.platform.trunk import Trunk
from voxlab.platform.user import User
from voxlab.sip.message import Request
from voxlab.sip.uri import Uri


class Caller(NamedTuple):
    """Who calls: a user of ours who has proved it, an operator at the other end of a trunk, or a registrar of ours.

    Attributes
    ----------
    number : str
        What the callee's display shows: the user part of From, of a trusted operator the number that it asserts.
    display_name : str
        As From says, "" if it does not.
    uri : Uri
        The From URI.
    account : str
        Whose user, trunk or registration it is.
    user, trunk, registration
        The one of the three that it is; the others are None.
    """

    number: str
    display_name: str
    uri: Uri
    account: str
    user: User | None = None
    trunk: Trunk | None = None
    registration: SipRegistration | None = None


class Identification:
    """Tells who sent a request; ``host`` and ``addresses`` are our own name and addresses."""

    def __init__(
        self,
        platform: Platform,
        authenticator: Authenticator,
        location: LocationService,
        *,
        host: str,
        addresses: Container[str],
    ) -> None:
        self._platform = platform
        self._authenticator = authenticator
        self._location = location
        self._host = host
        self._addresses = addresses
        self._records: list[AuthenticationVerdict] = []

    def poll(self) -> list[AuthenticationVerdict]:
        """Drain the verdicts on digests."""
        records, self._records = self._records, []
        return records

    def caller(self, request: Request, flow: Flow, now: float) -> Caller | Challenge | Reject:
        """Return who calls, or how to ask, or how to refuse."""
        over = self._registration(request, flow)
        if over is not None:
            said = asserted(request, E164)
            return Caller(said.number, said.display_name, request.from_.uri, over.account, registration=over)
        sender = self._at_home(request.from_.uri)
        ours = self._platform.serves(sender.host)
        if ours and self._location.registered_on(address_of_record(sender), flow, now):
            user = self._platform.active_user_at(sender.user or "", sender.host)
            if user is not None:
                return self._user(request, user)
        shown = self._authenticator.has_credentials(request, 407)
        if shown or (ours and not self._is_trusted(flow)):
            return self._by_digest(request, flow, now, ours)
        if sender.host in self._addresses and not self._platform.trunks_from(flow.remote.host):
            # A phone that was given our address for a domain: whether there is such a user, the answer does not show.
            return self._by_digest(request, flow, now, ours)
        return self._by_address(request, flow)

    def _at_home(self, uri: Uri) -> Uri:
        """Put the domain in the place of our address, where only one application has a user of this name."""
        if uri.host not in self._addresses:
            return uri
        homes = self._platform.homes(uri.user or "")
        return uri._replace(host=homes[0]) if len(homes) == 1 else uri

    # -- (1) over a registration of ours

    def _registration(self, request: Request, flow: Flow) -> SipRegistration | None:
        registration = self._platform.registrations.get(request.uri.user or "")
        if registration is None or flow.remote.host not in registration.addresses:
            return None
        return registration

    # -- (2) by digest

    def _is_trusted(self, flow: Flow) -> bool:
        """Whether every trunk that the address stands for may name our users without a digest."""
        found = self._platform.trunks_from(flow.remote.host)
        return bool(found) and all(trunk.trusts_from for _, trunk in found)

    def _by_digest(self, request: Request, flow: Flow, now: float, ours: bool) -> Caller | Challenge | Reject:
        sender = self._at_home(request.from_.uri)
        host = sender.host if ours else self._at_home(request.uri).host
        judgement = self._authenticator.judge(request, host, 407, flow, now)
        if judgement.username:
            realm = self._authenticator.realm
            self._records.append(
                AuthenticationVerdict(
                    now, self._host, request.method, judgement.username, realm, judgement.verdict, request.call_id
                )
            )
        if judgement.subscriber is None:
            if judgement.status == 407:
                return Challenge(self._authenticator.realm, judgement.headers, judgement.verdict)
            return Reject(judgement.status, None, judgement.verdict)
        aor = judgement.subscriber.aor
        if ours and aor != address_of_record(sender):
            return Reject(403, None, f"From says {address_of_record(sender)}, the credentials are those of {aor}")
        name, _, domain = aor.rpartition("@")
        user = self._platform.active_user_at(name, domain)
        if user is None:
            return Reject(403, None, f"{aor} is no user any more")
        return self._user(request, user)

    def _user(self, request: Request, user: User) -> Caller:
        application = self._platform.application_at(user.domain)
        account = application.account if application is not None else ""
        sender = request.from_
        return Caller(user.name, sender.display_name or user.display_name, sender.uri, account, user)

    # -- (3) by the whitelist

    def _by_address(self, request: Request, flow: Flow) -> Caller | Reject:
        found = self._platform.trunks_from(flow.remote.host)
        if not found:
            return Reject(403, None, self._stranger(request, flow))
        chosen = self._told_apart(request, found)
        if chosen is None:
            whose = " and ".join(account.name for account, _ in found)
            why = f"{flow.remote.host} is on the whitelists of {whose}, and neither the domain nor a number says whose"
            return Reject(403, None, why)
        account, trunk = chosen
        said = asserted(request, trunk.dialect)
        return Caller(said.number, said.display_name, request.from_.uri, account.name, None, trunk)

    def _told_apart(self, request: Request, found: list[tuple[Account, Trunk]]) -> tuple[Account, Trunk] | None:
        """Return whose call it is: by the domain of the Request-URI, by the address, by the called number."""
        uri = request.uri
        named = self._platform.application_at(uri.host) if uri.host not in self._addresses else None
        if named is not None:
            return next((pair for pair in found if pair[0].name == named.account), found[0])
        if len(found) == 1:
            return found[0]
        for account, trunk in found:
            number = self._platform.numbers.get(trunk.dialect.read((uri.user or "").partition(";")[0]))
            if number is not None and number.application.account == account.name:
                return account, trunk
        return None

    def _stranger(self, request: Request, flow: Flow) -> str:
        host, sender = flow.remote.host, request.from_.uri
        known = self._platform.registrations.get(request.uri.user or "")
        if known is not None:
            where = ", ".join(sorted(known.addresses)) or "nowhere yet"
            return f"{host} calls the contact of registration {known.username!r}, whose registrar is at {where}"
        return f"{host} is in no trunk's whitelist, and From {sender} is no user of ours"
