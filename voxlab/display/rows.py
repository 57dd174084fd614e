"""What stands in which row of a ladder, for text and SVG alike: messages, media side by side, remarks, and what is
folded away.

Must not know how a row is drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from voxlab.analysis.callflow import Arrow, Band, CallFlow, Event, Remark

FOLD_MESSAGES = 60
"""A ladder with more messages than these is folded in its middle."""

_HEAD_SHARE = 2 / 3


@dataclass(frozen=True, slots=True)
class Bands:
    """Media that began between the same two messages, side by side."""

    bands: tuple[Band, ...]


@dataclass(frozen=True, slots=True)
class Fold:
    """Messages that are not shown."""

    messages: int

    @property
    def text(self) -> str:
        """The line that says so."""
        return f"{self.messages:,} messages folded away; ladder(fold=None) shows them"


Row = Arrow | Remark | Bands | Fold


def rows(flow: CallFlow, fold: int | None = FOLD_MESSAGES) -> list[Row]:
    """Return the rows of a ladder in order; past ``fold`` messages those in the middle become one ``Fold``."""
    return _side_by_side(_folded(flow.events, fold))


def _folded(events: Sequence[Event], fold: int | None) -> list[Event | Fold]:
    at = [index for index, event in enumerate(events) if isinstance(event, Arrow)]
    if fold is None or len(at) <= fold:
        return list(events)
    head = round(fold * _HEAD_SHARE)
    first, last = at[head - 1] + 1, at[len(at) - (fold - head)]
    return [*events[:first], Fold(len(at) - fold), *events[last:]]


def _side_by_side(events: Iterable[Event | Fold]) -> list[Row]:
    found: list[Row] = []
    for event in events:
        if not isinstance(event, Band):
            found.append(event)
        elif found and isinstance(found[-1], Bands) and _fits(found[-1].bands, event):
            found[-1] = Bands((*found[-1].bands, event))
        else:
            found.append(Bands((event,)))
    return found


def _fits(bands: Iterable[Band], other: Band) -> bool:
    return all(other.left >= band.right or other.right <= band.left for band in bands)


def marked(arrow: Arrow, *, short: bool = False) -> str:
    """Return an arrow's label with the marks that carry its meaning without colour."""
    marks = "☛ " if arrow.mark else ""
    marks += ("✗ " if arrow.failure else "") + ("↻ " if arrow.retransmission else "")
    return marks + without_scheme(arrow.label) if short else marks + arrow.label


def without_scheme(label: str) -> str:
    """Return a request line's label without ``sip:``, which says nothing new and costs room."""
    method, _, target = label.partition(" ")
    return f"{method} {target.removeprefix('sip:')}" if target else label


def band_words(band: Band) -> tuple[str, str, str]:
    """Return what a band says: codec, packets either way, and what was lost ("" for nothing)."""
    lost = f"✗ {band.lost:,} lost" if band.lost else ""
    counts = (
        "" if band.rightward is None else f"{band.rightward:,}→",
        "" if band.leftward is None else f"←{band.leftward:,}",
    )
    return band.codec, " ".join(filter(None, counts)), lost
