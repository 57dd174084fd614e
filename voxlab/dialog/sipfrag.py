"""What a NOTIFY of a REFER says, and where a REFER points (RFC 3420, RFC 3515 s.2.1, s.2.4.5, RFC 3891 s.3).

Values only; must not know dialogs.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote, unquote

from voxlab.base.errors import SipSyntaxError
from voxlab.sip.message import Request
from voxlab.sip.values import NameAddr

CONTENT_TYPE = "message/sipfrag;version=2.0"


class Fragment(NamedTuple):
    """The status line of the referred call."""

    status: int
    reason: str


def fragment(status: int, reason: str) -> bytes:
    """Write the status line as the body of a NOTIFY (RFC 3515 s.2.4.5)."""
    return f"SIP/2.0 {status} {reason}\r\n".encode("utf-8", "surrogateescape")


def read_fragment(body: bytes) -> Fragment | None:
    """Read the status line of a fragment, None where there is none."""
    line = body.split(b"\n", 1)[0].strip().decode("utf-8", "surrogateescape")
    version, _, rest = line.partition(" ")
    status, _, reason = rest.partition(" ")
    if version.upper() != "SIP/2.0" or not (status.isascii() and status.isdigit() and len(status) == 3):
        return None
    return Fragment(int(status), reason)


class Replaces(NamedTuple):
    """Which dialog an INVITE takes the place of, seen from whoever receives it (RFC 3891 s.3)."""

    call_id: str
    to_tag: str
    from_tag: str
    early_only: bool = False

    @classmethod
    def parse(cls, value: str) -> Replaces:
        """Read a Replaces value.

        Raises
        ------
        SipSyntaxError
            A tag is missing, or said twice.
        """
        call_id, *parts = (part.strip() for part in value.split(";"))
        params: dict[str, str] = {}
        for part in parts:
            name, _, text = part.partition("=")
            if name.lower() in params:
                raise SipSyntaxError(400, f"Replaces says {name} twice", header="Replaces", rfc="RFC 3891 s.6.1")
            params[name.lower()] = text
        if not call_id or not params.get("to-tag") or not params.get("from-tag"):
            raise SipSyntaxError(400, "Replaces names no dialog", header="Replaces", rfc="RFC 3891 s.6.1")
        return cls(call_id, params["to-tag"], params["from-tag"], "early-only" in params)

    def __str__(self) -> str:
        early = ";early-only" if self.early_only else ""
        return f"{self.call_id};to-tag={self.to_tag};from-tag={self.from_tag}{early}"


def replaces_of(invite: Request) -> Replaces | None:
    """Return what an INVITE is to replace, None for an ordinary one.

    Raises
    ------
    SipSyntaxError
        There are several, or it cannot be read: 400 (RFC 3891 s.3).
    """
    if "replaces" not in invite.headers:
        return None
    values = invite.headers.get_all("replaces")
    if len(values) > 1:
        raise SipSyntaxError(400, "more than one Replaces", header="Replaces", rfc="RFC 3891 s.3")
    return Replaces.parse(values[0])


class Destination(NamedTuple):
    """Where a REFER sends: the URI to call, and the dialog to replace there if it is an attended transfer."""

    uri: str
    replaces: Replaces | None = None

    @property
    def refer_to(self) -> str:
        """The Refer-To value; the Replaces travels escaped inside the URI (RFC 3891 s.6.1, RFC 5589 s.7)."""
        if self.replaces is None:
            return f"<{self.uri}>"
        return f"<{self.uri}?Replaces={quote(str(self.replaces), safe='')}>"

    @classmethod
    def of(cls, refer: Request) -> Destination:
        """Read the Refer-To of a REFER.

        Raises
        ------
        SipSyntaxError
            There is none, or several, or it cannot be read: 400 (RFC 3515 s.2.4.2).
        """
        values = refer.headers.get_all("refer-to")
        if len(values) != 1:
            raise SipSyntaxError(400, f"{len(values)} Refer-To", header="Refer-To", rfc="RFC 3515 s.2.4.2")
        text = NameAddr.parse(values[0]).uri.text
        uri, _, headers = text.partition("?")
        for part in headers.split("&") if headers else ():
            name, _, value = part.partition("=")
            if name.lower() == "replaces":
                return cls(uri, Replaces.parse(unquote(value)))
        return cls(uri)
