"""From how a leg is heard to what its scenario is told: ``AudioQuality``, ``AudioQualityDetected``.

Looks only once somebody listens. Must not know packets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxlab.base.errors import VoxlabError
from voxlab.scenario.belonging import Belonging
from voxlab.scenario.events import AudioQuality, AudioQualityDetected, CallEvent

if TYPE_CHECKING:
    from voxlab.media.quality import Heard
    from voxlab.scenario.leg import Leg

SHORTEST_S = 0.1
KINDS: tuple[type[CallEvent], ...] = (AudioQuality, AudioQualityDetected)


class QualityEvents(Belonging):
    """The quality of one leg."""

    def __init__(self, leg: Leg) -> None:
        super().__init__(leg)
        self.every_s = 5.0
        self._wanted = False
        self._detected = ""

    def set_every(self, every_s: float) -> None:
        """Tell it every so many lab seconds.

        Raises
        ------
        VoxlabError
            More often than ten times a second.
        """
        if not every_s >= SHORTEST_S:
            raise VoxlabError(f"quality_every_s takes {SHORTEST_S} lab seconds or more, not {every_s!r}")
        self.every_s = float(every_s)

    def wanted(self, event: type[CallEvent]) -> None:
        """Take notice that somebody listens to such events."""
        if event in KINDS and not self._wanted:
            self._wanted = True
            self.begin()

    def begin(self) -> None:
        """Look from now on, if the leg stands and somebody listens."""
        media = self._leg.media
        if self._wanted and media is not None and self._leg.state == "CONNECTED":
            media.watch(self.every_s, self._heard)

    def _heard(self, heard: Heard) -> None:
        leg = self._leg
        kind = "HD" if heard.wideband else "Standard"
        if heard.packets and kind != self._detected:
            self._detected = kind
            leg.listeners.tell(AudioQualityDetected(leg, kind, heard.codec))
        r, mos, model = heard.quality or (None, None, "")
        counts = heard.packets, heard.lost, heard.late
        leg.listeners.tell(AudioQuality(leg, heard.codec, *counts, heard.jitter_ms, r, mos, model))
