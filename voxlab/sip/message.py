"""Requests and responses: the bytes of a message and an index into them (RFC 3261 s.7, s.8.2.6, s.18).

Must not know transactions, dialogs or transports; ``parser`` makes messages from bytes, ``build`` from parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from voxlab.base.errors import SipSyntaxError, VoxlabError
from voxlab.sip.faults import located, written
from voxlab.sip.grammar import number, split_list
from voxlab.sip.headers import Headers
from voxlab.sip.multipart import find_part
from voxlab.sip.scan import branch_of, missing, scan
from voxlab.sip.sdp import SessionDescription
from voxlab.sip.status import reason_phrase
from voxlab.sip.uri import Uri
from voxlab.sip.values import SDP, STAR, MediaType, NameAddr, Via

_View = TypeVar("_View")
_HOT = frozenset({"branch", "call_id", "cseq", "cseq_method", "from_tag", "to_tag"})
_DIALOG_FORMING = frozenset({"INVITE", "SUBSCRIBE", "REFER"})


class Message:
    """What requests and responses have in common.

    Attributes
    ----------
    headers : Headers
        The header fields.
    body : bytes
        The body, as long as Content-Length says.
    call_id, cseq, cseq_method, from_tag, to_tag, branch
        The fields that match a message to its transaction and dialog; ``branch`` is "" with an RFC 2543 element.
    """

    __slots__ = ("_raw", "_views", "body", "branch", "call_id", "cseq", "cseq_method", "from_tag", "headers", "to_tag")

    headers: Headers
    body: bytes
    call_id: str
    cseq: int
    cseq_method: str
    from_tag: str | None
    to_tag: str | None
    branch: str
    _raw: bytes | None
    _views: dict[str, Any]

    if TYPE_CHECKING:

        @property
        def start_line(self) -> str:
            """The first line, without its line end; a request and a response write their own."""

    def scan(self) -> None:
        """Fill the hot fields from the header fields.

        Raises
        ------
        SipSyntaxError
            400 if Via, From, To, Call-ID or CSeq is missing or cannot be read, 505 for a Via of another SIP version.
        """
        fields = scan(self.headers.fields(), self._raw)
        self.branch, self.from_tag, self.to_tag, self.cseq, self.cseq_method, self.call_id = fields

    @property
    def raw(self) -> bytes:
        """The wire form; joined on first use when the message was built or changed.

        Raises
        ------
        VoxlabError
            If a part it was built from holds a line end, which would smuggle in a header field.
        """
        raw = self._raw
        if raw is None:
            lines = self.headers.lines
            text = "\r\n".join([self.start_line, *lines, "\r\n"])
            if text.count("\n") != len(lines) + 2:
                raise VoxlabError(f"a header field or the start line holds a line end: {self.start_line!r}")
            self._raw = raw = text.encode("utf-8", "surrogateescape") + self.body
        return raw

    @property
    def top_via(self) -> str:
        """The first Via line, as it was written."""
        return self.headers.get("via") or ""

    @property
    def via(self) -> Via:
        """The topmost Via."""
        view: Via | None = self._views.get("via")
        return self._one("via", "via", _top_via) if view is None else view

    @property
    def vias(self) -> tuple[Via, ...]:
        """Every Via, topmost first."""
        view: tuple[Via, ...] | None = self._views.get("vias")
        return self._each("vias", "via", Via.parse) if view is None else view

    @property
    def from_(self) -> NameAddr:
        """Who sent the request, by their own account."""
        view: NameAddr | None = self._views.get("from_")
        return self._one("from_", "from", NameAddr.parse) if view is None else view

    @property
    def to(self) -> NameAddr:
        """Whom the request was meant for."""
        view: NameAddr | None = self._views.get("to")
        return self._one("to", "to", NameAddr.parse) if view is None else view

    @property
    def contacts(self) -> tuple[NameAddr, ...]:
        """Every Contact; ``(STAR,)`` for ``*``."""
        view: tuple[NameAddr, ...] | None = self._views.get("contacts")
        return self._each("contacts", "contact", _contact) if view is None else view

    @property
    def routes(self) -> tuple[NameAddr, ...]:
        """Every Route, the next hop first."""
        view: tuple[NameAddr, ...] | None = self._views.get("routes")
        return self._each("routes", "route", NameAddr.parse) if view is None else view

    @property
    def record_routes(self) -> tuple[NameAddr, ...]:
        """Every Record-Route, topmost first."""
        view: tuple[NameAddr, ...] | None = self._views.get("record_routes")
        return self._each("record_routes", "record-route", NameAddr.parse) if view is None else view

    @property
    def content_type(self) -> MediaType | None:
        """What the body is, None if no Content-Type says so."""
        if "content-type" not in self.headers.fields():
            return None
        view: MediaType | None = self._views.get("content_type")
        return self._one("content_type", "content-type", MediaType.parse) if view is None else view

    @property
    def sdp(self) -> SessionDescription | None:
        """The session description, from the body or a part of a multipart body; None if there is none."""
        if not self.body:
            return None
        if "sdp" not in self._views:
            self._views["sdp"] = self._session_description()
        view: SessionDescription | None = self._views["sdp"]
        return view

    def rewrite(self, raw: bytes) -> None:
        """Take ``raw``, an edited copy, as the wire form; the header fields are still read as they came."""
        self._raw = raw

    def push_via(self, text: str, branch: str | None = None) -> None:
        """Put a Via on top; the wire form follows. Whoever knows its ``branch`` may say so."""
        self.headers.push("Via", text)
        self._via_changed(text, branch)

    def set_via(self, text: str, branch: str | None = None) -> None:
        """Put this in the place of the topmost Via (received and rport, RFC 3261 s.18.2.1, RFC 3581 s.4); the wire
        form follows.
        """
        self.headers.replace_first("Via", text)
        self._via_changed(text, branch)

    def _via_changed(self, text: str, branch: str | None) -> None:
        self._raw = None
        if self._views:
            self._views.pop("via", None)
            self._views.pop("vias", None)
        self.branch = branch_of(text) if branch is None else branch

    def _one(self, name: str, key: str, read: Callable[[str], _View]) -> _View:
        """Read the header field ``key`` and keep the value as ``name``."""
        value = self.headers.fields().get(key)
        if value is None:
            raise missing(key)
        try:
            view = self._views[name] = read(value.strip())
        except SipSyntaxError as error:
            raise located(error, self._raw, key) from None
        return view

    def _each(self, name: str, key: str, read: Callable[[str], _View]) -> tuple[_View, ...]:
        """Read every value of the header field ``key`` and keep them as ``name``."""
        if key not in self.headers.fields():
            return ()
        try:
            view = self._views[name] = tuple([read(value) for value in self.headers.split(key)])
        except SipSyntaxError as error:
            raise located(error, self._raw, key) from None
        return view

    def _session_description(self) -> SessionDescription | None:
        kind = self.content_type
        body = self.body if kind is SDP else find_part(kind, self.body, "application", "sdp")
        if body is None:
            return None
        try:
            return SessionDescription.parse(body)
        except SipSyntaxError as error:
            offset = self.raw.find(body) + (error.offset or 0)
            raise SipSyntaxError(error.status, error.reason, offset=offset, rfc=error.rfc) from None


class Request(Message):
    """A request: ``method``, ``uri_text`` (the Request-URI as text) and what every message has."""

    __slots__ = ("method", "uri_text")

    method: str
    uri_text: str

    @classmethod
    def build(
        cls,
        method: str,
        uri_text: str,
        headers: Iterable[tuple[str, str]],
        body: bytes = b"",
        *,
        call_id: str | None = None,
        cseq: int = 0,
        from_tag: str | None = None,
        to_tag: str | None = None,
    ) -> Request:
        """Make a request; Content-Length is added.

        With ``call_id`` the caller says what ``headers`` hold, number and tags too, and nobody has to look for it.
        """
        request = Request.__new__(_UnreadRequest if call_id is None else Request)
        request.method = method
        request.uri_text = uri_text
        request.headers = Headers([*map(": ".join, headers), f"Content-Length: {len(body)}"])
        request.body = body
        request._raw = None
        request._views = {}
        if call_id is not None:
            request.call_id, request.cseq, request.cseq_method = call_id, cseq, method
            request.from_tag, request.to_tag, request.branch = from_tag, to_tag, ""
        return request

    @property
    def start_line(self) -> str:
        """The Request-Line, without its line end."""
        return f"{self.method} {self.uri_text} SIP/2.0"

    @property
    def uri(self) -> Uri:
        """The Request-URI."""
        if "uri" not in self._views:
            try:
                self._views["uri"] = Uri.parse(self.uri_text)
            except SipSyntaxError as error:
                offset = len(self.method) + 1 + (error.offset or 0)
                raise SipSyntaxError(error.status, error.reason, offset=offset, rfc=error.rfc) from None
        uri: Uri = self._views["uri"]
        return uri

    @property
    def max_forwards(self) -> int | None:
        """How many hops are left, None if the header field is absent."""
        if "max-forwards" not in self.headers.fields():
            return None
        view: int | None = self._views.get("max_forwards")
        return self._one("max_forwards", "max-forwards", _hops) if view is None else view

    def response(
        self,
        status: int,
        reason: str | None = None,
        *,
        to_tag: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Response:
        """Make the response to this request (RFC 3261 s.8.2.6).

        Via, From, To, Call-ID and CSeq are copied; ``to_tag`` goes into a To that has none yet; Record-Route is
        copied when the response may form a dialog (s.12.1.1), Timestamp into a 100 (s.8.2.6.1). Content-Length is
        added.
        """
        fields = self.headers.fields()
        adds_tag = to_tag is not None and self.to_tag is None
        lines = [
            *[f"Via: {value}" for value in self.headers.get_all("via")],
            f"From: {fields['from'].strip()}",
            f"To: {fields['to'].strip()};tag={to_tag}" if adds_tag else f"To: {fields['to'].strip()}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {fields['cseq'].strip()}",
        ]
        copied = _copied_too(status, self.method)
        if copied in fields:
            lines += [f"{written(copied)}: {value}" for value in self.headers.get_all(copied)]
        response = Response.__new__(Response)
        response._fill(status, reason, [*lines, *map(": ".join, headers), f"Content-Length: {len(body)}"], body)
        response.branch = self.branch
        response.call_id = self.call_id
        response.cseq = self.cseq
        response.cseq_method = self.cseq_method
        response.from_tag = self.from_tag
        response.to_tag = to_tag if adds_tag else self.to_tag
        return response

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.uri_text}>"


class Response(Message):
    """A response: ``status``, ``reason`` and what every message has."""

    __slots__ = ("reason", "status")

    status: int
    reason: str

    @classmethod
    def build(cls, status: int, reason: str | None, headers: Iterable[tuple[str, str]], body: bytes = b"") -> Response:
        """Make a response; Content-Length is added; without a reason the usual phrase is taken."""
        response = Response.__new__(_UnreadResponse)
        response._fill(status, reason, [*map(": ".join, headers), f"Content-Length: {len(body)}"], body)
        return response

    def _fill(self, status: int, reason: str | None, lines: list[str], body: bytes) -> None:
        self.status = status
        self.reason = reason_phrase(status) if reason is None else reason
        self.headers = Headers(lines)
        self.body = body
        self._raw = None
        self._views = {}

    @property
    def start_line(self) -> str:
        """The Status-Line, without its line end."""
        return f"SIP/2.0 {self.status} {self.reason}"

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.reason} to {self.headers.get('cseq')}>"


class _Unread(Message):
    """A message made of header fields that nobody has read yet: it reads them when a field is first asked for.

    Then it is a plain message; that has no ``__getattr__``, which would make each of its attributes slow.
    """

    __slots__ = ()

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name not in _HOT:
                raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
            self.scan()
            self.__class__ = Request if isinstance(self, Request) else Response
            return getattr(self, name)


class _UnreadRequest(_Unread, Request):
    __slots__ = ()


class _UnreadResponse(_Unread, Response):
    __slots__ = ()


def _contact(text: str) -> NameAddr:
    return STAR if text == "*" else NameAddr.parse(text)


def _top_via(text: str) -> Via:
    return Via.parse(split_list(text)[0])


def _hops(text: str) -> int:
    return number(text, 255, "Max-Forwards", "RFC 3261 s.20.22")


def _copied_too(status: int, method: str) -> str:
    if status == 100:
        return "timestamp"
    return "record-route" if status < 300 and method in _DIALOG_FORMING else ""
