"""How an operator is told who calls, and on whose behalf a call is forwarded.

From (RFC 3261 s.8.1.1.3), P-Asserted-Identity (RFC 3325 s.9.1), Remote-Party-ID (a draft that expired and is still
spoken), Privacy (RFC 3323 s.4.2, RFC 3325 s.9.3), Diversion (RFC 5806 s.4), History-Info (RFC 7044 s.5). Must not know
legs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from voxlab.base.errors import VoxlabError, did_you_mean
from voxlab.sip.grammar import quoted
from voxlab.sip.uri import Uri

Header = tuple[str, str]

IDENTITIES = ("from", "pai", "ppi", "rpid")
FORWARDINGS = ("none", "diversion", "history-info", "both")
_ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'  # RFC 3323 s.4.1.1.3


class Calling(NamedTuple):
    """Who appears to call, in the operator's dialect.

    Attributes
    ----------
    number : str
    display_name : str
    anonymous : bool
        Whether the called party must not learn it; the operator still does.
    diverted_by : str
        The number of ours that was called first, "" if the call is not a forwarded one.
    called : str
        Whom the call is for now.
    """

    number: str
    display_name: str = ""
    anonymous: bool = False
    diverted_by: str = ""
    called: str = ""


@dataclass(frozen=True, slots=True)
class CallerIdentity:
    """The way of one trunk.

    Attributes
    ----------
    style : str
        One of ``IDENTITIES``: From alone, or with P-Asserted-Identity, P-Preferred-Identity or Remote-Party-ID.
    forwarding : str
        One of ``FORWARDINGS``: what says that a call was forwarded.
    domain : str
        The host part of our URIs there, "" for the application's own domain.
    """

    style: str = "from"
    forwarding: str = "diversion"
    domain: str = ""

    def __post_init__(self) -> None:
        for given, known, what in (
            (self.style, IDENTITIES, "an operator is told who calls by"),
            (self.forwarding, FORWARDINGS, "a forwarded call is marked by"),
        ):
            if given not in known:
                raise VoxlabError(f"{what} {', '.join(map(repr, known))}, not {given!r}{did_you_mean(given, known)}")

    def from_(self, calling: Calling, domain: str) -> str:
        """Return the From value without a tag."""
        if calling.anonymous:
            return _ANONYMOUS
        return _name_addr(calling.display_name, _uri(calling.number, self.domain or domain))

    def headers(self, calling: Calling, domain: str) -> tuple[Header, ...]:
        """Return the header fields that stand beside From."""
        host = self.domain or domain
        shown = _name_addr(calling.display_name, _uri(calling.number, host))
        lines: list[Header] = []
        if self.style == "rpid":
            privacy = "full" if calling.anonymous else "off"
            lines.append(("Remote-Party-ID", f"{shown};party=calling;screen=yes;privacy={privacy}"))
        elif self.style in {"pai", "ppi"} or calling.anonymous:
            name = "P-Preferred-Identity" if self.style == "ppi" else "P-Asserted-Identity"
            lines.append((name, shown))
        if calling.anonymous:
            lines.append(("Privacy", "id"))
        return (*lines, *self._forwarded(calling, host))

    def _forwarded(self, calling: Calling, host: str) -> tuple[Header, ...]:
        if not calling.diverted_by:
            return ()
        by = _uri(calling.diverted_by, host)
        lines: list[Header] = []
        if self.forwarding in {"diversion", "both"}:
            lines.append(("Diversion", f"<{by}>;reason=unconditional;counter=1"))
        if self.forwarding in {"history-info", "both"}:
            # RFC 7044 s.5: the entry that was retargeted, and the one that took its place (mp: mapped from index 1).
            now = f"<{_uri(calling.called, host)}>;index=1.1;mp=1"
            lines.append(("History-Info", f"<{by}>;index=1, {now}"))
        return tuple(lines)


def _uri(number: str, host: str) -> str:
    return str(Uri.build(host, number, params=";user=phone" if number.startswith("+") else ""))


def _name_addr(display_name: str, uri: str) -> str:
    return f"{quoted(display_name)} <{uri}>" if display_name else f"<{uri}>"


PLAIN = CallerIdentity()
"""From alone, and Diversion for a forwarded call."""
