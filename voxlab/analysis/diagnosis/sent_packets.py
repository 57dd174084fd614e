"""The RTP packets of a case, stream by stream, and what their receivers had said that they take (RFC 3550 s.5.1).

Must not know any rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxlab.base.datagram import Address
from voxlab.base.records import RtcpRecord, RtpBlock
from voxlab.media.errors import MediaError
from voxlab.media.rtcp import Goodbye, parse_compound

if TYPE_CHECKING:
    from voxlab.analysis.diagnosis.case import Case, Step
    from voxlab.sip.media_description import Codec, Media

EVENT = "telephone-event"
_EVENT_OCTETS = 4


class SentPackets(NamedTuple):
    """The packets of one source on one way, in order of time; arrays have a row for each.

    Attributes
    ----------
    src, dst : Address
    ssrc : int
    time_s : float64 array
    sequence, timestamp : int64 arrays
    payload_type : int64 array
        Without the marker.
    marker : bool array
    size_bytes : int64 array
        Of the payload.
    words : int64 array
        The first four octets of a payload that has four and was kept, else -1.
    """

    src: Address
    dst: Address
    ssrc: int
    time_s: NDArray[np.float64]
    sequence: NDArray[np.int64]
    timestamp: NDArray[np.int64]
    payload_type: NDArray[np.int64]
    marker: NDArray[np.bool_]
    size_bytes: NDArray[np.int64]
    words: NDArray[np.int64]

    @property
    def packets(self) -> int:
        """How many there are."""
        return len(self.time_s)

    @property
    def duration_s(self) -> float:
        """From the first to the last."""
        return float(self.time_s[-1] - self.time_s[0])


class PressedKey(NamedTuple):
    """The packets that say one key: those of one timestamp; times are of sending.

    ``at`` is the row of its first packet, ``ends`` how many are final, ``updates`` how many are not.
    """

    event: int
    payload_type: int
    at: int
    rows: NDArray[np.intp]
    ends: int
    updates: int
    times_s: NDArray[np.float64]
    durations: NDArray[np.int64]
    marked: bool

    @property
    def name(self) -> str:
        """What stands on the key."""
        return "0123456789*#ABCD"[self.event] if self.event < 16 else f"event {self.event}"


def sent_packets(case: Case) -> list[SentPackets]:
    """Return the streams of a case, in the order in which they began."""
    found: dict[tuple[Address, Address, int], list[RtpBlock]] = {}
    for block in case.rtp_blocks:
        if len(block):
            found.setdefault((block.src, block.dst, block.ssrc), []).append(block)
    return sorted((_joined(*key, blocks) for key, blocks in found.items()), key=lambda each: float(each.time_s[0]))


def _joined(src: Address, dst: Address, ssrc: int, blocks: list[RtpBlock]) -> SentPackets:
    time_s = np.concatenate([block.time_s for block in blocks])
    order = np.argsort(time_s, kind="stable")

    def column(name: str) -> NDArray[np.int64]:
        return np.concatenate([getattr(block, name) for block in blocks]).astype(np.int64)[order]

    kinds = column("payload_type")
    words = np.concatenate([_words(block) for block in blocks])[order]
    return SentPackets(
        src,
        dst,
        ssrc,
        time_s[order],
        column("sequence"),
        column("timestamp"),
        kinds & 0x7F,
        kinds >= 0x80,
        column("size_bytes"),
        words,
    )


def _words(block: RtpBlock) -> NDArray[np.int64]:
    sizes = block.size_bytes.astype(np.int64)
    words = np.full(len(block), -1, np.int64)
    rows = np.flatnonzero(sizes == _EVENT_OCTETS)
    if block.payload is not None and len(rows):
        starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))[rows]
        octets = np.frombuffer(block.payload, np.uint8)[starts[:, None] + np.arange(_EVENT_OCTETS)].astype(np.int64)
        words[rows] = octets @ np.array([1 << 24, 1 << 16, 1 << 8, 1])
    return words


def pressed_keys(stream: SentPackets, types: Iterable[int]) -> Iterator[PressedKey]:
    """Yield the keys of a stream that came under one of these payload types, in order."""
    mine = np.isin(stream.payload_type, list(types)) & (stream.words >= 0)
    rows = np.flatnonzero(mine)
    stamps = stream.timestamp[rows]
    _, firsts = np.unique(stamps, return_index=True)
    for first in sorted(firsts.tolist()):
        of_key = rows[stamps == stamps[first]]
        words = stream.words[of_key]
        final = (words >> 23 & 1).astype(bool)
        yield PressedKey(
            int(words[0] >> 24),
            int(stream.payload_type[of_key[0]]),
            int(of_key[0]),
            of_key,
            int(final.sum()),
            int((~final).sum()),
            stream.time_s[of_key],
            words & 0xFFFF,
            bool(stream.marker[of_key[0]]),
        )


def description_of(case: Case, address: Address, until_s: float) -> tuple[Step, Media] | None:
    """Return where an address was described for RTP, the last time before an instant."""
    found = None
    for step in case.steps:
        description = step.sdp if step.time_s <= until_s else None
        for media in description.media if description is not None else ():
            if media.port == address.port and description is not None:
                told = description.rtp_address(media)
                found = (step, media) if told is not None and told[0] == address.host else found
    return found


def named(media: Media, name: str) -> dict[int, Codec]:
    """Return the codecs of that name in a description, by payload type."""
    return {each.payload_type: each for each in media.codecs() if each.encoding.lower() == name}


def goodbyes(case: Case, src: Address) -> set[int]:
    """Return the sources that a host said goodbye for (RFC 3550 s.6.6)."""
    gone: set[int] = set()
    for record in case.notes(RtcpRecord):
        if record.src.host == src.host:
            gone |= _goodbyes(record.data)
    return gone


def _goodbyes(data: bytes) -> set[int]:
    try:
        packets = parse_compound(data)
    except MediaError:
        return set()
    return {ssrc for packet in packets if isinstance(packet, Goodbye) for ssrc in packet.ssrcs}
