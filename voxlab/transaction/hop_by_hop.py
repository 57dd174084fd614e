"""The two requests that the client side makes out of an INVITE for the same next hop: ACK to a non-2xx, and CANCEL.

RFC 3261 s.17.1.1.3, s.9.1, s.8.1.1.6. Must not know when they are sent.
"""

from __future__ import annotations

from collections.abc import Iterable

from voxlab.sip.message import Request, Response

_MAX_FORWARDS = "70"


def ack_to_failure(invite: Request, via: str, response: Response) -> Request:
    """Build the ACK to a 300-699: everything of the INVITE, the To of the response (s.17.1.1.3)."""
    to = response.headers.get("to") or invite.headers.get("to") or ""
    return _build("ACK", invite, via, to, response.to_tag, ())


def cancel_of(invite: Request, via: str, extra: Iterable[tuple[str, str]]) -> Request:
    """Build the CANCEL of an INVITE; ``extra`` may add Reason, not Require nor Proxy-Require (s.9.1)."""
    return _build("CANCEL", invite, via, invite.headers.get("to") or "", invite.to_tag, extra)


def _build(
    method: str, invite: Request, via: str, to: str, to_tag: str | None, extra: Iterable[tuple[str, str]]
) -> Request:
    headers = invite.headers
    fields = [("Via", via), ("Max-Forwards", _MAX_FORWARDS)]
    fields += [("Route", route) for route in headers.get_all("route")]
    fields += [
        ("From", headers.get("from") or ""),
        ("To", to),
        ("Call-ID", invite.call_id),
        ("CSeq", f"{invite.cseq} {method}"),
        *extra,
    ]
    request = Request.build(
        method,
        invite.uri_text,
        fields,
        call_id=invite.call_id,
        cseq=invite.cseq,
        from_tag=invite.from_tag,
        to_tag=to_tag,
    )
    request.branch = invite.branch
    return request
