"""The simulated world's loop: a virtual clock that moves only under a lease.

Must not know of hosts, networks or SIP.
"""

from __future__ import annotations

import asyncio
import math
import queue
from collections.abc import Callable
from concurrent.futures import Executor
from contextvars import Context
from heapq import heapify, heappop, heappush
from typing import Any, TypeVar

from voxlab.base.errors import VoxlabError
from voxlab.net.lease import Lease, Outcome
from voxlab.net.loop import Command, OrderedLoop
from voxlab.net.ordered import EXACT_S, Delivery, OrderedTimer

T = TypeVar("T")

ROUNDS_AT_ONE_INSTANT = 1_000_000
"""Rounds of callbacks after which an instant that does not end is a mistake."""
_STALE = 64  # cancelled timers that the heap may hold before it is swept


class VirtualLoop(OrderedLoop):
    """Virtual time from 0: it stands still unless a lease lets it pass, then jumps from deadline to deadline.

    Parked, the loop carries out commands and nothing else: not even callbacks that are ready run, so that what a
    caller hands over piece by piece starts together, and a run does not depend on how fast the caller was.
    """

    def __init__(self) -> None:
        self.now = 0.0  # what time() returns, without the call
        self._commands: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self._granted = 0
        self._horizon_s = 0.0
        self._foreground = 0
        self._outside = 0
        self._listening = False
        self._rounds = 0
        self.rounds_at_one_instant = ROUNDS_AT_ONE_INSTANT
        super().__init__()
        self._watches_descriptors = False  # besides the loop's own

    def time(self) -> float:
        """Return the virtual time in seconds."""
        return self.now

    @property
    def _clock_resolution(self) -> float:
        """One unit in the last place: with asyncio's fixed resolution a late clock would spin."""
        return math.ulp(self.now)

    @_clock_resolution.setter
    def _clock_resolution(self, _value: float) -> None:
        """Ignore what asyncio's constructor measured."""

    # -- timers: (when, order, timer) compares in C and orders as OrderedTimer.__lt__ does ----------------------------

    def call_at(  # type: ignore[override]  # as in OrderedLoop, in one step: timers are what this loop mostly does
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> OrderedTimer:
        """Call ``callback(*args)`` at a lab time, rounded to 1 ns; of one instant the timer set first runs first."""
        if self._closed:
            self._check_closed()  # raises
        when = int(when * 1e9 + 0.5) / 1e9 if 0.0 <= when < EXACT_S else when
        self._timers_set = order = self._timers_set + 1
        self._foreground += 1
        timer = OrderedTimer(when, order, callback, args, self, context)
        heappush(self._scheduled, (when, order, timer))
        return timer

    def deliver_at(self, when: float, callback: Callable[..., object], *args: Any) -> None:
        """Call ``callback(*args)`` at a lab time, in order with the timers; nobody can take it back."""
        when = int(when * 1e9 + 0.5) / 1e9 if 0.0 <= when < EXACT_S else when
        self._timers_set = order = self._timers_set + 1
        self._foreground += 1
        heappush(self._scheduled, (when, order, Delivery(callback, args, self)))

    def _push(self, timer: OrderedTimer) -> OrderedTimer:
        self._foreground += not timer._background
        heappush(self._scheduled, (timer._when, timer._order, timer))
        return timer

    def _timer_handle_cancelled(self, timer: OrderedTimer) -> None:
        """Count a cancelled timer, as asyncio does; sweep the heap when most of it is dead."""
        if not timer._scheduled:
            return
        timer._scheduled = False
        self._foreground -= not timer._background
        self._timer_cancelled_count += 1
        if self._timer_cancelled_count > max(_STALE, len(self._scheduled) // 2):
            self._scheduled[:] = [entry for entry in self._scheduled if entry[2]._scheduled]
            heapify(self._scheduled)
            self._timer_cancelled_count = 0

    def _next_deadline(self) -> float:
        """Return when the first timer is due that nobody cancelled; infinity without one."""
        scheduled = self._scheduled
        while scheduled:
            when: float = scheduled[0][0]
            if scheduled[0][2]._scheduled:
                return when
            heappop(scheduled)
            self._timer_cancelled_count -= 1
        return math.inf

    # -- commands and leases ------------------------------------------------------------------------------------------

    def command(self, command: Command) -> None:
        """Run ``command`` in the loop's thread, after all that were handed over before."""
        self._commands.put(command)
        if self._listening:
            self._write_to_self()

    def grant(self, lease: Lease) -> None:
        """Let time pass until the lease ends; one that grants no time has its horizon as a timer."""
        super().grant(lease)
        if not lease.grants_time and lease in self.leases and lease.horizon_s < math.inf:
            self.call_at(lease.horizon_s, self.revoke, lease, Outcome.TIMEOUT)

    def _leases_changed(self) -> None:
        super()._leases_changed()
        horizons = [lease.horizon_s for lease in self.leases if lease.grants_time]
        self._granted = len(horizons)
        self._horizon_s = min(horizons, default=self.now)

    # -- one round ----------------------------------------------------------------------------------------------------

    def _run_once(self) -> None:
        """Carry out a command if there is one, or parked wait for one; under a lease run what is ready or due."""
        if not self._granted or not self._commands.empty():
            self._commands.get()()
            self._look_at_all()
            return
        ready = self._ready
        if not ready:
            self._let_time_pass()
        self._rounds += 1
        if self._rounds > self.rounds_at_one_instant:
            self._break_the_spin()
        for _ in range(len(ready)):  # not those that these make ready: they are the next round
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()
        for lease in self._asked:
            self._look_at(lease)

    def _let_time_pass(self) -> None:
        """Jump to the earliest deadline, not past the nearest horizon, and collect what is due."""
        if self._outside or self._watches_descriptors:
            self._listen(None if self._outside else 0)
            if self._outside or self._ready:
                return
        when = self._next_deadline()
        if not self._foreground and self._end_idle(when):
            return
        if when > self._horizon_s:
            self.now = max(self.now, self._horizon_s)
            self._end_expired()
            return
        self.now = max(self.now, when)
        self._rounds = 0
        scheduled, ready = self._scheduled, self._ready
        while scheduled and scheduled[0][0] <= self.now:
            timer = heappop(scheduled)[2]
            if timer._scheduled:
                timer._scheduled = False
                self._foreground -= not timer._background
                ready.append(timer)
            else:
                self._timer_cancelled_count -= 1

    def _break_the_spin(self) -> None:
        """End what goes round while the clock waits for it, as ``while True: await asyncio.sleep(0)`` does."""
        owners = [getattr(handle._callback, "__self__", None) for handle in self._ready if not handle._cancelled]
        spinning = [owner for owner in owners if isinstance(owner, asyncio.Task)]
        names = ", ".join(repr(task.get_coro()) for task in spinning) or "a callback"
        text = f"{names} went round {self._rounds:,} times at {self.now:g} s without letting time pass"
        self._rounds = 0
        if spinning:
            self.call_exception_handler({"message": f"{text}; it was ended"})
        for task in spinning:
            task.cancel(text)
        for lease in () if spinning else tuple(self.leases):
            self.revoke(lease, VoxlabError(text))

    def _end_idle(self, when: float) -> bool:
        """End the waits that nothing can fulfil any more; return whether there was one."""
        for_ever = when == math.inf
        idle = [
            lease
            for lease in self.leases
            if lease.grants_time and (lease.ends_when_idle or (for_ever and lease.horizon_s == math.inf))
        ]
        for lease in idle:
            self.revoke(lease, Outcome.NOTHING_LEFT)
        return bool(idle)

    def _end_expired(self) -> None:
        for lease in [lease for lease in self.leases if lease.grants_time and lease.horizon_s <= self.now]:
            self.revoke(lease, Outcome.TIMEOUT)

    def start_over(self) -> None:
        """Set the clock to 0 and forget timers, callbacks and counters."""
        for _when, _order, timer in self._scheduled:
            timer._scheduled = False
        super().start_over()
        self._foreground = 0
        self.now = 0.0

    # -- work outside the loop ----------------------------------------------------------------------------------------

    def _listen(self, timeout_s: float | None) -> None:
        """Take what came from outside: a wake-up from another thread, a descriptor that became ready."""
        self._listening = True
        try:
            if self._commands.empty() and not self._ready:
                self._process_events(self._selector.select(timeout_s))
        finally:
            self._listening = False

    def _add_reader(self, *args: Any) -> Any:
        self._watches_descriptors = True
        return super()._add_reader(*args)  # type: ignore[misc]  # private to asyncio, the same in Python 3.11 to 3.14

    def hold(self) -> None:
        """Stop the clock for work that goes on outside the loop; ``release`` lets it go on."""
        self._outside += 1

    def release(self, _done: object = None) -> None:
        """Let the clock go on."""
        self._outside -= 1

    def run_in_executor(  # type: ignore[override]  # asyncio's stub ties the types of function and arguments together
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Run ``func`` in a thread or process; virtual time stands still meanwhile."""
        future: asyncio.Future[T] = super().run_in_executor(executor, func, *args)
        self.hold()
        future.add_done_callback(self.release)
        return future

    async def _make_subprocess_transport(self, *args: Any, **options: Any) -> Any:
        """Start a child process; virtual time stands still until it has ended and its pipes are closed."""
        self.hold()
        try:
            transport = await super()._make_subprocess_transport(*args, **options)  # type: ignore[misc]
        except BaseException:
            self.release()
            raise
        _when_lost(transport, self.release)
        return transport


def _when_lost(transport: Any, call: Callable[[], None]) -> None:
    """Call once the transport of a child process has ended, which asyncio tells its protocol alone."""
    lost = transport._call_connection_lost

    def ended(exc: BaseException | None) -> None:
        try:
            lost(exc)
        finally:
            call()

    if transport._protocol is None:  # it ended while it was being made
        call()
    else:
        transport._call_connection_lost = ended
