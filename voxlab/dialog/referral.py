"""REFER inside a dialog and the subscription that it makes, from either end (RFC 3515, RFC 3892, RFC 6665).

Follows the tables of ``subscription_tables``. Must not know calls: who is referred places one and says how it goes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from voxlab.base.errors import VoxlabError
from voxlab.dialog.acceptance import AckTimers
from voxlab.dialog.dialog import Header, check_lines
from voxlab.dialog.events import ReferProgress, ReferReceived, SendRequest, SessionOutput
from voxlab.dialog.refreshing import Refreshing
from voxlab.dialog.sipfrag import CONTENT_TYPE, Destination, fragment, read_fragment
from voxlab.dialog.subscription_tables import NOTIFIER, SUBSCRIBER, Action
from voxlab.dialog.subscription_tables import Input as Given
from voxlab.dialog.subscription_tables import State as Standing
from voxlab.dialog.tables import State
from voxlab.sip.message import Request, Response

MAX_REFERS = 10
_STANDING = {"pending": Given.NOTIFY_PENDING, "active": Given.NOTIFY_ACTIVE, "terminated": Given.NOTIFY_TERMINATED}
EXPIRES_S = 180


class Referral:
    """One REFER: what it asks, and where its subscription stands.

    Attributes
    ----------
    number : int
        The CSeq number of the REFER: the id of its events (RFC 3515 s.2.4.6).
    state : State
    transaction : int
        At the notifier: the server transaction of the REFER while it waits, else 0.
    """

    __slots__ = ("number", "request", "state", "transaction")

    def __init__(self, request: Request, transaction: int = 0) -> None:
        self.number = request.cseq
        self.request = request
        self.state = Standing.NOTIFY_WAIT
        self.transaction = transaction


class Referring(Refreshing):
    """What ``Session`` does with REFER and the NOTIFYs that follow it."""

    __slots__ = ("_asked", "_referred", "_refers")

    def __init__(
        self, leg: int, timers: AckTimers, emit: Callable[[SessionOutput], None], contact: str, local_tag: str
    ) -> None:
        super().__init__(leg, timers, emit, contact, local_tag)
        self._referred: Referral | None = None
        self._asked: Referral | None = None
        self._refers = 0

    # -- the transferor: it refers, and is notified

    def refer(self, to: Destination, headers: Sequence[Header] = ()) -> None:
        """Ask the peer to call somebody; ``ReferProgress`` tells how it goes.

        Raises
        ------
        VoxlabError
            The call does not stand, or an earlier REFER has not come to its end.
        """
        check_lines(to.refer_to, headers=headers)
        dialog = self.dialog
        if dialog is None or self.state is not State.CONNECTED:
            raise VoxlabError(f"cannot refer in a call that is {self.state.name.lower()}; it needs to be connected")
        if self._asked is not None and self._asked.state is not Standing.TERMINATED:
            raise VoxlabError("the peer is still busy with the last REFER")
        request = dialog.request("REFER", headers=[("Refer-To", to.refer_to), *headers])
        self._asked = Referral(request)
        self._emit(SendRequest(self.leg, request, dialog.next_hop))

    def _refer_answered(self, status: int, reason: str) -> None:
        asked = self._asked
        if asked is not None and status >= 300:
            self._step_asked(asked, Given.REFUSED, status, reason)

    def _notified(self, request: Request, transaction: int) -> None:
        """Take a NOTIFY; one that belongs to no REFER of ours gets 481 (RFC 6665 s.4.1.3)."""
        asked = self._asked
        event, _, params = (request.headers.get("event") or "").partition(";")
        if asked is None or event.strip().lower() != "refer" or not _is_of(params, asked.number):
            self._respond(transaction, request.response(481))
            return
        standing = (request.headers.get("subscription-state") or "").partition(";")[0].strip().lower()
        given = _STANDING.get(standing)
        found = read_fragment(request.body)
        if given is None or found is None:
            self._respond(transaction, request.response(400))
            return
        known = SUBSCRIBER[asked.state, given].action is not Action.NO_SUCH
        self._respond(transaction, request.response(200 if known else 481))
        self._step_asked(asked, given, found.status, found.reason)

    def _step_asked(self, asked: Referral, given: Given, status: int, reason: str) -> None:
        action, asked.state, _ = SUBSCRIBER[asked.state, given]
        if action in {Action.TAKE_STATE, Action.TELL_ENDED, Action.TELL_REFUSED}:
            self._tell(ReferProgress(self.leg, status, reason, asked.state is Standing.TERMINATED))

    # -- the transferee: it is referred, and notifies

    def _refer_received(self, request: Request, transaction: int) -> None:
        """Take a REFER: one at a time, and not without end."""
        Destination.of(request)
        if self._referred is not None and self._referred.state is not Standing.TERMINATED:
            self._respond(transaction, request.response(491))
        elif self._refers >= MAX_REFERS:
            self._respond(transaction, request.response(403, "Too Many REFERs"))
        else:
            self._refers += 1
            self._referred = Referral(request, transaction)
            self._emit(ReferReceived(self.leg, request))

    def accept_refer(self) -> None:
        """Accept the REFER (202); the first NOTIFY follows at once (RFC 3515 s.2.4.4)."""
        referral = self._waiting()
        self._respond(referral.transaction, referral.request.response(202, headers=[("Contact", self._contact)]))
        referral.transaction = 0
        self._notify(referral, Given.CHANGE, 100, "Trying")

    def refuse_refer(self, status: int = 603) -> None:
        """Refuse the REFER: no subscription comes of it."""
        referral = self._waiting()
        self._respond(referral.transaction, referral.request.response(status))
        referral.state = Standing.TERMINATED

    def _waiting(self) -> Referral:
        referral = self._referred
        if referral is None or not referral.transaction or referral.state is Standing.TERMINATED:
            raise VoxlabError("no REFER waits for an answer")
        return referral

    def notify_refer(self, status: int, reason: str) -> None:
        """Tell the transferor how far the referred call has come; a final status is the last word."""
        referral = self._referred
        if referral is not None and self.state is State.CONNECTED:
            self._notify(referral, Given.CLOSE if status >= 200 else Given.CHANGE, status, reason)

    def _notify(self, referral: Referral, given: Given, status: int, reason: str) -> None:
        action, referral.state, _ = NOTIFIER[referral.state, given]
        dialog = self.dialog
        if action not in {Action.NOTIFY, Action.NOTIFY_LAST} or dialog is None:
            return
        ended = referral.state is Standing.TERMINATED
        lines = [
            ("Event", f"refer;id={referral.number}"),
            ("Subscription-State", "terminated;reason=noresource" if ended else f"active;expires={EXPIRES_S}"),
            ("Content-Type", CONTENT_TYPE),
        ]
        request = dialog.request("NOTIFY", headers=lines, body=fragment(status, reason))
        self._emit(SendRequest(self.leg, request, dialog.next_hop))

    def _notify_answered(self, status: int) -> None:
        referral = self._referred
        if referral is not None and status >= 300:
            _, referral.state, _ = NOTIFIER[referral.state, Given.NOTIFY_REFUSED]

    def _refer_done(self, request: Request, status: int, response: Response | None) -> None:
        """Take the final response to a REFER or NOTIFY of ours."""
        if request.method == "REFER":
            self._refer_answered(status, response.reason if response is not None else "Request Timeout")
        else:
            self._notify_answered(status)


def _is_of(params: str, number: int) -> bool:
    """Whether an event's id is that of this REFER; the first of a dialog may come without (RFC 3515 s.2.4.6)."""
    for part in params.split(";"):
        name, _, value = part.partition("=")
        if name.strip().lower() == "id":
            return value.strip() == str(number)
    return True
