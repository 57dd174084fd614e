"""The callee's half of the INVITE usage: what answers an INVITE, and the ACK (RFC 3261 s.9.2, s.13.3, s.15).

Must not know about transports, media or who owns the leg.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from voxlab.dialog.acceptance import AckTimers
from voxlab.dialog.dialog import Dialog, Header
from voxlab.dialog.events import Confirmed, Failed, SessionOutput
from voxlab.dialog.session import Session
from voxlab.dialog.tables import CALLEE, State
from voxlab.sip.message import Request, Response


class Callee(Session, table=CALLEE):
    """A leg that somebody else dialled."""

    __slots__ = ("_transaction",)

    def __init__(
        self, leg: int, timers: AckTimers, emit: Callable[[SessionOutput], None], contact: str, local_tag: str
    ) -> None:
        super().__init__(leg, timers, emit, contact, local_tag)
        self._transaction = 0

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

    def _send_provisional(self, now: float, argument: tuple[int, bytes, Sequence[Header]]) -> None:
        status, sdp, headers = argument
        lines = [("Contact", self._contact), *headers]
        if sdp:
            lines.append(("Content-Type", "application/sdp"))
        self._respond(self._transaction, self.invite.response(status, to_tag=self.local_tag, headers=lines, body=sdp))

    def _accept(self, now: float, argument: tuple[bytes, Sequence[Header]]) -> None:
        sdp, headers = argument
        lines = [*self._success_headers(sdp), *headers]
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
        response: Response = self.invite.response(status, reason, to_tag=self.local_tag, headers=headers)
        self._respond(self._transaction, response)
        self._emit(Failed(self.leg, response.status, response.reason, by_peer=by_peer, response=None))
