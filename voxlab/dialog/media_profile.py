"""How one end's audio is to be carried, beside its codecs: SRTP, RTCP on the same port, XR, packet time.

RFC 4568 with RTP/SAVP or, where plain RTP will do as well, with RTP/AVP (RFC 8643); RFC 5761 s.5.1; RFC 3611 s.5; RFC
8866 s.6.4. Must not know whose turn it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from voxlab.sip.crypto_attribute import AES_80, Crypto, first_common
from voxlab.sip.sdp import Codec, Media

PLAIN: Final = frozenset({"RTP/AVP", "RTP/AVPF"})
SECURE: Final = frozenset({"RTP/SAVP", "RTP/SAVPF"})
PTIME_MS: Final = range(10, 201)
DEFAULT_PTIME_MS: Final = 20
_OPUS_PTIMES_MS: Final = (10, 20, 40, 60)
_XR: Final = "rtcp-xr:voip-metrics"
_MUX: Final = "rtcp-mux"


class SrtpKeys(NamedTuple):
    """What was agreed on for SRTP: ``local`` protects what we send, ``remote`` what they send."""

    suite: str
    local: bytes
    remote: bytes

    def __repr__(self) -> str:
        return f"SrtpKeys({self.suite})"


@dataclass(frozen=True)
class MediaProfile:
    """What one end wants.

    Attributes
    ----------
    srtp : str
        "no": plain RTP alone. "offer": plain RTP with keys beside it, so that either will do. "sdes": SRTP or nothing.
        An end that is not at "no" takes SRTP when it is offered.
    rtcp_mux : bool
        Whether RTP and RTCP may share a port; it is accepted where it is offered all the same.
    xr : bool
        Whether to ask for VoIP metrics.
    ptime_ms : int
    maxptime_ms : int or None
    dtx : bool
        Whether to fall silent with what is said, where the far end takes that.
    video : tuple of Codec
        What this end shows and sees; () refuses video.
    new_key : callable
        Draws 30 octets.
    """

    srtp: str = "no"
    rtcp_mux: bool = False
    xr: bool = False
    ptime_ms: int = DEFAULT_PTIME_MS
    maxptime_ms: int | None = None
    dtx: bool = False
    video: tuple[Codec, ...] = ()
    new_key: Callable[[], bytes] | None = None

    @property
    def protocol(self) -> str:
        """Of the m-line of an offer."""
        return "RTP/SAVP" if self.srtp == "sdes" else "RTP/AVP"

    def takes(self, media: Media) -> bool:
        """Whether the profile and the keys of a description will do."""
        if media.protocol in SECURE:
            return self.srtp != "no" and first_common(media.crypto) is not None
        return media.protocol in PLAIN and (self.srtp != "sdes" or first_common(media.crypto) is not None)

    def draw(self) -> Crypto | None:
        """Return the key for an offer of ours, None where it is to be plain."""
        return Crypto(1, AES_80, self.new_key()) if self.srtp != "no" and self.new_key is not None else None

    def reply(self, offered: Media) -> Crypto | None:
        """Return our own key under the tag and suite of the offered line that we take, None for plain RTP."""
        chosen = first_common(offered.crypto)
        if chosen is None or self.srtp == "no" or self.new_key is None:
            return None
        return chosen._replace(key=self.new_key())

    def offered_attributes(self, crypto: Crypto | None) -> tuple[str, ...]:
        """Return what an offer says beside codecs and packet time."""
        said = [crypto.text] if crypto else []
        if self.maxptime_ms is not None:
            said.append(f"maxptime:{self.maxptime_ms}")
        return (*said, *([_MUX] if self.rtcp_mux else []), *([_XR] if self.xr else []))

    def answered_attributes(self, offered: Media, crypto: Crypto | None) -> tuple[str, ...]:
        """Return what an answer says: rtcp-mux only where it was offered (RFC 5761 s.5.1.1)."""
        said = [crypto.text] if crypto else []
        return (*said, *([_MUX] if offered.rtcp_mux else []), *([_XR] if self.xr or asks_for_xr(offered) else []))


DEFAULT_PROFILE: Final = MediaProfile()


def asks_for_xr(media: Media) -> bool:
    """Whether a description asks for VoIP metrics (RFC 3611 s.5.1)."""
    return "voip-metrics" in (media.attribute("rtcp-xr") or "").split()


def keys_of(ours: Crypto | None, theirs: Media) -> SrtpKeys | None:
    """Return the keys that a finished negotiation left, None for plain RTP; both lines have one tag and suite."""
    if ours is None:
        return None
    lines = (first_common((value,)) for value in theirs.crypto)
    match = next(
        (line for line in lines if line is not None and (line.tag, line.suite) == (ours.tag, ours.suite)), None
    )
    return SrtpKeys(ours.suite, ours.key, match.key) if match is not None else None


def packet_time_ms(media: Media, codec: Codec) -> int:
    """Return the packet time that they ask for and the codec can, within maxptime (RFC 8866 s.6.4)."""
    asked = media.ptime_ms
    wanted = asked if asked is not None and asked in PTIME_MS else DEFAULT_PTIME_MS
    longest = media.attribute("maxptime") or ""
    if longest.isascii() and longest.isdigit() and len(longest) <= 4:
        wanted = min(wanted, max(PTIME_MS.start, int(longest)))
    if codec.encoding.lower() == "opus":
        return max(each for each in _OPUS_PTIMES_MS if each <= max(wanted, _OPUS_PTIMES_MS[0]))
    return wanted
