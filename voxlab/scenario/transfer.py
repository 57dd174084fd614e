"""Transfers: a party of a bridge refers the other one to somebody else, blindly or after asking (RFC 3515, RFC 3891,
RFC 5589).

The cloud carries it out itself: it calls whom the REFER names, or joins two calls that stand. Must not know
transactions: the switchboard is commanded by number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxlab.base.errors import SipSyntaxError
from voxlab.dialog import events as wire
from voxlab.dialog.sipfrag import Destination, Replaces
from voxlab.scenario.belonging import Belonging
from voxlab.scenario.events import (
    BlindTransferRequested,
    CallEvent,
    Connected,
    Disconnected,
    Failed,
    Ringing,
    TransferComplete,
    TransferFailed,
)
from voxlab.sip.uri import Uri

if TYPE_CHECKING:
    from voxlab.scenario.leg import Leg

GRACE_S = 5.0
"""How long a transferor may take to hang up after it was told that all went well."""


class Referrals(Belonging):
    """The REFERs of one leg, received and sent."""

    def received(self, event: wire.ReferReceived) -> None:
        """Let the scenario decide if it listens; else carry the transfer out in a bridge, and refuse it elsewhere."""
        leg, to = self._leg, Destination.of(event.request)
        switchboard = leg.session.switchboard
        stayer = leg.changes.partner
        if leg.listeners.wants(BlindTransferRequested):
            switchboard.accept_refer(leg.number)
            leg.listeners.tell(BlindTransferRequested(leg, to.uri))
        elif stayer is None or stayer.state != "CONNECTED":
            switchboard.refuse_refer(leg.number, 603)
        else:
            switchboard.accept_refer(leg.number)
            leg.listeners.tell(BlindTransferRequested(leg, to.uri))
            if to.replaces is None:
                BlindTransfer(leg, stayer, _user_of(to.uri)).start()
            else:
                _join_calls(leg, stayer, to.replaces)

    def progress(self, event: wire.ReferProgress) -> None:
        """Take what the far end says about a REFER of ours."""
        leg = self._leg
        if not event.final:
            return
        if event.status < 300:
            leg.listeners.tell(TransferComplete(leg, "transferor"))
        else:
            leg.listeners.tell(TransferFailed(leg, event.status, event.reason, "transferor"))


def _user_of(uri: str) -> str:
    try:
        return Uri.parse(uri).user or ""
    except SipSyntaxError:
        return ""


class BlindTransfer:
    """One leg leaves, one stays, a third is called to take the place."""

    def __init__(self, leaver: Leg, stayer: Leg, user: str) -> None:
        self._leaver = leaver
        self._stayer = stayer
        self._user = user
        self._target: Leg | None = None

    def start(self) -> None:
        """Call whom the REFER names; until it is known how that goes, either party may hang up."""
        for leg in (self._leaver, self._stayer):
            leg.listeners.follower = self.take
        self._target = self._stayer.session.dial_user(self._user, self._stayer)
        self._target.listeners.follower = self.take

    def take(self, event: CallEvent) -> None:
        """Follow the three legs."""
        over = isinstance(event, (Failed, Disconnected))
        if event.call is self._target:
            self._target_said(event)
        elif over and event.call is self._stayer:
            self._stayer.session.end("the transferred party has gone")

    def _target_said(self, event: CallEvent) -> None:
        if isinstance(event, Ringing):
            self._notify(180, "Ringing")
        elif isinstance(event, Connected):
            self._complete(event.call)
        elif isinstance(event, Failed):
            self._failed(event.code, event.reason)

    def _notify(self, status: int, reason: str) -> None:
        leaver = self._leaver
        leaver.session.switchboard.notify_refer(leaver.number, status, reason)

    def _complete(self, target: Leg) -> None:
        stayer = self._stayer
        _bridge(stayer, target)
        stayer.changes.offer_like(target)
        _done(self._leaver, stayer, target)

    def _failed(self, code: int, reason: str) -> None:
        leaver, stayer = self._leaver, self._stayer
        self._notify(code, reason)
        for leg, role in ((leaver, "transferor"), (stayer, "transferee")):
            leg.listeners.tell(TransferFailed(leg, code, reason, role))
        if leaver.state == "CONNECTED":
            _bridge(stayer, leaver)
        else:
            stayer.session.end("the transfer failed, and the transferor has gone")


def _join_calls(leaver: Leg, stayer: Leg, replaces: Replaces) -> None:
    """Join the parties of two calls that one phone holds; its two legs leave (RFC 5589 s.7)."""
    session = leaver.session
    number = session.switchboard.leg_of_dialog(replaces.call_id, replaces.to_tag, replaces.from_tag)
    second = session.leg_by_number(number)
    target = second.changes.partner if second is not None else None
    if second is None or target is None or target.state != "CONNECTED" or target.media is None:
        session.switchboard.notify_refer(leaver.number, 481, "Call/Transaction Does Not Exist")
        for leg, role in ((leaver, "transferor"), (stayer, "transferee")):
            leg.listeners.tell(TransferFailed(leg, 481, "Call/Transaction Does Not Exist", role))
        return
    for leg in (leaver, second):
        leg.listeners.follower = None
        leg.changes.partner = None
    _bridge(stayer, target)
    stayer.changes.offer_like(target)
    target.changes.offer_like(stayer)
    _done(leaver, stayer, target)
    second.signalling.release()


def _bridge(a: Leg, b: Leg) -> None:
    """Let two legs follow the contract of the bridge, whichever sessions they are of, and hear each other."""
    from voxlab.scenario.bridge import Contract

    if b.media is not None:
        a.open_media().join(b.media)
    Contract(a, b).follow()


def _done(leaver: Leg, stayer: Leg, target: Leg) -> None:
    leaver.changes.partner = None
    leaver.listeners.follower = None
    leaver.session.switchboard.notify_refer(leaver.number, 200, "OK")
    for leg, role in ((leaver, "transferor"), (stayer, "transferee"), (target, "target")):
        leg.listeners.tell(TransferComplete(leg, role))
    if leaver.state == "CONNECTED":
        leaver.session.later(GRACE_S, leaver.signalling.release)
