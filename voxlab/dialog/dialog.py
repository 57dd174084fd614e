"""The dialog: what two user agents share between the first response and the BYE (RFC 3261 s.12).

Must not know about transactions, sockets or media: it turns a first exchange into state, and state into requests.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from voxlab.base.errors import SipSyntaxError, VoxlabError
from voxlab.sip.message import Request, Response
from voxlab.sip.uri import Uri
from voxlab.sip.values import NameAddr

Header = tuple[str, str]

_TARGET_REFRESH = frozenset({"INVITE", "UPDATE", "SUBSCRIBE", "NOTIFY", "REFER"})


def route_texts(message: Request | Response) -> tuple[str, ...]:
    """Return the Record-Route values of a message, first one first, or () without parsing anything."""
    if "record-route" not in message.headers:
        return ()
    return tuple(str(route) for route in message.record_routes)


def contact_uri(message: Request | Response) -> str | None:
    """Return the URI of the first Contact, None where there is none that names somebody."""
    contacts = message.contacts
    return contacts[0].uri.text if contacts and contacts[0].uri.host else None


def is_readable(message: Request | Response) -> bool:
    """Whether everything that a dialog and its owner look at can be read: Contact, Record-Route, the body."""
    try:
        check_readable(message)
    except SipSyntaxError:
        return False
    return True


def check_readable(message: Request | Response) -> None:
    """Read what a dialog and its owner look at; the views are kept, so that nobody reads them twice.

    Raises
    ------
    SipSyntaxError
        The header field or body that cannot be read.
    """
    _ = message.contacts, message.record_routes, message.sdp


def check_lines(*texts: str, headers: Sequence[Header] = ()) -> None:
    """Refuse texts of our own that would smuggle in a header field.

    Raises
    ------
    VoxlabError
        A text holds a line end.
    """
    parts = [*texts, *chain.from_iterable(headers)] if headers else texts
    for text in parts:
        if "\n" in text or "\r" in text:
            raise VoxlabError(f"a header field may not hold a line end: {text!r}")


def again(request: Request, cseq: int, headers: Sequence[Header]) -> Request:
    """Return the same request with another CSeq number, and header fields in the place of those of the same name.

    This is what s.22.2 sends after a challenge.
    """
    gone = {"via", "cseq", "content-length", *(name.lower() for name, _ in headers)}
    kept = [(name, value) for name, value in request.headers.items() if name.lower() not in gone]
    lines = [*kept, ("CSeq", f"{cseq} {request.method}"), *headers]
    return Request.build(request.method, request.uri_text, lines, request.body)


class Dialog:
    """One dialog as one of its ends sees it.

    Attributes
    ----------
    call_id, local_tag, remote_tag : str
        The dialog identifier (s.12).
    local, remote : str
        The From and To values of requests sent here, tags included.
    remote_target : str
        The URI that the peer put into its Contact; requests go there (s.12.2.1.1).
    route_set : tuple of str
        Route values in the order in which a request visits them.
    local_cseq, remote_cseq : int
        The last sequence numbers used; -1 for "none yet".
    contact : str
        Our own Contact value, for target refresh requests.
    """

    __slots__ = (
        "call_id",
        "contact",
        "local",
        "local_cseq",
        "local_tag",
        "remote",
        "remote_cseq",
        "remote_tag",
        "remote_target",
        "route_set",
    )

    def __init__(
        self,
        call_id: str,
        *,
        local: str,
        local_tag: str,
        remote: str,
        remote_tag: str,
        remote_target: str,
        route_set: tuple[str, ...],
        local_cseq: int,
        remote_cseq: int,
        contact: str,
    ) -> None:
        self.call_id = call_id
        self.local = local
        self.local_tag = local_tag
        self.remote = remote
        self.remote_tag = remote_tag
        self.remote_target = remote_target
        self.route_set = route_set
        self.local_cseq = local_cseq
        self.remote_cseq = remote_cseq
        self.contact = contact

    @classmethod
    def of_caller(cls, request: Request, response: Response, contact: str, *, readable: bool = True) -> Dialog:
        """Make the caller's dialog from its INVITE and a response with a To tag (s.12.1.2).

        A 2xx must carry a Contact; a peer that forgot it, or one whose Contact and Record-Route are not ``readable``,
        is reached where the request went.
        """
        return cls(
            request.call_id,
            local=request.headers.get("from") or "",
            local_tag=request.from_tag or "",
            remote=response.headers.get("to") or "",
            remote_tag=response.to_tag or "",
            remote_target=(contact_uri(response) if readable else None) or request.uri_text,
            route_set=route_texts(response)[::-1] if readable else (),
            local_cseq=request.cseq,
            remote_cseq=-1,
            contact=contact,
        )

    @classmethod
    def of_callee(cls, request: Request, local_tag: str, contact: str) -> Dialog:
        """Make the callee's dialog from the INVITE that it answers (s.12.1.1)."""
        headers = request.headers
        return cls(
            request.call_id,
            local=f"{headers.get('to') or ''};tag={local_tag}",
            local_tag=local_tag,
            remote=headers.get("from") or "",
            remote_tag=request.from_tag or "",
            remote_target=contact_uri(request) or str(request.from_.uri),
            route_set=route_texts(request),
            local_cseq=0,
            remote_cseq=request.cseq,
            contact=contact,
        )

    def request(
        self, method: str, *, cseq: int | None = None, headers: Sequence[Header] = (), body: bytes = b""
    ) -> Request:
        """Build a request inside the dialog (s.12.2.1.1); an ACK is given the ``cseq`` of its INVITE."""
        if cseq is None:
            self.local_cseq += 1
            cseq = self.local_cseq
        uri, routes = self._path()
        lines: list[Header] = [("Route", route) for route in routes]
        lines += (
            ("Max-Forwards", "70"),
            ("From", self.local),
            ("To", self.remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{cseq} {method}"),
        )
        if method in _TARGET_REFRESH:  # RFC 3428 s.4 forbids it in a MESSAGE
            lines.append(("Contact", self.contact))
        lines.extend(headers)
        return Request.build(
            method,
            uri,
            lines,
            body,
            call_id=self.call_id,
            cseq=cseq,
            from_tag=self.local_tag,
            to_tag=self.remote_tag or None,
        )

    def _path(self) -> tuple[str, Iterable[str]]:
        """Return the Request-URI and the Route values; a first route without ``lr`` is a strict router (s.12.2.1.1)."""
        if not self.route_set:
            return self.remote_target, ()
        first = route_uri(self.route_set[0])
        if "lr" in first.params:
            return self.remote_target, self.route_set
        return _as_request_uri(first), (*self.route_set[1:], f"<{self.remote_target}>")

    @property
    def next_hop(self) -> str:
        """The URI where the next request is sent: the first route, else the remote target (s.8.1.2)."""
        return str(route_uri(self.route_set[0])) if self.route_set else self.remote_target

    def accepts(self, request: Request) -> bool:
        """Whether a request from the peer is in order; remembers its number (s.12.2.2: lower ones get a 500)."""
        if request.cseq < self.remote_cseq:
            return False
        self.remote_cseq = request.cseq
        return True

    def refresh_target(self, message: Request | Response) -> None:
        """Take the Contact of a target refresh request or its 2xx as remote target (s.12.2.1.2, s.12.2.2)."""
        target = contact_uri(message)
        if target is not None:
            self.remote_target = target

    def __repr__(self) -> str:
        return f"Dialog({self.call_id!r}, {self.local_tag!r} to {self.remote_tag!r} at {self.remote_target!r})"


def route_uri(route: str) -> Uri:
    """Return the URI inside a Route value."""
    return NameAddr.parse(route).uri


def _as_request_uri(uri: Uri) -> str:
    """Return a URI without what may not stand in a Request-URI: header fields, ``method`` (s.12.2.1.1, s.19.1.1)."""
    text = str(uri).partition("?")[0] if uri.headers else str(uri)
    if "method" not in uri.params:
        return text
    return ";".join(part for part in text.split(";") if not part.lower().startswith("method="))
