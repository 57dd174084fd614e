"""Nodes wired in memory: time is a number, the wire delays, loses and reorders as the test says."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any, TypeVar

from voxlab.base.datagram import Address, Flow, Transmit
from voxlab.base.ids import Ids
from voxlab.dialog import events as leg
from voxlab.dialog.offer_answer import Negotiation
from voxlab.elements.node import Node, NodeEvent
from voxlab.elements.user_agent import Incoming
from voxlab.sip.message import Request, Response
from voxlab.sip.parser import parse

E = TypeVar("E")
Wire = Callable[[str, "Request | Response"], "float | None"]
DELAY_S = 0.01
SDP = Negotiation(Address("192.0.2.99", 4000), 7).offer()


def line_of(message: Request | Response) -> str:
    """Return a message in two words: ``INVITE``, ``200 INVITE``."""
    return message.method if isinstance(message, Request) else f"{message.status} {message.cseq_method}"


class Side:
    """One host: a node, what it sent and what its owner was told."""

    def __init__(self, name: str, address: Address, **options: Any) -> None:
        self.name = name
        self.address = address
        listens = {"UDP": address, "TCP": address}
        self.node = Node(Ids.seeded(sum(name.encode())), listens, user=name, **options)
        self.agent = self.node.user_agent
        self.sent: list[tuple[float, Request | Response, Flow]] = []
        self.told: list[tuple[float, NodeEvent]] = []

    def events(self, kind: type[E]) -> list[E]:
        """Return what the owner was told of this kind."""
        return [event for _, event in self.told if isinstance(event, kind)]

    def last(self, kind: type[E]) -> E:
        """Return the latest event of this kind."""
        return self.events(kind)[-1]

    @property
    def lines(self) -> list[str]:
        """Return what was sent, in two words each."""
        return [line_of(message) for _, message, _ in self.sent]

    def requests(self, method: str) -> list[Request]:
        """Return the requests sent with this method."""
        return [m for _, m, _ in self.sent if isinstance(m, Request) and m.method == method]

    def responses(self, method: str) -> list[Response]:
        """Return the responses sent to requests of this method."""
        return [m for _, m, _ in self.sent if isinstance(m, Response) and m.cseq_method == method]


class Puppet:
    """A peer that the test plays by hand: what arrived, and bytes to send."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.got: list[Request | Response] = []

    @property
    def lines(self) -> list[str]:
        """Return what arrived, in two words each."""
        return [line_of(message) for message in self.got]

    def requests(self, method: str) -> list[Request]:
        """Return the requests that arrived with this method."""
        return [m for m in self.got if isinstance(m, Request) and m.method == method]

    def responses(self, method: str) -> list[Response]:
        """Return the responses that arrived to this method."""
        return [m for m in self.got if isinstance(m, Response) and m.cseq_method == method]


