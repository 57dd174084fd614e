"""How Linux lays out what the batched system calls take: recvmmsg(2), sendmmsg(2), epoll(7), cmsg(3), timerfd(2).

Compiled code reads these structures as whole 64-bit words; what it assumes is checked here against ctypes, once, when
this module is imported. Must not know packets.
"""

from __future__ import annotations

import ctypes
import platform
import socket
import struct
import sys
from typing import Final

NAME_WORDS: Final = 2
"""A sockaddr_in: family and port in the low half of the first word, the address in its high half."""
HEADER_WORDS: Final = 8
"""An mmsghdr: name, its length, iovec, its count, control, its length, flags, bytes received."""
H_NAME, H_NAME_BYTES, H_VECTOR, H_VECTORS, H_CONTROL, H_CONTROL_BYTES, H_FLAGS, H_LENGTH = range(HEADER_WORDS)
CONTROL_WORDS: Final = 8
NAME_BYTES: Final = 8 * NAME_WORDS
CONTROL_BYTES: Final = 8 * CONTROL_WORDS

EVENT_WORDS: Final = 3 if platform.machine() == "x86_64" else 4
"""32-bit words of an epoll_event, which is packed on x86-64 alone."""
EVENT_DATA: Final = EVENT_WORDS - 2
"""The word of an epoll_event that holds the low half of its data."""

SO_TIMESTAMPNS: Final[int] = getattr(socket, "SO_TIMESTAMPNS", 35)
STAMP_HEADER: Final = 16 + 16
"""cmsg_len of a stamp: a cmsghdr and a timespec."""
STAMP_KIND: Final = socket.SOL_SOCKET | SO_TIMESTAMPNS << 32
"""cmsg_level and cmsg_type of a stamp, in one word."""
AF_INET: Final = int(socket.AF_INET)
MSG_DONTWAIT: Final[int] = getattr(socket, "MSG_DONTWAIT", 0x40)
MSG_TRUNC: Final[int] = getattr(socket, "MSG_TRUNC", 0x20)
MSG_NOSIGNAL: Final[int] = getattr(socket, "MSG_NOSIGNAL", 0x4000)
CLOCK_REALTIME: Final = 0
CLOCK_MONOTONIC: Final = 1
TIMER_ABSTIME: Final = 1
EPOLLIN: Final = 1
EPOLL_CTL_ADD: Final = 1
EPOLL_CTL_DEL: Final = 2
EINTR: Final = 4
EAGAIN: Final = 11
MUTEX_WORDS: Final = 16
"""More than any pthread_mutex_t has; all zeros is an unlocked one with glibc and musl."""


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_bytes", ctypes.c_uint32),
        ("vector", ctypes.POINTER(_Vector)),
        ("vectors", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_bytes", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Headers(ctypes.Structure):
    _fields_ = (("header", _Header), ("length", ctypes.c_uint))


class _Name(ctypes.Structure):
    _fields_ = (("family", ctypes.c_uint16), ("port", ctypes.c_uint16), ("address", ctypes.c_uint32))


class _Note(ctypes.Structure):
    _fields_ = (("length", ctypes.c_size_t), ("level", ctypes.c_int), ("kind", ctypes.c_int))


class _Time(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


def _offsets(structure: type[ctypes.Structure]) -> list[int]:
    return [getattr(structure, field[0]).offset for field in structure._fields_]


def _event_bytes() -> int:
    fields = (("events", ctypes.c_uint32), ("data", ctypes.c_uint64))
    packing = {"_pack_": 1, "_layout_": "ms"} if platform.machine() == "x86_64" else {}
    return ctypes.sizeof(type("_Event", (ctypes.Structure,), {**packing, "_fields_": fields}))


def why_not() -> str | None:
    """Return why compiled code cannot make these calls here, None when it can."""
    if sys.platform != "linux":
        return f"recvmmsg is Linux's; this is {sys.platform}"
    if sys.byteorder != "little" or struct.calcsize("P") != 8:
        return "only 64-bit little-endian machines lay these structures out so"
    words = [8 * word for word in range(HEADER_WORDS)]
    found = {
        "mmsghdr": [*_offsets(_Header), _Headers.length.offset, ctypes.sizeof(_Headers)] == [*words, 8 * HEADER_WORDS],
        "iovec": _offsets(_Vector) == [0, 8] and ctypes.sizeof(_Vector) == 16,
        "sockaddr_in": _offsets(_Name) == [0, 2, 4],
        "cmsghdr": _offsets(_Note) == [0, 8, 12] and ctypes.sizeof(_Note) == 16,
        "timespec": _offsets(_Time) == [0, 8] and ctypes.sizeof(_Time) == 16,
        "epoll_event": _event_bytes() == 4 * EVENT_WORDS,
        "a control message": socket.CMSG_SPACE(16) <= CONTROL_BYTES and socket.CMSG_LEN(16) == STAMP_HEADER,
    }
    wrong = [name for name, right in found.items() if not right]
    return f"{', '.join(wrong)} is laid out otherwise here" if wrong else None


UNAVAILABLE: Final = why_not()
"""Why the plane outside the GIL cannot run on this machine; None when it can."""
