"""RTP sequence numbers and timestamps without their wrap (RFC 3550 s.5.1, A.1).

Must not know packets, loss or time: counters of 16 and 32 bits that start anywhere.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from voxlab.kernels._jit import kernel

Counter = npt.NDArray[np.int64]

SEQUENCE_BITS: Final = 16
TIMESTAMP_BITS: Final = 32


def _unwrap_by_differences(values: Counter, bits: int, reference: int, extended: Counter) -> None:
    modulus = 1 << bits
    half = modulus >> 1
    steps = np.diff(values, prepend=reference)
    np.cumsum(((steps + half) & (modulus - 1)) - half, out=extended)
    extended += reference


@kernel("void(Array(int64, 1, 'C', True), int64, int64, int64[::1])", twin=_unwrap_by_differences)
def _unwrap(values: Counter, bits: int, reference: int, extended: Counter) -> None:
    mask = (1 << bits) - 1
    half = 1 << (bits - 1)
    previous = reference
    for i in range(values.size):
        previous += ((values[i] - previous + half) & mask) - half
        extended[i] = previous


def unwrap(values: npt.NDArray[Any], bits: int, reference: int | None = None) -> Counter:
    """Extend a counter past its wrap: each value is taken as the one nearest to the value before.

    Parameters
    ----------
    values : unsigned or int64 array, shape (n,)
        Counter values modulo 2**bits, in order of arrival.
    bits : int
        `SEQUENCE_BITS` or `TIMESTAMP_BITS`; 2 to 32.
    reference : int, optional
        The extended value before the first one; the first value itself when absent.

    Returns
    -------
    int64 array, shape (n,)
        Equal to ``values`` modulo 2**bits; neighbours differ by less than half the range. Negative where a stream
        begins with packets from before a wrap.
    """
    if not 2 <= bits <= 32:
        raise ValueError(f"a counter has 2 to 32 bits here, not {bits}")
    column = np.ascontiguousarray(values, dtype=np.int64)
    if column.ndim != 1:
        raise ValueError(f"a column has one dimension, not {column.ndim}")
    extended = np.empty_like(column)
    if column.size:
        _unwrap(column, bits, int(column[0]) if reference is None else reference, extended)
    return extended


def unwrap_one(value: int, bits: int, reference: int) -> int:
    """Return the number nearest to ``reference`` that equals ``value`` modulo 2**bits."""
    half = 1 << (bits - 1)
    return reference + ((value - reference + half) & ((1 << bits) - 1)) - half
