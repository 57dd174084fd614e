"""The caller's half of the INVITE usage: INVITE, its responses, ACK and CANCEL (RFC 3261 s.9.1, s.13.2, s.22.2),
and the PRACKs of its early dialogs (RFC 3262 s.4).

Must not know about transports, media or who owns the leg.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from voxlab.base.errors import VoxlabError
from voxlab.dialog.acceptance import AckTimers
from voxlab.dialog.dialog import Dialog, Header, again, check_lines, is_readable
from voxlab.dialog.early import EarlyDialog, EarlyDialogs
from voxlab.dialog.events import (
    Answered,
    EarlyOffer,
    Failed,
    Progress,
    ResendAck,
    SendCancel,
    SendRequest,
    SessionOutput,
)
from voxlab.dialog.reliability import is_reliable, rseq_of
from voxlab.dialog.session import ALLOW, Credentials, Session
from voxlab.dialog.session_timer import NO_WISHES, Wishes
from voxlab.dialog.tables import CALLER, Input, State
from voxlab.sip.message import Request, Response

MAX_FORKS = 32


class Caller(Session, table=CALLER):
    """A leg that we dialled."""

    __slots__ = ("_acked", "_early", "_surplus")

    def __init__(
        self, leg: int, timers: AckTimers, emit: Callable[[SessionOutput], None], contact: str, local_tag: str
    ) -> None:
        super().__init__(leg, timers, emit, contact, local_tag)
        self._acked = False
        self._surplus: dict[str, Dialog] = {}
        self._early: EarlyDialogs | None = None

    # -- commands

    def dial(
        self,
        target: str,
        *,
        from_: str,
        to: str,
        offer: bytes = b"",
        headers: Sequence[Header] = (),
        credentials: Credentials | None = None,
        max_forwards: int = 70,
        wishes: Wishes = NO_WISHES,
    ) -> None:
        """Start a call: build the INVITE (s.13.2.1) and ask for it to be sent.

        Without ``offer`` the callee offers (delayed offer).
        """
        check_lines(target, from_, to, self.call_id, headers=headers)
        self.offer_in_invite = bool(offer)
        self._credentials = credentials
        lines = [
            ("Max-Forwards", str(max_forwards)),
            ("From", f"{from_};tag={self.local_tag}"),
            ("To", to),
            ("Call-ID", self.call_id),
            ("CSeq", "1 INVITE"),
            ("Contact", self._contact),
            ("Allow", ALLOW),
            *headers,
        ]
        if wishes is not NO_WISHES:
            self.wishes = wishes
            lines += wishes.lines()
        if offer:
            lines.append(("Content-Type", "application/sdp"))
        self.invite = self.first_invite = Request.build(
            "INVITE", target, lines, offer, call_id=self.call_id, cseq=1, from_tag=self.local_tag
        )
        self._emit(SendRequest(self.leg, self.invite))

    def confirm_with_answer(self, sdp: bytes) -> None:
        """Send the ACK with the answer to the offer that the 200 brought (delayed offer, s.13.2.2.4)."""
        if self.state is not State.CONNECTED or self._acked:
            raise VoxlabError(f"no offer waits for an answer in the ACK; the call is {self.state.name.lower()}")
        self._send_ack(sdp)

    def answer_early_offer(self, response: Response, sdp: bytes) -> None:
        """Send the PRACK with the answer to the offer that a reliable response brought (RFC 3262 s.5)."""
        early = self._early.get(response.to_tag or "") if self._early is not None else None
        if early is None or early.described is not response or early.agreed:
            raise VoxlabError("no offer of this response waits for an answer in a PRACK")
        early.agreed = True
        self._send_prack(early, response, sdp)

    def early_answer(self, tag: str) -> Response | None:
        """Return the reliable provisional response of this callee that brought a description, None without one: its
        2xx need not repeat it (RFC 3262 s.5).
        """
        early = self._early.get(tag) if self._early is not None else None
        return early.described if early is not None else None

    # -- responses to the INVITE

    def _invite_response(self, response: Response, now: float) -> None:
        status = response.status
        if status < 200:
            if is_readable(response):
                self._step(Input.PROVISIONAL, now, response)
        elif status < 300:
            self._step(Input.SUCCESS if is_readable(response) else Input.UNREADABLE_SUCCESS, now, response)
        elif headers := self._second_try(response, self.invite):
            self._step(Input.CHALLENGE, now, headers)
        else:
            self._step(Input.REFUSAL, now, response)

    def _progress(self, now: float, response: Response) -> None:
        if response.status == 100:
            return
        if response.to_tag and self.dialog is None:
            self.dialog = Dialog.of_caller(self.invite, response, self._contact)
        if self._is_plain(response) or self._take_early(response):
            self._emit(Progress(self.leg, response.status, response))

    def _is_plain(self, response: Response) -> bool:
        """Whether there is but one early dialog, and nothing reliable about it."""
        if self.dialog is None:
            return True
        if self._early is not None or "rseq" in response.headers:
            return False
        return (response.to_tag or "") in {"", self.dialog.remote_tag}

    def _take_early(self, response: Response) -> bool:
        """Let a response find its early dialog; False for a reliable one that is repeated or out of order."""
        first = self.dialog
        assert first is not None  # it is not plain
        if self._early is None:
            self._early = EarlyDialogs({first.remote_tag: EarlyDialog(first)})
        tag = response.to_tag or ""
        early = self._early.get(tag) or self._early.find(tag, Dialog.of_caller(self.invite, response, self._contact))
        if early is None:
            return False
        if not is_reliable(response):
            return True
        if not early.takes(response):
            return False
        self._acknowledge_provisional(early, response)
        return True

    def _acknowledge_provisional(self, early: EarlyDialog, response: Response) -> None:
        """Send the PRACK, or ask for the answer that it has to carry (RFC 3262 s.4, s.5)."""
        early.dialog.refresh_target(response)  # RFC 6141 s.4.6: a reliable response may
        if response.body and early.described is None:
            early.described = response
            early.agreed = self.offer_in_invite
            if not self.offer_in_invite:
                self._emit(EarlyOffer(self.leg, response))
                return
        self._send_prack(early, response)

    def _send_prack(self, early: EarlyDialog, response: Response, sdp: bytes = b"") -> None:
        lines: list[Header] = [("RAck", f"{rseq_of(response)} {response.cseq} INVITE")]
        if sdp:
            lines.append(("Content-Type", "application/sdp"))
        self._request(early.dialog, early.dialog.request("PRACK", headers=lines, body=sdp))

    def _dialog_from(self, request: Request) -> Dialog | None:
        early = self._early.get(request.from_tag or "") if self._early is not None else None
        return super()._dialog_from(request) or (early.dialog if early is not None else None)

    def _may_modify(self, method: str) -> bool:
        if self.state is State.PROCEEDING and method == "UPDATE" and self._early and self.dialog is not None:
            early = self._early.get(self.dialog.remote_tag)
            return early is not None and early.agreed
        return super()._may_modify(method)

    def _ack_owed(self) -> bool:
        return not self._acked

    def _offered_by_us(self) -> bool:
        return self.state < State.CONNECTED and self.offer_in_invite and not self._agreed_early()

    def _offered_by_peer(self) -> bool:
        return self.state < State.CONNECTED and not self.offer_in_invite and not self._agreed_early()

    def _agreed_early(self) -> bool:
        return self._early is not None and any(early.agreed for early in self._early.values())

    def _confirm(self, now: float, response: Response) -> None:
        self._enter_dialog(response, readable=True)
        if self.offer_in_invite or not response.body:
            self._send_ack()
        self._refreshed(response, now)
        described = response if response.body else self.early_answer(response.to_tag or "") or response
        self._emit(Answered(self.leg, response, described))

    def _enter_dialog(self, response: Response, *, readable: bool) -> None:
        """Make the dialog that the 2xx confirms; the route set is computed anew (s.13.2.2.4)."""
        early = self._early_dialog(response.to_tag or "")
        self.dialog = Dialog.of_caller(self.invite, response, self._contact, readable=readable)
        if early is not None:
            self.dialog.remote_cseq = early.remote_cseq
            self.dialog.local_cseq = early.local_cseq

    def _early_dialog(self, tag: str) -> Dialog | None:
        """Return the early dialog with this tag, whose numbers go on."""
        if self._early is not None and (early := self._early.get(tag)) is not None:
            return early.dialog
        return self.dialog if self.dialog is not None and self.dialog.remote_tag == tag else None

    def _confirm_and_bye(self, now: float, response: Response) -> None:
        cancelled = self._due is not None
        readable = is_readable(response)
        self._failure = (487, "Request Terminated") if cancelled else (488, "Unreadable Answer")
        self._enter_dialog(response, readable=readable)
        self._send_ack()
        self._bye(now, ())

    def _bye(self, now: float, headers: Sequence[Header] | Request) -> None:
        if not self._acked:
            # A 200 with an offer that nobody has answered: it is repeated until there is an ACK (s.13.2.2.4).
            self._send_ack()
        super()._bye(now, headers)

    def _send_ack(self, sdp: bytes = b"") -> None:
        if self.dialog is not None:
            self._acked = True
            self._acknowledge_in(self.dialog, self.invite, sdp)

    def _acknowledge(self, now: float, response: Response) -> None:
        tag = response.to_tag or ""
        if tag in self._surplus or (self._acked and self.dialog is not None and tag == self.dialog.remote_tag):
            self._emit(ResendAck(self.leg, tag, response.cseq))
        elif self.state is not State.ENDED and self.dialog is not None and tag == self.dialog.remote_tag:
            return  # its ACK waits for our answer
        elif len(self._surplus) < MAX_FORKS:
            surplus = Dialog.of_caller(self.invite, response, self._contact, readable=is_readable(response))
            early = self._early_dialog(tag)
            if early is not None:
                surplus.local_cseq = early.local_cseq
            self._end_surplus(surplus)

    def _end_surplus(self, dialog: Dialog) -> None:
        """ACK a second branch of a fork, or a call that was given up, and end it (s.13.2.2.4)."""
        self._surplus[dialog.remote_tag] = dialog
        self._acknowledge_in(dialog, self.invite)
        self._request(dialog, dialog.request("BYE"))

    def _dialog_of(self, request: Request) -> Dialog | None:
        tag = request.to_tag or ""
        return self._surplus.get(tag) or super()._dialog_of(request) or self._early_dialog(tag)

    def _authenticate(self, now: float, headers: Sequence[Header]) -> None:
        self.dialog = self._early = None
        self.invite = again(self.invite, self.invite.cseq + 1, headers)
        self._emit(SendRequest(self.leg, self.invite))

    # -- CANCEL

    def _cancel_invite(self, now: float, headers: Sequence[Header]) -> None:
        self._emit(SendCancel(self.leg, tuple(headers)))
        self._due = now + 64 * self._timers.t1_s

    def _cancelled(self, now: float, cause: object) -> None:
        self._rest()
        response = cause if isinstance(cause, Response) else None
        self._emit(Failed(self.leg, 487, "Request Terminated", by_peer=False, response=response))
