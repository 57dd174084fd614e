"""A proxied call without a wire: the bytes of its six messages into a node, what comes out checked and thrown away."""

from __future__ import annotations

from collections.abc import Sequence
from time import process_time

from voxlab.base.datagram import Address, Flow
from voxlab.base.ids import Ids
from voxlab.elements.location import Binding, LocationService
from voxlab.elements.node import Node
from voxlab.elements.routing import Answer, Reject, Route
from voxlab.elements.target_set import Target
from voxlab.sip.message import Request
from voxlab.sip.uri import Uri

HERE, CALLER, CALLEE = Address("192.0.2.1", 5060), Address("192.0.2.2", 5060), Address("192.0.2.3", 5060)
FROM_CALLER, FROM_CALLEE = Flow("UDP", HERE, CALLER), Flow("UDP", HERE, CALLEE)
SDP = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
    b"a=rtpmap:0 PCMU/8000\r\n"
)


class Bindings:
    """A policy that looks up whoever is called."""

    def __init__(self, users: int) -> None:
        self.location = LocationService()
        for number in range(users):
            contact = Uri.parse(f"sip:user{number}@{CALLEE}")
            binding = Binding(contact, FROM_CALLEE, 1e9, f"call-id-{number}", 1)
            self.location.replace(f"user{number}@example.com", (binding,))

    def forwards(self, request: Request) -> bool:
        return True

    def route(self, request: Request, flow: Flow, now: float) -> Answer:
        bindings = self.location.lookup(f"{request.uri.user}@example.com", now)
        if not bindings:
            return Reject(404)
        return Route(tuple([Target(str(binding.contact)) for binding in bindings]))

    def redirected(self, uri: Uri, now: float) -> Sequence[Target]:
        return ()

    def serves(self, host: str) -> bool:
        return host == "example.com"


class Proxied:
    """A node that passes calls on to one of ``users`` users."""

    def __init__(self, users: int) -> None:
        self.users = users
        self.node = Node(Ids.seeded(1), {"UDP": HERE}, policy=Bindings(users))
        self.now = 0.0
        self._count = 0

    def call(self, *, to_the_end: bool = True) -> float:
        """Place one call, a millisecond after the last, and return the CPU seconds that the node took for it.

        Without ``to_the_end`` it keeps ringing.
        """
        self.now += 0.001
        self._count += 1
        user, number = self._count * 7919 % self.users, self._count
        spent_s, (_, forwarded) = self._give(FROM_CALLER, _invite(user, number))
        lines = forwarded.split(b"\r\n")
        vias, routed = _named(lines, b"Via: "), _named(lines, b"Record-Route: ")[0]
        steps = [(FROM_CALLEE, _response(b"180 Ringing", vias, routed, number, b"1 INVITE", b""))]
        if to_the_end:
            route = routed.replace(b"Record-Route", b"Route")
            steps.append((FROM_CALLEE, _response(b"200 OK", vias, routed, number, b"1 INVITE", SDP)))
            steps.append((FROM_CALLER, _inside(b"ACK", 1, user, route, number)))
            steps.append((FROM_CALLER, _inside(b"BYE", 2, user, route, number)))
        for flow, data in steps:
            more_s, (out,) = self._give(flow, data)
            spent_s += more_s
        if to_the_end:
            vias = _named(out.split(b"\r\n"), b"Via: ")
            more_s, _ = self._give(FROM_CALLEE, _response(b"200 OK", vias, b"", number, b"2 BYE", b""))
            spent_s += more_s
        return spent_s + self._let_timers_fire()

    def _give(self, flow: Flow, data: bytes) -> tuple[float, list[bytes]]:
        started_s = process_time()
        self.node.receive(flow, data, self.now)
        transmits, _ = self.node.poll(self.now)
        spent_s = process_time() - started_s
        return spent_s, [transmit.data for transmit in transmits]

    def _let_timers_fire(self) -> float:
        started_s = process_time()
        due = self.node.next_timeout()
        if due is not None and due <= self.now:
            self.node.handle_timeout(self.now)
            self.node.poll(self.now)
        return process_time() - started_s


def _invite(user: int, number: int) -> bytes:
    return (
        b"INVITE sip:user%d@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK-i-%d\r\n"
        b"Max-Forwards: 70\r\nFrom: <sip:caller@carrier.example>;tag=a%d\r\nTo: <sip:user%d@example.com>\r\n"
        b"Call-ID: %d@192.0.2.2\r\nCSeq: 1 INVITE\r\nContact: <sip:caller@192.0.2.2:5060>\r\n"
        b"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%b"
    ) % (user, number, number, user, number, len(SDP), SDP)


def _response(status: bytes, vias: list[bytes], routed: bytes, number: int, cseq: bytes, body: bytes) -> bytes:
    lines = [b"SIP/2.0 " + status, *vias, *([routed] if routed else [])]
    lines += [
        b"From: <sip:caller@carrier.example>;tag=a%d" % number,
        b"To: <sip:callee@example.com>;tag=b%d" % number,
        b"Call-ID: %d@192.0.2.2" % number,
        b"CSeq: " + cseq,
        b"Contact: <sip:callee@192.0.2.3:5060>",
        b"Content-Length: %d" % len(body),
    ]
    return b"\r\n".join([*lines, b"", body])


def _inside(method: bytes, cseq: int, user: int, route: bytes, number: int) -> bytes:
    return (
        b"%b sip:user%d@192.0.2.3:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK-%b-%d\r\n%b\r\n"
        b"Max-Forwards: 70\r\nFrom: <sip:caller@carrier.example>;tag=a%d\r\nTo: <sip:user%d@example.com>;tag=b%d\r\n"
        b"Call-ID: %d@192.0.2.2\r\nCSeq: %d %b\r\nContent-Length: 0\r\n\r\n"
    ) % (method, user, method, number, route, number, user, number, number, cseq, method)


def _named(lines: list[bytes], name: bytes) -> list[bytes]:
    return [line for line in lines if line.startswith(name)]
