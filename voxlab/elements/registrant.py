"""The client side of registration: keeps one contact bound at a registrar (RFC 3261 s.10.2; back-off after RFC 5626
s.4.5; Path, Service-Route and outbound flows as a device sees them: RFC 3327, RFC 3608 s.6.1, RFC 5626 s.4.2).

The machine is a table. Must not know transactions or sockets: it asks for requests to be sent and is told what came of
them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from voxlab.base.datagram import Flow, Transmit
from voxlab.base.errors import SipSyntaxError, VoxlabError
from voxlab.base.ids import Ids
from voxlab.elements.keep_alive import KeepAlive
from voxlab.elements.keyring import Header, Keyring
from voxlab.elements.registration import REPORTED, TABLE, Action, Input, State
from voxlab.sip.headers import STAR
from voxlab.sip.message import Request, Response
from voxlab.sip.uri import Uri

__all__ = ["DEFAULT_EXPIRES_S", "Outbound", "Place", "Registrant", "RegistrationState", "State"]

DEFAULT_EXPIRES_S = 3600
_LONGEST_S = 2**32 - 1
_STEPS_KEPT = 200
_NO_ANSWER_S = 32.0  # Timer F (s.17.1.2.2): a refresh that nobody answers must have failed before the binding lapses
_FOR_EVER = frozenset((400, 404, 405, 410, 413, 414, 415, 416, 420, 421, 439, 484, 485, 501, 505, 513))


class RegistrationState(NamedTuple):
    """An event: the registration came to ``state``; ``code`` and ``reason`` are of the last answer, 0 and "" before
    there is one.
    """

    time_s: float
    state: State
    code: int
    reason: str
    expires_at_s: float | None


class Visit(NamedTuple):
    """A step that the machine took: when, what came, and where it stands since."""

    time_s: float
    input: Input
    state: State


class Place(NamedTuple):
    """Whose registration, where, and how it gets there.

    Attributes
    ----------
    aor : str
        The address-of-record as a URI, such as ``sip:alice@shop.acme.voxlab.test``.
    contact : str
        The URI to be bound to it.
    flow : Flow
        Over which requests leave.
    registrar : str
        The Request-URI; by default the domain of the address-of-record (s.10.2.6).
    """

    aor: str
    contact: str
    flow: Flow
    registrar: str = ""


class Outbound(NamedTuple):
    """What a device calls itself and this flow of its own (RFC 5626 s.4.1, s.4.2).

    Attributes
    ----------
    instance : str
        A URN that never changes, such as ``urn:uuid:00000000-0000-1000-8000-000A95A0E128``.
    reg_id : int
        1 to 2**31 - 1; the same after every start, so that an older flow is replaced.
    """

    instance: str
    reg_id: int = 1


class Registrant:
    """Registers, answers challenges, refreshes in time, backs off after failures, and takes the binding away again.

    Parameters
    ----------
    place : Place
    keyring : Keyring
        Answers challenges.
    ids : Ids
        Where Call-ID, tags and the jitter of the back-off come from.
    expires_s : int
        For how long a binding is asked for; a 423 raises it.
    outbound : Outbound or None
        Ask for an outbound flow, and keep it alive if the registrar agrees (RFC 5626 s.4.2.1).
    base_backoff_s, max_backoff_s : float
        As in RFC 5626 s.4.5: half to the whole of ``base * 2**failures``, at most ``max``.
    """

    def __init__(
        self,
        place: Place,
        keyring: Keyring,
        ids: Ids,
        *,
        expires_s: int = DEFAULT_EXPIRES_S,
        outbound: Outbound | None = None,
        base_backoff_s: float = 30.0,
        max_backoff_s: float = 1800.0,
    ) -> None:
        if not 1 <= expires_s <= _LONGEST_S:
            raise VoxlabError(f"a registration lasts 1 to {_LONGEST_S} seconds, not {expires_s}")
        aor = Uri.parse(place.aor)
        if not aor.is_sip or aor.user is None:
            raise VoxlabError(f"{place.aor!r} is no address-of-record: write sip:user@domain")
        self._place = place
        self._registrar = place.registrar or str(Uri.build(aor.host, port=aor.port, scheme=aor.scheme))
        self._contact = Uri.parse(place.contact)
        self._keyring = keyring
        self._ids = ids
        self.expires_s = expires_s
        self._base_backoff_s = base_backoff_s
        self._max_backoff_s = max_backoff_s
        self._outbound = outbound
        self.keep_alive: KeepAlive | None = None
        self.path: tuple[str, ...] = ()
        self.service_route: tuple[str, ...] = ()
        self._call_id = ids.call_id(place.flow.local.host)
        self._tag = ids.tag()
        self._cseq = 0
        self._pending: Request | None = None
        self._credentials: list[Header] = []
        self._removing = False
        self._failures = 0
        self._retry_after_s = 0.0
        self._due_s: float | None = None
        self._requests: list[tuple[Request, Flow]] = []
        self._events: list[RegistrationState] = []
        self.visits: deque[Visit] = deque(maxlen=_STEPS_KEPT)
        self.state = State.UNREGISTERED
        self.code = 0
        self.reason = ""
        self.expires_at_s: float | None = None

    @property
    def reported_state(self) -> str:
        """The state in the four words of the management API: in_progress, successful, failed, deactivated."""
        return REPORTED[self.state]

    # -- commands

    def register(self, now: float) -> None:
        """Bind the contact, or refresh the binding at once."""
        self._step(Input.REGISTER, now)

    def unregister(self, now: float) -> None:
        """Take the binding away."""
        self._step(Input.UNREGISTER, now)

    # -- the four verbs

    def receive(self, response: Response, now: float) -> None:
        """Take the final response to the request under way; any other is ignored."""
        if self._pending is None or response.status < 200 or response.cseq != self._cseq:
            return
        self.code, self.reason = response.status, response.reason
        self._step(self._judge(response, now), now)

    def failed(self, cause: str, now: float) -> None:
        """Take the news that the request under way has no answer: "timeout" counts as 408, all else as 503
        (s.8.1.3.1).
        """
        if self._pending is None:
            return
        self.code, self.reason = (408, "no answer") if cause == "timeout" else (503, cause)
        self._retry_after_s = 0.0
        self._step(Input.REMOVED if self._removing else Input.UNAVAILABLE, now)

    def next_timeout(self) -> float | None:
        """Return when to refresh, to try again or to ping."""
        ping_s = None if self.keep_alive is None else self.keep_alive.next_timeout()
        if ping_s is None or self._due_s is None:
            return self._due_s if ping_s is None else ping_s
        return min(ping_s, self._due_s)

    def handle_timeout(self, now: float) -> None:
        """Refresh, try again or ping, if it is time."""
        if self.keep_alive is not None:
            self.keep_alive.handle_timeout(now)
        if self._due_s is not None and now >= self._due_s:
            self._due_s = None
            self._step(Input.TIMER, now)

    def requests(self) -> list[tuple[Request, Flow]]:
        """Drain what is to be sent; each begins a client transaction."""
        requests, self._requests = self._requests, []
        return requests

    def pong(self, flow: Flow, data: bytes, now: float) -> None:
        """Take what came over a flow instead of a message: the answer to a ping of ours, perhaps."""
        if self.keep_alive is not None and flow.remote == self.keep_alive.flow.remote:
            self.keep_alive.receive(data, now)

    def pings(self, now: float) -> list[Transmit]:
        """Drain the pings; a flow that has failed is registered anew (RFC 5626 s.4.5)."""
        if self.keep_alive is None:
            return []
        pings: list[Transmit] = []
        for output in self.keep_alive.poll():
            if isinstance(output, Transmit):
                pings.append(output)
            else:
                self.reason = output.why
                self._step(Input.REGISTER, now)
        return pings

    def poll(self) -> list[RegistrationState]:
        """Drain the changes of state."""
        events, self._events = self._events, []
        return events

    # -- what an answer means

    def _judge(self, response: Response, now: float) -> Input:
        self._retry_after_s = _seconds(response.headers.get("Retry-After")) or 0.0
        if self._pending is not None:
            self._credentials = self._keyring.answer(response, self._pending)
            if self._credentials:
                return Input.CHALLENGE
        if self._removing:
            return Input.REMOVED
        if 200 <= response.status < 300:
            self.expires_at_s = now + self._granted_s(response)
            self._learn(response, now)
            return Input.ACCEPTED
        if response.status == 423 and self._lengthened(response):
            return Input.TOO_BRIEF
        return Input.REFUSED if self._is_final(response.status) else Input.UNAVAILABLE

    def _learn(self, response: Response, now: float) -> None:
        """Keep what a 2xx says: the Path, the Service-Route for later requests, whether the flow is to be pinged."""
        headers = response.headers
        self.path = tuple(headers.split("path"))
        self.service_route = tuple(headers.split("service-route"))
        if self._outbound is None or "outbound" not in headers.split("require"):
            self.keep_alive = None
        elif self.keep_alive is None:
            self.keep_alive = KeepAlive(self._place.flow, self._ids, _seconds(headers.get("Flow-Timer")))
            self.keep_alive.start(now)
        else:
            self.keep_alive.start(now)

    def _is_final(self, status: int) -> bool:
        """Whether asking again cannot help; 403 may be a lock-out that passes, and Retry-After is a promise."""
        if self._retry_after_s:
            return False
        return status in {401, 407} or 300 <= status < 400 or status >= 600 or status in _FOR_EVER

    def _granted_s(self, response: Response) -> int:
        """Return the interval of our own contact in the list of all (s.10.2.4)."""
        try:
            mine = next(
                (found for found in response.contacts if found is not STAR and found.uri.equivalent(self._contact)),
                None,
            )
        except SipSyntaxError:
            mine = None  # a list that cannot be read grants what was asked for, as if it were not there
        granted = _seconds(mine.params.get("expires")) if mine is not None else None
        if granted is None:
            granted = _seconds(response.headers.get("Expires"))
        return self.expires_s if granted is None else granted

    def _lengthened(self, response: Response) -> bool:
        least = _seconds(response.headers.get("Min-Expires"))
        if least is None or least <= self.expires_s:
            return False
        self.expires_s = least
        return True

    # -- the steps

    def _step(self, event: Input, now: float) -> None:
        row = TABLE[self.state, event]
        before, self.state = self.state, row.state
        if event not in {Input.REGISTER, Input.UNREGISTER, Input.TIMER}:
            self._pending = None
        _DO[row.action](self, now)
        if before is not row.state or row.action is not Action.NOTHING:
            self.visits.append(Visit(now, event, row.state))
        if before is not row.state:
            self._events.append(RegistrationState(now, self.state, self.code, self.reason, self.expires_at_s))

    def _nothing(self, now: float) -> None:
        return

    def _send(self, now: float) -> None:
        self._removing = False
        self._credentials = self._keyring.headers(self._draft(()))
        self._ask()

    def _remove(self, now: float) -> None:
        self._removing = True
        self._credentials = self._keyring.headers(self._draft(()))
        self._ask()

    def _answer(self, now: float) -> None:
        self._ask()

    def _ask(self) -> None:
        """Send the next request: the CSeq rises with each (s.10.2), credentials go along as soon as there are any
        (s.22.2).
        """
        self._due_s = None
        self._cseq += 1
        self._pending = self._draft(self._credentials)
        self._requests.append((self._pending, self._place.flow))

    def _draft(self, credentials: Sequence[Header]) -> Request:
        contact = f"<{self._place.contact}>"
        supported: list[Header] = []
        if self._outbound is not None:
            contact += f';+sip.instance="<{self._outbound.instance}>";reg-id={self._outbound.reg_id}'
            supported.append(("Supported", "path, outbound"))
        headers = [
            ("Max-Forwards", "70"),
            *supported,
            ("From", f"<{self._place.aor}>;tag={self._tag}"),
            ("To", f"<{self._place.aor}>"),
            ("Call-ID", self._call_id),
            ("CSeq", f"{self._cseq} REGISTER"),
            *credentials,
            ("Contact", contact),
            ("Expires", "0" if self._removing else str(self.expires_s)),
        ]
        return Request.build("REGISTER", self._registrar, headers)

    def _lengthen(self, now: float) -> None:
        self._send(now)

    def _keep(self, now: float) -> None:
        """Refresh at nine tenths of the interval, leaving time for an answer that never comes, but not before half
        of it.
        """
        self._failures = 0
        left_s = 0.0 if self.expires_at_s is None else self.expires_at_s - now
        self._due_s = now + max(left_s / 2, min(left_s * 0.9, left_s - _NO_ANSWER_S), 1.0)

    def _back_off(self, now: float) -> None:
        longest_s = min(self._max_backoff_s, self._base_backoff_s * 2.0 ** min(self._failures, 32))
        self._failures += 1
        self._due_s = now + max(longest_s * (0.5 + self._ids.random() / 2), self._retry_after_s)

    def _give_up(self, now: float) -> None:
        self.keep_alive = None
        self._due_s = self.expires_at_s = None

    def _forget(self, now: float) -> None:
        self.keep_alive = None
        self._due_s = self.expires_at_s = None
        self._failures = 0

    def __repr__(self) -> str:
        return f"Registrant({self._place.aor}: {self.state}{f', {self.code} {self.reason}' if self.code else ''})"


_DO = {
    Action.NOTHING: Registrant._nothing,
    Action.SEND: Registrant._send,
    Action.ANSWER: Registrant._answer,
    Action.LENGTHEN: Registrant._lengthen,
    Action.REMOVE: Registrant._remove,
    Action.KEEP: Registrant._keep,
    Action.BACK_OFF: Registrant._back_off,
    Action.GIVE_UP: Registrant._give_up,
    Action.FORGET: Registrant._forget,
}


def _seconds(text: str | None) -> int | None:
    """Read delta-seconds, also with a comment or parameters behind (s.20.33); None if there is no number."""
    digits = (text or "").split(";")[0].split("(")[0].strip()
    return min(int(digits), _LONGEST_S) if digits.isascii() and digits.isdigit() and len(digits) < 12 else None
