"""One line of a phone, which follows ``phone_table`` (RFC 3261 s.13.3, s.15).

Must not know SIP messages, media or the network: it reads leg events by their kind and commands a user agent by leg
number. One call at a time; ``phone_lines`` holds two lines for whoever wants to be called while talking.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from voxlab.elements.phone_table import ROWS, Action, Input, State

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
    do_not_disturb : bool
        Refuse every call with 480, silently.
    call_waiting : bool
        Let a second call ring while the first is in hand; False refuses it with 486.
    """

    answer_after_s: float | None = None
    busy: bool = False
    decline: bool = False
    ring: bool = True
    patience_s: float | None = None
    do_not_disturb: bool = False
    call_waiting: bool = False

    @property
    def refusal(self) -> int:
        """The status with which every call is refused, 0 for none."""
        return 486 if self.busy else 603 if self.decline else 480 if self.do_not_disturb else 0


class Line(Protocol):
    """What a phone commands: its user agent and its media, by leg number; the host provides it."""

    def alert(self, leg: int, now: float) -> None: ...  # noqa: D102
    def accept(self, leg: int, now: float) -> bool: ...  # noqa: D102
    def refuse(self, leg: int, now: float, status: int) -> None: ...  # noqa: D102
    def release(self, leg: int, now: float) -> None: ...  # noqa: D102
    def hold(self, leg: int, now: float) -> None: ...  # noqa: D102
    def resume(self, leg: int, now: float) -> None: ...  # noqa: D102
    def transfer(self, leg: int, now: float, target: str) -> None: ...  # noqa: D102


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

    def __init__(self, line: Line, behaviour: Behaviour, says: list[tuple[float, str]] | None = None) -> None:
        self._line = line
        self.behaviour = behaviour
        self.state = State.IDLE
        self.leg = 0
        self.says: list[tuple[float, str]] = [] if says is None else says
        self._answer_at: float | None = None
        self._give_up_at: float | None = None

    def receive(self, given: Input, leg: int, now: float, text: str = "") -> None:
        """Take an input about a leg; one about another call than that in hand only matters when it rings."""
        if given is not Input.CALL_IN and given is not Input.DIAL and leg != self.leg:
            return
        row = ROWS[self.state, given]
        self.state = row.state
        getattr(self, f"_{row.action.name.lower()}")(leg, now, text)

    def take_over(self, leg: int, now: float, text: str) -> None:
        """Go on talking in another call, which takes the place of that in hand (RFC 3891 s.3)."""
        self._answer_at = self._give_up_at = None
        self.leg, self.state = leg, State.TALKING
        self._say(now, f"taken over by {text}")

    def allows(self, given: Input) -> bool:
        """Whether a command makes sense now."""
        return ROWS[self.state, given].action is not Action.REFUSE_COMMAND

    def next_timeout(self) -> float | None:
        """When the phone is picked up or gives up, None for never."""
        answer, give_up = self._answer_at, self._give_up_at
        if answer is None or give_up is None:
            return answer if give_up is None else give_up
        return min(answer, give_up)

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
        if behaviour.refusal:
            self.state = State.IDLE
            self._say(now, f"refused {text}")
            self._line.refuse(leg, now, behaviour.refusal)
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

    def _hold(self, leg: int, now: float, text: str) -> None:
        self._say(now, "holding")
        self._line.hold(leg, now)

    def _resume(self, leg: int, now: float, text: str) -> None:
        self._say(now, "resumed")
        self._line.resume(leg, now)

    def _transfer(self, leg: int, now: float, text: str) -> None:
        self._say(now, f"transferring to {text}")
        self._line.transfer(leg, now, text)

    def _show_text(self, leg: int, now: float, text: str) -> None:
        self._say(now, text)

    def _put_down(self) -> None:
        self.leg = 0
        self._answer_at = self._give_up_at = None

    def __repr__(self) -> str:
        said = f", says {self.says[-1][1]!r}" if self.says else ""
        return f"Phone({self.state.name.lower()}{said})"


__all__ = ["ROWS", "Action", "Behaviour", "Input", "Line", "Phone", "State"]
