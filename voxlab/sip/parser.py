"""From bytes to a message in one pass: what a liberal element accepts, and with ``strict`` only what the grammar
allows (RFC 3261 s.7, s.18.3).

Must not know what an element supports: methods, schemes, extensions and hop counts are refused elsewhere (501, 416,
420, 483).
"""

from __future__ import annotations

import re
from operator import methodcaller

from voxlab.base.errors import SipSyntaxError
from voxlab.sip.faults import located, value_offset, written
from voxlab.sip.grammar import is_token, number
from voxlab.sip.headers import SPELLINGS, Headers, canonical
from voxlab.sip.limits import DEFAULT_LIMITS, Limits
from voxlab.sip.message import Message, Request, Response
from voxlab.sip.remembered import Remembered
from voxlab.sip.scan import scan
from voxlab.sip.uri import Uri

__all__ = ["DEFAULT_LIMITS", "Limits", "Message", "Request", "Response", "parse", "refusal"]

_canonical = SPELLINGS.__getitem__
_cut = methodcaller("partition", ": ")
_known = SPELLINGS.get
_METHODS = frozenset([
    "INVITE", "ACK", "BYE", "CANCEL", "REGISTER", "OPTIONS", "INFO", "MESSAGE", "NOTIFY", "SUBSCRIBE", "REFER",
    "UPDATE", "PRACK", "PUBLISH",
]
)  # fmt: skip
_REPEATABLE = frozenset({"via", "record-route"})
_ONCE = ("call-id", "cseq", "from", "to", "max-forwards", "content-length")
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_STATUS = re.compile(r"[1-6][0-9][0-9] ").match
_FOLD = re.compile(r"[ \t]*\n[ \t]+")


def parse(data: bytes, *, strict: bool = False, limits: Limits = DEFAULT_LIMITS) -> Request | Response:
    """Read one message: a datagram, or what ``framing`` cut from a stream.

    Parameters
    ----------
    data : bytes
        The message; octets after Content-Length are not part of it (RFC 3261 s.18.3).
    strict : bool
        Refuse whatever the grammar does not allow; ``validation.problems`` lists the same without refusing.
    limits : Limits
        Bounds on sizes and counts.

    Raises
    ------
    SipSyntaxError
        The only exception: status, reason, header, byte offset and RFC section of the refusal.
    """
    end = data.find(b"\r\n\r\n")
    head = data[:end].decode("utf-8", "surrogateescape")
    start, *lines = head.split("\r\n")
    count = len(lines)
    fields = _first_values(lines) if count else {}
    if (
        "" in fields
        or end <= 0
        or head.count("\n") != count
        or head.count("\r") != count
        or len(data) > limits.header_bytes
        or count > limits.header_count
        or (len(fields) != count and _unexplained(head, count - len(fields)))
    ):
        start, lines, fields, end = _careful_head(data, limits)
        repeatable = None
    else:
        end += 4
        repeatable = _REPEATABLE
    message = _start(start, limits)
    message.headers = Headers(lines, fields, repeatable)
    message.body = body = data[end:]
    message._raw = data
    message._views = {}
    if fields.get("content-length") != str(len(body)):
        _cut_body(message, end, limits)
    if len(body) > limits.body_bytes:
        raise SipSyntaxError(
            413, f"the body has {len(body)} bytes, more than {limits.body_bytes}", offset=end, rfc="RFC 3261 s.21.4.11"
        )
    message.branch, message.from_tag, message.to_tag, message.cseq, message.cseq_method, message.call_id = scan(
        fields, message._raw
    )
    if isinstance(message, Request) and message.method != message.cseq_method:
        raise _mismatch(message)
    if strict:
        _refuse_problems(message)
    return message


def refusal(data: bytes, error: SipSyntaxError, to_tag: str | None = None) -> Response | None:
    """Return the response that answers a refused request, None where silence is right.

    Silence is right for a response, for an ACK (RFC 3261 s.17.1.1.3) and for what has no Via or CSeq: nothing else
    would tell its sender what is meant (s.17.1.3). Of From, To and Call-ID what is there is copied (s.8.2.6.2, RFC 4475
    s.3.3.1). A 400 says in its reason phrase what is wrong (s.21.4.1).
    """
    end = _BLANK_LINE.search(data)
    text = data[: end.start() if end else len(data)].decode("utf-8", "surrogateescape").replace("\r\n", "\n")
    start, *lines = _FOLD.sub(" ", text.replace("\r", " ").strip("\n")).split("\n")
    headers = Headers([line for line in lines if line])
    vias = headers.get_all("via")
    if start.startswith(("ACK ", "SIP/")) or not vias or not all(vias) or not headers.get("cseq"):
        return None
    copied = [("Via", value) for value in vias]
    copied += [(written(key), value) for key in ("from", "to", "call-id", "cseq") if (value := headers.get(key))]
    if to_tag is not None:
        copied = [_tagged(name, value, to_tag) for name, value in copied]
    return Response.build(error.status, error.reason[:200] if error.status == 400 else None, copied)


