"""Two elements with a transaction layer each; the wire between them and the clock are in the test's hand."""

from __future__ import annotations

from typing import Any

from voxlab.base.datagram import Address, Flow, Transmit
from voxlab.base.ids import Ids
from voxlab.sip.message import Request, Response
from voxlab.sip.parser import parse
from voxlab.transaction.events import RequestArrived, ResponseArrived
from voxlab.transaction.layer import TransactionLayer

ALICE = Address("192.0.2.1", 5060)
BOB = Address("192.0.2.2", 5060)


def make_request(
    method: str,
    *,
    cseq: int = 1,
    to: str = "<sip:bob@example.com>",
    extra: tuple[tuple[str, str], ...] = (),
    body: bytes = b"",
) -> Request:
    """Make a request without Via, as a transaction user hands it to the layer."""
    fields = [
        ("Max-Forwards", "70"),
        ("From", "Alice <sip:alice@example.com>;tag=a1"),
        ("To", to),
        ("Call-ID", "one@example.com"),
        ("CSeq", f"{cseq} {method}"),
        *extra,
    ]
    return Request.build(method, "sip:bob@192.0.2.2", fields, body)


class Side:
    """One element: its layer, what it sent (time, message, flow) and what its user was told (time, event)."""

    def __init__(self, here: Address, there: Address, transport: str = "UDP", **options: Any) -> None:
        self.flow = Flow(transport, here, there, 0 if transport == "UDP" else 7)
        options = {"sent_by": lambda flow: flow.local, **options}
        self.layer = TransactionLayer(Ids.seeded(here.port + int(here.host[-1])), **options)
        self.sent: list[tuple[float, Request | Response, Flow]] = []
        self.told: list[tuple[float, Any]] = []
        self.now = 0.0

    def drain(self) -> None:
        """Sort what the layer put out into what was sent and what was told."""
        for output in self.layer.poll():
            if isinstance(output, Transmit):
                self.sent.append((self.now, parse(output.data), output.flow))
            else:
                self.told.append((self.now, output))

    def run(self, until_s: float) -> None:
        """Let time pass, firing each timer exactly when it is due."""
        while (due_s := self.layer.next_timeout()) is not None and due_s <= until_s:
            self.now = due_s
            self.layer.handle_timeout(due_s)
            self.drain()
        self.now = until_s

    def receive(self, message: Request | Response | bytes, flow: Flow | None = None) -> None:
        """Take a message from the wire."""
        message = parse(message if isinstance(message, bytes) else message.raw)
        self.layer.receive(message, flow or self.flow, self.now)
        self.drain()

    def request(self, method: str, **parts: Any) -> int:
        """Start a client transaction."""
        number = self.layer.request(make_request(method, **parts), self.flow, self.now)
        self.drain()
        return number

    def respond(self, status: int, *, to_tag: str | None = "b1", number: int | None = None, **parts: Any) -> Response:
        """Answer the request that arrived last, or that of ``number``."""
        arrived = [event for event in self.events(RequestArrived) if number in {None, event.number}][-1]
        response = arrived.request.response(status, to_tag=to_tag, **parts)
        self.layer.respond(arrived.number, response, self.now)
        self.drain()
        return response

    def cancel(self, number: int, headers: tuple[tuple[str, str], ...] = ()) -> int | None:
        """Cancel an INVITE."""
        answer = self.layer.cancel(number, self.now, headers)
        self.drain()
        return answer

    def fail(self, flow: Flow | None = None) -> None:
        """Learn that what was sent did not arrive."""
        self.layer.transport_error(flow or self.flow, self.now)
        self.drain()

    def events(self, kind: type[Any]) -> list[Any]:
        """Return what was told of one kind."""
        return [event for _, event in self.told if isinstance(event, kind)]

    def statuses(self) -> list[int]:
        """Return the status codes of the responses that reached the user."""
        return [event.response.status for event in self.events(ResponseArrived)]

    def methods(self) -> list[str]:
        """Return the methods of the requests sent, repetitions included."""
        return [message.method for _, message, _ in self.sent if isinstance(message, Request)]

    def times(self) -> list[float]:
        """Return when something was sent."""
        return [time for time, _, _ in self.sent]

    @property
    def last(self) -> Any:
        """The message that was sent last."""
        return self.sent[-1][1]


def pair(transport: str = "UDP", **options: Any) -> tuple[Side, Side]:
    """Make Alice, who calls, and Bob, who is called."""
    return Side(ALICE, BOB, transport, **options), Side(BOB, ALICE, transport, **options)
