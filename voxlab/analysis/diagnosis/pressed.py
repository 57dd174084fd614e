"""What is wrong with keys that were pressed in a call: telephone events, sound, INFO (RFC 4733, RFC 6086)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from voxlab.analysis.diagnosis.case import Case
from voxlab.analysis.diagnosis.finding import Certainty, Evidence, Finding
from voxlab.analysis.diagnosis.sent_packets import (
    EVENT,
    PressedKey,
    SentPackets,
    description_of,
    named,
    pressed_keys,
    sent_packets,
)

_OFF = 1.3  # a clock that is off by less is a clock
_LEAST_UPDATES = 3
_CLIENT_EVENTS = 17
_QUIET_S = 0.3


def unknown_type(case: Case) -> Iterator[Finding]:
    """Find events under a payload type that their receiver never named."""
    for stream in sent_packets(case):
        told = description_of(case, stream.dst, float(stream.time_s[-1]))
        if told is None:
            continue
        step, media = told
        rows = np.flatnonzero((stream.words >= 0) & (stream.words >> 24 < _CLIENT_EVENTS))
        types = {int(each) for each in stream.payload_type[rows]} - {
            int(each) for each in media.formats if each.isdigit()
        }
        right = named(media, EVENT)
        for payload_type in sorted(types):
            yield Finding(
                "VX-DTMF-TYPE",
                Certainty.CERTAIN,
                f"{case.name_of(stream.src)} sends keys under payload type {payload_type}, which "
                f"{case.name_of(stream.dst)} never named"
                + (f": it takes them under {', '.join(map(str, right))}" if right else ": it takes no events at all"),
                "RFC 3264 s.5.1, RFC 4733 s.2.5.1.1",
                "send events under the number of the far end's a=rtpmap",
                (step.shows("m=", "what the receiver takes"),),
                (_where(case, stream),),
            )


def keys(case: Case) -> Iterator[Finding]:
    """Find what is wrong with the packets of single keys."""
    for stream in sent_packets(case):
        told = description_of(case, stream.dst, float(stream.time_s[-1]))
        clocks = {number: each.clock_rate_hz for number, each in named(told[1], EVENT).items()} if told else {}
        pressed = list(pressed_keys(stream, clocks))
        evidence = () if told is None or not pressed else (told[0].shows("m="),)
        for before, key in zip([None, *pressed], pressed, strict=False):
            again = _again(before, key)
            if again is not None:
                yield _finding(
                    case,
                    stream,
                    key,
                    "VX-DTMF-DOUBLE",
                    f"the final packet of key {key.name} has another timestamp when repeated: it counts again",
                    "RFC 4733 s.2.2.1, s.2.5.1.4",
                    "repeat the final packet with the timestamp of the event's start",
                    evidence,
                )
                continue
            yield from _one(case, stream, key, clocks[key.payload_type], evidence)


def _again(before: PressedKey | None, key: PressedKey) -> PressedKey | None:
    """Return the key that this one only repeats: nothing but final packets, right behind its own."""
    same = before is not None and before.event == key.event and before.ends and not key.updates
    near = before is not None and key.times_s[0] - before.times_s[-1] < _QUIET_S
    return before if same and near else None


def _one(
    case: Case, stream: SentPackets, key: PressedKey, clock_rate_hz: int, evidence: tuple[Evidence, ...]
) -> Iterator[Finding]:
    rate_hz = _counted_hz(stream, key, clock_rate_hz)
    if rate_hz:
        yield _finding(
            case,
            stream,
            key,
            "VX-DTMF-CLOCK",
            f"the duration of key {key.name} is counted at some {rate_hz} Hz where {clock_rate_hz} were agreed on",
            "RFC 4733 s.2.1, s.2.3.5",
            "count events on the clock of the codec that they interrupt (RFC 7160)",
            evidence,
        )
    if not key.ends and stream.time_s[-1] - key.times_s[-1] > _QUIET_S:
        yield _finding(
            case,
            stream,
            key,
            "VX-DTMF-END",
            f"key {key.name} never ends: none of its final packets was sent or seen",
            "RFC 4733 s.2.5.1.4",
            "send the final packet three times",
            evidence,
        )
    first = key.durations[0] <= clock_rate_hz / 20  # not the later part of a long event
    if not key.marked and first and _whole(stream, key):
        yield _finding(
            case,
            stream,
            key,
            "VX-DTMF-MARKER",
            f"the first packet of key {key.name} has no marker bit: some receivers wait for it",
            "RFC 4733 s.2.2.2",
            "set the marker bit in the first packet of an event",
            evidence,
        )


def _counted_hz(stream: SentPackets, key: PressedKey, clock_rate_hz: int) -> int:
    """Return the clock that a key's duration is counted on, 0 if it is the one agreed on.

    Both the clock on the wall and the sound between the same number of packets have to say so: packets may be late, and
    updates need not come as often as sound.
    """
    if key.updates < _LEAST_UPDATES:
        return 0
    last = key.updates - 1
    ticks = float(key.durations[last] - key.durations[0])
    span_s = float(key.times_s[last] - key.times_s[0])
    packets = (int(stream.sequence[key.rows[last]]) - int(stream.sequence[key.rows[0]])) & 0xFFFF
    frames = np.diff(stream.timestamp[stream.words < 0])
    frame = float(np.median(frames)) if len(frames) else 0.0
    if not (span_s > 0 and packets and frame > 0):
        return 0
    by_wall, by_sound = ticks / span_s / clock_rate_hz, ticks / packets / frame
    if 1 / _OFF < by_wall < _OFF or 1 / _OFF < by_sound < _OFF:
        return 0
    return int(round(by_sound * clock_rate_hz, -2))


def _whole(stream: SentPackets, key: PressedKey) -> bool:
    """Whether the packet before a key's first is there."""
    return key.at > 0 and (int(stream.sequence[key.at]) - int(stream.sequence[key.at - 1])) & 0xFFFF == 1


