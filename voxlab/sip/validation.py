"""What a strict element refuses and a liberal one lets pass: each known header field against its grammar (RFC 3261
s.20, s.25.1).

Must not know what an element supports; a message that ``parser`` refuses in either mode never comes here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from voxlab.base.errors import SipSyntaxError
from voxlab.sip.faults import value_offset, written
from voxlab.sip.grammar import TOKEN_CLASS, is_token, split_list
from voxlab.sip.uri import Uri

if TYPE_CHECKING:
    from voxlab.sip.message import Message

Check = Callable[[str], str]


class Problem(NamedTuple):
    """One breach of the grammar: the header field (None for start line and line ends), its byte offset, a sentence,
    the section.
    """

    header: str | None
    offset: int | None
    reason: str
    rfc: str


_T = TOKEN_CLASS + "++"
_WS = r"[ \t]*+"
_QUOTED = r'"(?:[^"\\\r\n]++|\\[\x00-\x7f])*+"'
_HEX = r"%[0-9A-Fa-f]{2}"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9\-]*[A-Za-z0-9])?"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*+\.?+|\[[0-9A-Fa-f:.]++\])"
_USER = rf"(?:[A-Za-z0-9\-_.!~*'()&=+$,;?/]|{_HEX})++(?::(?:[A-Za-z0-9\-_.!~*'()&=+$,]|{_HEX})*+)?@"
_URI_PARAM = rf"(?:;(?:[A-Za-z0-9\-_.!~*'()\[\]/:&+$]|{_HEX})++(?:=(?:[A-Za-z0-9\-_.!~*'()\[\]/:&+$]|{_HEX})++)?)*+"
_URI_HEADER = rf"(?:[A-Za-z0-9\-_.!~*'()\[\]/?:+$]|{_HEX})"
_URI_HEADERS = rf"(?:\?{_URI_HEADER}++=(?:{_URI_HEADER}*+)(?:&{_URI_HEADER}++={_URI_HEADER}*+)*+)?"
_SIP_URI = rf"(?:sips?|SIPS?):(?:{_USER})?{_HOST}(?::[0-9]++)?{_URI_PARAM}"
_OTHER_URI = rf"(?!(?i:sips?):)[A-Za-z][A-Za-z0-9+.\-]*+:(?:[A-Za-z0-9\-_.!~*'();/?:@&=+$,\[\]#]|{_HEX})++"
_PARAM = rf"{_T}(?:{_WS}={_WS}(?:{_T}|\[[0-9A-Fa-f:.]++\]|{_QUOTED}))?"
_PARAMS = rf"(?:{_WS};{_WS}{_PARAM})*+{_WS}"
# RFC 4475 s.3.1.1.6: no white space between display name and bracket is a bug of the grammar, not of the peer.
_DISPLAY = rf"(?:{_QUOTED}|(?:{_T}(?:[ \t]+{_T})*+)?){_WS}"
_BRACKETED = rf"<(?:{_SIP_URI}{_URI_HEADERS}|{_OTHER_URI})>"
# Without brackets no comma, semicolon or question mark may stand in the URI (s.20.10).
_BARE_USER = rf"(?:[A-Za-z0-9\-_.!~*'()&=+$/]|{_HEX})++(?::(?:[A-Za-z0-9\-_.!~*'()&=+$]|{_HEX})*+)?@"
_BARE_OTHER = rf"(?!(?i:sips?):)[A-Za-z][A-Za-z0-9+.\-]*+:(?:[A-Za-z0-9\-_.!~*'()/:@&=+$#]|{_HEX})++"
_BARE = rf"(?:(?:sips?|SIPS?):(?:{_BARE_USER})?{_HOST}(?::[0-9]++)?|{_BARE_OTHER})"
_ADDRESS = rf"(?:{_DISPLAY}{_BRACKETED}|{_BARE}){_PARAMS}"
_VIA = rf"SIP{_WS}/{_WS}2\.0{_WS}/{_WS}{_T}[ \t]++{_HOST}(?:{_WS}:{_WS}[0-9]{{1,5}})?{_PARAMS}"
_MEDIA_RANGE = rf"{_T}{_WS}/{_WS}{_T}{_PARAMS}"
_DAY, _MONTH = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)", "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_DELTA_TOP = 2**32 - 1

_request_uri = re.compile(rf"(?:{_SIP_URI}|{_OTHER_URI})").fullmatch
_any_uri = re.compile(rf"(?:{_SIP_URI}{_URI_HEADERS}|{_OTHER_URI})").fullmatch
_status_line = re.compile(r"SIP/2\.0 [1-6][0-9]{2} [^\r\n]*").fullmatch


def _form(pattern: str, what: str) -> Check:
    """Check one value against a grammar."""
    matches = re.compile(pattern).fullmatch
    return lambda value: "" if matches(value) else f"{value[:60]!r} is no {what}"


def _list(check: Check, *, may_be_empty: bool = False) -> Check:
    """Check each member of a comma list; an empty member is a breach."""

    def each(value: str) -> str:
        if may_be_empty and not value:
            return ""
        return next((fault for fault in map(check, split_list(value)) if fault), "")

    return each


def _number(top: int) -> Check:
    """Check a decimal number."""

    def check(value: str) -> str:
        digits = value.isdigit() and value.isascii() and len(value.lstrip("0")) <= len(str(top))
        return "" if digits and int(value) <= top else f"{value[:40]!r} is no number from 0 to {top}"

    return check


_address_form = _form(_ADDRESS, "address")
_in_brackets = re.compile(r'(?:"(?:[^"\\]++|\\.)*+"|[^"<]++)*+<([^>]*+)>').match
_NEED_A_VALUE = frozenset(
    {"transport", "user", "method", "ttl", "maddr", "pn-prid", "pn-param", "pn-purr"}
)  # and RFC 8599 s.14


def uri_fault(text: str) -> str:
    """Return what the grammar has against a URI, "" if nothing (RFC 3261 s.19.1.1, s.25.1, RFC 8599)."""
    if not _any_uri(text):
        return f"{text[:60]!r} is no URI"
    try:
        uri = Uri.parse(text)
    except SipSyntaxError as error:
        return error.reason
    tail = text[text.find("@") + 1 :].partition("?")[0].lower()
    names = [part.partition("=")[0] for part in tail.split(";")[1:]] if uri.is_sip else []
    if len(set(names)) != len(names):
        return f"a parameter of {text[:60]!r} stands more than once"
    empty = [name for name, value in uri.params.items() if not value and name in _NEED_A_VALUE]
    if empty:
        return f"the URI parameter {empty[0]} has no value"
    ttl = uri.params.get("ttl") or "0"
    return "" if ttl.isdigit() and len(ttl) <= 3 and int(ttl) <= 255 else f"ttl={ttl[:20]} is no number from 0 to 255"


def address_fault(text: str) -> str:
    """Return what the grammar has against a name-addr or addr-spec with its parameters, "" if nothing (RFC 3261
    s.25.1).
    """
    fault = _address_form(text)
    inside = None if fault else _in_brackets(text)
    return uri_fault(inside[1]) if inside else fault


_expires_parameter = re.compile(rf";{_WS}expires{_WS}={_WS}([^;\s]++)", re.IGNORECASE).search
_q_parameter = re.compile(rf";{_WS}q{_WS}={_WS}([^;\s]++)", re.IGNORECASE).search
_q_value = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?").fullmatch
_delta = _number(_DELTA_TOP)


def _contact(value: str) -> str:
    fault = address_fault(value)
    tail = value[value.rfind(">") + 1 :]
    expires, q = _expires_parameter(tail), _q_parameter(tail)
    if not fault and expires:
        fault = _delta(expires[1])
    return fault or ("" if not q or _q_value(q[1]) else f"q={q[1][:20]} is no number from 0 to 1 with three decimals")


def _contacts(value: str) -> str:
    return "" if value == "*" else _list(_contact)(value)


def _date(value: str) -> str:
    pattern = rf"{_DAY}, [0-9]{{2}} {_MONTH} [0-9]{{4}} [0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}} GMT"
    return "" if re.fullmatch(pattern, value) else f"{value[:60]!r} is no date in GMT"


_tokens = _list(_form(_T, "token"), may_be_empty=True)
_route = _list(_form(rf"{_DISPLAY}{_BRACKETED}{_PARAMS}", "address in angle brackets"))
_media_ranges = _list(_form(_MEDIA_RANGE, "media range"), may_be_empty=True)

# canonical name -> (check, section of RFC 3261 unless it says otherwise)
_CHECKS: dict[str, tuple[Check, str]] = {
    "accept": (_media_ranges, "s.20.1"),
    "allow": (_tokens, "s.20.5"),
    "call-id": (
        _form(r"[^\s@,;\x7f-\uffff]++(?:@[^\s@,;\x7f-\uffff]++)?", "Call-ID of the form word or word@word"),
        "s.20.8",
    ),
    "contact": (_contacts, "s.20.10"),
    "content-disposition": (_form(rf"{_T}{_PARAMS}", "disposition"), "s.20.11"),
    "content-length": (_number(2**31), "s.20.14"),
    "content-type": (_form(_MEDIA_RANGE, "media type"), "s.20.15"),
    "cseq": (_form(rf"[0-9]++[ \t]++{_T}", "CSeq number and method"), "s.20.16"),
    "date": (_date, "s.20.17"),
    "expires": (_delta, "s.20.19"),
    "from": (address_fault, "s.20.20"),
    "max-forwards": (_number(255), "s.20.22"),
    "mime-version": (_form(r"[0-9]++\.[0-9]++", "version"), "s.20.24"),
    "min-expires": (_delta, "s.20.23"),
    "proxy-require": (_tokens, "s.20.29"),
    "record-route": (_route, "s.20.30"),
    "reply-to": (address_fault, "s.20.31"),
    "require": (_tokens, "s.20.32"),
    "retry-after": (_form(rf"[0-9]{{1,10}}{_WS}(?:\([^()]*+\))?{_PARAMS}", "delay in seconds"), "s.20.33"),
    "route": (_route, "s.20.34"),
    "supported": (_tokens, "s.20.37"),
    "timestamp": (_form(r"[0-9]++(?:\.[0-9]*+)?(?:[ \t]++[0-9]*+(?:\.[0-9]*+)?)?", "time stamp"), "s.20.38"),
    "to": (address_fault, "s.20.39"),
    "unsupported": (_tokens, "s.20.40"),
    "via": (_list(_form(_VIA, "Via")), "s.20.42"),
    "warning": (_list(_form(rf"[0-9]{{3}} \S++ {_QUOTED}", "warning")), "s.20.43"),
}
_SINGLE = frozenset(
    [
        "call-id",
        "cseq",
        "from",
        "to",
        "max-forwards",
        "content-length",
        "content-type",
        "content-disposition",
        "date",
        "expires",
        "min-expires",
        "subject",
        "organization",
        "user-agent",
        "server",
        "timestamp",
        "retry-after",
        "mime-version",
        "priority",
        "reply-to",
        "event",
        "refer-to",
        "replaces",
        "session-expires",
        "min-se",
        "rack",
        "rseq",
        "sip-etag",
        "sip-if-match",
        "subscription-state",
    ]
)


def problems(message: Message) -> list[Problem]:
    """List what ``parse(..., strict=True)`` refuses in this message, start line and header fields in order, then line
    ends; empty if nothing.
    """
    raw = message.raw
    return [*_of_the_start_line(raw), *_of_the_headers(message, raw), *_of_the_line_ends(raw)]


def _of_the_start_line(raw: bytes) -> Iterator[Problem]:
    skipped = len(raw) - len(raw.lstrip(b"\r\n"))
    line = raw[skipped:].split(b"\n", 1)[0].removesuffix(b"\r").decode("utf-8", "surrogateescape")
    if line.startswith("SIP/"):
        if not _status_line(line):
            yield Problem(None, skipped, f"{line[:60]!r} is no Status-Line", "RFC 3261 s.7.2")
        return
    words = line.split(" ")
    if len(words) != 3 or words[2] != "SIP/2.0" or not is_token(words[0]):
        yield Problem(
            None,
            skipped,
            f"{line[:60]!r} is no Request-Line: method, Request-URI and SIP/2.0, one space between",
            "RFC 3261 s.7.1",
        )
    elif not _request_uri(words[1]) or uri_fault(words[1]):
        yield Problem(
            None, skipped + len(words[0]) + 1, f"{words[1][:60]!r} may not stand as Request-URI", "RFC 3261 s.19.1.1"
        )


def _of_the_line_ends(raw: bytes) -> Iterator[Problem]:
    end = raw.find(b"\r\n\r\n", len(raw) - len(raw.lstrip(b"\r\n")))
    bare = re.search(rb"(?<!\r)\n", raw[: end if end >= 0 else len(raw)])
    if bare:
        yield Problem(None, bare.start(), "a line ends with LF alone", "RFC 3261 s.7")
    elif end < 0:
        yield Problem(None, len(raw), "no empty line ends the header fields", "RFC 3261 s.7")


def _of_the_headers(message: Message, raw: bytes) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    keys = message.headers.keys()
    for key, (name, value) in zip(keys, message.headers.items(), strict=True):
        nth = seen[key] = seen.get(key, -1) + 1
        if nth and key in _SINGLE:
            yield Problem(
                name, value_offset(raw, key, nth), f"{written(key)} stands more than once", "RFC 3261 s.7.3.1"
            )
        check, section = _CHECKS.get(key, (None, ""))
        fault = check(value) if check else ""
        if fault:
            yield Problem(name, value_offset(raw, key, nth), fault, f"RFC 3261 {section}")
