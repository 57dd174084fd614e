"""One UDP socket on the loop: drained in bursts, sent on directly, no task or future per datagram.

Must not know what the datagrams carry.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Any

from voxlab.base.datagram import Address
from voxlab.base.errors import VoxlabError
from voxlab.net.loop import OrderedLoop
from voxlab.net.queue_age import STAMP_BYTES, QueueAge, ask_for_stamps

BURST = 64
"""Datagrams taken before the loop gets its turn again."""
_LARGEST = 65_535
_RECEIVE_BUFFER_BYTES = 4 << 20
_BACKLOG = 4096  # datagrams kept while the kernel's send buffer is full
_WILDCARDS = {"", "0.0.0.0", "::"}

Take = Callable[[bytes, Any], None]


def bind(kind: socket.SocketKind, transport: str, address: Address) -> socket.socket:
    """Return a non-blocking socket bound to exactly this address.

    Raises
    ------
    VoxlabError
        When the port is taken, the address is not this machine's, or it is a wildcard: a socket on one answers from
        whatever address the route chooses, and whoever tells hosts apart by address sees one.
    """
    if address.host in _WILDCARDS:
        raise VoxlabError(f"{transport} {address}: name one address of this machine, not all of them")
    bound = socket.socket(socket.AF_INET6 if ":" in address.host else socket.AF_INET, kind)
    try:
        bound.setblocking(False)
        if kind is socket.SOCK_STREAM and os.name == "posix":
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # never for UDP: two would share one port there
        elif kind is socket.SOCK_DGRAM:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise VoxlabError(f"{transport} {address} cannot be had: {_why(error)}") from error
    return bound


def _why(error: OSError) -> str:
    """Say what a person can do about a failed bind."""
    if error.errno == errno.EADDRINUSE:
        return "the port is taken, by another program or another lab; choose another port or address"
    if error.errno == errno.EADDRNOTAVAIL:
        return "this machine has no such address"
    if error.errno == errno.EACCES:
        return "the system does not allow this port (those below 1024 need privileges)"
    return error.strerror or str(error)


def address_of(bound: socket.socket) -> Address:
    """Return the local address of a socket."""
    return Address(*bound.getsockname()[:2])


class DatagramSocket:
    """A bound UDP socket.

    Parameters
    ----------
    loop : OrderedLoop
    bound : socket.socket
    take : callable
        ``take(data, source)``, ``source`` as the system gives it.
    rested : callable
        Called when a burst has been taken.
    """

    def __init__(
        self, loop: OrderedLoop, bound: socket.socket, take: Take, rested: Callable[[], None] = lambda: None
    ) -> None:
        self.address = address_of(bound)
        self._loop = loop
        self._socket: socket.socket | None = bound
        self._take = take
        self._rested = rested
        self.queue = QueueAge()
        self._has_stamps = ask_for_stamps(bound)
        self._unsent: deque[tuple[bytes, Address]] = deque()
        # By number: asked about a socket object that it does not know, a selector writes it out for an error first.
        # In a context of its own: that of whoever opened it would keep a session for as long as the socket lives.
        Context().run(loop.add_reader, bound.fileno(), self._drain)

    def _drain(self) -> None:
        """Take what is there, up to a burst; level-triggered, so the rest comes in the next round."""
        try:
            self._take_burst()
        finally:
            self._rested()

    def _take_burst(self) -> None:
        if self._has_stamps and self.queue.is_wanted(self._loop.time()) and not self._take_measured():
            return
        take = self._take
        for _ in range(BURST):
            if self._socket is None:  # closed by what came
                return
            try:
                data, source = self._socket.recvfrom(_LARGEST)
            except OSError:  # nothing more, or an ICMP error of an earlier datagram, which says not of which
                return
            take(data, source)

    def _take_measured(self) -> bool:
        """Take one datagram and see how long it lay there; false if there was none."""
        if self._socket is None:
            return False
        try:
            data, stamps, _, source = self._socket.recvmsg(_LARGEST, STAMP_BYTES)
        except OSError:
            return False
        self.queue.measured(stamps, self._loop.time())
        self._take(data, source)
        return True

    def send(self, data: bytes, remote: Address) -> None:
        """Send a datagram now, or as soon as the kernel has room.

        Raises
        ------
        OSError
            When the system refuses it (too long, no route).
        """
        if self._socket is None:
            return
        if self._unsent:
            self._keep(data, remote)
            return
        try:
            self._socket.sendto(data, remote)
        except (BlockingIOError, InterruptedError):
            self._keep(data, remote)
            self._loop.add_writer(self._socket.fileno(), self._send_unsent)

    def _keep(self, data: bytes, remote: Address) -> None:
        if len(self._unsent) >= _BACKLOG:
            raise OSError(errno.ENOBUFS, "more is sent than the system takes")
        self._unsent.append((data, remote))

    def _send_unsent(self) -> None:
        while self._unsent and self._socket is not None:
            try:
                self._socket.sendto(*self._unsent[0])
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                pass  # lost, as any datagram may be
            self._unsent.popleft()
        if self._socket is not None:
            self._loop.remove_writer(self._socket.fileno())

    def fileno(self) -> int:
        """Return the descriptor; -1 once it is closed."""
        return -1 if self._socket is None else self._socket.fileno()

    def stop_reading(self) -> None:
        """Leave what comes to somebody else who reads from the descriptor."""
        self._loop.remove_reader(self.fileno())

    def close(self) -> None:
        """Close the socket; may be called twice."""
        if self._socket is None:
            return
        bound, self._socket = self._socket, None
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            self._loop.remove_reader(bound.fileno())
            if self._unsent:
                self._loop.remove_writer(bound.fileno())
        self._unsent.clear()
        bound.close()
