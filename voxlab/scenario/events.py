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
    """The far end offered the media anew: hold, another address, another codec; a bridge passes it on."""

    name: ClassVar[str] = "Call.ReInviteReceived"
    mime_type: str = "application/sdp"
    body: str = ""


@dataclass(frozen=True, slots=True)
class ReInviteAccepted(CallEvent):
    """The far end accepted what we offered anew; ``body`` is its answer."""

    name: ClassVar[str] = "Call.ReInviteAccepted"
    mime_type: str = "application/sdp"
    body: str = ""


@dataclass(frozen=True, slots=True)
class ReInviteRejected(CallEvent):
    """The far end refused what we offered anew; the call goes on as it was."""

    name: ClassVar[str] = "Call.ReInviteRejected"
    code: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class OnHold(CallEvent):
    """The far end put us on hold (RFC 3264 s.8.4)."""

    name: ClassVar[str] = "Call.OnHold"


@dataclass(frozen=True, slots=True)
class OffHold(CallEvent):
    """The far end took us back."""

    name: ClassVar[str] = "Call.OffHold"


@dataclass(frozen=True, slots=True)
class BlindTransferRequested(CallEvent):
    """The far end wants the other party to be connected to ``transfer_to`` (RFC 3515).

    With a handler the scenario decides, and says how it went: ``notify_blind_transfer_success()`` or
    ``notify_blind_transfer_failed(code, reason)``. Without one a bridge carries the transfer out.
    """

    name: ClassVar[str] = "Call.BlindTransferRequested"
    transfer_to: str = ""


@dataclass(frozen=True, slots=True)
class TransferComplete(CallEvent):
    """A transfer has come to its end; ``role`` is what this leg was in it: transferor, transferee or target."""

    name: ClassVar[str] = "Call.TransferComplete"
    role: str = ""


@dataclass(frozen=True, slots=True)
class TransferFailed(CallEvent):
    """A transfer did not work; the call goes on as it was."""

    name: ClassVar[str] = "Call.TransferFailed"
    code: int = 0
    reason: str = ""
    role: str = ""


@dataclass(frozen=True, slots=True)
class StateChanged(CallEvent):
    """The leg went from one of ALERTING, PROGRESSING, CONNECTED, TERMINATED to another."""

    name: ClassVar[str] = "Call.StateChanged"
    old_state: str = ""
    new_state: str = ""


@dataclass(frozen=True, slots=True)
class AudioQualityDetected(CallEvent):
    """What the far end speaks is known, or has changed: ``quality`` is "HD" for a wideband codec, else "Standard"."""

    name: ClassVar[str] = "Call.AudioQualityDetected"
    quality: str = "Standard"
    codec: str = ""


@dataclass(frozen=True, slots=True)
class AudioQuality(CallEvent):
    """How the far end was heard in the cloud during the last ``quality_every_s`` lab seconds; not the reference's.

    Counts are of that interval; ``r`` and ``mos`` are None where nothing came, and ``model`` says by which model and
    what of it is assumed.
    """

    name: ClassVar[str] = "Call.AudioQuality"
    codec: str = ""
    packets: int = 0
    lost: int = 0
    late: int = 0
    jitter_ms: float = 0.0
    r: float | None = None
    mos: float | None = None
    model: str = ""

    @property
    def loss(self) -> float:
        """Lost as a fraction of what was due, 0 to 1."""
        due = self.packets + self.lost
        return self.lost / due if due > 0 else 0.0