class Rig:
    """The hosts, the wire between them and the clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.wire: Wire = lambda _sender, _message: DELAY_S
        self._hosts: dict[Address, Side | Puppet] = {}
        self._under_way: list[tuple[float, int, Address, Flow, bytes]] = []
        self._count = 0

    def side(self, name: str, **options: Any) -> Side:
        """Add a host."""
        host = Side(name, Address(f"192.0.2.{len(self._hosts) + 1}", 5060), **options)
        self._hosts[host.address] = host
        return host

    def puppet(self) -> Puppet:
        """Add a peer that is played by hand."""
        puppet = Puppet(Address(f"192.0.2.{len(self._hosts) + 1}", 5060))
        self._hosts[puppet.address] = puppet
        return puppet

    # -- time

    def run(self, for_s: float = 1.0) -> None:
        """Let time pass: each message and each deadline in its order."""
        until = self.now + for_s
        self.flush()
        while (due := self._next()) is not None and due <= until:
            self.now = max(self.now, due)
            self._deliver()
            for host in self._hosts.values():
                if isinstance(host, Side) and (at := host.node.next_timeout()) is not None and at <= self.now:
                    host.node.handle_timeout(self.now)
            self.flush()
        self.now = until

    def _next(self) -> float | None:
        dues = [host.node.next_timeout() for host in self._hosts.values() if isinstance(host, Side)]
        dues += [self._under_way[0][0]] if self._under_way else []
        return min((due for due in dues if due is not None), default=None)

    def _deliver(self) -> None:
        while self._under_way and self._under_way[0][0] <= self.now:
            _, _, to, flow, data = heapq.heappop(self._under_way)
            host = self._hosts.get(to)
            if isinstance(host, Side):
                host.node.receive(flow, data, self.now)
            elif host is not None:
                host.got.append(parse(data))

    def flush(self) -> None:
        """Move what every node has to send onto the wire, and what it has to say to its owner."""
        for host in self._hosts.values():
            if isinstance(host, Side):
                transmits, events = host.node.poll(self.now)
                host.told += [(self.now, event) for event in events]
                for transmit in transmits:
                    self._put(host, transmit)

    def _put(self, host: Side, transmit: Transmit) -> None:
        message = parse(transmit.data)
        host.sent.append((self.now, message, transmit.flow))
        delay_s = self.wire(host.name, message)
        if delay_s is not None:
            flow = Flow(transmit.flow.transport, transmit.flow.remote, host.address, transmit.flow.connection)
            self._push(delay_s, transmit.flow.remote, flow, transmit.data)

    def _push(self, delay_s: float, to: Address, flow: Flow, data: bytes) -> None:
        self._count += 1
        heapq.heappush(self._under_way, (self.now + delay_s, self._count, to, flow, data))

    def send(self, puppet: Puppet, to: Side, data: bytes | Request | Response) -> None:
        """Have a puppet send something, and let it arrive."""
        raw = data if isinstance(data, bytes) else data.raw
        self._push(0.0, to.address, Flow("UDP", to.address, puppet.address), raw)
        self.run(0.1)

    # -- what most tests begin with

    def dial(self, caller: Side, callee: Side | Puppet, **parts: Any) -> int:
        """Have one host call another, and let the INVITE arrive."""
        parts = {"from_": f"<sip:{caller.name}@example.com>", "offer": SDP, **parts}
        target = f"sip:bob@{callee.address}"
        flow = Flow("UDP", caller.address, callee.address)
        number = caller.agent.dial(target, flow, now=self.now, **parts)
        self.run(0.1)
        return number

    def connect(self, caller: Side, callee: Side, **parts: Any) -> tuple[int, int]:
        """Set up a call and return its two legs."""
        out = self.dial(caller, callee, **parts)
        into = callee.last(Incoming).leg
        callee.agent.answer(into, self.now, sdp=SDP)
        self.run(0.1)
        assert caller.last(leg.Answered).leg == out
        assert callee.last(leg.Confirmed).leg == into
        return out, into


def invite(
    puppet: Puppet, to: Side, *more: str, body: bytes = SDP, call_id: str = "puppet-call", **parts: Any
) -> bytes:
    """Write an INVITE as a peer would."""
    return request("INVITE", puppet, to, *more, body=body, call_id=call_id, contact=True, **parts)


def request(
    method: str,
    puppet: Puppet,
    to: Side,
    *more: str,
    body: bytes = b"",
    call_id: str = "puppet-call",
    cseq: int = 1,
    branch: str = "",
    to_tag: str = "",
    from_tag: str = "p1",
    contact: bool = False,
    uri: str = "",
    content_type: str = "application/sdp",
) -> bytes:
    """Write a request by hand; ``more`` are further header lines."""
    lines = [
        f"{method} {uri or f'sip:bob@{to.address}'} SIP/2.0",
        f"Via: SIP/2.0/UDP {puppet.address};branch=z9hG4bK{branch or f'{method}{cseq}{call_id}'}",
        "Max-Forwards: 70",
        f"From: <sip:puppet@example.net>;tag={from_tag}",
        "To: <sip:bob@example.com>" + (f";tag={to_tag}" if to_tag else ""),
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} {method}",
    ]
    if contact and not any(line.startswith("Contact:") for line in more):
        lines.append(f"Contact: <sip:puppet@{puppet.address}>")
    lines += more
    if body and content_type:
        lines.append(f"Content-Type: {content_type}")
    lines += [f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def answer_to(
    request: Request, status: int, tag: str = "c1", *more: str, body: bytes = b"", contact: str = ""
) -> Response:
    """Answer a request by hand."""
    headers = [("Contact", contact)] if contact else []
    headers += [(name, value.strip()) for name, _, value in (line.partition(":") for line in more)]
    if body:
        headers.append(("Content-Type", "application/sdp"))
    return request.response(status, to_tag=tag, headers=headers, body=body)
