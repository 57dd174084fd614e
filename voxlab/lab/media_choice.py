"""What somebody types about a phone's media, turned into what SDP says: codecs by name, SRTP, keys, packet time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from voxlab.base.errors import VoxlabError
from voxlab.dialog.media_profile import PTIME_MS, MediaProfile
from voxlab.dialog.offer_answer import DEFAULT_CODECS
from voxlab.sip.media_description import (
    COMFORT_NOISE,
    G722,
    H264,
    L16,
    L16_WIDE,
    OPUS,
    PCMA,
    PCMU,
    TELEPHONE_EVENT,
    TELEPHONE_EVENT_OPUS,
    VP8,
    Codec,
)

BY_NAME: Final = {
    "PCMU": PCMU,
    "PCMA": PCMA,
    "G722": G722,
    "opus": OPUS,
    "L16": L16,
    "L16/16000": L16_WIDE,
}
VIDEO_BY_NAME: Final = {"H264": H264, "VP8": VP8}
DTMF: Final = ("rfc4733", "inband", "info")


def codecs_of(names: Any, dtmf: str = "rfc4733", dtx: bool = False) -> tuple[Codec, ...]:
    """Return codecs by their names, the preferred first, with telephone events unless keys go another way.

    With silence suppression there is comfort noise for what has the clock of it, and Opus says that it may pause.

    Raises
    ------
    VoxlabError
        For a name that is none, a codec named twice, no codec, or another way to send keys.
    """
    if dtmf not in DTMF:
        raise VoxlabError(f"a phone sends keys as {' or '.join(DTMF)}, not as {dtmf!r}")
    if names is None:
        chosen = tuple(each for each in DEFAULT_CODECS if each is not TELEPHONE_EVENT or dtmf == "rfc4733")
        return _with_pauses(chosen) if dtx else chosen
    if isinstance(names, str) or not isinstance(names, Sequence) or not names:
        raise VoxlabError(f'codecs are a list of names such as ["opus", "PCMU"], not {names!r}')
    chosen = tuple(_named(each) for each in names)
    if len(set(chosen)) < len(chosen):
        raise VoxlabError(f"each codec is named once, not as in {list(names)}")
    chosen += _events(chosen) if dtmf == "rfc4733" else ()
    return _with_pauses(chosen) if dtx else chosen


def _with_pauses(chosen: tuple[Codec, ...]) -> tuple[Codec, ...]:
    """Return the codecs with what lets them fall silent: RFC 3389 s.5.1, RFC 7587 s.6.1."""
    pausing = tuple(
        each._replace(parameters=f"{each.parameters};usedtx=1") if each == OPUS else each for each in chosen
    )
    narrow = any(each.clock_rate_hz == COMFORT_NOISE.clock_rate_hz and each != TELEPHONE_EVENT for each in chosen)
    return (*pausing, COMFORT_NOISE) if narrow else pausing


def video_of(names: Any) -> tuple[Codec, ...]:
    """Return video formats by their names, the preferred first; all of them for True, none for False.

    Raises
    ------
    VoxlabError
        For a name that is none, and anything else.
    """
    if isinstance(names, bool) or names is None:
        return tuple(VIDEO_BY_NAME.values()) if names else ()
    wanted = [names] if isinstance(names, str) else names
    if not isinstance(wanted, Sequence) or not wanted or len(set(map(str, wanted))) < len(wanted):
        raise VoxlabError(f'video is True, False, or a list of names such as ["VP8", "H264"], not {names!r}')
    unknown = next((each for each in wanted if str(each).upper() not in VIDEO_BY_NAME), None)
    if unknown is not None:
        raise VoxlabError(f"unknown video format {unknown!r}; a phone shows {' and '.join(VIDEO_BY_NAME)}")
    return tuple(VIDEO_BY_NAME[str(each).upper()] for each in wanted)


def _named(name: Any) -> Codec:
    by_lower = {known.lower(): codec for known, codec in BY_NAME.items()}
    if not isinstance(name, str) or name.lower() not in by_lower:
        raise VoxlabError(f"unknown codec {name!r}; a phone speaks {', '.join(BY_NAME)}")
    return by_lower[name.lower()]


def _events(chosen: tuple[Codec, ...]) -> tuple[Codec, ...]:
    """Return telephone events on every clock that a stream here can have (RFC 4733 s.2.2)."""
    wide = (TELEPHONE_EVENT_OPUS,) if OPUS in chosen else ()
    return (TELEPHONE_EVENT, *wide)


def profile_of(
    *, srtp: bool, rtcp_mux: bool, rtcp_xr: bool, ptime_ms: int | None, dtx: bool = False, video: Any = None
) -> MediaProfile:
    """Return how media is to be carried.

    Raises
    ------
    VoxlabError
        For a packet time out of range.
    """
    if ptime_ms is not None and ptime_ms not in PTIME_MS:
        raise VoxlabError(
            f"a packet holds {PTIME_MS.start} to {PTIME_MS.stop - 1} whole milliseconds of sound, not {ptime_ms!r}"
        )
    return MediaProfile(
        srtp="sdes" if srtp else "no",
        rtcp_mux=rtcp_mux,
        xr=rtcp_xr,
        ptime_ms=20 if ptime_ms is None else ptime_ms,
        dtx=dtx,
        video=video_of(video),
    )
