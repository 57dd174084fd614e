"""The events of a leg as a scenario sees them; ``Event.name`` is the reference platform's string for each.

Values only; must not know SIP messages: a scenario reads fields, never headers it did not ask for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from voxlab.scenario.leg import Leg


@dataclass(frozen=True, slots=True)
class CallEvent:
    """Something happened to ``call``, a leg."""

    name: ClassVar[str] = "Call"
    call: Leg = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ringing(CallEvent):
    """The far end rings (180)."""

    name: ClassVar[str] = "Call.Ringing"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AudioStarted(CallEvent):
    """The far end sends audio before it answers (a provisional response with SDP)."""

    name: ClassVar[str] = "Call.AudioStarted"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Connected(CallEvent):
    """The leg stands; ``headers`` are the X- headers of the answer."""

    name: ClassVar[str] = "Call.Connected"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failed(CallEvent):
    """The leg was never answered: ``code`` is the SIP status, 408 where nobody answered in time."""

    name: ClassVar[str] = "Call.Failed"
    code: int = 0
    reason: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Disconnected(CallEvent):
    """A leg that stood is over; ``duration_s`` counts from the answer."""

    name: ClassVar[str] = "Call.Disconnected"
    reason: str = ""
    duration_s: float = 0.0
    by_peer: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MessageReceived(CallEvent):
    """A MESSAGE arrived inside the call (RFC 3428)."""

    name: ClassVar[str] = "Call.MessageReceived"
    text: str = ""


@dataclass(frozen=True, slots=True)
class InfoReceived(CallEvent):
    """An INFO arrived inside the call (RFC 6086)."""

    name: ClassVar[str] = "Call.InfoReceived"
    mime_type: str = ""
    body: str = ""


@dataclass(frozen=True, slots=True)
class ReInviteReceived(CallEvent):
    """The far end offered the media anew (hold, another address); the cloud has answered for its own leg."""

    name: ClassVar[str] = "Call.ReInviteReceived"
    mime_type: str = "application/sdp"
    body: str = ""


@dataclass(frozen=True, slots=True)
class StateChanged(CallEvent):
    """The leg went from one of ALERTING, PROGRESSING, CONNECTED, TERMINATED to another."""

    name: ClassVar[str] = "Call.StateChanged"
    old_state: str = ""
    new_state: str = ""
