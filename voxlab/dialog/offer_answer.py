"""Offer and answer for one leg's audio: who has offered, what was answered, what is agreed (RFC 3264; RFC 8866).

Must not know who sends the descriptions, nor packets: what is agreed comes out as ``MediaAgreed`` for whoever runs the
media.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from functools import lru_cache

from voxlab.base.datagram import Address
from voxlab.base.errors import VoxlabError
from voxlab.dialog.media_agreed import MediaAgreed
from voxlab.dialog.media_profile import DEFAULT_PROFILE, SECURE, MediaProfile, asks_for_xr, keys_of, packet_time_ms
from voxlab.dialog.reading import REVERSED, both, direction_seen, rtcp_of, usable
from voxlab.dialog.video_line import VideoLine, offered_video
from voxlab.sip.crypto_attribute import Crypto
from voxlab.sip.sdp import PCMA, PCMU, TELEPHONE_EVENT, Codec, Connection, Media, Origin, SessionDescription

DEFAULT_CODECS = (PCMU, PCMA, TELEPHONE_EVENT)
_NO_VOICE = frozenset({"telephone-event", "cn"})


class State(IntEnum):
    """Whose turn it is (RFC 3264 s.4: one offer at a time)."""

    IDLE = 0
    OFFERED = 1
    HAVE_OFFER = 2
    AGREED = 3


class Negotiation:
    """The offers and answers of one leg, from the view of the end at ``address``.

    Parameters
    ----------
    address : Address
        Where this end takes RTP.
    session_id : int
        The sess-id of our o= line; its version counts up whenever what we say changes (RFC 3264 s.8).
    codecs : sequence of Codec
        What this end speaks, the preferred first.
    profile : MediaProfile
        How it is to be carried.

    Attributes
    ----------
    holding : bool
        Whether this end has put the call on hold: it wants to hear nothing (RFC 3264 s.8.4).
    takes_besides : tuple of Codec
        What it accepts and does not offer.
    """

    def __init__(
        self,
        address: Address,
        session_id: int,
        codecs: Sequence[Codec] = DEFAULT_CODECS,
        profile: MediaProfile = DEFAULT_PROFILE,
    ) -> None:
        self.profile = profile
        self._crypto: Crypto | None = None
        self.address = address
        self.codecs = tuple(codecs)
        self.takes_besides: tuple[Codec, ...] = ()
        self.state = State.IDLE
        self.agreed: MediaAgreed | None = None
        self.remote: SessionDescription | None = None
        self._session_id = session_id
        self._version = 0
        self._last = b""
        self._said: tuple[Media, ...] = ()
        self._offered: tuple[Codec, ...] = ()
        self._at = 0
        self._video_at = -1
        self.video: VideoLine | None = None
        self.holding = False
        self._before: tuple[State, tuple[Codec, ...], SessionDescription | None, int] = (State.IDLE, (), None, 0)

    # -- we offer

    def offer(self, codecs: Sequence[Codec] | None = None, direction: str = "sendrecv") -> bytes:
        """Return our offer; asked again before it is answered, the same one. On hold it asks to be sent nothing.

        Raises
        ------
        VoxlabError
            The far end's offer waits for our answer.
        """
        if self.state is State.HAVE_OFFER:
            raise VoxlabError("the far end's offer has to be answered before there can be one of ours (RFC 3264 s.4)")
        if self.state is not State.OFFERED:
            self._remember()
            self._offered = tuple(codecs or self.codecs)
            self.state = State.OFFERED
            self._crypto = self._crypto or self.profile.draw()
        audio = Media.audio(
            self.address.port,
            self._offered,
            direction=self._willing(direction),
            ptime_ms=self.profile.ptime_ms,
            protocol=self.profile.protocol,
            more=self.profile.offered_attributes(self._crypto),
        )
        # RFC 3264 s.8: an m-line stays where it is; those refused before are offered with port 0.
        media = [line._replace(port=0, attributes=()) for line in self._said] or [audio]
        media[self._at] = audio
        self._offer_video(media, direction)
        return self._describe(tuple(media))

    def _offer_video(self, media: list[Media], direction: str) -> None:
        """Put our line of video in the place that it had, or behind the others."""
        if self.video is None or not self.video.codecs:
            return
        self.video.holding = self.holding
        line = self.video.offer(direction)
        had = (at for at, each in enumerate(media) if each.type == "video" and at != self._at)
        self._video_at = next(had, len(media))
        media[self._video_at : self._video_at + 1] = [line]

    def offer_again(self) -> bytes:
        """Return what we described last, as an offer that changes nothing: the same o= line (RFC 4028 s.7.4)."""
        if self.state is not State.AGREED:
            return self.offer()
        self._remember()
        self._offered = self._said[self._at].codecs()
        self.state = State.OFFERED
        return self._last

    def withdraw(self) -> None:
        """Go back to what was agreed before the offer that is under way, ours or theirs (RFC 6141 s.3.1)."""
        if self.state in {State.OFFERED, State.HAVE_OFFER}:
            self.state, self._offered, self.remote, self._at = self._before

    def _remember(self) -> None:
        self._before = (self.state, self._offered, self.remote, self._at)

    def take_answer(self, answer: SessionDescription) -> MediaAgreed | None:
        """Take the answer to our offer; None, and nothing changes, when it accepts nothing of it.

        A later answer replaces an earlier one (another early dialog of a fork).
        """
        if self.state not in {State.OFFERED, State.AGREED} or not self._offered or len(answer.media) <= self._at:
            return None
        media = answer.media[self._at]
        agreed = self._agree(answer, media, _shared(media.codecs(), self._offered), self._offered)
        if agreed is not None and self.video is not None and self._video_at >= 0:
            refused = len(answer.media) <= self._video_at
            self.video.refuse() if refused else self.video.take_answer(answer, answer.media[self._video_at])
        return agreed

    # -- they offer

    def take_offer(self, offer: SessionDescription) -> bool:
        """Take the far end's offer; False, and nothing changes, when no audio stream of it can be answered (488)."""
        if self.state is State.OFFERED:
            return False  # glare: both have offered (RFC 3261 s.14.1)
        for at, media in enumerate(offer.media):
            if media.type == "audio" and usable(offer, media) and self.profile.takes(media) and self._common(media):
                if self.state is not State.HAVE_OFFER:
                    self._remember()
                self._at = at
                self.remote = offer
                self.state = State.HAVE_OFFER
                return True
        return False

    def is_refresh(self, offer: SessionDescription) -> bool:
        """Whether an offer is what they described last: the same o= line, so that nothing changes (RFC 3264 s.8)."""
        return self.state is State.AGREED and self.remote is not None and self.remote.origin == offer.origin

    def offered_direction(self) -> str:
        """Return the direction that the far end described, as it sees it; an address of 0.0.0.0 makes it hold."""
        if self.remote is None or not self.remote.media:
            return "sendrecv"
        return REVERSED[direction_seen(self.remote, self.remote.media[self._at])]

    @property
    def says_hold(self) -> bool:
        """Whether our last description asks to be sent nothing."""
        return bool(self._said) and self._said[self._at].direction in {"sendonly", "inactive"}

    @property
    def says_hold_before(self) -> bool:
        """Whether what stands, without the offer that was refused, keeps the far end on hold."""
        return self.agreed is not None and self.agreed.direction in {"sendonly", "inactive"}

    def current_codecs(self) -> tuple[Codec, ...]:
        """Return what is agreed on, for an offer that keeps it; () before anything is."""
        if self.agreed is None:
            return ()
        return (self.agreed.codec, *_beside(self.agreed.receives))

    def offered_media(self) -> Media | None:
        """Return how the far end described its audio, None before it did."""
        return self.remote.media[self._at] if self.remote is not None and self.remote.media else None

    def offered_video(self) -> Media | None:
        """Return the far end's line of video, None where it offers none that can be answered."""
        return offered_video(self.remote)

    def offered_codecs(self) -> tuple[Codec, ...]:
        """Return what the far end's offer names for audio, all of it; () without an offer."""
        if self.remote is None or not self.remote.media:
            return ()
        return self.remote.media[self._at].codecs()

    def answer(
        self,
        prefer: Codec | None = None,
        *,
        relayed: bool = False,
        direction: str = "sendrecv",
        noise: bool = True,
    ) -> bytes:
        """Return our answer to the offer taken: the codecs common to both, in the offer's order (RFC 3264 s.6.1).

        Asked again before there is another offer, the same one.

        Parameters
        ----------
        prefer : Codec or None
            The one that the other leg of a bridge agreed on: the only audio codec of the answer, so that nothing need
            be transcoded.
        relayed : bool
            Whether ``prefer`` is acceptable though this end does not speak it: its packets are only passed on.
        direction : str
            The most that this end can do: what the other leg of a bridge leaves possible.
        noise : bool
            Whether comfort noise can be taken: in a bridge only if the other leg takes it (RFC 3389 s.5.1).

        Raises
        ------
        VoxlabError
            The far end has made no offer.
        """
        if self.state is State.AGREED and not self._offered:
            return self._last
        if self.state is not State.HAVE_OFFER or self.remote is None:
            raise VoxlabError("there is no offer to answer")
        offered = self.remote.media[self._at]
        spoken = self._chosen(offered, prefer, relayed, noise)
        direction = both(direction_seen(self.remote, offered), self._willing(direction))
        self._crypto = self._replied(offered)
        answers = tuple(
            Media.audio(
                self.address.port,
                spoken,
                direction=direction,
                ptime_ms=self.profile.ptime_ms,
                protocol=media.protocol,
                more=self.profile.answered_attributes(offered, self._crypto),
            )
            if at == self._at
            else self._answer_beside(media, direction)
            for at, media in enumerate(self.remote.media)
        )
        self._offered = ()
        self._agree(self.remote, offered, spoken, spoken, direction)
        return self._describe(answers)

    def _answer_beside(self, media: Media, direction: str) -> Media:
        """Return our answer to another line than that of audio: port 0 refuses it (RFC 3264 s.6)."""
        line = None
        if self.video is not None and self.remote is not None:
            if media is self.offered_video():
                line = self.video.answer(self.remote, media, direction)
            elif self.offered_video() is None:
                self.video.refuse()
        return line or Media(media.type, 0, media.protocol, media.formats)

    def _replied(self, offered: Media) -> Crypto | None:
        """Return our key for an answer: the one in use as long as tag and suite stay (RFC 4568 s.7.1.4)."""
        reply, before = self.profile.reply(offered), self._crypto
        if reply is not None and before is not None and (before.tag, before.suite) == (reply.tag, reply.suite):
            return before
        return reply

    def _common(self, media: Media) -> tuple[Codec, ...]:
        return _audio(_shared(media.codecs(), self.codecs))

    def _chosen(self, offered: Media, prefer: Codec | None, relayed: bool, noise: bool) -> tuple[Codec, ...]:
        return _answered(offered.codecs(), (*self.codecs, *self.takes_besides), prefer, relayed, noise)

    def _willing(self, direction: str) -> str:
        return both(direction, "sendonly") if self.holding else direction

    # -- what is agreed

    def _agree(
        self,
        theirs: SessionDescription,
        media: Media,
        spoken: Sequence[Codec],
        receives: Sequence[Codec],
        direction: str = "",
    ) -> MediaAgreed | None:
        audio = _audio(tuple(spoken))
        remote, keys = usable(theirs, media), keys_of(self._crypto, media)
        if remote is None or not audio or (keys is None and (media.protocol in SECURE or self.profile.srtp == "sdes")):
            return None
        event = _event_for(audio[0], tuple(spoken))
        mux = media.rtcp_mux and (self.profile.rtcp_mux or not self._offered)
        self.remote = theirs
        self.state = State.AGREED
        self.agreed = MediaAgreed(
            self.address,
            remote,
            remote if mux else rtcp_of(theirs, media, remote),
            audio[0],
            event.payload_type if event else None,
            direction or self._willing(direction_seen(theirs, media)),
            packet_time_ms(media, audio[0]),
            tuple(receives),
            tuple(spoken),
            mux,
            asks_for_xr(media),
            keys,
        )
        return self.agreed

    def _describe(self, media: tuple[Media, ...]) -> bytes:
        connection = Connection.to(self.address.host)
        origin = Origin("-", self._session_id, self._version, "IN", connection.address_type, self.address.host)
        if self._last and media != self._said:
            # RFC 3264 s.8: the version goes up by one whenever what we say changes, and only then.
            self._version += 1
            origin = origin._replace(session_version=self._version)
        self._said = media
        self._last = SessionDescription(origin, media, connection).to_bytes()
        return self._last

    def __repr__(self) -> str:
        what = f": {self.agreed.codec.encoding} with {self.agreed.remote}" if self.agreed else ""
        return f"Negotiation({self.state.name.lower()}{what})"


