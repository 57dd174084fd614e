"""The ends of a leg's video: in the cloud it is only passed on, a phone shows a test picture (RFC 3264, RFC 3550).

Each is an end as that of the sound is, with a port of its own, and has a line of the sound's description in the place
of a negotiation of its own. Must not know dialogs or scenarios.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from voxlab.base.datagram import Address
from voxlab.dialog.media_agreed import MediaAgreed
from voxlab.dialog.media_profile import MediaProfile
from voxlab.dialog.video_line import VideoLine
from voxlab.host.ends.cloud_port import CloudPort
from voxlab.host.ends.end import BATCH_S, MediaEnd
from voxlab.host.ends.formats import formats_of
from voxlab.host.ends.place import MediaPlace
from voxlab.host.ends.plane_cloud_port import PlaneCloudPort
from voxlab.host.ends.terminal import Terminal
from voxlab.sip.sdp import Codec as Offered

if TYPE_CHECKING:
    from voxlab.media.codecs import Codec
    from voxlab.media.rtp_session import RtpSession


class OfVideo(MediaEnd):
    """An end whose negotiation is a line of another one's."""

    negotiation: Any

    def _new_negotiation(self, address: Address, codecs: Sequence[Offered], profile: MediaProfile) -> Any:
        return VideoLine(address)

    @property
    def line(self) -> VideoLine:
        """What an end of video has in the place of a negotiation of its own."""
        line: VideoLine = self.negotiation
        return line

    def _agreed(self) -> None:
        if self.line.agreed is None and self._announced is not None:
            self._announced = None
            self.stop()
        super()._agreed()


class CloudVideo(OfVideo, CloudPort):
    """The cloud's end of a leg's video, which passes on."""

    def __init__(self, place: MediaPlace) -> None:
        super().__init__(place)


class PlaneCloudVideo(OfVideo, PlaneCloudPort):
    """The same where there is a media thread, which then passes on."""

    def __init__(self, place: MediaPlace) -> None:
        super().__init__(place)


def cloud_video(place: MediaPlace) -> CloudPort:
    """Return the cloud's end of a leg's video, as its world has it."""
    return CloudVideo(place) if place.batched else PlaneCloudVideo(place)


class VideoTerminal(OfVideo, Terminal):
    """A phone's end of a leg's video: it shows a test picture and counts what comes.

    Its packets are the lab's thread's in both worlds.
    """

    def __init__(self, place: MediaPlace) -> None:
        super().__init__(place, lambda: None)

    def begin(self, agreed: MediaAgreed, first: bool) -> None:
        """Show the picture, or nothing, as the direction says."""
        from voxlab.media.video import TEST_PICTURE

        now, rtp = self.place.loop.time(), self._session()
        shows = agreed.direction in ("sendrecv", "sendonly") and not self.line.holding
        if shows and not rtp.sender.playing:
            rtp.play(TEST_PICTURE, now)
        elif not shows:
            rtp.pause(now)
        self._pump()

    def _new_rtp_session(self, agreed: MediaAgreed) -> RtpSession:
        from voxlab.media.rtp_session import RtpSession
        from voxlab.media.video import FRAME_S, PictureSender

        ids, place = self.place.ids, self.place
        spoken = formats_of((agreed.codec,))[0]
        session = RtpSession(
            ssrc=ids.uint32(),
            first_sequence=ids.uint16(),
            first_timestamp=ids.uint32(),
            ptime_s=FRAME_S,
            cname=f"{place.owner}@{place.host}",
            codec=cast("Codec", spoken),
            formats=formats_of(agreed.receives),
            batch_s=BATCH_S if place.batched else None,
            epoch_s=place.journal.epoch_s,
            spare_ssrc=ids.uint32(),
        )
        session.send_by(PictureSender(session.sender))
        return session
