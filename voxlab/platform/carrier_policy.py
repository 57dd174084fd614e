"""What another operator does with a call: who may call, and to whom it goes (RFC 3261 s.16, s.22).

Its own subscribers call with digest, others from the addresses on its whitelist, nobody else: 403. Its SIP subscribers
are reached by proxying, its telephones through its gateway, all other numbers and domains through other operators, for
its own subscribers only. Must not know media, nor where other operators are: that is asked.
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
from voxlab.elements.target_set import Target
from voxlab.platform.carrier import CAUSES, Carrier, Telephone
from voxlab.platform.emergency import is_emergency
from voxlab.platform.numbering import is_global
from voxlab.sip.message import Request
from voxlab.sip.uri import Uri

Record = AuthenticationVerdict | MessageRefused


class Passage(NamedTuple):
    """What ``Route`` and ``Handle`` carry: who calls whom, and the telephone that is to ring, None for a SIP device.

    ``own`` says whether it is a call between two subscribers of the operator.
    """

    caller: str
    destination: str
    telephone: Telephone | None = None
    own: bool = False


class CarrierPolicy:
    """Implements ``RoutingPolicy`` for another operator.

    Parameters
    ----------
    carrier : Carrier
    authenticator : Authenticator
    location : LocationService
    host : str
        Its name in the journal.
    addresses : container of str
        Its own addresses.
    elsewhere : callable
        From an E.164 number to where its operator takes calls, as ``host:port``; None where nobody has it.
    """

    def __init__(
        self,
        carrier: Carrier,
        authenticator: Authenticator,
        location: LocationService,
        *,
        host: str,
        addresses: Container[str],
        elsewhere: Callable[[str], str | None],
    ) -> None:
        self._carrier = carrier
        self._authenticator = authenticator
        self._location = location
        self._host = host
        self._addresses = addresses
        self._elsewhere = elsewhere
        self._records: list[Record] = []

    def forwards(self, request: Request) -> bool:
        """Say that any request may be passed on."""
        return True

    def redirected(self, uri: Uri, now: float) -> Sequence[Target]:
        """Follow no redirection: whoever calls may."""
        return ()

    def serves(self, host: str) -> bool:
        """Whether a host name is the operator's domain."""
        return self._carrier.serves(host)

    def poll(self) -> list[Record]:
        """Drain what is to be remembered."""
        records, self._records = self._records, []
        return records

    def route(self, request: Request, flow: Flow, now: float) -> Answer:
        """Decide about a request outside a dialog."""
        try:
            answer = self._route(request, flow, now)
        except SipSyntaxError as error:
            answer = Reject(error.status, None, str(error))
        if isinstance(answer, Reject):
            self._records.append(MessageRefused(now, self._host, flow.remote, answer.status, answer.why))
        return answer

    def _route(self, request: Request, flow: Flow, now: float) -> Answer:
        uri = request.uri
        if uri.scheme not in {"sip", "sips", "tel"}:
            return Reject(416, None, f"nobody is called by {uri.scheme}: here")
        if request.method == "OPTIONS" and uri.user is None and self._carrier.admits(flow.remote.host):
            return Handle(None)  # the user agent says what it can do (s.11.2)
        caller = self._caller(request, flow, now)
        if not isinstance(caller, str):
            return caller
        own = caller in self._carrier.users
        if uri.host and uri.host not in self._addresses and not self._carrier.serves(uri.host):
            if own:
                return Route((Target(request.uri_text),), Passage(caller, uri.user or ""))
            return Reject(403, None, f"{flow.remote.host} calls {uri.host} through {self._carrier.name}: no transit")
        return self._called(uri, caller, own, now)

    # -- who calls

    def _caller(self, request: Request, flow: Flow, now: float) -> str | Challenge | Reject:
        """Return the name of a subscriber, or the user part of From for a peer's call."""
        sender = request.from_.uri
        ours = self._carrier.serves(sender.host) or sender.host in self._addresses
        if ours and self._location.registered_on(address_of_record(sender), flow, now):
            return sender.user or ""
        if self._carrier.admits(flow.remote.host) and not (ours and sender.user in self._carrier.users):
            return f"{sender.user or ''}@{sender.host}"
        if ours or self._authenticator.has_credentials(request, 407):
            return self._by_digest(request, flow, now)
        why = f"{flow.remote.host} is not on the whitelist of {self._carrier.name}"
        if not self._carrier.can_whitelist:
            why = f"{self._carrier.name} cannot do trunks, and From {sender} is no subscriber of it"
        elif self._carrier.allow:
            why += f", which has {', '.join(map(str, self._carrier.allow))}"
        return Reject(403, None, why)

    def _by_digest(self, request: Request, flow: Flow, now: float) -> str | Challenge | Reject:
        judgement = self._authenticator.judge(request, self._carrier.domain, 407, flow, now)
        realm = self._authenticator.realm
        if judgement.username:
            name, verdict = judgement.username, judgement.verdict
            self._records.append(
                AuthenticationVerdict(now, self._host, request.method, name, realm, verdict, request.call_id)
            )
        if judgement.subscriber is not None:
            return judgement.subscriber.aor.partition("@")[0]
        if judgement.status == 407:
            return Challenge(realm, judgement.headers, judgement.verdict)
        return Reject(judgement.status, None, judgement.verdict)

    # -- whom they want

    def _called(self, uri: Uri, caller: str, own: bool, now: float) -> Answer:
        carrier, dialled = self._carrier, (uri.user or "").partition(";")[0]
        number = carrier.dialect.read(dialled)
        if not is_global(number):
            if dialled in carrier.users:
                return self._subscriber(dialled, caller, own, now)
            if is_emergency(dialled):
                return Reject(403, "Emergency Calls Not Supported", f"{dialled} is an emergency number")
            return self._unknown(Telephone(dialled, cause=CAUSES[28]), caller)
        if not own and carrier.dialect.write(number) != dialled:
            why = f"{dialled} is not how {carrier.name} wants numbers written: {carrier.dialect.write(number)}"
            return Reject(404, None, why, (_reason(1),))
        if carrier.forwards_to and not own:
            return self._abroad(carrier.forwards_to, caller, own=True)
        if number in carrier.numbers:
            return self._subscriber(carrier.numbers[number], caller, own, now)
        if number in carrier.telephones:
            return Handle(Passage(caller, number, carrier.telephones[number], own))
        if number in carrier.range:
            return self._unknown(Telephone(number, cause=CAUSES[1], announces=carrier.announces), caller)
        return self._abroad(number, caller, own)

    def _subscriber(self, name: str, caller: str, own: bool, now: float) -> Answer:
        bindings = self._location.lookup(f"{name}@{self._carrier.domain}", now)
        if not bindings:
            why = f"{name}@{self._carrier.domain} has no device registered"
            return Reject(480, None, why, (_reason(20),))
        return Route(tuple([_target(binding) for binding in bindings]), Passage(caller, name, own=own))

    @staticmethod
    def _unknown(telephone: Telephone, caller: str) -> Answer:
        """Refuse a number that nobody has, after an announcement where the operator gives one."""
        if telephone.announces:
            return Handle(Passage(caller, telephone.number, telephone))
        cause = telephone.cause or CAUSES[1]
        return Reject(cause.status, None, f"{telephone.number}: {cause.text}", (_reason(cause.number),))

    def _abroad(self, number: str, caller: str, own: bool) -> Answer:
        """Hand a call to the operator of a number; only for subscribers, who pay for it."""
        if not own:
            return Reject(403, None, f"{number} is no number of {self._carrier.name}: no transit for others")
        where = self._elsewhere(number)
        if where is None:
            return self._unknown(Telephone(number, cause=CAUSES[3]), caller)
        return Route((Target(f"sip:{number}@{where};user=phone"),), Passage(caller, number))


def _target(binding: Binding) -> Target:
    return Target(str(binding.contact), binding.flow if binding.needs_flow else None, binding.q, binding.path)


def _reason(number: int) -> tuple[str, str]:
    """Return the Reason header field of a cause (RFC 3326 s.2)."""
    return "Reason", f'Q.850;cause={number};text="{CAUSES[number].text}"'


__all__ = ["CarrierPolicy", "Passage"]