def _tagged(name: str, value: str, tag: str) -> tuple[str, str]:
    return (name, f"{value};tag={tag}") if name == "To" and ";tag=" not in value else (name, value)


def _first_values(lines: list[str]) -> dict[str, str]:
    """Return the value of the first line of each canonical name: backwards, for the first is the one that counts.

    All steps run in C: this is the innermost loop of a busy server.
    """
    names, _, values = zip(*map(_cut, reversed(lines)), strict=True)
    return dict(zip(map(_canonical, names), values, strict=True))


def _start(start: str, limits: Limits) -> Request | Response:
    if start[:8] == "SIP/2.0 ":
        return _status_line(start)
    method, _, uri = start.partition(" ")
    if (
        method in _METHODS
        and uri[:4] == "sip:"
        and uri[-8:] == " SIP/2.0"
        and uri.count(" ") == 1
        and "?" not in uri
        and len(uri) < limits.uri_bytes
    ):
        request = Request.__new__(Request)
        request.method = method
        request.uri_text = uri[:-8]
        return request
    return _careful_start(start, limits)


def _unexplained(head: str, repeated: int) -> bool:
    """Whether other lines than Via and Record-Route as everybody spells them repeat a name."""
    repeated -= max(head.count("\r\nVia: ") - 1, 0)
    return repeated != 0 and repeated != head.count("\r\nRecord-Route: ") - 1


def _careful_start(line: str, limits: Limits) -> Request | Response:
    if line[:4].upper() == "SIP/":
        return _status_line(line)
    request = Request.__new__(Request)
    request.method, request.uri_text = _request_line(line, limits)
    return request


def _status_line(line: str) -> Response:
    response = Response.__new__(Response)
    response.status, response.reason = _statuses[line]
    return response


def _status(line: str) -> tuple[int, str]:
    version, _, rest = line.partition(" ")
    if version.upper() != "SIP/2.0":
        raise SipSyntaxError(505, f"SIP version {version[4:]} is not 2.0", offset=0, rfc="RFC 3261 s.7.1")
    if not _STATUS(rest):
        raise SipSyntaxError(
            400, f"{rest[:20]!r} is no status code from 100 to 699 with a reason phrase", offset=8, rfc="RFC 3261 s.7.2"
        )
    return int(rest[:3]), rest[4:]


_statuses = Remembered(_status)


def _request_line(line: str, limits: Limits) -> tuple[str, str]:
    """Read a Request-Line, also with white space where none belongs (RFC 4475 s.3.1.2.8 to s.3.1.2.10)."""
    words = line.split()
    if len(words) < 3 or words[-1][:4].upper() != "SIP/":
        raise SipSyntaxError(
            400, f"{line[:60]!r} is no Request-Line: method, Request-URI, SIP/2.0", offset=0, rfc="RFC 3261 s.7.1"
        )
    if words[-1].upper() != "SIP/2.0":
        raise SipSyntaxError(
            505,
            f"SIP version {words[-1][4:]} is not 2.0",
            offset=len(line.rstrip()) - len(words[-1]),
            rfc="RFC 3261 s.7.1",
        )
    if not is_token(words[0]):
        raise SipSyntaxError(400, f"{words[0][:40]!r} is no method", offset=0, rfc="RFC 3261 s.25.1")
    return words[0], _request_uri("".join(words[1:-1]), line, limits)


def _request_uri(text: str, line: str, limits: Limits) -> str:
    """Return the Request-URI without what may not stand there: angle brackets, URI headers (RFC 4475 s.3.1.2.7,
    s.3.1.2.11).
    """
    offset = line.find(" ") + 1
    if len(text) > limits.uri_bytes:
        raise SipSyntaxError(
            414,
            f"the Request-URI has {len(text)} bytes, more than {limits.uri_bytes}",
            offset=offset,
            rfc="RFC 3261 s.21.4.12",
        )
    if text[:1] == "<" and text[-1:] == ">":
        text = text[1:-1]
    if not text:
        raise SipSyntaxError(400, "the Request-URI is empty", offset=offset, rfc="RFC 3261 s.7.1")
    return _without_headers(text, offset) if "?" in text else text


def _without_headers(text: str, offset: int) -> str:
    try:
        uri = Uri.parse(text)
    except SipSyntaxError as error:
        raise SipSyntaxError(error.status, error.reason, offset=offset + (error.offset or 0), rfc=error.rfc) from None
    return text[: text.rfind("?")] if uri.headers else text


