"""Loop detection: the second part of a branch, and where it is looked for (RFC 5393 s.4.2).

Must not know transactions: a branch is text.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from voxlab.base.datagram import Address
from voxlab.sip.message import Request

_MARK = "."


def second_part(uri_text: str, route: str) -> str:
    """Return what tells a loop from a spiral: it varies with whatever the target is determined by.

    Parameters
    ----------
    uri_text, route : str
        The Request-URI as received, and the Route values used.
    """
    return f"{zlib.crc32(f'{uri_text} {route}'.encode('utf-8', 'surrogateescape')):08x}"


def with_second_part(branch: str, part: str) -> str:
    """Return the branch of a request that is passed on."""
    return f"{branch}{_MARK}{part}"


def was_passed_on(branch: str) -> bool:
    """Whether a branch of ours is that of a request passed on, not of one that began here."""
    return _MARK in branch


class LoopDetection:
    """Looks for our own Vias in requests.

    Parameters
    ----------
    sent_by : iterable of Address
        What our Vias name.
    """

    def __init__(self, sent_by: Iterable[Address]) -> None:
        self._ours = {(address.host.lower(), address.port) for address in sent_by}
        self._needles = tuple({f" {address};".lower().encode() for address in sent_by})

    def has_looped(self, request: Request, part: str) -> bool:
        """Whether the request was here before and nothing that decides on its way has changed since."""
        raw = request.raw
        for needle in self._needles:
            if needle in raw:
                return any(
                    (via.host, via.port) in self._ours and (via.branch or "").endswith(_MARK + part)
                    for via in request.vias
                )
        return False
