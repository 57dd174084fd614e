"""What one line of a description means for a stream: where it goes, and which way (RFC 3264 s.5.1, s.8.4; RFC 3605).

Must not know whose turn it is.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from typing import Final

from voxlab.base.datagram import Address
from voxlab.dialog.media_profile import PLAIN, SECURE
from voxlab.sip.sdp import Media, SessionDescription

NOWHERE: Final = frozenset({"0.0.0.0", "::"})
REVERSED: Final = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}


def usable(description: SessionDescription, media: Media) -> Address | None:
    """Return where RTP goes; None for a refused stream, a name for an address, a profile that we do not speak."""
    where = description.rtp_address(media)
    if where is None or media.protocol not in PLAIN | SECURE or not is_address(where[0]):
        return None
    return Address(*where)


def rtcp_of(description: SessionDescription, media: Media, rtp: Address) -> Address:
    """Return where RTCP goes: a=rtcp where it makes sense, else the next port (RFC 3605 s.2.1)."""
    host, port = description.rtcp_address(media) or (rtp.host, rtp.port + 1)
    return Address(host if is_address(host) else rtp.host, port if 0 < port <= 65_535 else rtp.port)


def direction_seen(theirs: SessionDescription, media: Media) -> str:
    """Return the direction as we see it; with 0.0.0.0 it asks to be sent nothing (RFC 3264 s.8.4)."""
    direction = REVERSED[theirs.direction_of(media)]
    connection = theirs.connection_of(media)
    if connection is None or connection.address not in NOWHERE:
        return direction
    return "recvonly" if direction in {"sendrecv", "recvonly"} else "inactive"


def both(one: str, other: str) -> str:
    """Return what two directions have in common, both seen from here."""
    if other in (one, "sendrecv"):
        return one
    return other if one == "sendrecv" else "inactive"


@lru_cache(maxsize=1024)
def is_address(host: str) -> bool:
    """Whether this is an IP address."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
