"""The legs of a user agent, and how each is found: by number, dialog, transaction, or because it is due.

RFC 3261 s.12 (the dialog identifier), s.8.2.2.2 (merged requests). Must not know what a leg does.
"""

from __future__ import annotations

import heapq
from math import inf
from typing import TypeAlias

from voxlab.base.datagram import Flow, Transmit
from voxlab.base.errors import SipSyntaxError
from voxlab.dialog.session import Session
from voxlab.dialog.tables import State
from voxlab.elements.locating import is_numeric
from voxlab.sip.message import Request
from voxlab.sip.uri import Uri

MergeKey: TypeAlias = tuple[str, str | None, int]


class Leg:
    """A session with the flow that it uses and the transactions that belong to it.

    Attributes
    ----------
    believed_host : str
        Where a far end behind a NAT believes to be, "" for one that is where it says: what is sent there goes by the
        flow.
    """

    __slots__ = ("acks", "believed_host", "flow", "invite_number", "invite_open", "session", "wanted")

    def __init__(self, session: Session, flow: Flow) -> None:
        self.session = session
        self.flow = flow
        self.believed_host = ""
        self.invite_number = 0
        self.invite_open = False
        self.wanted: float | None = None
        self.acks: dict[tuple[str, int], Transmit] = {}


class Legs:
    """All legs of a user agent.

    Attributes
    ----------
    incoming : int
        How many of them others started.
    """

    def __init__(self) -> None:
        self.incoming = 0
        self.clients: dict[int, tuple[Leg, Request]] = {}
        self.servers: dict[int, Leg] = {}
        self._by_number: dict[int, Leg] = {}
        self._by_dialog: dict[tuple[str, str], Leg] = {}
        self._invites: dict[MergeKey, int] = {}
        self._deadlines: list[tuple[float, int]] = []
        self._last_number = 0

    def new_number(self) -> int:
        """Return the number of a leg to be."""
        self._last_number += 1
        return self._last_number

    def add(self, leg: Leg) -> None:
        """Keep a leg; its session has its Call-ID."""
        session = leg.session
        self._by_number[session.leg] = leg
        self._by_dialog[session.call_id, session.local_tag] = leg

    def admit(self, leg: Leg, transaction: int) -> None:
        """Keep a leg that the INVITE of this server transaction started."""
        self.add(leg)
        leg.invite_number = transaction
        self.servers[transaction] = leg
        self._invites[merge_key(leg.session.first_invite)] = transaction
        self.incoming += 1

    def get(self, number: int) -> Leg | None:
        """Return the leg of that number, None when it is gone."""
        return self._by_number.get(number)

    def sessions(self) -> list[Session]:
        """Return the sessions of all legs."""
        return [leg.session for leg in self._by_number.values()]

    def in_dialog(self, call_id: str, local_tag: str | None) -> Leg | None:
        """Return the leg to which a message with these belongs."""
        return self._by_dialog.get((call_id, local_tag or ""))

    def is_merged(self, request: Request) -> bool:
        """Whether an INVITE is the copy, by another path, of one whose transaction still runs (s.8.2.2.2)."""
        return merge_key(request) in self._invites

    def settle(self, leg: Leg) -> None:
        """Keep the leg's deadline, and let go of a leg that has ended and expects nothing more."""
        session = leg.session
        due = session.next_timeout()
        if due != leg.wanted:
            leg.wanted = due
            if due is not None:
                heapq.heappush(self._deadlines, (due, session.leg))
        if session.state is State.ENDED and not leg.invite_open:
            self.release(leg)

    def transaction_ended(self, number: int) -> None:
        """Forget a transaction that is over, and the leg that waited for nothing else."""
        entry = self.clients.pop(number, None)
        if entry is not None:
            leg = entry[0]
            if number == leg.invite_number:
                leg.invite_open = False
                self.settle(leg)
            return
        served = self.servers.pop(number, None)
        if served is not None and served.invite_number == number:
            del self._invites[merge_key(served.session.first_invite)]

    def next_s(self) -> float:
        """When a leg is due, infinity where none is."""
        due = self.next_timeout() if self._deadlines else None
        return inf if due is None else due

    def next_timeout(self) -> float | None:
        """When a leg is due, None where none is."""
        deadlines = self._deadlines
        while deadlines:
            due, number = deadlines[0]
            leg = self._by_number.get(number)
            if leg is not None and leg.wanted == due:
                return due
            heapq.heappop(deadlines)
        return None

    def pop_due(self, now: float) -> Leg | None:
        """Return a leg whose deadline has come, None where there is none."""
        due = self.next_timeout()
        if due is None or due > now:
            return None
        leg = self._by_number[heapq.heappop(self._deadlines)[1]]
        leg.wanted = None
        return leg

    def release(self, leg: Leg) -> None:
        """Let go of a leg."""
        session = leg.session
        if self._by_number.pop(session.leg, None) is not None:
            del self._by_dialog[session.call_id, session.local_tag]
            self.incoming -= session.incoming

    def __len__(self) -> int:
        return len(self._by_number)


def believed_host(uri_text: str, flow: Flow) -> str:
    """Return the host of a URI where a datagram flow leads elsewhere, which only a NAT between us explains; else ""."""
    if flow.reliable or f"{flow.remote}" in uri_text:
        return ""
    try:
        host = Uri.parse(uri_text).host
    except SipSyntaxError:
        return ""
    return host if host != flow.remote.host and is_numeric(host) else ""


def merge_key(request: Request) -> MergeKey:
    """Return what two copies of one request have in common (s.8.2.2.2)."""
    return request.call_id, request.from_tag, request.cseq
