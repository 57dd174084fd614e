"""A peer that means no good, on sockets of its own; and the messages that it starts from."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import socket
from collections.abc import Iterator
from hashlib import md5
from types import TracebackType
from typing import Self

from voxlab.base.errors import SipSyntaxError
from voxlab.sip.message import Request, Response
from voxlab.sip.parser import parse

DOMAIN = "shop.acme.voxlab.test"
ADDRESS = f"127.250.{os.getpid() % 256}.{1 + os.getpid() // 256 % 254}"
"""Nobody else's: a trunk's whitelist holds it, and what is tried gets past the first gate."""
_SDP = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0 8 101\r\n"
    b"a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\n"
)
_PATIENCE_S = 10.0
_counter = itertools.count(1)


def request(
    method: str, target: str = "bob", *, extra: bytes = b"", body: bytes = b"", to_tag: str = "", from_: str = ""
) -> bytes:
    """Return a valid request from the trunk, with a branch and a Call-ID that no other has."""
    number = next(_counter)
    head = (
        f"{method} sip:{target}@{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP {ADDRESS}:5060;rport;branch=z9hG4bK{number}\r\n"
        f"Max-Forwards: 70\r\nFrom: <{from_ or 'sip:+4930555001@carrier.example'}>;tag=f{number}\r\n"
        f"To: <sip:{target}@{DOMAIN}>{to_tag}\r\nCall-ID: call-{number}@{ADDRESS}\r\nCSeq: 1 {method}\r\n"
        f"Contact: <sip:mallory@{ADDRESS}:5060>\r\n"
    )
    return head.encode() + extra + b"Content-Length: %d\r\n\r\n" % len(body) + body


def invitation(target: str) -> bytes:
    """Return a valid INVITE with an offer."""
    return request("INVITE", target, extra=b"Content-Type: application/sdp\r\n", body=_SDP)


def originals() -> list[bytes]:
    """Return one valid message of each kind, fresh."""
    sdp = b"Content-Type: application/sdp\r\n"
    mixed = b"Content-Type: multipart/mixed;boundary=b\r\n"
    parts = b"--b\r\n" + sdp + b"\r\n" + _SDP + b"\r\n--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n"
    digest = (
        b'Digest username="alice", realm="voxlab.test", nonce="0123", uri="sip:x", response="%032d", '
        b'algorithm=MD5, qop=auth, nc=00000001, cnonce="c"\r\n' % 0
    )
    alice = f"sip:alice@{DOMAIN}"
    return [
        request("INVITE", "echo", extra=sdp, body=_SDP),
        request("INVITE", "refuse", extra=sdp, body=_SDP),
        request("INVITE", "echo", extra=mixed, body=parts),
        request("INVITE", "echo"),
        request("INVITE", extra=b"Proxy-Authorization: " + digest + sdp, body=_SDP, from_=alice),
        request("REGISTER", "alice", from_=alice, extra=b"Expires: 60\r\nAuthorization: " + digest),
        request("OPTIONS"),
        request("ACK"),
        request("CANCEL"),
        request("BYE", to_tag=";tag=x"),
        request("MESSAGE", body=b"hello", extra=b"Content-Type: text/plain\r\n"),
        request("SUBSCRIBE", extra=b"Event: presence\r\n"),
        request("OPTIONS").replace(b"OPTIONS sip:bob@%s SIP/2.0" % DOMAIN.encode(), b"SIP/2.0 200 OK", 1),
    ]


def nested(depth: int) -> bytes:
    """Return a multipart body within a multipart body, and so on."""
    body = b"Content-Type: application/sdp\r\n\r\n" + _SDP
    for level in range(depth):
        body = b"Content-Type: multipart/mixed;boundary=b%d\r\n\r\n--b%d\r\n%s\r\n--b%d--\r\n" % (
            level,
            level,
            body,
            level,
        )
    return body.partition(b"\r\n\r\n")[2]


def replies(data: bytes) -> list[bytes]:
    """Return valid messages that go on with what was received: responses to an INVITE, requests after an answer."""
    try:
        message = parse(data)
    except SipSyntaxError:  # the answer to a mutation has the header fields of the mutation
        return []
    if isinstance(message, Request):
        return _responses(message)
    if message.status == 200 and message.cseq_method == "INVITE":
        return [_inside(message, method) for method in ("ACK", "INFO", "INVITE", "UPDATE", "OPTIONS", "BYE")]
    return []


def _responses(invite: Request) -> list[bytes]:
    if invite.method != "INVITE":
        return [] if invite.method == "ACK" else [invite.response(200, to_tag="m").raw]
    contact, kind = ("Contact", f"<sip:mallory@{ADDRESS}:5060>"), ("Content-Type", "application/sdp")
    early = [invite.response(status, to_tag="m", headers=[contact]).raw for status in (100, 180)]
    final = [invite.response(status, to_tag="m", headers=[contact, kind], body=_SDP).raw for status in (183, 200)]
    fork = invite.response(200, to_tag="other", headers=[contact, kind], body=_SDP).raw
    return [*early, *final, fork, *(invite.response(status, to_tag="m").raw for status in (302, 401, 486, 603))]


def _inside(answer: Response, method: str) -> bytes:
    body = _SDP if method in {"INVITE", "ACK"} else b""
    kind = "Content-Type: application/sdp\r\n" if body else ""
    head = (
        f"{method} sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP {ADDRESS}:5060;rport;branch=z9hG4bKi{next(_counter)}\r\n"
        f"Max-Forwards: 70\r\nFrom: {answer.headers.get('from')}\r\nTo: {answer.headers.get('to')}\r\n"
        f"Call-ID: {answer.call_id}\r\nCSeq: {1 if method == 'ACK' else next(_counter)} {method}\r\n"
        f"Contact: <sip:mallory@{ADDRESS}:5060>\r\n{kind}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("utf-8", "surrogateescape") + body


class Peer:
    """A UDP socket, and as many TCP connections as it likes.

    Parameters
    ----------
    server : tuple of str and int
    """

    def __init__(self, server: tuple[str, int]) -> None:
        self.server = server
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind((ADDRESS, 0))
        self._udp.settimeout(1.0)
        self._streams: list[socket.socket] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._udp.close()
        for stream in self._streams:
            stream.close()

    def send(self, data: bytes) -> None:
        """Send a datagram; one that is empty or too long for UDP is not sent."""
        if 0 < len(data) <= 65_000:
            self._udp.sendto(data, self.server)

    def ask(self, data: bytes) -> bytes:
        """Send a request until its final response comes, and return that.

        Raises
        ------
        TimeoutError
            When none comes.
        """
        call_id = data.partition(b"Call-ID: ")[2].partition(b"\r\n")[0]
        for _ in range(int(_PATIENCE_S)):
            self.send(data)
            try:
                while (answer := self._udp.recv(65_535)) is not None:
                    if call_id in answer and answer[:9] >= b"SIP/2.0 2":
                        return answer
            except TimeoutError:
                continue
        raise TimeoutError(f"no answer to {data[:60]!r}")

    def register(self, user: str, password: str) -> None:
        """Register this socket as a device of `user`, with digest (RFC 7616 s.3.4.1)."""
        aor = f"sip:{user}@{DOMAIN}"
        contact = b"Contact: <sip:%s@%s:%d>\r\nExpires: 600\r\n" % (user.encode(), ADDRESS.encode(), self.port)
        first = request("REGISTER", user, from_=aor, extra=contact)
        challenge = dict(re.findall(rb'(realm|nonce)="([^"]*)"', self.ask(first)))
        realm, nonce = challenge[b"realm"].decode(), challenge[b"nonce"].decode()
        secret = md5(f"{user}:{realm}:{password}".encode()).hexdigest()
        what = md5(f"REGISTER:{aor}".encode()).hexdigest()
        answer = md5(f"{secret}:{nonce}:00000001:c:auth:{what}".encode()).hexdigest()
        line = (
            f'Authorization: Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{aor}", algorithm=MD5, '
            f'qop=auth, nc=00000001, cnonce="c", response="{answer}"\r\n'
        )
        second = request("REGISTER", user, from_=aor, extra=contact + line.encode())
        accepted = self.ask(second)
        assert accepted.startswith(b"SIP/2.0 200"), accepted

    @property
    def port(self) -> int:
        """The port of the UDP socket."""
        port: int = self._udp.getsockname()[1]
        return port

    def heard(self, until: bytes) -> Iterator[bytes]:
        """Yield what arrives, up to the answer to a request of ours, sent again as any client does over UDP."""
        call_id = parse(until).call_id.encode()
        for _ in range(int(_PATIENCE_S)):
            self.send(until)
            with contextlib.suppress(TimeoutError):
                while call_id not in (data := self._udp.recv(65_535)):
                    yield data
                return
        raise TimeoutError(f"no answer to {until[:40]!r}")

    def connect(self, port: int | None = None) -> socket.socket:
        """Return a new TCP connection."""
        stream = socket.create_connection((self.server[0], port or self.server[1]), _PATIENCE_S, (ADDRESS, 0))
        self._streams.append(stream)
        return stream


def until_the_end(stream: socket.socket) -> bytes:
    """Return all that comes until the other side closes the connection."""
    received = bytearray()
    try:
        while data := stream.recv(65_536):
            received += data
    except ConnectionResetError:
        pass
    return bytes(received)
