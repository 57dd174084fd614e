"""The media plane's joint: latching, and a relay that only counts, both ways (RFC 3550 s.7, RFC 7362 s.5).

Must not know descriptors, threads or SIP. The same relay takes a packet (live, portable), a batch of one stream
(simulated world) or the arrays of a burst of datagrams, ``step(arrivals, now)``, which is the form of a plane that
receives and sends outside Python.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Final, Generic, Literal, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from voxlab.media.batch import PacketBatch
from voxlab.media.codecs import FORMATS, Format
from voxlab.media.errors import MediaError
from voxlab.media.receiver import Receiver
from voxlab.media.rtcp import parse_compound
from voxlab.media.rtp import is_rtcp, parse

NS: Final = 1_000_000_000
Way = Literal["a", "b"]
S = TypeVar("S", bound=Hashable)


class Latch(Generic[S]):
    """Who may send to a port, and so where to send back.

    Parameters
    ----------
    expected : source, optional
        What SDP says: an address and port, or any value that stands for one.
    symmetric : bool
        Whether the first packet decides instead (a peer behind a NAT sends from another port than its SDP says). Off
        for a peer with a known address.
    until_s : float
        A symmetric latch closes then, whether something came or not: later strangers cannot take the stream over (RFC
        7362 s.5).
    allowed : callable, optional
        Bounds the sources that may latch, such as to the network that signalling comes from.
    """

    def __init__(
        self,
        expected: S | None = None,
        *,
        symmetric: bool = False,
        until_s: float = float("inf"),
        allowed: Callable[[S], bool] | None = None,
    ) -> None:
        self.source = expected
        self.strangers = 0
        self._open = symmetric
        self._until_s = until_s
        self._allowed = allowed
        self._also: Callable[[S], bool] | None = None

    def admits(self, source: S, now: float, packets: int = 1) -> bool:
        """Tell whether packets from ``source`` are the peer's; those of strangers are counted."""
        if self._open and now <= self._until_s and (self._allowed is None or self._allowed(source)):
            self.source = source
            self._open = False
        if source == self.source or (self._also is not None and self._also(source)):
            return True
        self.strangers += packets
        return False

    @property
    def is_open(self) -> bool:
        """Whether the first packet still decides."""
        return self._open

    @property
    def until_s(self) -> float:
        """When an open latch closes."""
        return self._until_s

    def close(self, source: S | None) -> None:
        """Take over what was decided elsewhere: the source that came first."""
        self.source, self._open = source, False

    def expect(
        self,
        expected: S | None,
        *,
        symmetric: bool = False,
        until_s: float = float("inf"),
        allowed: Callable[[S], bool] | None = None,
        also: Callable[[S], bool] | None = None,
    ) -> None:
        """Begin anew after a re-INVITE; packets of sources that are ``also`` the peer's are let in, and change nothing
        about where to send.
        """
        self.source, self._open, self._until_s = expected, symmetric, until_s
        self._allowed, self._also = allowed, also


class Side(Generic[S]):
    """One side of a relay: who sends to it, and what came.

    Parameters
    ----------
    rtp : Latch
    rtcp : Latch, optional
        The same as ``rtp`` where both share a port (RFC 5761), which is the default.
    formats : iterable of Format
        What is counted as a stream; other payload types are relayed all the same.
    record_s : float
        How much of the sound from this side is kept.
    """

    def __init__(
        self, rtp: Latch[S], rtcp: Latch[S] | None = None, *, formats: Iterable[Format] = FORMATS, record_s: float = 0.0
    ) -> None:
        self.rtp = rtp
        self.rtcp = rtcp or rtp
        self.receiver = Receiver(formats, record_s=record_s)
        self.packets = 0
        self.rtcp_packets = 0
        self.no_destination = 0
        self.waiting: list[PacketBatch] = []  # until the other end shows where it is

    @property
    def strangers(self) -> int:
        """Packets that came from somebody else and were dropped."""
        return self.rtp.strangers + (self.rtcp.strangers if self.rtcp is not self.rtp else 0)


class Forward(NamedTuple, Generic[S]):
    """Send these bytes on, out of side ``way``, to ``destination``."""

    way: Way
    destination: S
    data: bytes


