"""Who decides what becomes of a request from outside, and the three things that can be decided (RFC 3261 s.16.2-16.5,
s.22).

Must not know accounts, rules or scenarios: the policy that does answers synchronously through ``RoutingPolicy``.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from voxlab.base.datagram import Flow
from voxlab.elements.keyring import Header
from voxlab.elements.user_agent import Admission, Admit
from voxlab.sip.message import Request


class Handle(NamedTuple):
    """Take the call here; ``target`` is what the policy knows about it, opaque to every element."""

    target: object


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


Answer = Handle | Reject | Challenge


class RoutingPolicy(Protocol):
    """Decides at once what becomes of a request outside a dialog; never asked about REGISTER, ACK or CANCEL."""

    def route(self, request: Request, flow: Flow, now: float) -> Answer:
        """Return what to do with ``request``, which came over ``flow``."""


def admit_by(policy: RoutingPolicy) -> Admit:
    """Return ``policy`` in the form in which a user agent asks."""

    def admit(request: Request, flow: Flow, now: float) -> Admission:
        answer = policy.route(request, flow, now)
        if isinstance(answer, Handle):
            return Admission(0, answer.target)
        reason = answer.reason if isinstance(answer, Reject) else None
        return Admission(answer.status, None, reason, answer.headers, answer.why)

    return admit
