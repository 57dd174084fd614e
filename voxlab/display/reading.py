"""One SIP message read field by field: each line, what it is for, its parts, and the section that says so.

Covers what ``voxlab.sip`` understands of RFC 3261 s.7 and s.20 and of RFC 8866; must not know where the message came
from.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from voxlab.base.errors import SipSyntaxError
from voxlab.base.redaction import without_keys
from voxlab.display.characters import cells, clean, to_ascii
from voxlab.display.meanings import (
    HEADERS,
    METHODS,
    SDP_ATTRIBUTES,
    SDP_LINES,
    STATUS_CLASSES,
    UNKNOWN_HEADER,
    Meaning,
)
from voxlab.display.svg import Markup, element
from voxlab.sip.faults import written
from voxlab.sip.grammar import split_list
from voxlab.sip.headers import canonical
from voxlab.sip.message import Request, Response
from voxlab.sip.multipart import split_parts
from voxlab.sip.sdp import SessionDescription
from voxlab.sip.validation import Problem, problems
from voxlab.sip.values import SDP, MediaType, NameAddr, Via

_INDENT = "    "
_GIST_AT = 36
_BODY_LINES = 40
_DIGEST_PARAMETER = re.compile(r'([A-Za-z0-9\-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,"]+)')

Parts = list[tuple[str, str]]


class Field(NamedTuple):
    """One line of a message: ``line`` as it stands there, ``gist`` what it is for, ``parts`` what it says, by name."""

    line: str
    gist: str
    rfc: str
    parts: tuple[tuple[str, str], ...] = ()


class Reading(NamedTuple):
    """A message read.

    Attributes
    ----------
    title : str
        What it is, in a line.
    head, body : tuple of Field
        Start line and header fields; the lines of the body.
    problems : tuple of Problem
        What a strict element would refuse.
    """

    title: str
    head: tuple[Field, ...]
    body: tuple[Field, ...]
    problems: tuple[Problem, ...]

    def text(self, width: int = 80, *, ascii: bool = False) -> str:  # noqa: A002 - the switch's name everywhere
        """Return the reading as text of at most ``width`` cells a line."""
        lines = [*_wrapped(f"✓ {self.title}", width, "  "), ""]
        for field in self.head:
            lines += _shown(field, width)
        if self.body:
            lines += ["", *(line for field in self.body for line in _shown(field, width))]
        lines += _listed(self.problems, width)
        text = "\n".join(lines)
        return to_ascii(text) if ascii else text

    def html(self, caption: str = "") -> str:
        """Return the reading as a table: each line, what it is for, what it says; colours are those of the page."""
        rows = [_row(field) for field in (*self.head, *self.body)]
        found = [_div(f"✗ {said(problem)}") for problem in self.problems]
        heading = element("caption", caption or self.title, style="text-align:left;font-weight:600;padding:4px 0")
        return element("div", element("table", heading, *rows, style=_TABLE), *found, class_="vx-reading")

    def __str__(self) -> str:
        return self.text()


def read(message: Request | Response) -> Reading:
    """Read a message field by field; nothing in it makes this fail."""
    found = [*problems(message), *_unreadable(message)]
    head = (_start(message), *(_header(name, value) for name, value in message.headers.items()))
    return Reading(_title(message), head, tuple(_body(message)), tuple(found))


def _title(message: Request | Response) -> str:
    size = f"{len(message.raw):,} bytes"
    if isinstance(message, Request):
        return f"a request: {message.method}, {size}"
    return f"a response: {message.status} {clean(message.reason)}, to {clean(message.cseq_method)}, {size}"


def _start(message: Request | Response) -> Field:
    if isinstance(message, Request):
        meaning = METHODS.get(
            message.method, Meaning("a method that is not defined in the RFCs known here", "RFC 3261 s.7.1")
        )
        parts = (("method", message.method), ("Request-URI", message.uri_text))
        return Field(message.start_line, meaning.gist, meaning.rfc, parts)
    meaning = STATUS_CLASSES[str(message.status)[0]]
    return Field(
        message.start_line, meaning.gist, meaning.rfc, (("status", str(message.status)), ("reason", message.reason))
    )


def _header(name: str, value: str) -> Field:
    key = canonical(name)
    meaning = HEADERS.get(key, UNKNOWN_HEADER)
    gist = meaning.gist if len(name) > 1 else f"{written(key)}: {meaning.gist}"
    try:
        parts = _PARTS.get(key, _nothing)(value)
    except SipSyntaxError as error:
        parts = [("✗ not readable", error.reason)]
    return Field(f"{name}: {value}", gist, meaning.rfc, tuple(parts))


# -- what a value says, by name


def _nothing(value: str) -> Parts:
    return []


def _via(value: str) -> Parts:
    return [part for text in split_list(value) for part in _one_via(Via.parse(text))]


def _one_via(via: Via) -> Parts:
    port = "" if via.port is None else f":{via.port}"
    host = f"[{via.host}]" if ":" in via.host else via.host
    return [("over", via.transport), ("sent-by", f"{host}{port}"), *_parameters(via.params)]


def _addresses(value: str) -> Parts:
    if value.strip() == "*":
        return [("*", "every binding of the user")]
    return [part for text in split_list(value) for part in _one_address(NameAddr.parse(text))]


def _one_address(address: NameAddr) -> Parts:
    uri = address.uri
    parts: Parts = [("name", address.display_name)] if address.display_name else []
    parts.append(("URI", str(uri)))
    if uri.is_sip:
        port = "" if uri.port is None else f":{uri.port}"
        parts += [("user", uri.user)] if uri.user is not None else []
        parts.append(("host", f"{uri.host}{port}"))
    return parts + _parameters(address.params)


def _parameters(params: Mapping[str, str | None]) -> Parts:
    return [(name, "(a flag)" if value is None else value) for name, value in params.items()]


def _cseq(value: str) -> Parts:
    number, _, method = value.partition(" ")
    return [("number", number), ("method", method.strip())]


def _media_type(value: str) -> Parts:
    kind = MediaType.parse(value)
    return [("type", str(kind)), *_parameters(kind.params)]


def _digest(value: str) -> Parts:
    scheme, _, rest = value.strip().partition(" ")
    return [("scheme", scheme), *((name, said.strip('"')) for name, said in _DIGEST_PARAMETER.findall(rest))]


_ADDRESS_FIELDS = (
    *("from", "to", "contact", "route", "record-route", "reply-to", "refer-to", "referred-by", "path", "service-route"),
    *("diversion", "history-info", "p-asserted-identity", "p-preferred-identity"),
)
_DIGEST_FIELDS = (
    "authorization",
    "proxy-authorization",
    "www-authenticate",
    "proxy-authenticate",
    "authentication-info",
)
_PARTS: dict[str, Callable[[str], Parts]] = {
    "via": _via,
    "cseq": _cseq,
    "content-type": _media_type,
    **dict.fromkeys(_ADDRESS_FIELDS, _addresses),
    **dict.fromkeys(_DIGEST_FIELDS, _digest),
}


# -- the body


def _body(message: Request | Response) -> Iterator[Field]:
    if not message.body:
        return
    try:
        kind = message.content_type
        yield from _content(kind, message.body)
    except SipSyntaxError as error:
        yield Field(f"({len(message.body):,} bytes that cannot be read)", error.reason, error.rfc)


def _content(kind: MediaType | None, body: bytes, depth: int = 0) -> Iterator[Field]:
    if kind is not None and kind.type == "multipart" and depth < 4:
        for part in split_parts(kind, body):
            yield Field(
                f"-- a part of {part.content_type}, {len(part.body):,} bytes", "one of several bodies", "RFC 2046 s.5.1"
            )
            yield from _content(part.content_type, part.body, depth + 1)
    elif kind is not None and (kind.type, kind.subtype) == ("application", "sdp"):
        # The redaction knows a key by the line that it stands in, which begins after a line end.
        yield from map(_sdp_line, _lines(without_keys(b"\n" + body)[1:]))
    else:
        yield from _other(kind, body)


def _other(kind: MediaType | None, body: bytes) -> Iterator[Field]:
    said = f"{kind}" if kind else "a body without Content-Type"
    yield Field(f"({said}, {len(body):,} bytes)", "for the application", "RFC 3261 s.7.4")
    if kind is not None and kind.type == "text":
        lines = _lines(body)
        yield from (Field(line, "", "") for line in lines[:_BODY_LINES])
        if len(lines) > _BODY_LINES:
            yield Field(f"({len(lines) - _BODY_LINES:,} more lines)", "", "")


def _lines(body: bytes) -> list[str]:
    return body.decode("utf-8", "surrogateescape").replace("\r\n", "\n").removesuffix("\n").split("\n")


def _sdp_line(line: str) -> Field:
    kind, _, value = line.partition("=")
    meaning = SDP_LINES.get(kind, Meaning("no line of a session description", "RFC 8866 s.5"))
    if kind == "a":
        meaning = SDP_ATTRIBUTES.get(value.partition(":")[0], meaning)
    return Field("k=(not shown)" if kind == "k" else line, meaning.gist, meaning.rfc)


def _unreadable(message: Request | Response) -> Iterator[Problem]:
    """Yield what is wrong with the body: the parser leaves it alone until somebody asks."""
    try:
        if message.body and message.content_type is SDP and b"\r\n" in message.body:
            SessionDescription.parse(message.body, strict=True)
        elif message.sdp is None:
            return
    except SipSyntaxError as error:
        at = None if error.offset is None else len(message.raw) - len(message.body) + error.offset
        yield Problem(error.header or "body", at, error.reason, error.rfc)


# -- as HTML

_TABLE = "border-collapse:collapse;text-align:left;max-width:100%"
_CELL = "text-align:left;vertical-align:top;padding:3px 12px 3px 0;border-top:1px solid rgba(128,128,128,.3)"
_LINE = "white-space:pre-wrap;overflow-wrap:anywhere;background:none;padding:0"
_SOFT = "opacity:.75;font-size:90%"


def _row(field: Field) -> Markup:
    line = element("td", element("code", field.line, style=_LINE), style=f"{_CELL};max-width:34em")
    says = [_div(field.gist), *(_div(f"{name}: {value}", _SOFT) for name, value in field.parts)]
    return element(
        "tr",
        line,
        element("td", *says, style=_CELL),
        element("td", field.rfc, style=f"{_CELL};{_SOFT};white-space:nowrap"),
    )


def _div(text: str, style: str | None = None) -> Markup:
    return element("div", text or " ", style=style)


# -- as text


def _shown(field: Field, width: int) -> list[str]:
    line = clean(field.line)
    if not field.parts and cells(line) < _GIST_AT:
        beside = f"{line}{' ' * (_GIST_AT - cells(line))}{field.gist}"
        if cells(beside) + len(field.rfc) + 2 <= width:
            return [_with_section(beside.rstrip(), field.rfc, width)]
    lines = [*_wrapped(line, width, _INDENT), *_gist(field, width)]
    for name, value in field.parts:
        lines += _wrapped(f"{_INDENT}{clean(name):<12} {clean(value)}".rstrip(), width, " " * (len(_INDENT) + 13))
    return lines


def _gist(field: Field, width: int) -> list[str]:
    first, *rest = textwrap.wrap(field.gist, width - len(field.rfc) - len(_INDENT) - 2) or [""]
    return [_with_section(f"{_INDENT}{first}", field.rfc, width), *(f"{_INDENT}{line}" for line in rest)]


def _with_section(line: str, rfc: str, width: int) -> str:
    return f"{line}{' ' * max(1, width - cells(line) - len(rfc))}{rfc}" if rfc else line


def _listed(found: tuple[Problem, ...], width: int) -> list[str]:
    if not found:
        return []
    title = f"{len(found)} {'thing' if len(found) == 1 else 'things'} that a strict element refuses:"
    lines = ["", title]
    for problem in found:
        lines += _wrapped(f"✗ {said(problem)}", width, "  ")
    return lines


def said(problem: Problem) -> str:
    """Return a problem as a sentence: where, what, and which section it breaks."""
    where = f"{clean(problem.header)}: " if problem.header else ""
    at = "" if problem.offset is None else f" (byte {problem.offset})"
    return f"{where}{clean(problem.reason)}{at} [{problem.rfc}]"


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    """Cut a line that is too long, at spaces where there are any; leading white space stays."""
    if cells(text) <= width:
        return [text]
    lead = text[: len(text) - len(text.lstrip(" "))]
    return textwrap.wrap(
        text.lstrip(" "), width, initial_indent=lead, subsequent_indent=indent, break_on_hyphens=False
    ) or [""]
