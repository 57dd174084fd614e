"""The media thread of one live lab, seen from the lab's thread: who has which side, and what it left to be read.

Started when the first port joins it, ended with the lab. Must not know what packets mean.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import select
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from voxlab.net.loop import LiveLoop
from voxlab.net.plane import cells as c
from voxlab.net.plane import layout as at
from voxlab.net.plane import state as memory
from voxlab.net.plane.translator import Translator, available

SIDES = 4096
ROWS = 1 << 18
"""Half a minute of 10,000 packets a second, for a lab's thread that is held up."""
OCTETS = 1 << 25
_SIDES_A_ROUND = 4
_MOST_DEATHS = 3
_NS = 1_000_000_000
_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274, "riscv64": 274}  # the C library has no function for it
_SCHED_OTHER = 0
_SLICE_NS = 100_000  # the shortest that the kernel takes
_NICE = -11  # as rtkit gives to PulseAudio and PipeWire


class Rows(NamedTuple):
    """What came to one side, or left it, since it was last read; in order.

    Attributes
    ----------
    cells : int64 array, shape (n, ROW_CELLS)
    octets : uint8 array
        Where the datagrams lie that were kept; to be read before the next drain.
    origin_ns : int
        CLOCK_MONOTONIC at second 0 of the lab.
    gather : callable
        The compiled body of `matrix`.
    """

    cells: npt.NDArray[np.int64]
    octets: npt.NDArray[np.uint8]
    origin_ns: int
    gather: Callable[..., None]

    @property
    def time_ns(self) -> npt.NDArray[np.int64]:
        """When each arrived (or left, if we made it): lab time, int64 array of shape (n,)."""
        return self.cells[:, c.AT_NS] - self.origin_ns

    def left_ns(self) -> npt.NDArray[np.int64]:
        """When each was sent on: lab time, int64 array of shape (n,)."""
        return self.cells[:, c.LEFT_NS] - self.origin_ns

    def take(self, picked: npt.NDArray[np.int64] | slice) -> Rows:
        """Return some of the rows."""
        return self._replace(cells=np.ascontiguousarray(self.cells[picked]))

    def data(self, row: int) -> bytes:
        """Return a datagram; what was not kept whole is filled up with zeros behind its first bytes."""
        return self.matrix(np.array([row]), int(self.cells[row, c.SIZE])).tobytes()

    def matrix(self, picked: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.uint8]:
        """Return datagrams of one size: uint8 array, shape (m, size)."""
        out = np.zeros((len(picked), size), np.uint8)
        self.gather(self.cells, picked.astype(np.int64), self.octets, out)
        return out


Given = tuple[Callable[[Rows], None], Rows]
"""What one side gets, and who takes it."""


class Full(Exception):
    """The thread has no side left: the port stays with the portable plane."""


