"""Media formats by name and payload type, and the codecs among them (RFC 3551 s.4.5.14 and s.6, RFC 4733).

Must not know packets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from voxlab.kernels import g711
from voxlab.kernels.quality import G711, Equipment

Samples = npt.NDArray[np.int16]
Octets = npt.NDArray[np.uint8]

UNKNOWN: Final = "unknown"
"""Name of the format of a payload type that was not agreed on."""


@dataclass(frozen=True, eq=False)
class Format:
    """A format that a payload type stands for.

    Attributes
    ----------
    name : str
        Encoding name as in a=rtpmap, such as "PCMU".
    payload_type : int
        0 to 127; static for PCMU and PCMA, agreed by SDP for others.
    clock_rate_hz : int
        Of the RTP timestamp.
    """

    name: str
    payload_type: int
    clock_rate_hz: int

    @property
    def rtpmap(self) -> str:
        """The format as SDP writes it, such as ``PCMU/8000``."""
        return f"{self.name}/{self.clock_rate_hz}"

    @property
    def tells_time(self) -> bool:
        """Whether timestamps move with the packets; a telephone event keeps its first one (RFC 4733 s.2.2.1)."""
        return self.name not in ("telephone-event", UNKNOWN)

    def at(self, payload_type: int) -> Self:
        """Return the same format under the payload type that SDP agreed on."""
        return replace(self, payload_type=payload_type)


@dataclass(frozen=True, eq=False)
class Codec(Format):
    """A format that turns samples into octets and back.

    Attributes
    ----------
    encode : callable
        int16 samples of any shape -> uint8 octets of the same shape (one octet a sample, so far).
    decode : callable
        The way back.
    silence : int
        The octet of silence.
    equipment : Equipment
        What the E-model needs to know of it (ITU-T G.113).
    """

    encode: Callable[[Samples], Octets]
    decode: Callable[[Octets], Samples]
    silence: int
    equipment: Equipment


PCMU: Final = Codec("PCMU", 0, 8000, g711.encode_ulaw, g711.decode_ulaw, g711.ULAW_SILENCE, G711)
PCMA: Final = Codec("PCMA", 8, 8000, g711.encode_alaw, g711.decode_alaw, g711.ALAW_SILENCE, G711)
TELEPHONE_EVENT: Final = Format("telephone-event", 101, 8000)
FORMATS: Final[tuple[Format, ...]] = (PCMU, PCMA, TELEPHONE_EVENT)


def find_format(name: str, clock_rate_hz: int = 8000, formats: Iterable[Format] = FORMATS) -> Format | None:
    """Return the format that SDP names, in any case (RFC 4855 s.3), or None if it is not known."""
    return next(
        (each for each in formats if each.name.lower() == name.lower() and each.clock_rate_hz == clock_rate_hz), None
    )


def codec(name: str, payload_type: int | None = None) -> Codec:
    """Return a codec by name, under ``payload_type`` if given.

    Raises
    ------
    ValueError
        The name is of no codec here; the text lists those that are.
    """
    found = find_format(name)
    if not isinstance(found, Codec):
        known = ", ".join(each.name for each in FORMATS if isinstance(each, Codec))
        raise ValueError(f"unknown codec {name!r}; there are {known}")
    return found if payload_type is None else found.at(payload_type)


def by_payload_type(formats: Iterable[Format]) -> Mapping[int, Format]:
    """Index formats by their payload types."""
    return {each.payload_type: each for each in formats}
