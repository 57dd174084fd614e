"""The INVITE usage of one leg, as far as caller and callee are alike: requests inside the dialog, BYE.

RFC 3261 s.12.2, s.15. ``refreshing`` keeps its timer, ``renegotiation`` changes what was agreed, ``caller`` and
``callee`` add their halves. Must not know about transports, media or who owns the leg: commands and messages go in,
requests, responses and leg events come out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from voxlab.base.errors import SipSyntaxError, VoxlabError
from voxlab.dialog.acceptance import AckTimers
from voxlab.dialog.dialog import Dialog, Header, again, check_lines, check_readable, is_readable
from voxlab.dialog.events import (
    Ended,
    Failed,
    RequestAnswered,
    RequestReceived,
    SendRequest,
    SessionOutput,
)
from voxlab.dialog.referral import Referring
from voxlab.dialog.renegotiation import ALLOW
from voxlab.dialog.session_timer import lengthened
from voxlab.dialog.tables import Input, State
from voxlab.sip.message import Request, Response

_OVER = (State.ENDING, State.ENDED)


class Credentials(Protocol):
    """Who can answer a digest challenge; keeps the secret to itself."""

    def answer(self, response: Response, request: Request) -> list[Header]:
        """Return the header fields to send ``request`` again with, none where no answer is possible."""

    def headers(self, request: Request) -> list[Header]:
        """Return what goes along with ``request`` before anybody asks."""


class Session(Referring):
    """One leg of a call; made as a ``Caller`` or a ``Callee``.

    Attributes
    ----------
    leg : int
        The number under which the owner knows it.
    state : State
    incoming : bool
    dialog : Dialog or None
        None until a response with a To tag was seen or sent.
    invite : Request
        The INVITE that made it: for a caller that was challenged the last one sent.
    first_invite : Request
        For a caller the first one sent.
    call_id, local_tag : str
        Together the key of the dialog here.
    """

    __slots__ = (
        "_credentials",
        "_failure",
        "_parting",
        "call_id",
        "cause",
        "first_invite",
        "invite",
        "offer_in_invite",
    )

    invite: Request
    first_invite: Request

    def __init__(
        self, leg: int, timers: AckTimers, emit: Callable[[SessionOutput], None], contact: str, local_tag: str
    ) -> None:
        super().__init__(leg, timers, emit, contact, local_tag)
        self.call_id = ""
        self.cause = ""
        self.offer_in_invite = False
        self._credentials: Credentials | None = None
        self._parting: Sequence[Header] = ()
        self._failure: tuple[int, str] | None = None

    # -- commands of the owner

    def ring(self, now: float, status: int = 180, sdp: bytes = b"", headers: Sequence[Header] = ()) -> None:
        """Send a provisional response (s.13.3.1.1); ``sdp`` makes it early media."""
        check_lines(headers=headers)
        if not 100 < status < 200:
            raise VoxlabError(f"a call is announced with a status from 101 to 199, not with {status}")
        self._step(Input.RING, now, (status, sdp, headers))

    def answer(self, now: float, sdp: bytes = b"", headers: Sequence[Header] = ()) -> None:
        """Accept the call with a 200 (s.13.3.1.4)."""
        check_lines(headers=headers)
        self._step(Input.ANSWER, now, (sdp, headers))

    def reject(self, now: float, status: int, reason: str | None = None, headers: Sequence[Header] = ()) -> None:
        """Refuse the call with a final response from 300 to 699 (s.13.3.1.3)."""
        check_lines(reason or "", headers=headers)
        if not 300 <= status <= 699:
            raise VoxlabError(f"a call is refused with a final response from 300 to 699, not with {status}")
        self._step(Input.REJECT, now, (status, reason, headers))

    def hang_up(self, now: float, headers: Sequence[Header] = ()) -> None:
        """End the call in the way its state asks for: CANCEL, a refusal, or BYE (s.15)."""
        check_lines(headers=headers)
        self._step(Input.HANG_UP, now, headers)

    def confirm_with_answer(self, sdp: bytes) -> None:
        """Send the ACK with our answer; only a caller that dialled without an offer has one to send."""
        raise VoxlabError("no offer waits for an answer in the ACK: the call came in")

    def answer_early_offer(self, response: Response, sdp: bytes) -> None:
        """Answer the offer of a reliable provisional response; only a caller gets one."""
        raise VoxlabError("no provisional response waits for an answer: the call came in")

    def early_answer(self, tag: str) -> Response | None:
        """Return the reliable provisional response that described this callee, None without one."""
        return None

    def send(self, method: str, content_type: str, body: bytes, headers: Sequence[Header] = ()) -> None:
        """Send an INFO or MESSAGE inside the dialog; the answer comes back as ``RequestAnswered``."""
        check_lines(method, content_type, headers=headers)
        dialog = self.dialog
        if dialog is None or self.state not in {State.CONNECTED, State.ANSWERED}:
            raise VoxlabError(
                f"cannot send {method} in a call that is {self.state.name.lower()}; it needs to be connected"
            )
        lines = [*headers, ("Content-Type", content_type)] if content_type else headers
        self._request(dialog, dialog.request(method, headers=lines, body=body))

    # -- messages of the peer

    def response(self, response: Response, request: Request, now: float) -> None:
        """Take a response to our ``request``."""
        method = request.method
        if method == "INVITE" and request.to_tag is None:
            self._invite_response(response, now)
        elif response.status < 200 or method == "CANCEL" or self._authenticated(response, request):
            return
        elif method in {"INVITE", "UPDATE"}:
            self.change_answered(response, request, now)
        else:
            self._request_done(request, response.status, now, response)

    def failed(self, request: Request, cause: str, now: float) -> None:
        """Take the news that our request got no answer: ``cause`` is "timeout" or "transport" (s.8.1.3.1)."""
        if request.method == "INVITE" and request.to_tag is None:
            self._step(Input.LOST, now, cause)
        elif request.method in {"INVITE", "UPDATE"}:
            self.change_lost(cause, now)
        elif request.method != "CANCEL":
            self._request_done(request, 408 if cause == "timeout" else 503, now)

    def undelivered(self, cause: str, now: float) -> None:
        """Take the news that a response of ours to an INVITE did not get through (s.17.2.4)."""
        self._step(Input.LOST, now, cause)

    def ack(self, request: Request, now: float) -> None:
        """Take the ACK to a 2xx of ours; one that cannot be read has not arrived, for nothing answers an ACK."""
        acceptance, dialog = self._acceptance, self.dialog
        if acceptance is None or dialog is None or request.cseq != acceptance.response.cseq:
            return
        if dialog.remote_tag in {"", request.from_tag} and is_readable(request):
            self._step(Input.ACK, now, request)

    def cancel(self, transaction: int, now: float) -> None:
        """Take a CANCEL of this INVITE server transaction; the 200 to the CANCEL is the user agent's business."""
        self._step(Input.CANCEL, now, transaction)

    def request(self, request: Request, transaction: int, now: float) -> None:
        """Take a request inside the dialog other than ACK and CANCEL (s.12.2.2).

        Raises
        ------
        SipSyntaxError
            A re-INVITE or UPDATE that cannot be read; nothing has changed.
        """
        dialog, method = self._dialog_from(request), request.method
        if dialog is None:
            self._respond(transaction, request.response(481))
        elif not dialog.accepts(request):
            self._respond(transaction, request.response(500, "CSeq Out Of Order"))
        elif method == "BYE":
            self._step(Input.BYE, now, (request, transaction))
        elif method == "INVITE":
            check_readable(request)
            self._step(Input.REINVITE, now, (request, transaction))
        elif method == "UPDATE":
            check_readable(request)
            self._step(Input.UPDATE, now, (request, transaction))
        elif method == "PRACK":
            check_readable(request)
            self._prack(request, transaction, now)
        else:
            self._serve(request, transaction, now)

    def _prack(self, request: Request, transaction: int, now: float) -> None:
        """Take a PRACK; only a callee has sent what it acknowledges (RFC 3262 s.3)."""
        self._respond(transaction, request.response(481))

    def _serve(self, request: Request, transaction: int, now: float) -> None:
        method = request.method
        if self.state in _OVER:
            self._respond(transaction, request.response(481))
        elif method == "REFER":
            self._refer_received(request, transaction)
        elif method == "NOTIFY":
            self._notified(request, transaction)
        elif method == "INFO" and "info-package" in request.headers:
            # RFC 6086 s.4.2.2: packages are taken by agreement only, and we have offered none
            self._respond(transaction, request.response(469, "Bad Info Package", headers=[("Recv-Info", "nil")]))
        elif method in {"INFO", "MESSAGE"}:
            self._respond(transaction, request.response(200))
            self._emit(RequestReceived(self.leg, request))
        elif method == "OPTIONS":
            self._respond(transaction, request.response(200, headers=[("Allow", ALLOW), ("Accept", "application/sdp")]))
        else:
            self._respond(transaction, request.response(405, headers=[("Allow", ALLOW)]))

    # -- our requests inside the dialog

    def _invite_response(self, response: Response, now: float) -> None:
        """Take a response to an INVITE of ours; only a caller sends one."""

    def _dialog_of(self, request: Request) -> Dialog | None:
        """Return the dialog in which a request of ours was sent."""
        dialog = self.dialog
        return dialog if dialog is not None and request.to_tag == (dialog.remote_tag or None) else None

    def _request(self, dialog: Dialog, request: Request) -> None:
        self._emit(SendRequest(self.leg, request, dialog.next_hop))

    def _authenticated(self, response: Response, request: Request) -> bool:
        """Send a request once more, with credentials after a challenge (s.22.2), with a longer interval after a 422
        (RFC 4028 s.7.3); False where that is not possible.
        """
        headers = self._second_try(response, request)
        dialog = self._dialog_of(request)
        if not headers or dialog is None:
            return False
        dialog.local_cseq += 1
        self._request(dialog, again(request, dialog.local_cseq, headers))
        return True

    def _second_try(self, response: Response, request: Request) -> list[Header]:
        """Return what would make a refused request acceptable, [] where nothing would."""
        if response.status != 422:
            return self._credentials_for(response, request)
        longer = lengthened(response, request)
        if not longer or self._credentials is None:
            return longer
        return [*longer, *self._credentials.headers(request)]  # a nonce count serves one request (RFC 7616 s.3.4)

    def _credentials_for(self, response: Response, request: Request) -> list[Header]:
        if response.status not in {401, 407} or self._credentials is None:
            return []
        try:
            return self._credentials.answer(response, request)
        except SipSyntaxError:  # a challenge that nobody can read is a refusal
            return []

    def _request_done(self, request: Request, status: int, now: float, response: Response | None = None) -> None:
        if request.method in {"REFER", "NOTIFY"}:
            self._refer_done(request, status, response)
        elif request.method != "BYE":
            self._tell(RequestAnswered(self.leg, request.method, status))
        elif self.dialog is None or self._dialog_of(request) is self.dialog:
            self._step(Input.BYE_DONE, now)

    # -- actions of both

    def _bye_without_ack(self, now: float, _: object) -> None:
        self.cause = "no ACK"
        self._bye(now, self._parting)

    def _bye_lost(self, now: float, cause: str) -> None:
        self.cause = cause
        self._bye(now, ())

    def _bye(self, now: float, headers: Sequence[Header] | Request) -> None:
        self._withdraw_offer(now, None)
        self._rest()
        self._stop_clock()
        if self.dialog is not None:
            extra = self._parting if isinstance(headers, Request) else headers
            self._request(self.dialog, self.dialog.request("BYE", headers=extra))

    def _answer_bye(self, now: float, argument: tuple[Request, int]) -> None:
        request, transaction = argument
        self._rest()
        self._stop_clock()
        self._respond(transaction, request.response(200))
        self._withdraw_offer(now, None)
        self._emit(Ended(self.leg, by_peer=True, cause="hang up", request=request))

    def _answer_crossing_bye(self, now: float, argument: tuple[Request, int]) -> None:
        self._respond(argument[1], argument[0].response(200))

    def _no_such_call(self, now: float, argument: tuple[Request, int]) -> None:
        self._respond(argument[1], argument[0].response(481))

    def _end(self, now: float, _: object) -> None:
        self._rest()
        if self._failure is not None:
            self._emit(Failed(self.leg, *self._failure, by_peer=False, response=None))
        else:
            self._emit(Ended(self.leg, by_peer=False, cause=self.cause or "hang up", request=None))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(leg={self.leg}, {self.state.name}, call_id={self.call_id!r})"


__all__ = ["ALLOW", "Credentials", "Session"]