class MediaThread:
    """One thread that receives, relays and speaks without the GIL.

    Parameters
    ----------
    loop : LiveLoop
        Of the lab's thread, which reads what is left for it.
    native : module
        ``voxlab.net.plane.loop``, compiled.
    """

    def __init__(self, loop: LiveLoop, native: ModuleType, *, sides: int = SIDES, rows: int = ROWS) -> None:
        self.native = native
        self.state = memory.make(sides, rows, OCTETS)
        self.state.control[c.TRANSLATOR_FD] = -1
        self.loop = loop
        self._translator: Translator | None = None
        self._may_translate = available()
        self._deaths = 0
        self._free = list(range(sides - 1, -1, -1))
        self._serial = 0
        self._takers: dict[int, Callable[[Rows], None]] = {}
        self._draining = False
        self._pending: deque[Given] = deque()
        self._thread: threading.Thread | None = None
        self._epoll: select.epoll | None = None
        self._descriptors: list[int] = []

    # -- the thread ---------------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether the thread is there."""
        return self._thread is not None

    @property
    def native_id(self) -> int:
        """The thread's number in the system, 0 before it has started."""
        return (self._thread.native_id or 0) if self._thread is not None else 0

    @property
    def origin_ns(self) -> int:
        """CLOCK_MONOTONIC at second 0 of the lab."""
        return round(self.loop.origin_s * _NS)

    def _start(self) -> None:
        with contextlib.ExitStack() as undo:
            self._epoll = undo.enter_context(contextlib.closing(select.epoll()))
            self._descriptors = []
            for make in (_timer, _event, _event):
                self._descriptors.append(make())
                undo.callback(os.close, self._descriptors[-1])
            self._connect(self._epoll.fileno(), *self._descriptors)
            undo.pop_all()
        self._thread = threading.Thread(target=self._live, name="voxlab-media", daemon=True)
        self._thread.start()

    def _connect(self, epoll: int, timer: int, awake: int, bell: int) -> None:
        """Tell compiled code its descriptors, and the lab's loop when to look."""
        for cell, value in ((c.EPOLL_FD, epoll), (c.TIMER_FD, timer), (c.WAKE_FD, awake), (c.BELL_FD, bell)):
            self.state.control[cell] = value
        self.state.spec[8] = self.state.spec[10] = 1  # what the eventfds are written
        self.watch(at.EPOLL_CTL_ADD, awake, self.native.WAKE)
        self.watch(at.EPOLL_CTL_ADD, timer, self.native.TIMER)
        self.loop.add_reader(bell, self._rung)

    def _live(self) -> None:
        ask_for_promptness()
        self.native.run(self.state)

    def translator(self, module: str) -> Translator | None:
        """Return the process that changes packets, started with the first who asks; None where there can be none.

        One that has died is started again, a few times in a lab's life: what kills it may be what it is given.
        """
        if self._translator is not None and self._translator.has_ended and self._deaths < _MOST_DEATHS:
            self._deaths += 1
            self._translator = None
        if self._translator is None and self._thread is not None and self._may_translate:
            try:
                self._translator = Translator(self, module)
            except OSError:  # no process, or no way to watch one, as in some sandboxes
                self._may_translate = False
        return self._translator

    @property
    def known_translator(self) -> Translator | None:
        """The process that changes packets, if somebody has asked for it."""
        return self._translator

    def translate_by(self, fd: int) -> None:
        """Hand packets over to a translator that is ready, or to none (-1)."""
        before = int(self.state.control[c.TRANSLATOR_FD])
        if before >= 0:
            with contextlib.suppress(OSError):  # the thread has seen for itself that it is gone
                self.watch(at.EPOLL_CTL_DEL, before, 0)
        self.native.poke_control(self.state.control, np.array([(c.TRANSLATOR_FD, fd)], np.int64))
        if fd >= 0:
            self.watch(at.EPOLL_CTL_ADD, fd, self.native.TRANSLATOR)

    def close(self) -> None:
        """End the thread; may be called twice."""
        if self._translator is not None:
            self._translator.close()
            self._translator = None
        if self._thread is None:
            return
        self.state.control[c.STOP] = 1
        self.native.wake(self.state.control)
        self._thread.join()
        self._thread = None
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            self.loop.remove_reader(self._descriptors[2])
        for descriptor in self._descriptors:
            os.close(descriptor)
        assert self._epoll is not None
        self._epoll.close()

    # -- sides --------------------------------------------------------------------------------------------------------

    def enter(self, rtp_fd: int, rtcp_fd: int, take: Callable[[Rows], None]) -> int:
        """Take two sockets; return the number of their side.

        Raises
        ------
        Full
            No side is left.
        OSError
            The system has no room to watch them, or for the thread's own descriptors.
        """
        if not self._free:
            raise Full
        if self._thread is None:
            self._start()
        side = self._free.pop()
        self._serial += 1
        self._takers[self._serial] = take
        cells = {c.MODE: c.IDLE, c.PARTNER: c.NOBODY, c.SERIAL: self._serial, c.RTP_FD: rtp_fd, c.RTCP_FD: rtcp_fd}
        self.poke(self.state.sides, [(side, cell, value) for cell, value in cells.items()])
        try:
            self.watch(at.EPOLL_CTL_ADD, rtp_fd, 2 * side)
            self.watch(at.EPOLL_CTL_ADD, rtcp_fd, 2 * side + 1)
        except OSError:
            self.leave(side)
            raise
        return side

    def leave(self, side: int) -> None:
        """Give two sockets back: from here on the thread does not touch them."""
        for fd in self.state.sides[side, [c.RTP_FD, c.RTCP_FD]].tolist():
            with contextlib.suppress(OSError):  # it never got there
                self.watch(at.EPOLL_CTL_DEL, fd, 0)
        self.poke(self.state.sides, [(side, c.MODE, c.IDLE), (side, c.RTP_FD, -1), (side, c.RTCP_FD, -1)])
        self.drain()
        del self._takers[int(self.state.sides[side, c.SERIAL])]
        self._free.append(side)

    # -- commands: one call of compiled code each ---------------------------------------------------------------------

    def poke(self, table: memory.Words, changes: list[tuple[int, int, int]] | npt.NDArray[np.int64]) -> None:
        """Write cells, all between two batches: (row, cell, value) for each."""
        self.native.poke(self.state.control, table, np.asarray(changes, np.int64).reshape(-1, 3))

    def peek(self, table: memory.Words, row: int) -> npt.NDArray[np.int64]:
        """Return a row as it is between two batches."""
        out = np.empty(table.shape[1], np.int64)
        self.native.peek(self.state.control, table, row, out)
        return out

    def watch(self, operation: int, fd: int, word: int) -> None:
        """Wait for a socket, or no more."""
        if self.native.watch(self.state.control, self.state.spec, operation, fd, word):
            raise OSError(f"epoll does not take descriptor {fd}")

    def crypt(self, which: int, context: int, data: bytes) -> bytes | int:
        """Open or protect a packet of the lab's thread, while the media thread does not use the context.

        Returns
        -------
        bytes or int
            The packet, or the library's status if it refuses.
        """
        room = np.empty(len(data) + c.TRAILER_BYTES, np.uint8)
        room[: len(data)] = np.frombuffer(data, np.uint8)
        size = int(self.native.crypt(self.state, which, context, room.ctypes.data, len(data)))
        return -size if size < 0 else room[:size].tobytes()

    def call_by(self, functions: tuple[int, ...]) -> None:
        """Say where libsrtp's functions are."""
        changes = np.array([(c.OPEN_RTP + k, address) for k, address in enumerate(functions)], np.int64)
        self.native.poke_control(self.state.control, changes)

    def speak(self, side: int, cells: npt.NDArray[np.int64]) -> None:
        """Let a side speak."""
        self.native.start_player(self.state.control, self.state.players, self.state.playing, side, cells)
        self.native.wake(self.state.control)

    def hush(self, side: int) -> npt.NDArray[np.int64]:
        """Let a side fall silent; return where its player stands."""
        out = np.empty(c.PLAYER_CELLS, np.int64)
        self.native.stop_player(self.state.control, self.state.players, self.state.playing, side, out)
        return out

    # -- what it leaves -----------------------------------------------------------------------------------------------

    def _rung(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._descriptors[2], 8)
        self._hand_over(deque(self._read(c.URGENT)))
        if not self._pending and self.native.due(self.state.control, self.state.books, c.COUNTED):
            self._pending.extend(self._read(c.COUNTED))
            self._go_on()

    def _go_on(self) -> None:
        """Hand over to a few sides at a time, so that a call's signalling need not wait for all of them."""
        self._hand_over(self._pending, _SIDES_A_ROUND)
        if self._pending:
            self.loop.call_soon(self._go_on)

    def drain(self) -> None:
        """Hand over all that was left so far, to each side its own."""
        if self._draining:  # whoever takes may ask for what is there: that is being handed over
            return
        self._hand_over(self._pending)
        for number in (c.COUNTED, c.URGENT):
            self._hand_over(deque(self._read(number)))

    def _hand_over(self, waiting: deque[Given], most: int | None = None) -> None:
        self._draining = True
        try:
            for _ in range(len(waiting) if most is None else min(most, len(waiting))):
                self._give(*waiting.popleft())
        finally:
            self._draining = False

    def _read(self, number: int) -> Iterator[Given]:
        """Yield what is in a book, side by side; the half that was read before must have been handed over."""
        count = self.native.swap(self.state.control, self.state.books, number)
        if not count:
            return
        half = 2 * number + 1 - int(self.state.books[number, c.ACTIVE])
        rows = self.state.rows[half, :count]
        order = np.argsort(rows[:, c.ROW_SIDE], kind="stable")
        sides = rows[order, c.ROW_SIDE]
        starts = np.flatnonzero(np.diff(sides, prepend=-1)).tolist()
        whole = Rows(rows, self.state.octets[half], self.origin_ns, self.native.gather)
        for start, end in zip(starts, [*starts[1:], count], strict=True):
            take = self._takers.get(int(sides[start]))
            if take is not None:
                yield take, whole.take(order[start:end])

    def _give(self, take: Callable[[Rows], None], rows: Rows) -> None:
        """Hand over to one side; what goes wrong there is no other side's loss."""
        try:
            take(rows)
        except Exception as error:  # noqa: BLE001 - reported as the loop reports a callback's
            self.loop.call_exception_handler({"message": "a media port could not take its packets", "exception": error})


