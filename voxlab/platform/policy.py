"""What becomes of a call from outside: which application it is for, who the caller is, and which rule takes it.

The precedence (RFC 3261 s.16.3, s.22): the domain of the Request-URI names the application; a caller who says to be
one of our users, or shows
credentials, is asked for a digest; a connection that a user registered over speaks for that user, an address never
does; an operator is known by the
address of its trunk; anybody else gets 403. The wire answer is the same whatever the reason; the reason is a record.
Must not know legs, media or what a scenario does.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import NamedTuple

from voxlab.base.datagram import Flow
from voxlab.base.errors import SipSyntaxError
from voxlab.base.records import AuthenticationVerdict, MessageRefused
from voxlab.elements.authentication import Authenticator
from voxlab.elements.location import Binding, LocationService, address_of_record
from voxlab.elements.routing import Answer, Challenge, Handle, Reject, Route
from voxlab.elements.target_set import Target as Hop
from voxlab.platform.application import Application
from voxlab.platform.platform import Platform
from voxlab.platform.rule import USERS, Rule
from voxlab.platform.scenario import Scenario
from voxlab.platform.trunk import Trunk
from voxlab.platform.user import User
from voxlab.sip.message import Request
from voxlab.sip.uri import Uri

_SEPARATORS = str.maketrans("", "", "-.()")

Record = AuthenticationVerdict | MessageRefused


class Caller(NamedTuple):
    """Who calls: a user of ours who has proved it, or an operator at the other end of a trunk.

    Attributes
    ----------
    number : str
        What the callee's display shows: the user part of From.
    display_name : str
        As From says, "" if it does not.
    uri : Uri
        The From URI.
    account : str
        Whose user or trunk it is.
    user, trunk
        The one of the two that it is; the other is None.
    """

    number: str
    display_name: str
    uri: Uri
    account: str
    user: User | None = None
    trunk: Trunk | None = None


class Target(NamedTuple):
    """What ``Handle`` and ``Route`` carry for a call that a rule takes; ``scenario`` is None for a route."""

    application: Application
    rule: Rule
    scenario: Scenario | None
    destination: str
    caller: Caller


class PlatformPolicy:
    """Implements ``RoutingPolicy`` for a platform.

    Parameters
    ----------
    platform : Platform
    authenticator : Authenticator
        Judges digests; the registrar's own, so that a wrong password counts once wherever it is tried.
    location : LocationService
        Knows which connections users registered over.
    host : str
        Our name in the journal.
    addresses : container of str
        Our own addresses: a Request-URI may name one of them, then To, the caller or else the name of the user says
        which application is meant. A From with one of them means the only user of that name.
    """

    def __init__(
        self,
        platform: Platform,
        authenticator: Authenticator,
        location: LocationService,
        *,
        host: str = "",
        addresses: Container[str] = (),
    ) -> None:
        self._platform = platform
        self._authenticator = authenticator
        self._location = location
        self._host = host
        self._addresses = addresses
        self._records: list[Record] = []

    def forwards(self, request: Request) -> bool:
        """Say whether the rule for a request is likely to be one with a route, before its sender is known."""
        uri = request.uri
        if uri.host and uri.host not in self._addresses:
            application = self._platform.application_at(uri.host)
            if application is None or not application.has_routes:
                return False
            rule = application.match(destination_of(uri))
            return rule is not None and rule.route is not None
        everyone = (known for account in self._platform.accounts.values() for known in account.applications.values())
        return request.method == "INVITE" and any(application.has_routes for application in everyone)

    def redirected(self, uri: Uri, now: float) -> Sequence[Hop]:
        """Follow a redirection to users of ours only; any other is passed back, for the caller to follow."""
        if not self._platform.serves(uri.host):
            return ()
        return [_hop(binding) for binding in self._location.lookup(address_of_record(uri), now)]

    def serves(self, host: str) -> bool:
        """Whether a host name is the domain of an application."""
        return self._platform.serves(host)

    def route(self, request: Request, flow: Flow, now: float) -> Answer:
        """Decide about a request outside a dialog; what is wrong with it becomes an answer, never an exception."""
        try:
            answer = self._route(request, flow, now)
        except SipSyntaxError as error:
            answer = Reject(error.status, None, str(error))
        if isinstance(answer, Reject):
            self._records.append(MessageRefused(now, self._host, flow.remote, answer.status, answer.why))
        return answer

    def poll(self) -> list[Record]:
        """Drain what is to be remembered: verdicts on digests, and the true reasons of refusals."""
        records, self._records = self._records, []
        return records

    def _route(self, request: Request, flow: Flow, now: float) -> Answer:
        if request.uri.scheme not in {"sip", "sips", "tel"}:
            return Reject(416, None, f"nobody is called by {request.uri.scheme}: here")
        caller = self._caller(request, flow, now)
        if not isinstance(caller, Caller):
            return caller
        application = self.application(request, caller)
        if application is None:
            return Reject(404, None, self._nowhere(request.uri, caller))
        if application.account != caller.account:
            return Reject(
                403, None, f"{caller.uri} belongs to account {caller.account!r}, not to that of {application.domain}"
            )
        return self._matched(application, request.uri, caller, now)

    # -- who calls

    def caller(self, request: Request, flow: Flow, now: float) -> Caller | Challenge | Reject:
        """Say who sent a request outside a call, whomever it is for; what cannot be read is refused."""
        try:
            return self._caller(request, flow, now)
        except SipSyntaxError as error:
            return Reject(error.status, None, str(error))

    def _caller(self, request: Request, flow: Flow, now: float) -> Caller | Challenge | Reject:
        sender = self._at_home(request.from_.uri)
        ours = self._platform.serves(sender.host)
        if ours and self._location.registered_on(address_of_record(sender), flow, now):
            user = self._platform.user_at(sender.user or "", sender.host)
            if user is not None:
                return self._user(request, user)
        if ours or self._authenticator.has_credentials(request, 407):
            return self._by_digest(request, flow, now, ours)
        known = self._platform.trunk_from(flow.remote.host)
        if known is None and sender.host in self._addresses:
            # A phone that was given our address for a domain: whether there is such a user, the answer does not show.
            return self._by_digest(request, flow, now, ours)
        if known is None:
            why = f"{flow.remote.host} is in no trunk's whitelist, and From {sender} is no user of ours"
            return Reject(403, None, why)
        account, trunk = known
        return Caller(sender.user or "", request.from_.display_name, sender, account.name, None, trunk)

    def _by_digest(self, request: Request, flow: Flow, now: float, ours: bool) -> Caller | Challenge | Reject:
        sender = self._at_home(request.from_.uri)
        host = sender.host if ours else self._at_home(request.uri).host
        judgement = self._authenticator.judge(request, host, 407, flow, now)
        if judgement.username:
            self._records.append(
                AuthenticationVerdict(
                    now,
                    self._host,
                    request.method,
                    judgement.username,
                    self._authenticator.realm,
                    judgement.verdict,
                    request.call_id,
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
        user = self._platform.user_at(name, domain)
        if user is None:
            return Reject(403, None, f"{aor} is no user any more")
        return self._user(request, user)

    def _user(self, request: Request, user: User) -> Caller:
        application = self._platform.application_at(user.domain)
        account = application.account if application is not None else ""
        sender = request.from_
        return Caller(user.name, sender.display_name or user.display_name, sender.uri, account, user)

    def _at_home(self, uri: Uri) -> Uri:
        """Put the domain in the place of our address, where only one application has a user of this name."""
        if uri.host not in self._addresses:
            return uri
        homes = self._platform.homes(uri.user or "")
        return uri._replace(host=homes[0]) if len(homes) == 1 else uri

    # -- whom they want

    def application(self, request: Request, caller: Caller) -> Application | None:
        """Return the application that the Request-URI names; an address of ours or a tel URI names none, then To
        does, or else the caller's own, or the only one of the account, or the only one there with such a user.
        """
        host = request.uri.host
        if host and host not in self._addresses:
            return self._platform.application_at(host)
        named = self._platform.application_at(request.to.uri.host)
        if named is not None or caller.user is None:
            return named or self._only_one(caller.account, request.uri.user or "")
        return self._platform.application_at(caller.user.domain)

    def _only_one(self, account: str, user: str) -> Application | None:
        applications = list(self._platform.accounts[account].applications.values())
        if len(applications) == 1:
            return applications[0]
        homes = self._platform.homes(user, account)
        return self._platform.application_at(homes[0]) if len(homes) == 1 else None

    def _nowhere(self, uri: Uri, caller: Caller) -> str:
        if uri.host and uri.host not in self._addresses:
            return f"no application has the domain {uri.host!r}"
        homes = ", ".join(self._platform.homes(uri.user or "", caller.account)) or "none of its applications"
        return f"{uri} names no domain, account {caller.account!r} has several, and {homes} has a {uri.user}"

    def _matched(self, application: Application, uri: Uri, caller: Caller, now: float) -> Answer:
        destination = destination_of(uri)
        if not destination:
            return Reject(404, None, f"the Request-URI {uri} names nobody in {application.domain}")
        rule = application.match(destination)
        if rule is None:
            return Reject(404, None, application.explain(destination).verdict)
        target = Target(application, rule, rule.scenario, destination, caller)
        return Handle(target) if rule.route is None else self._along_route(target, rule.route, now)

    def _along_route(self, target: Target, route: str, now: float) -> Answer:
        application, destination = target.application, target.destination
        if route != USERS:
            return Route((Hop(target.rule.uri_along_route(destination)),), target, realm=self._authenticator.realm)
        if destination not in application.users:
            return Reject(404, None, f"{destination!r} is no user of {application.domain}")
        bindings = self._location.lookup(f"{destination}@{application.domain}", now)
        if not bindings:
            return Reject(480, None, f"{destination}@{application.domain} has no device registered")
        return Route(tuple([_hop(binding) for binding in bindings]), target, realm=self._authenticator.realm)


def _hop(binding: Binding) -> Hop:
    flow = binding.flow if binding.needs_flow else None
    return Hop(str(binding.contact), flow, binding.q, binding.path)


def destination_of(uri: Uri) -> str:
    """Return what rules are tried on: the user part, of a telephone number without parameters and visual separators
    (RFC 3261 s.19.1.6,
    RFC 3966 s.5.1.1).
    """
    user = uri.user or ""
    return user.partition(";")[0].translate(_SEPARATORS) if uri.is_phone_number else user
