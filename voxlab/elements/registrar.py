"""The registrar: RFC 3261 s.10.3 step by step, from a REGISTER to its response and to what changed in the location
service; Path (RFC 3327 s.5.3), Service-Route (RFC 3608 s.6.3) and outbound flows (RFC 5626 s.6).

It answers at once and holds no state of its own. Must not know accounts or applications: who may register is asked of
a ``Directory``.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import NamedTuple, Protocol

from voxlab.base.datagram import Flow
from voxlab.base.errors import SipSyntaxError
from voxlab.base.ids import Ids
from voxlab.base.records import AuthenticationVerdict, MessageRefused, RegistrationChanged
from voxlab.elements.authentication import Authenticator
from voxlab.elements.contact_binding import (
    NoFirstHop,
    Way,
    agreed,
    binding_of,
    contact_value,
    delta_seconds,
    find,
    has_moved,
    way_of,
)
from voxlab.elements.keyring import Header
from voxlab.elements.location import Binding, LocationFull, LocationService, TooManyContacts, address_of_record
from voxlab.sip.headers import STAR, NameAddr
from voxlab.sip.message import Request, Response
from voxlab.sip.uri import Uri

_ONE_HOUR_S = 3600
_EXTENSIONS = frozenset({"outbound", "path"})

Record = AuthenticationVerdict | MessageRefused | RegistrationChanged


class Directory(Protocol):
    """Knows the domains that bindings are kept for."""

    def serves(self, host: str) -> bool:
        """Whether ``host`` is a domain with users of ours."""

    def homes(self, user: str) -> Sequence[str]:
        """Return the domains that have a user of this name."""


class Intervals(NamedTuple):
    """For how long bindings are granted.

    Attributes
    ----------
    default_s : int
        Where the device leaves the choice to us.
    least_s : int
        Below it comes 423 with Min-Expires, unless an hour or more was asked for (s.10.3 step 7).
    most_s : int
        Whoever asks for more gets this much.
    """

    default_s: int = 3600
    least_s: int = 60
    most_s: int = 7200


class _Refusal(Exception):
    """A step that ends the processing: what the wire says, and the true reason for the journal."""

    def __init__(
        self, status: int, why: str, rfc: str, reason: str | None = None, headers: tuple[Header, ...] = ()
    ) -> None:
        super().__init__(why)
        self.status = status
        self.why = why
        self.rfc = rfc
        self.reason = reason
        self.headers = headers


class Registrar:
    """Answers REGISTER.

    Parameters
    ----------
    location : LocationService
        Where bindings are kept.
    authenticator : Authenticator
        Tells who sent a request.
    directory : Directory
    ids : Ids
        Where To-tags come from.
    host : str
        Our name in the journal.
    addresses : container of str
        Our own addresses and names: a Request-URI may name one of them instead of the domain, as phones do that were
        given an address. In a To, which such phones fill alike, the user's name has to say the domain: the only one
        with such a user.
    intervals : Intervals
    service_route : tuple of str
        Route values that devices are to put into their requests from now on (RFC 3608), told in every 2xx.
    flow_timer_s : int or None
        How often a device with an outbound flow has to show that it lives (RFC 5626 s.4.4), told in the Flow-Timer
        header field; None leaves it to the device.
    strict : bool
        Refuse a Request-URI with a user part (s.10.2: it MUST NOT have one), which lenient registrars overlook.
    domain : str or None
        The domain that an address of ours in To stands for (s.10.3 step 5), where there is only one.
    date : callable or None
        From now to the text of a Date header field (s.20.17); without one the response has none.
    """

    def __init__(
        self,
        location: LocationService,
        authenticator: Authenticator,
        directory: Directory,
        ids: Ids,
        *,
        host: str = "",
        addresses: Container[str] = (),
        intervals: Intervals = Intervals(),  # noqa: B008 - an immutable value
        service_route: tuple[str, ...] = (),
        flow_timer_s: int | None = None,
        strict: bool = False,
        domain: str | None = None,
        date: Callable[[float], str] | None = None,
    ) -> None:
        self._location = location
        self._authenticator = authenticator
        self._directory = directory
        self._ids = ids
        self._host = host
        self._addresses = addresses
        self._intervals = intervals
        self._service_route = service_route
        self._flow_timer_s = flow_timer_s
        self._strict = strict
        self._domain = domain
        self._date = date
        self._records: list[Record] = []

    def register(self, request: Request, flow: Flow, now: float) -> Response:
        """Process a REGISTER completely or not at all, and return its final response."""
        try:
            self._check_target(request)
            self._check_extensions(request)
            aor = self._authorized(request, flow, now)
            way = self._way(request, flow)
            bindings = self._bindings(request, way, aor, now)
        except _Refusal as refusal:
            return self._refused(request, flow, refusal, now)
        except SipSyntaxError as error:
            return self._refused(request, flow, _Refusal(error.status, error.reason, error.rfc), now)
        return request.response(200, to_tag=self._ids.tag(), headers=self._success(bindings, way, now))

    def next_timeout(self) -> float | None:
        """Return when the next binding lapses."""
        return self._location.next_timeout()

    def handle_timeout(self, now: float) -> None:
        """Forget what has lapsed."""
        self._location.handle_timeout(now)

    def flow_closed(self, flow: Flow, now: float) -> None:
        """Forget the outbound bindings over a connection that is gone (RFC 5626 s.4.5: the device registers anew)."""
        self._location.drop_flow(flow, now)

    def poll(self) -> list[Record]:
        """Drain what is to be remembered: verdicts, refusals, changes of bindings."""
        records, self._records = self._records, []
        records += self._location.poll()
        return records

    # -- steps 1 to 5: where to, with what, from whom

    def _check_target(self, request: Request) -> None:
        """Step 1: the Request-URI names a domain that we keep bindings for."""
        uri = request.uri
        if not uri.is_sip:
            raise _Refusal(416, f"bindings are kept for SIP URIs, not for {uri.scheme}:", "RFC 3261 s.8.2.2.1")
        if self._strict and uri.user is not None:
            raise _Refusal(
                400, "the Request-URI of a REGISTER has a user part", "RFC 3261 s.10.2", "User Part In Request-URI"
            )
        if not self._directory.serves(uri.host) and uri.host not in self._addresses:
            raise _Refusal(404, f"no bindings are kept for {uri.host}", "RFC 3261 s.10.3 step 1")
        if not request.to.uri.is_sip:
            raise _Refusal(400, f"To names no SIP URI but {request.to.uri}", "RFC 3261 s.10.2, RFC 4475 s.3.3.4")

    def _check_extensions(self, request: Request) -> None:
        """Step 2: no extension is needed that we lack; a Path that the device does not know of is none it agreed to."""
        if "require" in request.headers:
            unsupported = ", ".join(name for name in request.headers.split("Require") if name not in _EXTENSIONS)
            if unsupported:
                _refuse_extension(unsupported, f"the request requires {unsupported}", "RFC 3261 s.8.2.2.3")
        if "path" in request.headers and "path" not in agreed(request):
            _refuse_extension("path", "a Path was added for a device that does not support it", "RFC 3327 s.5.3")

    def _authorized(self, request: Request, flow: Flow, now: float) -> str:
        """Steps 3 to 5: who it is, whether they may, and the canonical address-of-record."""
        to = request.to.uri
        homes = self._homes(to)
        domain = homes[0] if len(homes) == 1 else to.host
        judgement = self._authenticator.judge(request, domain, 401, flow, now)
        if judgement.username:
            self._records.append(
                AuthenticationVerdict(
                    now,
                    self._host,
                    "REGISTER",
                    judgement.username,
                    self._authenticator.realm,
                    f"{judgement.verdict}: {_several(to, homes)}" if len(homes) > 1 else judgement.verdict,
                    request.call_id,
                )
            )
        subscriber = judgement.subscriber
        if subscriber is None:
            raise _Refusal(judgement.status, judgement.verdict, "RFC 3261 s.10.3 step 3", None, judgement.headers)
        aor = address_of_record(to._replace(host=domain))
        if subscriber.aor != aor:
            raise _Refusal(403, f"{subscriber.aor} may not change the bindings of {aor}", "RFC 3261 s.10.3 step 4")
        if domain != request.uri.host and request.uri.host not in self._addresses:
            raise _Refusal(404, f"{aor} has no bindings at {request.uri.host}", "RFC 3261 s.10.3 step 5")
        return aor

    def _homes(self, to: Uri) -> Sequence[str]:
        """Return the domains that a To may mean: what it says, or for an address of ours who has such a user."""
        if to.host not in self._addresses:
            return (to.host,)
        return (self._domain,) if self._domain is not None else self._directory.homes(to.user or "")

    @staticmethod
    def _way(request: Request, flow: Flow) -> Way:
        try:
            return way_of(request, flow)
        except NoFirstHop:
            why = "the first hop has put no flow token into Path"
            raise _Refusal(439, why, "RFC 5626 s.6", "First Hop Lacks Outbound Support") from None

    # -- steps 6 and 7: the bindings

    def _bindings(self, request: Request, way: Way, aor: str, now: float) -> tuple[Binding, ...]:
        current = self._location.lookup(aor, now)
        contacts = request.contacts
        if not contacts:
            return current
        if STAR in contacts:
            changed = self._cleared(request, current)
        else:
            changed = self._merged(request, way, contacts, current, now)
        try:
            self._location.replace(aor, changed)
        except TooManyContacts as error:
            raise _Refusal(403, str(error), "RFC 3261 s.10.3 step 7", "Too Many Contacts") from None
        except LocationFull as error:
            raise _Refusal(503, str(error), "RFC 3261 s.10.3 step 7", None, (("Retry-After", "60"),)) from None
        self._note_changes(request, aor, current, changed, now)
        return changed

    def _cleared(self, request: Request, current: tuple[Binding, ...]) -> tuple[Binding, ...]:
        """Step 6: ``*`` stands alone, with Expires 0, and removes what is not newer."""
        if len(request.contacts) != 1 or delta_seconds(request.headers.get("Expires") or "") != 0:
            raise _Refusal(
                400, "Contact: * needs Expires: 0 and no other Contact", "RFC 3261 s.10.3 step 6", "Invalid Request"
            )
        for binding in current:
            _check_order(request, binding)
        return ()

    def _merged(
        self, request: Request, way: Way, contacts: tuple[NameAddr, ...], current: tuple[Binding, ...], now: float
    ) -> tuple[Binding, ...]:
        """Step 7: each contact in turn, tentatively; of equals the one refreshed last comes first."""
        others = list(current)
        fresh: list[Binding] = []
        for contact in contacts:
            interval_s = self._interval_s(request, contact)
            new = binding_of(request, way, contact, now + interval_s)
            known = find(others, new)
            if known is not None:
                _check_order(request, known)
                others.remove(known)
            twin = find(fresh, new)
            if twin is not None:
                fresh.remove(twin)
            if interval_s:
                fresh.append(new)
        others = [binding for binding in others if not any(has_moved(binding, new) for new in fresh)]
        if len(fresh) > 1 and any(binding.reg_id is not None for binding in fresh):
            raise _Refusal(400, "a contact with reg-id is registered alone", "RFC 5626 s.6")
        if not others and len(fresh) < 2:
            return tuple(fresh)
        return tuple(sorted(fresh + others, key=lambda binding: -binding.q))

    def _interval_s(self, request: Request, contact: NameAddr) -> int:
        """Return the seconds that are granted: the parameter goes before the header field, the header field before
        the default.
        """
        text = contact.params.get("expires")
        if text is None:
            text = request.headers.get("Expires")
        least_s, most_s = self._intervals.least_s, self._intervals.most_s
        wanted_s = self._intervals.default_s if text is None else delta_seconds(text)
        if 0 < wanted_s < least_s and wanted_s < _ONE_HOUR_S:
            why = f"{wanted_s} s are asked for, at least {least_s} s are granted"
            raise _Refusal(423, why, "RFC 3261 s.10.3 step 7", None, (("Min-Expires", str(least_s)),))
        return min(wanted_s, most_s)

    # -- step 8: the answer

    def _success(self, bindings: tuple[Binding, ...], way: Way, now: float) -> list[Header]:
        headers = [("Contact", contact_value(binding, now)) for binding in bindings]
        if way.path:
            headers += [("Path", value) for value in way.path]
        if self._service_route:
            headers += [("Service-Route", value) for value in self._service_route]
        if way.is_outbound:
            headers.append(("Require", "outbound"))
            if self._flow_timer_s is not None and not way.path:
                headers.append(("Flow-Timer", str(self._flow_timer_s)))
        if self._date is not None:
            headers.append(("Date", self._date(now)))
        return headers

    def _refused(self, request: Request, flow: Flow, refusal: _Refusal, now: float) -> Response:
        if refusal.status != 401:
            self._records.append(MessageRefused(now, self._host, flow.remote, refusal.status, refusal.why, refusal.rfc))
        return request.response(refusal.status, refusal.reason, to_tag=self._ids.tag(), headers=refusal.headers)

    def _note_changes(
        self, request: Request, aor: str, before: tuple[Binding, ...], after: tuple[Binding, ...], now: float
    ) -> None:
        records, call_id = self._records, request.call_id
        for binding in after:
            if all(binding is not known for known in before):
                state = "registered" if find(before, binding) is None else "refreshed"
                text, left_s = binding.contact.text, binding.expires_at_s - now
                records.append(RegistrationChanged(now, aor, text, state, left_s, call_id))
        for binding in before:
            if find(after, binding) is None:
                records.append(RegistrationChanged(now, aor, binding.contact.text, "removed", 0.0, call_id))


def _several(uri: Uri, homes: Sequence[str]) -> str:
    return f"{uri} names an address of ours, and there is a {uri.user} at {', '.join(homes)}"


def _check_order(request: Request, binding: Binding) -> None:
    """Abort the whole update if the binding was made by a later request of the same Call-ID (steps 6 and 7)."""
    if binding.call_id == request.call_id and request.cseq <= binding.cseq:
        why = f"CSeq {request.cseq} comes after CSeq {binding.cseq} of the same Call-ID"
        raise _Refusal(500, why, "RFC 3261 s.10.3 step 7", "CSeq Out Of Order")


def _refuse_extension(names: str, why: str, rfc: str) -> None:
    raise _Refusal(420, why, rfc, None, (("Unsupported", names),))
