"""Keeping a session alive by its timer, from either end (RFC 4028).

Must not know what the session is about: ``session_timer`` reads and writes the header fields.
"""

from __future__ import annotations

from collections.abc import Callable

from voxlab.dialog.acceptance import AckTimers
from voxlab.dialog.dialog import Header
from voxlab.dialog.events import RefreshDue, SessionOutput
from voxlab.dialog.leg_machine import Clock
from voxlab.dialog.modification import Given, Turn
from voxlab.dialog.renegotiation import Renegotiation
from voxlab.dialog.session_timer import NO_WISHES, SessionTimer
from voxlab.dialog.tables import State
from voxlab.sip.message import Request, Response


class Refreshing(Renegotiation):
    """What ``Session`` does with its timer.

    Attributes
    ----------
    timer : SessionTimer or None
        What the last refresh settled.
    wishes : Wishes
        What its owner asks of the extensions.
    """

    __slots__ = ("timer", "wishes")

    def __init__(
        self, leg: int, timers: AckTimers, emit: Callable[[SessionOutput], None], contact: str, local_tag: str
    ) -> None:
        super().__init__(leg, timers, emit, contact, local_tag)
        self.timer: SessionTimer | None = None
        self.wishes = NO_WISHES

    def _refresh_headers(self) -> list[Header]:
        return self.timer.request_lines() if self.timer is not None else []

    def _refreshed(self, response: Response, now: float) -> None:
        if self.timer is not None or "session-expires" in response.headers:
            self._settle_timer(SessionTimer.from_response(response, self.timer), now)

    def _timer_headers(self, request: Request, now: float) -> list[Header]:
        if self.timer is None and self.wishes.interval_s is None and "session-expires" not in request.headers:
            return []
        self._settle_timer(SessionTimer.from_request(request, self.wishes, self.timer), now)
        return self.timer.response_lines(request) if self.timer is not None else []

    def _settle_timer(self, timer: SessionTimer | None, now: float) -> None:
        """Start over: only a 2xx to a session refresh request does (s.10)."""
        self.timer = timer
        self._stop_clock(Clock.REFRESH, Clock.EXPIRY)
        if timer is not None:
            self._start_clock(Clock.EXPIRY, timer.expires_at(now))
            if timer.ours:
                self._start_clock(Clock.REFRESH, timer.refresh_at(now))

    # -- what the clocks ring for

    def _rang(self, clock: Clock, now: float) -> None:
        if clock is Clock.REFRESH:
            self._refresh(now)
        elif clock is Clock.EXPIRY:
            self._lose_dialog(now, "session expired")
        elif clock is Clock.BACK_OFF:
            self._turn(Given.BACK_OFF_OVER, now)
            self._refresh_after_glare(now)

    def _refresh_after_glare(self, now: float) -> None:
        """Let a refresh that crossed have its second try (RFC 3261 s.14.1): its owner is asked for changes only."""
        if self.timer is not None and self.timer.ours and Clock.REFRESH not in (self._clocks or ()):
            self._start_clock(Clock.REFRESH, now + self._timers.t1_s)

    def _refresh(self, now: float) -> None:
        timer = self.timer
        if timer is None or self.state in {State.ENDING, State.ENDED}:
            return
        if self.turn is not Turn.STABLE or not self._may_modify("INVITE"):
            self._start_clock(Clock.REFRESH, now + self._timers.t2_s)  # what is under way may refresh it as well
        elif timer.by_update:
            self.modify(now, method="UPDATE")  # s.7.4: recommended, and without an offer
        else:
            self._emit(RefreshDue(self.leg))