def _careful_head(data: bytes, limits: Limits) -> tuple[str, list[str], dict[str, str], int]:
    """Cut start line, header lines and body of a message with anything unusual: folds, compact names, repetition,
    size, other line ends.
    """
    (start, *lines), body_at = _lines(data, limits)
    if len(lines) > limits.header_count:
        raise SipSyntaxError(
            400, f"{len(lines)} header fields are more than {limits.header_count}", rfc="RFC 3261 s.7.3"
        )
    keys = [_known(line.partition(":")[0]) or _careful_key(line, data) for line in lines]
    if len(set(keys)) != len(keys):
        _refuse_contradiction(lines, keys, data)
    fields = {key: line.partition(":")[2].strip() for key, line in zip(reversed(keys), reversed(lines), strict=True)}
    return start, lines, fields, body_at


def _lines(data: bytes, limits: Limits) -> tuple[list[str], int]:
    if len(data) > limits.message_bytes:
        raise SipSyntaxError(
            513, f"the message has {len(data)} bytes, more than {limits.message_bytes}", rfc="RFC 3261 s.21.5.7"
        )
    skipped = len(data) - len(data.lstrip(b"\r\n"))  # s.7.5
    blank = _BLANK_LINE.search(data, skipped)
    end, body_at = (blank.start(), blank.end()) if blank else (len(data), len(data))
    if end - skipped > limits.head_bytes:
        raise SipSyntaxError(
            513,
            f"start line and header fields have {end - skipped} bytes, more than {limits.head_bytes}",
            rfc="RFC 3261 s.21.5.7",
        )
    text = data[skipped:end].decode("utf-8", "surrogateescape").replace("\r\n", "\n")
    if blank is None:
        text = text.removesuffix("\n")  # RFC 4475 s.3.1.2.15 has no empty line after its header fields
    if "\r" in text or "\0" in text.partition("\n")[0]:
        raise SipSyntaxError(
            400, "a carriage return stands alone", offset=data.find(b"\r", skipped), rfc="RFC 3261 s.25.1"
        )
    lines = _FOLD.sub(" ", text).split("\n")
    longest = max(lines, key=len)
    if len(longest) > limits.header_bytes:
        name = longest.partition(":")[0]
        raise SipSyntaxError(
            400,
            f"a line of {len(longest)} characters is longer than {limits.header_bytes}",
            header=name[:40],
            rfc="RFC 3261 s.7.3.1",
        )
    return lines, body_at


def _careful_key(line: str, data: bytes) -> str:
    name, colon, _ = line.partition(":")
    if colon and is_token(name.rstrip()):
        return canonical(name)
    offset = data.find(line.encode("utf-8", "surrogateescape"))
    raise SipSyntaxError(
        400, f"{line[:40]!r} is no header field: name, colon, value", offset=max(offset, 0), rfc="RFC 3261 s.7.3.1"
    )


def _refuse_contradiction(lines: list[str], keys: list[str], data: bytes) -> None:
    """Refuse a repeated field that matters: it has no right value (RFC 4475 s.3.3.8, s.3.3.9)."""
    for key in _ONCE:
        values = {line.partition(":")[2].strip() for line, found in zip(lines, keys, strict=True) if found == key}
        if len(values) > 1:
            raise located(
                SipSyntaxError(400, "the header field stands twice with different values", rfc="RFC 3261 s.7.3.1"),
                data,
                key,
                1,
            )


def _cut_body(message: Request | Response, body_at: int, limits: Limits) -> None:
    text = message.headers.get("content-length")
    if text is None:
        return
    try:
        length = number(text, 2**31, "Content-Length", "RFC 3261 s.20.14")
    except SipSyntaxError as error:
        raise located(error, message._raw, "content-length") from None
    if length > limits.body_bytes:
        raise SipSyntaxError(
            413,
            f"a body of {length} bytes is larger than {limits.body_bytes}",
            header="Content-Length",
            rfc="RFC 3261 s.21.4.11",
        )
    if length > len(message.body):
        reason = f"Content-Length is {length}, but {len(message.body)} bytes follow"
        raise located(SipSyntaxError(400, reason, rfc="RFC 3261 s.18.3"), message._raw, "content-length")
    if length < len(message.body):
        message.body = message.body[:length]
        message._raw = (message._raw or b"")[: body_at + length]


def _mismatch(request: Request) -> SipSyntaxError:
    offset = value_offset(request.raw, "cseq")
    reason = f"CSeq says {request.cseq_method}, the request is {request.method}"
    return SipSyntaxError(400, reason, header="CSeq", offset=offset, rfc="RFC 3261 s.8.1.1.5")


def _refuse_problems(message: Request | Response) -> None:
    from voxlab.sip.validation import problems

    found = problems(message)
    if found:
        raise SipSyntaxError(400, found[0].reason, header=found[0].header, offset=found[0].offset, rfc=found[0].rfc)
