"""The caller's half of the INVITE usage: INVITE, its responses, ACK and CANCEL (RFC 3261 s.9.1, s.13.2, s.22.2).

Must not know about transports, media or who owns the leg.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from voxlab.base.errors import VoxlabError
from voxlab.dialog.acceptance import AckTimers
from voxlab.dialog.dialog import Dialog, Header, again, check_lines, is_readable
from voxlab.dialog.events import Answered, Failed, Progress, ResendAck, SendCancel, SendRequest, SessionOutput
from voxlab.dialog.session import ALLOW, Credentials, Session
from voxlab.dialog.tables import CALLER, Input, State
from voxlab.sip.message import Request, Response

MAX_FORKS = 32
_CREDENTIALS = ("Authorization", "Proxy-Authorization")


class Caller(Session, table=CALLER):
    """A leg that we dialled."""

    __slots__ = ("_acked", "_surplus")

    def __init__(
        self, leg: int, timers: AckTimers, emit: Callable[[SessionOutput], None], contact: str, local_tag: str
    ) -> None:
        super().__init__(leg, timers, emit, contact, local_tag)
        self._acked = False
        self._surplus: dict[str, Dialog] = {}

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

    # -- responses to the INVITE

    def _invite_response(self, response: Response, now: float) -> None:
        status = response.status
        if status < 200:
            if is_readable(response):
                self._step(Input.PROVISIONAL, now, response)
        elif status < 300:
            self._step(Input.SUCCESS if is_readable(response) else Input.UNREADABLE_SUCCESS, now, response)
        elif headers := self._credentials_for(response, self.invite):
            self._step(Input.CHALLENGE, now, headers)
        else:
            self._step(Input.REFUSAL, now, response)

    def _progress(self, now: float, response: Response) -> None:
        if response.status == 100:
            return
        if response.to_tag and self.dialog is None:
            self.dialog = Dialog.of_caller(self.invite, response, self._contact)
        self._emit(Progress(self.leg, response.status, response))

    def _confirm(self, now: float, response: Response) -> None:
        self._enter_dialog(response, readable=True)
        if self.offer_in_invite or not response.body:
            self._send_ack()
        self._emit(Answered(self.leg, response))

    def _enter_dialog(self, response: Response, *, readable: bool) -> None:
        """Make the dialog that the 2xx confirms; the route set is computed anew (s.13.2.2.4)."""
        early = self.dialog
        self.dialog = Dialog.of_caller(self.invite, response, self._contact, readable=readable)
        if early is not None and early.remote_tag == self.dialog.remote_tag:
            self.dialog.remote_cseq = early.remote_cseq

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
            self._acknowledge_in(self.dialog, sdp)

    def _acknowledge_in(self, dialog: Dialog, sdp: bytes = b"") -> None:
        """Send an ACK with the INVITE's CSeq number and the same credentials (s.13.2.2.4)."""
        sent = self.invite.headers
        headers: list[Header] = [("Content-Type", "application/sdp")] if sdp else []
        headers += [(name, value) for name in _CREDENTIALS for value in sent.get_all(name)]
        self._request(dialog, dialog.request("ACK", cseq=self.invite.cseq, headers=headers, body=sdp))

    def _acknowledge(self, now: float, response: Response) -> None:
        tag = response.to_tag or ""
        if tag in self._surplus or (self._acked and self.dialog is not None and tag == self.dialog.remote_tag):
            self._emit(ResendAck(self.leg, tag))
        elif self.state is not State.ENDED and self.dialog is not None and tag == self.dialog.remote_tag:
            return  # its ACK waits for our answer
        elif len(self._surplus) < MAX_FORKS:
            self._end_surplus(Dialog.of_caller(self.invite, response, self._contact, readable=is_readable(response)))

    def _end_surplus(self, dialog: Dialog) -> None:
        """ACK a second branch of a fork, or a call that was given up, and end it (s.13.2.2.4)."""
        self._surplus[dialog.remote_tag] = dialog
        self._acknowledge_in(dialog)
        self._request(dialog, dialog.request("BYE"))

    def _dialog_of(self, request: Request) -> Dialog | None:
        return self._surplus.get(request.to_tag or "") or super()._dialog_of(request)

    def _authenticate(self, now: float, headers: Sequence[Header]) -> None:
        self.dialog = None
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
