"""What a stateful proxy remembers of one request: its branches and what they said (RFC 3261 s.16.2, s.16.7 item 6).

Must not know transactions or bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from voxlab.base.datagram import Flow
from voxlab.elements.target_set import Target, TargetSet
from voxlab.sip.message import Request, Response

# s.16.7 item 6: within a class, what helps to ask better is worth more.
_HELPFUL = (401, 407, 415, 420, 484)
_CHALLENGES = {401: "WWW-Authenticate", 407: "Proxy-Authenticate"}


class Final(NamedTuple):
    """How a branch ended: what came back, or the status that its failure counts as (``response`` is None then)."""

    status: int
    response: Response | None = None


class ResponseContext:
    """One request that was taken on, from its arrival to the end of its server transaction.

    Attributes
    ----------
    number : int
        Of the server transaction.
    request : Request or None
        As it arrived; let go with the final answer.
    call_id : str
        Of the request, also when that is let go.
    flow : Flow
        Where it came from.
    targets : TargetSet or None
        What is still to be tried; None where there was only one.
    routes : tuple of str or None
        The Route values that are left of those it had, None if it had none.
    part : str
        The second part of its branches (RFC 5393 s.4.2.1).
    ring_s : float
        How long a group of targets may ring while others wait.
    realm : str
        Whose credentials go no further.
    recurses : bool
        Whether a 3xx is followed (s.16.7 item 4).
    records : bool
        Whether Record-Route is added.
    open : tuple of Branch
        The branches that have no final response.
    finals : tuple of Final
        How the others ended.
    answered, cancelled : bool
        A final response went upstream; the caller has given up.
    """

    __slots__ = (
        "answered",
        "call_id",
        "cancelled",
        "finals",
        "flow",
        "is_invite",
        "number",
        "open",
        "part",
        "realm",
        "records",
        "recurses",
        "request",
        "ring_s",
        "routes",
        "targets",
    )

    def __init__(self, number: int, request: Request, flow: Flow, routes: tuple[str, ...] | None, part: str) -> None:
        self.number = number
        self.request: Request | None = request
        self.call_id = request.call_id
        self.flow = flow
        self.is_invite = request.method == "INVITE"
        self.routes = routes
        self.part = part
        self.targets: TargetSet | None = None
        self.ring_s = 0.0
        self.realm = ""
        self.recurses = self.records = False
        # Tuples, for they are empty once it is answered: thousands of these wait for the end of their transactions.
        self.open: tuple[Branch, ...] = ()
        self.finals: tuple[Final, ...] = ()
        self.answered = self.cancelled = False


class Branch:
    """One copy of the request under way.

    Attributes
    ----------
    number : int
        Of the client transaction.
    flows : tuple of Flow
        Where else the target can be reached should this way fail (RFC 3263 s.4.3).
    is_provisional, is_given_up : bool
        A provisional response has come; we have cancelled it.
    """

    __slots__ = ("context", "flows", "is_given_up", "is_provisional", "number", "target")

    def __init__(self, context: ResponseContext, target: Target, flows: tuple[Flow, ...]) -> None:
        self.context = context
        self.target = target
        self.flows = flows
        self.number = 0
        self.is_provisional = self.is_given_up = False


def best(finals: Iterable[Final]) -> Final:
    """Choose the response that goes upstream (s.16.7 item 6): a 6xx, else the lowest class.

    Within a class the most helpful wins, a 503 comes last, and of equals the first.
    """
    return min(finals, key=_rank)


def _rank(final: Final) -> tuple[int, int]:
    status = final.status
    if status >= 600:
        return 0, 0
    return status // 100, 0 if status in _HELPFUL else 2 if status in {408, 503} else 1


def gathered_challenges(chosen: Final, finals: Iterable[Final]) -> list[tuple[str, str]]:
    """Return the challenges of all other branches that a 401 or 407 has to carry, too (s.16.7 item 7)."""
    if chosen.status not in _CHALLENGES:
        return []
    return [
        (name, value)
        for final in finals
        if final is not chosen and final.response is not None and final.status in _CHALLENGES
        for name in _CHALLENGES.values()
        for value in final.response.headers.get_all(name)
    ]
