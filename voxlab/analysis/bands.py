"""The media of a flow: RTP between two columns as one band, however many packets went either way.

Must not know codecs beyond their names (RFC 3551 s.6 for the static payload types).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from voxlab.base.datagram import Address
from voxlab.base.records import DELIVERED, REFUSED, MediaStarted, Note, RtpBlock, StreamMeasured

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from voxlab.analysis.offers import MediaEnd
    from voxlab.analysis.participants import Columns
    from voxlab.base.journal import Journal

STATIC_NAMES = {0: "PCMU", 3: "GSM", 4: "G723", 8: "PCMA", 9: "G722", 13: "CN", 18: "G729"}
"""RFC 3551 s.6, what is still met."""

_AUXILIARY = {"CN", "telephone-event"}


@dataclass(frozen=True, slots=True)
class Band:
    """RTP between the columns ``left`` and ``right`` while it lasted; packet counts by direction (None where a journal
    that keeps no packets cannot say), and how many the network lost.
    """

    start_s: float
    end_s: float
    left: int
    right: int
    leg: str
    codec: str
    rightward: int | None
    leftward: int | None
    lost: int = 0


class Traffic(NamedTuple):
    """Packets of one stream, summed up."""

    src: Address
    dst: Address
    start_s: float
    end_s: float
    packets: int
    lost: int
    payload_type: int
    codec: str
    call_id: str
    outcome: int = DELIVERED


def bands(
    journal: Journal,
    notes: Iterable[Note],
    columns: Columns,
    owners: Mapping[Address, MediaEnd],
    letters: Mapping[str, str],
    *,
    whole_lab: bool = False,
) -> list[Band]:
    """Return the bands of a flow; ``owners`` says whose address the session descriptions made known, ``letters`` the
    leg of a Call-ID.
    """
    notes = list(notes)
    codecs = _codecs(notes)
    found: dict[tuple[int, int, str], Band] = {}
    for traffic in (*_from_blocks(journal), *_from_measurements(journal, notes)):
        src, dst = _column(traffic.src, owners, columns), _column(traffic.dst, owners, columns)
        call_id = traffic.call_id or _call_id(traffic, owners)
        if src is None or dst is None or not (whole_lab or call_id in letters):
            continue
        from_nat, to_nat = columns.nats(traffic.src, traffic.dst, traffic.outcome)
        src, dst = src if from_nat is None else from_nat, dst if to_nat is None else to_nat
        one = _band(traffic, src, dst, letters.get(call_id, ""), _codec_name(traffic, owners, codecs))
        key = one.left, one.right, one.leg
        found[key] = _joined(found[key], one) if key in found else one
    drawn = found.values() if journal.payloads != "none" else map(_as_far_as_known, found.values())
    return sorted(drawn, key=lambda band: (band.start_s, band.left, band.right))


def _as_far_as_known(band: Band) -> Band:
    """Return a band without the count of what we sent ourselves, which is known from kept packets alone."""
    return replace(band, rightward=band.rightward or None, leftward=band.leftward or None)


def _column(address: Address, owners: Mapping[Address, MediaEnd], columns: Columns) -> int | None:
    return owners[address].column if address in owners else columns.find(address)


def _call_id(traffic: Traffic, owners: Mapping[Address, MediaEnd]) -> str:
    ends = (owners.get(traffic.dst), owners.get(traffic.src))
    return next((end.call_id for end in ends if end), "")


def _band(traffic: Traffic, src: int, dst: int, leg: str, codec: str) -> Band:
    right, left = (traffic.packets, 0) if src <= dst else (0, traffic.packets)
    return Band(traffic.start_s, traffic.end_s, min(src, dst), max(src, dst), leg, codec, right, left, traffic.lost)


def _joined(one: Band, other: Band) -> Band:
    return Band(
        start_s=min(one.start_s, other.start_s),
        end_s=max(one.end_s, other.end_s),
        left=one.left,
        right=one.right,
        leg=one.leg,
        codec=_joined_names(one.codec, other.codec),
        rightward=(one.rightward or 0) + (other.rightward or 0),
        leftward=(one.leftward or 0) + (other.leftward or 0),
        lost=one.lost + other.lost,
    )


def _joined_names(one: str, other: str) -> str:
    names = dict.fromkeys(name for name in (*one.split(" + "), other) if name)
    spoken = [name for name in names if name not in _AUXILIARY]
    return " + ".join(spoken or names)


def _from_blocks(journal: Journal) -> list[Traffic]:
    found: dict[tuple[Address, Address, int, int], Traffic] = {}
    for block in journal.rtp_blocks:
        one = _summed(block)
        key = block.src, block.dst, block.ssrc, one.outcome
        found[key] = _longer(found[key], one) if key in found else one
    return list(found.values())


def _summed(block: RtpBlock) -> Traffic:
    lost = int((block.outcome != DELIVERED).sum())
    payload_type = int(block.payload_type[0]) & 0x7F
    start_s, end_s = float(block.time_s[0]), float(block.time_s[-1])
    fate = REFUSED if bool((block.outcome == REFUSED).all()) else DELIVERED
    return Traffic(block.src, block.dst, start_s, end_s, len(block), lost, payload_type, "", block.call_id, fate)


def _longer(one: Traffic, other: Traffic) -> Traffic:
    return one._replace(
        end_s=max(one.end_s, other.end_s), packets=one.packets + other.packets, lost=one.lost + other.lost
    )


def _from_measurements(journal: Journal, notes: Iterable[Note]) -> list[Traffic]:
    """Return the streams of which the journal kept no packets, only what their receivers counted."""
    kept = {(block.src, block.dst, block.ssrc) for block in journal.rtp_blocks}
    return [
        Traffic(
            n.src,
            n.dst,
            n.start_s,
            n.start_s + n.duration_s,
            n.packets + n.lost,
            n.lost,
            n.payload_type,
            n.codec,
            n.call_id,
        )
        for n in notes
        if isinstance(n, StreamMeasured) and (n.src, n.dst, n.ssrc) not in kept
    ]


def _codecs(notes: Iterable[Note]) -> dict[tuple[Address, Address, int], str]:
    """Return the names that hosts gave to payload types on a pair of addresses, either way."""
    names: dict[tuple[Address, Address, int], str] = {}
    for note in notes:
        if isinstance(note, MediaStarted):
            names[note.local, note.remote, note.payload_type] = note.codec
            names[note.remote, note.local, note.payload_type] = note.codec
    return names


def _codec_name(
    traffic: Traffic, owners: Mapping[Address, MediaEnd], codecs: Mapping[tuple[Address, Address, int], str]
) -> str:
    """Return a codec's name: as measured, as agreed, as the receiver described it, as RFC 3551 has it."""
    owner = owners.get(traffic.dst)
    return (
        traffic.codec
        or codecs.get((traffic.src, traffic.dst, traffic.payload_type), "")
        or (owner.names.get(traffic.payload_type, "") if owner else "")
        or STATIC_NAMES.get(traffic.payload_type, f"payload type {traffic.payload_type}")
    )
