"""Compiled: is this RTP, is this RTCP, and is it whole (RFC 3550 A.1 and A.2, RFC 5761 s.4)?

The same answers as ``media.rtp.parse`` and ``media.rtcp.parse_compound``, which a property test holds. ``data`` is a
uint8 array of shape (n, width), ``i`` the row, ``size`` its bytes.
"""

from __future__ import annotations

from typing import Any, Final

from voxlab.net.plane.compiling import uncounted

_RTP_HEADER: Final = 12
_SR, _RR, _SDES, _BYE = 200, 201, 202, 203


@uncounted
def is_control(data: Any, i: int, size: int) -> bool:
    """Tell RTCP from RTP where both come to one port."""
    return size > 1 and 192 <= data[i, 1] <= 223


@uncounted
def is_rtp(data: Any, i: int, size: int) -> bool:
    """Tell whether a data packet's version, sources, extension and padding fit its length."""
    if size < _RTP_HEADER or data[i, 0] >> 6 != 2:
        return False
    first = data[i, 0]
    if first == 0x80:
        return True
    start = _RTP_HEADER + 4 * (first & 0x0F)
    if first & 0x10:
        if start + 4 > size:
            return False
        start += 4 + 4 * (data[i, start + 2] * 256 + data[i, start + 3])
    return start <= size and (not first & 0x20 or 0 < data[i, size - 1] <= size - start)


@uncounted
def is_compound(data: Any, i: int, size: int) -> bool:
    """Tell whether a compound packet begins with a report and each of its packets is as long as it says."""
    at = 0
    if size < 8 or (data[i, 1] != _SR and data[i, 1] != _RR):
        return False
    while at < size:
        if at + 4 > size or data[i, at] >> 6 != 2:
            return False
        end = at + 4 + 4 * (data[i, at + 2] * 256 + data[i, at + 3])
        if end > size:
            return False
        body_end = end
        if data[i, at] & 0x20:
            padding = data[i, end - 1]
            if end != size or not 0 < padding <= end - at - 4:
                return False
            body_end -= padding
        if not _is_whole(data, i, at, body_end):
            return False
        at = end
    return True


@uncounted
def _is_whole(data: Any, i: int, at: int, end: int) -> bool:
    """Tell whether a packet has room for what its count announces."""
    count = data[i, at] & 0x1F
    kind = data[i, at + 1]
    body = end - at - 4
    if kind == _SR:
        return body >= 24 + 24 * count
    if kind == _RR:
        return body >= 4 + 24 * count
    if kind == _BYE:
        return body >= 4 * count
    return kind != _SDES or _is_description(data, i, at + 4, end, count)


@uncounted
def _is_description(data: Any, i: int, start: int, end: int, chunks: int) -> bool:
    at = start
    for _ in range(chunks):
        if at + 4 > end:
            return False
        at += 4
        while at < end and data[i, at]:
            if at + 2 > end or at + 2 + data[i, at + 1] > end:
                return False
            at += 2 + data[i, at + 1]
        if at + 1 > end:
            return False
        at = start + ((at - start) | 3) + 1
    return True
