"""The re-INVITE that a leg receives: one at a time, answered or refused by the owner (RFC 3261 s.14.2, RFC 5407 s.3.1).

Must not know what is offered; that is ``offer_answer``'s.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

from voxlab.base.errors import VoxlabError
from voxlab.dialog.acceptance import AckTimers
from voxlab.dialog.dialog import Dialog, Header
from voxlab.dialog.events import OfferAnswered, OfferReceived, SessionOutput
from voxlab.dialog.leg_machine import LegMachine
from voxlab.sip.message import Request

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, MESSAGE"


class Renegotiation(LegMachine):
    """What ``Session`` does with a re-INVITE.

    Attributes
    ----------
    dialog : Dialog or None
        None until a response with a To tag was seen or sent.
    local_tag : str
    """

    __slots__ = ("_contact", "_pending", "dialog", "local_tag")

    def __init__(
        self, leg: int, timers: AckTimers, emit: Callable[[SessionOutput], None], contact: str, local_tag: str
    ) -> None:
        super().__init__(leg, timers, emit)
        self.dialog: Dialog | None = None
        self.local_tag = local_tag
        self._contact = contact
        self._pending: tuple[Request, int] | None = None

    # -- commands of the owner

    def answer_offer(self, now: float, sdp: bytes) -> None:
        """Accept the re-INVITE that ``OfferReceived`` announced."""
        request, transaction = self._take_pending()
        self._accept_with(transaction, request.response(200, headers=self._success_headers(sdp), body=sdp), now)

    def refuse_offer(self, status: int = 488) -> None:
        """Refuse the re-INVITE; the session goes on as it was (s.14.2)."""
        request, transaction = self._take_pending()
        self._respond(transaction, request.response(status))

    def _take_pending(self) -> tuple[Request, int]:
        pending, self._pending = self._pending, None
        if pending is None:
            raise VoxlabError(f"no re-INVITE waits for an answer; the call is {self.state.name.lower()}")
        return pending

    # -- actions

    def _take_offer(self, now: float, argument: tuple[Request, int]) -> None:
        if self._pending is not None:
            self._refuse_second(now, argument)
        elif self._acceptance is not None:
            self._refuse_pending(now, argument)
        elif self.dialog is not None:
            self.dialog.refresh_target(argument[0])
            self._pending = argument
            self._emit(OfferReceived(self.leg, argument[0]))

    def _refuse_second(self, now: float, argument: tuple[Request, int]) -> None:
        request, transaction = argument
        # s.14.2: a random delay from 0 to 10 s; our tag is random, so this is.
        retry_after_s = zlib.crc32(f"{self.local_tag}{request.cseq}".encode()) % 11
        self._respond(transaction, request.response(500, headers=[("Retry-After", str(retry_after_s))]))

    def _refuse_pending(self, now: float, argument: tuple[Request, int]) -> None:
        self._respond(argument[1], argument[0].response(491))

    def _withdraw_offer(self, now: float, transaction: int | None) -> None:
        """Answer the re-INVITE that waits, if it is this one (None: whichever), with 487 (s.9.2, s.15.1.2)."""
        if self._pending is not None and transaction in {None, self._pending[1]}:
            request, number = self._take_pending()
            self._respond(number, request.response(487))

    def _take_later_ack(self, now: float, request: Request) -> None:
        self._rest()
        if request.body:
            self._emit(OfferAnswered(self.leg, request))

    def _success_headers(self, sdp: bytes) -> list[Header]:
        lines = [("Contact", self._contact), ("Allow", ALLOW)]
        if sdp:
            lines.append(("Content-Type", "application/sdp"))
        return lines
