"""A SIP element that does as it is told, on an address of its own in the simulated network."""

from __future__ import annotations

from collections.abc import Callable

from tests.lab.stage import Stage
from voxlab.base.datagram import Address, Flow
from voxlab.elements.location import Binding
from voxlab.sip.message import Request, Response
from voxlab.sip.parser import parse
from voxlab.sip.uri import Uri

Message = Request | Response
CLOUD = Address("192.0.2.10", 5060)
HERE = Address("203.0.113.9", 5060)


class Peer:
    """Calls as somebody behind a trunk, and is called in bob's place."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.lab = stage, stage.lab
        self.heard: list[Message] = []
        self.flow = Flow("UDP", HERE, CLOUD)
        stage.lab.account("acme").trunk("peers", allow=[HERE.host])
        attach = stage.lab.network.attach
        self.endpoint = stage.lab.world.submit(lambda: attach("peer", HERE.host, HERE.port, self, ("UDP",)))

    def takes_bobs_place(self) -> Peer:
        """Enter the location service by the back door: registering is tested elsewhere."""
        contact = Uri.parse(f"sip:bob@{HERE}")
        flow = Flow("UDP", CLOUD, HERE)
        binding = Binding(contact=contact, call_id="peer", cseq=1, expires_at_s=3600.0, flow=flow)
        self.lab.world.submit(self.lab.cloud.location.replace, f"bob@{self.stage.shop.domain}", (binding,))
        return self

    # -- the network's side

    def rested(self) -> None: ...

    def received(self, flow: Flow, data: bytes, now: float) -> None:
        self.heard.append(parse(data))

    def transport_error(self, flow: Flow, reason: str, now: float) -> None: ...

    def closed_flow(self, flow: Flow, now: float) -> None: ...

    # -- what it hears

    def request(self, method: str) -> Request:
        """Let time pass until such a request has come."""
        found = self._wait(lambda message: isinstance(message, Request) and message.method == method)
        assert isinstance(found, Request)
        return found

    def response(self, status: int, method: str) -> Response:
        """Let time pass until such a response has come."""

        def wanted(message: Message) -> bool:
            return isinstance(message, Response) and (message.status, message.cseq_method) == (status, method)

        found = self._wait(wanted)
        assert isinstance(found, Response)
        return found

    def _wait(self, wanted: Callable[[Message], bool]) -> Message:
        self.lab.run(until=lambda: any(wanted(message) for message in self.heard))
        return next(message for message in self.heard if wanted(message))

    # -- what it says

    def say(self, data: bytes) -> None:
        self.lab.world.submit(self.endpoint.send, self.flow, data)

    def invite(
        self,
        user: str,
        *,
        max_forwards: int = 70,
        formats: str = "0",
        caller: str = "peer",
        more: tuple[tuple[str, str], ...] = (),
    ) -> None:
        target = f"sip:{user}@{self.stage.shop.domain}"
        headers = [
            ("Via", f"SIP/2.0/UDP {HERE};branch=z9hG4bKpeer"),
            ("Max-Forwards", str(max_forwards)),
            ("From", f"<sip:{caller}@elsewhere.example>;tag=p"),
            ("To", f"<{target}>"),
            ("Call-ID", "from-a-peer"),
            ("CSeq", "1 INVITE"),
            ("Contact", f"<sip:peer@{HERE}>"),
            *more,
            ("Content-Type", "application/sdp"),
        ]
        self.say(Request.build("INVITE", target, headers, description(formats)).raw)

    def answer(
        self, request: Request, status: int, body: bytes = b"", headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        lines = [("Contact", f"<sip:bob@{HERE}>"), *headers]
        lines += [("Content-Type", "application/sdp")] if body else []
        self.say(request.response(status, to_tag="peer", headers=lines, body=body).raw)

    def reinvite(self, invite: Request, body: bytes) -> None:
        """Offer the media anew in the dialog that ``invite`` made and we accepted."""
        headers = [
            ("Via", f"SIP/2.0/UDP {HERE};branch=z9hG4bKagain"),
            ("Max-Forwards", "70"),
            ("From", f"{invite.headers.get('To')};tag=peer"),
            ("To", invite.headers.get("From") or ""),
            ("Call-ID", invite.call_id),
            ("CSeq", "77 INVITE"),
            ("Contact", f"<sip:bob@{HERE}>"),
            ("Content-Type", "application/sdp"),
        ]
        self.say(Request.build("INVITE", str(invite.contacts[0].uri), headers, body).raw)


def description(formats: str = "0", direction: str = "sendrecv", version: int = 1) -> bytes:
    """Return an offer or answer of audio at the peer's address."""
    lines = [
        "v=0",
        f"o=- 1 {version} IN IP4 {HERE.host}",
        "s=-",
        f"c=IN IP4 {HERE.host}",
        "t=0 0",
        f"m=audio 40000 RTP/AVP {formats}",
        f"a={direction}",
    ]
    return "".join(f"{line}\r\n" for line in lines).encode()
