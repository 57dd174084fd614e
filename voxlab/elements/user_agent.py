"""The user agent: many legs over one transaction layer (RFC 3261 s.8, s.9.2, s.11, s.13-15).

Must not know who owns a leg: a phone's behaviour and a cloud's scenario both give commands by leg number and read leg
events.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from voxlab.base.datagram import Flow
from voxlab.base.errors import VoxlabError
from voxlab.dialog.caller import Caller
from voxlab.dialog.dialog import Header
from voxlab.dialog.events import LegEvent
from voxlab.dialog.session import Credentials, Session
from voxlab.dialog.session_timer import NO_WISHES, Wishes
from voxlab.dialog.sipfrag import Destination
from voxlab.dialog.tables import State
from voxlab.elements.admission import Admission, Admit, Incoming, Refused, admit_everyone
from voxlab.elements.legs import Leg, believed_host
from voxlab.elements.transaction_user import TransactionUser, Wiring
from voxlab.sip.message import Response


class UserAgent(TransactionUser):
    """The INVITE usages of one host; its parameters are those of ``TransactionUser``."""

    # -- the four verbs

    def next_timeout(self) -> float | None:
        """When a leg is due, None where none is."""
        return self._legs.next_timeout()

    def next_s(self) -> float:
        """Return the same for whoever compares it with other deadlines: infinity where no leg is due."""
        return self._legs.next_s()

    def handle_timeout(self, now: float) -> None:
        """Let every leg whose deadline has come do what is due."""
        self._now = now
        while (leg := self._legs.pop_due(now)) is not None:
            leg.session.handle_timeout(now)
            self._settle(leg)

    def poll(self) -> list[LegEvent | Incoming | Refused]:
        """Drain the leg events."""
        events, self._events = self._events, []
        return events

    def transaction_ended(self, number: int) -> None:
        """Forget a transaction that is over."""
        self._legs.transaction_ended(number)

    # -- commands

    def dial(
        self,
        target: str,
        flow: Flow,
        *,
        from_: str,
        to: str | None = None,
        offer: bytes = b"",
        headers: Sequence[Header] = (),
        credentials: Credentials | None = None,
        max_forwards: int = 70,
        call_id: str | None = None,
        wishes: Wishes = NO_WISHES,
        now: float,
    ) -> int:
        """Send an INVITE to ``target`` over ``flow`` and return the number of the new leg.

        ``from_`` and ``to`` are name-addr texts without tags; without ``to`` the target is used.

        Raises
        ------
        VoxlabError
            A text holds a line end.
        """
        self._now = now
        ids = self._ids
        session = Caller(self._legs.new_number(), self._timers, self._emit, self._contact(flow, target), ids.tag())
        session.call_id = call_id or ids.call_id(flow.local.host)
        leg = Leg(session, flow)
        if not any(name == "Route" for name, _ in headers):
            leg.believed_host = believed_host(target, flow)
        self._legs.add(leg)
        try:
            session.dial(
                target,
                from_=from_,
                to=to or f"<{target}>",
                offer=offer,
                headers=headers,
                credentials=credentials,
                max_forwards=max_forwards,
                wishes=wishes,
            )
        except VoxlabError:
            self._legs.release(leg)
            raise
        self._settle(leg)
        return session.leg

    def ring(
        self, leg: int, now: float, *, status: int = 180, sdp: bytes = b"", headers: Sequence[Header] = ()
    ) -> None:
        """Send a provisional response on an incoming leg."""
        self._command(leg, now, lambda session: session.ring(now, status, sdp, headers))

    def answer(self, leg: int, now: float, *, sdp: bytes = b"", headers: Sequence[Header] = ()) -> None:
        """Accept an incoming leg."""
        self._command(leg, now, lambda session: session.answer(now, sdp, headers))

    def reject(
        self, leg: int, now: float, status: int, reason: str | None = None, headers: Sequence[Header] = ()
    ) -> None:
        """Refuse an incoming leg with 300 to 699."""
        self._command(leg, now, lambda session: session.reject(now, status, reason, headers))

    def hang_up(self, leg: int, now: float, headers: Sequence[Header] = ()) -> None:
        """End a leg whatever its state; a leg that has ended stays so."""
        if self._legs.get(leg) is not None:
            self._command(leg, now, lambda session: session.hang_up(now, headers))

    def send(
        self, leg: int, now: float, method: str, content_type: str, body: bytes, headers: Sequence[Header] = ()
    ) -> None:
        """Send an INFO or MESSAGE inside the dialog of a leg."""
        self._command(leg, now, lambda session: session.send(method, content_type, body, headers))

    def confirm(self, leg: int, now: float, sdp: bytes) -> None:
        """Send the ACK with the answer, on a leg that was dialled without an offer."""
        self._command(leg, now, lambda session: session.confirm_with_answer(sdp))

    def modify(
        self, leg: int, now: float, *, sdp: bytes = b"", method: str = "INVITE", headers: Sequence[Header] = ()
    ) -> None:
        """Ask for a change of the session by re-INVITE or UPDATE; see ``Renegotiation.modify``."""
        self._command(leg, now, lambda session: session.modify(now, sdp, headers, method=method))

    def answer_offer(self, leg: int, now: float, sdp: bytes) -> None:
        """Accept a re-INVITE or UPDATE."""
        self._command(leg, now, lambda session: session.answer_offer(now, sdp))

    def refuse_offer(self, leg: int, now: float, status: int = 488) -> None:
        """Refuse a re-INVITE or UPDATE; the session goes on as it was."""
        self._command(leg, now, lambda session: session.refuse_offer(status))

    def answer_in_ack(self, leg: int, now: float, sdp: bytes) -> None:
        """Answer the offer that the 2xx to our re-INVITE without an offer brought."""
        self._command(leg, now, lambda session: session.answer_in_ack(now, sdp))

    def answer_early_offer(self, leg: int, now: float, response: Response, sdp: bytes) -> None:
        """Answer the offer that a reliable provisional response brought."""
        self._command(leg, now, lambda session: session.answer_early_offer(response, sdp))

    def refer(self, leg: int, now: float, to: Destination, headers: Sequence[Header] = ()) -> None:
        """Ask the far end to call somebody else."""
        self._command(leg, now, lambda session: session.refer(to, headers))

    def accept_refer(self, leg: int, now: float) -> None:
        """Accept a REFER; ``notify_refer`` says how the new call goes."""
        self._command(leg, now, lambda session: session.accept_refer())

    def refuse_refer(self, leg: int, now: float, status: int = 603) -> None:
        """Refuse a REFER."""
        self._command(leg, now, lambda session: session.refuse_refer(status))

    def notify_refer(self, leg: int, now: float, status: int, reason: str) -> None:
        """Tell who referred us how far the new call has come; nothing where the first call is over."""
        if self._legs.get(leg) is not None:
            self._command(leg, now, lambda session: session.notify_refer(status, reason))

    def flow_of(self, leg: int) -> Flow | None:
        """Return the flow that a leg began with, None when it is gone."""
        entry = self._legs.get(leg)
        return entry.flow if entry else None

    def state(self, leg: int) -> State:
        """Return where a leg stands; one that is gone has ended."""
        entry = self._legs.get(leg)
        return entry.session.state if entry else State.ENDED

    def session(self, leg: int) -> Session | None:
        """Return the session of a leg to read from, None when it is gone."""
        entry = self._legs.get(leg)
        return entry.session if entry else None

    def sessions(self) -> list[Session]:
        """Return the sessions of all legs, to read from."""
        return self._legs.sessions()

    def session_in(self, call_id: str, local_tag: str) -> Session | None:
        """Return the session of this dialog, None for none."""
        entry = self._legs.in_dialog(call_id, local_tag)
        return entry.session if entry else None

    def _command(self, number: int, now: float, command: Callable[[Session], None]) -> None:
        leg = self._legs.get(number)
        if leg is None:
            raise VoxlabError(f"leg {number} has ended: there is nothing left to command")
        self._now = now
        command(leg.session)
        self._settle(leg)

    def __repr__(self) -> str:
        return f"UserAgent({len(self._legs)} legs, {self.calls_in} of them incoming)"


__all__ = ["Admission", "Admit", "Incoming", "Refused", "UserAgent", "Wiring", "admit_everyone"]
