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
    """The callee accepted; the ACK is on its way."""

    leg: int
    response: Response


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


class OfferReceived(NamedTuple):
    """A re-INVITE arrived: answer it with ``answer_offer`` or ``refuse_offer`` (s.14.2)."""

    leg: int
    request: Request


class OfferAnswered(NamedTuple):
    """The ACK to our 200 to a re-INVITE brought the answer to the offer in that 200 (s.14.2, s.13.2.1)."""

    leg: int
    ack: Request


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
    Progress | Answered | Confirmed | Failed | Ended | OfferReceived | OfferAnswered | RequestReceived | RequestAnswered
)
SessionOutput = LegEvent | SendRequest | SendResponse | SendCancel | ResendAck
