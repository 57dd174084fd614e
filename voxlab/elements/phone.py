"""A phone's behaviour as a table: what it does when called, picked up, hung up on (RFC 3261 s.13.3, s.15).

Must not know SIP messages, media or the network: it reads leg events by their kind and commands a user agent by leg
number. One call at a time; a second caller hears 486.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, Protocol


class State(IntEnum):
    """What the person in front of the phone would say it is doing; ANSWERING is picked up, but not yet connected."""

    IDLE = 0
    DIALLING = 1
    RINGBACK = 2
    RINGING = 3
    TALKING = 4
    RELEASING = 5
    ANSWERING = 6


class Input(IntEnum):
    """What can happen to a phone."""

    DIAL = 0
    CALL_IN = 1
    PICK_UP = 2
    DECLINE = 3
    HANG_UP = 4
    PROGRESS = 5
    ANSWERED = 6
    FAILED = 7
    ENDED = 8
    ANSWER_DUE = 9
    PATIENCE_OVER = 10


class Action(IntEnum):
    """What a phone does."""

    IGNORE = 0
    START_CALL = 1
    ALERT = 2
    REFUSE_BUSY = 3
    ACCEPT = 4
    DECLINE = 5
    RELEASE = 6
    SHOW_PROGRESS = 7
    START_TALKING = 8
    SHOW_FAILURE = 9
    SHOW_END = 10
    REFUSE_COMMAND = 11
    GIVE_UP = 12


class Row(NamedTuple):
    """One cell: the action, the state after it, and why."""

    action: Action
    state: State
    why: str


S, I, A = State, Input, Action  # noqa: E741 - the three axes of the table below

ROWS: dict[tuple[State, Input], Row] = {
    (S.IDLE, I.DIAL): Row(A.START_CALL, S.DIALLING, "somebody lifts the receiver and dials"),
    (S.IDLE, I.CALL_IN): Row(A.ALERT, S.RINGING, "s.13.3.1.1: 180 and the bell"),
    (S.DIALLING, I.CALL_IN): Row(A.REFUSE_BUSY, S.DIALLING, "one line, in use: 486 (s.13.3.1.3)"),
    (S.DIALLING, I.PROGRESS): Row(A.SHOW_PROGRESS, S.RINGBACK, "s.13.2.2.1"),
    (S.DIALLING, I.ANSWERED): Row(A.START_TALKING, S.TALKING, "answered without a provisional response"),
    (S.DIALLING, I.FAILED): Row(A.SHOW_FAILURE, S.IDLE, "s.13.2.2.3"),
    (S.DIALLING, I.HANG_UP): Row(A.RELEASE, S.RELEASING, "s.9.1: CANCEL"),
    (S.RINGBACK, I.CALL_IN): Row(A.REFUSE_BUSY, S.RINGBACK, "one line, in use"),
    (S.RINGBACK, I.PROGRESS): Row(A.SHOW_PROGRESS, S.RINGBACK, "180 after 183 and the other way round both occur"),
    (S.RINGBACK, I.ANSWERED): Row(A.START_TALKING, S.TALKING, "s.13.2.2.4"),
    (S.RINGBACK, I.FAILED): Row(A.SHOW_FAILURE, S.IDLE, "s.13.2.2.3"),
    (S.RINGBACK, I.HANG_UP): Row(A.RELEASE, S.RELEASING, "s.9.1: CANCEL"),
    (S.RINGING, I.CALL_IN): Row(A.REFUSE_BUSY, S.RINGING, "one line, in use"),
    (S.RINGING, I.PICK_UP): Row(A.ACCEPT, S.ANSWERING, "200; talking starts with the ACK (s.13.3.1.4)"),
    (S.RINGING, I.ANSWER_DUE): Row(A.ACCEPT, S.ANSWERING, "answer_after is over"),
    (S.RINGING, I.DECLINE): Row(A.DECLINE, S.IDLE, "603 (s.21.6.2)"),
    (S.RINGING, I.HANG_UP): Row(A.RELEASE, S.RELEASING, "refuses the call (s.15: no BYE on an early dialog)"),
    (S.RINGING, I.PATIENCE_OVER): Row(A.GIVE_UP, S.IDLE, "nobody answers: 480 (s.21.4.18)"),
    (S.RINGING, I.FAILED): Row(A.SHOW_FAILURE, S.IDLE, "s.9.2: the caller gave up"),
    (S.RINGING, I.ENDED): Row(A.SHOW_END, S.IDLE, "s.15: hung up by the caller"),
    (S.ANSWERING, I.CALL_IN): Row(A.REFUSE_BUSY, S.ANSWERING, "one line, in use"),
    (S.ANSWERING, I.PICK_UP): Row(A.IGNORE, S.ANSWERING, "it is off the hook already"),
    (S.ANSWERING, I.HANG_UP): Row(A.RELEASE, S.RELEASING, "s.15: BYE once the ACK is there"),
    (S.ANSWERING, I.ANSWERED): Row(A.START_TALKING, S.TALKING, "the ACK arrived"),
    (S.ANSWERING, I.FAILED): Row(A.SHOW_FAILURE, S.IDLE, "the 200 was overtaken by a CANCEL, or could not be sent"),
    (S.ANSWERING, I.ENDED): Row(A.SHOW_END, S.IDLE, "hung up by the caller before its ACK arrived, or no ACK came"),
    (S.TALKING, I.CALL_IN): Row(A.REFUSE_BUSY, S.TALKING, "one line, in use"),
    (S.TALKING, I.HANG_UP): Row(A.RELEASE, S.RELEASING, "s.15.1.1: BYE"),
    (S.TALKING, I.ENDED): Row(A.SHOW_END, S.IDLE, "s.15.1.2"),
    (S.RELEASING, I.CALL_IN): Row(A.REFUSE_BUSY, S.RELEASING, "the line is free when the other end has confirmed"),
    (S.RELEASING, I.FAILED): Row(A.SHOW_FAILURE, S.IDLE, "the 487 to our CANCEL"),
    (S.RELEASING, I.ENDED): Row(A.SHOW_END, S.IDLE, "the BYE was answered, or a 200 crossed our CANCEL"),
    (S.RELEASING, I.ANSWERED): Row(A.IGNORE, S.RELEASING, "a 200 crossed our CANCEL: the session ends it by itself"),
}

for _state in State:
    ROWS.setdefault((_state, I.DIAL), Row(A.REFUSE_COMMAND, _state, "the line is in use"))
    for _given in (I.PICK_UP, I.DECLINE):
        ROWS.setdefault((_state, _given), Row(A.REFUSE_COMMAND, _state, "nobody is calling"))
    for _given in Input:
        ROWS.setdefault((_state, _given), Row(A.IGNORE, _state, "late, or of a call that is over"))


_SAYINGS_KEPT = 1000


@dataclass(frozen=True)
class Behaviour:
    """What the person in front of the phone is like.

    Attributes
    ----------
    answer_after_s : float or None
        Seconds of ringing before it is picked up; None rings until ``answer()``.
    busy : bool
        Refuse every call with 486.
    decline : bool
        Refuse every call with 603.
    ring : bool
        Send 180 at once; False answers (or refuses) without ringing.
    patience_s : float or None
        Seconds of ringing after which the phone itself gives up with 480.
    """

    answer_after_s: float | None = None
    busy: bool = False
    decline: bool = False
    ring: bool = True
    patience_s: float | None = None


class Line(Protocol):
    """What a phone commands: its user agent and its media, by leg number; the host provides it."""

    def alert(self, leg: int, now: float) -> None: ...  # noqa: D102
    def accept(self, leg: int, now: float) -> bool: ...  # noqa: D102
    def refuse(self, leg: int, now: float, status: int) -> None: ...  # noqa: D102
    def release(self, leg: int, now: float) -> None: ...  # noqa: D102


class Phone:
    """One line of one phone: follows ``ROWS``.

    Attributes
    ----------
    state : State
    leg : int
        The leg of the call in hand, 0 for none.
    says : list of (float, str)
        What its display has shown, with the time: "ringing", "connected", "busy: 486 Busy Here", ...
    """

    __slots__ = ("_answer_at", "_give_up_at", "_line", "behaviour", "leg", "says", "state")

    def __init__(self, line: Line, behaviour: Behaviour) -> None:
        self._line = line
        self.behaviour = behaviour
        self.state = State.IDLE
        self.leg = 0
        self.says: list[tuple[float, str]] = []
        self._answer_at: float | None = None
        self._give_up_at: float | None = None

    def receive(self, given: Input, leg: int, now: float, text: str = "") -> None:
        """Take an input about a leg; one about another call than that in hand only matters when it rings."""
        if given is not Input.CALL_IN and given is not Input.DIAL and leg != self.leg:
            return
        row = ROWS[self.state, given]
        self.state = row.state
        getattr(self, f"_{row.action.name.lower()}")(leg, now, text)

    def allows(self, given: Input) -> bool:
        """Whether a command makes sense now."""
        return ROWS[self.state, given].action is not Action.REFUSE_COMMAND

    def next_timeout(self) -> float | None:
        """When the phone is picked up or gives up, None for never."""
        due = [at for at in (self._answer_at, self._give_up_at) if at is not None]
        return min(due) if due else None

    def handle_timeout(self, now: float) -> None:
        """Pick up, or give up."""
        if self._answer_at is not None and now >= self._answer_at:
            self._answer_at = None
            self.receive(Input.ANSWER_DUE, self.leg, now)
        if self._give_up_at is not None and now >= self._give_up_at:
            self._give_up_at = None
            self.receive(Input.PATIENCE_OVER, self.leg, now)

    # -- actions

    def _ignore(self, leg: int, now: float, text: str) -> None: ...

    _refuse_command = _ignore

    def _say(self, now: float, text: str) -> None:
        self.says.append((now, text))
        if len(self.says) > _SAYINGS_KEPT:
            del self.says[: _SAYINGS_KEPT // 2]

    def _start_call(self, leg: int, now: float, text: str) -> None:
        self.leg = leg
        self._say(now, f"dialling {text}")

    def _alert(self, leg: int, now: float, text: str) -> None:
        behaviour = self.behaviour
        if behaviour.busy or behaviour.decline:
            self.state = State.IDLE
            self._say(now, f"refused {text}")
            self._line.refuse(leg, now, 486 if behaviour.busy else 603)
            return
        self.leg = leg
        self._say(now, f"ringing: {text}")
        if behaviour.ring:
            self._line.alert(leg, now)
        if behaviour.answer_after_s is not None:
            self._answer_at = now + behaviour.answer_after_s
        if behaviour.patience_s is not None:
            self._give_up_at = now + behaviour.patience_s
        if behaviour.answer_after_s == 0:
            self.handle_timeout(now)

    def _refuse_busy(self, leg: int, now: float, text: str) -> None:
        self._say(now, f"busy for {text}")
        self._line.refuse(leg, now, 486)

    def _accept(self, leg: int, now: float, text: str) -> None:
        self._answer_at = self._give_up_at = None
        if not self._line.accept(leg, now):
            self.state = State.IDLE
            self._put_down()
            self._say(now, "no codec in common")

    def _decline(self, leg: int, now: float, text: str) -> None:
        self._put_down()
        self._say(now, "declined")
        self._line.refuse(leg, now, 603)

    def _give_up(self, leg: int, now: float, text: str) -> None:
        self._put_down()
        self._say(now, "nobody answered")
        self._line.refuse(leg, now, 480)

    def _release(self, leg: int, now: float, text: str) -> None:
        self._answer_at = self._give_up_at = None
        self._line.release(leg, now)

    def _show_progress(self, leg: int, now: float, text: str) -> None:
        self._say(now, text)

    def _start_talking(self, leg: int, now: float, text: str) -> None:
        self._say(now, "connected")

    def _show_failure(self, leg: int, now: float, text: str) -> None:
        self._put_down()
        self._say(now, text)

    def _show_end(self, leg: int, now: float, text: str) -> None:
        self._put_down()
        self._say(now, "ended")

    def _put_down(self) -> None:
        self.leg = 0
        self._answer_at = self._give_up_at = None

    def __repr__(self) -> str:
        said = f", says {self.says[-1][1]!r}" if self.says else ""
        return f"Phone({self.state.name.lower()}{said})"
