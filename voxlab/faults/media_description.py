"""Faults of session descriptions (RFC 3264, RFC 8866).

Must not know devices and wires.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from voxlab.faults.edits import with_body
from voxlab.faults.fault import Fault
from voxlab.faults.treatment import Device, Message, Piece, Rewrites, Treatment

FAULTS = (
    Fault("same_version", "a change of the media goes unnoticed: its o= line says that nothing has changed", ("phone",),
          "RFC 3264 s.8", "count the version in o= up with every change", 13),
    Fault("hold_by_zero", "hold is said with c=IN IP4 0.0.0.0 in the manner of RFC 2543", ("phone",),
          "RFC 3264 s.8.4", "say a=sendonly; understand both", 13),
)  # fmt: skip


class _SameVersion(Treatment):
    """Repeats the first o= line of a call."""

    def __init__(self) -> None:
        self._origins: dict[str, bytes] = {}

    def leaving(self, message: Message, data: bytes, device: Device) -> list[Piece]:
        """Put the first o= line into every later description."""
        line = re.search(rb"(?m)^o=[^\r\n]*", message.body)
        if line is None:
            return [Piece(0.0, data)]
        kept = self._origins.setdefault(message.call_id, line.group())
        return [Piece(0.0, with_body(data, message.body.replace(line.group(), kept)))]


def _hold_by_zero(message: Message, data: bytes) -> bytes:
    body = message.body
    if b"a=sendonly" not in body and b"a=inactive" not in body:
        return data
    zero = re.sub(rb"(?m)^c=IN IP[46] [^\r\n]*", b"c=IN IP4 0.0.0.0", body)
    return with_body(data, re.sub(rb"(?m)^a=(sendonly|inactive)\r\n", b"", zero))


TREATMENTS: dict[str, Callable[..., Treatment]] = {
    "same_version": _SameVersion,
    "hold_by_zero": lambda: Rewrites(_hold_by_zero),
}
"""What makes the treatment of each fault, from its parameters."""
