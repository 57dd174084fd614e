"""How much of a trunk is in use: calls at once, and calls begun within a second, each against its limit.

Must not know SIP: who begins and ends a call says so, with the time.
"""

from __future__ import annotations

from collections import deque

from voxlab.base.errors import VoxlabError

_WINDOW_S = 1.0


class Usage:
    """The calls of one trunk, in both directions.

    Attributes
    ----------
    channels : int or None
        So many calls at once; None for any number.
    calls_per_second : int or None
        So many may begin within any second.
    """

    def __init__(self, channels: int | None = None, calls_per_second: int | None = None) -> None:
        self.channels: int | None = None
        self.calls_per_second: int | None = None
        self.peak = 0
        self._calls: set[object] = set()
        self._begun: deque[float] = deque()
        self.limit(channels, calls_per_second)

    def limit(self, channels: int | None, calls_per_second: int | None) -> None:
        """Set both limits; calls that stand go on."""
        for name, value in (("channels", channels), ("calls_per_second", calls_per_second)):
            given: object = value
            if given is not None and not (isinstance(given, int) and given >= 0):
                raise VoxlabError(f"{name} takes a whole number, 0 or more, or None for no limit, not {value!r}")
        self.channels, self.calls_per_second = channels, calls_per_second

    @property
    def calls(self) -> int:
        """How many calls there are now."""
        return len(self._calls)

    def refusal(self, now: float) -> str | None:
        """Return why one more call cannot begin, None if it can."""
        if self.channels is not None and self.calls >= self.channels:
            return f"all {self.channels} channels are in use"
        begun = self._begun
        while begun and begun[0] <= now - _WINDOW_S:
            begun.popleft()
        if self.calls_per_second is not None and len(begun) >= self.calls_per_second:
            return f"more than {self.calls_per_second} calls within a second"
        return None

    def admitted(self, now: float) -> None:
        """Count a call that begins towards the calls of a second."""
        if self.calls_per_second is not None:
            self._begun.append(now)

    def began(self, call: object) -> None:
        """Let a call take a channel, under a name of its own."""
        self._calls.add(call)
        self.peak = max(self.peak, len(self._calls))

    def ended(self, call: object) -> None:
        """Give a call's channel back; one that has none gives none."""
        self._calls.discard(call)

    def __str__(self) -> str:
        counted = f"{self.calls} call{'' if self.calls == 1 else 's'}"
        parts = [counted if self.channels is None else f"{self.calls} of {self.channels} channels"]
        if self.calls_per_second is not None:
            parts.append(f"{self.calls_per_second}/s at most")
        return ", ".join(parts)
