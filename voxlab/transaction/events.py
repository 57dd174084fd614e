"""What the transaction layer tells its user, between the ``Transmit``s of ``poll()``.

RFC 3261 s.17 (the TU's side of each machine). Values only: must not know tables, timers or matching.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from voxlab.base.datagram import Flow, Transmit
from voxlab.sip.message import Request, Response


class RequestArrived(NamedTuple):
    """A request that is no retransmission: answer it with ``respond(number, ...)``."""

    number: int
    request: Request
    flow: Flow


class AckArrived(NamedTuple):
    """The ACK to a 2xx: it belongs to a dialog, not to a transaction (RFC 3261 s.17.1.1, RFC 6026 s.7.1)."""

    request: Request
    flow: Flow


class ResponseArrived(NamedTuple):
    """A response to the request of client transaction ``number``; an INVITE's every 2xx, be it repeated or forked."""

    number: int
    response: Response
    flow: Flow


class StrayResponse(NamedTuple):
    """A 2xx to INVITE that no machine absorbs: whoever knows its dialog sends the ACK again."""

    response: Response
    flow: Flow


class TransactionFailed(NamedTuple):
    """No answer came, or nothing could be sent. A client takes it as 408 or 503 (RFC 3261 s.8.1.3.1).

    On a client transaction ``TransactionEnded`` follows at once; a server transaction may live on to absorb
    retransmissions (RFC 6026 s.7.1), so that "transport" can be told more than once.
    """

    number: int
    cause: Literal["timeout", "transport"]


class TransactionEnded(NamedTuple):
    """The machine is gone and its number will not be used again."""

    number: int


Event: TypeAlias = RequestArrived | AckArrived | ResponseArrived | StrayResponse | TransactionFailed | TransactionEnded
Output: TypeAlias = Transmit | Event
