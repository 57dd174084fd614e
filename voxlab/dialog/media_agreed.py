"""What offer and answer left for one stream: where, what and how (RFC 3264). Must not know how it came about."""

from __future__ import annotations

from dataclasses import dataclass

from voxlab.base.datagram import Address
from voxlab.dialog.media_profile import SrtpKeys
from voxlab.dialog.reading import NOWHERE
from voxlab.sip.sdp import Codec


@dataclass(frozen=True)
class MediaAgreed:
    """What both ends will send and understand.

    Attributes
    ----------
    local, remote : Address
        Where each end takes RTP.
    remote_rtcp : Address
        Where the far end takes RTCP: a=rtcp, else port + 1 (RFC 3605 s.2.1).
    codec : Codec
        The first common one; its payload type is the one that we send.
    event_payload_type : int or None
        The payload type of telephone events we may send (RFC 4733), None without.
    direction : str
        As we see it: sendrecv, sendonly, recvonly or inactive. A far end at 0.0.0.0 is sent nothing, not even RTCP
        (RFC 3264 s.8.4).
    ptime_ms : int
        Milliseconds of audio in each packet that we send.
    receives : tuple of Codec
        What may arrive, with the payload types under which it does: those of our own description (RFC 3264 s.5.1).
    sends : tuple of Codec
        What may be sent, with the payload types under which the far end takes it.
    rtcp_mux : bool
        Whether RTP and RTCP share a port (RFC 5761).
    xr : bool
        Whether the far end asks for VoIP metrics (RFC 3611 s.5.1).
    keys : SrtpKeys or None
        Of SRTP, None for plain RTP.
    """

    local: Address
    remote: Address
    remote_rtcp: Address
    codec: Codec
    event_payload_type: int | None
    direction: str
    ptime_ms: int
    receives: tuple[Codec, ...] = ()
    sends: tuple[Codec, ...] = ()
    rtcp_mux: bool = False
    xr: bool = False
    keys: SrtpKeys | None = None

    @property
    def noise(self) -> Codec | None:
        """Comfort noise as the far end takes it on the clock of the voice, None without (RFC 3389 s.5.1)."""
        return next(
            (
                each
                for each in self.sends
                if each.encoding.lower() == "cn" and each.clock_rate_hz == self.codec.clock_rate_hz
            ),
            None,
        )

    @property
    def may_pause(self) -> bool:
        """Whether silence need not be sent: the far end takes comfort noise, or its Opus asks for pauses (RFC 7587
        s.6.1).
        """
        theirs = next((each for each in self.sends if each == self.codec), self.codec)
        return self.noise is not None or (
            theirs.encoding.lower() == "opus" and "usedtx=1" in (theirs.parameters or "").replace(" ", "").split(";")
        )

    @property
    def on_hold(self) -> bool:
        """Whether the far end gave 0.0.0.0 or :: as its address: nothing is to be sent there (RFC 3264 s.8.4)."""
        return self.remote.host in NOWHERE
