"""The temper of a device: the faults that are switched on, at work between its node and its wire.

Must not know the catalogue, nor who owns the device.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable, Iterable
from typing import TYPE_CHECKING

from voxlab.base.datagram import Flow, Transmit
from voxlab.base.errors import SipSyntaxError
from voxlab.faults.flaws import Flaw
from voxlab.faults.treatment import Device, Piece, Treatment
from voxlab.sip.parser import parse

if TYPE_CHECKING:
    from voxlab.media.batch import PacketBatch

_ROUNDING_S = 1e-6
"""Loops round timers, which may then fire an instant before the deadline: that is the deadline."""


class Temper:
    """What a device with faults does to what it sends and to what it gets.

    Attributes
    ----------
    faults : dict of str to Treatment
        Those switched on, in the order in which they were.
    """

    def __init__(self) -> None:
        self.faults: dict[str, Treatment] = {}
        self._device = Device(self._keep)
        self._later: list[tuple[float, int, Transmit]] = []
        self._count = 0

    def knows_network(self, is_inside: Callable[[str], bool]) -> None:
        """Take note of which addresses are in the device's own network."""
        self._device.is_inside = is_inside

    def switch_on(self, name: str, treatment: Treatment) -> None:
        """Let a fault work; one of that name that worked already gives way."""
        self.faults[name] = treatment

    def switch_off(self, name: str | None = None) -> None:
        """Take a fault away, or all of them; what was kept back is still sent."""
        for each in [name] if name is not None else list(self.faults):
            treatment = self.faults.pop(each, None)
            if treatment is not None:
                treatment.healed(self._device)

    def leaving(self, transmits: Iterable[Transmit], now: float) -> list[Transmit]:
        """Return what is sent now: what the faults leave of it, and what they have kept until now."""
        out: list[Transmit] = []
        self._device.now = now
        for transmit in transmits:
            for delay_s, data in self._treated(transmit):
                if delay_s:
                    self._keep(transmit.flow, Piece(delay_s, data))
                else:
                    out.append(Transmit(transmit.flow, data))
        while self._later and self._later[0][0] <= now + _ROUNDING_S:
            out.append(heapq.heappop(self._later)[2])
        return out

    def arriving(self, flow: Flow, data: bytes, now: float) -> bytes | None:
        """Return what the node is given in the place of a message, None for nothing."""
        device = self._device
        device.now, device.flow = now, flow
        given: bytes | None = data
        for treatment in list(self.faults.values()):
            if given is None:
                return None
            try:
                message = parse(given)
            except SipSyntaxError:
                return given
            given = treatment.arriving(message, given, device)
        return given

    # -- media

    @property
    def flaws(self) -> list[Flaw]:
        """The faults that are faults of RTP and RTCP."""
        return [treatment for treatment in self.faults.values() if isinstance(treatment, Flaw)]

    def rtp(self, batch: PacketBatch, end: Hashable) -> list[PacketBatch]:
        """Return what an end of this device sends in the place of packets."""
        batches = [batch]
        for flaw in self.flaws:
            batches = [left for each in batches for left in flaw.rtp(each, end) if left.packets]
        return batches

    def rtcp(self, data: bytes, end: Hashable) -> bytes | None:
        """Return what it sends in the place of a compound RTCP packet, None for nothing."""
        left: bytes | None = data
        for flaw in self.flaws:
            left = None if left is None else flaw.rtcp(left, end)
        return left

    # -- what is kept back

    def next_timeout(self) -> float | None:
        """When something kept is to be sent, None for never."""
        return self._later[0][0] if self._later else None

    def _keep(self, flow: Flow, piece: Piece) -> None:
        self._count += 1
        due = self._device.now + piece.delay_s
        heapq.heappush(self._later, (due, self._count, Transmit(flow, piece.data)))

    def _treated(self, transmit: Transmit) -> list[Piece]:
        device = self._device
        device.flow = transmit.flow
        pieces = [Piece(0.0, transmit.data)]
        if transmit.data[0] <= 13:
            return pieces  # keep-alives are no messages
        for treatment in list(self.faults.values()):
            pieces = [
                Piece(delay_s + more_s, left)
                for delay_s, data in pieces
                for more_s, left in treatment.leaving(parse(data), data, device)
            ]
        return pieces
