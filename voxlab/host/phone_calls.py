"""The calls of a phone: leg events become inputs of its lines, and what its lines want becomes commands (RFC 3261
s.13-15, RFC 3264, RFC 3515).

Must not know registrations or handles; ``phone`` adds the first, the lab watches.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from voxlab.base.errors import VoxlabError
from voxlab.dialog import events as leg_events
from voxlab.dialog.session_timer import NO_WISHES, Wishes
from voxlab.dialog.sipfrag import Destination, Replaces
from voxlab.elements.node import NodeEvent
from voxlab.elements.phone import Behaviour, Input, Phone, State
from voxlab.elements.user_agent import Incoming
from voxlab.host.ends.place import MediaPlace
from voxlab.host.ends.terminal import Terminal
from voxlab.host.phone_changes import PhoneChanges
from voxlab.media.dtmf_relay import told_digit
from voxlab.sip.message import Response

if TYPE_CHECKING:
    from voxlab.media.sources import Source

Watch = Callable[[Any, float], None]

CALLS_REMEMBERED = 50
"""Of how many calls that are over a phone keeps what it heard; a minute of G.711 is half a megabyte."""


class PhoneCalls(PhoneChanges):
    """What a phone does with its calls.

    Parameters
    ----------
    place : MediaPlace
    behaviour : Behaviour
    source : callable
        Returns what it says during a call, None for nothing.
    watch : callable
        Told of every leg event with its time, after the phone itself has acted on it.

    Attributes
    ----------
    wishes : Wishes
        What it asks of the extensions when it dials.
    """

    def __init__(
        self, place: MediaPlace, behaviour: Behaviour, source: Callable[[], Source | None], watch: Watch
    ) -> None:
        super().__init__(self, behaviour)
        self.place = place
        self.wishes = NO_WISHES
        self.delayed_offer = False
        self.early_media = False
        self._source = source
        self._watch = watch
        self._early: set[int] = set()
        self._past: deque[int] = deque()
        self._targets: dict[int, Destination] = {}
        self._referred: dict[int, int] = {}

    @property
    def phone(self) -> Phone:
        """The line in hand."""
        return self.lines.hand

    def place_call(self, target: str, headers: Iterable[tuple[str, str]] = ()) -> int:
        """Send an INVITE on a free line and return the leg's number."""
        raise NotImplementedError

    def _terminal(self) -> Terminal:
        """Return a mouth and an ear for a new call."""
        raise NotImplementedError

    def _opened(self, leg: int, target: str, terminal: Terminal, now: float) -> None:
        """Take note of a call of ours."""
        self.terminals[leg] = terminal
        session = self.agent.session(leg)
        terminal.label(call_id=session.call_id if session else "")
        self.lines.dial(leg, now, target)

    # -- what the lines command (the Line protocol)

    def alert(self, leg: int, now: float) -> None:
        """Let the caller hear ringing, or a first word before the answer."""
        terminal = self.terminals.get(leg)
        if self.early_media and terminal is not None:
            self.agent.ring(leg, now, status=183, sdp=self._description(leg, terminal))
        else:
            self.agent.ring(leg, now)

    def accept(self, leg: int, now: float) -> bool:
        """Answer with our SDP; a call without a common codec is refused with 488."""
        terminal = self.terminals.get(leg)
        if self.agent.session(leg) is None or terminal is None:
            return False
        self.agent.answer(leg, now, sdp=self._description(leg, terminal))
        return True

    def _description(self, leg: int, terminal: Terminal) -> bytes:
        session = self.agent.session(leg)
        return terminal.answer() if session is not None and session.invite.sdp is not None else terminal.offer()

    def refuse(self, leg: int, now: float, status: int) -> None:
        """Refuse a call."""
        self.agent.reject(leg, now, status)

    def release(self, leg: int, now: float) -> None:
        """End a call."""
        terminal = self.terminals.get(leg)
        if terminal is not None:
            terminal.stop()
        self.agent.hang_up(leg, now)

    def transfer(self, leg: int, now: float, target: str) -> None:
        """Refer the far end to whom the command named."""
        to = self._targets.pop(leg, None) or Destination(target)
        session = self.agent.session(leg)
        dialog = session.dialog if session is not None else None
        identity = dialog.local.partition(">")[0] + ">" if dialog is not None and "<" in dialog.local else ""
        headers = [("Referred-By", identity)] if identity else []
        self.agent.refer(leg, now, to, headers)

    # -- commands

    def set_wishes(self, wishes: Wishes) -> None:
        """Say what is asked of the extensions in calls to come."""
        self.wishes = self.agent.wishes = wishes

    def transferring(self, leg: int) -> bool:
        """Whether it is not known yet how a transfer went."""
        line = self.lines.of_leg(leg)
        return line is not None and line.state in {State.TRANSFERRING, State.TRANSFERRING_HELD, State.RELEASING}

    def transfer_to(self, target: str, now: float) -> None:
        """Transfer the call in hand to somebody who has not been asked (RFC 5589 s.6)."""
        self._command_transfer(self.phone, Destination(target), now, target)

    def transfer_attended(self, leg: int, other: int, now: float) -> None:
        """Join the far ends of two calls: the one of ``leg`` is to take our place in ``other`` (RFC 5589 s.7)."""
        line = self.lines.of_leg(leg)
        session = self.agent.session(other)
        dialog = session.dialog if session is not None else None
        if line is None or dialog is None:
            raise VoxlabError(f"{self.place.owner} needs two calls that stand, to join them")
        replaces = Replaces(dialog.call_id, dialog.remote_tag, dialog.local_tag)
        self._command_transfer(line, Destination(dialog.remote_target, replaces), now, dialog.remote_target)

    def _command_transfer(self, line: Phone, to: Destination, now: float, text: str) -> None:
        if not line.allows(Input.TRANSFER):
            raise VoxlabError(f"{self.place.owner} is {line.state.name.lower()}: there is no call to transfer")
        self._targets[line.leg] = to
        line.receive(Input.TRANSFER, line.leg, now, text)

    # -- events of the node

    def _take(self, event: NodeEvent, now: float) -> None:
        action = _ACTIONS.get(type(event))
        if action is not None:
            action(self, event, now)
        self._watch(event, now)

    def _incoming(self, event: Incoming, now: float) -> None:
        request = event.request
        caller = request.from_
        offer = request.sdp
        terminal = self._terminal()
        if offer is not None and not terminal.take_offer(offer):
            terminal.release()
            self.agent.reject(event.leg, now, 488)
            return
        terminal.label(call_id=request.call_id)
        self.terminals[event.leg] = terminal
        name = caller.uri.user or str(caller.uri)
        if event.replaces and self.lines.replace(event.replaces, event.leg, now, name):
            self.accept(event.leg, now)
            self.agent.hang_up(event.replaces, now)
            return
        self.lines.receive(Input.CALL_IN, event.leg, now, name)

    def _progress(self, event: leg_events.Progress, now: float) -> None:
        terminal = self.terminals.get(event.leg)
        description = event.response.sdp
        if (
            terminal is not None
            and description is not None
            and event.leg not in self._early
            and not self.delayed_offer
            and terminal.take_answer(description)
        ):
            self._early.add(event.leg)
        text = "ringing" if event.status == 180 else f"{event.status} {event.response.reason}"
        self.lines.receive(Input.PROGRESS, event.leg, now, text)
        self._report(event.leg, now, event.status, event.response.reason)

    def _early_offer(self, event: leg_events.EarlyOffer, now: float) -> None:
        terminal = self.terminals.get(event.leg)
        description = event.response.sdp
        if terminal is None or description is None or not terminal.take_offer(description):
            self.lines.receive(Input.HANG_UP, event.leg, now)
            return
        self._early.add(event.leg)
        self.agent.answer_early_offer(event.leg, now, event.response, terminal.answer())

    def _answered(self, event: leg_events.Answered, now: float) -> None:
        if self._agreed(event.leg, event.described, now):
            self.lines.receive(Input.ANSWERED, event.leg, now)
            self._report(event.leg, now, 200, "OK")
        else:
            self.lines.receive(Input.HANG_UP, event.leg, now)

    def _agreed(self, leg: int, response: Response, now: float) -> bool:
        """Take what the 2xx describes: the answer, or after an INVITE without one an offer; False if it fits not."""
        terminal, session = self.terminals.get(leg), self.agent.session(leg)
        description = response.sdp
        if terminal is None or session is None or description is None:
            return False
        if session.offer_in_invite:
            return terminal.take_answer(description)
        if leg in self._early:
            return True
        if not terminal.take_offer(description):
            return False
        self.agent.confirm(leg, now, terminal.answer())
        return True

    def _confirmed(self, event: leg_events.Confirmed, now: float) -> None:
        terminal = self.terminals.get(event.leg)
        description = event.ack.sdp if event.ack.body else None
        if terminal is not None and description is not None:
            terminal.take_answer(description)
        self.lines.receive(Input.ANSWERED, event.leg, now)

    def _failed(self, event: leg_events.Failed, now: float) -> None:
        self._gone(event.leg)
        self._report(event.leg, now, event.status, event.reason)
        self.lines.receive(Input.FAILED, event.leg, now, f"{event.status} {event.reason}")

    def _ended(self, event: leg_events.Ended, now: float) -> None:
        self._gone(event.leg)
        self.lines.receive(Input.ENDED, event.leg, now)

    def _request(self, event: leg_events.RequestReceived, now: float) -> None:
        """Show a message, or the key that an INFO tells (application/dtmf-relay)."""
        request = event.request
        text = request.body.decode("utf-8", "replace")
        if request.method == "MESSAGE":
            self.lines.says.append((now, f"message: {text}"))
            return
        digit = told_digit(request.headers.get("content-type") or "", text, now)
        terminal = self.terminals.get(event.leg)
        if digit is not None and terminal is not None:
            terminal.told.append(digit)
            self.lines.says.append((now, f"key {digit.key}"))

    # -- being referred, and referring

    def _refer(self, event: leg_events.ReferReceived, now: float) -> None:
        to = Destination.of(event.request)
        if self.lines.spare is None or self.has("no_refer"):
            self.agent.refuse_refer(event.leg, now, 603)
            return
        self.agent.accept_refer(event.leg, now)
        headers = [("Referred-By", value) for value in event.request.headers.get_all("referred-by")[:1]]
        if to.replaces is not None:
            headers.append(("Replaces", str(to.replaces)))
        try:
            self._referred[self.place_call(to.uri, headers)] = event.leg
        except VoxlabError:
            self.agent.notify_refer(event.leg, now, 503, "Service Unavailable")

    def _report(self, leg: int, now: float, status: int, reason: str) -> None:
        """Tell who referred us how the call goes."""
        referrer = self._referred.get(leg)
        if referrer is None:
            return
        if status >= 200:
            del self._referred[leg]
        self.agent.notify_refer(referrer, now, status, reason)

    def _refer_progress(self, event: leg_events.ReferProgress, now: float) -> None:
        text = f"transfer: {event.status} {event.reason}"
        if not event.final:
            self.lines.says.append((now, text))
        elif event.status < 300:
            self.lines.receive(Input.TRANSFERRED, event.leg, now, text)
        else:
            self.lines.receive(Input.TRANSFER_FAILED, event.leg, now, text)

    def _gone(self, leg: int) -> None:
        terminal = self.terminals.get(leg)
        self._early.discard(leg)
        self._targets.pop(leg, None)
        if terminal is None:
            return
        terminal.close()
        self._past.append(leg)
        if len(self._past) > CALLS_REMEMBERED:
            del self.terminals[self._past.popleft()]


