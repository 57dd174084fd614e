"""Byte edits on a message that is passed on: untouched header fields stay as they came (RFC 3261 s.16.6, s.16.7).

The usual spelling is edited where it stands in the bytes; any other is written out in the usual spelling first.
Must not know why a field is changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from voxlab.sip.faults import written
from voxlab.sip.glance import GlancedRequest, GlancedResponse, read_late
from voxlab.sip.grammar import split_list
from voxlab.sip.message import Message, Request, Response

_LISTS = frozenset({"via", "route", "record-route"})
_RESPELLED = _LISTS | {"max-forwards", "proxy-authorization"}
_UNREAD = frozenset({"_views", "body", "from_tag", "headers", "to_tag"})
_HOPS = {str(hops): b"\r\nMax-Forwards: %d" % (hops - 1) for hops in range(1, 256)}


class SplicedRequest(Request):
    """A request known by its bytes and by what matches it to its transaction; the rest is read when first asked for."""

    __slots__ = ()

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name not in _UNREAD:
                raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
            read_late(self, ("headers", "body", "from_tag", "to_tag"))
            self.__class__ = Request
            return getattr(self, name)


def spliced(request: Request, raw: bytes, uri_text: str, branch: str) -> Request:
    """Return what ``request`` became: ``raw``, with this Request-URI and this branch in its top Via."""
    copy = SplicedRequest.__new__(SplicedRequest)
    copy._raw = raw
    copy.method = copy.cseq_method = request.method
    copy.uri_text = uri_text
    copy.branch = branch
    copy.call_id = request.call_id
    copy.cseq = request.cseq
    return copy


def passed_on(
    request: Request,
    on_top: Sequence[str],
    uri_text: str | None = None,
    routes: Sequence[str] | None = None,
    realm: str = "",
) -> bytes:
    """Return the bytes of a request that goes one hop on (s.16.6 items 1 to 8).

    Parameters
    ----------
    request : Request
        As it arrived, the top Via stamped; one hop is taken off its Max-Forwards, which is 70 if it had none.
    on_top : sequence of str
        Header lines to be put before all others: the Via, a Record-Route.
    uri_text : str or None
        The new Request-URI, None to leave it.
    routes : sequence of str or None
        All the Route values that are to be in it, None to leave them.
    realm : str
        Credentials for this realm, which is ours, are taken out (s.22.3): nobody further on needs them.
    """
    if not routes and isinstance(request, GlancedRequest):
        return request.passed_on(on_top, uri_text)
    raw = request.raw if not realm else _without_credentials(request, request.raw, realm)
    edited = _edited(request, raw, on_top, uri_text, routes)
    if edited is None:
        raw = respelled(request)
        edited = _edited(request, _without_credentials(request, raw, realm) if realm else raw, on_top, uri_text, routes)
    if edited is None:
        raise AssertionError(f"a respelled {request.method} has a field that cannot be found")
    return edited


def without_top_via(response: Response) -> bytes | None:
    """Return the bytes of a response without its topmost Via, None if no other is left (s.16.7 item 3)."""
    if isinstance(response, GlancedResponse):
        return response.without_top_via()
    cut = _top_via_cut(response, response.raw) or _top_via_cut(response, respelled(response))
    if cut is None:
        return None
    found = cut.find(b"\r\nVia: ", 0, len(cut) - len(response.body)) >= 0
    return cut if found or len(response.headers.split("via")) > 1 else None


def _top_via_cut(response: Response, raw: bytes) -> bytes | None:
    line = _line(raw, b"\r\nVia: ", len(raw) - len(response.body))
    if line is None:
        return None
    start, end = line
    comma = raw.find(b",", start, end)
    via = raw[start : end if comma < 0 else comma]
    if b'"' in via or response.branch.encode("utf-8", "surrogateescape") not in via:
        return None  # it is not the topmost: one of another spelling stands above it
    return raw[:start] + raw[end:] if comma < 0 else raw[: start + 7] + raw[comma + 1 :].lstrip(b" ")


def respelled(message: Message) -> bytes:
    """Write a message anew with the fields that a hop edits as everybody writes them: full names, a value a line."""
    lines = [message.start_line]
    for key, line in zip(message.headers.keys(), message.headers.lines, strict=True):
        value = line.partition(":")[2].strip()
        if key in _LISTS:
            lines += [f"{written(key)}: {one}" for one in split_list(value) if one]
        else:
            lines.append(f"{written(key)}: {value}" if key in _RESPELLED else line)
    return "\r\n".join([*lines, "\r\n"]).encode("utf-8", "surrogateescape") + message.body


def _edited(
    request: Request, raw: bytes, on_top: Sequence[str], uri_text: str | None, routes: Sequence[str] | None
) -> bytes | None:
    """Edit in place; None where a field is not spelled as everybody spells it."""
    start_end = raw.find(b"\r\n")
    if start_end != len(request.method) + len(request.uri_text) + 9 or raw[start_end - 8 : start_end] != b" SIP/2.0":
        return None
    body_bytes = len(request.body)
    fields = request.headers.fields()
    if routes is not None and "route" in fields:
        kept = _without_routes(request, raw, body_bytes)
        if kept is None:
            return None
        raw = kept
    hops = fields.get("max-forwards")
    if hops is None:
        raw = raw[:start_end] + b"\r\nMax-Forwards: 70" + raw[start_end:]
    else:
        line = _line(raw, b"\r\nMax-Forwards: ", len(raw) - body_bytes)
        if line is None:
            return None
        fewer = _HOPS.get(hops) or b"\r\nMax-Forwards: %d" % (int(hops) - 1)
        raw = raw[: line[0]] + fewer + raw[line[1] :]
    start = raw[:start_end] if uri_text is None else None
    top = "\r\n".join([*on_top, *(f"Route: {route}" for route in routes)] if routes else on_top)
    head = f"{request.method} {uri_text} SIP/2.0\r\n{top}" if start is None else f"\r\n{top}"
    return (start or b"") + head.encode("utf-8", "surrogateescape") + raw[start_end:]


def _without_credentials(request: Request, raw: bytes, realm: str) -> bytes:
    at, needle = 0, f'realm="{realm}"'.encode("utf-8", "surrogateescape")
    while (line := _line(raw, b"\r\nProxy-Authorization: ", len(raw) - len(request.body), at)) is not None:
        start, at = line
        if needle in raw[start:at]:
            raw, at = raw[:start] + raw[at:], start
    return raw


def _without_routes(request: Request, raw: bytes, body_bytes: int) -> bytes | None:
    for _ in request.headers.get_all("route"):
        line = _line(raw, b"\r\nRoute: ", len(raw) - body_bytes)
        if line is None:
            return None
        raw = raw[: line[0]] + raw[line[1] :]
    return raw


def _line(raw: bytes, name: bytes, head_end: int, begin: int = 0) -> tuple[int, int] | None:
    """Return where a header line begins, with the line end before it, and where it ends; None if not there or
    folded.
    """
    start = raw.find(name, begin, head_end)
    if start < 0:
        return None
    end = raw.find(b"\r\n", start + len(name), head_end)
    if end < 0 or raw[end + 2 : end + 3] in {b" ", b"\t"}:
        return None
    return start, end


def with_lines(response: Response, lines: Sequence[tuple[str, str]]) -> bytes:
    """Return the bytes of a response with header lines added behind its own (s.16.7 item 7)."""
    raw = response.raw
    end = raw.find(b"\r\n\r\n")
    if end < 0:
        raw = respelled(response)
        end = raw.find(b"\r\n\r\n")
    added = "".join(f"\r\n{name}: {value}" for name, value in lines).encode("utf-8", "surrogateescape")
    return raw[:end] + added + raw[end:]
