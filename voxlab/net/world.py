"""A world: one thread, one loop, one clock, and the ways in from the threads outside.

Everything of a lab lives in the world's thread; a notebook hands over work with ``submit`` and lets time pass with
``wait`` and ``run``. Must not know what the work is.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, NamedTuple, TypeVar

from voxlab.base.errors import BlockingInScenario, LabClosed, VoxlabError
from voxlab.base.ids import Ids
from voxlab.net.collecting import GENTLY, SELDOM, collecting
from voxlab.net.guard import STEP_LIMIT_S, Guard
from voxlab.net.lease import Lease, Outcome
from voxlab.net.loop import LiveLoop, OrderedLoop
from voxlab.net.ordered import all_tasks_in_order
from voxlab.net.progress import Bar
from voxlab.net.virtual import VirtualLoop

T = TypeVar("T")

_ERRORS_KEPT = 1000
_GRACE_S = 1.0  # of real time, for a step of a script to end by itself when its caller is interrupted
_LAST_ROUNDS = 8  # TLS takes some to let go of an aborted connection
_ENDING_ROUNDS = 3  # how often a task that goes on in its ``finally`` is cancelled


class LoopError(NamedTuple):
    """What went wrong in the lab's thread outside anybody's call: kept, never printed."""

    time_s: float
    message: str
    exception: BaseException | None


class World:
    """One lab's thread, loop and clock.

    Parameters
    ----------
    live : bool
        Real time and room for real sockets; else virtual time.
    seed : int or None
        Of the identifiers and impairments; None draws them from the operating system.
    step_limit_s : float
        Seconds of real time that a script may keep the thread for itself.

    Attributes
    ----------
    errors : list of LoopError
        What no caller heard of, oldest first.
    guard : Guard
        Runs the user's code; ``world.guard.watched(coroutine)``.
    """

    def __init__(self, *, live: bool = False, seed: int | None = 0, step_limit_s: float = STEP_LIMIT_S) -> None:
        self.live = live
        self.seed = seed
        self.ids = self._fresh_ids()
        self.errors: list[LoopError] = []
        self.guard = Guard(step_limit_s)
        self.closed = False
        self.aio = AioWorld(self)
        self._birth = threading.Lock()
        self._thread: threading.Thread | None = None
        self._loop: OrderedLoop | None = None

    # -- the thread ---------------------------------------------------------------------------------------------------

    @property
    def loop(self) -> OrderedLoop:
        """The lab's loop; the first use starts its thread."""
        if self._loop is None:
            with self._birth:
                if self._loop is None:
                    self._start()
        assert self._loop is not None
        return self._loop

    def _start(self) -> None:
        self._refuse_closed()
        loop: OrderedLoop = LiveLoop() if self.live else VirtualLoop()
        loop.set_exception_handler(self._keep)
        self._thread = threading.Thread(target=self._live, args=(loop,), name="voxlab-lab", daemon=True)
        self._thread.start()
        self._loop = loop

    def _live(self, loop: OrderedLoop) -> None:
        """Run the loop until the world is closed, whatever the scripts raise."""
        while not self.closed:
            try:
                loop.run_forever()
            except (SystemExit, KeyboardInterrupt) as error:  # asyncio lets these two through
                self._keep(loop, {"message": "a script asked the interpreter to end", "exception": error})
                loop.command(lambda: None)  # the round that it broke off has a look at the leases still to come
        loop.grant(Lease(Future(), ends_when_idle=False))  # a virtual loop runs nothing without one
        loop.run_until_complete(_wind_down(loop))
        loop.close()

    def _keep(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Keep what the loop reports, up to a bound."""
        if len(self.errors) < _ERRORS_KEPT:
            self.errors.append(LoopError(loop.time(), str(context.get("message", "")), context.get("exception")))

    def _fresh_ids(self) -> Ids:
        return Ids.secure() if self.seed is None else Ids.seeded(self.seed)

    @property
    def now(self) -> float:
        """The lab time in seconds."""
        return self._loop.time() if self._loop is not None else 0.0

    @property
    def in_lab(self) -> bool:
        """Whether the caller runs in the lab's thread."""
        return self._thread is not None and threading.get_ident() == self._thread.ident

    def _refuse_closed(self) -> None:
        if self.closed:
            raise LabClosed("this lab is closed; make a new one with Lab(...)")

    def refuse_blocking(self, what: str = "this") -> None:
        """Refuse what would wait for itself.

        Raises
        ------
        BlockingInScenario
            In a script: the loop that would have to do the work is the one that would wait.
        """
        if self.in_lab and self.guard.in_user_code:
            raise BlockingInScenario(
                f"{what} blocks, and inside a scenario nothing may: use await, its twin is under .aio"
            )

    # -- handing over work --------------------------------------------------------------------------------------------

    def hand_over(self, function: Callable[..., T], *args: Any) -> Future[T]:
        """Queue ``function(*args)`` for the lab's thread, behind all that was handed over before; do not wait."""
        self._refuse_closed()
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()  # from here on cancelling the future does not reach into the lab
        self.loop.command(lambda: _carry_out(future, function, args))
        return future

    def submit(self, function: Callable[..., T], *args: Any) -> T:
        """Run ``function(*args)`` in the lab's thread and return what it returns, or raise what it raises.

        Calls run in the order of submission. In the lab's thread itself the call is direct.

        Raises
        ------
        BlockingInScenario
            When called by a script.
        """
        if self.in_lab:
            self.refuse_blocking()
            return function(*args)
        return self.hand_over(function, *args).result()

    # -- letting time pass --------------------------------------------------------------------------------------------

    def wait(self, condition: Callable[[], bool], timeout_s: float | None = None) -> Outcome:
        """Let time pass until ``condition()`` holds.

        Parameters
        ----------
        condition : callable
            Asked in the lab's thread, after each round of callbacks; must be quick and change nothing.
        timeout_s : float or None
            Lab seconds.

        Returns
        -------
        Outcome
            HELD, TIMEOUT or NOTHING_LEFT.
        """
        return self._block(condition, seconds=_seconds(timeout_s))

    def run(self, seconds: float | None = None, *, until: float | Callable[[], bool] | None = None) -> Outcome:
        """Let lab time pass: for ``seconds``, until a time or a condition, or (simulated only) until nothing is left to
        do.
        """
        condition, span = self._span(seconds, until)
        return self._block(condition, **span)

    def _span(
        self, seconds: float | None, until: float | Callable[[], bool] | None
    ) -> tuple[Callable[[], bool] | None, dict[str, Any]]:
        """Say what the arguments of ``run`` ask for, as the arguments of a lease."""
        if seconds is not None and until is not None:
            raise VoxlabError("run takes either seconds or until, not both")
        if seconds is None and until is None and self.live:
            raise VoxlabError("a live lab is never idle: say how long with run(seconds) or run(until=...)")
        if callable(until):
            return until, {}
        if until is not None:
            if not self.now <= until < math.inf:
                raise VoxlabError(
                    f"run(until={until!r}): lab time is {self.now:.3f} s already, and it does not go back"
                )
            return None, {"until_s": float(until), "ends_when_idle": False}
        if seconds is not None:
            return None, {"seconds": _seconds(seconds, finite=True), "ends_when_idle": False}
        return None, {}

    def _block(self, condition: Callable[[], bool] | None, **span: Any) -> Outcome:
        """Hold a lease, in this thread, until it ends; give it back when interrupted."""
        if self.in_lab:
            raise BlockingInScenario(
                "waiting blocks, and in the lab's own thread nothing may: use await, the twin is under .aio"
            )
        settled: Future[Outcome] = Future()
        settled.set_running_or_notify_cancel()
        lease = Lease(settled, condition, **span)
        try:
            with collecting.at(GENTLY if self.live else SELDOM):
                self.hand_over(self.loop.grant, lease)
                limit_s = min(lease.seconds, lease.horizon_s - self.now)
                Bar(lambda: self.now, limit_s if limit_s < math.inf else None).wait(
                    lambda seconds: _ended(settled, seconds)
                )
        except KeyboardInterrupt:
            self._give_back(lease)
            raise
        return settled.result()

    def _give_back(self, lease: Lease) -> None:
        """Revoke a lease and wait until the lab stands; a script that keeps the thread is ended."""
        parked = self.hand_over(self.loop.revoke, lease)
        step = self.guard.step
        while not _ended(parked, _GRACE_S):
            if step:
                self.guard.end_step(step)
            step = self.guard.step

    # -- starting over, and the end -----------------------------------------------------------------------------------

    def reset(self) -> None:
        """Cancel tasks and timers, set the clock to 0, start the seed anew and forget the errors.

        The lab's own hosts are to be closed before, with ``submit``.
        """
        self._refuse_closed()
        if self._loop is not None:
            self._end_tasks()
            self.submit(self.loop.start_over)
        self.ids = self._fresh_ids()
        self.errors.clear()

    def _end_tasks(self) -> None:
        """Cancel every task and let each run its ``finally``, at the present instant."""
        for _ in range(_ENDING_ROUNDS):
            if not self.submit(self._cancel_tasks):
                return
            self._block(
                lambda: not all_tasks_in_order(self.loop), seconds=_GRACE_S if self.live else 0.0, ends_when_idle=False
            )

    def _cancel_tasks(self) -> int:
        tasks = all_tasks_in_order(self.loop)
        for task in tasks:
            task.cancel()
        return len(tasks)

    def close(self) -> None:
        """End the tasks, the loop and its thread; waits elsewhere end with ``LabClosed``. May be called twice."""
        if self.closed:
            return
        if self._loop is None:
            self.closed = True
            return
        if self.in_lab:
            raise BlockingInScenario(
                "a lab cannot be closed from inside: use await lab.aio.close() outside the scenario"
            )
        self._end_tasks()
        ended = self.hand_over(self._end)
        self.closed = True
        ended.result()
        assert self._thread is not None
        self._thread.join()
        self.guard.close()

    def _end(self) -> None:
        for lease in tuple(self.loop.leases):
            self.loop.revoke(lease, LabClosed("the lab was closed during this wait"))
        self.closed = True
        self.loop.stop()

    def __repr__(self) -> str:
        kind = "live" if self.live else f"simulated, seed {self.seed}"
        return f"World({kind}, {'closed' if self.closed else f'{self.now:.3f} s'})"


class AioWorld:
    """The awaitable twins of a world's blocking methods, for any asyncio loop; inside the lab they wait without
    granting time.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    async def submit(self, function: Callable[..., T], *args: Any) -> T:
        """Run ``function(*args)`` in the lab's thread; awaitable twin of ``World.submit``."""
        world = self._world
        if world.in_lab:
            return function(*args)
        return await asyncio.wrap_future(world.hand_over(function, *args))

    async def wait(self, condition: Callable[[], bool], timeout_s: float | None = None) -> Outcome:
        """Let time pass until a condition holds; awaitable twin of ``World.wait``."""
        return await self._hold(condition, seconds=_seconds(timeout_s))

    async def run(self, seconds: float | None = None, *, until: float | Callable[[], bool] | None = None) -> Outcome:
        """Let lab time pass; awaitable twin of ``World.run``."""
        condition, span = self._world._span(seconds, until)
        return await self._hold(condition, **span)

    async def close(self) -> None:
        """Close the lab; awaitable twin of ``World.close``."""
        await asyncio.get_running_loop().run_in_executor(None, self._world.close)

    async def _hold(self, condition: Callable[[], bool] | None, **span: Any) -> Outcome:
        world = self._world
        if world.in_lab:
            return await self._hold_inside(condition, span)
        settled: Future[Outcome] = Future()
        settled.set_running_or_notify_cancel()
        lease = Lease(settled, condition, **span)
        world.hand_over(world.loop.grant, lease)
        try:
            return await asyncio.wrap_future(settled)
        except asyncio.CancelledError:
            world.hand_over(world.loop.revoke, lease)
            raise

    async def _hold_inside(self, condition: Callable[[], bool] | None, span: dict[str, Any]) -> Outcome:
        loop = self._world.loop
        settled: asyncio.Future[Outcome] = loop.create_future()
        lease = Lease(settled, condition, **span, grants_time=False)
        loop.grant(lease)
        try:
            return await settled
        finally:
            loop.revoke(lease)


def _seconds(given: float | None, *, finite: bool = False) -> float:
    """Check a span of lab time."""
    if given is None:
        return math.inf
    if not given >= 0.0 or (finite and given == math.inf):
        raise VoxlabError(f"a time to wait is a number of lab seconds, 0 or more; got {given!r}")
    return float(given)


def _carry_out(future: Future[T], function: Callable[..., T], args: tuple[Any, ...]) -> None:
    """Run a command; its caller gets what comes of it."""
    try:
        result = function(*args)
    except BaseException as error:  # noqa: BLE001 - the error is the caller's, the loop goes on
        future.set_exception(error)
    else:
        future.set_result(result)


async def _wind_down(loop: OrderedLoop) -> None:
    """Let what was closed a moment ago let go of its sockets."""
    for _ in range(_LAST_ROUNDS):
        await asyncio.sleep(0)
    await loop.shutdown_asyncgens()


def _ended(future: Future[Any], seconds: float) -> bool:
    """Wait for a future at most some seconds of real time; return whether it is done."""
    try:
        future.exception(seconds)
    except TimeoutError:
        return future.done()
    return True
