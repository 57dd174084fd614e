"""``python -m voxlab.host.ends.translating FD``: a process of its own, so that translated media waits for nobody.

Packets come with a header that goes back with them; what they become is told by ``media.translation``. Must not know
addresses or calls: only numbers of sides.
"""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from voxlab import kernels
from voxlab.media.codecs import Format, find_format
from voxlab.media.translation import Translation, between
from voxlab.net.plane.translator import FOR_PROGRAM, HEADER, LARGEST_BYTES, READY

Told = Sequence[Any]


def told_of(media: Format) -> list[Any]:
    """Return a format as it is told to the process."""
    return [media.name, media.payload_type, media.clock_rate_hz]


class Translations:
    """What becomes of the packets of each side, by serial number."""

    def __init__(self) -> None:
        self._by_serial: dict[int, Translation] = {}

    def take(self, message: Mapping[str, Any]) -> None:
        """Take a new translation for a side, in place of the one before, or drop it."""
        serial = int(message["serial"])
        before = self._by_serial.pop(serial, None)
        if "sends" not in message:
            return
        made = between(_formats(message["receives"]), _formats(message["sends"]), before)
        if made is not None:
            if before is None:
                made.clocks.update({int(ssrc): (came, left) for ssrc, came, left in message["clocks"]})
            self._by_serial[serial] = made

    def packet(self, serial: int, data: bytes) -> bytes | None:
        """Return what a packet becomes, None for nothing."""
        translation = self._by_serial.get(serial)
        return None if translation is None else translation.packet(data)


def _formats(told: Sequence[Told]) -> list[Format]:
    found = []
    for name, payload_type, clock_rate_hz in told:
        known = find_format(name, clock_rate_hz)
        found.append(known.at(payload_type) if known else Format(name, payload_type, clock_rate_hz))
    return found


def serve(place: socket.socket) -> None:
    """Translate until the other side is closed; whatever a peer sends, go on."""
    translations = Translations()
    place.send(READY)
    while data := place.recv(LARGEST_BYTES):
        serial, _ = HEADER.unpack_from(data)
        with contextlib.suppress(Exception):
            if serial == FOR_PROGRAM:
                translations.take(json.loads(data[HEADER.size :]))
                continue
            made = translations.packet(serial, data[HEADER.size :])
            if made is not None:
                place.send(data[: HEADER.size] + made)


def main() -> None:
    """Serve on the socket that was handed down."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    kernels.load()
    with socket.socket(fileno=int(sys.argv[1])) as place, contextlib.suppress(OSError):
        place.setblocking(True)
        serve(place)


if __name__ == "__main__":
    main()
