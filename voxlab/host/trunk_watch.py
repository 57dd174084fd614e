"""What legs say about the trunks that they go over: channels in use, and how gateways are doing (RFC 3263 s.4.3).

Must not know scenarios or requests.
"""

from __future__ import annotations

from voxlab.dialog.events import Answered, Ended, Failed, Progress
from voxlab.elements.node import NodeEvent
from voxlab.platform.gateway import Gateway
from voxlab.platform.usage import Usage


class TrunkWatch:
    """The legs of one cloud that go over trunks."""

    def __init__(self) -> None:
        self._usages: dict[int, Usage] = {}
        self._gateways: dict[int, Gateway] = {}

    def began(self, leg: int, usage: Usage | None, gateway: Gateway | None = None) -> None:
        """Let a leg take a channel, and tell of a gateway."""
        if usage is not None:
            self._usages[leg] = usage
            usage.began((id(self), leg))
        if gateway is not None:
            self._gateways[leg] = gateway

    def take(self, event: NodeEvent, now: float) -> None:
        """Take an event of any leg."""
        if isinstance(event, (Failed, Ended)) and (usage := self._usages.pop(event.leg, None)) is not None:
            usage.ended((id(self), event.leg))
        if isinstance(event, (Progress, Answered, Failed, Ended)):
            gateway = self._gateways.get(event.leg)
            if gateway is not None:
                self._tell(gateway, event, now)

    def _tell(self, gateway: Gateway, event: Progress | Answered | Failed | Ended, now: float) -> None:
        """The first word of a gateway says how it is; what a called party says later is none of its business."""
        if isinstance(event, (Progress, Answered)):
            gateway.health.answered(now, event.response.status, event.response.reason)
        elif isinstance(event, Failed) and event.by_peer and event.status != 503:
            gateway.health.answered(now, event.status, event.reason)
        elif isinstance(event, Failed) and has_failed(event):
            retry = event.response.headers.get("Retry-After", "") if event.response is not None else ""
            digits = (retry or "").partition(";")[0].partition("(")[0].strip()
            gateway.health.failed(now, event.status, event.reason, float(digits) if digits.isdigit() else 0.0)
        if not isinstance(event, Progress):
            self._gateways.pop(event.leg, None)

    def close(self) -> None:
        """Give every channel back."""
        for leg, usage in self._usages.items():
            usage.ended((id(self), leg))
        self._usages.clear()
        self._gateways.clear()


def has_failed(event: Failed) -> bool:
    """Whether an INVITE failed so that the next place is to be tried: 503, no answer at all, transport (s.4.3)."""
    return event.status == 503 or (event.status == 408 and not event.by_peer)


__all__ = ["TrunkWatch", "has_failed"]
