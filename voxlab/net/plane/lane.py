"""A media port's place in the media thread: what is to happen to what comes, and what is spoken there.

The lab's thread alone uses it. Must not know SDP, sessions or codecs: addresses, octets and numbers come in.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from voxlab.base.datagram import Address
from voxlab.net.plane import cells as c
from voxlab.net.plane.thread import MediaThread, Rows

_NS = 1_000_000_000
_FOREVER_NS = 1 << 62
LARGEST_FRAME_OCTETS = c.DATAGRAM_BYTES - 12
"""What a packet holds behind its header."""
_LATCH_SOURCES = (c.RTP_LATCH + c.LATCH_SOURCE, c.RTCP_LATCH + c.LATCH_SOURCE)
_SETTINGS = dict.fromkeys(
    (c.KEEP_PAYLOAD, c.TRANSLATES, c.OPENS, c.SEALS, *range(c.TOUCHED, c.TOUCHED + 128 // c.TOUCHED_BITS)), 0
)
_FRESH = (
    dict.fromkeys(range(c.PACKETS, c.SIDE_CELLS), 0)
    | dict.fromkeys(_LATCH_SOURCES, c.NOBODY)
    | _SETTINGS
    | {c.MODE: c.DELIVER, c.PARTNER: c.NOBODY}
)
_FRESH_ROWS = np.array([(0, cell, value) for cell, value in _FRESH.items()], np.int64)


@lru_cache(4096)
def key_of(address: Address) -> int:
    """Return an IPv4 address and port as the plane has them."""
    packed = address.port.to_bytes(2, "big") + socket.inet_aton(address.host)
    return int.from_bytes(packed, "little")


@lru_cache(4096)
def address_of(key: int) -> Address:
    """Return what a key stands for."""
    packed = key.to_bytes(6, "little")
    return Address(socket.inet_ntoa(packed[2:]), int.from_bytes(packed[:2], "big"))


class Expected(NamedTuple):
    """Whom a latch admits: see ``media.plane.Latch``.

    Attributes
    ----------
    source : Address or None
    symmetric : bool
        Whether it is open: the first source decides.
    until_s : float
        Lab time at which it closes.
    network : str, optional
        IPv4 network that may latch, such as ``"192.0.2.0/24"``; any when absent.
    """

    source: Address | None
    symmetric: bool = False
    until_s: float = float("inf")
    network: str | None = None


class Speech(NamedTuple):
    """What a side speaks: octets that are cut into frames, with the numbers of the first.

    Attributes
    ----------
    sound : uint8 array, shape (n,)
        Encoded; kept alive as long as it is spoken.
    loop : bool
    ends : bool
        Whether nothing follows a sound that has ended; what is said next begins with a marker.
    silence : int
        The octet that follows a sound that has ended.
    frame_octets, frame_ticks, frame_ns : int
        Of one packet: its payload, its step of the timestamp, its time.
    due_s : float
        Lab time of the first packet.
    frame, source_from : int
        The grid's frame that is next, and that at which this sound began.
    payload_type, ssrc, sequence, first_timestamp : int
        Sequence number of the next packet; timestamp of frame 0.
    marker : bool
        Whether the next packet begins a talkspurt.
    """

    sound: npt.NDArray[np.uint8]
    loop: bool
    ends: bool
    silence: int
    frame_octets: int
    frame_ticks: int
    frame_ns: int
    due_ns: int
    frame: int
    source_from: int
    payload_type: int
    ssrc: int
    sequence: int
    first_timestamp: int
    marker: bool


class Stood(NamedTuple):
    """Where a player stands: packets and octets of this speech, the next frame, whether a marker is due."""

    packets: int
    octets: int
    frame: int
    marker: bool


class Secured(Protocol):
    """The keys of one leg, as ``media.srtp.Srtp`` has them."""

    def handles(self) -> Any:
        """Return the addresses of functions and contexts; None if there are none."""

    def share(self, handles: Any, crypt: Any) -> None:
        """Go through ``crypt`` from here on."""


class Counts(NamedTuple):
    """What a side has counted while it relayed, and whom it has latched to."""

    packets: int
    reports: int
    malformed: int
    no_destination: int
    refused: int
    unobserved: int
    forged: int
    replayed: int
    rtp_source: Address | None
    rtcp_source: Address | None
    rtp_open: bool
    rtcp_open: bool
    rtp_strangers: int
    rtcp_strangers: int

    def since(self, before: Counts | None) -> Counts:
        """Return what has been counted since an earlier look."""
        if before is None:
            return self
        return self._replace(
            packets=self.packets - before.packets,
            reports=self.reports - before.reports,
            malformed=self.malformed - before.malformed,
            no_destination=self.no_destination - before.no_destination,
            refused=self.refused - before.refused,
            unobserved=self.unobserved - before.unobserved,
            forged=self.forged - before.forged,
            replayed=self.replayed - before.replayed,
            rtp_strangers=self.rtp_strangers - before.rtp_strangers,
            rtcp_strangers=self.rtcp_strangers - before.rtcp_strangers,
        )


class Lane:
    """One port's side of the plane."""

    def __init__(self, thread: MediaThread, rtp_fd: int, rtcp_fd: int, take: Callable[[Rows], None]) -> None:
        self.thread = thread
        self.take = take
        self.speaks = False
        self._sound: npt.NDArray[np.uint8] | None = None
        self._secured: Secured | None = None
        self._settings: dict[int, int] = {}
        self.side = thread.enter(rtp_fd, rtcp_fd, self._hand_over)

    def _hand_over(self, rows: Rows) -> None:
        self.take(rows)

    # -- what comes ---------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Begin anew, for another user of the port: counts of 0, nobody expected, all to the lab's thread."""
        rows = _FRESH_ROWS.copy()
        rows[:, 0] = self.side
        self.thread.poke(self.thread.state.sides, rows)
        self._secured = None
        self._settings = _SETTINGS.copy()

    def secure(self, secured: Secured | None) -> bool:
        """Open what comes and protect what leaves with these keys, or no more; return whether the thread can.

        Where it cannot, packets are the lab's thread's.
        """
        handles = None if secured is None else secured.handles()
        if secured is None or handles is None:
            self._set((c.OPENS, 0), (c.SEALS, 0))
        else:
            self.thread.call_by(handles.functions)
            secured.share(handles, self.thread.crypt)
            self._set((c.OPENS, handles.inward), (c.SEALS, handles.outward))
        self._secured = secured  # after the thread has let go of the contexts before
        return secured is None or handles is not None

    def deliver(self) -> None:
        """Let the lab's thread have what comes; a partner that it was joined with is parted too."""
        self._poke((c.MODE, c.DELIVER), (c.PARTNER, c.NOBODY))

    @property
    def serial(self) -> int:
        """The number by which the translator knows this side."""
        return int(self.thread.state.sides[self.side, c.SERIAL])

    def translate(self, elsewhere: bool) -> None:
        """Say whether payload types that are touched are the translator's, who was told what becomes of them."""
        self._set((c.TRANSLATES, int(elsewhere)))

    def rest(self) -> None:
        """Drop what comes, and fall silent: nobody has the port."""
        if self.speaks:
            self.hush()
        self.thread.drain()
        self._poke((c.MODE, c.IDLE), (c.PARTNER, c.NOBODY))
        self.secure(None)

    def keep_payload(self, wanted: bool) -> None:
        """Say whether what is relayed or spoken is kept whole for the journal."""
        self._set((c.KEEP_PAYLOAD, int(wanted)))

    def expect(self, rtp: Expected, rtcp: Expected) -> None:
        """Say who may send, and so where to send to."""
        self._poke(*self._latch(c.RTP_LATCH, rtp), *self._latch(c.RTCP_LATCH, rtcp))

    def touch(self, payload_types: Iterable[int]) -> None:
        """Say which RTP payload types are the lab's thread's, though the rest is relayed."""
        masks = [0] * (128 // c.TOUCHED_BITS)
        for each in payload_types:
            masks[each // c.TOUCHED_BITS] |= 1 << each % c.TOUCHED_BITS
        self._set(*((c.TOUCHED + k, mask) for k, mask in enumerate(masks)))

    def _latch(self, base: int, expected: Expected) -> list[tuple[int, int]]:
        network, mask = _network_of(expected.network)
        source = c.NOBODY if expected.source is None else key_of(expected.source)
        return [
            (base + c.LATCH_SOURCE, source),
            (base + c.LATCH_OPEN, int(expected.symmetric)),
            (base + c.LATCH_UNTIL_NS, self._at_ns(expected.until_s)),
            (base + c.LATCH_NETWORK, network),
            (base + c.LATCH_MASK, mask),
        ]

    def _at_ns(self, lab_s: float) -> int:
        return _FOREVER_NS if lab_s == float("inf") else round(lab_s * _NS) + self.thread.origin_ns

    def join(self, other: Lane) -> None:
        """Relay both ways."""
        self.thread.drain()  # what came before is for the lab's thread
        sides = self.thread.state.sides
        pairs = ((self.side, other.side), (other.side, self.side))
        self.thread.poke(sides, [each for a, b in pairs for each in ((a, c.MODE, c.RELAY), (a, c.PARTNER, b))])

    def counts(self) -> Counts:
        """Return what has been counted since the lane was entered."""
        cells = self.thread.peek(self.thread.state.sides, self.side).tolist()
        rtp, rtcp = cells[c.RTP_LATCH : c.RTCP_LATCH], cells[c.RTCP_LATCH :]
        return Counts(
            *cells[c.PACKETS : c.RTP_LATCH],
            *(None if each[c.LATCH_SOURCE] == c.NOBODY else address_of(each[c.LATCH_SOURCE]) for each in (rtp, rtcp)),
            *(bool(each[c.LATCH_OPEN]) for each in (rtp, rtcp)),
            *(each[c.STRANGERS] for each in (rtp, rtcp)),
        )

    # -- what is spoken -----------------------------------------------------------------------------------------------

    def speak(self, speech: Speech, target: Address | None) -> None:
        """Speak, in place of what was spoken before; nobody hears it while there is no target.

        Raises
        ------
        ValueError
            A frame has no length, or is longer than a datagram.
        """
        if speech.frame_ns <= 0 or not 0 < speech.frame_octets <= LARGEST_FRAME_OCTETS:
            raise ValueError(
                f"a frame has 1 to {LARGEST_FRAME_OCTETS} octets and lasts; got {speech.frame_octets} octets, "
                f"{speech.frame_ns} ns"
            )
        self.speaks = True
        sound = np.ascontiguousarray(speech.sound) if len(speech.sound) else np.full(1, speech.silence, np.uint8)
        cells = np.zeros(c.PLAYER_CELLS, np.int64)
        for cell, value in (
            (c.NEXT_NS, speech.due_ns + self.thread.origin_ns),
            (c.FRAME_NS, speech.frame_ns),
            (c.FRAME, speech.frame),
            (c.SOURCE_FROM, speech.source_from),
            (c.FRAME_OCTETS, speech.frame_octets),
            (c.FRAME_TICKS, speech.frame_ticks),
            (c.SOUND_AT, sound.ctypes.data),
            (c.SOUND_BYTES, len(sound)),
            (c.LOOP, int(speech.loop)),
            (c.ENDS, int(speech.ends)),
            (c.SILENCE, speech.silence),
            (c.PAYLOAD_TYPE, speech.payload_type),
            (c.MARKER, int(speech.marker)),
            (c.SSRC, speech.ssrc),
            (c.SEQUENCE, speech.sequence),
            (c.FIRST_TIMESTAMP, speech.first_timestamp),
            (c.TARGET, c.NOBODY if target is None else key_of(target)),
        ):
            cells[cell] = value
        self.thread.speak(self.side, cells)
        self._sound = sound  # after the thread has let go of the one before

    def aim(self, target: Address | None) -> None:
        """Send what is spoken to another address, or nowhere."""
        key = c.NOBODY if target is None else key_of(target)
        self.thread.poke(self.thread.state.players, [(self.side, c.TARGET, key)])

    def hush(self) -> Stood:
        """Fall silent."""
        self.speaks = False
        return _stood(self.thread.hush(self.side))

    def stood(self) -> Stood:
        """Return where the player stands now."""
        return _stood(self.thread.peek(self.thread.state.players, self.side))

    # -- the end ------------------------------------------------------------------------------------------------------

    def leave(self) -> None:
        """Give the sockets back."""
        if self.speaks:
            self.hush()
        self.secure(None)
        self.thread.leave(self.side)

    def _set(self, *changes: tuple[int, int]) -> None:
        """Write cells that nobody but us writes, those that hold something else."""
        settings = self._settings
        changed = [(cell, value) for cell, value in changes if settings.get(cell) != value]
        if changed:
            settings.update(changed)
            self._poke(*changed)

    def _poke(self, *changes: tuple[int, int]) -> None:
        self.thread.poke(self.thread.state.sides, [(self.side, cell, value) for cell, value in changes])


def _stood(cells: npt.NDArray[np.int64]) -> Stood:
    packets, octets, frame, marker = cells[[c.SENT_PACKETS, c.SENT_OCTETS, c.FRAME, c.MARKER]].tolist()
    return Stood(packets, octets, frame, bool(marker))


def _network_of(network: str | None) -> tuple[int, int]:
    """Return a network and its mask in the byte order of the wire."""
    if network is None:
        return 0, 0
    import ipaddress

    given = ipaddress.IPv4Network(network)
    return (
        int.from_bytes(given.network_address.packed, "little"),
        int.from_bytes(given.netmask.packed, "little"),
    )
