"""The node: one host's SIP, from datagram to leg event and back, without clock, socket or thread (RFC 3261 s.6, s.18).

Must not know which world it runs in. It holds the transaction layer, the user agent and, where given, a registrar and
registrants, and knows how it is reached: it puts the sent-by into Vias, the Contact into dialogs, and finds the flow
for a URI.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from ipaddress import ip_address
from math import inf
from typing import NamedTuple, Protocol

from voxlab.base.datagram import Address, Flow, Transmit
from voxlab.base.errors import SipSyntaxError
from voxlab.base.ids import Ids
from voxlab.dialog.events import LegEvent
from voxlab.elements.keep_alive import binding_response
from voxlab.elements.locating import Hop
from voxlab.elements.loop_detection import was_passed_on
from voxlab.elements.passages import Passing
from voxlab.elements.proxy import Proxy
from voxlab.elements.routing import AskedOnce, RoutingPolicy, admit_by
from voxlab.elements.transaction_user import Event
from voxlab.elements.user_agent import Admit, Incoming, Refused, UserAgent, admit_everyone
from voxlab.sip.limits import Limits
from voxlab.sip.message import Request, Response
from voxlab.sip.parser import parse, refusal
from voxlab.sip.uri import Uri
from voxlab.transaction.events import (
    AckArrived,
    Output,
    RequestArrived,
    ResponseArrived,
    TransactionEnded,
    TransactionFailed,
)
from voxlab.transaction.layer import TransactionLayer
from voxlab.transaction.timers import Timers

_DEFAULT_PORTS = {"UDP": 5060, "TCP": 5060, "TLS": 5061}


class Malformed(NamedTuple):
    """Bytes that are no usable SIP message; answered where an answer is possible, and kept as evidence."""

    flow: Flow
    data: bytes
    error: SipSyntaxError


class RegisterService(Protocol):
    """Answers REGISTER at once (``elements/registrar.py``)."""

    def register(self, request: Request, flow: Flow, now: float) -> Response:
        """Return the final response to a REGISTER."""

    def next_timeout(self) -> float | None: ...  # noqa: D102
    def handle_timeout(self, now: float) -> None: ...  # noqa: D102

    def flow_closed(self, flow: Flow, now: float) -> None:
        """Hear that a connection is gone."""


class Housekeeper(Protocol):
    """Has deadlines that keep nobody waiting: a binding that expires, a subscription to be refreshed."""

    def next_timeout(self) -> float | None: ...  # noqa: D102
    def handle_timeout(self, now: float) -> None: ...  # noqa: D102


class RegisterClient(Housekeeper, Protocol):
    """Keeps a registration of ours alive elsewhere (``elements/registrant.py``)."""

    def receive(self, response: Response, now: float) -> None: ...  # noqa: D102
    def failed(self, cause: str, now: float) -> None: ...  # noqa: D102
    def requests(self) -> list[tuple[Request, Flow]]: ...  # noqa: D102
    def pong(self, flow: Flow, data: bytes, now: float) -> None: ...  # noqa: D102
    def pings(self, now: float) -> list[Transmit]: ...  # noqa: D102


NodeEvent = LegEvent | Incoming | Refused | Malformed | Passing


class Node:
    """One host's SIP.

    Parameters
    ----------
    ids : Ids
    listens : mapping of str to Address
        Transport name to the address on which this host takes requests.
    timers, limits
        The transaction timers and the sizes past which a message is refused.
    user : str
        The user part of our Contact.
    admit : Admit
        Decides which INVITEs become legs.
    registrar : RegisterService or None
        Without one a REGISTER gets 405.
    max_calls : int or None
        Past this many incoming calls at once: 503 with Retry-After.
    policy : RoutingPolicy or None
        Decides in the place of ``admit``, and may have requests passed on; without one there is no proxy here.
    resolve : callable or None
        From a host name to an IP address, None where it is not known.
    locate : callable or None
        In its place: from a URI to the places that serve it, the best first (``elements/locating.py``).
    observer, created : callable or None
        Told of every transition and of every new transaction (see ``TransactionLayer``).
    """

    def __init__(
        self,
        ids: Ids,
        listens: Mapping[str, Address],
        *,
        timers: Timers | None = None,
        limits: Limits | None = None,
        user: str = "",
        admit: Admit = admit_everyone,
        registrar: RegisterService | None = None,
        max_calls: int | None = None,
        policy: RoutingPolicy | None = None,
        resolve: Callable[[str], str | None] | None = None,
        locate: Callable[[Uri], Sequence[Hop]] | None = None,
        observer: Callable[..., None] | None = None,
        created: Callable[..., None] | None = None,
    ) -> None:
        self.listens = dict(listens)
        self.user = user
        self._ids = ids
        self._limits = limits or Limits()
        self._resolve = resolve
        self._locate = locate
        timers = timers or Timers()
        self.layer = TransactionLayer(ids, timers, sent_by=self.sent_by, observer=observer, created=created)
        self.proxy: Proxy | None = None
        self._timers = timers
        self._policy = None if policy is None else AskedOnce(policy)
        if self._policy is not None:
            admit = admit_by(self._policy)
            self.proxy = Proxy(self.layer, ids, self, self._policy, timers)
        self.user_agent = UserAgent(self.layer, ids, self, timers, admit=admit, max_calls=max_calls)
        self.registrar = registrar
        self._clients: list[RegisterClient] = []
        self._housekeepers: list[Housekeeper] = [] if registrar is None else [registrar]
        self._registering: dict[int, RegisterClient] = {}
        self._contacts: dict[str, str] = {}
        self._out: list[Transmit] = []
        self._malformed: list[NodeEvent] = []
        self.housekeeping_changed = True

    def move(self, listens: Mapping[str, Address]) -> None:
        """Be reached at other addresses from now on; what passes through is forgotten: its route led to the old."""
        self.listens = dict(listens)
        self._contacts.clear()
        if self._policy is not None:
            self.proxy = Proxy(self.layer, self._ids, self, self._policy, self._timers)

    # -- the four verbs

    def receive(self, flow: Flow, data: bytes, now: float) -> None:
        """Take one message, a datagram or one framed from a stream."""
        if self.proxy is not None and (glanced := self.proxy.glance(data)) is not None:
            self.layer.receive(glanced, flow, now)
            return
        try:
            message = parse(data, limits=self._limits)
        except SipSyntaxError as error:
            self.refuse(flow, data, error)
            return
        if isinstance(message, Response) and not was_passed_on(message.branch) and _is_for_another(message):
            return
        self.layer.receive(message, flow, now)

    def transport_error(self, flow: Flow, reason: str, now: float) -> None:
        """Take the news that what was sent on a flow did not arrive."""
        self.layer.transport_error(flow, now)

    def next_timeout(self) -> float | None:
        """When ``handle_timeout`` is wanted next, None for never."""
        due = self.next_s()
        return None if due == inf else due

    def next_s(self) -> float:
        """Return the same for whoever compares it with other deadlines: infinity for never."""
        due, other = self.layer.next_s(), self.user_agent.next_s()
        if self.proxy is not None:
            due = min(due, self.proxy.next_s())
        return min(other, due)

    def next_housekeeping(self) -> float | None:
        """When a binding expires or a registration is refreshed: what goes on for ever and keeps nobody waiting."""
        dues = [machine.next_timeout() for machine in (*self._housekeepers, *self._clients)]
        return min((due for due in dues if due is not None), default=None)

    def handle_timeout(self, now: float) -> None:
        """Let every machine whose time has come do what is due."""
        self.layer.handle_timeout(now)
        self.user_agent.handle_timeout(now)
        if self.proxy is not None:
            self.proxy.handle_timeout(now)
        for machine in (*self._housekeepers, *self._clients):
            machine.handle_timeout(now)
        self.housekeeping_changed = True

    def poll(self, now: float) -> tuple[list[Transmit], list[NodeEvent]]:
        """Do what the layers ask for, and drain what is to be sent and what has happened; to be called after every
        input and command.
        """
        for client in self._clients:
            self._send_requests(client, now)
        if self.layer.outputs:
            self._move(self.layer.outputs, now)
        out, self._out = self._out, []
        events: list[NodeEvent] = self.user_agent.poll()  # type: ignore[assignment]  # a list of our own
        if self.proxy is not None and self.proxy.events:
            events += self.proxy.poll()
        if self._malformed:
            events += self._malformed
            self._malformed = []
        return out, events

    # -- what happens inside

    def keep(self, machine: Housekeeper) -> None:
        """Keep the deadlines of one more machine of this host."""
        self._housekeepers.append(machine)
        self.housekeeping_changed = True

    def add_client(self, client: RegisterClient) -> None:
        """Run a registrant on this node."""
        self._clients.append(client)
        self.housekeeping_changed = True

    def remove_client(self, client: RegisterClient) -> None:
        """Stop running a registrant; answers to its last request are ignored."""
        self._clients.remove(client)
        self._registering = {number: other for number, other in self._registering.items() if other is not client}

    def _move(self, outputs: list[Output], now: float) -> None:
        """Move what the transaction layer says to where it belongs, and what it says to that, until it is silent."""
        out, user_agent, proxy, registering = self._out, self.user_agent, self.proxy, self._registering
        try:
            for output in outputs:  # which grows meanwhile
                if isinstance(output, Transmit):
                    out.append(output)
                elif isinstance(output, TransactionEnded):
                    if proxy is None or not proxy.transaction_ended(output.number):
                        user_agent.transaction_ended(output.number)
                        registering.pop(output.number, None)
                elif isinstance(output, (ResponseArrived, TransactionFailed)):
                    if output.number in registering:
                        self._registered(output, now)
                    elif proxy is None or not proxy.receive(output, now):
                        user_agent.receive(output, now)
                elif isinstance(output, RequestArrived) and output.request.method == "REGISTER":
                    self._register(output, now)
                elif proxy is None or not _takes(proxy, output, now):
                    user_agent.receive(output, now)
        finally:
            outputs.clear()

    def closed_flow(self, flow: Flow, now: float) -> None:
        """Take the news that a connection is gone, and with it the way to whoever registered over it."""
        if self.registrar is not None:
            self.registrar.flow_closed(flow, now)
            self.housekeeping_changed = True

    def keep_alive(self, flow: Flow, data: bytes, now: float) -> None:
        """Take what came over a flow and is no SIP: a STUN request is answered, a pong is the registrants' (RFC 5626
        s.5.4, s.8).
        """
        answer = binding_response(data, flow.remote) if flow.transport == "UDP" else None
        if answer is not None:
            self._out.append(Transmit(flow, answer))
        for client in self._clients:
            client.pong(flow, data, now)
        self.housekeeping_changed = True

    def _send_requests(self, client: RegisterClient, now: float) -> None:
        if pings := client.pings(now):
            self._out += pings
            self.housekeeping_changed = True
        for request, flow in client.requests():
            self._registering[self.layer.request(request, flow, now)] = client
            self.housekeeping_changed = True

    def _register(self, event: RequestArrived, now: float) -> None:
        if self.registrar is None:
            self.user_agent.receive(event, now)
            return
        self.housekeeping_changed = True
        try:
            response = self.registrar.register(event.request, event.flow, now)
        except SipSyntaxError as error:
            response = event.request.response(error.status)
        self.layer.respond(event.number, response, now)

    def _registered(self, event: ResponseArrived | TransactionFailed, now: float) -> None:
        self.housekeeping_changed = True
        client = self._registering[event.number]
        if isinstance(event, TransactionFailed):
            client.failed(event.cause, now)
        elif event.response.status >= 200:
            client.receive(event.response, now)
        self._send_requests(client, now)

    def refuse(self, flow: Flow, data: bytes, error: SipSyntaxError) -> None:
        """Answer bytes that are no usable message where that is possible, and tell the owner."""
        self._malformed.append(Malformed(flow, data, error))
        answer = refusal(data, error, self._ids.tag())
        if answer is not None:
            self._out.append(Transmit(flow, answer.raw))

    # -- how this host is reached, and how it reaches others

    def sent_by(self, flow: Flow) -> Address:
        """Return the address that goes into our Via for this flow (s.18.1.1)."""
        return self.listens.get(flow.transport) or flow.local

    def contact(self, flow: Flow) -> str:
        """Return the Contact value for dialogs on this flow."""
        text = self._contacts.get(flow.transport)
        if text is None:
            user = f"{self.user}@" if self.user else ""
            suffix = "" if flow.transport == "UDP" else f";transport={flow.transport.lower()}"
            text = self._contacts[flow.transport] = f"<sip:{user}{self.sent_by(flow)}{suffix}>"
        return text

    def flow_to(self, uri_text: str, usual: Flow) -> Flow:
        """Return the flow for a request to a URI; ``usual`` serves for streams and for names that nobody resolves."""
        if usual.transport != "UDP":
            return usual
        try:
            uri = Uri.parse(uri_text)
        except SipSyntaxError:
            return usual
        return self.flow_for(uri) or usual

    def next_hops(self, uri: Uri) -> Sequence[Flow]:
        """Return the flows to a URI, the best first; without DNS there is one at most."""
        if self._locate is None or not uri.host:
            flow = self._flow_by_address(uri)
            return () if flow is None else (flow,)
        return [
            Flow(hop.transport, self.listens[hop.transport], Address(hop.host, hop.port))
            for hop in self._locate(uri)
            if hop.transport in self.listens
        ]

    def flow_for(self, uri: Uri, usual: str = "UDP") -> Flow | None:
        """Return the first flow to a URI, None where it leads nowhere; ``usual`` is the transport where a URI with an
        address names none.
        """
        if self._locate is None or _is_address(uri.params.get("maddr") or uri.host):
            return self._flow_by_address(uri, usual)
        return next(iter(self.next_hops(uri)), None)

    def _flow_by_address(self, uri: Uri, usual: str = "UDP") -> Flow | None:
        """Return the flow to a URI's host and port, None where it has no address (RFC 3263 s.4 without DNS)."""
        host = uri.params.get("maddr") or uri.host
        if not host:
            return None  # tel: and other schemes name no host
        if not _is_address(host):
            known = self._resolve(host) if self._resolve else None
            if known is None:
                return None
            host = known
        transport = "TLS" if uri.scheme == "sips" else (uri.params.get("transport") or usual).upper()
        if transport not in self.listens:
            return None
        remote = Address(host, uri.port or _DEFAULT_PORTS[transport])
        return Flow(transport, self.listens[transport], remote)

    def __repr__(self) -> str:
        return f"Node({', '.join(f'{transport} {address}' for transport, address in self.listens.items())})"


def _takes(proxy: Proxy, event: Event, now: float) -> bool:
    """Give an event to the proxy; false if it is for the user agent."""
    if isinstance(event, RequestArrived):
        return proxy.request(event, now)
    return isinstance(event, AckArrived) and proxy.ack(event)


def _is_for_another(response: Response) -> bool:
    """Whether a response has Vias beneath ours, which no request of a user agent had (s.8.1.3.3).

    Here, before any transaction sees it: one that took it for its final response would end, and nobody would hear.
    """
    lines = response.headers.get_all("via")
    return len(lines) > 1 or ("," in lines[0] and len(response.headers.split("via")) > 1)


@lru_cache(maxsize=4096)
def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
