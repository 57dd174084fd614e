"""Between INVITE and 200: who plays the ringing tone, and what is lost of what is said (RFC 3960, RFC 3264 s.5.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from voxlab.analysis.diagnosis.case import Case, Step
from voxlab.analysis.diagnosis.finding import Certainty, Finding
from voxlab.base.datagram import Address
from voxlab.base.records import StreamMeasured
from voxlab.sip.sdp import SessionDescription

_CLIPPED_S = 0.2
_HEARD_S = 0.5
_SILENT_S = 0.3


class _Ringing(NamedTuple):
    """What one callee said before its final response."""

    asked: Step
    provisional: tuple[Step, ...]
    final: Step


def _ringings(case: Case) -> Iterator[_Ringing]:
    """Yield the responses of each callee to each INVITE outside a dialog, where they were said first."""
    seen: set[tuple[str, str | None]] = set()
    for final in case.responses("INVITE", 200):
        asked, response = case.asked(final), final.response
        if asked is None or response is None or final.entry.is_challenge:
            continue
        key = (final.leg, response.to_tag)
        if (asked.request is not None and asked.request.to_tag) or key in seen:
            continue
        seen.add(key)
        before = [step for step in case.answers(asked) if 100 < step.status < 200]
        yield _Ringing(asked, tuple(before), final)


def _media(description: SessionDescription | None) -> Address | None:
    where = description.rtp_address(description.media[0]) if description and description.media else None
    return None if where is None else Address(*where)


def _streams_from(case: Case, where: Address | None) -> list[StreamMeasured]:
    return [stream for stream in case.streams if where is not None and stream.src == where]


def no_ringback(case: Case) -> Iterator[Finding]:
    """Find 183 without a description and no 180: neither side plays a tone."""
    for ringing in _ringings(case):
        steps = ringing.provisional
        rang = any(step.status == 180 for step in case.responses("INVITE", 180, 180))
        if steps and not rang and all(step.status == 183 and step.sdp is None for step in steps):
            yield Finding(
                "VX-NO-RINGBACK",
                Certainty.LIKELY,
                f"the caller hears nothing while it rings: {steps[0].sender} sends 183 without a description, which "
                "brings no tone, and no 180, on which the phone would play its own",
                "RFC 3960 s.3.2, RFC 3261 s.13.3.1.1",
                f"let {steps[0].sender} send 180, or a description and a tone with its 183",
                (steps[0].shows(),),
            )


def _early(case: Case, ringing: _Ringing) -> list[StreamMeasured]:
    """Return the streams of the callee that began well before its 200."""
    found = _streams_from(case, _media(ringing.final.sdp))
    return [stream for stream in found if stream.start_s < ringing.final.time_s - _CLIPPED_S]


def early_media_silent(case: Case) -> Iterator[Finding]:
    """Find a 183 with a description and no RTP behind it: the phone plays no tone of its own, and none comes."""
    for ringing in _ringings(case):
        described = next((step for step in ringing.provisional if step.sdp is not None), None)
        where = _media(described.sdp) if described is not None else None
        if ringing.asked.sdp is None:
            continue  # the callee does not know yet where to send
        if described is None or where is None or ringing.final.time_s - described.time_s < _SILENT_S:
            continue
        heard = any(stream.start_s < ringing.final.time_s for stream in _streams_from(case, where))
        if (
            heard
            or not any(stream.dst == where for stream in case.streams)
            or described.sender != _origin(case, described)
        ):
            continue  # without any RTP on record nothing can be said
        yield Finding(
            "VX-EARLY-MEDIA-SILENT",
            Certainty.LIKELY,
            f"{described.sender} announces early media and sends none for "
            f"{ringing.final.time_s - described.time_s:.1f} s: the caller hears neither it nor a tone of its own",
            "RFC 3960 s.3.2",
            f"let {described.sender} send a tone, or 180 without a description; play a local tone until RTP comes",
            (described.shows("m="), ringing.final.shows()),
        )


def _origin(case: Case, step: Step) -> str:
    """Return who said such a thing last along the call: the innermost leg."""
    told = [other for other in case.steps if other.status == step.status and other.sdp is not None]
    return told[0].sender if told else step.sender


def early_media_dropped(case: Case) -> Iterator[Finding]:
    """Find a description before the answer that whoever got it did not pass on to the caller."""
    for step in case.responses("INVITE", 101, 199):
        if step.sdp is None or step.entry.retransmission:
            continue
        passed = [s for s in case.responses("INVITE", 101) if s.sender == step.receiver and s.number > step.number]
        before = [each for each in passed if each.status < 200]
        if not passed or any(each.sdp is not None for each in before) or passed[0].status >= 300:
            continue
        yield Finding(
            "VX-EARLY-MEDIA-DROPPED",
            Certainty.LIKELY,
            f"{step.sender} describes early media, and {step.receiver} does not pass that on: what is said before the "
            "200 is heard by nobody",
            "RFC 3960 s.2, RFC 3261 s.16.7",
            f"let {step.receiver} pass the {step.status} on with its description; a script: call.start_early_media()",
            (step.shows("m="), passed[0].shows()),
            covers=("VX-NO-RINGBACK", "VX-EARLY-MEDIA-SILENT"),
        )
        return


def answer_changed(case: Case) -> Iterator[Finding]:
    """Find a 200 that describes other media than the provisional response of the same callee did."""
    for ringing in _ringings(case):
        early = next((step for step in ringing.provisional if step.sdp is not None), None)
        final = ringing.final
        if early is None or early.response is None or final.response is None or final.status >= 300:
            continue
        same = early.response.to_tag == final.response.to_tag and early.sender == final.sender
        if not same or final.sdp is None or _essence(early.sdp) == _essence(final.sdp):
            continue
        if any(step.sdp is not None for step in case.requests("UPDATE", "PRACK", leg=final.leg)):
            continue
        yield Finding(
            "VX-ANSWER-CHANGED",
            Certainty.CERTAIN,
            f"{final.sender} answers one offer twice: the 200 describes other media than the {early.status} before",
            "RFC 3261 s.13.2.1",
            "repeat the first answer in the 200; change it by UPDATE or re-INVITE",
            (early.shows("m="), final.shows("m=")),
        )
        return


def _essence(description: SessionDescription | None) -> tuple[object, ...]:
    if description is None:
        return ()
    return tuple((media.port, media.formats, description.direction_of(media)) for media in description.media)


def clipped(case: Case) -> Iterator[Finding]:
    """Find speech before the 200 that no provisional response describes: it is thrown away."""
    for ringing in _ringings(case):
        early = _early(case, ringing)
        if ringing.final.status >= 300 or any(step.sdp is not None for step in ringing.provisional) or not early:
            continue
        lead_s = ringing.final.time_s - early[0].start_s
        yield Finding(
            "VX-MEDIA-CLIPPED",
            Certainty.CERTAIN,
            f"{ringing.final.sender} speaks {lead_s:.1f} s before its 200 comes, and nothing announced it: the first "
            "words are lost wherever media is opened by the 200",
            "RFC 3264 s.5.1, RFC 3960 s.2",
            "be ready to hear once the offer is out; let the callee describe early media in a 183",
            (ringing.final.shows(),),
            (f"RTP from {early[0].src} begins at {early[0].start_s:.3f} s, the 200 at {ringing.final.time_s:.3f} s",),
        )
        return


def announcement(case: Case) -> Iterator[Finding]:
    """Find a call that failed after it was told why in early media: it was never answered, so it is not billed."""
    for ringing in _ringings(case):
        described = next((step for step in ringing.provisional if step.sdp is not None), None)
        if described is None or ringing.final.status < 400 or ringing.final.status == 487:
            continue
        heard = [s for s in _streams_from(case, _media(described.sdp)) if s.duration_s >= _HEARD_S]
        if not heard:
            continue
        yield Finding(
            "VX-ANNOUNCEMENT",
            Certainty.CERTAIN,
            f"{described.sender} says why in early media, {heard[0].duration_s:.1f} s long, and fails the call with "
            f"{ringing.final.status} then: nothing was answered, nothing is billed",
            "RFC 3960 s.2",
            "listen to it: call.audio(); whoever passes the call on has to pass early media on, too",
            (described.shows("m="), ringing.final.shows("Reason")),
            (f"{heard[0].packets} packets of {heard[0].codec} from {heard[0].src} before the {ringing.final.status}",),
            ("VX-NUMBER-FORMAT",),
        )
        return


RULES = (no_ringback, early_media_silent, early_media_dropped, answer_changed, clipped, announcement)
