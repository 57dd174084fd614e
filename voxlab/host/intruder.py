"""A stranger who sends RTP to media ports before the caller does, to be sent the call's audio (RFC 7362 s.5).

Must not know the cloud: it is told which port is open, as if it tried them all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from voxlab.base.datagram import Address
from voxlab.host.ends.place import MediaPlace
from voxlab.net.network import MediaPort

_SSRC = 0xBADC0DE5


class Intruder:
    """Someone on the internet with a media port.

    Parameters
    ----------
    place : callable
        Returns where it lives; asked when it is first needed.

    Attributes
    ----------
    packets : int
        What it was sent.
    """

    def __init__(self, place: Callable[[], MediaPlace]) -> None:
        self._place = place
        self._port: MediaPort | None = None
        self.packets = 0

    def tries(self, target: Address) -> None:
        """Send one packet to a port, as one of many that are tried."""
        from voxlab.media.rtp import RtpPacket, pack

        if self._port is None:
            place = self._place()
            self._port = place.network.open_media(place.owner, place.host, self)
        packet = RtpPacket(0, 1, 160, _SSRC, b"\xff" * 160, marker=True)
        self._port.send(pack(packet), target)

    def datagram(self, data: bytes, source: Address, arrival_s: float, *, rtcp: bool) -> None:
        """Count what comes."""
        self.packets += 1

    def batch(self, batch: Any, source: Address, now: float) -> None:
        """Count what comes."""
        self.packets += len(batch.time_ns)

    def reroute(self) -> None:
        """Nothing to do: it sends packet by packet."""

    def close(self) -> None:
        """Go away."""
        if self._port is not None:
            self._port.close()
            self._port = None
