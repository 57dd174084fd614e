"""Make the two speech samples of this folder: ``python data/make_speech.py`` (needs espeak-ng; see README.md)."""

from __future__ import annotations

import io
import subprocess
import wave
from pathlib import Path

import numpy as np

RATE_HZ = 8000
PEAK = 0.5
SENTENCES = {
    "hello": ("en-gb+f3", "Hello, this is Alice. If you can hear me, media flows both ways."),
    "answer": ("en-us+m3", "Hi Alice, Bob speaking. I hear you well, not one packet was lost."),
}


def synthesised(voice: str, text: str) -> tuple[np.ndarray, int]:
    """Return what espeak-ng says, as samples and their rate."""
    spoken = subprocess.run(
        ["espeak-ng", "-v", voice, "-s", "165", "--stdout", text], check=True, capture_output=True
    ).stdout
    with wave.open(io.BytesIO(spoken)) as source:
        frames = source.readframes(10**9)  # the header of a stream does not know its length
        return np.frombuffer(frames, dtype="<i2").astype(float), source.getframerate()


def resampled(samples: np.ndarray, rate_hz: int) -> np.ndarray:
    """Return the samples at 8 kHz.

    The spectrum is cut at 3.4 kHz, as a telephone does, and inverted on the new grid.
    """
    count = round(len(samples) * RATE_HZ / rate_hz)
    spectrum = np.fft.rfft(samples)
    frequency = np.fft.rfftfreq(len(samples), 1 / rate_hz)
    spectrum[frequency > 3400.0] = 0
    return np.fft.irfft(spectrum[: count // 2 + 1], count) * count / len(samples)


def main() -> None:
    """Write each sentence as 8 kHz, mono, 16 bits, peak at half of full scale."""
    for name, (voice, text) in SENTENCES.items():
        samples = resampled(*synthesised(voice, text))
        samples *= PEAK * 32767 / np.abs(samples).max()
        with wave.open(str(Path(__file__).with_name(f"{name}.wav")), "wb") as target:
            target.setnchannels(1)
            target.setsampwidth(2)
            target.setframerate(RATE_HZ)
            target.writeframes(np.rint(samples).astype("<i2").tobytes())
        print(f"{name}.wav: {len(samples) / RATE_HZ:.2f} s")


if __name__ == "__main__":
    main()
