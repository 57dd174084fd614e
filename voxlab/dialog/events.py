"""What a session tells its owner: the leg events, and what it asks the layer below to send (RFC 3261 s.13-15).

Values only. ``leg`` is the number under which the user agent keeps the session.
"""

from __future__ import annotations

from typing import NamedTuple

from voxlab.sip.message import Request, Response


class SendRequest(NamedTuple):
    """Start a client transaction for ``request``; an ACK is sent without one.

    ``next_hop`` is the URI whose host gets it, "" where the leg's own flow is meant (s.8.1.2).
    """

    leg: int
    request: Request
    next_hop: str = ""


class SendResponse(NamedTuple):
    """Answer the server transaction with this number."""

    leg: int
    transaction: int
    response: Response


class ResendAck(NamedTuple):
    """Send the ACK to the callee with this tag once more, as it was (s.13.2.2.4)."""

    leg: int
    remote_tag: str
    cseq: int


class SendCancel(NamedTuple):
    """Cancel the INVITE of this leg (s.9.1)."""

    leg: int
    headers: tuple[tuple[str, str], ...] = ()


class Progress(NamedTuple):
    """A provisional response other than 100 arrived: 180 rings, 183 usually brings early media."""

    leg: int
    status: int
    response: Response


class Answered(NamedTuple):
    """The callee accepted; the ACK is on its way.

    ``described`` holds its description: the 2xx, or the reliable provisional response before it (RFC 3262 s.5).
    """

    leg: int
    response: Response
    described: Response


class Confirmed(NamedTuple):
    """The caller's ACK arrived: the call that we answered stands; an ACK may carry the answer to our offer."""

    leg: int
    ack: Request


class Failed(NamedTuple):
    """The call never stood: ``status`` and ``reason`` say how, ``by_peer`` whether the peer said so or we gave up.

    Also said of a call whose 200 crossed our CANCEL, or could not be read, once it is hung up. A leg says either
    this or ``Ended``, once.
    """

    leg: int
    status: int
    reason: str
    by_peer: bool
    response: Response | None


class Ended(NamedTuple):
    """An answered call is over; ``cause`` is "hang up" or "no ACK"."""

    leg: int
    by_peer: bool
    cause: str
    request: Request | None


class EarlyOffer(NamedTuple):
    """A reliable provisional response brought an offer: answer it with ``answer_early_offer`` (RFC 3262 s.5)."""

    leg: int
    response: Response


class OfferReceived(NamedTuple):
    """A re-INVITE, UPDATE or PRACK offers something new: ``answer_offer`` or ``refuse_offer`` (s.14.2, RFC 3311)."""

    leg: int
    request: Request


class OfferWithdrawn(NamedTuple):
    """The re-INVITE that ``OfferReceived`` announced was cancelled; it wants no answer any more (s.9.2)."""

    leg: int


class OfferAnswered(NamedTuple):
    """The ACK to our 200 to a re-INVITE brought the answer to the offer in that 200 (s.14.2, s.13.2.1)."""

    leg: int
    ack: Request


class OfferAccepted(NamedTuple):
    """Our re-INVITE or UPDATE was accepted; the response holds the answer, if we offered anything."""

    leg: int
    method: str
    response: Response


class AnswerWanted(NamedTuple):
    """Our re-INVITE without an offer got one in its 2xx: ``answer_in_ack`` sends the ACK with the answer (s.14.1)."""

    leg: int
    response: Response


class OfferRefused(NamedTuple):
    """Our re-INVITE or UPDATE was refused, or got no answer: the session is as it was (s.14.1, RFC 6141 s.3.1).

    After a 491 ``RetryDue`` follows, unless something else is asked for before.
    """

    leg: int
    method: str
    status: int
    reason: str
    response: Response | None


class RetryDue(NamedTuple):
    """The time to wait after a 491 is over: the change may be asked for again, if it is still wanted (s.14.1)."""

    leg: int


class RefreshDue(NamedTuple):
    """The session is to be refreshed by a re-INVITE with what was described before (RFC 4028 s.7.4)."""

    leg: int


class ReferReceived(NamedTuple):
    """A REFER arrived inside the dialog: ``accept_refer`` or ``refuse_refer`` (RFC 3515 s.2.4.4)."""

    leg: int
    request: Request


class ReferProgress(NamedTuple):
    """A NOTIFY told how far the referred call has come; ``final`` when nothing more will come (RFC 3515 s.2.4.5)."""

    leg: int
    status: int
    reason: str
    final: bool


class RequestReceived(NamedTuple):
    """An INFO or MESSAGE arrived inside the dialog and was answered 200."""

    leg: int
    request: Request


class RequestAnswered(NamedTuple):
    """The final response to a request that was sent inside the dialog by ``send``."""

    leg: int
    method: str
    status: int


LegEvent = (
    Progress
    | Answered
    | Confirmed
    | Failed
    | Ended
    | EarlyOffer
    | OfferReceived
    | OfferWithdrawn
    | OfferAnswered
    | OfferAccepted
    | AnswerWanted
    | OfferRefused
    | RetryDue
    | RefreshDue
    | ReferReceived
    | ReferProgress
    | RequestReceived
    | RequestAnswered
)
SessionOutput = LegEvent | SendRequest | SendResponse | SendCancel | ResendAck
