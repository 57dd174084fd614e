"""What is wrong with RTP streams and their reports (RFC 3550, RFC 3389)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from voxlab.analysis.diagnosis.case import Case
from voxlab.analysis.diagnosis.finding import Certainty, Finding
from voxlab.analysis.diagnosis.sent_packets import (
    EVENT,
    SentPackets,
    description_of,
    goodbyes,
    named,
    sent_packets,
)
from voxlab.base.records import RtcpRecord

_JUMP_S = 1.0
_REPORTS_AFTER_S = 11.0  # twice the interval of RFC 3550 s.6.2
_BURST_MS = 100.0
_LEAST_LOST = 5
_NOISE = 13


def new_source(case: Case) -> Iterator[Finding]:
    """Find one who goes on under another SSRC without saying goodbye; relays pass on what they get."""
    streams = sent_packets(case)
    by_way: dict[tuple[object, object], list[SentPackets]] = {}
    for stream in streams:
        if not _is_relayed(stream, streams):
            by_way.setdefault((stream.src, stream.dst), []).append(stream)
    for ways in by_way.values():
        for before, after in pairwise(ways):
            if before.ssrc not in goodbyes(case, before.src) and after.time_s[0] >= before.time_s[-1]:
                yield Finding(
                    "VX-RTP-SSRC",
                    Certainty.CERTAIN,
                    f"{case.name_of(after.src)} goes on as another source in the middle of the call, at "
                    f"{after.time_s[0]:.2f} s: the far end's jitter buffer begins anew",
                    "RFC 3550 s.5.1, s.8",
                    "keep one SSRC for the whole session, or say BYE by RTCP before it changes",
                    (),
                    (f"SSRC 0x{before.ssrc:08X}, then 0x{after.ssrc:08X}, and no RTCP BYE",),
                )


def _is_relayed(stream: SentPackets, streams: list[SentPackets]) -> bool:
    return any(each.dst.host == stream.src.host and each.ssrc == stream.ssrc for each in streams)


def clock(case: Case) -> Iterator[Finding]:
    """Find a media clock that jumps against the clock on the wall."""
    for stream in sent_packets(case):
        told = description_of(case, stream.dst, float(stream.time_s[-1]))
        rates = {each.payload_type: each.clock_rate_hz for each in told[1].codecs()} if told is not None else {}
        events = named(told[1], EVENT) if told is not None else {}
        sound = ~np.isin(stream.payload_type, [*events, _NOISE])
        kinds = set(stream.payload_type[sound].tolist())
        rate_hz = rates.get(kinds.pop()) if len(kinds) == 1 else None
        if rate_hz is None or int(sound.sum()) < 2:
            continue
        at_s = stream.time_s[sound]
        ticks = np.diff(stream.timestamp[sound]).astype(np.int64)
        media_s = ((ticks + (1 << 31)) % (1 << 32) - (1 << 31)) / rate_hz
        off_s = media_s - np.diff(at_s)
        for row in np.flatnonzero(np.abs(off_s) > _JUMP_S)[:1].tolist():
            yield Finding(
                "VX-RTP-CLOCK",
                Certainty.CERTAIN,
                f"the media clock of {case.name_of(stream.src)} jumps by {off_s[row]:+.1f} s at {at_s[row + 1]:.2f} s",
                "RFC 3550 s.5.1",
                "let the clock run on while nothing is sent: its packets say when they were spoken",
                (),
                (f"timestamps {stream.timestamp[sound][row]}, then {stream.timestamp[sound][row + 1]}",),
            )


def no_reports(case: Case) -> Iterator[Finding]:
    """Find one who talks and never reports, while others do."""
    reporters = {(record.src.host, record.call_id) for record in case.notes(RtcpRecord)}
    of_leg = {(block.src, block.ssrc): block.call_id for block in case.rtp_blocks}
    hosts = {host for host, _ in reporters}
    for stream in sent_packets(case):
        silent = (stream.src.host, of_leg[stream.src, stream.ssrc]) not in reporters
        if stream.duration_s > _REPORTS_AFTER_S and silent and hosts:
            yield Finding(
                "VX-RTCP-MISSING",
                Certainty.LIKELY,
                f"{case.name_of(stream.src)} talked for {stream.duration_s:.0f} s and sent no RTCP: nobody learns how "
                "the call sounds there",
                "RFC 3550 s.6.2, s.6.4.1",
                "send RTCP, and let the port after that of RTP through",
                (),
                (f"{stream.packets} packets to {case.name_of(stream.dst)}, no report",),
            )


def noise(case: Case) -> Iterator[Finding]:
    """Find comfort noise that its receiver never named."""
    for stream in sent_packets(case):
        told = description_of(case, stream.dst, float(stream.time_s[-1]))
        count = int((stream.payload_type == _NOISE).sum())
        if told is not None and count and str(_NOISE) not in told[1].formats:
            yield Finding(
                "VX-RTP-NOISE",
                Certainty.CERTAIN,
                f"{case.name_of(stream.src)} sends pauses as comfort noise, which {case.name_of(stream.dst)} never "
                "named: dead silence is heard",
                "RFC 3389 s.4, RFC 3551 s.4.1",
                "turn silence suppression off, or offer CN (payload type 13)",
                (told[0].shows("m=", "no 13"),),
                (f"{count} packets of type 13 among {stream.packets}",),
            )


def bursts(case: Case) -> Iterator[Finding]:
    """Find losses that come many in a row."""
    for stream in case.streams:
        burst_ms = stream.burst_ms or 0.0
        if stream.lost >= _LEAST_LOST and burst_ms >= _BURST_MS:
            yield Finding(
                "VX-RTP-BURST",
                Certainty.CERTAIN,
                f"{stream.lost} packets from {case.name_of(stream.src)} never came to {case.name_of(stream.dst)}, in "
                f"bursts of {burst_ms:.0f} ms: no concealment covers that",
                "RFC 3611 s.4.7.2",
                "give voice a queue of its own (DSCP EF); look at the link",
                (),
                (f"{stream.packets} packets came, MOS {stream.mos:.2f}" if stream.mos else f"{stream.packets} came",),
            )


RULES = (new_source, clock, no_reports, noise, bursts)
