"""What is looked at before an INVITE becomes a leg: the inspection, and who admits it (RFC 3261 s.8.2.2, s.8.2.3).

Must not know dialogs or transactions.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from voxlab.base.datagram import Flow
from voxlab.dialog.dialog import Header, check_readable
from voxlab.dialog.session_timer import SMALLEST_S, too_small
from voxlab.sip.message import Request

_SDP = frozenset({"application/sdp", "application/*", "*/*"})
_BODIES = frozenset({"application/sdp", "multipart/mixed", "multipart/alternative", "multipart/related"})


class Incoming(NamedTuple):
    """An INVITE was admitted and is a leg now; ``target`` is what the policy answered with ``Handle``.

    ``replaces`` is the leg whose place it takes, 0 for an ordinary call (RFC 3891 s.3).
    """

    leg: int
    request: Request
    flow: Flow
    target: object
    replaces: int = 0


class Refused(NamedTuple):
    """An INVITE was refused before it became a leg; the wire says ``status``, ``why`` is for the journal."""

    request: Request
    flow: Flow
    status: int
    why: str


class Admission(NamedTuple):
    """What a policy answers for an INVITE: ``status`` 0 admits it to ``target``, another refuses it.

    ``why`` is the true reason of a refusal, which the wire does not show.
    """

    status: int
    target: object = None
    reason: str | None = None
    headers: tuple[Header, ...] = ()
    why: str = ""


class Admit(Protocol):
    """Decides at once whether an INVITE outside a dialog becomes a leg."""

    def __call__(self, request: Request, flow: Flow, now: float) -> Admission:
        """Return the decision."""


def admit_everyone(request: Request, flow: Flow, now: float) -> Admission:
    """Admit every INVITE: what a phone does."""
    return Admission(0)


def read_invite(request: Request) -> None:
    """Read whatever a policy or an owner looks at in an INVITE.

    Raises
    ------
    SipSyntaxError
        What cannot be read, with the status that answers it.
    """
    _ = request.uri, request.from_, request.to
    check_readable(request)


class Extensions(NamedTuple):
    """What a host understands beyond RFC 3261.

    Attributes
    ----------
    options : frozenset of str
        Option tags that a Require may name.
    min_session_s : int
        The smallest session interval that is accepted (RFC 4028 s.9).
    """

    options: frozenset[str] = frozenset({"100rel", "timer", "replaces", "norefersub"})
    min_session_s: int = SMALLEST_S


def unacceptable(request: Request, extensions: Extensions) -> Admission | None:
    """Inspect the header fields and the body of a request (s.8.2.2, s.8.2.3); None where all is well."""
    headers = request.headers
    scheme = request.uri_text.partition(":")[0].lower()
    if scheme not in {"sip", "sips", "tel"}:
        return Admission(416, why=f"Request-URI scheme {scheme!r} is none of sip, sips, tel (s.8.2.2.1)")
    if "require" in headers:
        wanted = ", ".join(option for option in headers.split("require") if option not in extensions.options)
        if wanted:
            return Admission(420, headers=(("Unsupported", wanted),), why=f"Require: {wanted} (s.8.2.2.3)")
    timed = request.method in {"INVITE", "UPDATE"} and "session-expires" in headers
    if timed and (lines := too_small(request, extensions.min_session_s)) is not None:
        return Admission(422, headers=tuple(lines), why="the session interval is too small (RFC 4028 s.9)")
    if request.method != "INVITE":
        return None
    if "accept" in headers and _SDP.isdisjoint(_media_types(headers.split("accept"))):
        return Admission(406, why=f"Accept: {headers.get('accept')} leaves no description of a session (s.20.1)")
    return _unacceptable_body(request) if request.body else None


def _media_types(ranges: list[str]) -> list[str]:
    """Return the media ranges of an Accept without their parameters."""
    return [each.partition(";")[0].strip().lower() for each in ranges]


def _unacceptable_body(request: Request) -> Admission | None:
    headers = request.headers
    media_type = (headers.get("content-type") or "").partition(";")[0].strip().lower()
    if media_type not in _BODIES:
        return Admission(415, headers=(("Accept", "application/sdp"),), why=f"Content-Type {media_type!r} (s.8.2.3)")
    encoding = headers.get("content-encoding") or "identity"
    if encoding.lower() != "identity":
        return Admission(
            415, headers=(("Accept-Encoding", "identity"),), why=f"Content-Encoding {encoding!r} (s.8.2.3)"
        )
    return None
