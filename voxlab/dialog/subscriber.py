"""Who wants to know: the subscriber's half of a subscription (RFC 6665 s.4.1), which follows its table.

Must not know transports, nor what the state is about.
"""

from __future__ import annotations

from voxlab.dialog.acceptance import AckTimers
from voxlab.dialog.dialog import Dialog, Header, again, contact_uri, route_texts
from voxlab.dialog.session import Credentials
from voxlab.dialog.subscription import Respond, Send, StateTold, Usage, expires_of, parameter
from voxlab.dialog.subscription_tables import SUBSCRIBER, Action, Input
from voxlab.sip.message import Request, Response

_STANDING = {"pending": Input.NOTIFY_PENDING, "active": Input.NOTIFY_ACTIVE, "terminated": Input.NOTIFY_TERMINATED}


class Subscriber(Usage):
    """Who wants to know (RFC 6665 s.4.1).

    Parameters
    ----------
    target : str
        The URI whose state is asked for.
    expires_s : int
        For how long; it is refreshed before that.
    """

    def __init__(
        self,
        package: str,
        target: str,
        local_tag: str,
        contact: str,
        timers: AckTimers,
        *,
        expires_s: int,
        credentials: Credentials | None,
    ) -> None:
        super().__init__(package, local_tag, contact, timers)
        self.target = target
        self._expires_s = expires_s
        self._credentials = credentials
        self._cseq = 1
        self._leaving = False
        self._refresh_at: float | None = None
        self._expires_at: float | None = None
        self._overdue_at: float | None = None

    def subscribe(self, from_: str, call_id: str, accept: str, now: float) -> None:
        """Send the SUBSCRIBE that makes it."""
        self._call_id, self._from, self._accept = call_id, f"{from_};tag={self.local_tag}", accept
        lines = [
            ("Max-Forwards", "70"),
            ("From", self._from),
            ("To", f"<{self.target}>"),
            ("Call-ID", call_id),
            ("CSeq", "1 SUBSCRIBE"),
            ("Contact", self._contact),
            *self._lines(self._expires_s),
        ]
        self._await_notify(now)
        self._out.append(Send(Request.build("SUBSCRIBE", self.target, lines)))

    def _lines(self, expires_s: int) -> list[Header]:
        return [("Event", self.package), ("Accept", self._accept), ("Expires", str(expires_s))]

    def _await_notify(self, now: float) -> None:
        """Start timer N (s.4.1.2.4)."""
        self._overdue_at = now + 64 * self._timers.t1_s
        self._arm()

    def _arm(self) -> None:
        dues = [due for due in (self._refresh_at, self._expires_at, self._overdue_at) if due is not None]
        self._due = min(dues) if dues and not self.is_over else None

    def unsubscribe(self, now: float) -> None:
        """End it: the notifier's last NOTIFY follows (s.4.1.2.3)."""
        self._step(Input.UNSUBSCRIBE, now)

    def response(self, response: Response, request: Request, now: float) -> None:
        """Take the response to a SUBSCRIBE of ours."""
        headers = self._second_try(response, request)
        if headers:
            self._cseq = (self.dialog.local_cseq if self.dialog else self._cseq) + 1
            if self.dialog is not None:
                self.dialog.local_cseq = self._cseq
            self._out.append(Send(again(request, self._cseq, headers)))
        elif 200 <= response.status < 300:
            if self.dialog is None:
                self.dialog = Dialog.of_caller(request, response, self._contact)
            self._granted(expires_of(response, self._expires_s), now)
            if self._leaving:
                self._step(Input.UNSUBSCRIBE, now)
        elif response.status >= 300:
            self._step(Input.REFUSED, now, f"{response.status} {response.reason}")

    def _second_try(self, response: Response, request: Request) -> list[Header]:
        if response.status == 423:
            least_s = (response.headers.get("min-expires") or "").strip()
            return [("Expires", least_s)] if least_s.isdigit() and least_s != request.headers.get("expires") else []
        if response.status not in {401, 407} or self._credentials is None:
            return []
        return self._credentials.answer(response, request)

    def failed(self, now: float) -> None:
        """Take the news that a SUBSCRIBE got no answer."""
        self._step(Input.REFUSED, now, "408 Request Timeout")

    def _granted(self, expires_s: int, now: float) -> None:
        if expires_s > 0:
            self._expires_at = now + expires_s
            self._refresh_at = now + expires_s * 5 / 6
        else:
            self._refresh_at = self._expires_at = None
        self._arm()

    def notify(self, request: Request, transaction: int, now: float) -> None:
        """Take a NOTIFY of this dialog; the first may come before the 200 and makes the dialog (s.4.4.1)."""
        if self.dialog is None:
            self.dialog = self._dialog_of(request)
        told = request.headers.get("subscription-state") or ""
        standing = told.partition(";")[0].strip().lower()
        given = _STANDING.get(standing)
        if (
            request.from_tag != self.dialog.remote_tag
            or SUBSCRIBER[self.state, Input.NOTIFY_ACTIVE].action is Action.NO_SUCH
        ):
            self._out.append(Respond(transaction, request.response(481)))
        elif not self.dialog.accepts(request):
            self._out.append(Respond(transaction, request.response(500)))
        elif given is None:
            self._out.append(Respond(transaction, request.response(400)))
        else:
            self._taken(request, transaction, given, told, now)

    def _taken(self, request: Request, transaction: int, given: Input, told: str, now: float) -> None:
        self._out.append(Respond(transaction, request.response(200)))
        if self.dialog is not None:
            self.dialog.refresh_target(request)
        self._overdue_at = None
        expires = parameter(told, "expires")
        if expires.isdigit() and given is not Input.NOTIFY_TERMINATED:
            self._granted(int(expires), now)
        self._step(given, now, parameter(told, "reason"), request)
        self._arm()

    def _dialog_of(self, notify: Request) -> Dialog:
        return Dialog(
            notify.call_id,
            local=self._from,
            local_tag=self.local_tag,
            remote=notify.headers.get("from") or "",
            remote_tag=notify.from_tag or "",
            remote_target=contact_uri(notify) or self.target,
            route_set=route_texts(notify),
            local_cseq=self._cseq,
            remote_cseq=-1,
            contact=self._contact,
        )

    def handle_timeout(self, now: float) -> None:
        """Refresh, or give up."""
        for name, given in (
            ("_overdue_at", Input.NOTIFY_OVERDUE),
            ("_expires_at", Input.EXPIRED),
            ("_refresh_at", Input.REFRESH_DUE),
        ):
            due = getattr(self, name)
            if due is not None and now >= due:
                setattr(self, name, None)
                self._step(given, now, "timeout")
        self._arm()

    def _step(self, given: Input, now: float, why: str = "", request: Request | None = None) -> None:
        action, self.state, _ = SUBSCRIBER[self.state, given]
        if action is Action.REFRESH:
            self._ask(self._expires_s)
        elif action is Action.UNSUBSCRIBE:
            self._leaving = self.dialog is None  # nobody to tell yet: it is said as soon as there is
            self._ask(0)
            self._await_notify(now)
        elif action in {Action.TAKE_STATE, Action.TELL_ENDED, Action.TELL_REFUSED, Action.GIVE_UP}:
            self._tell(why, request)
        self._arm()

    def _ask(self, expires_s: int) -> None:
        dialog = self.dialog
        if dialog is not None:
            request = dialog.request("SUBSCRIBE", headers=self._lines(expires_s))
            self._out.append(Send(request, dialog.next_hop))

    def _tell(self, why: str, request: Request | None) -> None:
        kind = (request.headers.get("content-type") or "") if request is not None else ""
        body = request.body if request is not None else b""
        self._out.append(StateTold(self.package, self.target, self.state.name.lower(), why, kind, body))
