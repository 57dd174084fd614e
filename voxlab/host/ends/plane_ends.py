"""The ends of legs as their world has them: in the live one a media thread may move their packets, where there is one.

The same ends and the same evidence either way. Must not know scenarios.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from voxlab.base.datagram import Address
from voxlab.dialog.media_agreed import MediaAgreed
from voxlab.dialog.media_profile import DEFAULT_PROFILE, MediaProfile
from voxlab.dialog.offer_answer import DEFAULT_CODECS
from voxlab.host.ends.cloud_port import CloudPort
from voxlab.host.ends.on_plane import OnPlane
from voxlab.host.ends.place import MediaPlace
from voxlab.host.ends.plane_cloud_port import PlaneCloudPort
from voxlab.host.ends.terminal import Terminal
from voxlab.sip.sdp import Codec as Offered

if TYPE_CHECKING:
    from voxlab.host.ends.plane_runs import Run
    from voxlab.media.sources import Source


class PlaneTerminal(OnPlane, Terminal):
    """An end where somebody speaks and listens, on time whatever else the program computes."""

    def __init__(
        self,
        place: MediaPlace,
        source: Callable[[], Source | None],
        codecs: Sequence[Offered] = DEFAULT_CODECS,
        profile: MediaProfile = DEFAULT_PROFILE,
    ) -> None:
        super().__init__(place, source, codecs, profile)
        self._enter_plane()

    def begin(self, agreed: MediaAgreed, first: bool) -> None:
        """Start to speak; after a re-INVITE go on, or fall silent, as the direction says."""
        super().begin(agreed, first)
        self._aim()

    def _take(self, run: Run, source: Address) -> None:
        from voxlab.net.plane.cells import FOR_LAB

        if run.fate != FOR_LAB:
            return
        if not run.plain or run.rtcp or not self._takes_batches():
            for data, at_s, _ in run.datagrams():
                self.datagram(data, source, at_s, rtcp=run.rtcp)
        elif not (self.closed and self._rtp is None) and self._is_peer(source, False, run.packets):
            batch = run.batch()
            self._record_foreign_run(run, source, batch)
            self.batch(batch, source, self.place.loop.time())


def cloud_port(place: MediaPlace) -> CloudPort:
    """Return the cloud's end of a leg, as its world has it."""
    return CloudPort(place) if place.batched else PlaneCloudPort(place)


def terminal(
    place: MediaPlace,
    source: Callable[[], Source | None],
    codecs: Sequence[Offered] = DEFAULT_CODECS,
    profile: MediaProfile = DEFAULT_PROFILE,
) -> Terminal:
    """Return a phone's end of a leg, as its world has it."""
    kind = Terminal if place.batched else PlaneTerminal
    return kind(place, source, codecs, profile)


__all__ = ["OnPlane", "PlaneCloudPort", "PlaneTerminal", "cloud_port", "terminal"]
