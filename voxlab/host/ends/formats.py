"""From what was agreed on to the codecs and formats of ``media`` (RFC 3551, RFC 4733)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from voxlab.dialog.media_agreed import MediaAgreed
from voxlab.sip.sdp import Codec as Offered

if TYPE_CHECKING:
    from voxlab.media.codecs import Codec, Format


def spoken_codec(agreed: MediaAgreed) -> Codec:
    """Return our codec for what was agreed."""
    from voxlab.media.codecs import codec

    said = agreed.codec
    return codec(said.encoding, said.payload_type, said.clock_rate_hz)


def event_format(agreed: MediaAgreed) -> Format | None:
    """Return the telephone events that the far end takes, None without."""
    return next((each for each in formats_of(agreed.sends) if each.payload_type == agreed.event_payload_type), None)


def formats_of(told: Sequence[Offered]) -> list[Format]:
    """Return the formats of codecs as SDP named them, under their payload types; what we cannot decode is counted."""
    return list(_formats(tuple(told)))


@lru_cache(maxsize=256)
def _formats(told: tuple[Offered, ...]) -> tuple[Format, ...]:
    from voxlab.media.codecs import FORMATS, Format, find_format

    found = []
    for each in told:
        known = find_format(each.encoding, each.clock_rate_hz)
        found.append(
            known.at(each.payload_type) if known else Format(each.encoding, each.payload_type, each.clock_rate_hz)
        )
    return tuple(found or FORMATS)
