"""A phone's end of a leg's audio: somebody speaks and listens (RFC 3550, RFC 3264 s.8.4).

Must not know dialogs: what is agreed starts, changes or pauses what is said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from voxlab.base.datagram import Address, is_private
from voxlab.base.records import MediaBlocked
from voxlab.dialog.media_agreed import MediaAgreed
from voxlab.dialog.media_profile import DEFAULT_PROFILE, MediaProfile
from voxlab.dialog.offer_answer import DEFAULT_CODECS
from voxlab.host.ends.end import MediaEnd
from voxlab.host.ends.formats import event_format, formats_of, spoken_codec
from voxlab.host.ends.place import MediaPlace
from voxlab.sip.sdp import Codec as Offered

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from voxlab.media.batch import PacketBatch
    from voxlab.media.rtp_session import RtpSession
    from voxlab.media.sources import Source
    from voxlab.media.stream import StreamStatistics
    from voxlab.media.telephone_event import HeardDigit


class Terminal(MediaEnd):
    """An end where somebody speaks and listens."""

    def __init__(
        self,
        place: MediaPlace,
        source: Callable[[], Source | None],
        codecs: Sequence[Offered] = DEFAULT_CODECS,
        profile: MediaProfile = DEFAULT_PROFILE,
    ) -> None:
        super().__init__(place, codecs, profile)
        self._source = source
        self.strangers = 0
        self._from: Address | None = None
        self._latched: dict[bool, Address] = {}
        self._blocked = False

    def begin(self, agreed: MediaAgreed, first: bool) -> None:
        """Start to speak; after a re-INVITE go on, or fall silent, as the direction says."""
        now = self.place.loop.time()
        if self._rtp is not None:
            formats, ptime_s = formats_of(agreed.receives), agreed.ptime_ms / 1000.0
            self._rtp.speak(
                spoken_codec(agreed),
                formats,
                now,
                ptime_s=ptime_s,
                events=event_format(agreed),
                suppression=self.suppression(agreed),
            )
        speaks = agreed.direction in ("sendrecv", "sendonly") and not self.negotiation.holding
        source = self._source() if speaks else None
        if source is not None:
            self._session().play(source, now)
        elif self._rtp is not None:
            self._rtp.pause(now)
        self._pump()

    def _new_video(self) -> MediaEnd:
        from voxlab.host.ends.video import VideoTerminal

        return VideoTerminal(self.place)

    def _session(self) -> RtpSession:
        """Return the RTP session, made when the first packet is to be sent or has come."""
        agreed = self.negotiation.agreed
        if self._rtp is None and agreed is not None:
            self._rtp = self._new_rtp_session(agreed)
            self._rtp.start(self.place.loop.time())
        assert self._rtp is not None
        return self._rtp

    def play(self, source: Source | None) -> None:
        """Speak something else, or nothing."""
        self._source = lambda: source
        if self.negotiation.agreed is not None:
            self.begin(self.negotiation.agreed, False)

    def datagram(self, data: bytes, source: Address, arrival_s: float, *, rtcp: bool) -> None:
        """Take one RTP or RTCP datagram from the peer; a stranger's is dropped."""
        if (self.closed and self._rtp is None) or not self._is_peer(source, rtcp):
            return
        self._record_foreign(data, source, arrival_s, rtcp=rtcp)
        opened = self._opened(data)
        if opened is None:
            return
        rtp = self._session()
        rtp.receive(opened, arrival_s)
        self._drain(rtp)
        if self._timer is None:
            self._pump()

    def _is_peer(self, source: Address, rtcp: bool, packets: int = 1) -> bool:
        """Tell whether packets come from the peer's host; its port may be another than it said, as behind a NAT."""
        agreed = self.negotiation.agreed
        if agreed is None or (source.host != agreed.remote.host and not self._latches(source, agreed, rtcp)):
            self.strangers += packets
            return False
        if not self.place.lets_in(source.host):
            self._note_blocked(source)
            return False
        if not rtcp:
            self._from = source
        return True

    def _latches(self, source: Address, agreed: MediaAgreed, rtcp: bool) -> bool:
        """Tell whether a packet is that of a far end behind a NAT, whose SDP names a private address: the first to come
        decides (RFC 7362 s.4).
        """
        if not self.place.symmetric or not is_private(agreed.remote.host):
            return False
        if self._latched and next(iter(self._latched.values())).host != source.host:
            return False
        self._latched[rtcp] = source
        return True

    def _toward(self, described: Address, *, rtcp: bool = False) -> Address:
        """Return where packets go: to where they come from, for a far end behind a NAT."""
        return self._latched.get(rtcp, described)

    def _note_blocked(self, source: Address) -> None:
        """Say once per call that the border keeps the far end's packets out: nothing else would."""
        if not self._blocked:
            self._blocked = True
            now, place = self.place.loop.time(), self.place
            place.journal.note(MediaBlocked(now, place.owner, source, self.port.rtp_address, self.call_id))

    def batch(self, batch: PacketBatch, source: Address, now: float) -> None:
        """Take a batch from the peer."""
        if not (self.closed and self._rtp is None) and self._is_peer(source, False, batch.packets):
            self._record_foreign_batch(batch, source)
            opened = batch if self._srtp is None else self._srtp.open_batch(batch)
            if opened is None:
                return
            rtp = self._session()
            rtp.receive_batch(opened)
            self._drain(rtp)
            if self._timer is None:
                self._pump()

    def streams(self) -> list[tuple[Address, StreamStatistics]]:
        """Return each received stream with where it came from."""
        agreed = self.negotiation.agreed
        if self._rtp is None or agreed is None:
            return []
        return [(self._from or agreed.remote, seen) for seen in self._rtp.statistics()]

    def heard(self, rate_hz: int = 8000) -> NDArray[np.int16] | None:
        """Return what was heard: int16 samples at ``rate_hz``, None before there was a call."""
        return None if self._rtp is None else self._rtp.heard(rate_hz)

    @property
    def heard_from_s(self) -> float:
        """When the first packet of what was heard came, in lab seconds."""
        return 0.0 if self._rtp is None else self._rtp.heard_from_s

    @property
    def best_rate_hz(self) -> int:
        """The highest sample rate of what was heard, 8000 at least."""
        return 8000 if self._rtp is None else self._rtp.best_rate_hz

    def send_digits(self, digits: str) -> None:
        """Press keys, as telephone events or, where the far end takes none, as tones in the sound.

        Raises
        ------
        ValueError
            They cannot be dialled.
        """
        agreed = self.negotiation.agreed
        if agreed is None:
            raise ValueError("there is no call to press keys in")
        rtp = self._session()
        if agreed.event_payload_type is not None:
            rtp.send_digits(digits, self.place.loop.time())
        else:
            from voxlab.media.dtmf import tones_of

            rtp.play(tones_of(digits), self.place.loop.time())
        self._pump()

    def digits(self) -> list[HeardDigit]:
        """Return the keys that were heard, as events and in the sound, and those that INFO told."""
        if self._rtp is None:
            return list(self.told)
        from voxlab.media.dtmf import all_digits

        return sorted((*self.told, *all_digits(self._rtp)), key=lambda digit: digit.time_s)
