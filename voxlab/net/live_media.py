"""Media ports on real sockets: RTP on an even port, RTCP on the next (RFC 3550 s.11), stamped by the kernel where it
does that.

Datagram by datagram in the lab's thread, which is the portable plane; or lent to the media thread, where there is one
(``net.plane``). Must not know RTP.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from voxlab.base.datagram import Address
from voxlab.base.errors import VoxlabError
from voxlab.base.records import DELIVERED, REFUSED
from voxlab.net.datagram_socket import BURST, DatagramSocket, address_of, bind
from voxlab.net.loop import OrderedLoop
from voxlab.net.network import Batch, MediaReceiver
from voxlab.net.plane.cells import CAME_TO, FATE, FOR_LAB, SOURCE
from voxlab.net.plane.choice import Plane

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from voxlab.net.plane.lane import Lane
    from voxlab.net.plane.thread import Rows
    from voxlab.net.shaping import Shaper

_SO_TIMESTAMPNS: int | None = getattr(socket, "SO_TIMESTAMPNS", 35 if hasattr(socket, "SO_INCOMING_CPU") else None)
_TIMESPEC = struct.Struct("@ll")
_LARGEST = 2048  # more than any RTP packet on Ethernet
_OLDEST_S = 10.0  # an older stamp means that the system's clock was set meanwhile
_LONGEST_BURST_S = 1.0  # likewise one that far ahead
_CLOCK_TRIES = 4
_CLOSE_ENOUGH_S = 5e-6
_DRAWS = 64

Pair = tuple[socket.socket, socket.socket]


def open_pair(host: str, port: int = 0) -> Pair:
    """Bind an even port and the next one.

    Raises
    ------
    VoxlabError
        For an odd port, and when either port is taken.
    """
    if port % 2:
        raise VoxlabError(f"RTP takes an even port, with RTCP on the next (RFC 3550 s.11); got {port}")
    for draw in range(_DRAWS):
        try:
            return _bind_pair(host, port)
        except VoxlabError:
            if port or draw == _DRAWS - 1:
                raise
    raise AssertionError("unreachable")


def _bind_pair(host: str, port: int) -> Pair:
    with contextlib.ExitStack() as undo:
        rtp = undo.enter_context(bind(socket.SOCK_DGRAM, "UDP", Address(host, port)))
        drawn = address_of(rtp).port
        if drawn % 2:  # the system drew an odd one: its lower neighbour may be free
            rtcp, rtp = rtp, undo.enter_context(bind(socket.SOCK_DGRAM, "UDP", Address(host, drawn - 1)))
        else:
            rtcp = undo.enter_context(bind(socket.SOCK_DGRAM, "UDP", Address(host, drawn + 1)))
        undo.pop_all()
    return rtp, rtcp


class StampedSocket(DatagramSocket):
    """A UDP socket whose datagrams bear the time at which the kernel took them (SO_TIMESTAMPNS, Linux).

    Attributes
    ----------
    stamped : bool
    cut_off : int
        Datagrams that were longer than any RTP packet, and dropped.
    """

    def __init__(self, loop: OrderedLoop, bound: socket.socket, take: Callable[[bytes, Address, float], None]) -> None:
        self.stamped = _ask_for_stamps(bound)
        self.cut_off = 0
        self._take_stamped = take
        super().__init__(loop, bound, lambda data, source: take(data, Address(*source[:2]), loop.time()))

    def _drain(self) -> None:
        if not self.stamped:
            super()._drain()
            return
        ancillary = socket.CMSG_SPACE(_TIMESPEC.size)
        now_s, real_ns = _clocks(self._loop)
        for _ in range(BURST):
            if self._socket is None:
                return
            try:
                data, notes, flags, source = self._socket.recvmsg(_LARGEST, ancillary)
            except OSError:
                return
            if flags & socket.MSG_TRUNC:
                self.cut_off += 1
                continue
            self._take_stamped(data, Address(*source[:2]), now_s - _age_s(notes, real_ns))


def _ask_for_stamps(bound: socket.socket) -> bool:
    if _SO_TIMESTAMPNS is None:
        return False
    try:
        bound.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    except OSError:
        return False
    return True


def _clocks(loop: OrderedLoop) -> tuple[float, int]:
    """Return lab seconds and CLOCK_REALTIME of one instant, from the readings that were disturbed least.

    One pair for a burst: its datagrams keep their order, however often this thread is interrupted.
    """
    best_s, now_s, real_ns = float("inf"), 0.0, 0
    for _ in range(_CLOCK_TRIES):
        before_s, between_ns, after_s = loop.time(), time.time_ns(), loop.time()
        if after_s - before_s < best_s:
            best_s, now_s, real_ns = after_s - before_s, (before_s + after_s) / 2, between_ns
        if best_s < _CLOSE_ENOUGH_S:
            break
    return now_s, real_ns


def _age_s(notes: list[tuple[int, int, bytes]], real_ns: int) -> float:
    """Return how long a datagram lay in the kernel at ``real_ns``, negative for one that came since; 0 without a stamp.

    Stamps are CLOCK_REALTIME; only the difference to the same clock is used, and one that cannot be (the clock was
    set) is not.
    """
    for _level, kind, stamp in notes:
        if kind == _SO_TIMESTAMPNS and len(stamp) >= _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack_from(stamp)
            age = (real_ns - seconds * 1_000_000_000 - nanoseconds) / 1e9
            return age if -_LONGEST_BURST_S < age < _OLDEST_S else 0.0
    return 0.0


class LiveMediaPort:
    """A pair of bound ports, lent to one leg after the other: binding them costs more than a call's signalling.

    Attributes
    ----------
    lane : Lane or None
        The pair's place in the media thread, once it is there.
    """

    def __init__(
        self,
        loop: OrderedLoop,
        pair: Pair,
        on_close: Callable[[LiveMediaPort], None],
        plane: Plane | None = None,
        shaper: Shaper | None = None,
    ) -> None:
        self.owner = ""
        self._shaper = shaper
        self.lane: Lane | None = None
        self._plane = plane
        self.receiver: MediaReceiver | None = None
        self._loop = loop
        self._on_close = on_close
        self._rtp = StampedSocket(loop, pair[0], self._take_rtp)
        self._rtcp = StampedSocket(loop, pair[1], self._take_rtcp)
        self.rtp_address = self._rtp.address
        self.rtcp_address = self._rtcp.address
        self.stamped_by = "kernel" if self._rtp.stamped else "user"

    def lend(self, owner: str, receiver: MediaReceiver) -> None:
        """Give the ports to a leg; what still comes for the leg before goes to it too, and is told by its source."""
        self.owner, self.receiver = owner, receiver
        self._enter()
        if self.lane is not None:
            self.lane.take = self._take_rows
            self.lane.begin()

    def _enter(self) -> None:
        """Move over to the media thread, if it is there and has room; IPv6 stays with the portable plane."""
        thread = self._plane.thread() if self._plane is not None and ":" not in self.rtp_address.host else None
        if thread is None or self.lane is not None or not self._rtp.stamped:
            return
        from voxlab.net.plane.lane import Lane
        from voxlab.net.plane.thread import Full

        with contextlib.suppress(Full, OSError):
            self.lane = Lane(thread, self._rtp.fileno(), self._rtcp.fileno(), self._take_rows)
            self._rtp.stop_reading()
            self._rtcp.stop_reading()

    def _take_rows(self, rows: Rows) -> None:
        """Take datagrams that the media thread received for the lab's."""
        from voxlab.net.plane.lane import address_of

        for row, (cells, time_ns) in enumerate(zip(rows.cells.tolist(), rows.time_ns.tolist(), strict=True)):
            if self.receiver is not None and cells[FATE] == FOR_LAB:
                source = address_of(cells[SOURCE])
                self.receiver.datagram(rows.data(row), source, time_ns / 1e9, rtcp=bool(cells[CAME_TO]))

    def _take_rtp(self, data: bytes, source: Address, arrival_s: float) -> None:
        if self.receiver is not None:
            self.receiver.datagram(data, source, arrival_s, rtcp=False)

    def _take_rtcp(self, data: bytes, source: Address, arrival_s: float) -> None:
        if self.receiver is not None:
            self.receiver.datagram(data, source, arrival_s, rtcp=True)

    @property
    def shaped(self) -> bool:
        """Whether a link keeps or loses some of what is sent: then it is not the media thread's."""
        return self._shaper is not None and self.owner in self._shaper.sources

    def reroute(self) -> None:
        """Let whoever has the port take notice that a link has changed."""
        if self.receiver is not None:
            self.receiver.reroute()

    def send(self, data: bytes, remote: Address, *, rtcp: bool = False) -> int:
        """Send one datagram as its link has it; return its outcome, as far as it is known."""
        if self._shaper is not None and self.owner in self._shaper.sources:
            return self._shaper.datagram(self.owner, remote, data, lambda: self._put_out(data, remote, rtcp=rtcp))
        return self._put_out(data, remote, rtcp=rtcp)

    def _put_out(self, data: bytes, remote: Address, *, rtcp: bool) -> int:
        try:
            (self._rtcp if rtcp else self._rtp).send(data, remote)
        except OSError:
            return REFUSED
        return DELIVERED

    def send_batch(self, batch: Batch, remote: Address) -> NDArray[np.uint8]:
        """Send packets at their times, each by a timer of the loop; the outcomes are a promise."""
        import numpy as np

        for time_ns, packet in zip(batch.time_ns.tolist(), batch.wire(), strict=True):
            self._loop.call_at(time_ns / 1e9, self.send, packet.tobytes(), remote)
        return np.full(len(batch.time_ns), DELIVERED, np.uint8)

    def close(self) -> None:
        """Give the ports back; may be called twice."""
        if self.receiver is not None:
            self.receiver = None
            if self.lane is not None:
                self.lane.rest()
            self._on_close(self)

    def unbind(self) -> None:
        """Close the sockets."""
        self.receiver = None
        if self.lane is not None:
            self.lane.leave()
            self.lane = None
        self._rtp.close()
        self._rtcp.close()
