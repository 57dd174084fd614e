"""A host that keeps what it hears, with times."""

from __future__ import annotations

from voxlab.base.datagram import Flow


class Ear:
    """Keeps what its network says, and when."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, bytes]] = []
        self.errors: list[tuple[float, str]] = []
        self.ended: list[tuple[float, Flow]] = []

    def rested(self) -> None: ...

    def received(self, flow: Flow, data: bytes, now: float) -> None:
        assert flow.local
        self.heard.append((now, data))

    def transport_error(self, flow: Flow, reason: str, now: float) -> None:
        assert flow.local
        self.errors.append((now, reason))

    def closed_flow(self, flow: Flow, now: float) -> None:
        self.ended.append((now, flow))

    @property
    def chunks(self) -> list[bytes]:
        """What was heard, without times."""
        return [data for _, data in self.heard]
