"""How long datagrams lie in a socket's queue before they are read, by the kernel's stamps (SO_TIMESTAMPNS of Linux).

One stall is no overload: only where nothing was read in time for a while is the queue called late, which is how CoDel
tells a queue that stands from one that drains. Must not know what the datagrams carry.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import time
from collections.abc import Sequence

_SO_TIMESTAMPNS = 35  # Linux, but for a few old architectures
_STAMP = struct.Struct("@ll")
STAMP_BYTES = socket.CMSG_SPACE(_STAMP.size) if hasattr(socket, "CMSG_SPACE") else 0
EVERY_S = 0.02
LATE_S = 0.25
STANDS_AFTER_S = 0.5


def ask_for_stamps(bound: socket.socket) -> bool:
    """Have the kernel stamp what arrives; return whether it will."""
    if not sys.platform.startswith("linux") or bound.type is not socket.SOCK_DGRAM:
        return False
    with contextlib.suppress(OSError):
        bound.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        return True
    return False


class QueueAge:
    """Samples of how long what is read had waited; one in ``EVERY_S`` is enough.

    Attributes
    ----------
    last_s : float
        The latest sample.
    """

    def __init__(self) -> None:
        self.last_s = 0.0
        self._read_s = -1.0
        self._late_since_s = -1.0

    def is_wanted(self, now: float) -> bool:
        """Whether it is time for another sample."""
        return now >= self._read_s + EVERY_S

    def measured(self, stamps: Sequence[tuple[int, int, bytes]], now: float) -> None:
        """Take the ancillary data of a datagram that was read now."""
        for level, kind, data in stamps:
            if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(data) >= _STAMP.size:
                seconds, nanoseconds = _STAMP.unpack_from(data)
                self.sampled(time.time() - seconds - nanoseconds * 1e-9, now)

    def sampled(self, age_s: float, now: float) -> None:
        """Take a sample: what was read now had waited so long."""
        if age_s < LATE_S:
            self._late_since_s = -1.0
        elif self._late_since_s < 0.0 or now > self._read_s + STANDS_AFTER_S:
            self._late_since_s = now  # after a pause: whatever came before has nothing to do with it
        self.last_s, self._read_s = age_s, now

    def is_late(self, now: float) -> bool:
        """Whether nothing was read in time for a while."""
        return 0.0 <= self._late_since_s <= now - STANDS_AFTER_S and now <= self._read_s + STANDS_AFTER_S
