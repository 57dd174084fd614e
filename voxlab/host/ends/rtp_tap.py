"""Listens in on single RTP packets and hands them to the journal as columns, a block at a time (RFC 3550 s.5.1).

Must not know sessions or relays. Batches need no tap: they are columns already.
"""

from __future__ import annotations

from voxlab.base.datagram import Address
from voxlab.base.journal import Journal
from voxlab.base.records import DELIVERED, RtcpRecord, RtpBlock

_PACKETS_A_BLOCK = 250
_HEADER_BYTES = 12


class RtpTap:
    """Collects the packets of one end of one leg."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._rows: dict[tuple[Address, Address, int], list[tuple[float, bytes, int]]] = {}
        self.call_id = ""

    def rtp(self, time_s: float, src: Address, dst: Address, data: bytes, outcome: int = DELIVERED) -> None:
        """Take one packet; what is shorter than a header is no RTP and nothing to record."""
        if len(data) < _HEADER_BYTES or self._journal.payloads == "none":
            return
        key = (src, dst, int.from_bytes(data[8:12], "big"))
        rows = self._rows.setdefault(key, [])
        rows.append((time_s, data, outcome))
        if len(rows) >= _PACKETS_A_BLOCK:
            self._write(key)

    def rtcp(self, time_s: float, src: Address, dst: Address, data: bytes, outcome: int = DELIVERED) -> None:
        """Take one compound RTCP packet."""
        self._journal.note(RtcpRecord(time_s, src, dst, data, outcome, self.call_id))

    def flush(self) -> None:
        """Hand over what has been collected."""
        for key in [*self._rows]:
            self._write(key)

    def _write(self, key: tuple[Address, Address, int]) -> None:
        import numpy as np

        rows = self._rows.pop(key)
        src, dst, ssrc = key
        heads = np.frombuffer(b"".join(data[:_HEADER_BYTES] for _, data, _ in rows), dtype=np.uint8).reshape(
            -1, _HEADER_BYTES
        )
        numbers = np.ascontiguousarray(heads[:, 2:8])
        self._journal.rtp(
            RtpBlock(
                src,
                dst,
                ssrc,
                time_s=np.array([time_s for time_s, _, _ in rows]),
                sequence=np.ascontiguousarray(numbers[:, :2]).view(">u2").ravel().astype(np.uint16),
                timestamp=np.ascontiguousarray(numbers[:, 2:]).view(">u4").ravel().astype(np.uint32),
                payload_type=heads[:, 1].copy(),
                size_bytes=np.array([len(data) - _HEADER_BYTES for _, data, _ in rows], dtype=np.uint16),
                outcome=np.array([outcome for _, _, outcome in rows], dtype=np.uint8),
                payload=b"".join(data[_HEADER_BYTES:] for _, data, _ in rows),
                call_id=self.call_id,
            )
        )
