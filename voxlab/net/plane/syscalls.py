"""System calls that compiled code makes without the GIL (recvmmsg(2), sendmmsg(2), epoll(7), timerfd_settime(2),
clock_gettime(2), clock_nanosleep(2), pthread_mutex_lock(3p)).

Declared as external functions of the process, by name: a pointer out of ctypes would be a number in the compiled code,
which could then not be cached. Addresses are plain integers. Must not know packets.
"""

from __future__ import annotations

from typing import Any

import numba
import numba.extending
from numba import types

from voxlab.net.plane.compiling import uncounted

_int, _unsigned, _word = types.int32, types.uint32, types.intp
_function: Any = types.ExternalFunction
_pointer: Any = types.CPointer
_intrinsic: Any = numba.extending.intrinsic

recvmmsg = _function("recvmmsg", _int(_int, _word, _unsigned, _int, _word))
sendmmsg = _function("sendmmsg", _int(_int, _word, _unsigned, _int))
epoll_wait = _function("epoll_wait", _int(_int, _word, _int, _int))
epoll_ctl = _function("epoll_ctl", _int(_int, _int, _int, _word))
timerfd_settime = _function("timerfd_settime", _int(_int, _int, _word, _word))
clock_gettime = _function("clock_gettime", _int(_int, _word))
clock_nanosleep = _function("clock_nanosleep", _int(_int, _int, _word, _word))
read = _function("read", _word(_int, _word, _word))
write = _function("write", _word(_int, _word, _word))
memcpy = _function("memcpy", _word(_word, _word, _word))
memset = _function("memset", _word(_word, _int, _word))
pthread_mutex_lock = _function("pthread_mutex_lock", _int(_word))
pthread_mutex_unlock = _function("pthread_mutex_unlock", _int(_word))
_errno_location = _function("__errno_location", _pointer(_int)())


@_intrinsic
def _value_at(_typing: Any, pointer: Any) -> Any:
    """Read what a pointer points to."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.load(arguments[0])

    return pointer.dtype(pointer), generate


@uncounted
def errno() -> int:
    """Return why the last call of this thread failed."""
    return _value_at(_errno_location())
