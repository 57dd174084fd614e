"""What comes out of an RTP session: packets to send, and what happened (RFC 3550 s.6, RFC 3611).

Must not know how either came about.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from voxlab.media.batch import PacketBatch
from voxlab.media.rtcp import Application, ReportBlock
from voxlab.media.rtcp_xr import VoipMetrics


class TransmitRtp(NamedTuple):
    """Output: send this packet to the peer's RTP address."""

    data: bytes


class TransmitRtcp(NamedTuple):
    """Output: send this compound packet to the peer's RTCP address."""

    data: bytes


class TransmitBatch(NamedTuple):
    """Output: these packets were due since the last tick; their times are in ``batch.time_ns``."""

    batch: PacketBatch


class StreamStarted(NamedTuple):
    """Event: the first packet of a source came."""

    time_s: float
    ssrc: int
    codec: str


class StreamEnded(NamedTuple):
    """Event: a source said goodbye."""

    time_s: float
    ssrc: int
    reason: str


class SourceFinished(NamedTuple):
    """Event: the source that was playing has been sent to its end; silence follows."""

    time_s: float


class ReportArrived(NamedTuple):
    """Event: the peer ``reporter`` says how it receives us.

    The round trip is None until one of our SRs has been answered.
    """

    time_s: float
    reporter: int
    report: ReportBlock
    round_trip_s: float | None


class MetricsArrived(NamedTuple):
    """Event: the peer ``reporter`` says how it hears us (RFC 3611 s.4.7)."""

    time_s: float
    reporter: int
    metrics: VoipMetrics


class ApplicationArrived(NamedTuple):
    """Event: an APP packet came (RFC 3550 s.6.7); what it means is for who sent it."""

    time_s: float
    packet: Application


class SsrcChanged(NamedTuple):
    """Event: somebody else uses our SSRC, so we said goodbye and go on under another (RFC 3550 s.8.2)."""

    time_s: float
    before: int
    after: int


Output: TypeAlias = (
    TransmitRtp
    | TransmitRtcp
    | TransmitBatch
    | StreamStarted
    | StreamEnded
    | SourceFinished
    | ReportArrived
    | MetricsArrived
    | ApplicationArrived
    | SsrcChanged
)
