"""What becomes of a call from outside: which application it is for, and which rule takes it.

Who calls is said by ``identification``, in its order of precedence. The domain of the Request-URI names the
application (RFC 3261 s.16.3); a request for an address of ours is for the application whose telephone number is called,
or else for the one that To names or that is the caller's only one. The wire answer is the same whatever the reason; the
reason is a record. Must not know legs, media or what a scenario does.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import NamedTuple

from voxlab.base.datagram import Flow
from voxlab.base.errors import SipSyntaxError
from voxlab.base.records import AuthenticationVerdict, MessageRefused
from voxlab.elements.authentication import Authenticator
from voxlab.elements.location import Binding, LocationService, address_of_record
from voxlab.elements.routing import Answer, Challenge, Handle, Reject, Route
from voxlab.elements.target_set import Target as Hop
from voxlab.platform.application import Application
from voxlab.platform.emergency import EXPLANATION, is_emergency
from voxlab.platform.identification import Caller, Identification
from voxlab.platform.number import Number
from voxlab.platform.numbering import is_global
from voxlab.platform.platform import Platform
from voxlab.platform.registration import SipRegistration
from voxlab.platform.rule import USERS, Rule
from voxlab.platform.scenario import Scenario
from voxlab.sip.message import Request
from voxlab.sip.uri import Uri

_SEPARATORS = str.maketrans("", "", "-.()")

Record = AuthenticationVerdict | MessageRefused


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
    follows_sources : callable
        Whether devices behind NATs are called where their requests come from, and not where their contacts say.
    """

    def __init__(
        self,
        platform: Platform,
        authenticator: Authenticator,
        location: LocationService,
        *,
        host: str = "",
        addresses: Container[str] = (),
        follows_sources: Callable[[], bool] = lambda: True,
    ) -> None:
        self._platform = platform
        self._follows_sources = follows_sources
        self._identification = Identification(platform, authenticator, location, host=host, addresses=addresses)
        self._realm = authenticator.realm
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
        return [self._hop(binding) for binding in self._location.lookup(address_of_record(uri), now)]

    def _hop(self, binding: Binding) -> Hop:
        """Return where a device is: behind a NAT where its REGISTER came from, if we go by that."""
        if binding.is_behind_nat and not self._follows_sources():
            binding = binding._replace(is_behind_nat=False)
        flow = binding.flow if binding.needs_flow else None
        return Hop(str(binding.contact), flow, binding.q, binding.path)

    def serves(self, host: str) -> bool:
        """Whether a host name is the domain of an application."""
        return self._platform.serves(host)

    def route(self, request: Request, flow: Flow, now: float) -> Answer:
        """Decide about a request outside a dialog; what is wrong with it becomes an answer, never an exception."""
        try:
            answer = self._route(request, flow, now)
        except SipSyntaxError as error:
            answer = Reject(error.status, None, str(error))
        self._records += self._identification.poll()
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
        caller = self._identification.caller(request, flow, now)
        if not isinstance(caller, Caller):
            return caller
        if caller.registration is not None:
            return self._over_registration(caller.registration, caller, now)
        destination = self._destination(request.uri, caller)
        number = self._number(request.uri, destination, caller)
        application = number.application if number is not None else self.application(request, caller)
        if application is None:
            return Reject(404, None, self._nowhere(request.uri, caller))
        if application.account != caller.account:
            return Reject(
                403, None, f"{caller.uri} belongs to account {caller.account!r}, not to that of {application.domain}"
            )
        if is_emergency(destination) and destination not in application.users:
            return _no_emergency_calls(destination, self._host)
        if number is None and self._is_foreign_number(request.uri, destination, caller):
            why = f"{destination} is no number of account {caller.account!r}: calls are not carried through for others"
            return Reject(404, None, why)
        rule = number.rule if number is not None and number.rule in application.rules else None
        answer = self._matched(application, destination, rule, caller, now)
        return self._limited(answer, caller, now)

    # -- who calls

    def caller(self, request: Request, flow: Flow, now: float) -> Caller | Challenge | Reject:
        """Say who sent a request outside a call, whomever it is for; what cannot be read is refused."""
        try:
            return self._identification.caller(request, flow, now)
        except SipSyntaxError as error:
            return Reject(error.status, None, str(error))
        finally:
            self._records += self._identification.poll()

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

    def _destination(self, uri: Uri, caller: Caller) -> str:
        """Return who is called; a number that an operator wrote in its own dialect as E.164."""
        destination = destination_of(uri)
        return destination if caller.trunk is None else caller.trunk.dialect.read(destination)

    def _number(self, uri: Uri, destination: str, caller: Caller) -> Number | None:
        """Return the telephone number of ours that is called, if it belongs to whom the call is for."""
        number = self._platform.numbers.get(destination)
        if number is None or number.application.account != caller.account:
            return None
        if uri.host and uri.host not in self._addresses and uri.host != number.application.domain:
            return None
        return number if caller.trunk is not None or number.rule is not None else None

    def _is_foreign_number(self, uri: Uri, destination: str, caller: Caller) -> bool:
        """Whether an operator calls, at an address of ours, a number that is not ours: whoever wants it through us
        may want it at our expense.
        """
        trunk = caller.trunk
        if trunk is None or trunk.transit or (uri.host and uri.host not in self._addresses):
            return False
        return is_global(destination) and self._platform.has_numbers(caller.account)

    def _over_registration(self, registration: SipRegistration, caller: Caller, now: float) -> Answer:
        """Take a call that came over a registration of ours: its rule is not asked whether it matches."""
        application = registration.application
        if application is None:
            return Reject(404, None, f"registration {registration.username!r} is bound to no application")
        rule = registration.rule if registration.rule in application.rules else None
        return self._matched(application, registration.username, rule, caller, now)

    @staticmethod
    def _limited(answer: Answer, caller: Caller, now: float) -> Answer:
        """Refuse what is more than a trunk may have (RFC 3398 s.7.2.4.1: cause 34 is no circuit available)."""
        if caller.trunk is None or not isinstance(answer, (Handle, Route)):
            return answer
        why = caller.trunk.usage.refusal(now)
        if why is not None:
            headers = (("Retry-After", "1"), ("Reason", 'Q.850;cause=34;text="No circuit/channel available"'))
            return Reject(503, None, f"trunk {caller.trunk.name!r}: {why}", headers)
        caller.trunk.usage.admitted(now)
        return answer

    def _matched(
        self, application: Application, destination: str, rule: Rule | None, caller: Caller, now: float
    ) -> Answer:
        if not destination:
            return Reject(404, None, f"the Request-URI names nobody in {application.domain}")
        rule = rule or application.match(destination)
        if rule is None:
            return Reject(404, None, application.explain(destination).verdict)
        if rule.scenario is not None and not rule.scenario.is_defined:
            return Reject(480, None, f"rule {rule.name!r} in {application.domain} has it, but {rule.scenario.absence}")
        target = Target(application, rule, rule.scenario, destination, caller)
        return Handle(target) if rule.route is None else self._along_route(target, rule.route, now)

    def _along_route(self, target: Target, route: str, now: float) -> Answer:
        application, destination = target.application, target.destination
        if route != USERS:
            return Route((Hop(target.rule.uri_along_route(destination)),), target, realm=self._realm)
        if destination not in application.users:
            return Reject(404, None, f"{destination!r} is no user of {application.domain}")
        bindings = self._location.lookup(f"{destination}@{application.domain}", now)
        if not bindings:
            return Reject(480, None, f"{destination}@{application.domain} has no device registered")
        return Route(tuple([self._hop(binding) for binding in bindings]), target, realm=self._realm)


def _no_emergency_calls(destination: str, host: str) -> Reject:
    """Say on the wire too why an emergency call goes nowhere: whoever dialled has to know at once (s.20.43)."""
    warning = f'399 {host or "voxlab"} "{EXPLANATION}"'
    why = f"{destination} is an emergency number: {EXPLANATION}"
    return Reject(403, "Emergency Calls Not Supported", why, (("Warning", warning),))


def destination_of(uri: Uri) -> str:
    """Return what rules are tried on: the user part, of a telephone number without parameters and visual separators
    (RFC 3261 s.19.1.6,
    RFC 3966 s.5.1.1).
    """
    user = uri.user or ""
    return user.partition(";")[0].translate(_SEPARATORS) if uri.is_phone_number else user


__all__ = ["Caller", "PlatformPolicy", "Target", "destination_of"]
