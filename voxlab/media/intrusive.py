"""What was heard beside what was sent: PESQ (ITU-T P.862, P.862.2) and STOI, by the libraries that have them.

Both need the two sounds in step, so they are aligned first. The libraries are extras, loaded when first needed. Must
not know packets or calls.
"""

from __future__ import annotations

import importlib
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from voxlab.base.errors import VoxlabError
from voxlab.media.resampling import resample
from voxlab.media.sources import Source

Samples = npt.NDArray[np.int16]

SHORTEST_S: Final = 0.5
_NARROW_HZ, _WIDE_HZ = 8000, 16_000
_CURES: Final = {
    "pesq": "PESQ needs the package pesq, which is compiled: pip install 'voxlab[quality]' (with a C compiler)",
    "pystoi": "STOI needs the package pystoi: pip install 'voxlab[quality]'",
}


class QualityUnavailable(VoxlabError):
    """The library of a measure is not installed."""


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise QualityUnavailable(f"{_CURES[name]} ({error})") from error


def sent_and_heard(sent: Source, heard: Samples, rate_hz: int) -> tuple[Samples, Samples]:
    """Return what was sent and what was heard of it, in step and of one length.

    Parameters
    ----------
    sent : Source
        A loop counts from any place: somebody may have begun to listen late.
    heard : int16 array, shape (n,)
    rate_hz : int
        Of ``heard``, and of what is returned.

    Returns
    -------
    int16 arrays, shape (m,) and (m,)

    Raises
    ------
    VoxlabError
        Less than half a second is left, or one of the two is silent.
    """
    whole = sent.at(rate_hz)
    if sent.loop:
        whole = np.resize(whole, len(whole) + len(heard))
    shift = _shift(whole, heard)
    reference, degraded = whole[max(0, shift) :], heard[max(0, -shift) :]
    length = min(len(reference), len(degraded))
    if length < SHORTEST_S * rate_hz or not reference[:length].any() or not degraded[:length].any():
        raise VoxlabError(
            f"only {length / rate_hz:.2f} s of what was heard lie beside what was sent, and {SHORTEST_S} s are needed"
        )
    return reference[:length], degraded[:length]


def _shift(reference: Samples, degraded: Samples) -> int:
    """Return where in ``reference`` the first sample of ``degraded`` lies, by the peak of their correlation."""
    size = 1 << (len(reference) + len(degraded) - 1).bit_length()
    spectra = [np.fft.rfft(each.astype(np.float64), size) for each in (reference, degraded)]
    correlation = np.fft.irfft(spectra[0] * np.conj(spectra[1]), size)
    peak = int(np.argmax(correlation))
    return peak if peak < len(reference) else peak - size


def pesq(sent: Source, heard: Samples, rate_hz: int) -> float:
    """Return MOS-LQO by PESQ: narrowband (P.862.1) at 8 kHz, wideband (P.862.2) above.

    Raises
    ------
    QualityUnavailable
        The library is not installed; the text has the command.
    VoxlabError
        The two cannot be laid beside each other, or PESQ finds no speech in them.
    """
    library = _library("pesq")
    wide = rate_hz > _NARROW_HZ
    at_hz = _WIDE_HZ if wide else _NARROW_HZ
    reference, degraded = sent_and_heard(sent, resample(heard, rate_hz, at_hz), at_hz)
    try:
        return float(library.pesq(at_hz, reference, degraded, "wb" if wide else "nb"))
    except library.PesqError as error:
        raise VoxlabError(f"PESQ cannot judge this: {error}") from error


def stoi(sent: Source, heard: Samples, rate_hz: int) -> float:
    """Return the short-time objective intelligibility, 0 to 1 (Taal and others, 2011).

    Raises
    ------
    QualityUnavailable
        The library is not installed; the text has the command.
    VoxlabError
        The two cannot be laid beside each other.
    """
    library = _library("pystoi")
    reference, degraded = sent_and_heard(sent, heard, rate_hz)
    return float(library.stoi(reference.astype(np.float64), degraded.astype(np.float64), rate_hz))