def ask_for_promptness() -> bool:
    """Ask the scheduler to let the calling thread run soon after it wakes, in return for running briefly.

    Two wishes: the shortest slice, which Linux 6.12 and later grant to anybody (sched_setattr(2): the slice of a
    SCHED_OTHER task), and the niceness that sound servers run with, which takes CAP_SYS_NICE or RLIMIT_NICE. What is
    refused or unknown is left as it was, and so is the niceness of a program that was told to be nicer than usual.

    Returns
    -------
    bool
        Whether at least the slice was taken.
    """
    number = _SCHED_SETATTR.get(platform.machine())
    if number is None:
        return False
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    wanted = nice if nice > 0 else min(nice, _NICE)
    return any(_set_attributes(number, each) for each in (wanted, nice))


def _set_attributes(number: int, nice: int) -> bool:
    wish = struct.pack("=IIQiIQQQ", 48, _SCHED_OTHER, 0, nice, 0, _SLICE_NS, 0, 0)
    return int(ctypes.CDLL(None, use_errno=True).syscall(number, 0, wish, 0)) == 0


def _event() -> int:
    return os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)


def _timer() -> int:
    made = ctypes.CDLL(None, use_errno=True).timerfd_create(at.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
    if made < 0:
        raise OSError(ctypes.get_errno(), "timerfd_create")
    return int(made)
