"""The registrar: RFC 3261 s.10.3 step by step, from a REGISTER to its response and to what changed in the location
service.

It answers at once and holds no state of its own. Must not know accounts or applications: who may register is asked of
a ``Directory``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container
from typing import NamedTuple, Protocol

from voxlab.base.datagram import Flow
from voxlab.base.errors import SipSyntaxError
from voxlab.base.ids import Ids
from voxlab.base.records import AuthenticationVerdict, MessageRefused, RegistrationChanged
from voxlab.elements.authentication import Authenticator
from voxlab.elements.keyring import Header
from voxlab.elements.location import Binding, LocationFull, LocationService, TooManyContacts, address_of_record
from voxlab.sip.grammar import quoted
from voxlab.sip.headers import STAR, NameAddr
from voxlab.sip.message import Request, Response

_LONGEST_S = 2**32 - 1
_MALFORMED_S = 3600  # s.10.2: malformed values SHOULD be treated as equivalent to 3600
_ONE_HOUR_S = 3600
_ROUNDING_S = 1e-6  # what a float may owe to having been added to the clock and subtracted again

Record = AuthenticationVerdict | MessageRefused | RegistrationChanged


class Directory(Protocol):
    """Knows the domains that bindings are kept for."""

    def serves(self, host: str) -> bool:
        """Whether ``host`` is a domain with users of ours."""


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
        given an address.
    intervals : Intervals
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
            bindings = self._bindings(request, flow, aor, now)
        except _Refusal as refusal:
            return self._refused(request, flow, refusal, now)
        except SipSyntaxError as error:
            return self._refused(request, flow, _Refusal(error.status, error.reason, error.rfc), now)
        return request.response(200, to_tag=self._ids.tag(), headers=self._success(bindings, now))

    def next_timeout(self) -> float | None:
        """Return when the next binding lapses."""
        return self._location.next_timeout()

    def handle_timeout(self, now: float) -> None:
        """Forget what has lapsed."""
        self._location.handle_timeout(now)

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

    def _check_extensions(self, request: Request) -> None:
        """Step 2: no extension is needed that we lack, and we have none."""
        if "require" in request.headers and (required := request.headers.split("Require")):
            unsupported = ", ".join(required)
            raise _Refusal(
                420, f"the request requires {unsupported}", "RFC 3261 s.8.2.2.3", None, (("Unsupported", unsupported),)
            )

    def _authorized(self, request: Request, flow: Flow, now: float) -> str:
        """Steps 3 to 5: who it is, whether they may, and the canonical address-of-record."""
        to = request.to.uri
        judgement = self._authenticator.judge(request, to.host, 401, flow, now)
        if judgement.username:
            self._records.append(
                AuthenticationVerdict(
                    now,
                    self._host,
                    "REGISTER",
                    judgement.username,
                    self._authenticator.realm,
                    judgement.verdict,
                    request.call_id,
                )
            )
        subscriber = judgement.subscriber
        if subscriber is None:
            raise _Refusal(judgement.status, judgement.verdict, "RFC 3261 s.10.3 step 3", None, judgement.headers)
        aor = address_of_record(to)
        if self._domain is not None and to.host in self._addresses:
            aor = f"{to.user}@{self._domain}"
        if subscriber.aor != aor:
            raise _Refusal(403, f"{subscriber.aor} may not change the bindings of {aor}", "RFC 3261 s.10.3 step 4")
        if to.host != request.uri.host and request.uri.host not in self._addresses:
            raise _Refusal(404, f"{aor} has no bindings at {request.uri.host}", "RFC 3261 s.10.3 step 5")
        return aor

    # -- steps 6 and 7: the bindings

    def _bindings(self, request: Request, flow: Flow, aor: str, now: float) -> tuple[Binding, ...]:
        current = self._location.lookup(aor, now)
        contacts = request.contacts
        if not contacts:
            return current
        if STAR in contacts:
            changed = self._cleared(request, current)
        else:
            changed = self._merged(request, flow, contacts, current, now)
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
        if len(request.contacts) != 1 or _delta_seconds(request.headers.get("Expires") or "") != 0:
            raise _Refusal(
                400, "Contact: * needs Expires: 0 and no other Contact", "RFC 3261 s.10.3 step 6", "Invalid Request"
            )
        for binding in current:
            _check_order(request, binding)
        return ()

    def _merged(
        self, request: Request, flow: Flow, contacts: tuple[NameAddr, ...], current: tuple[Binding, ...], now: float
    ) -> tuple[Binding, ...]:
        """Step 7: each contact in turn, tentatively; of equals the one refreshed last comes first."""
        others = list(current)
        fresh: list[Binding] = []
        for contact in contacts:
            interval_s = self._interval_s(request, contact)
            known = _find(others, contact)
            if known is not None:
                _check_order(request, known)
                others.remove(known)
            twin = _find(fresh, contact)
            if twin is not None:
                fresh.remove(twin)
            if interval_s:
                fresh.append(_binding(request, flow, contact, now + interval_s))
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
        wanted_s = self._intervals.default_s if text is None else _delta_seconds(text)
        if 0 < wanted_s < least_s and wanted_s < _ONE_HOUR_S:
            why = f"{wanted_s} s are asked for, at least {least_s} s are granted"
            raise _Refusal(423, why, "RFC 3261 s.10.3 step 7", None, (("Min-Expires", str(least_s)),))
        return min(wanted_s, most_s)

    # -- step 8: the answer

    def _success(self, bindings: tuple[Binding, ...], now: float) -> list[Header]:
        headers = [("Contact", _contact_value(binding, now)) for binding in bindings]
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
                state = "registered" if _find(before, binding) is None else "refreshed"
                text, left_s = binding.contact.text, binding.expires_at_s - now
                records.append(RegistrationChanged(now, aor, text, state, left_s, call_id))
        for binding in before:
            if _find(after, binding) is None:
                records.append(RegistrationChanged(now, aor, binding.contact.text, "removed", 0.0, call_id))


def _check_order(request: Request, binding: Binding) -> None:
    """Abort the whole update if the binding was made by a later request of the same Call-ID (steps 6 and 7)."""
    if binding.call_id == request.call_id and request.cseq <= binding.cseq:
        why = f"CSeq {request.cseq} comes after CSeq {binding.cseq} of the same Call-ID"
        raise _Refusal(500, why, "RFC 3261 s.10.3 step 7", "CSeq Out Of Order")


def _find(bindings: tuple[Binding, ...] | list[Binding], wanted: NameAddr | Binding) -> Binding | None:
    """Return the binding of an equivalent contact (s.19.1.4)."""
    if not bindings:
        return None
    uri = wanted.contact if isinstance(wanted, Binding) else wanted.uri
    for binding in bindings:
        if binding.contact.text == uri.text or binding.contact.equivalent(uri):
            return binding
    return None


def _binding(request: Request, flow: Flow, contact: NameAddr, expires_at_s: float) -> Binding:
    params = contact.params
    if not params:
        return Binding(contact.uri, flow, expires_at_s, request.call_id, request.cseq)
    instance = params.get("+sip.instance")
    return Binding(
        contact.uri, flow, expires_at_s, request.call_id, request.cseq, _preference(params.get("q")), instance
    )


def _contact_value(binding: Binding, now: float) -> str:
    """Write a Contact value: what is left is rounded up, so that no device believes in a shorter binding than it
    has.
    """
    left_s = math.ceil(binding.expires_at_s - now - _ROUNDING_S)
    text = f"<{binding.contact.text}>;expires={left_s}"
    if binding.q != 1.0:
        text += f";q={binding.q:g}"
    if binding.instance is not None:
        text += f";+sip.instance={quoted(binding.instance)}"
    return text


def _delta_seconds(text: str) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdigit()):
        return _MALFORMED_S
    return min(int(text[:20]), _LONGEST_S)


def _preference(text: str | None) -> float:
    """Read a q value (s.25.1 ``qvalue``); one that cannot be read counts as not given."""
    try:
        q = float(text) if text is not None and len(text) <= 5 else 1.0
    except ValueError:
        return 1.0
    return round(q, 3) if 0.0 <= q <= 1.0 else 1.0
