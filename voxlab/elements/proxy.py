"""The proxy: requests are checked, their routes read, their targets found, and copies sent on (RFC 3261 s.16.3 to
s.16.5, s.16.10, s.16.12).

RFC 5393 (loops), RFC 5658 (double Record-Route), RFC 5626 s.5.3 (flows). Must not know accounts or rules: where a
request may go is asked of a ``RoutingPolicy``; inside a dialog the route set that we made ourselves says it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from voxlab.base.datagram import Address, Flow, Transmit
from voxlab.base.errors import SipSyntaxError
from voxlab.base.ids import Ids
from voxlab.dialog.dialog import Header
from voxlab.elements.copies import NextHops, records_route
from voxlab.elements.forwarding import Forwarding
from voxlab.elements.loop_detection import LoopDetection, second_part, was_passed_on, with_second_part
from voxlab.elements.passages import Leaving, Passing, Routed, TurnedBack
from voxlab.elements.record_route import NO_FLOWS, RouteEntry
from voxlab.elements.response_context import ResponseContext
from voxlab.elements.routing import Handle, Route, RoutingPolicy
from voxlab.elements.target_set import Target
from voxlab.sip.glance import GlancedRequest, glance_at_request, glance_at_response
from voxlab.sip.message import Request, Response
from voxlab.sip.parser import parse
from voxlab.sip.splice import passed_on, respelled
from voxlab.sip.uri import Uri
from voxlab.sip.values import NameAddr
from voxlab.transaction.events import AckArrived, RequestArrived
from voxlab.transaction.layer import TransactionLayer
from voxlab.transaction.timers import Timers

_TOO_MANY_HOPS = "Max-Forwards is 0 (s.16.3 item 3)"
_SCHEMES = ("sip:", "sips:", "tel:")
_SCHEME_NAMES = frozenset({"sip", "sips", "tel"})


class Neighbourhood(NextHops, Protocol):
    """What a proxy asks its node."""

    @property
    def listens(self) -> Mapping[str, Address]:
        """Transport to the address on which requests are taken."""


class _Reply(Exception):
    """A request goes no further: the status that the wire shows, and why."""

    def __init__(self, status: int, why: str, headers: tuple[Header, ...] = ()) -> None:
        super().__init__(why)
        self.status = status
        self.headers = headers


class Proxy(Forwarding):
    """Passes requests on.

    Parameters
    ----------
    layer : TransactionLayer
    ids : Ids
    node : Neighbourhood
        Knows our addresses and the way to others.
    policy : RoutingPolicy
        Decides about requests outside dialogs.
    timers : Timers
    """

    def __init__(
        self, layer: TransactionLayer, ids: Ids, node: Neighbourhood, policy: RoutingPolicy, timers: Timers
    ) -> None:
        entry = RouteEntry(node.listens, ids.fork("record-route").token(32).encode(), policy.serves)
        super().__init__(layer, ids, node, policy, entry, timers)
        self._policy = policy
        self._loops = LoopDetection(node.listens.values())
        self._listens = node.listens
        self._our_vias = tuple(
            f"\r\nVia: SIP/2.0/{transport} {str(address).lower()};branch=".encode()
            for transport, address in node.listens.items()
        )

    def poll(self) -> list[Passing]:
        """Drain what is to be known about requests outside dialogs, and how calls that pass through go on."""
        events, self.events = self.events, []
        return events

    def glance(self, data: bytes) -> Request | Response | None:
        """Return a message that is only to be passed on without reading it; None if it has to be read."""
        if data[:4] == b"SIP/":
            response = glance_at_response(data, self._our_vias)
            return response if response is not None and was_passed_on(response.branch) else None
        return glance_at_request(data, self._entry.endings)

    # -- requests

    def request(self, event: RequestArrived, now: float) -> bool:
        """Take a request if it is to be passed on, or refused on the way; false leaves it to the user agent."""
        request = event.request
        if request.method == "CANCEL":
            return self._cancel(event, now)
        try:
            if request.to_tag is None:
                return self._outside_dialog(event, now)
            return self._inside_dialog(event, now)
        except _Reply as reply:
            self._turn_back(event, reply.status, str(reply), reply.headers, now)
        except SipSyntaxError as error:
            self._turn_back(event, error.status, str(error), (), now)
        return True

    def ack(self, event: AckArrived) -> bool:
        """Pass the ACK to a 2xx on if its route set is one of ours (s.16.11): it has no transaction."""
        request = event.request
        try:
            found = self._dialog_route(request, event.flow)
            if found is None:
                return False
            uri_text, routes, flow = found
            self._check(request)
            uri_text, left, flows = self._copies.way(routes, Target(uri_text, flow), None)
        except (_Reply, SipSyntaxError):
            return True  # an ACK is never answered (s.16.3)
        if flows:
            self._send_ack(request, uri_text, left, flows[0])
        return True

    def _send_ack(self, request: Request, uri_text: str, routes: tuple[str, ...] | None, flow: Flow) -> None:
        # s.16.11: a stateless branch is made of what came, so that a copy of the ACK stays a copy.
        branch = with_second_part(f"z9hG4bK{self._entry.token(request.branch)}", "")
        via = self._layer.via_for(flow, branch).via
        new_uri = None if uri_text == request.uri_text else uri_text
        self._layer.resend(Transmit(flow, passed_on(request, (f"Via: {via}",), new_uri, routes)))

    def _cancel(self, event: RequestArrived, now: float) -> bool:
        """Cancel every branch of the INVITE (s.16.10); the CANCEL gets its own answer at once."""
        target = self._layer.cancel_target(event.request)
        context = None if target is None else self._contexts.get(target)
        if context is None:
            return False
        self._layer.respond(event.number, event.request.response(200, to_tag=self._ids.tag()), now)
        if not context.answered:
            context.cancelled = True
            reasons = tuple(("Reason", reason) for reason in event.request.headers.get_all("reason"))
            self._give_up_others(context, now, reasons)
            if not context.open:
                self._answer(context, now)
        return True

    # -- inside a dialog

    def _inside_dialog(self, event: RequestArrived, now: float) -> bool:
        request = event.request
        found = self._dialog_route(request, event.flow)
        if found is None:
            return False
        uri_text, routes, flow = found
        self._check(request)
        context = ResponseContext(event.number, request, event.flow, routes, "")
        if request.method == "BYE":
            self.events.append(Leaving(request))
        if context.is_invite:
            self._layer.respond(event.number, request.response(100), now)
        self._begin(context, (Target(uri_text, flow),), now)
        return True

    def _dialog_route(self, request: Request, flow: Flow) -> tuple[str, tuple[str, ...], Flow | None] | None:
        """Return Request-URI, remaining routes and flow of a request whose route set is ours (s.16.4).

        None if it does not lead through us by a Record-Route of ours.

        Raises
        ------
        _Reply
            403: somebody else made the token, or another dialog's is used; we relay for nobody.
        """
        if isinstance(request, GlancedRequest):
            routes = [request.route]
        elif "route" in request.headers:
            routes = request.headers.split("route")
        else:
            return None
        entry, uri_text = self._entry, request.uri_text
        token = entry.token_of_uri(uri_text)
        if token is not None:  # a strict router before us
            if not routes:
                raise _Reply(404, "the Request-URI is our own Record-Route, and no Route says where to go on")
            uri_text = str(NameAddr.parse(routes.pop()).uri)
        while routes and (found := entry.token_of_route(routes[0])) is not None:
            token = found or token
            del routes[0]
        if not token:
            return None
        ends = entry.read(token, request.call_id)
        if ends is None or request.to_tag is None:
            raise _Reply(403, "the Route leads through us, but we did not put it there")
        return uri_text, tuple(routes), None if routes or ends is NO_FLOWS else ends.other_than(flow)

    # -- outside a dialog

    def _outside_dialog(self, event: RequestArrived, now: float) -> bool:
        policy, flow = self._policy, event.flow
        request = event.request if "maddr=" not in event.request.uri_text else self._without_maddr(event)
        if not policy.forwards(request):
            return False
        part = second_part(request.uri_text, request.headers.get("route", ""))
        self._check(request)
        if self._loops.has_looped(request, part):
            raise _Reply(482, "the request was here before and nothing has changed (RFC 5393 s.4.2.2)")
        routes = self._preloaded(request)
        answer = policy.route(request, flow, now)
        if isinstance(answer, Handle):
            return False
        if not isinstance(answer, Route):
            self._reply(event, answer.status, answer.headers, now, getattr(answer, "reason", None))
            return True  # the policy keeps a record of its own
        context = ResponseContext(event.number, request, flow, routes, part)
        context.recurses, context.ring_s, context.realm = answer.recurses, answer.ring_s, answer.realm
        context.records = records_route(request.method)
        self.events.append(Routed(request, flow, answer.target))
        if context.is_invite:
            self._layer.respond(event.number, request.response(100), now)
        self._begin(context, answer.targets, now)
        return True

    def _without_maddr(self, event: RequestArrived) -> Request:
        """Return the request without a maddr that names us (s.16.4); one that names another is not followed."""
        request, uri = event.request, event.request.uri
        maddr = uri.params.get("maddr") or ""
        transport = (uri.params.get("transport") or "udp").upper()
        here = self._listens.get(transport)
        if here is None or maddr != here.host or (uri.port or 5060) != here.port or transport != event.flow.transport:
            raise _Reply(403, f"maddr={maddr} leads elsewhere: we relay for nobody")
        kept = [(name, value) for name, value in uri.params.items() if name not in {"maddr", "transport"}]
        params = "".join(f";{name}" if value is None else f";{name}={value}" for name, value in kept)
        return _with_uri(request, str(Uri.build(uri.host, uri.user, scheme=uri.scheme, params=params)))

    def _preloaded(self, request: Request) -> tuple[str, ...] | None:
        """Return the Route values that are left without ours; whoever preloads others may not use us (s.16.4)."""
        if "route" not in request.headers:
            return None
        routes = request.headers.split("route")
        while routes and self._entry.token_of_route(routes[0]) is not None:
            del routes[0]
        if routes:
            raise _Reply(403, f"the preloaded Route {routes[0]} leads elsewhere: we relay for nobody")
        return ()

    # -- what every request has to pass

    @staticmethod
    def _check(request: Request) -> None:
        """Validate a request (s.16.3); whether it has looped is asked where it may fork (RFC 5393 s.4.1)."""
        if isinstance(request, GlancedRequest):
            if not request.hops:
                raise _Reply(483, _TOO_MANY_HOPS)
            return
        if not request.uri_text.startswith(_SCHEMES) and Uri.parse(request.uri_text).scheme not in _SCHEME_NAMES:
            raise _Reply(416, f"nobody is reached by {request.uri_text.partition(':')[0]}: here (s.16.3 item 2)")
        if request.max_forwards == 0:
            raise _Reply(483, _TOO_MANY_HOPS)
        if "proxy-require" in request.headers:
            wanted = ", ".join(request.headers.split("proxy-require"))
            raise _Reply(420, f"Proxy-Require: {wanted} (s.16.3 item 5)", (("Unsupported", wanted),))

    def _turn_back(self, event: RequestArrived, status: int, why: str, headers: tuple[Header, ...], now: float) -> None:
        self._reply(event, status, headers, now)
        self.events.append(TurnedBack(event.request, event.flow, status, why))

    def _reply(
        self,
        event: RequestArrived,
        status: int,
        headers: tuple[Header, ...],
        now: float,
        reason: str | None = None,
    ) -> None:
        request = event.request
        tag = None if request.to_tag else self._ids.tag()
        self._layer.respond(event.number, request.response(status, reason, to_tag=tag, headers=headers), now)

    def __repr__(self) -> str:
        return f"Proxy({len(self._contexts)} requests, {len(self._branches)} branches)"


def _with_uri(request: Request, uri: str) -> Request:
    """Return the request that arrives if this is its Request-URI."""
    start, rest = request.start_line.encode("utf-8", "surrogateescape"), respelled(request)
    again = parse(f"{request.method} {uri} SIP/2.0".encode("utf-8", "surrogateescape") + rest[len(start) :])
    assert isinstance(again, Request)
    return again
