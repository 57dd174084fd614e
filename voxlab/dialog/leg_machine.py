"""What moves a leg: the compiled table, the deadline, the 2xx that waits for its ACK (RFC 3261 s.13.3.1.4).

Must not know what a leg is asked for or told; ``session``, ``caller`` and ``callee`` do.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any, ClassVar, TypeAlias

from voxlab.base.errors import VoxlabError
from voxlab.dialog.acceptance import Acceptance, AckTimers
from voxlab.dialog.events import Failed, SendResponse, SessionOutput
from voxlab.dialog.tables import Action, Input, State, Table
from voxlab.sip.message import Response

_INPUTS = len(Input)


class Clock(IntEnum):
    """The deadlines that few legs have; each rings a method of a subclass, ``_back_off_over`` and so on."""

    BACK_OFF = 0
    PROVISIONAL = 1
    REFRESH = 2
    EXPIRY = 3
    SUBSCRIPTION = 4


Cell: TypeAlias = tuple[Callable[..., None] | None, State]


class LegMachine:
    """Follows a table of ``tables``; each action is a method of a subclass.

    Attributes
    ----------
    leg : int
        The number under which the owner knows it.
    state : State
    incoming : bool
    """

    __slots__ = ("_acceptance", "_clocks", "_due", "_emit", "_timers", "leg", "state")

    table: ClassVar[Table]
    incoming: ClassVar[bool]
    _cells: ClassVar[list[Cell]]

    def __init_subclass__(cls, table: Table | None = None) -> None:
        if table is not None:
            cls.table = table
            cls.incoming = table.initial is State.INCOMING
            cls._cells = _compile(table, cls)

    def __init__(self, leg: int, timers: AckTimers, emit: Callable[[SessionOutput], None]) -> None:
        self.leg = leg
        self.state = self.table.initial
        self._timers = timers
        self._emit = emit
        self._acceptance: Acceptance | None = None
        self._due: float | None = None
        self._clocks: dict[Clock, float] | None = None

    def _step(self, given: Input, now: float, argument: Any = None) -> None:
        action, state = self._cells[self.state * _INPUTS + given]
        if action is LegMachine._refuse_command:
            raise VoxlabError(f"cannot {given.name.lower()} a call that is {self.state.name.lower()}")
        self.state = state
        if action is not None:
            action(self, now, argument)

    def next_timeout(self) -> float | None:
        """When this leg wants ``handle_timeout``, None for never."""
        if self._clocks is None:
            return self._due
        dues = [due for due in (self._due, *self._clocks.values()) if due is not None]
        return min(dues) if dues else None

    def handle_timeout(self, now: float) -> None:
        """Do what is due: repeat the answer, give up on the ACK or on the cancelled call, and what clocks ask for."""
        if self._clocks:
            for clock in [clock for clock, due in sorted(self._clocks.items()) if now >= due]:
                if self._clocks.pop(clock, None) is not None:
                    self._rang(clock, now)
        if self._due is None or now < self._due:
            return
        self._due = None
        if self._acceptance is None:
            self._step(Input.CANCEL_OVERDUE, now)
        else:
            self._step(Input.ACK_OVERDUE if now >= self._acceptance.deadline else Input.RETRANSMIT_DUE, now)

    def _start_clock(self, clock: Clock, due: float) -> None:
        if self._clocks is None:
            self._clocks = {}
        self._clocks[clock] = due

    def _stop_clock(self, *clocks: Clock) -> None:
        if self._clocks is not None:
            for clock in clocks or tuple(Clock):
                self._clocks.pop(clock, None)

    def _rang(self, clock: Clock, now: float) -> None:
        """Do what this clock was started for."""
        raise NotImplementedError

    # -- actions of every leg

    def _accept_with(self, transaction: int, response: Response, now: float) -> None:
        self._acceptance = Acceptance(transaction, response, now, self._timers)
        self._due = self._acceptance.due
        self._respond(transaction, response)

    def _repeat_answer(self, now: float, _: object) -> None:
        acceptance = self._acceptance
        if acceptance is not None:
            self._respond(acceptance.transaction, acceptance.response)
            self._due = acceptance.repeated(now)

    def _fail(self, now: float, cause: Response | str) -> None:
        if isinstance(cause, str):
            status, reason = (408, "Request Timeout") if cause == "timeout" else (503, "Service Unavailable")
            self._emit(Failed(self.leg, status, reason, by_peer=False, response=None))
        else:
            self._emit(Failed(self.leg, cause.status, cause.reason, by_peer=True, response=cause))

    def _refuse_command(self, now: float, _: object) -> None:
        """Refuse a command that the state does not allow; ``_step`` says so before it comes here."""

    def _rest(self) -> None:
        self._due = self._acceptance = None

    def _respond(self, transaction: int, response: Response) -> None:
        self._emit(SendResponse(self.leg, transaction, response))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(leg={self.leg}, {self.state.name})"


def _compile(table: Table, kind: type[LegMachine]) -> list[Cell]:
    """Lay a table out as a list indexed by state * inputs + input: one lookup a step."""
    nothing: Cell = (None, State.ENDED)
    cells = [nothing] * (len(State) * _INPUTS)
    for (state, given), row in table.rows.items():
        action = None if row.action is Action.IGNORE else getattr(kind, f"_{row.action.name.lower()}")
        cells[state * _INPUTS + given] = (action, row.state)
    return cells
