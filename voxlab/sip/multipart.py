"""Bodies made of parts (RFC 2046 s.5.1, RFC 5621).

Must not know what the parts are for; boundaries are found in one pass, nesting and number of parts are bounded.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from voxlab.base.errors import SipSyntaxError
from voxlab.sip.grammar import unfold
from voxlab.sip.headers import Headers
from voxlab.sip.limits import DEFAULT_LIMITS, Limits
from voxlab.sip.values import MediaType

_RFC = "RFC 2046 s.5.1.1"
_PLAIN_TEXT = MediaType("text", "plain", {})
_HEAD_END = re.compile(rb"\r?\n\r?\n|\A\r?\n")


class Part(NamedTuple):
    """One part: its header fields (Content-Type, Content-Disposition, ...), its media type and its bytes."""

    headers: Headers
    content_type: MediaType
    body: bytes


def split_parts(content_type: MediaType, body: bytes, *, limits: Limits = DEFAULT_LIMITS) -> tuple[Part, ...]:
    """Cut a multipart body at its boundary; preamble and epilogue are dropped.

    Raises
    ------
    SipSyntaxError
        400 without a usable boundary parameter, without any part, with more parts than ``limits.multipart_parts``,
        or if the closing delimiter is missing.
    """
    boundary = content_type.params.get("boundary")
    if not boundary or len(boundary) > 70:
        raise SipSyntaxError(400, "multipart needs a boundary of 1 to 70 characters", header="Content-Type", rfc=_RFC)
    mark = re.escape(boundary.encode("utf-8", "surrogateescape"))
    chunks, closed = [], False
    start = -1
    for match in re.finditer(rb"(?:\A|\r?\n)--" + mark + rb"(--)?[ \t]*(?=\r?\n|\Z)", body):
        if start >= 0:
            chunks.append(body[start : match.start()])
        if len(chunks) > limits.multipart_parts:
            raise SipSyntaxError(
                400, f"the body has more than {limits.multipart_parts} parts", offset=match.start(), rfc=_RFC
            )
        start = match.end()
        if match[1]:
            closed = True
            break
    if not closed:
        raise SipSyntaxError(400, "the closing delimiter of the multipart body is missing", offset=len(body), rfc=_RFC)
    return tuple(_part(chunk) for chunk in chunks)


def _part(chunk: bytes) -> Part:
    """Cut header fields from content; the chunk begins with the line end of its delimiter."""
    chunk = chunk[2:] if chunk[:2] == b"\r\n" else chunk[1:]
    end = _HEAD_END.search(chunk)
    head = unfold(chunk[: end.start() if end else len(chunk)].decode("utf-8", "surrogateescape"))
    headers = Headers([line for line in head.replace("\r\n", "\n").split("\n") if line])
    said = headers.get("content-type")
    return Part(headers, MediaType.parse(said) if said else _PLAIN_TEXT, chunk[end.end() :] if end else b"")


def find_part(
    content_type: MediaType | None,
    body: bytes,
    kind: str,
    subtype: str,
    *,
    limits: Limits = DEFAULT_LIMITS,
    depth: int = 0,
) -> bytes | None:
    """Return the first body of that media type, however deep it is nested, None if there is none.

    Raises
    ------
    SipSyntaxError
        400 for a malformed multipart body or one nested deeper than ``limits.multipart_depth``.
    """
    if content_type is None:
        return None
    if content_type.type == kind and content_type.subtype == subtype:
        return body
    if content_type.type != "multipart":
        return None
    if depth >= limits.multipart_depth:
        raise SipSyntaxError(400, f"the body is nested deeper than {limits.multipart_depth}", rfc=_RFC)
    for part in split_parts(content_type, body, limits=limits):
        found = find_part(part.content_type, part.body, kind, subtype, limits=limits, depth=depth + 1)
        if found is not None:
            return found
    return None
