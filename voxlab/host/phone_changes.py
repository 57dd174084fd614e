"""The changes of a phone's calls: hold and resume, offers of the far end, refreshes (RFC 3261 s.14, RFC 3264 s.8).

Must not know how calls begin and end; ``phone_calls`` does.
"""

from __future__ import annotations

from voxlab.dialog import events as leg_events
from voxlab.dialog.modification import Turn
from voxlab.elements.phone import Behaviour, Input, Line
from voxlab.elements.phone_lines import PhoneLines
from voxlab.elements.user_agent import UserAgent
from voxlab.host.ends.terminal import Terminal


class PhoneChanges:
    """What a phone does to a call that stands, and what it lets others do.

    Attributes
    ----------
    lines : PhoneLines
    terminals : dict of int to Terminal
        The audio of each leg, of the last calls too.
    """

    def __init__(self, line: Line, behaviour: Behaviour) -> None:
        self.lines = PhoneLines(line, behaviour)
        self.terminals: dict[int, Terminal] = {}

    @property
    def agent(self) -> UserAgent:
        """The user agent that carries the calls."""
        raise NotImplementedError

    def has(self, fault: str) -> bool:
        """Whether the phone has this fault switched on."""
        return False

    def hold(self, leg: int, now: float) -> None:
        """Put the far end on hold."""
        self._change(leg, now, holding=True)

    def resume(self, leg: int, now: float) -> None:
        """Take the far end back."""
        self._change(leg, now, holding=False)

    def _change(self, leg: int, now: float, *, holding: bool) -> None:
        terminal, session = self.terminals.get(leg), self.agent.session(leg)
        if terminal is None or session is None:
            return
        terminal.negotiation.holding = holding
        if session.modifiable:  # else our answer to their offer says it
            self.agent.modify(leg, now, sdp=terminal.offer())

    def changing(self, leg: int) -> bool:
        """Whether a change of ours is under way on this leg."""
        session, terminal = self.agent.session(leg), self.terminals.get(leg)
        if session is None or terminal is None:
            return False
        return session.turn in {Turn.INVITING, Turn.UPDATING, Turn.ANSWER_OWED, Turn.BACKING_OFF}

    # -- changes of a call that stands

    def _offered(self, event: leg_events.OfferReceived, now: float) -> None:
        terminal = self.terminals.get(event.leg)
        description = event.request.sdp
        held = terminal is not None and terminal.held
        fits = terminal is not None and (description is None or terminal.take_offer(description))
        if terminal is None or not fits or self.has("refuses_reinvite"):
            if terminal is not None:
                terminal.withdraw()
            self.agent.refuse_offer(event.leg, now)
            return
        sdp = terminal.answer() if description is not None else terminal.offer()
        self.agent.answer_offer(event.leg, now, sdp)
        self._show_hold(event.leg, terminal, held, now)

    def _show_hold(self, leg: int, terminal: Terminal, before: bool, now: float) -> None:
        line = self.lines.of_leg(leg)
        if line is not None and terminal.held != before:
            self.lines.says.append((now, "on hold" if terminal.held else "off hold"))

    def _offer_answered(self, event: leg_events.OfferAnswered, now: float) -> None:
        terminal = self.terminals.get(event.leg)
        description = event.ack.sdp
        if terminal is not None and description is not None:
            terminal.take_answer(description)

    def _withdrawn(self, event: leg_events.OfferWithdrawn, now: float) -> None:
        terminal = self.terminals.get(event.leg)
        if terminal is not None:
            terminal.withdraw()

    def _accepted(self, event: leg_events.OfferAccepted, now: float) -> None:
        terminal = self.terminals.get(event.leg)
        description = event.response.sdp
        if terminal is not None and description is not None:
            terminal.take_answer(description)

    def _answer_wanted(self, event: leg_events.AnswerWanted, now: float) -> None:
        terminal = self.terminals.get(event.leg)
        description = event.response.sdp
        if terminal is not None and description is not None and terminal.take_offer(description):
            self.agent.answer_in_ack(event.leg, now, terminal.answer())
        else:
            self.agent.answer_in_ack(event.leg, now, b"")
            self.lines.receive(Input.HANG_UP, event.leg, now)

    def _change_refused(self, event: leg_events.OfferRefused, now: float) -> None:
        terminal = self.terminals.get(event.leg)
        if terminal is None:
            return
        terminal.withdraw()
        if event.status != 491:
            terminal.negotiation.holding = terminal.negotiation.says_hold_before
            text = f"the call stays as it was: {event.status} {event.reason}"
            self.lines.receive(Input.CHANGE_REFUSED, event.leg, now, text)

    def _retry(self, event: leg_events.RetryDue, now: float) -> None:
        terminal = self.terminals.get(event.leg)
        if terminal is not None and terminal.negotiation.holding != terminal.negotiation.says_hold_before:
            self._change(event.leg, now, holding=terminal.negotiation.holding)

    def _refresh(self, event: leg_events.RefreshDue, now: float) -> None:
        terminal, session = self.terminals.get(event.leg), self.agent.session(event.leg)
        if terminal is not None and session is not None and session.modifiable:
            self.agent.modify(event.leg, now, sdp=terminal.offer_again())
