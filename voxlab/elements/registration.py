"""The table of a registration that is kept alive: every state, every input, what to do and where that leads (RFC 3261
s.10.2).

Must not know messages: ``registrant`` tells what an answer means and does what the table says.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """Where a registration stands."""

    UNREGISTERED = "unregistered"
    REGISTERING = "registering"
    CHALLENGED = "challenged"
    REGISTERED = "registered"
    REFRESHING = "refreshing"
    FAILED = "failed"
    BACKING_OFF = "backing off"
    UNREGISTERING = "unregistering"

    @property
    def label(self) -> str:
        """The state for a picture."""
        return self.value.capitalize()


class Input(StrEnum):
    """What can happen to a registration."""

    REGISTER = "register"
    UNREGISTER = "unregister"
    CHALLENGE = "a challenge that can be answered"
    ACCEPTED = "2xx"
    TOO_BRIEF = "423 with a longer Min-Expires"
    UNAVAILABLE = "a failure that may pass"
    REFUSED = "a failure that will not pass"
    REMOVED = "the removal is over"
    TIMER = "timer"

    @property
    def label(self) -> str:
        """The input for a picture, in few words."""
        return _SHORT.get(self, self.value)


_SHORT = {
    Input.CHALLENGE: "401, 407",
    Input.TOO_BRIEF: "423 Min-Expires",
    Input.UNAVAILABLE: "403, 503, silence",
    Input.REFUSED: "refused for good",
    Input.REMOVED: "removed",
}


class Action(StrEnum):
    """What a registration does about it."""

    NOTHING = "nothing"
    SEND = "send REGISTER"
    ANSWER = "send it again with credentials"
    LENGTHEN = "send it again, for longer"
    REMOVE = "send REGISTER with Expires 0"
    KEEP = "wait for the refresh"
    BACK_OFF = "wait and try again"
    GIVE_UP = "stay down until told otherwise"
    FORGET = "be done"


_DOES = {Action.NOTHING: "-", Action.ANSWER: "send with credentials", Action.LENGTHEN: "send, for longer"}


class Row(NamedTuple):
    """One cell of the table: what to do and where that leads."""

    action: Action
    state: State


def _rows(state: State, text: str) -> dict[tuple[State, Input], Row]:
    """Read a line of the table: per input, in the order of ``Input``, an action and the next state."""
    cells = [cell.split(">") for cell in text.split()]
    return {(state, name): Row(Action[do], State[after]) for name, (do, after) in zip(Input, cells, strict=True)}


# fmt: off
TABLE: dict[tuple[State, Input], Row] = {
    # The columns: REGISTER, UNREGISTER, CHALLENGE, ACCEPTED, TOO_BRIEF, UNAVAILABLE, REFUSED, REMOVED, TIMER.
    # A command that finds a request under way waits for its answer (s.10.2): the state says what is wanted,
    # and the answer brings it about.
    **_rows(State.UNREGISTERED, """
        SEND>REGISTERING NOTHING>UNREGISTERED NOTHING>UNREGISTERED NOTHING>UNREGISTERED NOTHING>UNREGISTERED
        NOTHING>UNREGISTERED NOTHING>UNREGISTERED NOTHING>UNREGISTERED NOTHING>UNREGISTERED"""),
    **_rows(State.REGISTERING, """
        NOTHING>REGISTERING NOTHING>UNREGISTERING ANSWER>CHALLENGED KEEP>REGISTERED LENGTHEN>REGISTERING
        BACK_OFF>BACKING_OFF GIVE_UP>FAILED SEND>REGISTERING NOTHING>REGISTERING"""),
    **_rows(State.CHALLENGED, """
        NOTHING>CHALLENGED NOTHING>UNREGISTERING ANSWER>CHALLENGED KEEP>REGISTERED LENGTHEN>REGISTERING
        BACK_OFF>BACKING_OFF GIVE_UP>FAILED SEND>REGISTERING NOTHING>CHALLENGED"""),
    **_rows(State.REGISTERED, """
        SEND>REFRESHING REMOVE>UNREGISTERING NOTHING>REGISTERED NOTHING>REGISTERED NOTHING>REGISTERED
        NOTHING>REGISTERED NOTHING>REGISTERED NOTHING>REGISTERED SEND>REFRESHING"""),
    **_rows(State.REFRESHING, """
        NOTHING>REFRESHING NOTHING>UNREGISTERING ANSWER>REFRESHING KEEP>REGISTERED LENGTHEN>REFRESHING
        BACK_OFF>BACKING_OFF GIVE_UP>FAILED NOTHING>REFRESHING NOTHING>REFRESHING"""),
    **_rows(State.FAILED, """
        SEND>REGISTERING FORGET>UNREGISTERED NOTHING>FAILED NOTHING>FAILED NOTHING>FAILED
        NOTHING>FAILED NOTHING>FAILED NOTHING>FAILED NOTHING>FAILED"""),
    # A refresh may have failed while the binding still stands: going away removes it all the same.
    **_rows(State.BACKING_OFF, """
        SEND>REGISTERING REMOVE>UNREGISTERING NOTHING>BACKING_OFF NOTHING>BACKING_OFF NOTHING>BACKING_OFF
        NOTHING>BACKING_OFF NOTHING>BACKING_OFF NOTHING>BACKING_OFF SEND>REGISTERING"""),
    **_rows(State.UNREGISTERING, """
        NOTHING>REGISTERING NOTHING>UNREGISTERING ANSWER>UNREGISTERING REMOVE>UNREGISTERING REMOVE>UNREGISTERING
        REMOVE>UNREGISTERING FORGET>UNREGISTERED FORGET>UNREGISTERED NOTHING>UNREGISTERING"""),
}
# fmt: on


class Transition(NamedTuple):
    """An arrow of the diagram; ``label`` is the input over the action."""

    state: State
    input: Input
    next_state: State
    label: str


class Diagram:
    """The table in the form in which machines are drawn (``display/machine.py``)."""

    title = "registration"
    rfc = "RFC 3261 s.10.2, back-off after RFC 5626 s.4.5"
    initial = State.UNREGISTERED
    entry: tuple[Action, ...] = ()
    states = tuple(State)

    @staticmethod
    def transitions() -> list[Transition]:
        """Return the arrows: every pair about which something is done."""
        return [
            Transition(state, given, row.state, f"{given.label} / {_DOES.get(row.action, row.action.value)}")
            for (state, given), row in TABLE.items()
            if row.action is not Action.NOTHING or row.state is not state
        ]

    @staticmethod
    def why(state: State, given: Input) -> str:
        """Return what happens there, in words."""
        return TABLE[state, given].action.value


REPORTED = {
    State.UNREGISTERED: "deactivated",
    State.REGISTERING: "in_progress",
    State.CHALLENGED: "in_progress",
    State.REGISTERED: "successful",
    State.REFRESHING: "successful",
    State.FAILED: "failed",
    State.BACKING_OFF: "failed",
    State.UNREGISTERING: "in_progress",
}
"""Each state in the word of the management API."""
