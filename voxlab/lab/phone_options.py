"""What can be said about a phone when it is made: its behaviour, its transport, what it says, what it supports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from voxlab.base.errors import VoxlabError
from voxlab.dialog.media_profile import MediaProfile
from voxlab.dialog.session_timer import Wishes
from voxlab.elements.phone import Behaviour
from voxlab.elements.registrant import DEFAULT_EXPIRES_S
from voxlab.lab.media_choice import codecs_of, profile_of
from voxlab.lab.nat import Nat
from voxlab.sip.media_description import Codec
from voxlab.transaction.via import LARGEST_DATAGRAM_BYTES

if TYPE_CHECKING:
    from voxlab.media.sources import Source

TRANSPORTS = ("UDP", "TCP", "TLS")
PRACK = ("off", "support", "require")
SILENCE = "silence"
KEEP_ALIVES = ("off", "crlf", "options", "outbound")


@dataclass(frozen=True)
class PhoneOptions:
    """What can be said about a phone; see ``User.phone``."""

    answer_after_s: float | None = None
    busy: bool = False
    decline: bool = False
    ring: bool = True
    patience_s: float | None = None
    transport: str = "UDP"
    audio: Any = None
    password: str | None = None
    do_not_disturb: bool = False
    call_waiting: bool = False
    early_media: bool = False
    delayed_offer: bool = False
    prack: str = "off"
    session_expires_s: int | None = None
    refresher: str = ""
    codecs: Any = None
    dtmf: str = "rfc4733"
    srtp: bool = False
    rtcp_mux: bool = False
    rtcp_xr: bool = False
    ptime_ms: int | None = None
    dtx: bool = False
    video: Any = False
    expires_s: int = DEFAULT_EXPIRES_S
    nat: Any = None
    keep_alive: str | None = None
    keep_alive_every_s: float = 25.0
    path_mtu_bytes: int | None = None
    symmetric_rtp: bool = False

    @property
    def largest_datagram_bytes(self) -> int:
        """What is larger goes over TCP: within 200 bytes of an MTU that is known, else 1300 (RFC 3261 s.18.1.1)."""
        return LARGEST_DATAGRAM_BYTES if self.path_mtu_bytes is None else self.path_mtu_bytes - 200

    @property
    def pings(self) -> str:
        """How it keeps the binding of a NAT alive: with line ends where there is a NAT and nothing else was said."""
        return self.keep_alive or ("crlf" if self.nat is not None else "off")

    @property
    def media(self) -> tuple[tuple[Codec, ...], MediaProfile]:
        """What it speaks, and how that is carried."""
        carried = profile_of(
            srtp=self.srtp,
            rtcp_mux=self.rtcp_mux,
            rtcp_xr=self.rtcp_xr,
            ptime_ms=self.ptime_ms,
            dtx=self.dtx,
            video=self.video,
        )
        return codecs_of(self.codecs, self.dtmf, self.dtx), carried

    @property
    def behaviour(self) -> Behaviour:
        """The part that the phone's table works with."""
        return Behaviour(
            self.answer_after_s,
            self.busy,
            self.decline,
            self.ring,
            self.patience_s,
            self.do_not_disturb,
            self.call_waiting,
        )

    @property
    def wishes(self) -> Wishes:
        """What it asks of the extensions."""
        return Wishes(
            {"off": "", "support": "supported", "require": "required"}[self.prack],
            self.session_expires_s,
            refresher=self.refresher,
        )

    def __repr__(self) -> str:
        said = (
            f"{item.name}={getattr(self, item.name)!r}"
            for item in fields(self)
            if item.name != "password" and getattr(self, item.name) != item.default
        )
        return f"PhoneOptions({', '.join(said)})"


def updated(options: PhoneOptions, given: Mapping[str, Any]) -> PhoneOptions:
    """Return options with some replaced, each checked.

    Raises
    ------
    VoxlabError
        For a time below zero, an unknown transport, or audio that is none.
    """
    changed = replace(options, **given)
    for name, value in (("answer_after", changed.answer_after_s), ("gives_up_after", changed.patience_s)):
        if value is not None and not value >= 0:
            raise VoxlabError(f"{name} takes lab seconds, 0 or more, not {value!r}")
    transport = str(changed.transport).upper()
    if transport not in TRANSPORTS:
        raise VoxlabError(f"a phone speaks {', '.join(TRANSPORTS)}; {changed.transport!r} is none of them")
    if changed.keep_alive is not None and changed.keep_alive not in KEEP_ALIVES:
        raise VoxlabError(f"keep_alive is {', '.join(KEEP_ALIVES)}; {changed.keep_alive!r} is none of them")
    if not changed.keep_alive_every_s >= 1:
        raise VoxlabError(f"keep_alive_every takes seconds, 1 or more, not {changed.keep_alive_every_s!r}")
    if changed.path_mtu_bytes is not None and not 400 <= changed.path_mtu_bytes <= 65_535:
        raise VoxlabError(f"path_mtu takes bytes, 400 to 65535, not {changed.path_mtu_bytes!r}")
    if changed.nat is not None and not isinstance(changed.nat, Nat):
        raise VoxlabError(f"nat is a NAT of the lab, such as lab.nat('home'), not {changed.nat!r}")
    if not 1 <= changed.expires_s < 2**32:
        raise VoxlabError(f"expires takes seconds, 1 to {2**32 - 1}, not {changed.expires_s!r}")
    if changed.prack not in PRACK:
        raise VoxlabError(f"prack is {', '.join(PRACK)}; {changed.prack!r} is none of them")
    _ = changed.wishes, changed.media  # refused here rather than in the next call
    if changed.busy and changed.decline:
        raise VoxlabError("a phone is either busy (486) or declines (603), not both")
    if changed.audio is not None and changed.audio != SILENCE:
        source_of(changed.audio)
    return replace(changed, transport=transport)


def source_of(audio: Any) -> Source | None:
    """Return the source for what a phone is to say; without a word about it, the sample "hello"."""
    from voxlab.media import sources

    if isinstance(audio, str) and audio == SILENCE:
        return None
    if isinstance(audio, sources.Source):
        return audio
    try:
        if audio is None or isinstance(audio, str):
            return sources.speech(audio or "hello").looped()
        return sources.from_samples(audio)
    except (ValueError, TypeError) as error:
        raise VoxlabError(f"this cannot be said: {error}") from None
