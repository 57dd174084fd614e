"""What the journal remembers: typed records with primitive fields, so that anything above can read them and nothing
above is needed to.

Covers no RFC; must not know how its readers draw, count or judge. Arrays appear only in ``RtpBlock``, whose packets
come by the thousand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from voxlab.base.datagram import Address

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DELIVERED, LOST, REFUSED = 0, 1, 2
"""Outcomes of a datagram: it arrived, the network lost it, nobody took it."""

SIMULATED_EPOCH_S = 1_767_225_600.0
"""Second 0 of every simulated lab is 2026-01-01T00:00:00Z."""


class WireRecord(NamedTuple):
    """A SIP message on a wire; ``number`` counts from 1 in order of recording and stays the message's own when others
    are evicted.
    """

    number: int
    time_s: float
    transport: str
    src: Address
    dst: Address
    data: bytes
    outcome: int = DELIVERED


class TransactionRecord(NamedTuple):
    """A transaction was made: ``number`` is the host's own count, ``machine`` names the table that it follows."""

    time_s: float
    host: str
    number: int
    machine: str
    method: str
    call_id: str
    branch: str


class TransitionRecord(NamedTuple):
    """A transaction took a step: in came ``input``, and ``state`` is where it now stands."""

    time_s: float
    host: str
    number: int
    machine: str
    input: str
    state: str


@dataclass(frozen=True, eq=False, slots=True)
class RtpBlock:
    """Packets of one RTP stream as columns of equal length ``n`` (RFC 3550 s.5.1); the arrays belong to the journal
    once handed over.

    Attributes
    ----------
    src, dst : Address
        Where the packets come from and go to.
    ssrc : int
        Synchronisation source, 32 bits.
    time_s : float64[n]
        Seconds since the start of the lab, when each packet arrived, ascending; of what did not arrive, when it was
        sent.
    sequence : uint16[n]
        Sequence numbers as on the wire.
    timestamp : uint32[n]
        Media clock as on the wire.
    payload_type : uint8[n]
        Payload types, the marker bit in the highest bit as on the wire.
    size_bytes : uint16[n]
        Bytes of payload behind the header.
    outcome : uint8[n]
        DELIVERED, LOST or REFUSED.
    payload : bytes or None
        The payloads one after the other, if they are kept.
    call_id : str
        The Call-ID of the leg that the stream belongs to, "" if unknown.
    """

    src: Address
    dst: Address
    ssrc: int
    time_s: NDArray[np.float64]
    sequence: NDArray[np.uint16]
    timestamp: NDArray[np.uint32]
    payload_type: NDArray[np.uint8]
    size_bytes: NDArray[np.uint16]
    outcome: NDArray[np.uint8]
    payload: bytes | None = None
    call_id: str = ""

    def __len__(self) -> int:
        return len(self.time_s)


class RtcpRecord(NamedTuple):
    """A compound RTCP packet on a wire (RFC 3550 s.6)."""

    time_s: float
    src: Address
    dst: Address
    data: bytes
    outcome: int = DELIVERED
    call_id: str = ""


class SessionOpened(NamedTuple):
    """A call came to the cloud and a rule gave it to a scenario; ``session`` is the call's number in the history."""

    time_s: float
    session: int
    application: str
    rule: str
    scenario: str
    caller: str = ""
    destination: str = ""


class SessionEnded(NamedTuple):
    """A session is over; ``finish_reason`` in the words of the history, such as "Normal termination"."""

    time_s: float
    session: int
    finish_reason: str


class CallRouted(NamedTuple):
    """A call came to the cloud and a rule passed it on without a script: it is one dialog from end to end."""

    time_s: float
    call_id: str
    application: str
    rule: str
    route: str
    caller: str = ""
    destination: str = ""


class RoutedCallEnded(NamedTuple):
    """A call that a rule passed on is over: with which status, in which words of the history, and by whom."""

    time_s: float
    call_id: str
    status: int
    reason: str
    by: str = ""


class RoutedCallAnswered(NamedTuple):
    """A call that a rule passed on was answered."""

    time_s: float
    call_id: str


class LegOpened(NamedTuple):
    """A leg joined a session: ``leg`` is its letter, ``peer`` who is at the other end, ``incoming`` as the cloud sees
    it.
    """

    time_s: float
    session: int
    leg: str
    call_id: str
    host: str
    peer: str
    incoming: bool = False
    application: str = ""


class LegAnswered(NamedTuple):
    """A leg is connected: its 2xx was sent or received."""

    time_s: float
    session: int
    leg: str
    call_id: str


class LegEnded(NamedTuple):
    """A leg is over: by whom ("caller", "callee", "cloud" or a name) and with which status, 200 for a BYE in peace."""

    time_s: float
    session: int
    leg: str
    call_id: str
    status: int
    reason: str
    by: str = ""


