"""Who a caller is said to be, by somebody who is trusted to say it (RFC 3325 s.5, s.9.1; RFC 3323 s.4.2).

Must not know whether the one who says it is trusted.
"""

from __future__ import annotations

from typing import NamedTuple

from voxlab.platform.numbering import Dialect
from voxlab.sip.message import Request
from voxlab.sip.uri import Uri
from voxlab.sip.values import NameAddr

ANONYMOUS = "anonymous"
_SAY_MORE = frozenset({"privacy", "p-asserted-identity"})


class Asserted(NamedTuple):
    """A caller as the callee may see it: ``number`` is "anonymous" where privacy was asked for."""

    number: str
    display_name: str


def asserted(request: Request, dialect: Dialect) -> Asserted:
    """Return the caller of a request from a trusted network: P-Asserted-Identity goes before From.

    Raises
    ------
    SipSyntaxError
        An identity that cannot be read.
    """
    if not request.headers.fields().keys().isdisjoint(_SAY_MORE):
        if wants_privacy(request):
            return Asserted(ANONYMOUS, "Anonymous")
        for value in request.headers.split("p-asserted-identity"):
            identity = NameAddr.parse(value)
            if number := _number(identity.uri, dialect):
                return Asserted(number, identity.display_name or request.from_.display_name)
    sender = request.from_
    return Asserted(_number(sender.uri, dialect), sender.display_name)


def wants_privacy(request: Request) -> bool:
    """Whether the caller's identity is not for the callee (RFC 3325 s.9.3 "id", RFC 3323 s.4.2)."""
    asked = {word.strip().lower() for value in request.headers.get_all("privacy") for word in value.split(";")}
    return bool(asked & {"id", "user", "header"}) and "none" not in asked


def _number(uri: Uri, dialect: Dialect) -> str:
    return dialect.read((uri.user or "").partition(";")[0])
