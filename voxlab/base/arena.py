"""Bytes that only ever grow, in memory until they are many, then in a file without a name.

It knows nothing of what the bytes mean.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Iterator
from typing import IO

SPILL_BYTES = 64 * 2**20
_SEGMENT_BYTES = 2**20


class Arena:
    """An append-only run of bytes: first what is in the file, then whole segments in memory, then the ``tail``.

    A writer on the hot path appends to ``tail`` itself and calls ``turn`` when ``len(tail) >= segment_bytes``.

    Parameters
    ----------
    spill_bytes : int
        Past this size segments move to an unlinked temporary file, two for each new one, until none is left in memory:
        no single message has to wait for 64 MiB to be written.
    """

    def __init__(self, spill_bytes: int = SPILL_BYTES) -> None:
        self.tail = bytearray()
        self.tail_start = 0
        self.segment_bytes = max(1, min(_SEGMENT_BYTES, spill_bytes))
        self._spill_bytes = spill_bytes
        self._spilled_bytes = 0
        self._segments: deque[bytes] = deque()
        self._file: IO[bytes] | None = None

    def __len__(self) -> int:
        return self.tail_start + len(self.tail)

    @property
    def resident_bytes(self) -> int:
        """How many of the bytes are in memory."""
        return len(self) - self._spilled_bytes

    def append(self, data: bytes) -> int:
        """Add ``data`` and return where it ends."""
        self.tail += data
        if len(self.tail) >= self.segment_bytes:
            self.turn()
        return len(self)

    def turn(self) -> None:
        """Make segments of the tail, and spill if there are many."""
        size = self.segment_bytes
        while len(self.tail) >= size:
            self._segments.append(bytes(self.tail[:size]))
            del self.tail[:size]
            self.tail_start += size
            if self._spilled_bytes or self.resident_bytes > self._spill_bytes:
                self._spill()

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes from ``start`` up to ``end``."""
        if start >= self.tail_start:
            return bytes(self.tail[start - self.tail_start : end - self.tail_start])
        parts = []
        while start < end:
            parts.append(self._part(start, end))
            start += len(parts[-1])
        return b"".join(parts)

    def blocks(self, size: int = _SEGMENT_BYTES) -> Iterator[bytes]:
        """Yield everything, at most ``size`` bytes at a time."""
        for start in range(0, len(self), size):
            yield self.read(start, min(start + size, len(self)))

    def close(self) -> None:
        """Give the file back, and with it all that was in it."""
        if self._file is not None:
            self._file.close()

    def _part(self, start: int, end: int) -> bytes:
        if start >= self.tail_start:
            return bytes(self.tail[start - self.tail_start : end - self.tail_start])
        if start < self._spilled_bytes:
            file = self._opened()
            file.seek(start)
            return file.read(min(end, self._spilled_bytes) - start)
        segment, at = divmod(start - self._spilled_bytes, self.segment_bytes)
        return self._segments[segment][at : at + end - start]

    def _spill(self) -> None:
        file = self._opened()
        file.seek(self._spilled_bytes)
        for _ in range(min(2, len(self._segments))):
            file.write(self._segments.popleft())
            self._spilled_bytes += self.segment_bytes

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            import tempfile

            self._file = tempfile.TemporaryFile(prefix="voxlab-journal-")  # noqa: SIM115 - it lives as long as the arena
            weakref.finalize(self, self._file.close)
        return self._file