# Devices offer the same codecs in every call, so what follows from them is worked out once.


@lru_cache(maxsize=1024)
def _shared(codecs: tuple[Codec, ...], among: tuple[Codec, ...]) -> tuple[Codec, ...]:
    """Return the codecs that are among others, in their order; payload types are each side's own (RFC 3264 s.5.1)."""
    known = {(codec.encoding.lower(), codec.clock_rate_hz, codec.channels) for codec in among}
    return tuple([codec for codec in codecs if (codec.encoding.lower(), codec.clock_rate_hz, codec.channels) in known])


@lru_cache(maxsize=1024)
def _audio(codecs: tuple[Codec, ...]) -> tuple[Codec, ...]:
    return tuple([codec for codec in codecs if codec.encoding.lower() not in _NO_VOICE])


@lru_cache(maxsize=1024)
def _events(codecs: tuple[Codec, ...]) -> tuple[Codec, ...]:
    return tuple([codec for codec in codecs if codec.encoding.lower() == "telephone-event"])


@lru_cache(maxsize=1024)
def _beside(codecs: tuple[Codec, ...], noise: bool = True) -> tuple[Codec, ...]:
    """Return what goes with a voice: telephone events, and comfort noise unless nobody could make use of it."""
    names = _NO_VOICE if noise else _NO_VOICE - {"cn"}
    return tuple([codec for codec in codecs if codec.encoding.lower() in names])


@lru_cache(maxsize=1024)
def _event_for(audio: Codec, codecs: tuple[Codec, ...]) -> Codec | None:
    """Return the telephone events on the clock of the audio codec (RFC 4733 s.2.2), else any, else None."""
    events = _events(codecs)
    return next((each for each in events if each.clock_rate_hz == audio.clock_rate_hz), next(iter(events), None))


@lru_cache(maxsize=1024)
def _answered(
    codecs: tuple[Codec, ...], own: tuple[Codec, ...], prefer: Codec | None, relayed: bool, noise: bool
) -> tuple[Codec, ...]:
    """Return the codecs of an answer: the preferred one alone where there is one, else all that are common."""
    spoken = own if prefer is None or not relayed else (*own, prefer)
    audio = _audio(_shared(codecs, spoken))
    if prefer is not None:
        audio = _shared(audio, (prefer,))[:1]
    return (audio or _audio(_shared(codecs, own))) + _beside(_shared(codecs, own), noise)
