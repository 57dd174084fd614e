"""The handle of a call: the whole of it, both legs, from whoever's side one looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from voxlab.base.errors import CallFailed, NothingLeft, VoxlabError
from voxlab.dialog import events as leg_events
from voxlab.lab.blocking import Aio, Outcome, Steps, Submit, Wait, blocking
from voxlab.lab.call_evidence import CallEvidence

if TYPE_CHECKING:
    from voxlab.lab.lab import Lab
    from voxlab.lab.phone import Phone

STATES = ("ringing", "early", "connected", "ended")


class Call(CallEvidence):
    """A call, from ``phone.dial(...)`` or ``lab.call(number)``.

    Attributes
    ----------
    dialled : str
        What was dialled, "" for a call that no phone of the lab made.
    error : BaseException or None
        What the scenario raised.
    """

    def __init__(self, lab: Lab, *, phone: Phone | None = None, dialled: str = "", call_id: str = "") -> None:
        super().__init__(lab, phone=phone, dialled=dialled, call_id=call_id)
        self._leg = 0
        self._reached: set[str] = set()

    @property
    def aio(self) -> Aio:
        """The awaitable twins of what blocks."""
        return Aio(self)  # made anew, for each would keep the other

    # -- its life, told by the phone in the lab's thread

    @property
    def pending(self) -> bool:
        """Whether it was dialled but time has not passed yet, so that nothing is on the wire."""
        return self.phone is not None and not self._leg and "ended" not in self._reached

    def began(self, leg: int) -> None:
        """Take the number of the leg: the INVITE is on its way."""
        self._leg = leg
        machine = self.phone.machine if self.phone else None
        session = machine.node.user_agent.session(leg) if machine else None
        if session is not None:
            self.call_id = session.call_id

    def fail(self, error: BaseException) -> None:
        """Take the news that it could not even be dialled."""
        self.error = error
        self._reached.add("ended")

    def cut_off(self) -> None:
        """Take the news that the phone itself is gone: the lab starts over, or the phone was closed."""
        self._reached.add("ended")

    def take(self, event: Any) -> None:
        """Take a leg event of the caller's phone."""
        if isinstance(event, leg_events.Progress):
            self._reached.add("early" if event.response.body else "ringing")
        elif isinstance(event, leg_events.Answered):
            self._reached.add("connected")
        elif isinstance(event, (leg_events.Failed, leg_events.Ended)):
            self._reached.add("ended")

    @property
    def state(self) -> str:
        """Where it stands: dialled, calling, ringing, early, connected or ended."""
        if self.phone is None:
            return self._state_on_record()
        for state in reversed(STATES):
            if state in self._reached:
                return state
        return "dialled" if self.pending else "calling"

    def _state_on_record(self) -> str:
        found = self._verdict()
        if found.ok is not None:
            return "ended"
        outcome = found.outcome
        return "connected" if outcome and outcome.answered else "ringing" if outcome and outcome.ringing else "calling"

    # -- waiting and ending

    @blocking
    def wait(self, state: str = "connected", timeout: float | None = 60.0) -> Steps[Call]:
        """Let time pass until the call gets somewhere.

        Parameters
        ----------
        state : {"ringing", "early", "connected", "ended"}
        timeout : float or None
            Lab seconds.

        Raises
        ------
        CallFailed
            When the call ends first; the scenario's exception, if there is one, is its cause.
        NothingLeft
            When no event is left that could make it true.
        TimeoutError
            When it takes longer.
        """
        if state not in STATES:
            raise VoxlabError(f"{state!r} is no state to wait for; there are {', '.join(STATES)}")
        outcome = yield Wait(lambda: self._has_reached(state) or self.state == "ended", timeout)
        if self._has_reached(state):
            return self
        if self.state == "ended":
            self._raise_failure()
        if outcome is Outcome.TIMEOUT:
            raise TimeoutError(
                f"the call is {self.state}, not {state}, after {timeout:g} s; "
                f"waiting longer may help: wait({state!r}, timeout=...)"
            )
        raise NothingLeft(self._nothing_left(state))

    def _has_reached(self, state: str) -> bool:
        if self.phone is None:
            return self.state == state or (state != "ended" and self.state == "connected")
        if state in ("ringing", "early") and "connected" in self._reached:
            return True
        return state in self._reached

    def _nothing_left(self, state: str) -> str:
        if state == "ended" and self.state == "connected":
            return "both ends talk and nobody hangs up: call.hang_up(), or let time pass with lab.run(10)"
        if self.state in ("ringing", "early"):
            return (
                "it rings and nobody will ever pick up: phone.answer(), or give the phone answer_after=2.0 "
                f"(the call is {self.state}, not {state})"
            )
        return f"no event is left that could bring the call from {self.state} to {state}"

    def _raise_failure(self) -> None:
        found = self._verdict()
        reason = "the call failed" if found.ok is None else found.reason
        if found.ok is None and self.phone is not None and self.phone.says:
            reason += f": {self.phone.says[-1][1]}"
        lines = [reason]
        lines += [f"  {found.meaning}"] if found.meaning else []
        lines.append("  see: call.ladder()   why: call.explain()")
        raise CallFailed("\n".join(lines)) from self._scenario_error()

    @blocking
    def hang_up(self) -> Steps[Call]:
        """End the call, whatever its state, and wait until it is over; a call that has ended stays so."""
        phone = self.phone
        if phone is None:
            record = self._record()
            if record is not None:
                number = record.session
                yield Submit(self.lab.end_session, (number,))
                yield Wait(lambda: number not in self.lab.exchange.sessions, 64.0)
            return self
        if self.pending:
            yield Submit(self._reached.add, ("ended",))
        if self.state != "ended" and phone.machine is not None:
            yield Submit(self._put_down)
            yield Wait(lambda: "ended" in self._reached, 64.0)
        return self

    def _put_down(self) -> None:
        machine = self.phone.machine if self.phone else None
        if machine is not None:
            machine.hang_up(self._leg)
