"""Bytes that grow at the end and are forgotten at the beginning, in memory until they are many, then in files without
names.

It knows nothing of what the bytes mean.
"""

from __future__ import annotations

import weakref
from collections import deque
from typing import IO

SPILL_BYTES = 64 * 2**20
_SEGMENT_BYTES = 2**20
_FILE_BYTES = 64 * 2**20


class Arena:
    """A run of bytes, appended to and forgotten from the front: first what is in files, then whole segments in memory,
    then the ``tail``. Offsets count from the first byte ever.

    A writer on the hot path appends to ``tail`` itself and calls ``turn`` when ``len(tail) >= segment_bytes``.

    Parameters
    ----------
    spill_bytes : int
        Past this size segments move to unlinked temporary files, two for each new one, until none is left in memory:
        no single message has to wait for 64 MiB to be written.
    """

    def __init__(self, spill_bytes: int = SPILL_BYTES) -> None:
        self.tail = bytearray()
        self.tail_start = 0
        self.segment_bytes = max(1, min(_SEGMENT_BYTES, spill_bytes))
        self._file_bytes = _FILE_BYTES // self.segment_bytes * self.segment_bytes
        self._spill_bytes = spill_bytes
        self._spilling = False
        self._segments: deque[bytes] = deque()
        self._files: deque[IO[bytes]] = deque()
        self._files_start = 0
        self._spilled_to = 0
        weakref.finalize(self, _close, self._files)

    def __len__(self) -> int:
        return self.tail_start + len(self.tail)

    @property
    def resident_bytes(self) -> int:
        """How many of the bytes are in memory."""
        return len(self) - self._spilled_to

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
            if self._spilling or self.resident_bytes > self._spill_bytes:
                self._spill()

    def forget(self, before: int) -> None:
        """Let go of what stands before an offset, as far as whole segments and files hold nothing else."""
        size, file_bytes = self.segment_bytes, self._file_bytes
        while self._files and self._files_start + file_bytes <= min(before, self._spilled_to):
            self._files.popleft().close()
            self._files_start += file_bytes
        if self._files and self._spilled_to <= before:  # the last file is not full, and nothing in it is wanted
            self._files.pop().close()
        if not self._files:
            while self._segments and self._spilled_to + size <= before:
                self._segments.popleft()
                self._spilled_to += size
            self._files_start = self._spilled_to
            self._spilling = False

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes from ``start`` up to ``end``, none of which has been forgotten."""
        if start >= self.tail_start:
            return bytes(self.tail[start - self.tail_start : end - self.tail_start])
        parts = []
        while start < end:
            parts.append(self._part(start, end))
            start += len(parts[-1])
        return b"".join(parts)

    def close(self) -> None:
        """Give the files back, and with them all that was in them."""
        _close(self._files)

    def _part(self, start: int, end: int) -> bytes:
        if start >= self.tail_start:
            return bytes(self.tail[start - self.tail_start : end - self.tail_start])
        if start < self._spilled_to:
            number, at = divmod(start - self._files_start, self._file_bytes)
            file = self._files[number]
            file.seek(at)
            return file.read(min(end, self._spilled_to, self._files_start + (number + 1) * self._file_bytes) - start)
        segment, at = divmod(start - self._spilled_to, self.segment_bytes)
        return self._segments[segment][at : at + end - start]

    def _spill(self) -> None:
        self._spilling = True
        for _ in range(min(2, len(self._segments))):
            file, at = self._file_to_write()
            file.seek(at)
            file.write(self._segments.popleft())
            self._spilled_to += self.segment_bytes

    def _file_to_write(self) -> tuple[IO[bytes], int]:
        """Return the file that takes the next segment, and where in it."""
        number, at = divmod(self._spilled_to - self._files_start, self._file_bytes)
        if number == len(self._files):
            import tempfile

            # It lives as long as its bytes are wanted.
            self._files.append(tempfile.TemporaryFile(prefix="voxlab-journal-"))  # noqa: SIM115
        return self._files[number], at


def _close(files: deque[IO[bytes]]) -> None:
    while files:
        files.pop().close()
