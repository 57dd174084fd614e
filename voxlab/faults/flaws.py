"""What one fault does to the RTP and RTCP that a device sends: the twin of a treatment of messages (RFC 3550 s.5, s.6).

Packets come as columns, in the live world one row at a time, so each flaw is written once. Must not know ports,
sessions or worlds.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Generic, TypeVar

from voxlab.faults.treatment import Treatment

if TYPE_CHECKING:
    from voxlab.media.batch import PacketBatch

M = TypeVar("M")
_ENDS = 200


class Flaw(Treatment):
    """A fault of media at work on one device. This one changes nothing."""

    def rtp(self, batch: PacketBatch, end: Hashable) -> list[PacketBatch]:
        """Return what is sent in the place of packets; ``end`` tells the device's calls apart."""
        return [batch]

    def rtcp(self, data: bytes, end: Hashable) -> bytes | None:
        """Return what is sent in the place of a compound RTCP packet, None for nothing."""
        return data


class Remembering(Flaw, Generic[M]):
    """A flaw that has to know what it did before, call by call.

    Parameters
    ----------
    new : callable
        Returns the memory of a call that begins.
    flaw : callable
        Returns what is sent in the place of packets, given them and that memory, which it may change.
    """

    def __init__(self, new: Callable[[], M], flaw: Callable[[PacketBatch, M], list[PacketBatch]]) -> None:
        self._new = new
        self._flaw = flaw
        self._memories: dict[Hashable, M] = {}

    def rtp(self, batch: PacketBatch, end: Hashable) -> list[PacketBatch]:
        """Treat packets with what is known of their call."""
        memory = self._memories.get(end)
        if memory is None:
            memory = self._memories[end] = self._new()
            if len(self._memories) > _ENDS:
                del self._memories[next(iter(self._memories))]
        return self._flaw(batch, memory)


class Plain(Flaw):
    """A flaw that needs no memory."""

    def __init__(self, flaw: Callable[[PacketBatch], list[PacketBatch]]) -> None:
        self._flaw = flaw

    def rtp(self, batch: PacketBatch, end: Hashable) -> list[PacketBatch]:
        """Treat packets."""
        return self._flaw(batch)


class NoReports(Flaw):
    """Sends no RTCP."""

    def rtcp(self, data: bytes, end: Hashable) -> bytes | None:
        """Send nothing."""
        return None


def is_event(batch: PacketBatch) -> bool:
    """Whether these are telephone events: four octets, an event that there is (RFC 4733 s.2.3)."""
    return batch.payload.shape[1] == 4 and bool((batch.payload[:, 0] <= 16).all())
