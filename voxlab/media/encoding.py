"""A source as the payloads of one codec, frame by frame. Must not know packets or time.

What has no memory is turned once, as a whole; a codec that remembers is asked for one frame after the other, and goes
on from where it was when the source changes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from voxlab.media.codecs import Codec, Encoder, SampleCodec
from voxlab.media.silence import Activity
from voxlab.media.sources import Source, window_of

Octets = npt.NDArray[np.uint8]


class Encoding:
    """The frames of one source.

    Parameters
    ----------
    codec : Codec
    source : Source
    ptime_s : float
    encoder : Encoder, optional
        The state that the source before left.
    """

    def __init__(self, codec: Codec, source: Source, ptime_s: float, encoder: Encoder | None = None) -> None:
        self.frame_samples = round(ptime_s * codec.sample_rate_hz)
        self._samples = source.at(codec.sample_rate_hz)
        self.loop = source.loop
        self._source, self._rate_hz = source, codec.sample_rate_hz
        self._activity: Activity | None = None
        self._plain = codec if isinstance(codec, SampleCodec) else None
        self._encoded = self._plain.encode(self._samples) if self._plain else np.empty(0, np.uint8)
        self.encoder = encoder if self._plain else encoder or codec.make_encoder(ptime_s)
        self._window: tuple[tuple[int, int], Octets] = ((-1, 0), np.empty((0, 0), np.uint8))

    @property
    def frames(self) -> int | None:
        """How many frames the source fills; None without an end."""
        return None if self.loop else -(-len(self._samples) // self.frame_samples)

    @property
    def whole(self) -> Octets:
        """The octets of the whole source, shape (n,), of a codec without memory; none of another."""
        return np.ascontiguousarray(self._encoded).reshape(-1)

    @property
    def activity(self) -> Activity:
        """Where the source speaks, worked out when it is first asked for."""
        if self._activity is None:
            self._activity = Activity(self._source, self._rate_hz, self.frame_samples)
        return self._activity

    def octets(self, first: int, count: int) -> Octets:
        """Return the payloads of ``count`` frames from ``first`` on: uint8 array, shape (count, octets).

        Where the same sound comes round again it is the same array, backed by one `bytes`: not to be written to.
        """
        if self._plain is not None:
            size = self.frame_samples * self._plain.width
            start, length = first * size, len(self._encoded)
            place = (start % length if self.loop and length else start), count
            if self._window[0] != place:
                read = window_of(self._encoded, start, count * size, loop=self.loop, silence=self._plain.silence)
                self._window = place, np.frombuffer(read.tobytes(), np.uint8).reshape(count, size)
            return self._window[1]
        samples = window_of(
            self._samples, first * self.frame_samples, count * self.frame_samples, loop=self.loop, silence=0
        )
        return self._by_frame(samples.reshape(count, self.frame_samples))

    def _by_frame(self, frames: npt.NDArray[np.int16]) -> Octets:
        assert self.encoder is not None
        payloads = [self.encoder.frame(each) for each in frames]
        return np.frombuffer(b"".join(payloads), np.uint8).reshape(len(payloads), -1)
