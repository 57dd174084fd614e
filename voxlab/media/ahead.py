"""Frames that are encoded before they are due, one after the other, for their encoder remembers.

Must not know who encodes them, and who sends them when.
"""

from __future__ import annotations

import numpy as np

from voxlab.media.encoding import Octets


class Ahead:
    """Consecutive frames, each of as many octets: added behind the last, taken or forgotten at the front.

    Attributes
    ----------
    first, end : int
        The numbers of its first frame, and of the one behind its last.
    """

    def __init__(self) -> None:
        self.clear(0)

    def clear(self, first: int) -> None:
        """Forget all; what comes next is frame ``first``."""
        self.first = first
        self._frames: Octets = np.empty((0, 0), np.uint8)

    @property
    def end(self) -> int:
        """The number of the frame behind the last."""
        return self.first + len(self._frames)

    @property
    def frame_octets(self) -> int:
        """Octets a frame."""
        return int(self._frames.shape[1])

    @property
    def sound(self) -> Octets:
        """All octets, shape (n,)."""
        return self._frames.reshape(-1)

    def add(self, frames: Octets) -> None:
        """Put frames behind the last."""
        self._frames = np.concatenate((self._frames, frames)) if len(self._frames) else frames

    def forget(self, before: int) -> None:
        """Let go of frames that nobody wants any more."""
        if before >= self.end:
            self.clear(before)
        elif before > self.first:
            self._frames = self._frames[before - self.first :]
            self.first = before

    def take(self, frame: int, count: int) -> Octets:
        """Return the frames of these numbers that are there, and forget them and all before."""
        self.forget(frame)
        taken = self._frames[:count]
        self.forget(frame + len(taken))
        return taken
