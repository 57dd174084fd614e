"""The one story every pair of real phones is put through: a call, two tones, two recordings, a hang-up."""

from __future__ import annotations

from .calls import DOMAIN, PASSWORD
from .harness.baresip import Baresip
from .harness.tone import recorded_level_dbfs

CALLER_HZ, CALLEE_HZ = 440, 880
TALK_S = 2.0
# baresip's sine peaks at about -6 dBFS; a path that loses half of it, or plays it at the wrong speed, is broken.
AUDIBLE_DBFS = -12.0
SILENT_DBFS = -40.0


def account(user: str, server: str, transport: str = "udp", extra: str = "", codec: str = "PCMU") -> str:
    """Return a line for baresip's accounts file: the domain names no machine, so the server is its outbound proxy."""
    return (
        f"<sip:{user}@{DOMAIN};transport={transport}>;auth_user={user};auth_pass={PASSWORD};regint=60"
        f';audio_codecs={codec};outbound="sip:{server};transport={transport}"{extra}'
    )


def talk(caller: Baresip, callee: Baresip, target: str) -> None:
    """Let `caller` dial `target`, wait until both have heard `TALK_S` of audio, hang up, and check both recordings.

    Each must hear the other's tone, loud, and nothing of its own.
    """
    caller.dial(target)
    for phone in (caller, callee):
        phone.until_event("CALL_ESTABLISHED")
    for phone in (caller, callee):
        phone.until_heard(TALK_S)
    caller.command("hangup")
    callee.until_event("CALL_CLOSED")
    for phone, own_hz, other_hz in (
        (caller, caller.tone_hz, callee.tone_hz),
        (callee, callee.tone_hz, caller.tone_hz),
    ):
        phone.stop()
        heard, echo = recorded_level_dbfs(phone.heard, other_hz), recorded_level_dbfs(phone.heard, own_hz)
        assert heard > AUDIBLE_DBFS, f"{phone.folder.name} hears {other_hz} Hz at {heard:.1f} dBFS only\n{phone.tail()}"
        assert echo < SILENT_DBFS, f"{phone.folder.name} hears its own tone at {echo:.1f} dBFS\n{phone.tail()}"
