"""A glance at a message that only has to be passed on: what finds its transaction and its next hop, by string search
(RFC 3261 s.16.3 item 1, s.16.7).

A proxy ignores and keeps what it does not need, so nothing else is read until somebody asks. Whatever is not spelled
as everybody spells it is left to ``parser``. Must not know transactions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from voxlab.base.errors import SipSyntaxError
from voxlab.sip.headers import Headers
from voxlab.sip.limits import Limits
from voxlab.sip.message import Message, Request, Response
from voxlab.sip.parser import parse

_LARGEST_BYTES = 8_192
_GENEROUS = Limits(header_count=10_000)
_VIA = b"\r\nVia: "
_LENGTH = re.compile(rb"\r\nContent-Length:  *([0-9]{1,5}) *\r\n(?![ \t])")
_UNREAD = frozenset({"_views", "body", "call_id", "cseq", "from_tag", "headers", "reason", "to_tag"})
_EXPIRES = re.compile(rb"\n(?:[Ss][Ee][Ss][Ss][Ii][Oo][Nn]-[Ee][Xx]|[Xx][ \t]*:)")  # without flags: much faster
_MARKS = b"-.!%*_+`'~"  # what a token may hold besides letters and digits (s.25.1)
_METHODS = (b"ACK ", b"BYE ", b"INVITE ", b"INFO ", b"UPDATE ", b"PRACK ", b"MESSAGE ", b"NOTIFY ", b"REFER ")
_KEPT = ("headers", "body", "from_tag", "to_tag", "cseq", "call_id")


class GlancedResponse(Response):
    """A response of which status, top Via and CSeq method are known; the rest is read when first asked for."""

    __slots__ = ("_cut", "top_via")

    top_via: str
    _cut: tuple[int, int]

    def without_top_via(self) -> bytes:
        """Return the bytes that go one hop back."""
        raw, (start, end) = self.raw, self._cut
        return raw[:start] + raw[end:]

    @property
    def has_no_interval(self) -> bool:
        """Whether there is certainly no Session-Expires in it; told without reading it."""
        return _EXPIRES.search(self.raw) is None

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name == "to_tag" and (tag := _to_tag(self.raw)) is not None:
                self.to_tag = tag
                return tag
            return _read(self, name, ("reason",))


class GlancedRequest(Request):
    """A request inside a dialog of which the hop fields are known; the rest is read when first asked for.

    Attributes
    ----------
    route : str
        Its only Route value.
    hops : int
        Its Max-Forwards.
    """

    __slots__ = ("hops", "hops_at", "hops_end", "route", "route_at", "route_end", "top_via", "via_end")

    top_via: str
    route: str
    hops: int
    via_end: int
    route_at: int
    route_end: int
    hops_at: int
    hops_end: int

    def set_via(self, text: str, branch: str | None = None) -> None:
        """Put this in the place of the topmost Via."""
        raw, end = self.raw, self.via_end
        start = end - len(self.top_via)
        self._raw = raw[:start] + text.encode("ascii", "surrogateescape") + raw[end:]
        self.top_via = text
        moved = start + len(text) - end
        self.via_end += moved
        self.route_at += moved
        self.route_end += moved
        self.hops_at += moved
        self.hops_end += moved

    def passed_on(self, on_top: Sequence[str], uri_text: str | None) -> bytes:
        """Return the bytes that go one hop on: without the Route, one hop less, ``on_top`` before all others."""
        raw = self.raw
        start = raw.index(b"\r\n")
        line = raw[:start] if uri_text is None else f"{self.method} {uri_text} SIP/2.0".encode()
        top = "\r\n".join(on_top).encode("ascii", "surrogateescape")
        fewer = b"\r\nMax-Forwards: %d" % (self.hops - 1)
        if self.route_at < self.hops_at:
            parts = raw[start : self.route_at], raw[self.route_end : self.hops_at], fewer, raw[self.hops_end :]
        else:
            parts = raw[start : self.hops_at], fewer, raw[self.hops_end : self.route_at], raw[self.route_end :]
        return b"".join((line, b"\r\n", top, *parts))

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            return _read(self, name, ())


def glance_at_response(raw: bytes, our_vias: tuple[bytes, ...]) -> GlancedResponse | None:
    """Look at a provisional or successful response whose topmost Via is one of ours.

    Parameters
    ----------
    raw : bytes
        A whole datagram.
    our_vias : tuple of bytes
        How Via lines of ours begin, line end included: then ``Via: SIP/2.0/UDP 192.0.2.1:5060;branch=``.

    Returns
    -------
    GlancedResponse or None
        None for whatever is to be parsed.
    """
    line_end = raw.find(b"\r\n")
    if raw[:9] not in (b"SIP/2.0 1", b"SIP/2.0 2") or not raw.startswith(our_vias, line_end):
        return None
    via_end = raw.find(b"\r\n", line_end + 7)
    head_end = _head_end(raw)
    comma = raw.find(b",", line_end, via_end)  # SIPp joins all Vias in one line
    if head_end < via_end or (comma < 0 and not raw.startswith(_VIA, via_end)):
        return None
    cseq = _value(raw, b"\r\nCSeq: ", via_end, head_end)
    via = raw[line_end + 7 : via_end if comma < 0 else comma]
    status = raw[8:11]
    if cseq is None or not status.isdigit() or not via.isascii():
        return None
    response = GlancedResponse.__new__(GlancedResponse)
    response._raw = raw
    response.top_via = text = via.decode()
    response.branch = text.partition(";branch=")[2].partition(";")[0]
    response.status = int(status)
    response.cseq_method = cseq.rpartition(b" ")[2].decode("ascii", "replace")
    response._cut = (line_end, via_end) if comma < 0 else (line_end + 7, _after_spaces(raw, comma + 1))
    return response


def glance_at_request(raw: bytes, our_routes: tuple[bytes, ...]) -> GlancedRequest | None:
    """Look at a request inside a dialog whose only Route is one of ours.

    Parameters
    ----------
    raw : bytes
        A whole datagram.
    our_routes : tuple of bytes
        How Route lines of ours end, such as ``@192.0.2.1:5060;lr>``.
    """
    line_end = raw.find(b"\r\n")
    route_at = raw.find(b"\r\nRoute: <sip:")
    if (
        route_at < 0
        or not raw.startswith(_METHODS)
        or raw[line_end - 8 : line_end] != b" SIP/2.0"
        or not raw.startswith(_VIA, line_end)
    ):
        return None
    via_end = raw.find(b"\r\n", line_end + 7)
    route_end = raw.find(b"\r\n", route_at + 9)
    head_end = _head_end(raw)
    if (
        not line_end < route_at < head_end
        or not raw[route_at:route_end].endswith(our_routes)
        or raw.find(b",", route_at, route_end) >= 0
        or raw.find(b"\r\nRoute:", route_end, head_end) >= 0
        or raw.find(b"\r\nVia:", via_end, head_end) >= 0
        or raw.find(b"\r\nProxy-Require", line_end, head_end) >= 0
    ):
        return None
    return _request(raw, line_end, via_end, route_at, route_end, head_end)


def _request(
    raw: bytes, line_end: int, via_end: int, route_at: int, route_end: int, head_end: int
) -> GlancedRequest | None:
    hops_at = raw.find(b"\r\nMax-Forwards: ", line_end, head_end)
    hops_end = raw.find(b"\r\n", hops_at + 16)
    hops = raw[hops_at + 16 : hops_end]
    cseq = _value(raw, b"\r\nCSeq: ", line_end, head_end)
    call_id = _value(raw, b"\r\nCall-ID: ", line_end, head_end)
    to = _value(raw, b"\r\nTo: ", line_end, head_end)
    if hops_at < 0 or cseq is None or call_id is None or to is None or not hops.isdigit() or b";tag=" not in to:
        return None
    if raw.find(b"\r\nFrom: ", line_end, head_end) < 0:
        return None  # s.16.3 item 1: what a response is made of has to be there
    number, _, method = cseq.partition(b" ")
    line, via = raw[: line_end - 8], raw[line_end + 7 : via_end]
    name, _, uri = line.partition(b" ")
    if not number.isdigit() or method != name or b" " in uri or not (line + via + call_id).isascii() or b"," in via:
        return None
    request = GlancedRequest.__new__(GlancedRequest)
    request._raw = raw
    request.method = request.cseq_method = name.decode()
    request.uri_text = uri.decode()
    request.top_via = text = via.decode()
    request.branch = text.partition(";branch=")[2].partition(";")[0]
    request.call_id = call_id.decode()
    request.cseq = int(number)
    request.to_tag = to.rpartition(b";tag=")[2].decode("ascii", "replace")
    request.route = raw[route_at + 9 : route_end].decode("ascii", "replace")
    request.hops = int(hops)
    request.via_end = via_end
    request.route_at, request.route_end = route_at, route_end
    request.hops_at, request.hops_end = hops_at, hops_end
    return request


def _head_end(raw: bytes) -> int:
    """Return where the head ends if the body is as long as Content-Length says, else -1."""
    head_end = raw.find(b"\r\n\r\n")
    at = raw.find(b"\r\nContent-Length: ", 0, head_end + 2)
    length = _LENGTH.match(raw, at, head_end + 4) if at >= 0 else None
    if length is None or len(raw) > _LARGEST_BYTES:
        return -1
    return head_end + 2 if int(length[1]) == len(raw) - head_end - 4 else -1


def _after_spaces(raw: bytes, at: int) -> int:
    while raw[at : at + 1] == b" ":
        at += 1
    return at


def _value(raw: bytes, name: bytes, start: int, end: int) -> bytes | None:
    at = raw.find(name, start, end)
    if at < 0:
        return None
    at += len(name)
    stop = raw.find(b"\r\n", at)
    return None if raw[stop + 2 : stop + 3] in (b" ", b"\t") else raw[at:stop]


def _to_tag(raw: bytes) -> str | None:
    """Return the To tag of a message that has one as everybody writes it, None where it has to be read."""
    to = _value(raw, b"\r\nTo: ", 0, raw.find(b"\r\n\r\n"))
    tag = b"" if to is None else to.rpartition(b">;tag=")[2]
    return tag.decode("ascii") if tag.translate(None, _MARKS).isalnum() else None


def _read(message: Message, name: str, more: tuple[str, ...]) -> Any:
    """Read the message at last, and keep what a glance did not tell."""
    if name not in _UNREAD:
        raise AttributeError(f"{type(message).__name__} has no attribute {name!r}")
    read_late(message, (*_KEPT, *more))
    return getattr(message, name)


def read_late(message: Message, fields: tuple[str, ...]) -> None:
    """Fill ``fields`` of a message that was taken without being read.

    By now nobody is there to be told of a fault: what cannot be parsed is taken line by line, as it stands.
    """
    raw = message.raw
    whole: Message
    try:
        whole = parse(raw, limits=_GENEROUS)
    except SipSyntaxError:
        whole = _line_by_line(raw)
    for field in fields:
        setattr(message, field, getattr(whole, field))
    message._views = {}


def _line_by_line(raw: bytes) -> Message:
    head, _, body = raw.partition(b"\r\n\r\n")
    start, *lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    message = Response.__new__(Response)
    message.headers, message.body = Headers(lines), body
    message.call_id, cseq = message.headers.get("call-id", ""), message.headers.get("cseq", "").partition(" ")[0]
    message.cseq = int(cseq) if cseq.isdigit() and cseq.isascii() and len(cseq) < 11 else 0
    message.from_tag, message.to_tag = (_tag_in(message.headers.get(name, "")) for name in ("from", "to"))
    message.reason = start[12:]
    return message


def _tag_in(value: str) -> str | None:
    return value.rpartition(";tag=")[2] if ";tag=" in value else None