class Arrivals(NamedTuple):
    """A burst of datagrams: ``n`` rows, in order of arrival.

    Attributes
    ----------
    side : uint8 array, shape (n,)
        0 came to side a, 1 to side b.
    source : int64 array, shape (n,)
        A number for each address and port.
    time_ns : int64 array, shape (n,)
    size : int64 array, shape (n,)
        Bytes of each datagram.
    data : uint8 array, shape (n, width)
        The bytes, each row filled up with anything.
    """

    side: npt.NDArray[np.uint8]
    source: npt.NDArray[np.int64]
    time_ns: npt.NDArray[np.int64]
    size: npt.NDArray[np.int64]
    data: npt.NDArray[np.uint8]


class Departures(NamedTuple):
    """What leaves, in order of arrival.

    Attributes
    ----------
    row : int64 array, shape (m,)
        Of the arrivals.
    side : uint8 array, shape (m,)
        Which side it leaves from.
    destination : int64 array, shape (m,)
        A number for each address and port.
    """

    row: npt.NDArray[np.int64]
    side: npt.NDArray[np.uint8]
    destination: npt.NDArray[np.int64]


class Relay(Generic[S]):
    """Hands what one side sends to the other, byte for byte.

    Parameters
    ----------
    a, b : Side
    """

    def __init__(self, a: Side[S], b: Side[S]) -> None:
        self.a = a
        self.b = b

    def _sides(self, came_to: Way) -> tuple[Side[S], Side[S], Way]:
        return (self.a, self.b, "b") if came_to == "a" else (self.b, self.a, "a")

    def receive(self, came_to: Way, source: S, data: bytes, now: float) -> Forward[S] | None:
        """Take a datagram that came to one side; return what to send, or None if it is dropped (and counted)."""
        return self._receive(came_to, source, data, now, round(now * NS))

    def _receive(self, came_to: Way, source: S, data: bytes, now: float, time_ns: int) -> Forward[S] | None:
        side, other, way = self._sides(came_to)
        control = is_rtcp(data)
        if not (side.rtcp if control else side.rtp).admits(source, now) or not self._count(
            side, data, control, time_ns
        ):
            return None
        destination = (other.rtcp if control else other.rtp).source
        if destination is None:
            side.no_destination += 1
            return None
        return Forward(way, destination, data)

    def _count(self, side: Side[S], data: bytes, control: bool, time_ns: int) -> bool:
        try:
            if control:
                parse_compound(data)
                side.rtcp_packets += 1
            else:
                side.receiver.receive(parse(data), time_ns)
                side.packets += 1
        except MediaError:
            side.receiver.refused.malformed += 1
            return False
        return True

    def forward(self, came_to: Way, source: S, batch: PacketBatch, now: float) -> tuple[PacketBatch, S] | None:
        """Take a batch that came to one side, all from one source.

        Returns
        -------
        (PacketBatch, destination) or None
            The same batch and where it goes; None if it is dropped, and counted.
        """
        side, other, _ = self._sides(came_to)
        if not side.rtp.admits(source, now, batch.packets):
            return None
        side.receiver.receive_batch(batch)
        side.packets += batch.packets
        if other.rtp.source is None:
            if other.rtp.is_open and now <= other.rtp.until_s:
                side.waiting.append(batch)
            else:
                side.no_destination += batch.packets
            return None
        return batch, other.rtp.source

    def released(self, came_to: Way, since_ns: int) -> list[PacketBatch]:
        """Return what came to one side and waited for the other end to show where it is, which it did at ``since_ns``.

        Batches of both directions are told seconds after their packets came, in no order between them: which packets
        had somewhere to go is seen afterwards. Those that came before that had not.
        """
        side, _, _ = self._sides(came_to)
        waited, side.waiting = side.waiting, []
        found: list[PacketBatch] = []
        for batch in waited:
            before, after = batch.split(since_ns)
            side.no_destination += before.packets
            found += [after] if after.packets else []
        return found

    def step(self: Relay[int], arrivals: Arrivals, now: float) -> Departures:
        """Take a burst of datagrams; return which of them leave, and where. Sources are numbers here (``Relay[int]``).

        The bytes stay where they are: a plane sends row ``row`` of the same array. Latching looks at ``now``,
        statistics at each row's own time.
        """
        rows: list[int] = []
        ways: list[int] = []
        destinations: list[int] = []
        for row, (side, source, time_ns, size) in enumerate(
            zip(*(column.tolist() for column in arrivals[:4]), strict=True)
        ):
            forward = self._receive("b" if side else "a", source, arrivals.data[row, :size].tobytes(), now, time_ns)
            if forward:
                rows.append(row)
                ways.append(1 - side)
                destinations.append(forward.destination)
        return Departures(
            np.array(rows, dtype=np.int64), np.array(ways, dtype=np.uint8), np.array(destinations, dtype=np.int64)
        )
