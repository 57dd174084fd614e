"""How a leg is heard in the cloud, told from time to time while a call goes on (RFC 3550 s.6.4.1, ITU-T G.107).

Costs nothing where nobody asked. Must not know scenarios.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from voxlab.host.ends.end import MediaEnd
    from voxlab.media.quality import Heard
    from voxlab.media.stream import StreamStatistics


class QualityWatch:
    """Looks at what an end receives, every so many lab seconds.

    Parameters
    ----------
    end : MediaEnd
    every_s : float
    told : callable
        Gets a `Heard` for each interval in which a stream came, or should have come.
    """

    def __init__(self, end: MediaEnd, every_s: float, told: Callable[[Heard], None]) -> None:
        self._end = end
        self._every_s = every_s
        self._told = told
        self._before: dict[int, StreamStatistics] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._wait()

    def _wait(self) -> None:
        loop = self._end.place.loop
        self._timer = loop.call_in_background_at(loop.time() + self._every_s, self._look)

    def _look(self) -> None:
        from voxlab.media.quality import heard_since

        end = self._end
        if end.closed:
            return
        end.place.settle()
        now = end.place.loop.time()
        streams = [seen for _, seen in end.streams()]
        for seen in streams[-1:]:  # the latest source is the one that speaks
            self._told(heard_since(self._before.get(seen.ssrc), seen, now))
        self._before = {seen.ssrc: seen for seen in streams}
        self._wait()

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
