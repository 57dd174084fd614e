"""A peer that means no good, on sockets of its own; and the messages that it starts from."""

from __future__ import annotations

import itertools
import os
import socket
from types import TracebackType
from typing import Self

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
