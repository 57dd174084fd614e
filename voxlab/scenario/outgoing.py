"""Making outgoing legs: who appears to call, how far a call may travel, why it cannot be made, an INVITE per device
(RFC 3261 s.8.1.1).

Must not know scenarios: a leg and where to reach its party are given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from voxlab.base.errors import SipSyntaxError
from voxlab.scenario.ports import Header
from voxlab.sip.grammar import is_token, quoted
from voxlab.sip.uri import Uri

if TYPE_CHECKING:
    from voxlab.scenario.leg import Leg

MAX_FORWARDS = 70  # RFC 3261 s.8.1.1.6
ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'  # RFC 3323 s.4.1.1.3


def refusal(contacts: Sequence[Any] | None, hops: int) -> tuple[int, str] | None:
    """Return why a leg to these contacts cannot be made, None if it can."""
    if hops < 0:
        return 483, "Too Many Hops"
    if contacts is None:
        return 404, "Not Found"
    return None if contacts else (480, "Temporarily Unavailable")


def hops_left(like: Leg) -> int:
    """Return the Max-Forwards of a new leg: one less than the incoming call's, so that two clouds cannot loop for
    ever (RFC 3261 s.8.1.1.6).
    """
    if not like.incoming or not like.number:
        return MAX_FORWARDS
    hops = like.session.switchboard.invite_of(like.number).max_forwards
    return (MAX_FORWARDS if hops is None else hops) - 1


def invite(leg: Leg, contact: Any, like: Leg, lines: tuple[Header, ...], hops: int) -> int:
    """Let one device ring, with the formats that ``like`` was offered, and return the number of the branch."""
    carried, hidden = identity(like)
    from_ = ANONYMOUS if hidden else from_header(leg)
    to = f"<sip:{leg.destination}@{leg.session.application.domain}>"
    return _invite(leg, contact, like, from_, to, (*lines, *carried) if carried else lines, hops)


def invite_outside(leg: Leg, outlet: Any, like: Leg, lines: tuple[Header, ...], hops: int) -> int:
    """Send an INVITE to a place outside the platform, and return the number of the branch."""
    return _invite(leg, outlet, like, outlet.from_ or from_header(leg), outlet.to, (*outlet.headers, *lines), hops)


def _invite(
    leg: Leg,
    place: Any,
    like: Leg,
    from_: str,
    to: str,
    headers: tuple[Header, ...],
    hops: int,
    *,
    keyed: bool = False,
) -> int:
    """Send an INVITE with an offer like the one that ``like`` had.

    Whoever may be spoken to in the clear or not, as they like, and refuses both (488) is asked again with ``keyed``:
    SRTP or nothing, for some know keys under RTP/SAVP alone (RFC 3261 s.21.4.26, RFC 4568 s.7.1.2).
    """
    session = leg.session
    port = session.switchboard.media(session.number, leg.letter)
    number = session.switchboard.dial(
        place,
        session=session.number,
        letter=leg.letter,
        from_=from_,
        to=to,
        offer=port.offer(like.media, keyed=keyed),
        headers=headers,
        max_forwards=hops,
        peer=leg.destination,
        port=port,
    )

    def again() -> None:
        session.opened(_invite(leg, place, like, from_, to, headers, hops, keyed=True), leg)

    leg.signalling.branch(port, number, None if keyed else again)
    return number


def identity(like: Leg) -> tuple[tuple[Header, ...], bool]:
    """Return what a new leg carries of the incoming call's identity, and whether its caller is to be hidden.

    Privacy goes along, "user" hides the From (RFC 3323 s.4.2); an identity that a trunk asserted goes along unless "id"
    forbids it (RFC 3325 s.7); a Session-ID joins the legs for whoever reads the trace (RFC 7989).
    """
    if not like.incoming or not like.number:
        return (), False
    headers = like.session.switchboard.invite_of(like.number).headers
    carried: list[Header] = []
    privacy = headers.get("privacy") if "privacy" in headers else None
    wanted = {part.strip().lower() for part in (privacy or "").replace(",", ";").split(";")}
    if privacy is not None:
        carried.append(("Privacy", privacy))
    if "p-asserted-identity" in headers and like.trusted and "id" not in wanted:
        carried += [("P-Asserted-Identity", value) for value in headers.get_all("p-asserted-identity")]
    if "session-id" in headers:
        carried.append(("Session-ID", headers.get("session-id") or ""))
    return tuple(carried), "user" in wanted


def from_header(leg: Leg) -> str:
    """Return the From of a leg: its display name and the URI of its caller."""
    caller, domain = leg.caller_id, leg.session.application.domain
    uri = f"sip:{caller}@{domain}" if is_token(caller) and "%" not in caller else _uri_of(caller, domain)
    return f"{quoted(leg.display_name)} <{uri}>" if leg.display_name else f"<{uri}>"


def _uri_of(caller: str, domain: str) -> str:
    """Return the URI of who calls: a whole one as it is; else a user, whose characters may be anything a peer sent."""
    if caller.startswith(("sip:", "sips:", "tel:")):
        try:
            return str(Uri.parse(caller))
        except SipSyntaxError:
            return str(Uri.build(domain, caller))
    user, at, host = caller.rpartition("@")
    is_host = bool(at) and host.isascii() and host.replace(".", "").replace("-", "").isalnum()
    return str(Uri.build(host, user) if is_host else Uri.build(domain, caller))
