"""Who decides what becomes of a request from outside, and the four things that can be decided (RFC 3261 s.16.2-16.5,
s.22).

Must not know accounts, rules or scenarios: the policy that does answers synchronously through ``RoutingPolicy``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from voxlab.base.datagram import Flow
from voxlab.elements.keyring import Header
from voxlab.elements.target_set import Target
from voxlab.elements.user_agent import Admission, Admit
from voxlab.sip.message import Request
from voxlab.sip.uri import Uri


class Handle(NamedTuple):
    """Take the call here; ``target`` is what the policy knows about it, opaque to every element."""

    target: object


class Route(NamedTuple):
    """Pass the request on (``elements/proxy.py``).

    Attributes
    ----------
    targets : tuple of Target
        Where to; of equal q in parallel, a higher before a lower (RFC 3261 s.16.6).
    target : object
        What the policy knows about it, opaque to every element.
    recurses : bool
        Whether the contacts of a 3xx are tried too (s.16.7 item 4).
    ring_s : float
        How long targets may ring while others of a lower q wait.
    realm : str
        Whose credentials are taken out of the request, "" for none (s.22.3).
    """

    targets: tuple[Target, ...]
    target: object = None
    recurses: bool = True
    ring_s: float = 20.0
    realm: str = ""


class Reject(NamedTuple):
    """Refuse with ``status``; ``why`` is the true reason, which the journal keeps and the wire does not show."""

    status: int
    reason: str | None = None
    why: str = ""
    headers: tuple[Header, ...] = ()


class Challenge(NamedTuple):
    """Ask who this is: 407 with the challenges for ``realm``, the preferred algorithm first (RFC 8760 s.2.4)."""

    realm: str
    headers: tuple[Header, ...]
    why: str = ""
    status: int = 407


Answer = Handle | Route | Reject | Challenge


class RoutingPolicy(Protocol):
    """Decides at once what becomes of a request outside a dialog; never asked about REGISTER, ACK or CANCEL."""

    def forwards(self, request: Request) -> bool:
        """Say, before anybody is authenticated, whether ``route`` might answer with ``Route``."""

    def route(self, request: Request, flow: Flow, now: float) -> Answer:
        """Return what to do with ``request``, which came over ``flow``."""

    def redirected(self, uri: Uri, now: float) -> Sequence[Target]:
        """Return the targets that the Contact of a 3xx stands for, none where it is not to be followed."""

    def serves(self, host: str) -> bool:
        """Whether a host name is ours."""


class AskedOnce:
    """Asks a policy once about a request: proxy and user agent both want to know, and a nonce count works once."""

    def __init__(self, policy: RoutingPolicy) -> None:
        self.forwards = policy.forwards
        self.redirected = policy.redirected
        self.serves = policy.serves
        self._policy = policy
        self._last: tuple[Request, Answer] | None = None

    def route(self, request: Request, flow: Flow, now: float) -> Answer:
        """Return what the policy says."""
        if self._last is not None and self._last[0] is request:
            answer, self._last = self._last[1], None
            return answer
        answer = self._policy.route(request, flow, now)
        self._last = (request, answer) if isinstance(answer, Handle) else None
        return answer


def admit_by(policy: RoutingPolicy) -> Admit:
    """Return ``policy`` in the form in which a user agent asks."""

    def admit(request: Request, flow: Flow, now: float) -> Admission:
        answer = policy.route(request, flow, now)
        if isinstance(answer, Handle):
            return Admission(0, answer.target)
        if isinstance(answer, Route):
            return Admission(500, why="a request to be passed on has reached the user agent")
        reason = answer.reason if isinstance(answer, Reject) else None
        return Admission(answer.status, None, reason, answer.headers, answer.why)

    return admit
