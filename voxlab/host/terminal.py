"""A phone's end of a leg's audio: somebody speaks and listens (RFC 3550, RFC 3264 s.8.4).

Must not know dialogs: what is agreed starts, changes or pauses what is said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from voxlab.base.datagram import Address
from voxlab.base.records import MediaBlocked
from voxlab.dialog.offer_answer import DEFAULT_CODECS, MediaAgreed
from voxlab.host.media import MediaEnd, MediaPlace
from voxlab.sip.sdp import Codec as Offered

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from voxlab.media.batch import PacketBatch
    from voxlab.media.rtp_session import RtpSession
    from voxlab.media.sources import Source
    from voxlab.media.stream import StreamStatistics


class Terminal(MediaEnd):
    """An end where somebody speaks and listens."""

    def __init__(
        self, place: MediaPlace, source: Callable[[], Source | None], codecs: Sequence[Offered] = DEFAULT_CODECS
    ) -> None:
        super().__init__(place, codecs)
        self._source = source
        self._from: Address | None = None
        self._blocked = False

    def begin(self, agreed: MediaAgreed, first: bool) -> None:
        """Start to speak; after a re-INVITE go on, or fall silent, as the direction says."""
        now = self.place.loop.time()
        speaks = agreed.direction in ("sendrecv", "sendonly") and not self.negotiation.holding
        source = self._source() if speaks else None
        if source is not None:
            self._session().play(source, now)
        elif self._rtp is not None:
            self._rtp.pause(now)
        self._pump()

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
        rtp = self._session()
        rtp.receive(data, arrival_s)
        self._drain(rtp)
        if self._timer is None:
            self._pump()

    def _is_peer(self, source: Address, rtcp: bool) -> bool:
        agreed = self.negotiation.agreed
        if agreed is None or source.host != agreed.remote.host:
            return False
        if not self.place.lets_in(source.host):
            self._note_blocked(source)
            return False
        if not rtcp:
            self._from = source
        return True

    def _note_blocked(self, source: Address) -> None:
        """Say once per call that the border keeps the far end's packets out: nothing else would."""
        if not self._blocked:
            self._blocked = True
            now, place = self.place.loop.time(), self.place
            place.journal.note(MediaBlocked(now, place.owner, source, self.port.rtp_address, self.call_id))

    def batch(self, batch: PacketBatch, source: Address, now: float) -> None:
        """Take a batch from the peer."""
        if not (self.closed and self._rtp is None) and self._is_peer(source, False):
            rtp = self._session()
            rtp.receive_batch(batch)
            self._drain(rtp)
            if self._timer is None:
                self._pump()

    def streams(self) -> list[tuple[Address, StreamStatistics]]:
        """Return each received stream with where it came from."""
        agreed = self.negotiation.agreed
        if self._rtp is None or agreed is None:
            return []
        return [(self._from or agreed.remote, seen) for seen in self._rtp.statistics()]

    def heard(self) -> NDArray[np.int16] | None:
        """Return what was heard: int16 samples at 8 kHz, None before there was a call."""
        return None if self._rtp is None else self._rtp.heard()
