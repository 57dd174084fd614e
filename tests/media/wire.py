"""A wire with a constant delay between two RTP sessions, driven by their own timers: what a host does, in 30 lines."""

from __future__ import annotations

import heapq
from itertools import count
from typing import Any

from voxlab.media.batch import PacketBatch
from voxlab.media.rtp_session import Output, RtpSession, TransmitBatch, TransmitRtcp, TransmitRtp


def session(ssrc: int, **options: Any) -> RtpSession:
    """Make a session whose counters wrap within the first packets."""
    numbers = {"first_sequence": 65530, "first_timestamp": 2**32 - 500}
    return RtpSession(**(numbers | {"ssrc": ssrc, "cname": f"{ssrc:x}@192.0.2.1"} | options))


class Wire:
    """Carries what each session sends to the other."""

    def __init__(self, a: RtpSession, b: RtpSession, delay_s: float = 0.03) -> None:
        self.delay_s = delay_s
        self.events: dict[RtpSession, list[Output]] = {a: [], b: []}
        self.sent: dict[RtpSession, list[Output]] = {a: [], b: []}
        self._peer = {a: b, b: a}
        self._order = count()
        self._flying: list[tuple[float, int, RtpSession, bytes | PacketBatch]] = []

    def run(self, until: float) -> None:
        """Move time forward, event by event."""
        while (now := self._next()) is not None and now <= until:
            while self._flying and self._flying[0][0] <= now:
                _, _, session, sent = heapq.heappop(self._flying)
                session.receive_batch(sent) if isinstance(sent, PacketBatch) else session.receive(sent, now)
            for session in self._peer:
                due = session.next_timeout()
                if due is not None and due <= now:
                    session.handle_timeout(now)
            self.drain(now)

    def _next(self) -> float | None:
        due = [each for session in self._peer if (each := session.next_timeout()) is not None]
        return min([*due, *(at for at, *_ in self._flying[:1])], default=None)

    def drain(self, now: float) -> None:
        """Put what the sessions want to send on the wire, and keep their events."""
        for session, peer in self._peer.items():
            for output in session.poll():
                match output:
                    case TransmitRtp(data) | TransmitRtcp(data):
                        flying: bytes | PacketBatch = data
                    case TransmitBatch(batch):
                        flying = batch.delayed(self.delay_s)
                    case _:
                        self.events[session].append(output)
                        continue
                self.sent[session].append(output)
                heapq.heappush(self._flying, (round(now + self.delay_s, 9), next(self._order), peer, flying))
