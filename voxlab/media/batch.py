"""Packets of one RTP stream as columns instead of objects (RFC 3550 s.5.1): what the simulated world carries.

Must not know sessions.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from voxlab.base.datagram import Address
from voxlab.base.records import DELIVERED, RtpBlock
from voxlab.media.errors import MediaError
from voxlab.media.rtp import HEADER_BYTES, RtpPacket

NS: Final = 1_000_000_000
_HEADER: Final = np.dtype([("flags", "u1"), ("type", "u1"), ("sequence", ">u2"), ("timestamp", ">u4"), ("ssrc", ">u4")])


class PacketBatch(NamedTuple):
    """``n`` packets of one SSRC and payload type, in order of time.

    Attributes
    ----------
    ssrc : int
    payload_type : int
    time_ns : int64 array, shape (n,)
        Departure on the sender's side, arrival on the receiver's; nanoseconds of the world's clock.
    sequence : uint16 array, shape (n,)
    timestamp : uint32 array, shape (n,)
    marker : bool array, shape (n,)
    payload : uint8 array, shape (n, octets)
    sent_ns : int64 array, shape (n,), optional
        When each left the one who made it: not on the wire, known where both ends share a clock (simulated world).
    """

    ssrc: int
    payload_type: int
    time_ns: npt.NDArray[np.int64]
    sequence: npt.NDArray[np.uint16]
    timestamp: npt.NDArray[np.uint32]
    marker: npt.NDArray[np.bool_]
    payload: npt.NDArray[np.uint8]
    sent_ns: npt.NDArray[np.int64] | None = None

    @classmethod
    def from_wire(cls, time_ns: npt.NDArray[np.int64], packets: npt.NDArray[np.uint8]) -> PacketBatch:
        """Read the wire form, as `wire` writes it.

        Parameters
        ----------
        time_ns : int64 array, shape (n,)
        packets : uint8 array, shape (n, 12 + octets)
            Of one SSRC and payload type, without contributing sources, extension or padding.

        Raises
        ------
        MediaError
            There are none, or they are not of that kind: take them one by one.
        """
        if not len(packets) or packets.shape[1] < HEADER_BYTES:
            raise MediaError(f"no RTP packets in a matrix of shape {packets.shape}")
        header = np.ascontiguousarray(packets[:, :HEADER_BYTES]).view(_HEADER)[:, 0]
        kind = header["type"] & 0x7F
        if (header["flags"] != 0x80).any() or (header["ssrc"] != header["ssrc"][0]).any() or (kind != kind[0]).any():
            raise MediaError("the packets of a batch have plain headers of one SSRC and payload type")
        return cls(
            int(header["ssrc"][0]),
            int(kind[0]),
            time_ns,
            header["sequence"].astype(np.uint16),
            header["timestamp"].astype(np.uint32),
            header["type"] >= 0x80,
            packets[:, HEADER_BYTES:],
        )

    @property
    def packets(self) -> int:
        """How many there are (``len`` counts the fields)."""
        return len(self.time_ns)

    def delayed(self, delay_s: float) -> PacketBatch:
        """Return the batch as it arrives after a constant delay."""
        return self._replace(time_ns=self.time_ns + round(delay_s * NS))

    def take(self, rows: npt.NDArray[Any], time_ns: npt.NDArray[np.int64] | None = None) -> PacketBatch:
        """Return some rows, at other times if given, sorted by time; an index that is repeated makes a duplicate.

        Parameters
        ----------
        rows : bool array, shape (n,), or integer array, shape (m,)
        time_ns : int64 array, shape (m,), optional
            When each of the rows taken arrives.
        """
        taken = self._rows(rows) if time_ns is None else self._rows(rows)._replace(time_ns=time_ns)
        return taken._rows(np.argsort(taken.time_ns, kind="stable"))

    def split(self, at_ns: int) -> tuple[PacketBatch, PacketBatch]:
        """Return the rows up to and at an instant, and those after it."""
        cut = int(np.searchsorted(self.time_ns, at_ns, side="right"))
        return self._rows(slice(None, cut)), self._rows(slice(cut, None))

    def _rows(self, rows: Any) -> PacketBatch:
        return self._replace(
            time_ns=self.time_ns[rows],
            sequence=self.sequence[rows],
            timestamp=self.timestamp[rows],
            marker=self.marker[rows],
            payload=self.payload[rows],
            sent_ns=None if self.sent_ns is None else self.sent_ns[rows],
        )

    def _types(self) -> npt.NDArray[np.uint8]:
        """Return the second octet of each header: marker and payload type."""
        return np.uint8(self.payload_type) | (self.marker.astype(np.uint8) << np.uint8(7))

    def packet(self, row: int) -> RtpPacket:
        """Return one row as a packet."""
        numbers = int(self.sequence[row]), int(self.timestamp[row])
        return RtpPacket(self.payload_type, *numbers, self.ssrc, self.payload[row].tobytes(), bool(self.marker[row]))

    def wire(self) -> npt.NDArray[np.uint8]:
        """Return the wire form of each packet: uint8 array, shape (n, 12 + octets)."""
        header = np.empty(self.packets, dtype=_HEADER)
        header["flags"] = 0x80
        header["type"] = self._types()
        header["sequence"], header["timestamp"], header["ssrc"] = self.sequence, self.timestamp, self.ssrc
        return np.hstack((header.view(np.uint8).reshape(self.packets, HEADER_BYTES), self.payload))

    def block(
        self,
        src: Address,
        dst: Address,
        *,
        call_id: str = "",
        outcome: npt.NDArray[np.uint8] | None = None,
        payload: bool = False,
    ) -> RtpBlock:
        """Return the columns as the journal keeps them.

        Parameters
        ----------
        src, dst : Address
        call_id : str
        outcome : uint8 array, shape (n,), optional
            `DELIVERED` for all when absent.
        payload : bool
            Whether the octets are kept too.
        """
        return RtpBlock(
            src=src,
            dst=dst,
            ssrc=self.ssrc,
            time_s=self.time_ns / NS,
            sequence=self.sequence,
            timestamp=self.timestamp,
            payload_type=self._types(),
            size_bytes=np.full(self.packets, self.payload.shape[1], dtype=np.uint16),
            outcome=np.full(self.packets, DELIVERED, dtype=np.uint8) if outcome is None else outcome,
            payload=_octets_of(self.payload) if payload else None,
            call_id=call_id,
        )


def _octets_of(payload: npt.NDArray[np.uint8]) -> bytes:
    """Return an array's octets: the very `bytes` that it is a view of, if it is one of all of them.

    So what a relay passes on is kept once, not once a hop.
    """
    base: Any = payload
    while isinstance(base, np.ndarray):
        base = base.base
    whole = isinstance(base, bytes) and len(base) == payload.size and payload.flags.c_contiguous
    return base if whole else payload.tobytes()
