"""Changing a session that stands: our re-INVITE and UPDATE, and theirs, one offer at a time (RFC 3261 s.14, RFC 3311).

Follows ``modification.STEPS``. Must not know what is offered; that is ``offer_answer``'s.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Any

from voxlab.base.errors import VoxlabError
from voxlab.dialog.acceptance import AckTimers
from voxlab.dialog.dialog import Dialog, Header, check_lines
from voxlab.dialog.events import (
    AnswerWanted,
    OfferAccepted,
    OfferAnswered,
    OfferReceived,
    OfferRefused,
    OfferWithdrawn,
    ResendAck,
    RetryDue,
    SendRequest,
    SessionOutput,
)
from voxlab.dialog.leg_machine import Clock, LegMachine
from voxlab.dialog.modification import BUSY, DOING, STEPS, UNTIMELY, Deed, Given, Turn, back_off_s
from voxlab.dialog.tables import Input, State
from voxlab.sip.message import Request, Response

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, MESSAGE, UPDATE, PRACK, REFER, NOTIFY"
_OVER = (State.ENDING, State.ENDED)
CREDENTIALS = ("Authorization", "Proxy-Authorization")


class Renegotiation(LegMachine):
    """What ``Session`` does to change what was agreed.

    Attributes
    ----------
    dialog : Dialog or None
        None until a response with a To tag was seen or sent.
    local_tag : str
    turn : Turn
        Whose request to change the session is under way.
    """

    __slots__ = ("_awaits_answer", "_contact", "_ours", "_pending", "dialog", "local_tag", "turn")

    def __init__(
        self, leg: int, timers: AckTimers, emit: Callable[[SessionOutput], None], contact: str, local_tag: str
    ) -> None:
        super().__init__(leg, timers, emit)
        self.dialog: Dialog | None = None
        self.local_tag = local_tag
        self.turn = Turn.STABLE
        self._contact = contact
        self._pending: tuple[Request, int] | None = None
        self._ours: Request | None = None
        self._awaits_answer = False

    # -- commands of the owner

    def modify(self, now: float, sdp: bytes = b"", headers: Sequence[Header] = (), *, method: str = "INVITE") -> None:
        """Ask for a change of the session: an offer, or with ``INVITE`` and no ``sdp`` the wish to get one.

        ``OfferAccepted``, ``AnswerWanted`` or ``OfferRefused`` tells how it went; after a 491 ``RetryDue`` says when to
        ask again (s.14.1).

        Raises
        ------
        VoxlabError
            The call does not stand, or an offer is under way already.
        """
        check_lines(headers=headers)
        if not self._may_modify(method):
            raise VoxlabError(f"a call that is {self.state.name.lower()} cannot be changed by {method}")
        self._turn(Given.INVITE if method == "INVITE" else Given.UPDATE, now, (sdp, headers))

    @property
    def modifiable(self) -> bool:
        """Whether a change may be asked for now."""
        return self._may_modify("INVITE") and self.turn in {Turn.STABLE, Turn.BACKING_OFF}

    @property
    def offer_waits(self) -> bool:
        """Whether an offer of theirs waits for our answer."""
        return self._pending is not None

    def answer_offer(self, now: float, sdp: bytes, headers: Sequence[Header] = ()) -> None:
        """Accept the re-INVITE or UPDATE that ``OfferReceived`` announced."""
        check_lines(headers=headers)
        self._turn(Given.ACCEPT, now, (sdp, headers))

    def refuse_offer(self, status: int = 488, headers: Sequence[Header] = ()) -> None:
        """Refuse it; the session goes on as it was (s.14.2)."""
        check_lines(headers=headers)
        self._turn(Given.REFUSE, 0.0, (status, headers))

    def answer_in_ack(self, now: float, sdp: bytes) -> None:
        """Send the ACK with the answer that ``AnswerWanted`` asked for."""
        self._turn(Given.ANSWER, now, sdp)

    def _may_modify(self, method: str) -> bool:
        """Whether the dialog is far enough for a request of ours that changes the session."""
        return self.state is State.CONNECTED and not self._ack_owed()

    def _ack_owed(self) -> bool:
        """Whether a caller has yet to acknowledge the first 200."""
        return False

    def _turn(self, given: Given, now: float, argument: Any = None) -> None:
        deed, turn = _CELLS[self.turn, given]
        if deed is Renegotiation._refuse_deed:
            raise VoxlabError(f"{UNTIMELY.get(given, BUSY)}: {DOING[self.turn]}")
        self.turn = turn
        if deed is not None:
            deed(self, now, argument)

    # -- our request

    def _send_invite(self, now: float, argument: tuple[bytes, Sequence[Header]]) -> None:
        self._send_change("INVITE", *argument)

    def _send_update(self, now: float, argument: tuple[bytes, Sequence[Header]]) -> None:
        self._send_change("UPDATE", *argument)

    def _send_change(self, method: str, sdp: bytes, headers: Sequence[Header]) -> None:
        self._stop_clock(Clock.BACK_OFF)
        dialog = self.dialog
        assert dialog is not None  # the command was allowed
        lines = [("Allow", ALLOW), *self._refresh_headers(), *headers]
        if sdp:
            lines.append(("Content-Type", "application/sdp"))
        self._ours = dialog.request(method, headers=lines, body=sdp)
        self._emit(SendRequest(self.leg, self._ours, dialog.next_hop))

    def _refresh_headers(self) -> list[Header]:
        """Return what a session timer adds to a request that refreshes the session."""
        return []

    def change_answered(self, response: Response, request: Request, now: float) -> None:
        """Take the response to our re-INVITE or UPDATE."""
        self._ours = request
        status = response.status
        if status < 200:
            return
        if status < 300:
            offered = request.method == "INVITE" and not request.body and bool(response.body)
            self._turn(Given.SUCCESS_WITH_OFFER if offered else Given.SUCCESS, now, response)
        elif status == 491:
            self._turn(Given.GLARE, now, response)
        else:
            self._turn(Given.GONE if status in {408, 481} else Given.REFUSAL, now, response)

    def change_lost(self, cause: str, now: float) -> None:
        """Take the news that our re-INVITE or UPDATE got no answer (s.12.2.1.2)."""
        self._turn(Given.GONE if cause == "timeout" else Given.REFUSAL, now, None)

    def _confirm_change(self, now: float, response: Response) -> None:
        self._acknowledge_change()
        self._tell_accepted(now, response)

    def _tell_accepted(self, now: float, response: Response) -> None:
        if self.dialog is not None:
            self.dialog.refresh_target(response)
        self._refreshed(response, now)
        self._tell(OfferAccepted(self.leg, self._method(), response))

    def _refreshed(self, response: Response, now: float) -> None:
        """Take note that the session was refreshed, for a session timer."""

    def _ask_for_answer(self, now: float, response: Response) -> None:
        if self.dialog is not None:
            self.dialog.refresh_target(response)
        if self.state in _OVER:
            self._turn(Given.ANSWER, now, b"")  # the call ends all the same; the 2xx is repeated until there is an ACK
            return
        self._refreshed(response, now)
        self._emit(AnswerWanted(self.leg, response))

    def _send_answer(self, now: float, sdp: bytes) -> None:
        self._acknowledge_change(sdp)

    def _acknowledge_change(self, sdp: bytes = b"") -> None:
        if self.dialog is not None and self._ours is not None:
            self._acknowledge_in(self.dialog, self._ours, sdp)

    def _acknowledge_in(self, dialog: Dialog, invite: Request, sdp: bytes = b"") -> None:
        """Send an ACK with the INVITE's CSeq number and the same credentials (s.13.2.2.4)."""
        sent = invite.headers
        headers: list[Header] = [("Content-Type", "application/sdp")] if sdp else []
        headers += [(name, value) for name in CREDENTIALS for value in sent.get_all(name)]
        self._emit(
            SendRequest(self.leg, dialog.request("ACK", cseq=invite.cseq, headers=headers, body=sdp), dialog.next_hop)
        )

    def _repeat_ack(self, now: float, response: Response) -> None:
        if self._method() == "INVITE":
            self._emit(ResendAck(self.leg, response.to_tag or "", response.cseq))

    def _back_off(self, now: float, response: Response) -> None:
        draw = zlib.crc32(f"{self.local_tag}{response.cseq}".encode())
        self._start_clock(Clock.BACK_OFF, now + back_off_s(draw, owns_call_id=not self.incoming))
        self._tell(OfferRefused(self.leg, self._method(), 491, response.reason, response))

    def _tell_retry(self, now: float, _: object) -> None:
        self._tell(RetryDue(self.leg))

    def _tell_refused(self, now: float, response: Response | None) -> None:
        status, reason = (503, "Service Unavailable") if response is None else (response.status, response.reason)
        self._tell(OfferRefused(self.leg, self._method(), status, reason, response))

    def _give_up(self, now: float, response: Response | None) -> None:
        status, reason = (408, "Request Timeout") if response is None else (response.status, response.reason)
        self._tell(OfferRefused(self.leg, self._method(), status, reason, response))
        self._lose_dialog(now)

    def _lose_dialog(self, now: float, cause: str = "dialog lost") -> None:
        """End a dialog that the peer does not know any more (s.12.2.1.2), or whose session has expired."""
        self._step(Input.DIALOG_LOST, now, cause)

    def _tell(self, event: SessionOutput) -> None:
        """Tell the owner, unless the call is over for it already."""
        if self.state not in _OVER:
            self._emit(event)

    def _method(self) -> str:
        return self._ours.method if self._ours is not None else "INVITE"

    # -- their request

    def _take_offer(self, now: float, argument: tuple[Request, int]) -> None:
        if self._ack_owed():
            self._refuse_pending(now, argument)
        else:
            self._turn(Given.PEER_INVITE, now, argument)

    def _take_invite(self, now: float, argument: tuple[Request, int]) -> None:
        self._pending = argument
        self._emit(OfferReceived(self.leg, argument[0]))

    _take_update = _take_invite

    def _refuse_second(self, now: float, argument: tuple[Request, int]) -> None:
        request, transaction = argument
        # s.14.2: a random delay from 0 to 10 s; our tag is random, so this is.
        retry_after_s = zlib.crc32(f"{self.local_tag}{request.cseq}".encode()) % 11
        self._respond(transaction, request.response(500, headers=[("Retry-After", str(retry_after_s))]))

    def _refuse_pending(self, now: float, argument: tuple[Request, int]) -> None:
        self._respond(argument[1], argument[0].response(491))

    def _take_pending(self) -> tuple[Request, int]:
        pending, self._pending = self._pending, None
        assert pending is not None  # the table lets nothing else through
        return pending

    def _accept_invite(self, now: float, argument: tuple[bytes, Sequence[Header]]) -> None:
        sdp, headers = argument
        request, transaction = self._take_pending()
        self._retarget(request)
        self._awaits_answer = bool(sdp) and not request.body
        lines = [*self._success_headers(sdp), *self._timer_headers(request, now), *headers]
        self._accept_with(transaction, request.response(200, headers=lines, body=sdp), now)

    def _accept_update(self, now: float, argument: tuple[bytes, Sequence[Header]]) -> None:
        sdp, headers = argument
        request, transaction = self._take_pending()
        if self._acceptance is not None and self.state is State.CONNECTED:
            self.turn = Turn.UNACKNOWLEDGED  # a 200 to a re-INVITE still waits for its ACK
        self._retarget(request)
        lines = [*self._success_headers(sdp), *self._timer_headers(request, now), *headers]
        self._respond(transaction, request.response(200, headers=lines, body=sdp))

    def _retarget(self, request: Request) -> None:
        """Take the Contact of a request that we accept, not before (RFC 6141 s.4.6)."""
        dialog = self._dialog_from(request)
        if dialog is not None:
            dialog.refresh_target(request)

    def _dialog_from(self, request: Request) -> Dialog | None:
        """Return the dialog whose peer sent a request; RFC 2543 knew no tags (s.12.2.2)."""
        dialog = self.dialog
        return dialog if dialog is not None and dialog.remote_tag in {"", request.from_tag} else None

    def _take_change(self, now: float, argument: tuple[Request, int]) -> None:
        """Take an UPDATE: one without an offer refreshes the target and the timer, and needs no owner (RFC 3311)."""
        request, transaction = argument
        if self.turn is Turn.UPDATED or (request.body and self._offered_by_peer()):
            self._refuse_second(now, argument)
        elif not request.body:
            self._retarget(request)
            lines = [("Contact", self._contact), ("Allow", ALLOW), *self._timer_headers(request, now)]
            self._respond(transaction, request.response(200, headers=lines))
        elif self._awaits_answer or self._offered_by_us():
            self._refuse_pending(now, argument)
        else:
            self._turn(Given.PEER_UPDATE, now, argument)

    def _offered_by_peer(self) -> bool:
        """Whether the first INVITE's offer waits for our answer (RFC 3311 s.5.2)."""
        return False

    def _offered_by_us(self) -> bool:
        """Whether our offer in the first INVITE, or in a response to it, waits for theirs (RFC 3311 s.5.2)."""
        return False

    def _timer_headers(self, request: Request, now: float) -> list[Header]:
        """Return what a session timer adds to the 2xx."""
        return []

    def _refuse_offer(self, now: float, argument: tuple[int, Sequence[Header]]) -> None:
        request, transaction = self._take_pending()
        self._respond(transaction, request.response(argument[0], headers=argument[1]))

    def _withdraw_offer(self, now: float, transaction: int | None) -> None:
        """Answer the re-INVITE that waits, if it is this one (None: whichever), with 487 (s.9.2, s.15.1.2)."""
        if self._pending is not None and transaction in {None, self._pending[1]}:
            self._turn(Given.CANCEL, now)

    def _withdraw(self, now: float, _: object) -> None:
        request, number = self._take_pending()
        self._respond(number, request.response(487))
        self._tell(OfferWithdrawn(self.leg))

    def _take_later_ack(self, now: float, request: Request) -> None:
        self._turn(Given.ACK, now, request)

    def _take_change_ack(self, now: float, request: Request) -> None:
        self._rest()
        self._awaits_answer = False
        if request.body:
            self._emit(OfferAnswered(self.leg, request))

    def _success_headers(self, sdp: bytes) -> list[Header]:
        lines = [("Contact", self._contact), ("Allow", ALLOW)]
        if sdp:
            lines.append(("Content-Type", "application/sdp"))
        return lines

    def _refuse_deed(self, now: float, _: object) -> None:
        """Refuse a command out of turn; ``_turn`` says so before it comes here."""


def _compile() -> dict[tuple[Turn, Given], tuple[Callable[..., None] | None, Turn]]:
    """Bind each cell of the table to its method."""
    cells: dict[tuple[Turn, Given], tuple[Callable[..., None] | None, Turn]] = {}
    for key, (deed, turn, _) in STEPS.items():
        if deed is Deed.IGNORE:
            cells[key] = (None, turn)
        elif deed is Deed.REFUSE_COMMAND:
            cells[key] = (Renegotiation._refuse_deed, turn)
        else:
            cells[key] = (getattr(Renegotiation, f"_{deed.name.lower()}"), turn)
    return cells


_CELLS = _compile()
