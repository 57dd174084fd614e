"""What the media thread left, as runs of packets that are alike, and those as the columns that media understands.

Must not know calls: whoever takes a run decides what it means.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from voxlab.base.datagram import Address
from voxlab.net.plane import cells as c

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from voxlab.media.batch import PacketBatch
    from voxlab.net.plane.thread import Rows

_HEADER_BYTES = 12
_PLAIN = 0x80  # version 2, no padding, no extension, no contributing source
_FLAGS_AND_TYPE = 0x7FFF  # of the first word; without the marker
_SSRC = 0xFFFFFFFF  # of the second
_ALIKE = (c.FATE, c.SOURCE, c.DESTINATION, c.CAME_TO, c.IS_CONTROL, c.SIZE)


class Run(NamedTuple):
    """Datagrams one after the other that are alike: same way, same fate, same kind of header.

    Attributes
    ----------
    rows : Rows
    fate : int
        Of ``net.plane.cells``.
    source : Address or None
        None for what we spoke ourselves.
    destination : Address or None
        None for what went nowhere.
    rtcp : bool
        Whether they came to the RTCP port.
    control : bool
        Whether they are RTCP.
    plain : bool
        Whether they are RTP of fixed headers and one size, so that they make a batch.
    kept : bool
        Whether their payloads were kept.
    """

    rows: Rows
    fate: int
    source: Address | None
    destination: Address | None
    rtcp: bool
    control: bool
    plain: bool
    kept: bool

    @property
    def packets(self) -> int:
        """How many there are (``len`` counts the fields)."""
        return len(self.rows.cells)

    @property
    def size_bytes(self) -> int:
        """Of each datagram."""
        return int(self.rows.cells[0, c.SIZE])

    @property
    def payload_type(self) -> int:
        """Of each packet, where they are RTP."""
        return int(self.rows.cells[0, c.HEAD]) >> 8 & 0x7F

    def batch(self) -> PacketBatch:
        """Return the packets as columns; payloads that were not kept are zeros that take no memory."""
        import numpy as np

        from voxlab.media.batch import PacketBatch

        every = np.arange(len(self.rows.cells))
        size = self.size_bytes
        if self.kept:
            return PacketBatch.from_wire(self.rows.time_ns, self.rows.matrix(every, size))
        batch = PacketBatch.from_wire(self.rows.time_ns, self.rows.matrix(every, _HEADER_BYTES))
        return batch._replace(payload=np.broadcast_to(np.uint8(0), (len(every), size - _HEADER_BYTES)))

    def datagrams(self) -> Iterator[tuple[bytes, float, float]]:
        """Yield each datagram with when it arrived and when it was sent on, in seconds."""
        arrived, left = self.rows.time_ns.tolist(), self.rows.left_ns().tolist()
        for row, (at_ns, left_ns) in enumerate(zip(arrived, left, strict=True)):
            yield self.rows.data(row), at_ns / 1e9, left_ns / 1e9


def runs(rows: Rows) -> Iterator[Run]:
    """Yield the runs: what we spoke, then what came; each in its order.

    The two interleave packet by packet, and have nothing to do with one another.
    """
    import numpy as np

    spoken = rows.cells[:, c.SOURCE] == c.NOBODY
    if not spoken.any() or spoken.all():
        yield from _alike(rows)
        return
    for part in (np.flatnonzero(spoken), np.flatnonzero(~spoken)):
        yield from _alike(rows.take(part))


def _alike(rows: Rows) -> Iterator[Run]:
    import numpy as np

    marks = _marks(rows.cells)
    changes = np.flatnonzero((marks[1:] != marks[:-1]).any(axis=1))
    if not len(changes):
        yield _run(rows)
        return
    bounds = [0, *(changes + 1).tolist(), len(marks)]
    for start, end in pairwise(bounds):
        yield _run(rows.take(slice(start, end)))


def _marks(cells: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return what tells runs apart, a row for each datagram."""
    import numpy as np

    heads = (cells[:, c.HEAD] & _FLAGS_AND_TYPE, cells[:, c.HEAD_MORE] & _SSRC, cells[:, c.OCTETS_FROM] >= 0)
    return np.column_stack((cells[:, _ALIKE], *heads))


def _run(rows: Rows) -> Run:
    from voxlab.net.plane.lane import address_of

    first = rows.cells[0].tolist()
    source, target = first[c.SOURCE], first[c.DESTINATION]
    control = bool(first[c.IS_CONTROL])
    return Run(
        rows,
        first[c.FATE],
        None if source == c.NOBODY else address_of(source),
        None if target == c.NOBODY else address_of(target),
        bool(first[c.CAME_TO]),
        control,
        not control and first[c.SIZE] >= _HEADER_BYTES and first[c.HEAD] & 0xFF == _PLAIN,
        first[c.OCTETS_FROM] >= 0,
    )