_ACTIONS: Mapping[type, Callable[[PhoneCalls, Any, float], None]] = {
    Incoming: PhoneCalls._incoming,
    leg_events.Progress: PhoneCalls._progress,
    leg_events.EarlyOffer: PhoneCalls._early_offer,
    leg_events.Answered: PhoneCalls._answered,
    leg_events.Confirmed: PhoneCalls._confirmed,
    leg_events.Failed: PhoneCalls._failed,
    leg_events.Ended: PhoneCalls._ended,
    leg_events.OfferReceived: PhoneCalls._offered,
    leg_events.OfferAnswered: PhoneCalls._offer_answered,
    leg_events.OfferWithdrawn: PhoneCalls._withdrawn,
    leg_events.OfferAccepted: PhoneCalls._accepted,
    leg_events.AnswerWanted: PhoneCalls._answer_wanted,
    leg_events.OfferRefused: PhoneCalls._change_refused,
    leg_events.RetryDue: PhoneCalls._retry,
    leg_events.RefreshDue: PhoneCalls._refresh,
    leg_events.RequestReceived: PhoneCalls._request,
    leg_events.ReferReceived: PhoneCalls._refer,
    leg_events.ReferProgress: PhoneCalls._refer_progress,
}

__all__ = ["CALLS_REMEMBERED", "PhoneCalls", "Watch", "Wishes"]
