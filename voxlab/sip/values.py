"""Header values with a structure: name-addr, Via and media type (RFC 3261 s.20.10, s.20.15, s.20.42, s.25.1).

Must not know the message that they stand in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from voxlab.base.errors import SipSyntaxError
from voxlab.sip.grammar import EMPTY, TOKEN_CLASS, parameters, quoted, unfold, unquoted
from voxlab.sip.uri import Uri, ipv6_address

_ADDRESS_RFC = "RFC 3261 s.20.10"
_VIA_RFC = "RFC 3261 s.20.42"
_ADDRESSES_MAX = 2_048
_ADDRESS_CHARACTERS_MAX = 160
_DISPLAY = r"[A-Za-z0-9\-.!%*_+`'~ \t]"

# "Bob" <sip:bob@example.com>;tag=1 as phones write it: display name, URI, tag; anything else takes the careful way.
plain_name_addr = re.compile(
    rf'(?:"([^"\\]*+)"[ \t]*|({_DISPLAY}*+))<([A-Za-z][^<>"\s]*+)>(?:;tag=({TOKEN_CLASS}++))?\Z'
).match
_QUOTED_NAME = re.compile(r'"((?:[^"\\]++|\\.)*+)"\s*', re.DOTALL).match
# SIP/2.0/UDP host:port;branch=...;rport as everybody writes it: transport, host, port, parameters.
plain_via = re.compile(
    rf"SIP/2\.0/([A-Z\-]++) ([A-Za-z0-9.\-]++|\[[0-9A-Fa-f:.]++\])(?::([0-9]{{1,5}}))?"
    rf"((?:;(?:branch=({TOKEN_CLASS}++)|{TOKEN_CLASS}++(?:=(?:{TOKEN_CLASS}|[\[\]:])++)?))*+)\Z"
).match
_ODD_VIA = re.compile(
    rf"SIP\s*/\s*({TOKEN_CLASS}++)\s*/\s*({TOKEN_CLASS}++)\s+([A-Za-z0-9._\-]++|\[[0-9A-Fa-f:.]++\])(?:\s*:\s*([0-9]{{1,5}}))?\s*(;.*)?\Z",
    re.IGNORECASE | re.DOTALL,
).match
_MEDIA_TYPE = re.compile(rf"({TOKEN_CLASS}++)\s*/\s*({TOKEN_CLASS}++)\s*(;.*)?\Z", re.DOTALL).match


class NameAddr(NamedTuple):
    """An address with its display name (unquoted, "" if none), URI and header parameters; ``str()`` gives the text it
    was read from.
    """

    display_name: str
    uri: Uri
    params: Mapping[str, str | None]
    text: str

    @classmethod
    def parse(cls, text: str) -> NameAddr:
        """Read a name-addr or addr-spec; what a liberal element may infer is inferred (missing quotes, spaces inside
        the brackets).

        Raises
        ------
        SipSyntaxError
            400 if no URI can be found or it does not follow the syntax of its scheme.
        """
        found = _addresses.get(text)
        if found is not None:
            return found
        match = plain_name_addr(text)
        if match is None:
            return _careful_name_addr(text)
        in_quotes, plain, uri, tag = match.groups()
        name = in_quotes if plain is None else plain.strip() if plain else plain
        address = cls(name, Uri.parse(uri), EMPTY if tag is None else {"tag": tag}, text)
        if tag is None and len(text) <= _ADDRESS_CHARACTERS_MAX:
            if len(_addresses) >= _ADDRESSES_MAX:
                _addresses.clear()
            _addresses[text] = address
        return address

    @classmethod
    def build(cls, uri: Uri | str, display_name: str = "", params: Mapping[str, str | None] = EMPTY) -> NameAddr:
        """Make a name-addr from its parts; the display name is quoted, the URI stands in angle brackets."""
        name = f"{quoted(display_name)} " if display_name else ""
        tail = "".join(f";{key}" if value is None else f";{key}={value}" for key, value in params.items())
        return cls(display_name, Uri.parse(str(uri)), params, f"{name}<{uri}>{tail}")

    @property
    def tag(self) -> str | None:
        """The tag parameter, None if absent or empty."""
        return self.params.get("tag") or None

    def __str__(self) -> str:
        return self.text


_addresses: dict[str, NameAddr] = {}  # those without a tag: a device has the same Contact in every call
STAR = NameAddr("", Uri("*", None, None, "", None, EMPTY, (), "*"), EMPTY, "*")


def _careful_name_addr(text: str) -> NameAddr:
    name, uri, tail = _name_addr_parts(unfold(text).strip())
    tail = tail.strip()
    if tail and tail[0] != ";":
        raise SipSyntaxError(400, f"{tail[:40]!r} follows the address where only parameters may", rfc=_ADDRESS_RFC)
    return NameAddr(name, Uri.parse("".join(uri.split())), parameters(tail), text)


def _name_addr_parts(text: str) -> tuple[str, str, str]:
    quote = _QUOTED_NAME(text)
    if quote:
        name, rest = unquoted(quote[0].rstrip()), text[quote.end() :]
        if rest[:1] != "<":
            raise SipSyntaxError(
                400, "a quoted display name needs <URI> after it", offset=quote.end(), rfc=_ADDRESS_RFC
            )
        return (name, *_bracketed(rest))
    opening = text.find("<")
    if opening < 0:
        return _addr_spec(text)
    # RFC 4475 s.3.1.2.6 and s.3.1.2.15 let a liberal element infer the quotes.
    return (text[:opening].strip().lstrip('"').rstrip(), *_bracketed(text[opening:]))


def _bracketed(text: str) -> tuple[str, str]:
    uri, closing, tail = text[1:].partition(">")
    if not closing:
        raise SipSyntaxError(400, "an angle bracket is not closed", rfc=_ADDRESS_RFC)
    return uri, tail


def _addr_spec(text: str) -> tuple[str, str, str]:
    """Without brackets, what follows a semicolon are header parameters (RFC 3261 s.20.10); with ? the brackets are
    inferred (RFC 4475 s.3.1.2.13).
    """
    after_user = text.find("@") + 1
    cut = text.find(";", after_user)
    if cut < 0 or "?" in text[after_user:cut]:
        return "", text, ""
    return "", text[:cut].rstrip(), text[cut:]


class Via(NamedTuple):
    """One Via: ``transport`` in capitals, sent-by ``host`` (lower-case, IPv6 without brackets) and ``port`` (None if
    not written), parameters.
    """

    transport: str
    host: str
    port: int | None
    params: Mapping[str, str | None]
    text: str

    @classmethod
    def parse(cls, text: str) -> Via:
        """Read one Via value.

        Raises
        ------
        SipSyntaxError
            400 if it is no Via, 505 if its SIP version is not 2.0.
        """
        match = plain_via(text)
        if match is None:
            return _careful_via(text)
        transport, host, port, params, _ = match.groups()
        return cls(
            transport,
            _host(host),
            None if port is None else _port(port),
            _via_params(params) if params else EMPTY,
            text,
        )

    @property
    def branch(self) -> str | None:
        """The branch parameter; None with an RFC 2543 element, which has none."""
        return self.params.get("branch") or None

    @property
    def received(self) -> str | None:
        """Where the request came from, if that is not the sent-by host (RFC 3261 s.18.2.1); without brackets."""
        value = self.params.get("received")
        return value.strip("[]") if value else None

    @property
    def rport(self) -> int | None:
        """The port that the request came from (RFC 3581 s.4); None if absent or not filled in yet: ``"rport" in
        via.params`` says which.
        """
        value = self.params.get("rport")
        return int(value) if value and value.isdigit() and value.isascii() and len(value) <= 5 else None

    def __str__(self) -> str:
        return self.text


def _host(text: str) -> str:
    return text.lower() if text[0] != "[" else ipv6_address(text)


def _port(text: str) -> int:
    port = int(text)
    if port > 65_535:
        raise SipSyntaxError(400, f"port {text} is larger than 65535", rfc=_VIA_RFC)
    return port


def _via_params(text: str) -> Mapping[str, str | None]:
    found: dict[str, str | None] = {}
    for part in text[1:].split(";"):
        name, equals, value = part.partition("=")
        found[name.lower()] = value if equals else None
    return found


def _careful_via(text: str) -> Via:
    match = _ODD_VIA(unfold(text).strip())
    if match is None:
        raise SipSyntaxError(400, f"{text[:60]!r} is no Via", rfc=_VIA_RFC)
    version, transport, host, port, params = match.groups()
    if version != "2.0":
        raise SipSyntaxError(505, f"SIP version {version} is not 2.0", rfc="RFC 3261 s.7.1")
    return Via(
        transport.upper(),
        _host(host),
        None if port is None else _port(port),
        parameters(params) if params else EMPTY,
        text,
    )


class MediaType(NamedTuple):
    """What a body is: lower-case ``type`` and ``subtype`` and the parameters (RFC 3261 s.20.15)."""

    type: str
    subtype: str
    params: Mapping[str, str | None]

    @classmethod
    def parse(cls, text: str) -> MediaType:
        """Read ``type/subtype;parameters``.

        Raises
        ------
        SipSyntaxError
            400 if it is no media type.
        """
        if text == "application/sdp":
            return SDP
        match = _MEDIA_TYPE(unfold(text).strip())
        if match is None:
            raise SipSyntaxError(400, f"{text[:60]!r} is no media type", rfc="RFC 3261 s.20.15")
        return cls(match[1].lower(), match[2].lower(), parameters(match[3]) if match[3] else EMPTY)

    def __str__(self) -> str:
        return f"{self.type}/{self.subtype}"


SDP = MediaType("application", "sdp", EMPTY)
