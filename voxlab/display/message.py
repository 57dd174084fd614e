"""One message of a ladder as a page shows it: when and which way it went, then field by field.

Must not know the journal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxlab.display.reading import read

if TYPE_CHECKING:
    from voxlab.analysis.entries import Entry
    from voxlab.sip.message import Request, Response


def message_html(number: int, entry: Entry, message: Request | Response) -> str:
    """Return a message explained, as HTML without scripts.

    Parameters
    ----------
    number : int
        Of the ladder, from 1.
    entry : Entry
        When it was seen, and between whom.
    message : Request or Response
        What it says.
    """
    way = f"{entry.transport} {entry.src} → {entry.dst}"
    return read(message).html(f"message {number} · {entry.time_s:.3f} s · {way} · {len(message.raw):,} bytes")
