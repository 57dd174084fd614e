"""Two line ends again and again: what many phones send so that the binding of a NAT stays alive.

RFC 5626 s.3.5.1 has them for streams; on UDP they are custom (s.3.5.2 has STUN there), and nobody answers. Runs on a
node as a registrant does; must not know registrations.
"""

from __future__ import annotations

from collections.abc import Callable

from voxlab.base.datagram import Flow, Transmit
from voxlab.sip.message import Request, Response

PING = b"\r\n\r\n"


class LineEnds:
    """Pings one flow.

    Parameters
    ----------
    flow : Flow
    every_s : float
    wanted : callable
        Whether to ping, asked each time.
    now : float
    """

    def __init__(self, flow: Flow, every_s: float, wanted: Callable[[], bool], now: float) -> None:
        self._flow = flow
        self._every_s = every_s
        self._wanted = wanted
        self._due_s = now + every_s
        self._is_due = False

    def next_timeout(self) -> float | None:
        """Return when the next ping is due."""
        return self._due_s

    def handle_timeout(self, now: float) -> None:
        """Ping, if it is time."""
        if now >= self._due_s:
            self._due_s = now + self._every_s
            self._is_due = self._wanted()

    def pings(self, now: float) -> list[Transmit]:
        """Drain the ping."""
        due, self._is_due = self._is_due, False
        return [Transmit(self._flow, PING)] if due else []

    # -- what a node tells its clients, and is nothing to this one

    def requests(self) -> list[tuple[Request, Flow]]:
        """Return none."""
        return []

    def receive(self, response: Response, now: float) -> None:
        """Ignore it."""

    def failed(self, cause: str, now: float) -> None:
        """Ignore it."""

    def pong(self, flow: Flow, data: bytes, now: float) -> None:
        """Ignore it: nobody need answer."""
