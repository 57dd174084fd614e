"""The one source of randomness: seeded in the simulated world, the operating system's in the live one (RFC 3261 s.19.3
on tags).

Must not know what its identifiers are for; nothing else in voxlab imports ``random`` or ``secrets``.
"""

from __future__ import annotations

import random
import secrets
import zlib

_BLOCK_BYTES = 4096


class _SystemRandom(random.Random):
    """The operating system's generator, drawn in blocks so that an identifier costs no system call."""

    def __init__(self) -> None:
        self._block = b""
        self._at = 0
        super().__init__()

    def seed(self, a: object = None, version: int = 2) -> None:
        return None

    def getrandbits(self, k: int, /) -> int:
        """Draw ``k`` unpredictable bits."""
        size = (k + 7) // 8
        if self._at + size > len(self._block):
            self._block, self._at = secrets.token_bytes(max(_BLOCK_BYTES, size)), 0
        drawn = int.from_bytes(self._block[self._at : self._at + size], "little")
        self._at += size
        return drawn >> (size * 8 - k)

    def random(self) -> float:
        """Draw a float in [0, 1)."""
        return self.getrandbits(53) * 2.0**-53


class Ids:
    """Makes branches, tags, Call-IDs, nonces and the numbers that impairments draw."""

    def __init__(self, source: random.Random, seed: int | None) -> None:
        self._bits = source.getrandbits
        self._source = source
        self.seed = seed

    @classmethod
    def seeded(cls, seed: int) -> Ids:
        """Make a reproducible generator: the same seed gives the same identifiers."""
        return cls(random.Random(seed), seed)

    @classmethod
    def secure(cls) -> Ids:
        """Make a generator fed by the operating system: nonces and keys are never predictable."""
        return cls(_SystemRandom(), None)

    def fork(self, name: str) -> Ids:
        """Make an independent generator for ``name``, so that one more host does not shift everybody's identifiers."""
        if self.seed is None:
            return self
        return Ids.seeded((self.seed << 32) ^ zlib.crc32(name.encode()))

    def token(self, size: int = 8) -> str:
        """Return ``size`` random bytes as lower-case hexadecimal."""
        return f"{self._bits(8 * size):0{2 * size}x}"

    def branch(self) -> str:
        """Return a Via branch with the magic cookie of RFC 3261 s.8.1.1.7."""
        return "z9hG4bK%016x" % self._bits(64)

    def tag(self) -> str:
        """Return a From or To tag: at least 32 random bits (RFC 3261 s.19.3); these have 48."""
        return "%012x" % self._bits(48)

    def call_id(self, host: str) -> str:
        """Return a Call-ID of the form ``localid@host`` (RFC 3261 s.8.1.1.4)."""
        return "%024x@%s" % (self._bits(96), host)

    def nonce(self) -> str:
        """Return a digest nonce: 128 bits nobody can guess in the live world (RFC 7616 s.5.5)."""
        return "%032x" % self._bits(128)

    def uint16(self) -> int:
        """Return an RTP sequence number to start from (RFC 3550 s.5.1)."""
        return self._bits(16)

    def uint32(self) -> int:
        """Return an RTP timestamp or SSRC to start from (RFC 3550 s.5.1)."""
        return self._bits(32)

    def random(self) -> float:
        """Return a float in [0, 1)."""
        return self._source.random()

    def __repr__(self) -> str:
        return f"Ids(seed={self.seed})" if self.seed is not None else "Ids(secure)"
