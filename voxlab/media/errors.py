"""What is wrong with a media packet that a peer sent."""

from __future__ import annotations

from voxlab.base.errors import PeerError


class MediaError(PeerError):
    """An RTP or RTCP packet that is refused: it is counted and dropped, never answered.

    Attributes
    ----------
    reason : str
        The sentence for people.
    rfc : str
        The section that is broken.
    """

    def __init__(self, reason: str, *, rfc: str = "RFC 3550 s.5.1") -> None:
        super().__init__(f"{reason} [{rfc}]")
        self.reason = reason
        self.rfc = rfc
