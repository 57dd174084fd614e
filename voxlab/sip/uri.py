"""SIP, SIPS and tel URIs (RFC 3261 s.19.1, RFC 3966); other schemes are kept as text.

Must not know in which header a URI stands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv6Address
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import quote

from voxlab.base.errors import SipSyntaxError
from voxlab.sip.grammar import EMPTY, unescape

_RFC = "RFC 3261 s.19.1.1"
_CACHE_ENTRIES = 2_048
_CACHE_TEXT_MAX = 160
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.\-]*+)|\[[0-9A-Fa-f:.]++\]"
# Possessive repetition: neither class contains what follows it, so a hostile URI costs one pass.
_SIP = re.compile(
    r"(sips?):(?:([A-Za-z0-9\-_.!~*'()&=+$,;?/%#]++)(?::([A-Za-z0-9\-_.!~*'()&=+$,%]*+))?@)?"
    rf"({_HOST})(?::([0-9]{{1,5}}))?(?:;([^?\s<>\"]*+))?(?:\?([^\s<>\"]*+))?\Z"
).match
_LENIENT = re.compile(
    r"(sips?):(?:([^@:\s<>]++)(?::([^@\s<>]*+))?@)?([A-Za-z0-9_.\-]++|\[[0-9A-Fa-f:.]++\])(?::([0-9]{1,5}))?(?:;([^?\s<>]*+))?(?:\?([^\s<>]*+))?\Z",
    re.IGNORECASE,
).match
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*+):(\S++)\Z").match
_TEL = re.compile(r"(\+?[0-9A-Fa-f*#\-.()]++)(?:;(\S*+))?\Z").match
_GLOBAL_NUMBER = re.compile(r"\+[0-9\-.()]*[0-9][0-9\-.()]*\Z").match
_SEPARATORS = str.maketrans("", "", "-.()")
_USER_SAFE = "-_.!~*'()&=+$,;?/"
_DECISIVE = ("user", "ttl", "method", "maddr", "transport")  # s.19.1.4: present on one side only, the URIs differ

_cache: dict[str, Uri] = {}


class Uri(NamedTuple):
    """A URI by its parts; ``str()`` gives the very text it was read from.

    ``user`` and ``password`` are unescaped, None if absent; ``host`` is lower-case and an IPv6 address stands without
    its brackets; ``port`` is None if not written; ``params`` has lower-case names, None for a flag and the last of a
    repeated name; ``headers`` keeps order and repetition. Of a tel URI ``user`` is the number and ``host`` empty; of
    other schemes only ``scheme`` and the text count.
    """

    scheme: str
    user: str | None
    password: str | None
    host: str
    port: int | None
    params: Mapping[str, str | None]
    headers: tuple[tuple[str, str], ...]
    text: str

    @classmethod
    def parse(cls, text: str) -> Uri:
        """Read a URI.

        Raises
        ------
        SipSyntaxError
            400 if it has no scheme or does not follow the syntax of its scheme.
        """
        found = _cache.get(text)
        if found is not None:
            return found
        match = _SIP(text)
        uri = _from_groups(text, match.groups()) if match else _unusual(text)
        if len(text) <= _CACHE_TEXT_MAX:
            if len(_cache) >= _CACHE_ENTRIES:
                _cache.clear()
            _cache[text] = uri
        return uri

    @classmethod
    def build(
        cls, host: str, user: str | None = None, port: int | None = None, *, scheme: str = "sip", params: str = ""
    ) -> Uri:
        """Make a SIP URI from its parts; the user is escaped, an IPv6 host gets its brackets, ``params`` is text such
        as ";lr".
        """
        who = f"{quote(user, safe=_USER_SAFE, errors='surrogateescape')}@" if user is not None else ""
        where = f"[{host}]" if ":" in host else host
        return cls.parse(f"{scheme}:{who}{where}{'' if port is None else f':{port}'}{params}")

    @property
    def is_sip(self) -> bool:
        """Whether the scheme is sip or sips."""
        return self.scheme in {"sip", "sips"}

    @property
    def is_phone_number(self) -> bool:
        """Whether this names a telephone: a tel URI, ``user=phone``, or a user that is a global number such as
        +4930555001.
        """
        if self.scheme == "tel":
            return True
        return (
            self.is_sip
            and self.user is not None
            and (self.params.get("user") == "phone" or _GLOBAL_NUMBER(self.user) is not None)
        )

    def equivalent(self, other: Uri) -> bool:
        """Compare by the rules of RFC 3261 s.19.1.4 (tel: RFC 3966 s.4; other schemes: by text)."""
        if self.scheme != other.scheme:
            return False
        if self.scheme == "tel":
            return _same_number(self, other)
        if not self.is_sip:
            return self.text == other.text
        return self[1:5] == other[1:5] and _params_agree(self.params, other.params) and _headers_agree(self, other)

    def __str__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Uri) and self.text == other.text

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self.text)


def _from_groups(text: str, groups: tuple[str | None, ...]) -> Uri:
    scheme, user, password, host, port, params, headers = groups
    if scheme is None or host is None:  # the patterns always give both
        raise SipSyntaxError(400, "a SIP URI needs a scheme and a host", rfc=_RFC)
    return Uri(
        scheme.lower(),
        user if user is None or "%" not in user else unescape(user),
        password if password is None or "%" not in password else unescape(password),
        host.lower() if host[0] != "[" else ipv6_address(host),
        None if port is None else _port(port),
        EMPTY if not params else _params(params),
        () if not headers else _headers(headers),
        text,
    )


def ipv6_address(text: str) -> str:
    """Return the address of an IPv6reference, lower-case and without its brackets.

    Raises
    ------
    SipSyntaxError
        400 if it is no IPv6 address.
    """
    try:
        IPv6Address(text[1:-1])
    except ValueError:
        raise SipSyntaxError(400, f"{text[:60]!r} is no IPv6 address", rfc="RFC 3261 s.25.1") from None
    return text[1:-1].lower()


def _port(text: str) -> int:
    port = int(text)
    if port > 65_535:
        raise SipSyntaxError(400, f"port {text} is larger than 65535", rfc=_RFC)
    return port


def _params(text: str) -> Mapping[str, str | None]:
    found: dict[str, str | None] = {}
    for part in text.split(";"):
        name, equals, value = part.partition("=")
        if name:
            found[name.lower()] = unescape(value) if equals else None
    transport = found.get("transport")
    if transport:
        found["transport"] = transport.lower()
    return MappingProxyType(found)


def _headers(text: str) -> tuple[tuple[str, str], ...]:
    pairs = (part.partition("=") for part in text.split("&") if part)
    return tuple((unescape(name), unescape(value)) for name, _, value in pairs)


def _unusual(text: str) -> Uri:
    """Read what is no plain SIP URI: another scheme, upper case, characters that only a liberal element lets pass."""
    match = _LENIENT(text)
    if match:
        return _from_groups(text, match.groups())
    scheme = _SCHEME(text)
    if scheme is None:
        raise SipSyntaxError(400, f"{text[:60]!r} is no URI", offset=0, rfc=_RFC)
    name = scheme[1].lower()
    if name in {"sip", "sips"}:
        raise SipSyntaxError(400, f"{text[:60]!r} is no {name} URI", offset=len(name) + 1, rfc=_RFC)
    if name == "tel":
        return _tel(text, scheme[2])
    return Uri(name, None, None, "", None, EMPTY, (), text)


def _tel(text: str, rest: str) -> Uri:
    match = _TEL(rest)
    if match is None:
        raise SipSyntaxError(400, f"{text[:60]!r} is no tel URI", offset=4, rfc="RFC 3966 s.3")
    return Uri("tel", match[1], None, "", None, EMPTY if not match[2] else _params(match[2]), (), text)


def _fold_case(params: Mapping[str, str | None]) -> dict[str, str | None]:
    return {name: None if value is None else value.lower() for name, value in params.items()}


def _params_agree(ours: Mapping[str, str | None], theirs: Mapping[str, str | None]) -> bool:
    if not ours and not theirs:
        return True
    left, right = _fold_case(ours), _fold_case(theirs)
    if any((name in left) != (name in right) for name in _DECISIVE):
        return False
    return all(left[name] == right[name] for name in left.keys() & right.keys())


def _headers_agree(ours: Uri, theirs: Uri) -> bool:
    return sorted((n.lower(), v) for n, v in ours.headers) == sorted((n.lower(), v) for n, v in theirs.headers)


def _same_number(ours: Uri, theirs: Uri) -> bool:
    left, right = (str(uri.user).translate(_SEPARATORS).lower() for uri in (ours, theirs))
    return left == right and _fold_case(ours.params) == _fold_case(theirs.params)
