"""Who tells: the notifier's half of a subscription (RFC 6665 s.4.2), which follows its table.

Must not know transports, nor what the state is about.
"""

from __future__ import annotations

from voxlab.dialog.acceptance import AckTimers
from voxlab.dialog.dialog import Dialog, Header
from voxlab.dialog.subscription import Respond, Send, Usage, expires_of, package_of
from voxlab.dialog.subscription_tables import NOTIFIER, Action, Input
from voxlab.sip.message import Request


class Notifier(Usage):
    """Who tells (RFC 6665 s.4.2).

    Attributes
    ----------
    resource : str
        The address-of-record whose state is told.
    watcher : str
        Whose subscription it is.
    """

    def __init__(
        self, request: Request, resource: str, local_tag: str, contact: str, timers: AckTimers, *, longest_s: int
    ) -> None:
        super().__init__(package_of(request), local_tag, contact, timers)
        self.resource = resource
        self.watcher = str(request.from_.uri)
        self.dialog = Dialog.of_callee(request, local_tag, contact)
        self._longest_s = longest_s
        self._event = request.headers.get("event") or ""
        self._expires_at = 0.0

    def subscribe(self, request: Request, transaction: int, state: tuple[str, bytes], now: float) -> None:
        """Take the SUBSCRIBE that makes, refreshes or ends it; a NOTIFY with the whole state follows (s.4.2.1)."""
        asked_s = min(expires_of(request, self._longest_s), self._longest_s)
        given = Input.SUBSCRIBE if asked_s > 0 else Input.UNSUBSCRIBE
        action, self.state, _ = NOTIFIER[self.state, given]
        if action is Action.NO_SUCH:
            self._out.append(Respond(transaction, request.response(481)))
            return
        lines = [("Expires", str(asked_s)), ("Contact", self._contact)]
        tag = None if request.to_tag else self.local_tag
        self._out.append(Respond(transaction, request.response(200, to_tag=tag, headers=lines)))
        if self.dialog is not None:
            self.dialog.refresh_target(request)
        self._expires_at = now + asked_s
        self._due = self._expires_at if asked_s else None
        self._notify(state, "timeout" if action is Action.NOTIFY_EXPIRED else "", now)

    def change(self, state: tuple[str, bytes], now: float) -> None:
        """Tell that the state has changed."""
        action, self.state, _ = NOTIFIER[self.state, Input.CHANGE]
        if action is Action.NOTIFY:
            self._notify(state, "", now)

    def close(self, now: float, state: tuple[str, bytes] = ("", b"")) -> None:
        """Tell that nothing more will come."""
        action, self.state, _ = NOTIFIER[self.state, Input.CLOSE]
        if action is Action.NOTIFY_LAST:
            self._notify(state, "deactivated", now)

    def handle_timeout(self, now: float) -> None:
        """End what nobody has refreshed."""
        if self._due is None or now < self._due:
            return
        self._due = None
        action, self.state, _ = NOTIFIER[self.state, Input.EXPIRED]
        if action is Action.NOTIFY_EXPIRED:
            self._notify(("", b""), "timeout", now)

    def refused(self, status: int) -> None:
        """Take the final response to a NOTIFY: who does not know the subscription any more has none (s.4.2.2)."""
        if status in {408, 481} or 500 <= status < 600:
            _, self.state, _ = NOTIFIER[self.state, Input.NOTIFY_REFUSED]
            self._due = None

    def _notify(self, state: tuple[str, bytes], reason: str, now: float) -> None:
        kind, body = state
        if self.is_over:
            standing = f"terminated;reason={reason or 'timeout'}"
        else:
            standing = f"active;expires={max(0, round(self._expires_at - now))}"
        lines: list[Header] = [("Event", self._event), ("Subscription-State", standing)]
        if body:
            lines.append(("Content-Type", kind))
        assert self.dialog is not None
        request = self.dialog.request("NOTIFY", headers=lines, body=body)
        self._out.append(Send(request, self.dialog.next_hop))
