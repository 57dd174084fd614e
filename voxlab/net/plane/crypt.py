"""Compiled: SRTP on the media thread, by libsrtp's own functions (RFC 3711).

The functions come as addresses in the control cells and the contexts as addresses in a side's, so that compiled code is
the same whether the library is there or not. A context is used by one thread at a time, whoever holds the mutex.
"""

from __future__ import annotations

from typing import Any, Final

import numba.extending
from numba import types

from voxlab.net.plane import cells as c
from voxlab.net.plane.compiling import uncounted

LENGTH_CELL: Final = 14
"""The word of ``spec`` that holds a packet's length, which the library changes."""
FORGED_STATUS, REPLAYED_STATUS, TOO_OLD_STATUS = 7, 9, 10  # srtp_err_status_t
_intrinsic: Any = numba.extending.intrinsic


@_intrinsic
def _call(_typing: Any, function: Any, context: Any, data_at: Any, length_at: Any) -> Any:
    """Call ``srtp_err_status_t function(srtp_t context, void *data, int *length)`` at an address."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        from llvmlite import ir

        word, status = ir.IntType(64), ir.IntType(32)
        kind = ir.FunctionType(status, [word, word, word])
        return builder.call(builder.inttoptr(arguments[0], kind.as_pointer()), arguments[1:])

    return types.int32(types.int64, types.int64, types.int64, types.int64), generate


@uncounted
def crypt(state: Any, which: int, context: int, data_at: int, size: int) -> int:
    """Open or protect a packet where it lies; return its new size, or less than 0 for the status of a refusal."""
    state.spec[LENGTH_CELL] = size
    length_at = state.control[c.SPEC_AT] + 8 * LENGTH_CELL
    status = _call(state.control[c.OPEN_RTP + which], context, data_at, length_at)
    return -status if status else state.spec[LENGTH_CELL] & 0xFFFFFFFF


@uncounted
def opened(state: Any, side: int, data_at: int, size: int, control: bool) -> int:
    """Open what came to a side, and count it if it does not bear the peer's key; return its size, less than 0 then."""
    cells = state.sides[side]
    size = crypt(state, 1 if control else 0, cells[c.OPENS], data_at, size)
    if size < 0:
        kind = c.FORGED if size == -FORGED_STATUS else c.MALFORMED
        cells[c.REPLAYED if size in (-REPLAYED_STATUS, -TOO_OLD_STATUS) else kind] += 1
    return size


@uncounted
def protected(state: Any, side: int, data_at: int, size: int, control: bool) -> int:
    """Protect what leaves by a side; return its size, less than 0 where that cannot be."""
    if size + c.TRAILER_BYTES > c.DATAGRAM_BYTES:
        return -1
    return crypt(state, 3 if control else 2, state.sides[side, c.SEALS], data_at, size)
