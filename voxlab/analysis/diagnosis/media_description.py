"""Descriptions that do not fit: codecs, packet times, missing offers and answers, ways to hold (RFC 3264, RFC 8866)."""

from __future__ import annotations

from collections.abc import Iterator

from voxlab.analysis.diagnosis.case import Case, Step
from voxlab.analysis.diagnosis.finding import Certainty, Finding
from voxlab.analysis.diagnosis.refusals import came_to_terms, refusals
from voxlab.base.records import StreamMeasured
from voxlab.sip.sdp import Codec, SessionDescription

_PACKET_TIMES_MS = (10, 20, 30, 40, 60)
_ENOUGH_PACKETS = 25
_NOWHERE = frozenset({"0.0.0.0", "::"})
_SRTP = "SAVP"


def _audio(description: SessionDescription | None) -> tuple[Codec, ...]:
    """Return the voice codecs of the first stream."""
    if description is None or not description.media:
        return ()
    return tuple(c for c in description.media[0].codecs() if c.encoding.lower() not in {"telephone-event", "cn"})


def _names(codecs: tuple[Codec, ...]) -> str:
    return ", ".join(dict.fromkeys(codec.encoding for codec in codecs)) or "nothing"


def codec_mismatch(case: Case) -> Iterator[Finding]:
    """Find an offer that is refused because there is no codec that both speak."""
    for refusal in refusals(case, 488, 606, 415):
        offer = refusal.asked.sdp
        if offer is None or refusal.why or any(_SRTP in media.protocol for media in offer.media):
            continue
        offered = _audio(offer)
        known = _spoken_by(case, refusal.answer.sender)
        both = {codec.encoding.lower() for codec in offered} & {codec.encoding.lower() for codec in known}
        if both or came_to_terms(case, refusal.answer):
            continue
        yield Finding(
            "VX-CODEC-MISMATCH",
            Certainty.CERTAIN if known or refusal.answer.has("Warning") else Certainty.LIKELY,
            f"{refusal.answer.sender} speaks none of the codecs offered, {_names(offered)}"
            + (f"; elsewhere it speaks {_names(known)}" if known else ""),
            "RFC 3264 s.6, RFC 3261 s.21.4.26, s.21.6.4",
            f"offer one that it speaks: phone(codecs=[{', '.join(repr(c.encoding) for c in known) or '...'}])",
            (refusal.asked.shows("m="), refusal.answer.shows("Warning")),
        )
        return


def _spoken_by(case: Case, sender: str) -> tuple[Codec, ...]:
    """Return what a host has said to speak, in its last description outside the call."""
    told = [step.sdp for step in case.other_messages("INVITE") if step.sender == sender and step.sdp is not None]
    return _audio(told[-1]) if told else ()


def ptime_ignored(case: Case) -> Iterator[Finding]:
    """Find a stream whose packets hold another time than its receiver asked for."""
    asked = _packet_times(case)
    for stream in case.streams:
        step, wanted_ms = asked.get((stream.dst.host, stream.dst.port), (None, 0))
        held_ms = _held_ms(stream)
        if step is None or held_ms in (0, wanted_ms):
            continue
        yield Finding(
            "VX-PTIME-IGNORED",
            Certainty.CERTAIN,
            f"{case.name_of(stream.src)} sends {held_ms} ms of sound in a packet, {step.sender} asked for "
            f"{wanted_ms} ms",
            "RFC 8866 s.6.4",
            "take what comes, a=ptime is a wish; else let the sender follow it",
            (step.shows("a=ptime"),),
            (f"{stream.packets} packets in {stream.duration_s:.2f} s from {stream.src}",),
        )
        return


def _packet_times(case: Case) -> dict[tuple[str, int], tuple[Step, int]]:
    found = {}
    for step in case.steps:
        description = step.sdp
        for media in description.media if description is not None else ():
            where = description.rtp_address(media) if description is not None else None
            text = next((each.partition(":")[2] for each in media.attributes if each.startswith("ptime:")), "")
            if where is not None and text.isascii() and text.isdigit():
                found[where] = (step, int(text))
    return found


def _held_ms(stream: StreamMeasured) -> int:
    """Return the time in each packet of a stream that never paused, 0 where it cannot be told."""
    count = stream.packets + stream.lost - 1
    if count < _ENOUGH_PACKETS:
        return 0
    mean_ms = stream.duration_s * 1000 / count
    if stream.max_delta_ms > 1.5 * mean_ms:
        return 0  # it paused, as on hold
    return next((each for each in _PACKET_TIMES_MS if abs(mean_ms - each) < 0.05 * each), 0)


def asymmetric(case: Case) -> Iterator[Finding]:
    """Find a codec that has another payload type in the answer than in the offer."""
    for answer in case.responses("INVITE", 180, 299):
        asked = case.asked(answer)
        if asked is None or asked.sdp is None or answer.sdp is None or not asked.sdp.media or not answer.sdp.media:
            continue
        offered = {(c.encoding.lower(), c.clock_rate_hz): c for c in asked.sdp.media[0].codecs()}
        for codec in answer.sdp.media[0].codecs():
            before = offered.get((codec.encoding.lower(), codec.clock_rate_hz))
            if before is None or before.payload_type == codec.payload_type:
                continue
            yield Finding(
                "VX-PT-ASYMMETRIC",
                Certainty.POSSIBLE,
                f"{codec.encoding} is {before.payload_type} in the offer and {codec.payload_type} in the answer of "
                f"{answer.sender}: allowed, and some devices understand only one number for both directions",
                "RFC 3264 s.5.1, s.6.1",
                "send with the number of the other side's description; answer with the number that was offered",
                (asked.shows("m="), answer.shows("m=")),
            )
            return


