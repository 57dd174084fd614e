"""The signalling of a leg: what happened on the wire becomes what happened to the call (RFC 3261 s.13, s.14, s.16.7).

An outgoing leg rings on several devices, a branch each, until one of them answers. Must not know transactions or
transports: leg events come in, the switchboard is commanded by number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from voxlab.dialog import events as wire
from voxlab.scenario.belonging import Belonging
from voxlab.scenario.events import (
    AudioStarted,
    Connected,
    Disconnected,
    Failed,
    InfoReceived,
    MessageReceived,
    Ringing,
    StateChanged,
)
from voxlab.scenario.headers import extension_headers
from voxlab.scenario.ports import Header, MediaPort, Switchboard

if TYPE_CHECKING:
    from voxlab.scenario.hunting import Hunt
    from voxlab.scenario.leg import Leg

ALERTING, PROGRESSING, CONNECTED, TERMINATED = "ALERTING", "PROGRESSING", "CONNECTED", "TERMINATED"


class Signalling(Belonging):
    """What the exchange tells one leg, and the leg's states."""

    def __init__(self, leg: Leg) -> None:
        super().__init__(leg)
        self._switchboard: Switchboard = leg.session.switchboard
        self._branches: dict[int, MediaPort] = {}
        self._again: dict[int, Callable[[], None]] = {}
        self._best: tuple[int, str] | None = None
        self._failure: tuple[int, str] | None = None
        self._connected_at: float | None = None
        self._audio_started = False
        self.hunt: Hunt | None = None

    # -- its beginning and its end, as the session wants them

    def opened(self, number: int) -> bool:
        """Become the leg of an INVITE that arrived; False when its offer fits nothing, known before anybody rings."""
        self._leg.number = number
        request = self._switchboard.invite_of(number)
        self._leg.headers = extension_headers(request)
        self._leg.call_ids[number] = request.call_id
        offer = request.sdp
        if offer is None or self._leg.open_media().take_offer(offer):
            return True
        self._switchboard.reject(number, 488, None, ())
        return False

    def branch(self, port: MediaPort, number: int, again: Callable[[], None] | None = None) -> None:
        """Add one device's branch to an outgoing leg; ``again`` asks the device once more, with SRTP or nothing."""
        self._branches[number] = port
        if again is not None and port.takes_either:
            self._again[number] = again
        self._leg.call_ids[number] = port.call_id

    def give_up(self, code: int, reason: str) -> None:
        """End an outgoing leg that nobody answered in time, or that could not be made at all."""
        if self._leg.state == PROGRESSING and not self._leg.number:
            branches, self._branches = self._branches, {}
            for number, port in branches.items():
                self._switchboard.hang_up(number, ())
                port.close()
            self._over(Failed(self._leg, code, reason))

    def release(self, headers: tuple[Header, ...] = ()) -> None:
        """Hang up, on every device that rings if none has answered."""
        for number in [self._leg.number] if self._leg.number else list(self._branches):
            self._switchboard.hang_up(number, headers)

    # -- what happened on the wire

    def take(self, event: wire.LegEvent) -> None:
        """Turn what happened on the wire into what happened to the call."""
        _TAKE[type(event)](self, event)

    def _progress(self, event: wire.Progress) -> None:
        headers = extension_headers(event.response)
        description = event.response.sdp
        if description is not None and not self._audio_started:
            port = self._branches.get(event.leg)
            if port is not None and port.take_answer(description):
                self._audio_started = True
                self._leg.media = port
                self._leg.listeners.tell(AudioStarted(self._leg, headers))
                return
        self._leg.listeners.tell(Ringing(self._leg, headers))

    def _answered(self, event: wire.Answered) -> None:
        if self._leg.number:
            return
        port = self._branches.pop(event.leg, None)
        self._leg.number = event.leg
        losers, self._branches = self._branches, {}
        for number, other in losers.items():
            # RFC 3326: tell the other devices that this one took the call.
            self._switchboard.hang_up(number, (("Reason", 'SIP;cause=200;text="Call completed elsewhere"'),))
            other.close()
        self._leg.media = port
        description = event.described.sdp
        if port is None or description is None or not port.take_answer(description):
            self._failure = (488, "Not Acceptable Here")
            self._switchboard.hang_up(event.leg, ())
            return
        self._connect(extension_headers(event.response))

    def _confirmed(self, event: wire.Confirmed) -> None:
        description = event.ack.sdp if event.ack.body else None
        if description is not None and self._leg.media is not None:
            self._leg.media.take_answer(description)
        self._connect({})

    def _connect(self, headers: Mapping[str, str]) -> None:
        self._connected_at = self._switchboard.now()
        self._change(CONNECTED)
        self._leg.quality.begin()
        self._leg.listeners.tell(Connected(self._leg, headers))

    def _failed(self, event: wire.Failed) -> None:
        branch, again = self._branches.pop(event.leg, None), self._again.pop(event.leg, None)
        if branch is not None:
            branch.close()
            if again is not None and event.status == 488 and not self._leg.number:
                again()
                return
        if event.leg != self._leg.number and not self._branches and self._leg.number:
            return
        self._best = best_refusal(self._best, (event.status, event.reason))
        if self._branches and event.status < 600:
            return
        if self.hunt is not None and not self._leg.number and self.hunt.goes_on(event):
            self._best = None
            return
        for number in self._branches:
            self._switchboard.hang_up(number, ())
        code, reason = self._best
        self._over(Failed(self._leg, code, reason, extension_headers(event.response) if event.response else {}))

    def _ended(self, event: wire.Ended) -> None:
        if self._failure is not None:
            self._over(Failed(self._leg, *self._failure))
        elif event.leg == self._leg.number:
            duration = 0.0 if self._connected_at is None else self._switchboard.now() - self._connected_at
            headers = extension_headers(event.request) if event.request is not None else {}
            self._over(Disconnected(self._leg, event.cause, duration, event.by_peer, headers))

    def _request(self, event: wire.RequestReceived) -> None:
        request = event.request
        text = request.body.decode("utf-8", "replace")
        if request.method == "MESSAGE":
            self._leg.listeners.tell(MessageReceived(self._leg, text))
        else:
            self._leg.listeners.tell(InfoReceived(self._leg, request.headers.get("content-type") or "", text))

    def _nothing(self, event: wire.LegEvent) -> None: ...

    # -- its states

    def _change(self, state: str) -> None:
        leg = self._leg
        old, leg.state = leg.state, state
        if old != state and leg.listeners.anybody:
            leg.listeners.tell(StateChanged(leg, old, state))

    def _over(self, event: Failed | Disconnected) -> None:
        leg = self._leg
        if leg.state == TERMINATED:
            return
        self._change(TERMINATED)
        if leg.media is not None:
            leg.media.close()
        leg.changes.over()
        leg.listeners.tell(event)
        what = f"{event.code} {event.reason}" if isinstance(event, Failed) else event.reason
        leg.listeners.disappoint(f"leg {leg.letter} ended: {what}")
        self._again.clear()
        self.hunt = None
        leg.session.leg_over(leg, event)


