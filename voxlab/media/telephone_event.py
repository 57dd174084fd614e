"""Telephone events between bytes and values, and which packets a key makes (RFC 4733 s.2.3, s.2.5, s.3).

Must not know streams: a frame is a number here, a time stamp a count of ticks.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from voxlab.media.errors import MediaError

KEYS: Final = "0123456789*#ABCD"
"""Each at the place of its event code (s.3.2)."""
FLASH: Final = 16
END_COPIES: Final = 3
TONE_S: Final = 0.16
PAUSE_S: Final = 0.08
VOLUME_DBM0: Final = -10
MAX_DURATION_TICKS: Final = 0xFFFF
_PAYLOAD: Final = struct.Struct("!BBH")


class TelephoneEvent(NamedTuple):
    """What one packet says of an event.

    Attributes
    ----------
    event : int
        0 to 15 for the keys of `KEYS`, 16 for a flash.
    end : bool
    volume : int
        0 to 63: the tone's power is that many dB below 0 dBm0.
    duration : int
        Ticks from the event's timestamp on, 16 bits.
    """

    event: int
    end: bool
    volume: int
    duration: int

    @property
    def key(self) -> str:
        """The key, "flash", or the event's number in words."""
        if self.event < len(KEYS):
            return KEYS[self.event]
        return "flash" if self.event == FLASH else f"event {self.event}"


def pack_event(event: TelephoneEvent) -> bytes:
    """Return the payload; what exceeds its bits is clipped to them."""
    duration = min(event.duration, MAX_DURATION_TICKS)
    return _PAYLOAD.pack(event.event, (0x80 if event.end else 0) | min(event.volume, 63), duration)


def parse_event(payload: bytes) -> TelephoneEvent:
    """Read a payload; what stands behind its first four octets (further events of RFC 2833) is left alone.

    Raises
    ------
    MediaError
        It has fewer than four octets.
    """
    if len(payload) < _PAYLOAD.size:
        raise MediaError(f"a telephone event has {_PAYLOAD.size} octets, this has {len(payload)}", rfc="RFC 4733 s.2.3")
    event, bits, duration = _PAYLOAD.unpack_from(payload)
    return TelephoneEvent(event, bits >= 0x80, bits & 0x3F, duration)


class EventFrame(NamedTuple):
    """The packet that leaves in one frame: its payload, the frame where its event began, and whether that is this."""

    payload: bytes
    began: int
    marker: bool


def frames_of_digits(
    digits: str,
    first: int,
    frame_ticks: int,
    ptime_s: float,
    *,
    tone_s: float = TONE_S,
    pause_s: float = PAUSE_S,
    volume_dbm0: int = VOLUME_DBM0,
) -> Iterator[tuple[int, EventFrame]]:
    """Yield which frame carries which packet: updates while the key is down, its end three times (s.2.5.1.4).

    Parameters
    ----------
    digits : str
        Of `KEYS`, letters in any case; a comma is a pause of a second.
    first : int
        The frame where the first key goes down.
    frame_ticks : int
        Ticks of the event's clock in a frame.
    ptime_s, tone_s, pause_s : float
        A frame, a key, and what is between two keys: not less than the three ends need.
    volume_dbm0 : int
        0 to -63.

    Raises
    ------
    ValueError
        Something is no key, or a time or a volume is none.
    """
    check_digits(digits, tone_s, pause_s)
    if not -63 <= volume_dbm0 <= 0:
        raise ValueError(f"the volume of an event is 0 to -63 dBm0, not {volume_dbm0}")
    at, tone, pause = first, max(1, round(tone_s / ptime_s)), max(END_COPIES, round(pause_s / ptime_s))
    for digit in digits.upper():
        if digit == ",":
            at += round(1.0 / ptime_s)
            continue
        code = KEYS.index(digit)
        for frame in range(tone):
            update = TelephoneEvent(code, False, -volume_dbm0, (frame + 1) * frame_ticks)
            yield at + frame, EventFrame(pack_event(update), at, frame == 0)
        end = pack_event(TelephoneEvent(code, True, -volume_dbm0, tone * frame_ticks))
        for copy in range(END_COPIES):
            yield at + tone + copy, EventFrame(end, at, False)
        at += tone + pause


def check_digits(digits: str, tone_s: float = TONE_S, pause_s: float = PAUSE_S) -> None:
    """Refuse what cannot be dialled.

    Raises
    ------
    ValueError
        The text says what, and what can be.
    """
    wrong = sorted({each for each in digits.upper() if each not in KEYS and each != ","})
    if wrong or not digits:
        raise ValueError(
            f"digits are of {KEYS} and a comma for a second's pause; {digits!r} has {', '.join(wrong) or 'none'}"
        )
    if not (0.0 < tone_s <= 5.0 and 0.0 <= pause_s <= 60.0):
        raise ValueError(f"a key is down for up to 5 s and up for up to 60 s, not {tone_s:g} and {pause_s:g}")


class HeardDigit(NamedTuple):
    """A key that was heard.

    Attributes
    ----------
    time_s : float
        Arrival of its first packet, or where its tone began.
    key : str
    duration_s : float
        As far as it is known: what the last packet said.
    volume_dbm0 : float
    method : str
        "rfc4733", "inband" or "info".
    ended : bool
        Whether its end came.
    """

    time_s: float
    key: str
    duration_s: float
    volume_dbm0: float
    method: str
    ended: bool = True


class EventReceiver:
    """Puts the packets of events together: one key per timestamp, however many packets of it are lost.

    An event longer than 16 bits of ticks comes in segments, each beginning where the one before it ended (s.2.5.1.3).
    """

    def __init__(self) -> None:
        self._heard: dict[int, HeardDigit] = {}
        self._segment_end: dict[int, int] = {}

    def receive(self, payload: bytes, timestamp: int, clock_rate_hz: int, time_s: float) -> HeardDigit | None:
        """Take one payload; return the key if it is heard for the first time.

        Raises
        ------
        MediaError
            It is no event.
        """
        event = parse_event(payload)
        began = self._segment_end.get(timestamp, timestamp)
        known = self._heard.get(began)
        if known is not None and known.key != event.key:
            known, began = None, timestamp
        length_s = ((timestamp - began & 0xFFFFFFFF) + event.duration) / clock_rate_hz
        if event.duration == MAX_DURATION_TICKS and not event.end:
            self._segment_end[timestamp + event.duration & 0xFFFFFFFF] = began
        if known is None:
            digit = HeardDigit(time_s, event.key, length_s, -float(event.volume), "rfc4733", event.end)
        else:
            longest = max(known.duration_s, length_s)
            digit = known._replace(duration_s=longest, ended=known.ended or event.end)
        self._heard[began] = digit
        return digit if known is None else None

    @property
    def heard(self) -> list[HeardDigit]:
        """The keys so far, in the order in which they came."""
        return list(self._heard.values())
