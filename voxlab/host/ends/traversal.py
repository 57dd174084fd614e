"""What the cloud does for phones behind NATs: a value that its machine, its legs and its media ports share.

RFC 3581 (responses), RFC 3261 s.18.2 and practice (requests go where messages came from, not where a Contact says),
RFC 7362 (latching). Must not know who switches it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from voxlab.base.datagram import Address

RESTRICTED, OPEN, OFF = "restricted", "open", "off"


@dataclass(slots=True)
class Traversal:
    """How the cloud reaches whoever believes to be elsewhere than its messages come from.

    Attributes
    ----------
    follows_sources : bool
        Whether requests to such a phone go where its messages came from; without, where its Contact says.
    latching : str
        Where media to such a phone go: "restricted" latches on the first packet from the host that its signalling
        comes from (RFC 7362 s.5 says why), "open" on the first from anywhere, "off" believes its SDP.
    opened : callable or None
        Told of each port that latches on anybody: strangers try them all.
    """

    follows_sources: bool = True
    latching: str = RESTRICTED
    opened: Callable[[Address], object] | None = None
