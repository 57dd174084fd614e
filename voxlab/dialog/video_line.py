"""The video of one leg: one m-line of its descriptions, offered, answered or refused (RFC 3264 s.6; RFC 6184 s.8.2.2).

H.264 (RFC 6184) and VP8 (RFC 7741) as plain RTP. Must not know the other lines, nor packets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from voxlab.base.datagram import Address
from voxlab.dialog.media_agreed import MediaAgreed
from voxlab.dialog.media_profile import DEFAULT_PROFILE, PLAIN, MediaProfile
from voxlab.dialog.reading import both, direction_seen, rtcp_of, usable
from voxlab.sip.sdp import Codec, Media, SessionDescription

KNOWN: Final = frozenset({"h264", "vp8"})
_FEEDBACK: Final = "rtcp-fb"


class VideoLine:
    """What one end says of its video.

    Parameters
    ----------
    address : Address
        Where it takes RTP.
    codecs : sequence of Codec
        What it can show, the preferred first; nothing for an end that only passes on.

    Attributes
    ----------
    agreed : MediaAgreed or None
        None while there is no video, or where it was refused.
    holding : bool
        Whether the call is on hold: nothing is to be shown.
    profile : MediaProfile
        How it is carried: plain.
    """

    profile: MediaProfile = DEFAULT_PROFILE

    def __init__(self, address: Address, codecs: Sequence[Codec] = ()) -> None:
        self.address = address
        self.codecs = tuple(codecs)
        self.agreed: MediaAgreed | None = None
        self.holding = False
        self._protocol = "RTP/AVP"
        self._feedback: tuple[str, ...] = ()

    def carry_like(self, offered: Media) -> None:
        """Offer what the other leg of a bridge was offered, to the letter: it is only passed on."""
        self.codecs = _known(offered)
        self._protocol = offered.protocol
        self._feedback = tuple(f"{_FEEDBACK}:{each}" for each in offered.attribute_values(_FEEDBACK))

    def offer(self, direction: str = "sendrecv") -> Media:
        """Return our line of an offer."""
        return self._line(self.codecs, direction, self._protocol)

    def _line(self, codecs: Sequence[Codec], direction: str, protocol: str) -> Media:
        said = both(direction, "sendonly") if self.holding else direction
        made = Media.audio(
            self.address.port, codecs, direction=said, ptime_ms=None, protocol=protocol, more=self._feedback
        )
        return made._replace(type="video")

    def answer(self, theirs: SessionDescription, offered: Media, direction: str = "sendrecv") -> Media | None:
        """Return our line of an answer; None, and there is no video, where nothing of the offer will do."""
        common = _shared(offered.codecs(), self.codecs)
        seen = both(direction_seen(theirs, offered), direction)
        if self._agree(theirs, offered, common, common, seen) is None:
            return None
        return self._line(common, seen, offered.protocol)

    def take_answer(self, theirs: SessionDescription, media: Media) -> None:
        """Take the far end's answer to our line; port 0 refuses it."""
        self._agree(theirs, media, _shared(media.codecs(), self.codecs), self.codecs, direction_seen(theirs, media))

    def refuse(self) -> None:
        """Go without video."""
        self.agreed = None

    def _agree(
        self,
        theirs: SessionDescription,
        media: Media,
        sends: tuple[Codec, ...],
        receives: tuple[Codec, ...],
        direction: str,
    ) -> MediaAgreed | None:
        remote = usable(theirs, media)
        self.agreed = None
        if remote is not None and sends and media.type == "video" and media.protocol in PLAIN:
            rtcp = remote if media.rtcp_mux else rtcp_of(theirs, media, remote)
            self.agreed = MediaAgreed(
                self.address, remote, rtcp, sends[0], None, direction, 0, tuple(receives), tuple(sends)
            )
        return self.agreed


def offered_video(theirs: SessionDescription | None) -> Media | None:
    """Return the first line of video that can be answered; None without."""
    for media in theirs.media if theirs is not None else ():
        if media.type == "video" and media.protocol in PLAIN and theirs is not None and usable(theirs, media):
            return media if _known(media) else None
    return None


def _known(media: Media) -> tuple[Codec, ...]:
    return tuple(each for each in media.codecs() if each.encoding.lower() in KNOWN)


def _shared(codecs: Sequence[Codec], among: Sequence[Codec]) -> tuple[Codec, ...]:
    """Return the codecs that are among others, in their order, under their own payload types."""
    known = {_identity(each) for each in among}
    return tuple(each for each in codecs if _identity(each) in known)


def _identity(codec: Codec) -> tuple[str, int, str]:
    """Return what both sides must have alike: of H.264 the packetization mode, too (RFC 6184 s.8.2.2)."""
    name = codec.encoding.lower()
    words = (word.partition("=") for word in (codec.parameters or "").replace(" ", "").split(";"))
    mode = next((value for key, _, value in words if key == "packetization-mode"), "0") if name == "h264" else ""
    return name, codec.clock_rate_hz, mode