def best_refusal(best: tuple[int, str] | None, new: tuple[int, str]) -> tuple[int, str]:
    """Choose between two branches' refusals: a 6xx wins, else the lowest class, else the first (RFC 3261 s.16.7(6))."""
    if best is None or (new[0] >= 600 > best[0]):
        return new
    if best[0] >= 600:
        return best
    return new if new[0] // 100 < best[0] // 100 else best


_TAKE: dict[type, Callable[[Signalling, Any], None]] = {
    wire.Progress: Signalling._progress,
    wire.Answered: Signalling._answered,
    wire.Confirmed: Signalling._confirmed,
    wire.Failed: Signalling._failed,
    wire.Ended: Signalling._ended,
    wire.OfferReceived: lambda it, event: it._leg.changes.offered(event),
    wire.OfferAnswered: lambda it, event: it._leg.changes.offer_answered(event),
    wire.OfferWithdrawn: lambda it, event: it._leg.changes.withdrawn(event),
    wire.OfferAccepted: lambda it, event: it._leg.changes.accepted(event),
    wire.OfferRefused: lambda it, event: it._leg.changes.refused(event),
    wire.RetryDue: lambda it, event: it._leg.changes.retry(event),
    wire.RefreshDue: lambda it, event: it._leg.changes.refresh(event),
    wire.AnswerWanted: Signalling._nothing,
    wire.EarlyOffer: Signalling._nothing,
    wire.ReferReceived: lambda it, event: it._leg.referrals.received(event),
    wire.ReferProgress: lambda it, event: it._leg.referrals.progress(event),
    wire.RequestReceived: Signalling._request,
    wire.RequestAnswered: Signalling._nothing,
}