def offerless_refused(case: Case) -> Iterator[Finding]:
    """Find an INVITE without an offer that is refused."""
    for refusal in refusals(case, 400, 406, 415, 488, 606):
        request = refusal.asked.request
        if request is None or request.body or refusal.why:
            continue
        yield Finding(
            "VX-OFFERLESS-REFUSED",
            Certainty.LIKELY,
            f"{refusal.answer.sender} wants an offer in the INVITE, and this one has none",
            "RFC 3261 s.13.2.1",
            "offer in the INVITE: phone(delayed_offer=False)",
            (refusal.asked.shows(), refusal.answer.shows()),
        )


def answer_missing(case: Case) -> Iterator[Finding]:
    """Find an offer in a 200 whose ACK brings no answer."""
    for ack in case.requests("ACK"):
        answer = next((step for step in case.responses("INVITE", 200, 299, leg=ack.leg) if _same(step, ack)), None)
        asked = None if answer is None else case.asked(answer)
        if answer is None or asked is None or asked.request is None or ack.request is None:
            continue
        if answer.sdp is None or asked.request.body or ack.request.body or _answered_early(case, answer):
            continue
        yield Finding(
            "VX-ANSWER-MISSING",
            Certainty.CERTAIN,
            f"{answer.sender} offers in its 200, and the ACK of {ack.sender} brings no answer: nobody knows where to "
            "send, nothing is heard",
            "RFC 3261 s.13.2.1, s.13.2.2.4",
            "put the answer into the ACK; or offer in the INVITE: phone(delayed_offer=False)",
            (asked.shows(), answer.shows("m="), ack.shows()),
        )
        return


def _same(answer: Step, ack: Step) -> bool:
    """Whether an ACK is that of a 2xx: CSeq counts each side's own requests."""
    return answer.entry.cseq == ack.entry.cseq and answer.entry.from_uri == ack.entry.from_uri


def _answered_early(case: Case, answer: Step) -> bool:
    return any(step.sdp is not None for step in case.requests("PRACK", leg=answer.leg))


def same_version(case: Case) -> Iterator[Finding]:
    """Find a description that changes while its o= line says that nothing has changed."""
    before: dict[tuple[str, str], Step] = {}
    for step in case.steps:
        description = step.sdp
        if description is None or step.entry.retransmission:
            continue
        key = (step.leg, str(description.origin))
        first = before.setdefault(key, step)
        if _told(first.sdp) == _told(description):
            continue
        yield Finding(
            "VX-SDP-VERSION",
            Certainty.CERTAIN,
            f"{step.sender} describes something else and repeats its o= line: who reads the version takes it for a "
            "mere refresh, and nothing changes",
            "RFC 3264 s.8",
            "count the version in o= up with every change",
            (first.shows("o="), step.shows("o=")),
        )
        return


def _told(description: SessionDescription | None) -> tuple[object, ...]:
    if description is None:
        return ()
    media = [(m.type, m.port, m.formats, description.direction_of(m)) for m in description.media]
    where = [description.connection_of(m) for m in description.media]
    return (*media, *where)


def holds(case: Case) -> Iterator[Finding]:
    """Find the odd ways to say hold: address 0.0.0.0, a=inactive, port 0."""
    for step in case.requests("INVITE", "UPDATE"):
        description = step.sdp
        if description is None or step.request is None or not step.request.to_tag or not description.media:
            continue
        media = description.media[0]
        connection = description.connection_of(media)
        if media.port == 0:
            yield _port_zero(case, step)
        elif connection is not None and connection.address in _NOWHERE:
            yield _hold_by_zero(step)
        elif description.direction_of(media) == "inactive" and _was_heard(case, step):
            yield _hold_inactive(step)


def _port_zero(case: Case, step: Step) -> Finding:
    answer = case.final_answer(step)
    became = f"; {answer.sender} says {answer.status}" if answer is not None else ""
    return Finding(
        "VX-PORT-ZERO",
        Certainty.CERTAIN,
        f"{step.sender} offers its stream with port 0, which ends it and is no hold{became}",
        "RFC 3264 s.8.2, s.8.4",
        "say a=sendonly and keep the port",
        (step.shows("m="), *((answer.shows(),) if answer is not None else ())),
    )


def _hold_by_zero(step: Step) -> Finding:
    return Finding(
        "VX-HOLD-BY-ZERO",
        Certainty.CERTAIN,
        f"{step.sender} says hold in the manner of RFC 2543, with the address 0.0.0.0: not even RTCP gets there, and "
        "whoever takes it for an address sends into nowhere",
        "RFC 3264 s.8.4",
        "say a=sendonly; understand both",
        (step.shows("c="),),
    )


def _hold_inactive(step: Step) -> Finding:
    return Finding(
        "VX-HOLD-INACTIVE",
        Certainty.CERTAIN,
        f"{step.sender} says hold with a=inactive: it may send nothing itself, so there is no music on hold",
        "RFC 3264 s.8.4",
        "say a=sendonly, so that the far end may be sent music",
        (step.shows("a=inactive"),),
    )


def _was_heard(case: Case, step: Step) -> bool:
    """Whether the other side wanted both directions in what it said last: else inactive is what two holds make."""
    last = None
    for other in case.steps:
        if other.number >= step.number:
            break
        if other.leg == step.leg and other.sdp is not None and other.sender == step.receiver:
            last = other.sdp
    return last is not None and bool(last.media) and last.direction_of(last.media[0]) == "sendrecv"


RULES = (codec_mismatch, ptime_ignored, asymmetric, offerless_refused, answer_missing, same_version, holds)
