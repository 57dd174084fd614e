"""Sound as a picture: its waveform as an envelope over time, and a spectrogram beneath it, both in one SVG.

Must not know where the samples come from. Figures are computed with numpy, imported when one is asked for.
"""

from __future__ import annotations

import base64
import zlib
from struct import pack
from typing import TYPE_CHECKING

from voxlab.display.svg import Markup, element, number, picture
from voxlab.display.theme import STYLE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_WIDTH, _PAD, _GUTTER = 860, 20, 52
_WAVE, _SPECTRUM, _TITLE, _AXIS = 96, 120, 40, 26
_PLOT = _WIDTH - 2 * _PAD - _GUTTER
_COLUMNS = 400
_BINS = 256
_FLOOR_DB = 70.0
_LEVELS = 64


def waveform_svg(samples: NDArray[np.int16], rate_hz: int, *, title: str, spectrogram: bool = True) -> str:
    """Return what was heard as a picture.

    Parameters
    ----------
    samples : int16 array, shape (n,)
        One channel.
    rate_hz : int
        Samples a second.
    title : str
        What it is, such as "what bob heard".
    spectrogram : bool
        Whether to draw frequencies over time beneath the waveform.
    """
    seconds = len(samples) / rate_hz
    peak_db = _peak_db(samples)
    height = _PAD + _TITLE + _WAVE + (_SPECTRUM + 10 if spectrogram else 0) + _AXIS + _PAD / 2
    words = f"{seconds:,.1f} s, peak {peak_db:.0f} dBFS" if peak_db > -100 else f"{seconds:,.1f} s of silence"
    body = [
        element("rect", class_="paper", width=_WIDTH, height=height, rx=10),
        element("text", title, x=_PAD, y=_PAD + 16, font_size=15, class_="b"),
        element("text", words, x=_WIDTH - _PAD, y=_PAD + 16, font_size=11, class_="s e n"),
        *_wave(samples, _PAD + _TITLE),
        *(_spectrum(samples, rate_hz, _PAD + _TITLE + _WAVE + 10) if spectrogram and len(samples) else []),
        *_time_axis(seconds, height - _PAD / 2 - _AXIS + 4),
    ]
    said = f"{title}: {words}."
    return picture(_WIDTH, height, body, title=title, description=said, style=STYLE, class_="vx")


def _peak_db(samples: NDArray[np.int16]) -> float:
    import numpy as np

    peak = int(np.abs(samples.astype(np.int32)).max()) if len(samples) else 0
    return float(20 * np.log10(peak / 32768)) if peak else float("-inf")


def _wave(samples: NDArray[np.int16], top: float) -> list[Markup]:
    middle = top + _WAVE / 2
    left = _PAD + _GUTTER
    parts = [
        element("line", x1=left, y1=middle, x2=left + _PLOT, y2=middle, class_="life"),
        element("text", "level", x=left - 10, y=middle + 4, font_size=10.5, class_="s e"),
    ]
    if len(samples):
        parts.append(element("path", d=_envelope(samples, left, middle), class_="l0", fill="none", stroke_width=1.4))
    return parts


def _envelope(samples: NDArray[np.int16], left: float, middle: float) -> str:
    """Return a stroke for each column from its smallest to its largest sample."""
    import numpy as np

    columns = min(_COLUMNS, len(samples))
    starts = np.arange(columns) * len(samples) // columns
    low, high = (f.reduceat(samples, starts) / 32768.0 * (_WAVE / 2 - 4) for f in (np.minimum, np.maximum))
    step = _PLOT / columns
    strokes = zip(low.tolist(), high.tolist(), strict=True)
    return "".join(
        f"M{number(left + (at + 0.5) * step)} {number(middle - top - 0.5)}V{number(middle - bottom + 0.5)}"
        for at, (bottom, top) in enumerate(strokes)
    )


def _spectrum(samples: NDArray[np.int16], rate_hz: int, top: float) -> list[Markup]:
    left = _PAD + _GUTTER
    image = element(
        "image",
        x=left,
        y=top,
        width=_PLOT,
        height=_SPECTRUM,
        preserveAspectRatio="none",
        href="data:image/png;base64," + base64.b64encode(_png(_levels(samples))).decode(),
    )
    labels = [
        element(
            "text",
            f"{share * rate_hz / 2000:g} kHz",
            x=left - 10,
            y=top + _SPECTRUM * (1 - share) + 4,
            font_size=10.5,
            class_="s e n",
        )
        for share in (0, 0.5, 1)
    ]
    return [image, *labels]


def _levels(samples: NDArray[np.int16]) -> NDArray[np.uint8]:
    """Return the spectrogram as levels 0 to ``_LEVELS - 1``, shape (bins, columns), the highest frequency first."""
    import numpy as np

    padded = np.pad(samples.astype(np.float64) / 32768.0, (0, _BINS))
    columns = min(_COLUMNS, max(1, len(samples) // 32))
    starts = np.linspace(0, max(0, len(samples) - _BINS), columns).astype(np.int64)
    frames = padded[starts[:, None] + np.arange(_BINS)] * np.hanning(_BINS)
    power_db = 20 * np.log10(np.abs(np.fft.rfft(frames, axis=1)) * 4 / _BINS + 1e-9)
    levels = np.clip((power_db + _FLOOR_DB) / _FLOOR_DB, 0, 1) * (_LEVELS - 1)
    return np.ascontiguousarray(levels.round().astype(np.uint8).T[::-1])


def _png(levels: NDArray[np.uint8]) -> bytes:
    """Return a palette PNG of the levels: from transparent to blue to yellow, which both themes carry (ISO 15948)."""
    height, width = levels.shape
    palette, alpha = b"", b""
    for level in range(_LEVELS):
        share = level / (_LEVELS - 1)
        palette += bytes(
            (round(240 * share**1.6), round(114 + 114 * share), round(178 * (1 - share**2) + 66 * share**2))
        )
        alpha += bytes((round(255 * min(1.0, share * 2.2)),))
    lines = b"".join(b"\0" + row.tobytes() for row in levels)
    chunks = (
        (b"IHDR", pack("!IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", palette),
        (b"tRNS", alpha),
        (b"IDAT", zlib.compress(lines, 9)),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in (*chunks, (b"IEND", b"")))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return pack("!I", len(data)) + kind + data + pack("!I", zlib.crc32(kind + data))


def _time_axis(seconds: float, y: float) -> list[Markup]:
    left = _PAD + _GUTTER
    step = _round_step(seconds / 8)
    count = int(seconds / step) if step else 0
    drawn = []
    for tick in range(count + 1):
        x = left + (tick * step / seconds * _PLOT if seconds else 0)
        drawn.append(element("line", x1=x, y1=y - 2, x2=x, y2=y + 3, class_="life"))
        drawn.append(element("text", f"{tick * step:g} s", x=x, y=y + 16, font_size=10.5, class_="s c n"))
    return drawn


def _round_step(at_least: float) -> float:
    """Return the next of 1, 2, 5 times a power of ten."""
    if at_least <= 0:
        return 0.0
    step = 1e-3
    while True:
        for factor in (1, 2, 5):
            if step * factor >= at_least:
                return step * factor
        step *= 10
