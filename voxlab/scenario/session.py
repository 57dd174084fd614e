"""A session: one run of a scenario, with all the legs it made (the reference platform's call session).

Knows the event loop (a scenario is ordinary ``async def`` code) but not which world it runs in.
"""

from __future__ import annotations

import asyncio
import traceback
import weakref
from collections.abc import Callable, Mapping
from typing import Any

from voxlab.base.errors import VoxlabError
from voxlab.scenario import outgoing
from voxlab.scenario.calling_out import CallingOut
from voxlab.scenario.events import CallEvent, Disconnected, Failed
from voxlab.scenario.headers import header_lines
from voxlab.scenario.leg import PROGRESSING, TERMINATED, UNANSWERED_S, Leg
from voxlab.scenario.pending import awaited
from voxlab.scenario.ports import Switchboard
from voxlab.scenario.script import Script

MAX_LEGS = 100
AFTERMATH_S = 60.0  # the reference lets a script without calls run on for a minute


class Session(CallingOut):
    """What a scenario runs in.

    Attributes
    ----------
    number : int
        Counts the lab's sessions from 1: ``lab.call(number)``.
    application, rule, scenario : objects with a ``name``
    log : list of (float, str)
        What the scenario printed, with lab seconds.
    error : BaseException or None
        What the scenario raised.
    finish_reason : str
        Empty while it runs.
    """

    def __init__(
        self,
        number: int,
        switchboard: Switchboard,
        *,
        application: Any,
        rule: Any,
        scenario: Any,
        guard: Callable[[], Any],
        watched: Callable[..., Any],
        note: Callable[[str, Session, str], None],
        opened: Callable[[int, Leg], None],
        ended: Callable[[Session], None],
    ) -> None:
        self.number = number
        self.switchboard = switchboard
        self.application = application
        self.rule = rule
        self.scenario = scenario
        self._legs: list[Leg] = []
        self._legs_of_old: tuple[weakref.ref[Leg], ...] = ()
        self.all_legs: Mapping[int, Leg] = {}
        self.log: list[tuple[float, str]] = []
        self.error: BaseException | None = None
        self.finish_reason = ""
        self.started_at = switchboard.now()
        self._note = note
        self.opened = opened
        self._ended = ended
        self._script = Script(self, guard, watched, self._script_done)
        self._over: asyncio.Future[None] | None = None
        self._timers: list[asyncio.TimerHandle] = []

    @property
    def legs(self) -> list[Leg]:
        """The legs in the order in which they were made; once all is over, those that somebody else keeps."""
        return self._legs or [leg for each in self._legs_of_old if (leg := each()) is not None]

    # -- what a scenario does with it

    @awaited
    async def call_user(
        self,
        user: str,
        *,
        caller_id: str | None = None,
        display_name: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = UNANSWERED_S,  # noqa: ASYNC109 - lab seconds, the reference's VI-CallTimeout
    ) -> Leg:
        """Call a user of this application on all registered devices and return the new leg at once; its events tell how
        it goes.

        Parameters
        ----------
        user : str
            Name of the user, such as "bob".
        caller_id, display_name : str or None
            Who appears to call; the incoming caller where not given.
        headers : mapping
            X- headers and User-to-User for the INVITE.
        timeout : float
            Lab seconds without an answer after which the leg fails with 408, from 10 to 400.
        """
        if not 10 <= timeout <= 400:
            raise VoxlabError(f"a call rings for 10 to 400 seconds, not for {timeout:g}")
        first = self.first_leg
        return self.dial_user(
            user, first, caller_id=caller_id, display_name=display_name, headers=headers, timeout_s=timeout
        )

    @awaited
    async def terminate(self) -> None:
        """End every leg and the session."""
        self.end("terminated by the scenario")
        await self.until_over()

    def dial_user(
        self,
        user: str,
        like: Leg,
        *,
        caller_id: str | None = None,
        display_name: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = UNANSWERED_S,
    ) -> Leg:
        """Make an outgoing leg to a user; one that cannot be made has failed already (404, 480, 483)."""
        if len(self.legs) >= MAX_LEGS:
            raise VoxlabError(f"a session has at most {MAX_LEGS} legs")
        leg = self.new_leg(
            incoming=False,
            caller_id=caller_id or like.caller_id,
            display_name=like.display_name if display_name is None else display_name,
            destination=user,
        )
        contacts = self.switchboard.contacts(user, self.application)
        hops = outgoing.hops_left(like)
        refusal = outgoing.refusal(contacts, hops)
        if refusal is not None:
            # Not at once: whoever asked for the leg has yet to say which of its events are wanted.
            asyncio.get_running_loop().call_soon(leg.signalling.give_up, *refusal)
            return leg
        lines = header_lines(headers)
        for contact in contacts or ():
            self.opened(outgoing.invite(leg, contact, like, lines, hops), leg)
        self._later(timeout_s, lambda: leg.signalling.give_up(408, "Request Timeout"))
        return leg

    def new_leg(self, *, incoming: bool, caller_id: str, display_name: str, destination: str) -> Leg:
        """Make a leg that nothing carries yet."""
        leg = Leg(
            self,
            self._letter(),
            incoming=incoming,
            caller_id=caller_id,
            display_name=display_name,
            destination=destination,
        )
        self._legs.append(leg)
        return leg

    def _letter(self) -> str:
        index = len(self.legs)
        return chr(ord("A") + index) if index < 26 else f"A{index}"

    # -- its life

    def start(self) -> None:
        """Run the scenario for the incoming leg."""
        leg = self.first_leg
        self._later(UNANSWERED_S, lambda: self._unanswered(leg))
        self._script.start(leg)

    def run_handler(self, handler: Callable[[Any], object], event: CallEvent) -> None:
        """Run an event handler of the scenario; one that raises ends the session."""
        self._script.handle(handler, event)

    def _script_done(self) -> None:
        if self.finish_reason:
            self._cancel_timers()
            self._let_go()

    def fail(self, error: BaseException) -> None:
        """End the session because of a mistake in its scenario: 500 where nobody was answered yet."""
        if self.error is None:
            self.error = error
            self._note("failed", self, "".join(traceback.format_exception(error)))
        if not self.finish_reason:
            self.end("scenario error", code=500)

    def forgot_await(self, what: str, where: str) -> None:
        """End the session of a scenario that made a step without awaiting it."""
        self.fail(VoxlabError(f"{where}: {what}() was never awaited: write `await ...{what}(...)`"))

    def write(self, text: str) -> None:
        """Take a line that the scenario printed."""
        for line in text.split("\n"):
            self.log.append((self.switchboard.now(), line))
            self._note("log", self, line)

    def _unanswered(self, leg: Leg) -> None:
        if leg.state == "ALERTING":
            leg.dismiss(408)
            self.end("not answered in 60 s")

    def later(self, delay_s: float, action: Callable[[], None]) -> None:
        """Do something after a while, unless the session is over by then."""
        self._later(delay_s, action)

    def leg_by_number(self, number: int) -> Leg | None:
        """Return a leg of whatever session by its number in the switchboard."""
        return self.all_legs.get(number)

    def _later(self, delay_s: float, action: Callable[[], None]) -> None:
        self._timers.append(asyncio.get_running_loop().call_later(delay_s, action))

    def leg_over(self, leg: Leg, event: Failed | Disconnected) -> None:
        """Take the news that a leg is over; the last one ends the session."""
        if all(other.state == TERMINATED for other in self.legs):
            self._finish(event.reason or "normal")
        elif leg is self.first_leg:
            # The caller has gone: nobody is left to talk to whom the scenario has called.
            for other in self.legs:
                if other.state == PROGRESSING:
                    other.signalling.release()

    def end(self, reason: str, code: int = 480) -> None:
        """End every leg that still lives."""
        for leg in self.legs:
            leg.dismiss(code)
        if all(leg.state == TERMINATED for leg in self.legs):
            self._finish(reason)

    def _finish(self, reason: str) -> None:
        if self.finish_reason:
            return
        self.finish_reason = reason
        self._cancel_timers()
        if self._over is not None and not self._over.done():
            self._over.set_result(None)
        if self._script.running:
            self._later(AFTERMATH_S, self._script.cancel)
        self._ended(self)
        asyncio.get_running_loop().call_soon(self._let_go)  # when whoever is being told of this has been told

    def _let_go(self) -> None:
        """Keep nobody any more: neither leg nor script has anything to say, and whoever holds the call has it."""
        if self._script.running:
            return  # it comes again when that is done
        self._script.close()
        for leg in self._legs:
            leg.listeners.close()
            leg.changes.partner = None
        self._legs_of_old, self._legs = tuple(weakref.ref(leg) for leg in self._legs), []

    def _cancel_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    async def until_over(self) -> None:
        """Wait until every leg has ended."""
        if self.finish_reason:
            return
        if self._over is None:
            self._over = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._over)

    @property
    def running(self) -> bool:
        """Whether any leg lives."""
        return not self.finish_reason

    def __repr__(self) -> str:
        over = "" if self.running else ", over"
        return f"<Session {self.number} {self.scenario.name}: {', '.join(map(repr, self.legs))}{over}>"
