"""The transaction user: what arrives finds its leg, what a leg says finds its transaction (RFC 3261 s.8, s.9.2, s.11).

Must not know who owns a leg, nor give commands: ``user_agent`` does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from voxlab.base.datagram import Flow
from voxlab.base.errors import SipSyntaxError, VoxlabError
from voxlab.base.ids import Ids
from voxlab.dialog.callee import Callee
from voxlab.dialog.dialog import Header
from voxlab.dialog.events import LegEvent, ResendAck, SendCancel, SendRequest, SendResponse, SessionOutput
from voxlab.dialog.session import ALLOW
from voxlab.dialog.session_timer import NO_WISHES
from voxlab.elements.admission import (
    Admission,
    Admit,
    Extensions,
    Incoming,
    Refused,
    admit_everyone,
    read_invite,
    unacceptable,
)
from voxlab.elements.legs import Leg, Legs, believed_host
from voxlab.elements.replacing import replaced_leg
from voxlab.sip.message import Request, Response
from voxlab.sip.uri import Uri
from voxlab.transaction.events import AckArrived, RequestArrived, ResponseArrived, StrayResponse, TransactionFailed
from voxlab.transaction.layer import TransactionLayer
from voxlab.transaction.timers import Timers

_UNSUPPORTED_METHODS = frozenset({"REGISTER", "SUBSCRIBE", "NOTIFY", "REFER", "PUBLISH", "MESSAGE"})
_INSIDE_ONLY = frozenset({"BYE", "INFO", "UPDATE", "PRACK"})

Event: TypeAlias = RequestArrived | AckArrived | ResponseArrived | StrayResponse | TransactionFailed


class Wiring(Protocol):
    """What the node knows and the user agent needs: where a URI is, and how we are reached on a flow."""

    def contact(self, flow: Flow) -> str:
        """Return the Contact value for dialogs on this flow."""

    def flow_to(self, uri_text: str, usual: Flow) -> Flow:
        """Return the flow for a request to this URI; ``usual`` is the flow of the dialog so far."""


class TransactionUser:
    """Serves the requests that arrive, and carries what the legs say.

    Parameters
    ----------
    layer : TransactionLayer
    ids : Ids
    wiring : Wiring
    timers : Timers
    admit : Admit
    max_calls : int or None
        Past this many legs that others started a new INVITE gets 503 with Retry-After; what is inside dialogs is still
        served.
    retry_after_s : int
        What that Retry-After says.

    Attributes
    ----------
    extensions : Extensions
        Which option tags this host understands, and the smallest session interval that it accepts.
    wishes : Wishes
        What it asks of the extensions in calls that others start.
    follows_sources : callable
        Whether requests to a far end behind a NAT go where its messages come from, and not where its Contact says.
    services : dict of str to callable
        Who serves a method outside calls, such as SUBSCRIBE; what is not here gets 405 or 481.
    """

    def __init__(
        self,
        layer: TransactionLayer,
        ids: Ids,
        wiring: Wiring,
        timers: Timers,
        *,
        admit: Admit = admit_everyone,
        max_calls: int | None = None,
        retry_after_s: int = 5,
    ) -> None:
        self._layer = layer
        self._ids = ids
        self._wiring = wiring
        self._timers = timers
        self._admit = admit
        self.max_calls = max_calls
        self._retry_after_s = retry_after_s
        self.extensions = Extensions()
        self.wishes = NO_WISHES
        self._legs = Legs()
        self._events: list[LegEvent | Incoming | Refused] = []
        self._unsent: list[tuple[Leg, Request]] = []
        self._asking: dict[int, Callable[[Response | None, float], None]] = {}
        self.services: dict[str, Callable[[RequestArrived, float], None]] = {}
        self.follows_sources: Callable[[], bool] = lambda: True
        self._now = 0.0

    @property
    def timers(self) -> Timers:
        """The transaction timers."""
        return self._timers

    # -- requests that belong to no call

    def ask(
        self,
        request: Request,
        flow: Flow,
        now: float,
        answered: Callable[[Response | None, float], None],
        next_hop: str = "",
    ) -> None:
        """Send a request that belongs to no call; ``answered`` hears the final response, None for silence."""
        self._now = now
        way = self._wiring.flow_to(next_hop, flow) if next_hop else flow
        try:
            self._asking[self._layer.request(request, way, now)] = answered
        except VoxlabError:  # too many transactions: as if it could not be sent
            answered(None, now)

    def answer_request(self, number: int, response: Response, now: float) -> None:
        """Answer a request that belongs to no call."""
        self._layer.respond(number, response, now)

    def reply(self, event: RequestArrived, status: int, headers: Sequence[Header] = ()) -> None:
        """Answer a request that belongs to no call with a status."""
        self._reply(event, status, headers)

    @property
    def calls_in(self) -> int:
        """How many legs others started."""
        return self._legs.incoming

    def receive(self, event: Event, now: float) -> None:
        """Take an event of the transaction layer."""
        self._now = now
        if isinstance(event, ResponseArrived):
            self._response(event.number, event.response)
        elif isinstance(event, RequestArrived):
            self._request(event)
        elif isinstance(event, AckArrived):
            self._ack(event.request)
        elif isinstance(event, TransactionFailed):
            self._failed(event)
        else:
            self._stray(event.response)

    # -- requests

    def _request(self, event: RequestArrived) -> None:
        request = event.request
        method = request.method
        if method == "CANCEL":
            self._cancel(event)
        elif request.to_tag is not None:
            self._inside_dialog(event)
        elif method == "INVITE":
            self._invite(event)
        elif (service := self.services.get(method)) is not None:
            service(event, self._now)
        elif method in _INSIDE_ONLY:
            self._reply(event, 481)
        elif method != "OPTIONS":
            self._reply(event, 405 if method in _UNSUPPORTED_METHODS else 501, (("Allow", ALLOW),))
        elif (refusal := unacceptable(request, self.extensions)) is not None:
            self._reply(event, refusal.status, refusal.headers)
        else:
            self._reply(event, 200, (("Allow", ALLOW), ("Accept", "application/sdp")))

    def _reply(
        self, event: RequestArrived, status: int, headers: Sequence[Header] = (), reason: str | None = None
    ) -> None:
        request = event.request
        tag = None if request.to_tag else self._ids.tag()
        self._layer.respond(event.number, request.response(status, reason, to_tag=tag, headers=headers), self._now)

    def _inside_dialog(self, event: RequestArrived) -> None:
        request = event.request
        leg = self._legs.in_dialog(request.call_id, request.to_tag)
        if leg is None:
            service = self.services.get(request.method)
            if service is not None:
                service(event, self._now)
            else:
                self._reply(event, 481)
            return
        refusal = unacceptable(request, self.extensions)
        if refusal is not None:
            self._reply(event, refusal.status, refusal.headers)
            return
        if request.method == "INVITE":
            self._legs.servers[event.number] = leg
        try:
            leg.session.request(request, event.number, self._now)
        except SipSyntaxError as error:
            self._reply(event, error.status)
        self._settle(leg)

    def _invite(self, event: RequestArrived) -> None:
        request = event.request
        if self._legs.is_merged(request):
            self._reply(event, 482)  # s.8.2.2.2: the same request by another path
            return
        try:
            admission = unacceptable(request, self.extensions) or self._too_many() or self._asked(event)
        except SipSyntaxError as error:
            admission = Admission(error.status, why=str(error))
        if admission.status:
            self._refuse(event, admission)
        elif "replaces" in request.headers:
            self._replacing(event, admission.target)
        else:
            self._admitted(event, admission.target)

    def _refuse(self, event: RequestArrived, admission: Admission) -> None:
        self._reply(event, admission.status, admission.headers, admission.reason)
        self._events.append(Refused(event.request, event.flow, admission.status, admission.why))

    def _replacing(self, event: RequestArrived, target: object) -> None:
        """Take an INVITE that takes another dialog's place (RFC 3891 s.3)."""
        try:
            replaced = replaced_leg(event.request, self._legs)
        except SipSyntaxError as error:
            replaced = Admission(error.status, why=str(error))
        if isinstance(replaced, Admission):
            self._refuse(event, replaced)
        else:
            self._admitted(event, target, replaced)

    def _too_many(self) -> Admission | None:
        if self.max_calls is None or self.calls_in < self.max_calls:
            return None
        retry = (("Retry-After", str(self._retry_after_s)),)
        return Admission(503, headers=retry, why=f"more than {self.max_calls} calls at once")

    def _asked(self, event: RequestArrived) -> Admission:
        read_invite(event.request)
        return self._admit(event.request, event.flow, self._now)

    def _admitted(self, event: RequestArrived, target: object, replaces: int = 0) -> None:
        request, flow = event.request, event.flow
        contact = self._contact(flow, request.uri_text)
        session = Callee(self._legs.new_number(), self._timers, self._emit, contact, self._ids.tag())
        session.take(request, event.number)
        session.wishes = self.wishes
        leg = Leg(session, flow)
        if "received=" in request.top_via and "record-route" not in request.headers:
            leg.believed_host = believed_host(f"sip:{request.via.host}", flow)
        self._legs.admit(leg, event.number)
        self._events.append(Incoming(session.leg, request, flow, target, replaces))

    def _cancel(self, event: RequestArrived) -> None:
        target = self._layer.cancel_target(event.request)
        if target is None:
            self._reply(event, 481)
            return
        leg = self._legs.servers.get(target)
        if leg is None:
            self._reply(event, 200)  # s.9.2: the INVITE was refused already, its CANCEL has no effect
            return
        # s.9.2: the To tag of the 200 to the CANCEL is that of the INVITE's responses.
        response = event.request.response(200, to_tag=leg.session.local_tag)
        self._layer.respond(event.number, response, self._now)
        leg.session.cancel(target, self._now)
        self._settle(leg)

    def _ack(self, request: Request) -> None:
        leg = self._legs.in_dialog(request.call_id, request.to_tag)
        if leg is not None:
            leg.session.ack(request, self._now)
            self._settle(leg)

    # -- responses

    def _response(self, number: int, response: Response) -> None:
        entry = self._legs.clients.get(number)
        if entry is None:
            if response.status >= 200 and (answered := self._asking.pop(number, None)) is not None:
                answered(response, self._now)
            return
        leg, request = entry
        leg.session.response(response, request, self._now)
        self._settle(leg)

    def _stray(self, response: Response) -> None:
        leg = self._legs.in_dialog(response.call_id, response.from_tag)
        # While the INVITE's transaction runs, the true 2xx comes through it: this one has a branch that is not ours.
        if leg is not None and not leg.session.incoming and not leg.invite_open:
            leg.session.response(response, leg.session.invite, self._now)
            self._settle(leg)

    def _failed(self, event: TransactionFailed) -> None:
        entry = self._legs.clients.get(event.number)
        if entry is not None:
            leg, request = entry
            leg.session.failed(request, event.cause, self._now)
        elif (served := self._legs.servers.get(event.number)) is not None and served.invite_number == event.number:
            leg = served
            leg.session.undelivered(event.cause, self._now)
        else:
            if (answered := self._asking.pop(event.number, None)) is not None:
                answered(None, self._now)
            return
        self._settle(leg)

    # -- outputs of the sessions

    def _emit(self, output: SessionOutput) -> None:
        if isinstance(output, SendResponse):
            self._layer.respond(output.transaction, output.response, self._now)
        elif not isinstance(output, (SendRequest, SendCancel, ResendAck)):
            self._events.append(output)
        elif (leg := self._legs.get(output.leg)) is None:
            return  # it ended, and so did what it had to say
        elif isinstance(output, SendRequest):
            self._send(leg, output)
        elif isinstance(output, SendCancel):
            self._layer.cancel(leg.invite_number, self._now, output.headers)
        elif (output.remote_tag, output.cseq) in leg.acks:
            self._layer.resend(leg.acks[output.remote_tag, output.cseq])

    def _send(self, leg: Leg, output: SendRequest) -> None:
        request, method = output.request, output.request.method
        flow = self._flow(leg, output.next_hop)
        if method == "ACK":
            leg.acks[request.to_tag or "", request.cseq] = self._layer.send(request, flow, self._now)
            return
        try:
            number = self._layer.request(request, flow, self._now)
        except VoxlabError:  # too many transactions: as if it could not be sent
            self._unsent.append((leg, request))
            return
        self._legs.clients[number] = (leg, request)
        if method == "INVITE" and request.to_tag is None:
            leg.invite_number = number
            leg.invite_open = True

    def _flow(self, leg: Leg, next_hop: str) -> Flow:
        """Return the flow to a URI; to where a far end behind a NAT believes to be, the one that it came over."""
        if not next_hop:
            return leg.flow
        if leg.believed_host and self.follows_sources() and Uri.parse(next_hop).host == leg.believed_host:
            return leg.flow
        return self._wiring.flow_to(next_hop, leg.flow)

    def _settle(self, leg: Leg) -> None:
        if self._unsent:
            self._fail_unsent()
        self._legs.settle(leg)

    def _fail_unsent(self) -> None:
        while self._unsent:
            leg, request = self._unsent.pop()
            leg.session.failed(request, "transport", self._now)
            self._legs.settle(leg)

    def _contact(self, flow: Flow, uri_text: str) -> str:
        """Return our Contact for a dialog that a request to this URI makes: SIPS for SIPS (s.8.1.1.8, s.12.1.1)."""
        contact = self._wiring.contact(flow)
        if uri_text[:5].lower() != "sips:":
            return contact
        return contact.replace("<sip:", "<sips:", 1).replace(";transport=tls", "")
