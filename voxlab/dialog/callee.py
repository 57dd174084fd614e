"""The callee's half of the INVITE usage: what answers an INVITE, and the ACK (RFC 3261 s.9.2, s.13.3, s.15), with
provisional responses that arrive (RFC 3262 s.3).

Must not know about transports, media or who owns the leg.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from voxlab.dialog.acceptance import AckTimers
from voxlab.dialog.dialog import Dialog, Header, check_lines
from voxlab.dialog.events import Confirmed, Failed, OfferAnswered, SessionOutput
from voxlab.dialog.leg_machine import Clock
from voxlab.dialog.modification import Given as Change
from voxlab.dialog.reliability import Deed, Given, Phase, Provisional, ReliableProvisionals, asked_for
from voxlab.dialog.session import ALLOW, Session
from voxlab.dialog.tables import CALLEE, Input, State
from voxlab.sip.message import Request, Response


class Callee(Session, table=CALLEE):
    """A leg that somebody else dialled."""

    __slots__ = ("_reliable", "_transaction")

    def __init__(
        self, leg: int, timers: AckTimers, emit: Callable[[SessionOutput], None], contact: str, local_tag: str
    ) -> None:
        super().__init__(leg, timers, emit, contact, local_tag)
        self._transaction = 0
        self._reliable: ReliableProvisionals | None = None

    def take(self, request: Request, transaction: int) -> None:
        """Become the callee of an INVITE that arrived in this server transaction.

        Raises
        ------
        SipSyntaxError
            Its From, Contact or Record-Route cannot be read.
        """
        self.dialog = Dialog.of_callee(request, self.local_tag, self._contact)
        self.call_id = request.call_id
        self.invite = self.first_invite = request
        self._transaction = transaction
        self.offer_in_invite = bool(request.body)

    def cancel(self, transaction: int, now: float) -> None:
        """Take a CANCEL; one of a second INVITE, which was refused, does not concern the first (s.9.2)."""
        if self.state is not State.INCOMING or transaction == self._transaction:
            super().cancel(transaction, now)

    def answer(self, now: float, sdp: bytes = b"", headers: Sequence[Header] = ()) -> None:
        """Accept the call with a 200; it waits for the PRACK of a reliable response that described something (RFC 3262
        s.3).
        """
        reliable = self._reliable
        if reliable is None or self.state is not State.INCOMING:
            super().answer(now, sdp, headers)
            return
        check_lines(headers=headers)
        deed = reliable.step(Given.ANSWER)
        if deed is Deed.HOLD:
            reliable.held = (sdp, headers)
        elif deed is Deed.ACCEPT:
            self._stop_clock(Clock.PROVISIONAL)
            super().answer(now, sdp, headers)

    def _send_provisional(self, now: float, argument: tuple[int, bytes, Sequence[Header]]) -> None:
        provisional = Provisional(*argument)
        asked = asked_for(self.invite)
        if asked == "required" or (asked and (provisional.sdp or self.wishes.reliable)):
            self._send_reliably(provisional, now)
        else:
            self._respond(self._transaction, self._provisional(provisional))

    def _provisional(self, provisional: Provisional, more: Sequence[Header] = ()) -> Response:
        status, sdp, headers = provisional
        lines = [("Contact", self._contact), *more, *headers]
        if more:
            lines.append(("Allow", ALLOW))
        if sdp:
            lines.append(("Content-Type", "application/sdp"))
        return self.invite.response(status, to_tag=self.local_tag, headers=lines, body=sdp)

    # -- reliable provisional responses (RFC 3262)

    def _send_reliably(self, provisional: Provisional, now: float) -> None:
        if self._reliable is None:
            self._reliable = ReliableProvisionals(self.local_tag)
        reliable = self._reliable
        deed = reliable.step(Given.SEND)
        if deed is Deed.QUEUE:
            reliable.queue.append(provisional)
        elif deed is Deed.SEND:
            response = self._provisional(provisional, reliable.lines())
            reliable.sent(response, now, self._timers.t1_s)
            self._start_clock(Clock.PROVISIONAL, reliable.due)
            self._respond(self._transaction, response)

    def _rang(self, clock: Clock, now: float) -> None:
        reliable = self._reliable
        if clock is not Clock.PROVISIONAL or reliable is None:
            super()._rang(clock, now)
            return
        deed = reliable.step(Given.OVERDUE if now >= reliable.deadline else Given.REPEAT_DUE)
        if deed is Deed.REPEAT and reliable.response is not None:
            self._respond(self._transaction, reliable.response)
            self._start_clock(Clock.PROVISIONAL, reliable.repeated(now))
        elif deed is Deed.GIVE_UP:
            self._step(Input.REJECT, now, (504, "No PRACK", ()))

    def _prack(self, request: Request, transaction: int, now: float) -> None:
        reliable = self._reliable
        if reliable is None or not reliable.matches(request):
            super()._prack(request, transaction, now)
            return
        self._stop_clock(Clock.PROVISIONAL)
        deed = reliable.step(Given.PRACK)
        acknowledged = reliable.acknowledged()
        self._take_prack(request, transaction, acknowledged, now)
        if deed is Deed.CONFIRM_AND_ACCEPT and reliable.held is not None:
            self._step(Input.ANSWER, now, reliable.held)
        elif reliable.queue and self.state is State.INCOMING:
            self._send_reliably(reliable.queue.popleft(), now)

    def _take_prack(self, request: Request, transaction: int, acknowledged: Response, now: float) -> None:
        """Answer a PRACK; a description in it answers ours, or is a new offer (RFC 3262 s.5)."""
        if not request.body or (self.offer_in_invite is False and acknowledged.body):
            self._respond(transaction, request.response(200))
            if request.body:
                self._emit(OfferAnswered(self.leg, request))
        else:
            self._turn(Change.PEER_UPDATE, now, (request, transaction))

    def _may_modify(self, method: str) -> bool:
        early = self._reliable
        if self.state is State.INCOMING and method == "UPDATE":
            return early is not None and early.described and early.phase is not Phase.HELD
        return super()._may_modify(method)

    def _offered_by_peer(self) -> bool:
        early = self.state is State.INCOMING and self.offer_in_invite
        return early and not (self._reliable is not None and self._reliable.described)

    def _offered_by_us(self) -> bool:
        if self.state is State.CONNECTED or self.offer_in_invite:
            return False
        return not (self._reliable is not None and self._reliable.described)

    def _accept(self, now: float, argument: tuple[bytes, Sequence[Header]]) -> None:
        sdp, headers = argument
        lines = [*self._success_headers(sdp), *self._timer_headers(self.invite, now), *headers]
        response = self.invite.response(200, to_tag=self.local_tag, headers=lines, body=sdp)
        self._accept_with(self._transaction, response, now)

    def _take_ack(self, now: float, request: Request) -> None:
        self._rest()
        self._emit(Confirmed(self.leg, request))

    def _defer_bye(self, now: float, headers: Sequence[Header]) -> None:
        self._parting = headers

    def _refuse(self, now: float, argument: tuple[int, str | None, Sequence[Header]]) -> None:
        status, reason, headers = argument
        self._refuse_with(status, reason, headers)

    def _refuse_unavailable(self, now: float, headers: Sequence[Header]) -> None:
        self._refuse_with(480, None, headers)

    def _terminate_invite(self, now: float, _: object) -> None:
        self._refuse_with(487, by_peer=True)

    def _answer_bye_early(self, now: float, argument: tuple[Request, int]) -> None:
        request, transaction = argument
        self._respond(transaction, request.response(200))
        self._terminate_invite(now, None)

    def _refuse_with(
        self, status: int, reason: str | None = None, headers: Sequence[Header] = (), *, by_peer: bool = False
    ) -> None:
        if self._reliable is not None:
            self._reliable.step(Given.FINAL)
        self._stop_clock()
        self._withdraw_offer(0.0, None)
        response: Response = self.invite.response(status, reason, to_tag=self.local_tag, headers=headers)
        self._respond(self._transaction, response)
        self._emit(Failed(self.leg, response.status, response.reason, by_peer=by_peer, response=None))
