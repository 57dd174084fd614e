"""A caller and a callee in one thread, with one clock: how long a server holds INVITE and 180 (RFC 3261 s.13).

SIPp's clock ticks in milliseconds; a server on loopback answers in tenths of one.
"""

from __future__ import annotations

import re
import select
import socket
from time import monotonic, perf_counter
from types import TracebackType
from typing import NamedTuple, Self

_SDP = b"v=0\r\no=- 1 1 IN IP4 %(host)s\r\ns=-\r\nc=IN IP4 %(host)s\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n"
_HEADER = re.compile(
    rb"^(via|v|record-route|from|f|to|t|call-id|i|cseq|contact|m)[ \t]*:[ \t]*(.*?)\r$", re.IGNORECASE | re.MULTILINE
)
_COMPACT = {b"v": b"via", b"f": b"from", b"t": b"to", b"i": b"call-id", b"m": b"contact"}
_URI = re.compile(rb"sips?:[^>\s]*")
_GIVE_UP_S = 2.0


class Delay(NamedTuple):
    """What one call showed, in seconds.

    `total_s`: the caller's INVITE to the caller's 180. `added_s`: the part of it that was not spent in the callee.
    """

    total_s: float
    added_s: float


class Pair:
    """A caller and bob on two UDP sockets; `place_call` runs one whole call and times it.

    Parameters
    ----------
    caller : tuple of str and int
        The caller's address; port 0 draws one.
    callee : tuple of str and int
        Where a registrar, or sippy, sends bob's calls.
    server : tuple of str and int
        Where the caller sends.
    domain : str
        Of the Request-URI.
    caller_domain : str
        Of the caller's own URI: one that the server does not serve, so that it asks for no password.
    """

    def __init__(
        self,
        caller: tuple[str, int],
        callee: tuple[str, int],
        server: tuple[str, int],
        domain: str,
        caller_domain: str,
    ) -> None:
        self._caller, self._callee = _bound(*caller), _bound(*callee)
        self._server = server
        host, port = self._caller.getsockname()
        self._names = {
            b"host": host.encode(),
            b"port": b"%d" % port,
            b"callee_host": callee[0].encode(),
            b"callee_port": b"%d" % callee[1],
            b"domain": domain.encode(),
            b"caller_domain": caller_domain.encode(),
        }
        self._names[b"sdp"] = _SDP % self._names
        self._calls = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._caller.close()
        self._callee.close()

    def place_call(self) -> Delay:
        """Run INVITE, 180, 200, ACK, BYE, 200 through the server and return the two delays.

        Raises
        ------
        TimeoutError
            When a message does not come in two seconds, or a final response is not a 200.
        """
        self._calls += 1
        invite_sent = perf_counter()
        self._caller.sendto(self._invite(), self._server)
        invite, source = self._receive(self._callee, b"INVITE ")
        invite_came = perf_counter()
        ringing = self._response(invite, b"180 Ringing")
        ringing_sent = perf_counter()
        self._callee.sendto(ringing, source)
        self._receive(self._caller, b"SIP/2.0 180")
        ringing_came = perf_counter()
        self._complete(invite, source)
        total_s = ringing_came - invite_sent
        return Delay(total_s, total_s - (ringing_sent - invite_came))

    def _complete(self, invite: bytes, source: tuple[str, int]) -> None:
        """Answer, acknowledge, hang up."""
        self._callee.sendto(self._response(invite, b"200 OK", body=True), source)
        answer, _ = self._receive(self._caller, b"SIP/2.0 200")
        self._caller.sendto(self._in_dialog(b"ACK", 1, answer), self._server)
        self._receive(self._callee, b"ACK ")
        self._caller.sendto(self._in_dialog(b"BYE", 2, answer), self._server)
        bye, source = self._receive(self._callee, b"BYE ")
        self._callee.sendto(self._response(bye, b"200 OK"), source)
        self._receive(self._caller, b"SIP/2.0 200", b" BYE")

    def _receive(self, own: socket.socket, start: bytes, cseq_end: bytes = b"") -> tuple[bytes, tuple[str, int]]:
        """Return the next message that begins with `start`; provisional responses before it are passed over."""
        deadline = monotonic() + _GIVE_UP_S
        while (left := deadline - monotonic()) > 0:
            if not select.select([own], [], [], left)[0]:
                break
            data, source = own.recvfrom(65535)
            if data.startswith(start) and dict(_headers(data))[b"cseq"].endswith(cseq_end):
                return data, source
            if data.startswith((b"SIP/2.0 3", b"SIP/2.0 4", b"SIP/2.0 5", b"SIP/2.0 6")):
                raise TimeoutError(f"{start.decode()} expected, {data.splitlines()[0].decode()} came")
        raise TimeoutError(f"no {start.decode()} in {_GIVE_UP_S:g} s (call {self._calls})")

    def _invite(self) -> bytes:
        return (
            b"INVITE sip:bob@%(domain)s SIP/2.0\r\n" % self._names
            + self._common(b"INVITE", 1)
            + b"To: <sip:bob@%(domain)s>\r\nContact: <sip:alice@%(host)s:%(port)s>\r\n"
            b"Content-Type: application/sdp\r\n"
            % self._names
            + b"Content-Length: %d\r\n\r\n" % len(self._names[b"sdp"])
            + self._names[b"sdp"]
        )

    def _common(self, method: bytes, cseq: int) -> bytes:
        number = b"%d" % self._calls
        return (
            b"Via: SIP/2.0/UDP %(host)s:%(port)s;rport;branch=z9hG4bK" % self._names
            + method
            + number
            + b"\r\nMax-Forwards: 70\r\nFrom: <sip:alice@%(caller_domain)s>;tag=pd" % self._names
            + number
            + b"\r\nCall-ID: pd"
            + number
            + b"-%(port)s@%(host)s\r\n" % self._names
            + b"CSeq: %d %s\r\n" % (cseq, method)
        )

    def _in_dialog(self, method: bytes, cseq: int, answer: bytes) -> bytes:
        headers = _headers(answer)
        target = _URI.search(dict(headers)[b"contact"])
        assert target is not None
        routes = b"".join(b"Route: %s\r\n" % value for name, value in reversed(headers) if name == b"record-route")
        return (
            b"%s %s SIP/2.0\r\n" % (method, target[0])
            + self._common(method, cseq)
            + routes
            + b"To: %s\r\nContent-Length: 0\r\n\r\n" % dict(headers)[b"to"]
        )

    def _response(self, request: bytes, status: bytes, body: bool = False) -> bytes:
        lines = [b"SIP/2.0 " + status]
        for name, value in _headers(request):
            if name == b"to" and b"tag=" not in value:
                value += b";tag=callee%d" % self._calls  # noqa: PLW2901
            if name != b"contact":
                lines.append(name + b": " + value)
        lines.append(b"contact: <sip:bob@%(callee_host)s:%(callee_port)s>" % self._names)
        payload = self._names[b"sdp"] if body else b""
        lines += [b"content-type: application/sdp"] if body else []
        return b"\r\n".join([*lines, b"content-length: %d" % len(payload), b"", payload])


def _headers(message: bytes) -> list[tuple[bytes, bytes]]:
    """Return the headers that a response copies or a dialog needs, long names in lower case, in order."""
    found = _HEADER.findall(message.partition(b"\r\n\r\n")[0] + b"\r\n")
    return [(_COMPACT.get(name.lower(), name.lower()), value) for name, value in found]


def _bound(host: str, port: int) -> socket.socket:
    own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    own.bind((host, port))
    return own