def sound(case: Case) -> Iterator[Finding]:
    """Find keys in the sound of a stream whose receiver takes no events."""
    from voxlab.media.dtmf import detect

    for stream in sent_packets(case):
        told = description_of(case, stream.dst, float(stream.time_s[-1]))
        if told is None or named(told[1], EVENT):
            continue
        heard = detect(_samples(case, stream))
        if heard:
            yield Finding(
                "VX-DTMF-SOUND",
                Certainty.CERTAIN,
                f"keys {''.join(each.key for each in heard)} of {case.name_of(stream.src)} came as sound: "
                "telephone-event was not agreed on",
                "RFC 4733 s.2.4.1, s.2.5.1.1",
                "offer and answer telephone-event; codecs that are not G.711 spoil tones",
                (told[0].shows("m=", "no telephone-event"),),
                (_where(case, stream),),
            )


def _samples(case: Case, stream: SentPackets) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """Return the sound of a G.711 stream, as far as payloads were kept: packets one behind the other."""
    from voxlab.kernels.g711 import decode_alaw, decode_ulaw

    parts = []
    for block in case.rtp_blocks:
        kinds = set((block.payload_type & 0x7F).tolist())
        if (block.src, block.dst, block.ssrc) == (stream.src, stream.dst, stream.ssrc) and block.payload is not None:
            decode = {0: decode_ulaw, 8: decode_alaw}.get(kinds.pop()) if len(kinds) == 1 else None
            if decode is not None:
                parts.append(decode(np.frombuffer(block.payload, np.uint8)))
    return np.concatenate(parts) if parts else np.empty(0, np.int16)


def refused_info(case: Case) -> Iterator[Finding]:
    """Find keys told by INFO that the far end does not take."""
    for info in case.requests("INFO"):
        answer = case.final_answer(info)
        if answer is not None and answer.status >= 300 and info.value("content-type").startswith("application/dtmf"):
            yield Finding(
                "VX-DTMF-INFO",
                Certainty.CERTAIN,
                f"{answer.sender} takes no keys by INFO: {answer.status} {answer.entry.reason}",
                "RFC 6086 s.4.2.2",
                "send keys as telephone events (RFC 4733)",
                (info.shows("Content-Type"), answer.shows()),
            )


def _finding(
    case: Case,
    stream: SentPackets,
    key: PressedKey,
    id: str,  # noqa: A002 - the field's name
    text: str,
    rfc: str,
    cure: str,
    evidence: tuple[Evidence, ...],
) -> Finding:
    at_s = f"at {key.times_s[0]:.2f} s"
    return Finding(id, Certainty.CERTAIN, text, rfc, cure, evidence, (f"{_where(case, stream)}, {at_s}",))


def _where(case: Case, stream: SentPackets) -> str:
    return f"RTP from {case.name_of(stream.src)} to {case.name_of(stream.dst)}, SSRC 0x{stream.ssrc:08X}"


RULES = (unknown_type, keys, sound, refused_info)
