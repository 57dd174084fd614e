"""What the session descriptions of a call make known: whose the media addresses are, and a word on each for the
ladder (RFC 8866, RFC 3264).

Must not know offers from answers. A description that cannot be read says nothing here; the message explains why.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from voxlab.base.datagram import Address
from voxlab.base.errors import SipSyntaxError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from voxlab.analysis.entries import Entry
    from voxlab.analysis.participants import Columns
    from voxlab.sip.sdp import Media, SessionDescription


class MediaEnd(NamedTuple):
    """Whose a media address is: the column that first described it, in which Call-ID, and its names for payload
    types.
    """

    column: int
    call_id: str
    names: Mapping[int, str]


def media_owners(entries: Iterable[Entry], columns: Columns) -> dict[Address, MediaEnd]:
    """Return whose each media address is; who describes an address first owns it, whoever passes it on later."""
    owners: dict[Address, MediaEnd] = {}
    for entry in entries:
        for address, media in _streams(_description(entry)):
            if address not in owners:
                names = {codec.payload_type: codec.encoding for codec in media.codecs()}
                owners[address] = MediaEnd(columns.of(entry.src), entry.call_id, names)
    return owners


def offer_note(entry: Entry) -> str:
    """Return a description in short, such as ``SDP PCMU PCMA · 192.0.2.11:4000``; "" if there is none."""
    return " | ".join(_in_short(address, media) for address, media in _streams(_description(entry)))


def _in_short(address: Address, media: Media) -> str:
    codecs = " ".join(dict.fromkeys(codec.encoding for codec in media.codecs() if codec.encoding != "telephone-event"))
    direction = media.direction
    held = f" {direction}" if direction not in {None, "sendrecv"} else ""
    where = str(address) if address.port else "refused"
    return f"SDP {codecs or media.type}{held} · {where}"


def _description(entry: Entry) -> SessionDescription | None:
    if entry.message is None:
        return None
    try:
        return entry.message.sdp
    except SipSyntaxError:
        return None


def _streams(description: SessionDescription | None) -> list[tuple[Address, Media]]:
    if description is None:
        return []
    return [(Address(_host(media, description), media.port), media) for media in description.media]


def _host(media: Media, description: SessionDescription) -> str:
    connection = media.connection or description.connection
    return connection.address if connection else description.origin.address
