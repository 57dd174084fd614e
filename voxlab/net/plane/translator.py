"""A process of its own that changes packets on their way: the media thread hands them over and sends what comes back.

Whatever this process computes, it takes neither the GIL nor time from it. What it runs is told by whoever starts it;
what packets become is agreed between that program and whoever configures it. Must not know codecs.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import subprocess
import sys
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from voxlab.net.plane import layout as at

if TYPE_CHECKING:
    from voxlab.net.plane.thread import MediaThread

HEADER: Final = struct.Struct("<qq")
"""In front of each packet: the serial number of its side, and the side. A serial of `FOR_PROGRAM` is no packet."""
FOR_PROGRAM: Final = -1
READY: Final = HEADER.pack(FOR_PROGRAM, 0) + b"ready"
LARGEST_BYTES: Final = 65_536
_BUFFER_BYTES: Final = 1 << 20
_END_S: Final = 5.0


class Translator:
    """The process, and what the media thread has of it.

    Parameters
    ----------
    thread : MediaThread
    module : str
        Run by ``python -m module FD``; it sends `READY` when it takes packets, and ends when the other side is closed.

    Raises
    ------
    OSError
        The system does not let us: nothing is left of the attempt.
    """

    def __init__(self, thread: MediaThread, module: str) -> None:
        self.is_ready = False
        self._thread = thread
        self._users: list[weakref.WeakMethod[Callable[[], None]]] = []
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (self._socket, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
        self._socket.setblocking(False)
        alone = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=os.environ | alone,
                start_new_session=True,  # Ctrl-C is for whoever asks for it
            )
        try:
            self._pidfd: int | None = os.pidfd_open(self._process.pid)
        except OSError:
            self._socket.close()
            self._process.kill()
            self._process.wait()
            raise
        thread.loop.add_reader(self._pidfd, self._died)
        thread.loop.add_reader(self._socket.fileno(), self._woke)

    def call(self, user: Callable[[], None]) -> None:
        """Call a method, as long as its object lives, whenever the process has become ready, or has died."""
        self._users = [each for each in self._users if each() is not None]
        method = weakref.WeakMethod(user)
        if method not in self._users:
            self._users.append(method)

    def tell(self, message: Mapping[str, Any]) -> bool:
        """Tell the program something, before the packets that come from now on; return whether that went well."""
        if not self.is_ready:
            return False
        try:
            self._socket.send(HEADER.pack(FOR_PROGRAM, 0) + json.dumps(message).encode())
        except OSError:
            return False
        return True

    def _woke(self) -> None:
        """Take the word that it is ready; from then on the media thread reads what it sends."""
        try:
            data = self._socket.recv(LARGEST_BYTES)
        except BlockingIOError:
            return
        self._thread.loop.remove_reader(self._socket.fileno())
        if data != READY:
            return
        self._thread.translate_by(self._socket.fileno())
        self.is_ready = True
        self._tell_users()

    def _died(self) -> None:
        self._let_go()
        self._process.wait()
        self._tell_users()

    def _tell_users(self) -> None:
        for each in self._users:
            user = each()
            if user is not None:
                user()

    def _let_go(self) -> None:
        self.is_ready = False
        self._thread.translate_by(-1)
        with contextlib.suppress(RuntimeError, ValueError):  # the loop, or the socket, is closed already
            self._thread.loop.remove_reader(self._socket.fileno())
        if self._pidfd is not None:
            with contextlib.suppress(RuntimeError):
                self._thread.loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None
        self._socket.close()

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone: it has died, or was ended."""
        return self._pidfd is None

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def close(self) -> None:
        """End the process; may be called twice."""
        self._let_go()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def available() -> bool:
    """Whether this system has what it takes."""
    return hasattr(os, "pidfd_open") and hasattr(socket, "SOCK_SEQPACKET") and not at.UNAVAILABLE
