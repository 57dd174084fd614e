"""Keys told by INFO: the bodies application/dtmf-relay ("Signal=5", "Duration=160") and application/dtmf ("5").

Both are customs of the trade, in no RFC; RFC 6086 s.2 calls such use of INFO legacy. Must not know who sends INFO.
"""

from __future__ import annotations

from typing import Final

from voxlab.media.telephone_event import KEYS, TONE_S, HeardDigit

RELAY: Final = "application/dtmf-relay"
PLAIN: Final = "application/dtmf"
_NUMBERS: Final = {str(number): key for number, key in enumerate(KEYS)}
"""The event codes of RFC 4733 s.3.2, which some phones tell in the place of the key."""
_LONGEST_MS: Final = 60_000


def relay_body(key: str, duration_ms: int) -> bytes:
    """Return the body of type `RELAY` that tells a key."""
    return f"Signal={key}\r\nDuration={duration_ms}\r\n".encode()


def told_digit(content_type: str, body: str, time_s: float) -> HeardDigit | None:
    """Return the key that an INFO tells, None if it tells none.

    Parameters
    ----------
    content_type, body : str
        Of the INFO, as they came: whatever a peer sends raises nothing.
    time_s : float
        When it came.

    Returns
    -------
    HeardDigit or None
        Method "info"; nobody said how loud it was, and without ``Duration`` a key was down as long as our own are.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in (RELAY, PLAIN):
        return None
    fields = _fields(body)
    key = _key(fields.get("signal", "") if kind == RELAY or fields else body.strip())
    if not key:
        return None
    return HeardDigit(time_s, key, _duration_s(fields.get("duration", "")), float("nan"), "info")


def _fields(body: str) -> dict[str, str]:
    """Return what stands behind each name; names in any case, spaces around the sign are seen in the field."""
    lines = (line.partition("=") for line in body.splitlines())
    return {name.strip().lower(): value.strip() for name, sign, value in lines if sign}


def _key(signal: str) -> str:
    key = _NUMBERS.get(signal, signal.upper())
    return key if len(key) == 1 and key in KEYS else ""


def _duration_s(milliseconds: str) -> float:
    told = milliseconds.isascii() and milliseconds.isdigit() and len(milliseconds) < 7
    return min(int(milliseconds), _LONGEST_MS) / 1000.0 if told else TONE_S
