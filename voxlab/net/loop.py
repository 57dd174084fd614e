"""An asyncio loop that does the same things in the same order in every run, and its live form on the real clock.

Stock asyncio loses the order of timers due at the same instant (its heap compares times alone), and walks sets of
tasks in order of their addresses. Here timers sort by (time, order of setting), tasks and futures hash by a counter,
and commands from outside run one after the other in the order in which they came. Must not know of hosts, networks or
SIP.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import time
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Any

from voxlab.net.lease import Lease, Outcome
from voxlab.net.ordered import OrderedFuture, OrderedTask, OrderedTimer, on_the_grid

Command = Callable[[], None]


class OrderedLoop(asyncio.SelectorEventLoop):
    """What both loops share: ordered timers, counted tasks, commands from other threads, and leases.

    Leases are looked at after each round of callbacks. All methods but ``command`` belong to the loop's own thread.
    """

    grain_s = 0.0
    """So much later than its deadline a host may be woken, for several deadlines at once."""

    # Of asyncio.BaseEventLoop; the same in Python 3.11 to 3.14.
    _ready: deque[Any]
    _scheduled: list[Any]
    _timer_cancelled_count: int
    _stopping: bool
    _closed: bool
    _selector: Any
    _process_events: Callable[[Any], None]
    _write_to_self: Callable[[], None]
    _check_closed: Callable[[], None]

    def __init__(self) -> None:
        super().__init__()
        self.leases: list[Lease] = []
        self._asked: tuple[Lease, ...] = ()
        self._timers_set = 0
        self._serial = 0
        self.set_task_factory(self._make_task)

    def _make_task(self, loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> OrderedTask[Any]:
        """Make a counted task; later Pythons hand over ``name`` and ``eager_start`` besides ``context``."""
        self._serial += 1
        return OrderedTask(coro, serial=self._serial, loop=loop, **options)

    def create_future(self) -> asyncio.Future[Any]:
        """Make a counted future."""
        self._serial += 1
        return OrderedFuture(serial=self._serial, loop=self)

    def call_at(  # type: ignore[override]  # asyncio's stub ties the types of callback and arguments together
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> OrderedTimer:
        """Call ``callback(*args)`` at a lab time, rounded to 1 ns; of one instant the timer set first runs first."""
        return self._push(OrderedTimer(on_the_grid(when), self._next_order(), callback, args, self, context))

    def call_in_background_at(self, when: float, callback: Callable[..., object], *args: Any) -> OrderedTimer:
        """Like ``call_at``, for housekeeping that never ends (a refresh, an expiry): it keeps no idle lab awake."""
        return self._push(OrderedTimer(on_the_grid(when), self._next_order(), callback, args, self, None, True))

    def _next_order(self) -> int:
        if self._closed:
            self._check_closed()  # raises
        self._timers_set += 1
        return self._timers_set

    def _push(self, timer: OrderedTimer) -> OrderedTimer:
        heapq.heappush(self._scheduled, timer)
        return timer

    def command(self, command: Command) -> None:
        """Run ``command``, which must not raise, after all that were handed over before. Thread-safe."""
        raise NotImplementedError

    def grant(self, lease: Lease) -> None:
        """Start a wait; it may end at once, because its condition holds already."""
        lease.begin(self.time())
        self.leases.append(lease)
        self._leases_changed()
        self._look_at(lease)

    def revoke(self, lease: Lease, outcome: Outcome | BaseException = Outcome.REVOKED) -> None:
        """End a wait now; a wait that has ended stays as it is."""
        if lease in self.leases:
            self.leases.remove(lease)
            self._leases_changed()
            lease.end(outcome)

    def _leases_changed(self) -> None:
        """Work out once what every round asks for."""
        self._asked = tuple(lease for lease in self.leases if lease.condition is not None)

    def _look_at(self, lease: Lease) -> None:
        """Ask a lease for its condition; it ends when that holds, or raises."""
        try:
            if lease.condition is not None and lease.condition():
                self.revoke(lease, Outcome.HELD)
        except Exception as error:  # noqa: BLE001 - the condition is the caller's; the caller gets what it raised
            self.revoke(lease, error)

    def _look_at_all(self) -> None:
        """Ask the leases for their conditions, in the order of granting."""
        for lease in self._asked:
            if lease in self.leases:
                self._look_at(lease)

    def start_over(self) -> None:
        """Forget timers, callbacks and counters: the next lab time is 0, and nothing of before will run."""
        self._scheduled.clear()
        self._ready.clear()
        self._timer_cancelled_count = self._timers_set = self._serial = 0


class LiveLoop(OrderedLoop):
    """Real time, counted from the start of the loop."""

    grain_s = 0.005  # a busy server would be woken for each transaction that ends, 1,000 times a second

    def __init__(self) -> None:
        self._start_s = time.monotonic()
        super().__init__()

    def time(self) -> float:
        """Return the seconds since the lab started."""
        return time.monotonic() - self._start_s

    @property
    def origin_s(self) -> float:
        """The system's monotonic clock at second 0."""
        return self._start_s

    def command(self, command: Command) -> None:
        """Run ``command`` in the loop's thread, after all that were handed over before."""
        self.call_soon_threadsafe(command)

    def grant(self, lease: Lease) -> None:
        """Start a wait that real time ends if nothing else does."""
        super().grant(lease)
        if lease in self.leases and lease.horizon_s < math.inf:
            self.call_at(lease.horizon_s, self.revoke, lease, Outcome.TIMEOUT)

    def _run_once(self) -> None:
        super()._run_once()  # type: ignore[misc]  # private to asyncio, the same in Python 3.11 to 3.14
        if self._asked:
            self._look_at_all()

    def start_over(self) -> None:
        """Forget timers and start the clock anew; callbacks that are ready belong to sockets, which stay."""
        for timer in self._scheduled:
            timer._scheduled = False
        self._scheduled.clear()
        self._timer_cancelled_count = self._timers_set = self._serial = 0
        self._start_s = time.monotonic()