class ScenarioLog(NamedTuple):
    """A line that a scenario printed."""

    time_s: float
    session: int
    text: str


class ScenarioFailed(NamedTuple):
    """A scenario raised: ``error`` is the last line of its ``traceback``."""

    time_s: float
    session: int
    error: str
    traceback: str


class MediaStarted(NamedTuple):
    """Offer and answer agreed and a host opened a stream: its two ends and what is spoken there."""

    time_s: float
    session: int
    leg: str
    call_id: str
    local: Address
    remote: Address
    codec: str
    payload_type: int
    clock_rate_hz: int = 8000


class StreamMeasured(NamedTuple):
    """What a receiver counted on one RTP stream when it ended (RFC 3550 s.6.4.1, A.8); counts are of packets, delays
    in milliseconds.

    ``mean_delay_ms`` is one way and None where the clocks of the ends cannot be compared; ``r`` and ``mos`` are None
    if not judged, and ``model`` says by which model (ITU-T G.107, G.107.1) and what of it is assumed; ``history`` is
    how it went second by second, packed by ``media.history``.
    """

    time_s: float
    src: Address
    dst: Address
    ssrc: int
    payload_type: int
    codec: str
    start_s: float
    duration_s: float
    packets: int
    lost: int
    late: int
    duplicates: int
    reordered: int
    mean_jitter_ms: float
    max_jitter_ms: float
    max_delta_ms: float
    mean_delay_ms: float | None = None
    burst_loss: float | None = None
    burst_ms: float | None = None
    gap_loss: float | None = None
    gap_ms: float | None = None
    r: float | None = None
    mos: float | None = None
    call_id: str = ""
    session: int = 0
    leg: str = ""
    history: bytes = b""
    model: str = ""


class RegistrationChanged(NamedTuple):
    """A binding of the location service came, was refreshed or went: ``state`` is "registered", "refreshed",
    "removed" or "expired".
    """

    time_s: float
    aor: str
    contact: str
    state: str
    expires_s: float = 0.0
    call_id: str = ""


class OurRegistrationChanged(NamedTuple):
    """A registration of ours elsewhere: ``state`` in the four words of the API, ``detail`` in those of its machine."""

    time_s: float
    account: str
    uri: str
    state: str
    code: int
    reason: str
    detail: str


class AuthenticationVerdict(NamedTuple):
    """A digest was judged: ``verdict`` is "accepted" or why not ("stale", "wrong response", "unknown user", ...)."""

    time_s: float
    host: str
    method: str
    username: str
    realm: str
    verdict: str
    call_id: str = ""


class MessageRefused(NamedTuple):
    """Bytes that came were no SIP message, or not one that could be used: what was wrong, and the status that it was
    answered with (0: none).
    """

    time_s: float
    host: str
    src: Address
    status: int
    reason: str
    rfc: str = ""


class CallsTurnedAway(NamedTuple):
    """Since ``since_s`` so many new calls were answered with ``status`` before they were read, all for one reason."""

    time_s: float
    host: str
    status: int
    calls: int
    since_s: float
    reason: str


class MediaBlocked(NamedTuple):
    """The border of a host's network keeps RTP out because it does not know where it comes from: one-way audio."""

    time_s: float
    host: str
    src: Address
    dst: Address
    call_id: str = ""


class NatDropped(NamedTuple):
    """A NAT let a packet not through: ``reason`` is "no binding", "binding died", "filtered", "no port" or
    "no hairpinning", ``why`` says it in words; ``call_id`` is "" for media.
    """

    time_s: float
    nat: str
    src: Address
    dst: Address
    reason: str
    why: str
    call_id: str = ""


class Fragmented(NamedTuple):
    """A datagram was too large for one packet of a link and travelled in fragments (RFC 791 s.2.3)."""

    time_s: float
    src: Address
    dst: Address
    size_bytes: int
    fragments: int
    arrived: bool
    call_id: str = ""


class NameLookup(NamedTuple):
    """What DNS said to a host that asked for a name: ``answer`` in words, ``failed`` when there was none to use."""

    time_s: float
    host: str
    kind: str
    name: str
    answer: str
    failed: bool


class FaultSwitched(NamedTuple):
    """A fault was switched on or off somewhere."""

    time_s: float
    place: str
    fault: str
    on: bool


Note = (
    RtcpRecord
    | SessionOpened
    | SessionEnded
    | CallRouted
    | RoutedCallAnswered
    | RoutedCallEnded
    | LegOpened
    | LegAnswered
    | LegEnded
    | ScenarioLog
    | ScenarioFailed
    | MediaStarted
    | StreamMeasured
    | RegistrationChanged
    | OurRegistrationChanged
    | AuthenticationVerdict
    | MessageRefused
    | CallsTurnedAway
    | MediaBlocked
    | NatDropped
    | Fragmented
    | NameLookup
    | FaultSwitched
)
"""Everything that ``Journal.note`` takes."""
